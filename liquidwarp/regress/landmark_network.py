"""A small network that answers a body from landmarks, by iterative error feedback.

As in HMR (Kanazawa et al., 2018) an estimate is corrected in rounds; here the feedback is the body's own landmarks,
posed by the estimate, against those that were seen.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.fit.skeleton import JOINTS, Skeleton
from liquidwarp.regress.observed import Observed

ROUNDS = 3
_LANDMARKS = len(MEDIAPIPE)
COLUMNS = 6 * JOINTS
_NEAREST = 0.4  # metres from the camera
_LEAST_DEPTH = 0.1  # metres: what is nearer is seen as if it were here
_NOTHING_SEEN = 1e-3  # sum of weights below which nothing was seen
_STEP = 0.1  # scale of the first corrections


class Estimate(NamedTuple):
    """A body, in the axes of the camera that looks at the person.

    Attributes:
        rotations: of the canonical joints.
        betas: shape coefficients.
        joints: places of the joints, the pelvis at 0.
        points: places of the landmarks, the pelvis at 0.
        place: of the pelvis.
    """

    rotations: Float[Tensor, "B J 3 3"]
    betas: Float[Tensor, "B K"]
    joints: Float[Tensor, "B J 3"]
    points: Float[Tensor, "B L 3"]
    place: Float[Tensor, "B 3"]


class Kinematics(nn.Module):
    """A body's canonical skeleton with its landmarks, of many shapes at once; nothing to learn."""

    joints: Tensor
    joints_basis: Tensor
    points: Tensor
    points_basis: Tensor
    carrier: Tensor

    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__()
        for name in ("joints", "joints_basis", "points", "points_basis"):
            self.register_buffer(name, getattr(skeleton, name).float(), persistent=False)
        self.register_buffer("carrier", skeleton.carrier.clone(), persistent=False)
        depth = [0] * JOINTS
        for joint in range(1, JOINTS):
            depth[joint] = depth[skeleton.parents[joint]] + 1
        levels = [[joint for joint in range(JOINTS) if depth[joint] == level] for level in range(max(depth) + 1)]
        order = [joint for level in levels for joint in level]
        # Joints of each level, their parents, and where the parents stand in `order`.
        above = [[skeleton.parents[joint] for joint in level] for level in levels[1:]]
        self._levels = [
            (torch.tensor(level), torch.tensor(parents), torch.tensor([order.index(joint) for joint in parents]))
            for level, parents in zip(levels[1:], above, strict=True)
        ]
        self._back = torch.tensor([order.index(joint) for joint in range(JOINTS)])

    def forward(
        self, rotations: Float[Tensor, "B J 3 3"], betas: Float[Tensor, "B K"]
    ) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B L 3"]]:
        """Return places of joints and landmarks, the pelvis at 0."""
        rest = self.joints + (betas @ self.joints_basis.flatten(1)).unflatten(1, (JOINTS, 3))
        marks = self.points + (betas @ self.points_basis.flatten(1)).unflatten(1, (-1, 3))
        turns, places = rotations[:, :1], torch.zeros_like(rest[:, :1])
        for level, parents, above in self._levels:
            bones = rest[:, level] - rest[:, parents]
            turn = turns[:, above]
            places = torch.cat([places, places[:, above] + (turn @ bones[..., None])[..., 0]], dim=1)
            turns = torch.cat([turns, turn @ rotations[:, level]], dim=1)
        turns, places = turns[:, self._back], places[:, self._back]
        arms = marks - rest[:, self.carrier]
        return places, places[:, self.carrier] + (turns[:, self.carrier] @ arms[..., None])[..., 0]


