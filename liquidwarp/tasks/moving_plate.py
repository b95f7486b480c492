"""A background's picture behind a camera that turns and zooms."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.geometry import normalize_pixels, pixel_centers
from liquidwarp.methods import Synthesis
from liquidwarp.tasks.target import Target
from liquidwarp.types import Camera


def turned_plate(plate: Float[Tensor, "3 H W"], taken: Camera, camera: Camera) -> Float[Tensor, "3 H W"]:
    """Return what another camera at the same place sees of a picture.

    Beyond its edges it goes on mirrored; below, where the floor is, as its edge.

    Args:
        plate: the picture.
        taken: the camera that took it.
        camera: the other; of the same size.
    """
    _, rays = camera.rays(pixel_centers(camera.size).to(plate))
    local = taken.turn_to_camera(rays)
    grid = normalize_pixels(taken.to_pixels(local), taken.size)
    across = (grid[..., 0] + 1).remainder(4)
    down = torch.where(grid[..., 1] < -1, -2 - grid[..., 1], grid[..., 1])
    grid = torch.stack([torch.where(across > 2, 4 - across, across) - 1, down], -1)
    grid = grid.view(1, *camera.size, 2).to(plate)
    return torch.nn.functional.grid_sample(plate[None], grid, padding_mode="border", align_corners=False)[0]


def before_plate(pictures: Iterable[Synthesis], plate: Float[Tensor, "3 H W"], target: Target) -> Iterator[Synthesis]:
    """Yield pictures that were made before a plate that stood, before one that turns with the target's cameras."""
    assert target.plate is not None
    for index, made in enumerate(pictures):
        moved = turned_plate(plate, target.plate, target.camera(index))
        image = made.image + (1 - made.alpha) * (moved - plate)
        yield replace(made, image=image.clamp(0, 1))
