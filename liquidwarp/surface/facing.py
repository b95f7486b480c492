"""How squarely a surface looks at a camera."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.types import Camera


def vertex_facing(
    vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"], camera: Camera
) -> Float[Tensor, "B V"]:
    """Return how squarely each vertex looks at the camera: 1 facing, 0 edge-on, -1 away."""
    index = faces.long()
    a, b, c = (vertices[:, index[:, k]] for k in range(3))
    face_normal = torch.linalg.cross(b - a, c - a)
    normal = torch.zeros_like(vertices)
    for k in range(3):
        normal.index_add_(1, index[:, k], face_normal)
    eye = -camera.rotation.T @ camera.translation
    toward = camera.rotation[2].expand_as(vertices) if camera.orthographic else vertices - eye
    return -torch.nn.functional.cosine_similarity(normal, toward, dim=-1)
