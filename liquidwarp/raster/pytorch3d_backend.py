"""Optional rasteriser: PyTorch3D's, behind our conventions."""

import torch
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.geometry import project
from liquidwarp.raster import torch_backend
from liquidwarp.types import Camera, Fragments


def rasterize(vertices: Tensor, faces: Tensor, camera: Camera, near: float, cull: bool) -> Fragments:
    """Let PyTorch3D choose the face of each pixel and resolve weights and depth ourselves.

    Convention: PyTorch3D's screen has +X left and +Y up and puts -1 and 1 on the outer edges of the picture's
    *shorter* side; the conversion happens here and nowhere else. Its weights are left aside because they are divided
    by `area + 1e-8` and do not sum to one on small faces; its choice of face may differ from the other backends' for
    the same reason.

    Raises:
        InputError: PyTorch3D is not installed.
    """
    try:
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
        from pytorch3d.structures import Meshes
    except ImportError as error:
        raise InputError(
            "backend='pytorch3d' needs PyTorch3D, which is not installed (it has no wheels on PyPI: build it from "
            "https://github.com/facebookresearch/pytorch3d); or choose backend='auto'"
        ) from error
    screen = project(camera, vertices)
    height, width = camera.size
    half = min(height, width) / 2
    with torch.no_grad():
        x = (width / 2 - screen[..., 0]) / half
        y = (height / 2 - screen[..., 1]) / half
        points = torch.stack([x, y, screen[..., 2]], -1).float()
        drawn = torch.stack(
            [torch_backend.pixel_boxes(p[faces.long()], camera.size, near, cull)[1] for p in screen.double()]
        )
        kept = [faces.long()[row] for row in drawn]
        found = rasterize_meshes(
            Meshes(list(points), kept),
            image_size=(height, width),
            blur_radius=0.0,
            faces_per_pixel=1,
            bin_size=0 if vertices.device.type == "cpu" else None,
            perspective_correct=not camera.orthographic,
            cull_backfaces=False,
        )[0][..., 0]
        face_index = _original_faces(found, drawn)
    return Fragments(face_index, *torch_backend.resolve(screen, faces, face_index, camera.orthographic))


def _original_faces(found: Tensor, drawn: Tensor) -> Tensor:
    """Map PyTorch3D's face numbers, which count the drawn faces of the whole batch, to ours."""
    original = drawn.nonzero()[:, 1]
    hit = found >= 0
    return torch.where(hit, original[found.clamp(min=0)] if len(original) else found, -1).to(torch.int32)
