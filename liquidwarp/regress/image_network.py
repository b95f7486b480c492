"""A small network that corrects the landmark network's answer by what the picture shows.

Landmarks do not tell which limb is in front, how limbs are twisted, or how stout somebody is; pixels do. As in PyMAF
(Zhang et al., 2021) features of the picture are read where the estimated body falls on it, and correct the estimate,
in rounds.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.fit.skeleton import Skeleton
from liquidwarp.regress.landmark_network import COLUMNS, Estimate, Kinematics, estimate_of, missed
from liquidwarp.regress.observed import Observed
from liquidwarp.types import Camera

SIDE = 128
"""Width and height of a crop in pixels."""
ENLARGE = 1.25
"""Side of the square that is cropped, in longer sides of the box around the landmarks."""
ROUNDS = 2
_LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
_ENDS = ("nose", "left_index", "right_index", "left_foot_index", "right_foot_index", "left_heel", "right_heel")
_PLACES = len(CANONICAL_JOINTS) + 2 * len(_LIMBS) + len(_ENDS)
_LEAST_DEPTH = 0.05  # metres: what is nearer is seen as if it were here
_STEP = 0.03  # scale of the first corrections


class _ConvBlock(nn.Module):
    """A convolution that adds to what it sees."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = _layer(width, width)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return x + self.layer(x)


class ImageNetwork(nn.Module):
    """Crops, and the landmark network's estimates for them, to better estimates.

    Args:
        skeleton: of the body, as the landmark network's.
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of the crop's resolution.
        inner: channels of the layers that correct.
        local: what is kept of the features at a place.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        widths: tuple[int, int, int, int] = (16, 32, 48, 64),
        inner: int = 144,
        local: int = 12,
    ) -> None:
        super().__init__()
        self.widths, self.inner, self.local = widths, inner, local
        self.kinematics = Kinematics(skeleton)
        half, quarter, eighth, sixteenth = widths
        self.fine = nn.Sequential(_layer(3, half, 2), _layer(half, quarter, 2), _ConvBlock(quarter))
        self.middle = nn.Sequential(_layer(quarter, eighth, 2), _ConvBlock(eighth), _ConvBlock(eighth))
        self.coarse = nn.Sequential(_layer(eighth, sixteenth, 2), _ConvBlock(sixteenth))
        self.back = nn.Conv2d(sixteenth, eighth, 1)
        self.join = _ConvBlock(eighth)
        self.read = nn.Linear(quarter + eighth, local)
        self.overall = nn.Linear(sixteenth, 2 * local)
        shapes, marks = len(skeleton.betas), len(MEDIAPIPE)
        told = _PLACES * local + 2 * local + COLUMNS + shapes + 6 * marks
        self.correct = nn.Sequential(
            nn.Linear(told, inner), nn.SiLU(), nn.Linear(inner, inner), nn.SiLU(), nn.Linear(inner, COLUMNS + shapes)
        )
        last = self.correct[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=_STEP / inner**0.5)
        nn.init.zeros_(last.bias)

    def forward(
        self,
        crops: Float[Tensor, "B 3 S S"],
        window: Float[Tensor, "B 3 3"],
        observed: Observed,
        start: Estimate,
    ) -> list[Estimate]:
        """Return an estimate per round, the last being the best.

        Args:
            crops: RGB in [0, 1].
            window: where the axes of the camera that looks at the person are in the crop (`crop_windows`).
            observed: what `start` was estimated from, a row per crop.
            start: the landmark network's answer.
        """
        local, overall = self.look(crops)
        return self.answer(local, overall, window, observed, start)

    def look(self, crops: Float[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B D"]]:
        """Return what is to be seen at every place, a quarter of the crop's pixels, and overall."""
        fine = self.fine(4 * crops - 2)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        back = nn.functional.interpolate(self.back(coarse), size=middle.shape[-2:], mode="nearest")
        joined = nn.functional.interpolate(self.join(middle + back), size=fine.shape[-2:], mode="nearest")
        return torch.cat([fine, joined], dim=1), coarse.mean((2, 3))

    def answer(
        self,
        local: Float[Tensor, "B C H W"],
        overall: Float[Tensor, "B D"],
        window: Float[Tensor, "B 3 3"],
        observed: Observed,
        start: Estimate,
    ) -> list[Estimate]:
        """Correct estimates by what `look` saw."""
        columns, betas = start.rotations[..., :2].flatten(1), start.betas
        broad = self.overall(overall)
        estimates = [start]
        for _ in range(ROUNDS):
            last = estimates[-1]
            spots = _in_crop(_places(last), window)
            seen = nn.functional.grid_sample(local, spots[:, None], align_corners=False, padding_mode="border")
            near = nn.functional.silu(self.read(seen[:, :, 0].transpose(1, 2))).flatten(1)
            parts = [near, broad, columns, betas, observed.weight, missed(last, observed)]
            change = self.correct(torch.cat(parts, dim=1))
            columns, betas = columns + change[:, :COLUMNS], betas + change[:, COLUMNS:]
            estimates.append(estimate_of(self.kinematics, columns, betas, observed))
        return estimates[1:]


def crop_windows(boxes: Float[Tensor, "B 3"], camera: Camera, ray: Float[Tensor, "B 3 3"]) -> Float[Tensor, "B 3 3"]:
    """Return the maps from the axes of the camera that looks at the person into crops.

    Convention: a point p is seen at (h_x / h_z, h_y / h_z) for h = window p, with -1 and 1 at the crop's edges.

    Args:
        boxes: left, top and side of the crops in pixels.
        camera: of the whole picture.
        ray: turns the axes of the camera that looks at the person into the whole picture's camera's.
    """
    half = boxes[:, 2:] / 2
    focal, center = camera.lens.split(2)
    lens = torch.zeros_like(ray)
    lens[:, 0, 0], lens[:, 1, 1] = (focal / half).unbind(1)
    lens[:, :2, 2] = (center - boxes[:, :2]) / half - 1
    lens[:, 2, 2] = 1
    return lens @ ray


def _layer(inner: int, outer: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), nn.ReLU())


def _places(estimate: Estimate) -> Float[Tensor, "B P 3"]:
    """Return where the picture is looked at: joints, middles of limbs, and where limbs end."""
    joints = {name: estimate.joints[:, index] for index, name in enumerate(CANONICAL_JOINTS)}
    middles = [(joints[f"{s}_{a}"] + joints[f"{s}_{b}"]) / 2 for a, b in _LIMBS for s in ("left", "right")]
    ends = estimate.points[:, [MEDIAPIPE.index(name) for name in _ENDS]]
    return torch.cat([estimate.joints, torch.stack(middles, dim=1), ends], dim=1) + estimate.place[:, None]


def _in_crop(points: Float[Tensor, "B P 3"], window: Float[Tensor, "B 3 3"]) -> Float[Tensor, "B P 2"]:
    seen = points @ window.transpose(1, 2)
    return (seen[..., :2] / seen[..., 2:].clamp_min(_LEAST_DEPTH)).clamp(-2, 2)
