"""Projection and camera placement."""

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.types import Camera

DEFAULT_FIELD_OF_VIEW = math.radians(40)
"""Field of view of the longer side when a picture says nothing about its lens."""

NARROWEST, WIDEST = 2.0, 150.0
"""Degrees along the longer side that lenses have."""

_NEAR = 0.05  # metres: a body nearer than this is taken to be there, so that derivatives stay finite

_Length = TypeVar("_Length", float, np.ndarray, Tensor)


def default_camera(size: tuple[int, int], *, fov: float | None = None) -> Camera:
    """Return a level pinhole camera for a picture.

    Args:
        size: (height, width).
        fov: field of view along the longer side, degrees; by default that of a picture that says nothing of its lens.

    Raises:
        InputError: nobody has such a lens.
    """
    if fov is not None and not NARROWEST <= fov <= WIDEST:
        raise InputError(
            f"fov={fov:g} is no field of view; give degrees along the longer side, {NARROWEST:g} to {WIDEST:g}"
        )
    angle = DEFAULT_FIELD_OF_VIEW if fov is None else math.radians(fov)
    return Camera.create(max(size) / 2 / math.tan(angle / 2), size)


def with_lens(camera: Camera, lens: Camera) -> Camera:
    """Return a camera that stands where it stands and sees through another's lens."""
    return replace(camera, focal=lens.focal, center=lens.center)


def field_of_view(camera: Camera) -> float:
    """Return the field of view of a pinhole camera along its picture's longer side, in degrees."""
    longer = int(camera.size[1] >= camera.size[0])
    half = max(camera.size) / 2 / float(camera.focal[1 - longer])
    return 2 * math.degrees(math.atan(half))


