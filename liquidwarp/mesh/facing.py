"""How squarely a surface looks at a camera."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.mesh.operations import vertex_normals
from liquidwarp.types import Camera


def vertex_facing(vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"], camera: Camera) -> Float[Tensor, "B V"]:
    """Return how squarely each vertex looks at the camera: 1 facing, 0 edge-on, -1 away."""
    return normals_facing(vertex_normals(vertices, faces), vertices, camera)


def normals_facing(
    normals: Float[Tensor, "B V 3"], vertices: Float[Tensor, "B V 3"], camera: Camera
) -> Float[Tensor, "B V"]:
    """Return `vertex_facing` of vertices whose normals are known."""
    return -torch.nn.functional.cosine_similarity(normals, camera.toward(vertices), dim=-1)
