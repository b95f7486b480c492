"""What a landmark detector gets wrong, to train and to measure on synthetic people.

The sizes are those of MediaPipe's residuals against fitted bodies over eight real clips (1,800 frames). In the picture:
0.2% of the person's height in the median, 1.3% at the 99th percentile, hips three times as far off as hands. In space,
after scale and turn: 12 to 38 mm across, 20 to 50 mm along and 40 to 95 mm in depth, growing from trunk to hands;
scale off by 6%, people leaning by 3 +- 4 degrees. The fit itself leaned on these landmarks, so they are enlarged.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.regress.observed import look_at_person

_ENLARGED = 1.25
_STEADY = 0.6  # share of the noise in space that a clip keeps
_SLOW = 0.9  # what a frame keeps of the frame before
_WORLD = {  # millimetres: x, y, z
    ("hip",): (8, 6, 12),
    ("shoulder",): (13, 22, 53),
    ("nose", "eye", "ear", "mouth"): (14, 24, 62),
    ("elbow",): (20, 31, 56),
    ("wrist", "pinky", "index", "thumb"): (35, 46, 88),
    ("knee",): (15, 16, 42),
    ("ankle", "heel"): (20, 29, 70),
    ("foot_index",): (24, 34, 84),
}
_TOGETHER = (  # landmarks that go wrong together
    ("nose", "eye", "ear", "mouth"),
    ("left_wrist", "left_pinky", "left_thumb", "left_index"),
    ("right_wrist", "right_pinky", "right_thumb", "right_index"),
    ("left_ankle", "left_heel", "left_foot_index"),
    ("right_ankle", "right_heel", "right_foot_index"),
)
_PICTURE = {"hip": 0.9, "knee": 0.5, "elbow": 0.45, "shoulder": 0.4}  # per cent of the height; others 0.25
_LIMBS = {
    "arm": ("elbow", "wrist", "pinky", "index", "thumb"),
    "leg": ("knee", "ankle", "heel", "foot_index"),
}


@dataclass(frozen=True, eq=False)
class Detected:
    """What a detector says of clips of one person each.

    Attributes:
        flat: landmarks in the picture of a camera of focal length 1.
        confidence: 0 to 1.
        world: guesses of their places, in the axes of a camera that looks at the person, from the middle of the hips.
    """

    flat: Float[Tensor, "B T L 2"]
    confidence: Float[Tensor, "B T L"]
    world: Float[Tensor, "B T L 3"]


def simulate_detector(
    points: Float[Tensor, "B T L 3"], stature: float, generator: torch.Generator, *, level: float = 1.0
) -> Detected:
    """Look at true landmarks (`MEDIAPIPE`'s, in camera axes) as a detector does.

    Args:
        points: metres, before the camera.
        stature: how tall people are, metres.
        generator: where chance comes from.
        level: 1 is as measured, 0 is the truth.
    """
    clips, frames, count = points.shape[:3]
    draw = _Draw(clips, frames, generator)
    depth = points[..., 2:]
    flat = points[..., :2] / depth
    _, ray = look_at_person(flat, torch.ones_like(flat[..., 0]))
    hips = points[:, :, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(2, keepdim=True)
    world = (points - hips) @ ray
    confidence = 1 - 0.05 * torch.rand(clips, frames, count, generator=generator)
    spread = level * _ENLARGED * _sizes(_WORLD) / 1000
    world = _turned(world, draw, level) + spread * _tied(draw, count)
    height = stature / depth
    near = level * torch.tensor([_picture_size(name) for name in MEDIAPIPE])[:, None] / 100
    flat = flat + height * near * (0.7 * draw.steady(count, 2) + 0.6 * draw.slow(count, 2, 0.8))
    flat = flat + height * level * 0.001 * torch.randn(flat.shape, generator=generator)
    if level > 0:
        flat, world, confidence = _occlude(flat, world, confidence, height, draw)
        flat, world = _swap(flat, world, draw)
    return Detected(flat, confidence, world)


class _Draw:
    """Noise of unit size for clips."""

    def __init__(self, clips: int, frames: int, generator: torch.Generator) -> None:
        self.clips, self.frames, self.generator = clips, frames, generator

    def steady(self, *shape: int) -> Tensor:
        return torch.randn(self.clips, 1, *shape, generator=self.generator)

    def slow(self, *rest: int | float) -> Tensor:
        shape, keep = [int(n) for n in rest[:-1]], float(rest[-1])
        noise = torch.randn(self.clips, self.frames, *shape, generator=self.generator)
        for frame in range(1, self.frames):
            noise[:, frame] = keep * noise[:, frame - 1] + math.sqrt(1 - keep * keep) * noise[:, frame]
        return noise

    def chance(self, probability: float) -> Tensor:
        """Return a stretch of frames per clip, with some probability; (B, T) of 0 and 1."""
        first = torch.rand(self.clips, 1, generator=self.generator) * self.frames
        length = 1 + torch.rand(self.clips, 1, generator=self.generator) * 0.6 * self.frames
        frame = torch.arange(self.frames)[None]
        happens = torch.rand(self.clips, 1, generator=self.generator) < probability
        return ((frame >= first) & (frame < first + length) & happens).float()


def _sizes(table: dict[tuple[str, ...], tuple[int, int, int]]) -> Float[Tensor, "L 3"]:
    rows = [next(size for words, size in table.items() if any(word in name for word in words)) for name in MEDIAPIPE]
    return torch.tensor(rows, dtype=torch.float32)


def _picture_size(name: str) -> float:
    return next((size for word, size in _PICTURE.items() if word in name), 0.25)


def _tied(draw: _Draw, count: int) -> Float[Tensor, "B T L 3"]:
    """Return unit noise that landmarks of one hand, foot or head share for the most part."""
    own = _STEADY * draw.steady(count, 3) + math.sqrt(1 - _STEADY**2) * draw.slow(count, 3, _SLOW)
    for words in _TOGETHER:
        members = [index for index, name in enumerate(MEDIAPIPE) if any(word in name for word in words)]
        own[:, :, members] = 0.9 * own[:, :, members[:1]] + 0.43 * own[:, :, members]
    return own


def _turned(world: Tensor, draw: _Draw, level: float) -> Tensor:
    """Lean, turn, scale and flatten."""
    tilt = torch.tensor([5.5, 5.0, 1.5]).deg2rad() * (0.7 * draw.steady(3) + 0.7 * draw.slow(3, _SLOW))
    tilt = tilt + torch.tensor([math.radians(-3), 0, 0])
    size = (0.06 * draw.steady(1)).exp()
    flatter = 1 - 0.12 * draw.steady(1).abs()
    scale = torch.cat([size, size, size * flatter], dim=-1)[:, :, None]
    turned = world @ axis_angle_to_matrix(level * tilt).transpose(-1, -2)
    return turned * (1 + level * (scale - 1))


def _occlude(flat: Tensor, world: Tensor, confidence: Tensor, height: Tensor, draw: _Draw) -> tuple[Tensor, ...]:
    """Guess at limbs that are hidden for a while, and at legs below the picture's edge."""
    hidden = torch.zeros_like(confidence)
    for side in ("left", "right"):
        for words in _LIMBS.values():
            members = [MEDIAPIPE.index(f"{side}_{word}") for word in words]
            skip = draw.chance(0.5)  # the first joint is often still seen
            away = draw.chance(0.22)
            hidden[:, :, members[1:]] = away[..., None]
            hidden[:, :, members[0]] = away * (1 - skip)
    below = torch.rand(draw.clips, 1, 1, generator=draw.generator) < 0.06
    legs = torch.tensor([any(word in name for word in _LIMBS["leg"]) for name in MEDIAPIPE])
    hidden = torch.maximum(hidden, (below & legs).float().expand_as(hidden))
    guess = draw.steady(1) * 0.15 + 0.25 + 0.1 * draw.slow(confidence.shape[2], _SLOW)
    confidence = torch.where(hidden > 0, guess.clamp(0.01, 0.7), confidence)
    off = hidden[..., None]
    flat = flat + off * height * 0.035 * draw.slow(flat.shape[2], 2, _SLOW)
    return flat, world + off * 0.07 * draw.slow(flat.shape[2], 3, _SLOW), confidence


def _swap(flat: Tensor, world: Tensor, draw: _Draw) -> tuple[Tensor, Tensor]:
    """Take left for right for some frames: both legs, both arms, or all of the person."""
    for words in (_LIMBS["leg"], _LIMBS["arm"], ("left", "right")):
        order = list(range(len(MEDIAPIPE)))
        for index, name in enumerate(MEDIAPIPE):
            if any(word in name for word in words):
                other = name.replace("left", "*").replace("right", "left").replace("*", "right")
                order[index] = MEDIAPIPE.index(other)
        first = torch.rand(draw.clips, 1, generator=draw.generator) * draw.frames
        length = 1 + 4 * torch.rand(draw.clips, 1, generator=draw.generator)
        frame = torch.arange(draw.frames)[None]
        happens = torch.rand(draw.clips, 1, generator=draw.generator) < 0.04
        swapped = ((frame >= first) & (frame < first + length) & happens)[..., None, None]
        flat = torch.where(swapped, flat[:, :, order], flat)
        world = torch.where(swapped, world[:, :, order], world)
    return flat, world
