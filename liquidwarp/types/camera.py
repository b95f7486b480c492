"""Cameras."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.devices import moved
from liquidwarp.errors import InputError

_NEAREST = 1e-9  # metres: Z that is divided by at least


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole or orthographic camera, or a batch of cameras of one size; a value, not a renderer.

    Convention:
        OpenCV axes: +X right, +Y down, +Z away from the camera; metres. `camera = rotation @ world + translation`.
        Pixels: origin at the top-left corner of the picture, first pixel centre at (0.5, 0.5).
        Perspective:  x = focal[0] * X / Z + center[0].
        Orthographic: x = focal[0] * X + center[0] (focal in pixels per metre).
        The first axes of what a batch of cameras is given are those of the batch: one set of points for each camera.

    Attributes:
        focal: horizontal and vertical focal length in pixels (pixels per metre if orthographic).
        center: principal point in pixels.
        size: (height, width) of the picture.
        rotation: world to camera.
        translation: world to camera, metres.
        orthographic: no perspective divide.
    """

    focal: Float[Tensor, "*B 2"]
    center: Float[Tensor, "*B 2"]
    size: tuple[int, int]
    rotation: Float[Tensor, "*B 3 3"]
    translation: Float[Tensor, "*B 3"]
    orthographic: bool = False

    @staticmethod
    def create(
        focal: float, size: tuple[int, int], center: tuple[float, float] | None = None, *, orthographic: bool = False
    ) -> "Camera":
        """Make a camera with square pixels at the world's origin; `center` is the picture's middle by default."""
        height, width = size
        middle = center if center is not None else (width / 2, height / 2)
        return Camera(
            torch.tensor([focal, focal], dtype=torch.float32),
            torch.tensor(middle, dtype=torch.float32),
            (int(height), int(width)),
            torch.eye(3, dtype=torch.float32),
            torch.zeros(3, dtype=torch.float32),
            orthographic,
        )

    @staticmethod
    def stack(cameras: Sequence["Camera"]) -> "Camera":
        """Make a batch of cameras.

        Raises:
            InputError: none are given, or they differ in size or in kind.
        """
        kinds = {(tuple(camera.size), camera.orthographic, camera.batch) for camera in cameras}
        if len(kinds) != 1:
            raise InputError(f"{len(cameras)} cameras of {len(kinds)} sizes and kinds; a batch is of one")
        return replace(
            cameras[0],
            focal=torch.stack([camera.focal for camera in cameras]),
            center=torch.stack([camera.center for camera in cameras]),
            rotation=torch.stack([camera.rotation for camera in cameras]),
            translation=torch.stack([camera.translation for camera in cameras]),
        )

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the batch; () of a single camera."""
        return tuple(self.focal.shape[:-1])

    def __getitem__(self, index: int | slice) -> "Camera":
        """Return a camera, or some cameras, of a batch.

        Raises:
            IndexError: there is no such camera, or this is a single one.
        """
        if not self.batch:
            raise IndexError("a single camera has no parts; Camera.stack makes a batch")
        return replace(
            self,
            focal=self.focal[index],
            center=self.center[index],
            rotation=self.rotation[index],
            translation=self.translation[index],
        )

    def to(self, device: torch.device | str) -> "Camera":
        """Return the camera with its tensors on another device."""
        return moved(self, device)

    def resized(self, size: tuple[int, int]) -> "Camera":
        """Return the camera of the same view sampled at another (height, width)."""
        scale = self.focal.new_tensor([size[1] / self.size[1], size[0] / self.size[0]])
        return replace(self, focal=self.focal * scale, center=self.center * scale, size=(int(size[0]), int(size[1])))

    def cropped(
        self, corner: tuple[float | int, float | int], size: tuple[int, int], *, scale: float = 1.0
    ) -> "Camera":
        """Return the camera of a rectangle of the picture, which may reach beyond it.

        Args:
            corner: (x, y) of its top-left corner, in pixels.
            size: (height, width) of the result.
            scale: pixels of the result per pixel of this picture.
        """
        center = (self.center - self.center.new_tensor(corner)) * scale
        return replace(self, focal=self.focal * scale, center=center, size=(int(size[0]), int(size[1])))

    def at_origin(self) -> "Camera":
        """Return the camera with the same lens in a world that is its own axes."""
        eye = torch.eye(3, dtype=self.rotation.dtype, device=self.rotation.device)
        return replace(self, rotation=eye.expand_as(self.rotation), translation=torch.zeros_like(self.translation))

    @property
    def eye(self) -> Float[Tensor, "*B 3"]:
        """Where the camera is in the world, metres."""
        return (-self.rotation.mT @ self.translation[..., None])[..., 0]

    @property
    def axis(self) -> Float[Tensor, "*B 3"]:
        """Direction in the world that the camera looks in; a unit vector."""
        return self.rotation[..., 2, :]

    @property
    def lens(self) -> Float[Tensor, "*B 4"]:
        """Focal lengths and principal point (fx, fy, cx, cy), for compiled kernels."""
        return torch.cat([self.focal, self.center], -1)

    def to_camera(self, points: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 3"]:
        """Bring world points into the camera's axes."""
        local = self._rows(points) @ self.rotation.to(points).mT + self._row(self.translation, points)
        return local.view_as(points)

    def to_world(self, points: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 3"]:
        """Bring points in the camera's axes into the world; inverse of `to_camera`."""
        moved = (self._rows(points) - self._row(self.translation, points)) @ self.rotation.to(points)
        return moved.view_as(points)

    def turn_to_camera(self, directions: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 3"]:
        """Turn directions of the world, such as normals, into the camera's axes."""
        return (self._rows(directions) @ self.rotation.to(directions).mT).view_as(directions)

    def turn_to_world(self, directions: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 3"]:
        """Turn directions in the camera's axes into the world."""
        return (self._rows(directions) @ self.rotation.to(directions)).view_as(directions)

    def to_pixels(self, points: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 2"]:
        """Project points in the camera's axes; those at or behind a pinhole camera give huge or flipped coordinates."""
        rows = self._rows(points)
        xy, z = rows[..., :2], rows[..., 2:]
        if not self.orthographic:
            xy = xy / torch.where(z.abs() < _NEAREST, torch.full_like(z, _NEAREST), z)
        return (xy * self._row(self.focal, points) + self._row(self.center, points)).view(*points.shape[:-1], 2)

    def on_plane(self, pixels: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N 2"]:
        """Return X and Y, in the camera's axes, of what pixels see at Z = 1 m (at any Z if orthographic)."""
        plane = (self._rows(pixels) - self._row(self.center, pixels)) / self._row(self.focal, pixels)
        return plane.view_as(pixels)

    def rays(self, pixels: Float[Tensor, "*N 2"]) -> tuple[Float[Tensor, "*N 3"], Float[Tensor, "*N 3"]]:
        """Return the rays through pixels in the world: `origin + Z * direction` is the point at camera Z.

        Args:
            pixels: such as `geometry.pixel_centers(camera.size)`; one set for each camera of a batch.

        Returns:
            Origins and directions.
        """
        plane = self.on_plane(pixels)
        one, zero = torch.ones_like(plane[..., :1]), torch.zeros_like(plane)
        if self.orthographic:
            return self.to_world(torch.cat([plane, 0 * one], -1)), self.turn_to_world(torch.cat([zero, one], -1))
        return self.to_world(torch.cat([zero, 0 * one], -1)), self.turn_to_world(torch.cat([plane, one], -1))

    def toward(self, points: Float[Tensor, "*N 3"]) -> Float[Tensor, "*N 3"]:
        """Return the directions of the world in which world points are seen; not of unit length."""
        rows = self._rows(points)
        if self.orthographic:
            return self._row(self.axis, points).expand_as(rows).reshape(points.shape)
        return (rows - self._row(self.eye, points)).view_as(points)

    def _rows(self, points: Tensor) -> Tensor:
        """Lay out, for each camera, what belongs to it: `*B N C`."""
        lead = len(self.batch)
        if tuple(points.shape[:lead]) != self.batch or points.dim() <= lead:
            raise InputError(f"{tuple(points.shape)} is no set of points for each of a batch of {self.batch} cameras")
        return points.flatten(lead, -2) if points.dim() > lead + 1 else points[..., None, :]

    def _row(self, value: Tensor, points: Tensor) -> Tensor:
        """Return a vector of each camera such that it goes with all of `_rows`."""
        return value.to(points)[..., None, :]