def project(camera: Camera, points: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 3"]:
    """Project world points to (x px, y px, camera Z).

    Convention: see `Camera`. Points at or behind a pinhole camera give huge or flipped coordinates; their Z <= 0 tells.
    """
    local = camera.to_camera(points)
    return torch.cat([camera.to_pixels(local), local[..., 2:]], dim=-1)


def project_with_jacobian(
    camera: Camera, points: Float[Tensor, "*N 3"]
) -> tuple[Float[Tensor, "*N 2"], Float[Tensor, "*N 2 3"]]:
    """Project points in the axes of one camera to pixels, and return the derivative by the points.

    Convention: see `Camera`; its place in the world is left aside. Points nearer than 5 cm are taken to be there.
    """
    focal, center = camera.focal.to(points), camera.center.to(points)
    if camera.orthographic:
        slope = torch.cat([torch.diag(focal), torch.zeros_like(focal)[:, None]], dim=1)
        return points[..., :2] * focal + center, slope.expand(*points.shape[:-1], 2, 3)
    depth = points[..., 2:].clamp_min(_NEAR)
    flat = points[..., :2] / depth
    slope = torch.cat([torch.diag_embed(focal.expand_as(flat)), -(flat * focal)[..., None]], dim=-1) / depth[..., None]
    return flat * focal + center, slope


def length_in_pixels(camera: Camera, metres: float, depth: _Length) -> _Length:
    """Return how long something is in the picture of one camera, at camera Z `depth` (any if orthographic)."""
    pixels = float(camera.focal.mean()) * metres
    return pixels + 0 * depth if camera.orthographic else pixels / depth


def length_in_metres(camera: Camera, pixels: float, depth: _Length) -> _Length:
    """Return how long something is that measures `pixels` in the picture of one camera, at camera Z `depth`."""
    focal = float(camera.focal.mean())
    return pixels / focal + 0 * depth if camera.orthographic else pixels * depth / focal


def distance_of_length(camera: Camera, metres: float, pixels: _Length) -> _Length:
    """Return the camera Z at which something measures `pixels` in the picture of one pinhole camera."""
    return float(camera.focal.mean()) * metres / pixels


def look_at_camera(
    camera: Camera,
    target: Float[Tensor, "*#B 3"],
    *,
    azimuth: float | Float[Tensor, "*B"],
    elevation: float | Float[Tensor, "*B"] = 0.0,
    distance: float | Float[Tensor, "*B"] | None = None,
) -> Camera:
    """Return `camera` moved on a sphere around `target`, with the same lens.

    Azimuth turns about the world's vertical (0 looks along +Z as the default camera does; positive walks towards +X,
    to the left-hand side of a person who faces the camera), elevation raises the camera up to straight above the
    target; both in radians. `distance` in metres, by default the distance from `camera` to `target`. A batch of
    cameras, of targets or of angles gives a batch.

    Convention: see `Camera`; the target falls on `camera.center`.
    """
    eye = camera.eye
    target = target.to(eye)
    if distance is None:
        distance = torch.linalg.norm(target - eye, dim=-1)
    batch = torch.broadcast_shapes(
        camera.batch,
        target.shape[:-1],
        *(tuple(n.shape) for n in (azimuth, elevation, distance) if isinstance(n, Tensor)),
    )
    (sin_a, cos_a), (sin_e, cos_e) = (_sin_cos(angle, batch) for angle in (azimuth, elevation))
    toward = torch.stack([-sin_a * cos_e, sin_e, cos_a * cos_e], -1).to(eye)
    right = torch.stack([cos_a, torch.zeros_like(cos_a), sin_a], -1).to(eye)  # level, and defined straight above too
    rotation = torch.stack([right, torch.linalg.cross(toward, right), toward], -2)
    away = distance.to(eye)[..., None] if isinstance(distance, Tensor) else distance
    place = target - away * toward
    return replace(
        camera,
        focal=camera.focal.expand(*batch, 2),
        center=camera.center.expand(*batch, 2),
        rotation=rotation,
        translation=(-rotation @ place[..., None])[..., 0],
    )


def _sin_cos(angle: float | Tensor, batch: torch.Size) -> tuple[Tensor, Tensor]:
    """Return sine and cosine in float64, for a batch."""
    wide = torch.as_tensor(angle, dtype=torch.float64, device="cpu").expand(batch)
    return wide.sin(), wide.cos()


def orbit_camera(
    camera: Camera,
    pivot: Float[Tensor, "3"],
    *,
    azimuth: float | Float[Tensor, "*B"],
    elevation: float | Float[Tensor, "*B"] = 0.0,
) -> Camera:
    """Walk a camera around a point, about the world's vertical; the point stays where it is in the picture.

    Args:
        camera: one camera; `azimuth` and `elevation` 0 leave it where it is.
        pivot: the point, world metres.
        azimuth: radians, as in `look_at_camera`; several give a batch.
        elevation: radians.
    """
    turned = look_at_camera(camera, pivot, azimuth=azimuth, elevation=elevation)
    rotation = camera.rotation @ turned.rotation
    local = camera.to_camera(pivot)
    return replace(turned, rotation=rotation, translation=local - (rotation @ pivot[:, None])[..., 0])


def pose_to_camera(
    camera: Camera, rotations: Float[Tensor, "T 3 3"], places: Float[Tensor, "T 3"]
) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3"]]:
    """Bring rotations and places of bodies from the world into the axes of one camera."""
    return camera.rotation.to(rotations) @ rotations, camera.to_camera(places)


def pose_to_world(
    camera: Camera, rotations: Float[Tensor, "T 3 3"], places: Float[Tensor, "T 3"]
) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3"]]:
    """Bring rotations and places of bodies from the axes of one camera into the world; undoes `pose_to_camera`."""
    return camera.rotation.to(rotations).mT @ rotations, camera.to_world(places)


def same_view(one: Camera, other: Camera) -> bool:
    """Return whether two cameras see the same, at whatever resolution."""
    if one is other:
        return True
    here, there = (
        torch.cat([each.lens, each.rotation.flatten(), each.translation]) for each in (one, other.resized(one.size))
    )
    return torch.allclose(here, there, rtol=1e-4, atol=1e-3)
