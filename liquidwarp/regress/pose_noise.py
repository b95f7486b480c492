"""What a landmark detector gets wrong, to train and to measure on synthetic people.

The sizes are those of MediaPipe's residuals against fitted bodies over eight real clips (1,800 frames). In the picture:
0.2% of the person's height in the median, 1.3% at the 99th percentile, hips three times as far off as hands. In space,
after scale and turn: 12 to 38 mm across, 20 to 50 mm along and 40 to 95 mm in depth, growing from trunk to hands;
scale off by 6%, people leaning by 3 +- 4 degrees. The fit itself leaned on these landmarks, so they are enlarged.
`DetectorNoise` holds the numbers.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.landmarks import MEDIAPIPE, opposite
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.regress.observed import look_at_person

_TOGETHER = (  # landmarks that go wrong together
    ("nose", "eye", "ear", "mouth"),
    ("left_wrist", "left_pinky", "left_thumb", "left_index"),
    ("right_wrist", "right_pinky", "right_thumb", "right_index"),
    ("left_ankle", "left_heel", "left_foot_index"),
    ("right_ankle", "right_heel", "right_foot_index"),
)
_LIMBS = {
    "arm": ("elbow", "wrist", "pinky", "index", "thumb"),
    "leg": ("knee", "ankle", "heel", "foot_index"),
}


@dataclass(frozen=True)
class DetectorNoise:
    """What a detector gets wrong; of two parts of a noise the first stays for a clip, the second drifts."""

    world: tuple[tuple[tuple[str, ...], tuple[float, float, float]], ...] = (
        (("hip",), (8.0, 6.0, 12.0)),
        (("shoulder",), (13.0, 22.0, 53.0)),
        (("nose", "eye", "ear", "mouth"), (14.0, 24.0, 62.0)),
        (("elbow",), (20.0, 31.0, 56.0)),
        (("wrist", "pinky", "index", "thumb"), (35.0, 46.0, 88.0)),
        (("knee",), (15.0, 16.0, 42.0)),
        (("ankle", "heel"), (20.0, 29.0, 70.0)),
        (("foot_index",), (24.0, 34.0, 84.0)),
    )
    """Standard deviations of landmarks in space across, along and in depth, millimetres, by words of their names."""

    enlarged: float = 1.25
    """What they are multiplied by: the fit that they were measured against leaned on these landmarks."""

    steady: float = 0.6
    """Part of it that a clip keeps."""

    slow: float = 0.9
    """What a frame keeps of the frame before, of what drifts in space."""

    tied: tuple[float, float] = (0.9, 0.43)
    """Parts that landmarks of one hand, foot or head share, and have for their own."""

    picture: tuple[tuple[str, float], ...] = (("hip", 0.9), ("knee", 0.5), ("elbow", 0.45), ("shoulder", 0.4))
    """Standard deviations in the picture, per cent of the person's height, by words of their names."""

    picture_elsewhere: float = 0.25
    """The same for all other landmarks."""

    picture_parts: tuple[float, float] = (0.7, 0.6)
    """Steady and drifting part of it."""

    picture_slow: float = 0.8
    """What a frame keeps of the frame before, of what drifts in the picture."""

    jitter: float = 0.001
    """Noise of every frame for itself, fraction of the person's height."""

    unsure: float = 0.05
    """What confidence falls short of 1 by at most where a landmark is seen."""

    tilt: tuple[float, float, float] = (5.5, 5.0, 1.5)
    """Standard deviations of the whole body's turn about X, Y and Z, degrees."""

    tilt_parts: tuple[float, float] = (0.7, 0.7)
    """Steady and drifting part of it."""

    lean: float = -3.0
    """Degrees by which people lean on the average."""

    size: float = 0.06
    """Standard deviation of the logarithm of the whole body's size."""

    flatter: float = 0.12
    """Standard deviation of what depth is too small by, as a fraction."""

    stretch: float = 0.6
    """Fraction of a clip that something goes on for at most."""

    hidden: float = 0.22
    """Probability that a limb is hidden for a while."""

    root_seen: float = 0.5
    """Probability that its first joint is seen even so."""

    legs_below: float = 0.06
    """Probability that the legs are below the picture's edge."""

    guess: float = 0.25
    """Confidence of landmarks that are hidden, on the average."""

    guess_parts: tuple[float, float] = (0.15, 0.1)
    """Steady and drifting standard deviation of it."""

    guess_range: tuple[float, float] = (0.01, 0.7)
    """Lowest and highest."""

    hidden_picture: float = 0.035
    """Standard deviation of hidden landmarks in the picture, fraction of the person's height."""

    hidden_world: float = 0.07
    """The same in space, metres."""

    swapped: float = 0.04
    """Probability that legs, arms or all of the person are taken the wrong way round for some frames."""

    longest_swap: float = 4.0
    """How many frames more than one."""


