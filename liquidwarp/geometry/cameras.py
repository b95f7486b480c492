"""Projection and camera placement."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.types import Camera

DEFAULT_FIELD_OF_VIEW = math.radians(40)
"""Field of view of the longer side when a picture says nothing about its lens."""


def default_camera(size: tuple[int, int]) -> Camera:
    """Return a pinhole camera for a picture whose lens is unknown (40 degrees along the longer side)."""
    return Camera.create(max(size) / 2 / math.tan(DEFAULT_FIELD_OF_VIEW / 2), size)


def project(camera: Camera, points: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Project world points to (x px, y px, camera Z).

    Convention: see `Camera`. Points at or behind a pinhole camera give huge or flipped coordinates; their Z <= 0 tells.
    """
    local = points @ camera.rotation.to(points).T + camera.translation.to(points)
    z = local[..., 2:]
    xy = local[..., :2]
    if not camera.orthographic:
        xy = xy / torch.where(z.abs() < 1e-9, torch.full_like(z, 1e-9), z)
    return torch.cat([xy * camera.focal.to(points) + camera.center.to(points), z], dim=-1)


def look_at_camera(
    camera: Camera, target: Float[Tensor, "3"], *, azimuth: float, elevation: float = 0.0, distance: float | None = None
) -> Camera:
    """Return `camera` moved on a sphere around `target`, with the same lens.

    Azimuth turns about the world's vertical (0 looks along +Z as the default camera does; positive walks towards +X,
    to the left-hand side of a person who faces the camera), elevation raises the camera up to straight above the
    target; both in radians. `distance` in metres, by default the distance from `camera` to `target`.

    Convention: see `Camera`; the target falls on `camera.center`.
    """
    if distance is None:
        eye = -camera.rotation.T @ camera.translation
        distance = float(torch.linalg.norm(target - eye))
    target = target.to(camera.rotation)
    toward = target.new_tensor(
        [
            -math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ]
    )
    right = target.new_tensor([math.cos(azimuth), 0.0, math.sin(azimuth)])  # level, and defined straight above too
    rotation = torch.stack([right, torch.linalg.cross(toward, right), toward])
    eye = target - distance * toward
    return replace(camera, rotation=rotation, translation=-rotation @ eye)


def view_normals(camera: Camera, normals: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Rotate world normals into camera axes; up to perspective, a surface faces the camera where the result's Z < 0."""
    return normals @ camera.rotation.to(normals).T
