"""The mesh of a face through time."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor

from liquidwarp.checks import check_shape

FACE_POINTS = 468
"""Points of MediaPipe's face mesh."""


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """The mesh of one person's face in T frames, small enough to be kept for long clips: 2.8 kB a frame.

    Convention: pixels as `Camera`; z points away from the camera and is about the face's middle, in pixels too.

    Attributes:
        shape: MediaPipe's 468 points (x, y, z) about `center`, in units of `size`.
        center: middle of the points in the picture, pixels.
        size: how far they reach from it, pixels; 1 where no face was seen.
        presence: how sure the detector was, 0 to 1; 0 where no face was seen.
        closed: how far the eyes on the picture's left and right are closed, 0 to 1; None if nobody looked.
    """

    shape: Float16[Tensor, "T 468 3"]
    center: Float[Tensor, "T 2"]
    size: Float[Tensor, "T"]
    presence: Float[Tensor, "T"]
    closed: Float[Tensor, "T 2"] | None = None

    @staticmethod
    def create(
        points: Float[Tensor, "T 468 3"], presence: Float[Tensor, "T"], closed: Float[Tensor, "T 2"] | None = None
    ) -> "FaceTrack":
        """Pack meshes in pixels; those with presence 0 are left out.

        Examples:
            >>> import torch
            >>> from liquidwarp.types import FaceTrack
            >>> mesh = 100 + 50 * torch.rand(2, 468, 3, generator=torch.Generator().manual_seed(0))
            >>> face = FaceTrack.create(mesh, torch.tensor([1.0, 0.0]))
            >>> bool((face.points[0] - mesh[0]).abs().max() < 0.1), bool((face.points[1] == 0).all())
            (True, True)
        """
        check_shape("points", points, (None, FACE_POINTS, 3))
        check_shape("presence", presence, (points.shape[0],))
        seen = presence > 0
        known = torch.where(seen[:, None, None], points.float(), torch.zeros((), dtype=torch.float32))
        center = known[..., :2].mean(1)
        about = known - torch.nn.functional.pad(center, (0, 1))[:, None]
        size = torch.where(seen, about.abs().amax((1, 2)).clamp_min(1e-3), torch.ones((), dtype=torch.float32))
        return FaceTrack((about / size[:, None, None]).half(), center, size, presence.float(), closed)

    def __len__(self) -> int:
        return len(self.presence)

    def __getitem__(self, frames: slice | Int[Tensor, "N"]) -> "FaceTrack":
        """Return some frames."""
        closed = None if self.closed is None else self.closed[frames]
        return FaceTrack(self.shape[frames], self.center[frames], self.size[frames], self.presence[frames], closed)

    @property
    def points(self) -> Float[Tensor, "T 468 3"]:
        """The meshes in pixels; zeros where no face was seen."""
        return self.shape.float() * self.size[:, None, None] + torch.nn.functional.pad(self.center, (0, 1))[:, None]
