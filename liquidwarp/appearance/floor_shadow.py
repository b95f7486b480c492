"""The soft shadow that feet throw where they stand: what keeps a person from floating above a floor."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance.light_tuning import SHADOW_TUNING, ShadowTuning
from liquidwarp.appearance.shade import Window
from liquidwarp.geometry import pixel_centers, project
from liquidwarp.types import Camera

_NEAREST = 0.1  # metres before the camera
_TINY = 1e-9


def floor_shadow(
    feet: Sequence[Float[Tensor, "P 3"]], floor: float, camera: Camera, *, tuning: ShadowTuning = SHADOW_TUNING
) -> tuple[Window, Float[Tensor, "h w"]] | None:
    """Return where and how much feet darken a level floor, 0 to 1; None where nothing of it is seen.

    Args:
        feet: vertices of each foot, in the world.
        floor: its Y in the world, which points down.
        camera: that looks.
        tuning: how dark, how wide, and how high feet may be.
    """
    standing = [foot for foot in feet if bool(foot[:, 1].amax() > floor - tuning.lifted)]
    if not standing:
        return None
    window = _window(torch.cat(standing), floor, camera, tuning)
    if window is None:
        return None
    rows, columns = window
    corner, size = (columns.start, rows.start), (rows.stop - rows.start, columns.stop - columns.start)
    near = camera.cropped(corner, size)
    points = pixel_centers(size, device=camera.eye.device).view(-1, 2)
    origin, along = near.rays(points)
    depth = (floor - origin[:, 1]) / along[:, 1].clamp(min=_TINY)
    on_floor = (along[:, 1] > _TINY) & (depth > 0)
    place = (origin + depth[:, None] * along)[:, ::2]
    left = torch.ones_like(depth)
    for foot in standing:
        height = floor - foot[:, 1].amax()
        touch = ((tuning.lifted - height) / (tuning.lifted - tuning.touching)).clamp(0, 1)
        away = _distance(place, foot[foot[:, 1] > foot[:, 1].amax() - tuning.sole][:, ::2])
        away = (away - tuning.width).clamp(min=0)
        dark = sum(part * torch.exp(-((away / reach) ** 2)) for part, reach in (tuning.near, tuning.far))
        left = left * (1 - touch * dark)
    return window, torch.where(on_floor, 1 - left, 0.0).view(size)


def _window(feet: Float[Tensor, "P 3"], floor: float, camera: Camera, tuning: ShadowTuning) -> Window | None:
    """Return the rectangle of the picture that shows the floor around feet."""
    low, high = feet.amin(0) - tuning.reach, feet.amax(0) + tuning.reach
    around = torch.stack([low, high])[[[0, 0], [0, 1], [1, 0], [1, 1]], [0, 2]]
    corners = torch.stack([around[:, 0], torch.full_like(around[:, 0], floor), around[:, 1]], -1)
    seen = project(camera, corners)
    height, width = camera.size
    xy = torch.where(seen[:, 2:] > _NEAREST, seen[:, :2], seen.new_tensor([width / 2, height]))
    bounds = torch.cat([xy.amin(0).floor(), xy.amax(0).ceil()]).clamp(
        xy.new_zeros(4), xy.new_tensor([width, height] * 2)
    )
    x0, y0, x1, y1 = (int(value) for value in bounds.tolist())
    return (slice(y0, y1), slice(x0, x1)) if x1 > x0 and y1 > y0 else None


def _distance(places: Float[Tensor, "N 2"], sole: Float[Tensor, "P 2"]) -> Float[Tensor, "N"]:
    """Return how far places are from the middle line of a sole."""
    middle = sole.mean(0)
    start = sole[(sole - middle).norm(dim=1).argmax()]
    end = sole[(sole - start).norm(dim=1).argmax()]
    axis = end - start
    along = ((places - start) @ axis / (axis @ axis).clamp(min=_TINY)).clamp(0, 1)
    return (places - start - along[:, None] * axis).norm(dim=1)
