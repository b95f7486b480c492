"""Points of a body's surface that were found again in the pictures, as evidence for the fit.

Convention: pixels as `Camera`; camera axes, the camera at the origin.
"""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.fit.evidence import height_in_pixels
from liquidwarp.fit.robust import GemanMcClure, Kernel
from liquidwarp.fit.skeleton import canonical_parents, pose_chain
from liquidwarp.fit.term import Window
from liquidwarp.fit.track import read_state
from liquidwarp.fit.tuning import FIT_TUNING, SurfaceTuning
from liquidwarp.geometry import project_with_jacobian
from liquidwarp.types import BodyTrack, Camera


@dataclass(frozen=True, eq=False)
class TrackedPoints:
    """Points on the surface of a posed body in T frames, and where the pictures show them.

    Attributes:
        points: places in camera axes, as posed.
        influence: how much of a turn of each canonical joint a point follows.
        target: where the pictures show it, pixels.
        sure: square root of how much of a displacement the picture tells, along X and Y: the identity at a spot, a
            projector across an edge, 0 on plain cloth and where there is no point.
    """

    points: Float[Tensor, "T N 3"]
    influence: Float[Tensor, "T N J"]
    target: Float[Tensor, "T N 2"]
    sure: Float[Tensor, "T N 2 2"]

    def __getitem__(self, frames: slice | Tensor) -> "TrackedPoints":
        """Return some frames."""
        return TrackedPoints(*(getattr(self, part.name)[frames] for part in fields(self)))


@dataclass(frozen=True, eq=False)
class SurfaceTerm:
    """Points of the surface, carried by the joints, lie where the pictures show them.

    Attributes:
        seen: the points.
        turns: global rotation of each joint in the pose in which the points were taken.
        joints: places of the joints in it.
        parents: canonical parent of each joint.
        camera: of the pictures, at the origin.
        stature: height of the resting body, metres.
        sigma: standard deviation, parts of the person's height.
        weight: of each point.
        kernel: robust kernel.
    """

    seen: TrackedPoints
    turns: Float[Tensor, "T J 3 3"]
    joints: Float[Tensor, "T J 3"]
    parents: tuple[int, ...]
    camera: Camera
    stature: float
    sigma: float
    weight: float
    kernel: Kernel
    span = 1

    @staticmethod
    def create(
        body: BodyModel,
        track: BodyTrack,
        seen: TrackedPoints,
        *,
        weight: float = 1.0,
        tuning: SurfaceTuning = FIT_TUNING.surface,
    ) -> "SurfaceTerm":
        """Make a term of points on the body as it stands in a track; `weight` is that of the whole."""
        state = read_state(body, track, track.camera)
        rest = body.identity(track.betas)
        joints = rest.joints[[body.canonical(name) for name in CANONICAL_JOINTS]].double()
        parents = canonical_parents(body)
        turns, places = pose_chain(parents, joints, state.rotations, state.place)
        stature = float(rest.vertices[:, 1].max() - rest.vertices[:, 1].min())
        camera, kernel = track.camera.at_origin(), GemanMcClure(tuning.width)
        trust = weight * tuning.independence
        return SurfaceTerm(seen, turns, places, parents, camera, stature, tuning.sigma, trust, kernel)

    def __getitem__(self, frames: slice | Tensor) -> "SurfaceTerm":
        """Return some frames."""
        return replace(self, seen=self.seen[frames], turns=self.turns[frames], joints=self.joints[frames])

    def _places(self, window: Window) -> Float[Tensor, "T N 3"]:
        """Return where the points are now: blends of where each joint would carry them."""
        influence = self.seen.influence
        skin = influence.clone()
        for joint, above in enumerate(self.parents):
            if above >= 0:
                skin[..., above] -= influence[..., joint]
        skin = skin.clamp_min(0)
        skin = skin / skin.sum(dim=-1, keepdim=True).clamp_min(1e-9)
        turn = window.posed.turns @ self.turns.transpose(-1, -2)
        shift = window.joints - (turn @ self.joints[..., None])[..., 0]
        return torch.einsum("tnj,tjab,tnb->tna", skin, turn, self.seen.points) + skin @ shift

    def _scale(self, window: Window) -> Float[Tensor, "T N 2 2"]:
        unit = self.sigma * height_in_pixels(self.camera, self.stature, window.joints[:, 0])
        return self.seen.sure / unit[:, None, None, None]

    def residual(self, window: Window) -> Float[Tensor, "T N 2"]:
        """Return the distances in the picture, along what it tells."""
        spot, _ = project_with_jacobian(self.camera, self._places(window))
        return (self._scale(window) @ (spot - self.seen.target)[..., None])[..., 0]

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "T N 2 P"]]:
        """Return their derivatives."""
        places = self._places(window)
        _, slope = project_with_jacobian(self.camera, places)
        pull = self._scale(window) @ slope
        arms = places[:, :, None] - window.joints[:, None]
        turning = torch.linalg.cross(
            arms[:, :, :, None], pull[:, :, None].expand(-1, -1, arms.shape[2], -1, -1), dim=-1
        )
        local = (
            torch.einsum("tjck,tnjdc->tndjk", window.posed.turns, turning) * self.seen.influence[:, :, None, :, None]
        )
        return (torch.cat([local.flatten(3), pull], dim=-1),)