DETECTOR_NOISE = DetectorNoise()
"""As measured."""


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
    points: Float[Tensor, "B T L 3"],
    stature: float,
    generator: torch.Generator,
    *,
    level: float = 1.0,
    noise: DetectorNoise = DETECTOR_NOISE,
) -> Detected:
    """Look at true landmarks (`MEDIAPIPE`'s, in camera axes) as a detector does.

    Args:
        points: metres, before the camera.
        stature: how tall people are, metres.
        generator: where chance comes from.
        level: 1 is as measured, 0 is the truth.
        noise: what goes wrong, and how often.
    """
    clips, frames, count = points.shape[:3]
    draw = _Draw(clips, frames, generator, noise)
    depth = points[..., 2:]
    flat = points[..., :2] / depth
    _, ray = look_at_person(flat, torch.ones_like(flat[..., 0]))
    hips = points[:, :, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(2, keepdim=True)
    world = (points - hips) @ ray
    confidence = 1 - noise.unsure * torch.rand(clips, frames, count, generator=generator, dtype=torch.float32)
    spread = level * noise.enlarged * _sizes(noise.world) / 1000
    world = _turned(world, draw, level) + spread * _tied(draw, count)
    height = stature / depth
    near = level * torch.tensor([_picture_size(name, noise) for name in MEDIAPIPE], dtype=torch.float32)[:, None] / 100
    steady, slow = noise.picture_parts
    flat = flat + height * near * (steady * draw.steady(count, 2) + slow * draw.slow(count, 2, noise.picture_slow))
    flat = flat + height * level * noise.jitter * torch.randn(flat.shape, generator=generator, dtype=torch.float32)
    if level > 0:
        flat, world, confidence = _occlude(flat, world, confidence, height, draw)
        flat, world = _swap(flat, world, draw)
    return Detected(flat, confidence, world)


class _Draw:
    """Noise of unit size for clips."""

    def __init__(self, clips: int, frames: int, generator: torch.Generator, noise: DetectorNoise) -> None:
        self.clips, self.frames, self.generator, self.noise = clips, frames, generator, noise

    def steady(self, *shape: int) -> Tensor:
        return torch.randn(self.clips, 1, *shape, generator=self.generator, dtype=torch.float32)

    def slow(self, *rest: int | float) -> Tensor:
        shape, keep = [int(n) for n in rest[:-1]], float(rest[-1])
        noise = torch.randn(self.clips, self.frames, *shape, generator=self.generator, dtype=torch.float32)
        for frame in range(1, self.frames):
            noise[:, frame] = keep * noise[:, frame - 1] + math.sqrt(1 - keep * keep) * noise[:, frame]
        return noise

    def chance(self, probability: float) -> Tensor:
        """Return a stretch of frames per clip, with some probability; (B, T) of 0 and 1."""
        first = torch.rand(self.clips, 1, generator=self.generator, dtype=torch.float32) * self.frames
        length = (
            1
            + torch.rand(self.clips, 1, generator=self.generator, dtype=torch.float32)
            * self.noise.stretch
            * self.frames
        )
        frame = torch.arange(self.frames)[None]
        happens = torch.rand(self.clips, 1, generator=self.generator, dtype=torch.float32) < probability
        return ((frame >= first) & (frame < first + length) & happens).float()


def _sizes(table: tuple[tuple[tuple[str, ...], tuple[float, float, float]], ...]) -> Float[Tensor, "L 3"]:
    rows = [next(size for words, size in table if any(word in name for word in words)) for name in MEDIAPIPE]
    return torch.tensor(rows, dtype=torch.float32)


def _picture_size(name: str, noise: DetectorNoise) -> float:
    return next((size for word, size in noise.picture if word in name), noise.picture_elsewhere)


def _tied(draw: _Draw, count: int) -> Float[Tensor, "B T L 3"]:
    """Return unit noise that landmarks of one hand, foot or head share for the most part."""
    steady, (shared, alone) = draw.noise.steady, draw.noise.tied
    own = steady * draw.steady(count, 3) + math.sqrt(1 - steady**2) * draw.slow(count, 3, draw.noise.slow)
    for words in _TOGETHER:
        members = [index for index, name in enumerate(MEDIAPIPE) if any(word in name for word in words)]
        own[:, :, members] = shared * own[:, :, members[:1]] + alone * own[:, :, members]
    return own


def _turned(world: Tensor, draw: _Draw, level: float) -> Tensor:
    """Lean, turn, scale and flatten."""
    noise = draw.noise
    steady, slow = noise.tilt_parts
    tilt = torch.tensor(noise.tilt, dtype=torch.float32).deg2rad() * (
        steady * draw.steady(3) + slow * draw.slow(3, noise.slow)
    )
    tilt = tilt + torch.tensor([math.radians(noise.lean), 0, 0], dtype=torch.float32)
    size = (noise.size * draw.steady(1)).exp()
    flatter = 1 - noise.flatter * draw.steady(1).abs()
    scale = torch.cat([size, size, size * flatter], dim=-1)[:, :, None]
    turned = world @ axis_angle_to_matrix(level * tilt).transpose(-1, -2)
    return turned * (1 + level * (scale - 1))


def _occlude(flat: Tensor, world: Tensor, confidence: Tensor, height: Tensor, draw: _Draw) -> tuple[Tensor, ...]:
    """Guess at limbs that are hidden for a while, and at legs below the picture's edge."""
    noise = draw.noise
    hidden = torch.zeros_like(confidence)
    for side in ("left", "right"):
        for words in _LIMBS.values():
            members = [MEDIAPIPE.index(f"{side}_{word}") for word in words]
            skip = draw.chance(noise.root_seen)
            away = draw.chance(noise.hidden)
            hidden[:, :, members[1:]] = away[..., None]
            hidden[:, :, members[0]] = away * (1 - skip)
    below = torch.rand(draw.clips, 1, 1, generator=draw.generator, dtype=torch.float32) < noise.legs_below
    legs = torch.tensor([any(word in name for word in _LIMBS["leg"]) for name in MEDIAPIPE])
    hidden = torch.maximum(hidden, (below & legs).float().expand_as(hidden))
    steady, slow = noise.guess_parts
    guess = draw.steady(1) * steady + noise.guess + slow * draw.slow(confidence.shape[2], noise.slow)
    confidence = torch.where(hidden > 0, guess.clamp(*noise.guess_range), confidence)
    off = hidden[..., None]
    flat = flat + off * height * noise.hidden_picture * draw.slow(flat.shape[2], 2, noise.slow)
    return flat, world + off * noise.hidden_world * draw.slow(flat.shape[2], 3, noise.slow), confidence


def _swap(flat: Tensor, world: Tensor, draw: _Draw) -> tuple[Tensor, Tensor]:
    """Take left for right for some frames: both legs, both arms, or all of the person."""
    for words in (_LIMBS["leg"], _LIMBS["arm"], ("left", "right")):
        order = list(range(len(MEDIAPIPE)))
        for index, name in enumerate(MEDIAPIPE):
            if any(word in name for word in words):
                order[index] = MEDIAPIPE.index(opposite(name))
        first = torch.rand(draw.clips, 1, generator=draw.generator, dtype=torch.float32) * draw.frames
        length = 1 + draw.noise.longest_swap * torch.rand(draw.clips, 1, generator=draw.generator, dtype=torch.float32)
        frame = torch.arange(draw.frames)[None]
        happens = torch.rand(draw.clips, 1, generator=draw.generator, dtype=torch.float32) < draw.noise.swapped
        swapped = ((frame >= first) & (frame < first + length) & happens)[..., None, None]
        flat = torch.where(swapped, flat[:, :, order], flat)
        world = torch.where(swapped, world[:, :, order], world)
    return flat, world