class LandmarkNetwork(nn.Module):
    """Landmarks of a few neighbouring frames to one body.

    Args:
        skeleton: of the body, with `MEDIAPIPE`'s landmarks where the detector puts them.
        width: channels of the layers that look at frames.
        inner: channels of the layers that correct.
        depth: layers that look at frames around.

    Attributes:
        reach: frames before and after that an answer depends on.
    """

    def __init__(self, skeleton: Skeleton, width: int = 320, inner: int = 512, depth: int = 3) -> None:
        super().__init__()
        self.width, self.inner, self.depth = width, inner, depth
        self.reach = 2**depth - 1
        self.kinematics = Kinematics(skeleton)
        shapes = len(skeleton.betas)
        self.look = nn.Linear(6 * _LANDMARKS + 2, width)
        self.around = nn.ModuleList([nn.Conv1d(width, width, 3, dilation=2**power) for power in range(depth)])
        self.correct = nn.Sequential(
            nn.Linear(width + COLUMNS + shapes + 5 * _LANDMARKS, inner),
            nn.SiLU(),
            nn.Linear(inner, inner),
            nn.SiLU(),
            nn.Linear(inner, COLUMNS + shapes),
        )
        last = self.correct[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=_STEP / inner**0.5)
        nn.init.zeros_(last.bias)

    def forward(
        self, observed: Observed, start: Float[Tensor, "B T2 J 3 3"], *, newest: bool = False
    ) -> list[Estimate]:
        """Return an estimate per round, the last being the best; frames of all clips in one row.

        Args:
            observed: clips of as many frames each (B, T, ...).
            start: a first pose per frame, in the axes of the camera that looks at the person.
            newest: answer the last frame of each clip alone; `start` is of these.
        """
        asked = slice(-1, None) if newest else slice(None)
        seen = self._frames(observed)[:, asked].flatten(0, 1)
        picture, weight = observed.picture[:, asked].flatten(0, 1), observed.weight[:, asked].flatten(0, 1)
        world, guessed = observed.world[:, asked].flatten(0, 1), observed.guessed[:, asked].flatten(0, 1)
        columns = start.flatten(0, 1)[..., :2].flatten(1)
        betas = columns.new_zeros(len(columns), self.kinematics.joints_basis.shape[0])
        rows = Observed(picture, weight, world, guessed, observed.ray[:, asked].flatten(0, 1))
        estimates = [estimate_of(self.kinematics, columns, betas, rows)]
        for _ in range(ROUNDS):
            parts = [seen, columns, betas, missed(estimates[-1], rows)]
            change = self.correct(torch.cat(parts, dim=1))
            columns, betas = columns + change[:, :COLUMNS], betas + change[:, COLUMNS:]
            estimates.append(estimate_of(self.kinematics, columns, betas, rows))
        return estimates[1:]

    def _frames(self, observed: Observed) -> Float[Tensor, "B T C"]:
        weight = observed.weight[..., None]
        total = weight.sum((-1, -2)).clamp_min(_NOTHING_SEEN)
        spread = ((observed.picture**2 * weight).sum((-1, -2)) / total).clamp_min(1e-8)
        spread = spread.sqrt()[..., None]
        parts = [
            (observed.picture / spread[..., None] * (weight > 0)).clamp(-4, 4).flatten(2),
            observed.weight,
            (2 * observed.world * (weight > 0)).flatten(2),
            observed.guessed,
            spread.log() / 2 + 1,
        ]
        x = nn.functional.silu(self.look(torch.cat(parts, dim=2))).transpose(1, 2)
        for layer in self.around:
            assert isinstance(layer, nn.Conv1d)
            reach = layer.dilation[0]
            x = x + nn.functional.silu(layer(nn.functional.pad(x, (reach, reach), mode="replicate")))
        return x.transpose(1, 2)


def estimate_of(
    kinematics: Kinematics, columns: Float[Tensor, "B C"], betas: Float[Tensor, "B K"], observed: Observed
) -> Estimate:
    """Pose bodies by the first two columns of each joint's rotation, and place them where landmarks were seen."""
    rotations = matrices_of_columns(columns.unflatten(1, (JOINTS, 3, 2)))
    joints, points = kinematics(rotations, betas)
    return Estimate(rotations, betas, joints, points, place_by_landmarks(points, observed.picture, observed.weight))


def missed(estimate: Estimate, observed: Observed) -> Float[Tensor, "B E"]:
    """Return by how much an estimate's landmarks miss those that were seen, in the picture and in space."""
    error = (_project(estimate) - observed.picture) * estimate.place[:, None, 2:] * observed.weight[..., None]
    hips = estimate.points[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(1, keepdim=True)
    way = (estimate.points - hips - observed.world) * (observed.weight * observed.guessed)[..., None]
    return 5 * torch.cat([error.flatten(1), way.flatten(1)], dim=1)


def matrices_of_columns(columns: Float[Tensor, "*B 3 2"]) -> Float[Tensor, "*B 3 3"]:
    """Turn two columns into a rotation matrix (Zhou et al., "On the Continuity of Rotation Representations", 2019)."""
    first, second = columns.unbind(-1)
    first = nn.functional.normalize(first, dim=-1)
    second = nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def place_by_landmarks(
    points: Float[Tensor, "B L 3"], picture: Float[Tensor, "B L 2"], weight: Float[Tensor, "B L"]
) -> Float[Tensor, "B 3"]:
    """Put the pelvis where landmarks fall on the picture's, by linear least squares."""
    # Rows of a landmark: x + X = u (z + Z) and y + Y = v (z + Z); the sums below are its normal equations.
    u, v = picture.unbind(-1)
    right_u, right_v = u * points[..., 2] - points[..., 0], v * points[..., 2] - points[..., 1]
    total = weight.sum(1) + 1e-6
    su, sv = (weight * u).sum(1), (weight * v).sum(1)
    bu, bv = (weight * right_u).sum(1), (weight * right_v).sum(1)
    zz = (weight * (u * u + v * v)).sum(1)
    bz = -(weight * (u * right_u + v * right_v)).sum(1)
    # x = (bu + su z) / total, y likewise; what remains is one equation for z.
    z = (bz + (su * bu + sv * bv) / total) / (zz - (su * su + sv * sv) / total).clamp_min(1e-6)
    z = torch.maximum(z, _NEAREST - points[..., 2].amin(1)).clamp_max(60)  # all of the person is before the camera
    return torch.stack([(bu + su * z) / total, (bv + sv * z) / total, z], dim=1)


def _project(estimate: Estimate) -> Float[Tensor, "B L 2"]:
    spots = estimate.points + estimate.place[:, None]
    return spots[..., :2] / spots[..., 2:].clamp_min(_LEAST_DEPTH)
