"""Random motions of random kinds: what a person does from moment to moment."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from liquidwarp.checks import check_choice
from liquidwarp.synth.motion.stances import Stance, Vector, blend_stances

Rng = np.random.Generator

_UPPER, _FORE = 0.26, 0.25  # lengths of an average arm, metres
_A_POSE = Stance(
    left_arm=(0.62, 0.78, 0.0),
    left_forearm=(0.6, 0.8, -0.1),
    right_arm=(-0.62, 0.78, 0.0),
    right_forearm=(-0.6, 0.8, -0.1),
)


@dataclass(frozen=True)
class Moment:
    """A pose, the way it is turned as a whole, and its place on the floor.

    Attributes:
        stance: the pose of somebody who faces the camera.
        heading: turn of everything about the vertical, radians; positive to the person's left.
        across: shift to the right of the picture, metres.
        away: shift away from the camera, metres.
    """

    stance: Stance
    heading: float = 0.0
    across: float = 0.0
    away: float = 0.0


def random_motion(rng: Rng, frames: int, fps: float, *, kind: str | None = None) -> list[Moment]:
    """Return a random motion of a random kind.

    Args:
        rng: where chance comes from.
        frames: how many moments.
        fps: moments a second.
        kind: one of `MOTIONS`; `random_kind` by default.
    """
    kind = kind or random_kind(rng)
    check_choice("motion", kind, MOTIONS)
    return MOTIONS[kind](rng, frames, fps)


def random_kind(rng: Rng) -> str:
    """Return a kind of motion; dances and reaches are more frequent than walks and turns."""
    return str(rng.choice(list(MOTIONS), p=[0.2, 0.13, 0.3, 0.17, 0.2]))


def random_stance(rng: Rng, *, energy: float = 1.0) -> Stance:
    """Return a random pose; `energy` 0 is a person who stands, 1 a dancer."""
    drop = 0.012 + energy * float(rng.choice([0.0, 0.06, 0.16, 0.35], p=[0.4, 0.3, 0.2, 0.1])) * rng.uniform(0.5, 1.2)
    wide = energy * rng.uniform(0.0, 0.22)
    left_arm, left_forearm = random_arm(rng, energy)
    right_arm, right_forearm = random_arm(rng, energy)
    lifted = energy * float(rng.choice([0.0, 0.12, 0.4], p=[0.6, 0.25, 0.15])) * rng.uniform(0.5, 1.1)
    ahead = -lifted * rng.uniform(0.2, 1.1)
    aside = lifted * rng.uniform(-0.1, 0.7)
    free = (wide + aside, lifted, ahead, rng.uniform(0.0, 0.5))
    firm = (
        -wide * rng.uniform(0.0, 1.0) if lifted < 0.1 else 0.03,
        0.0,
        energy * rng.uniform(-0.12, 0.12),
        rng.uniform(-0.5, 0.1),
    )
    if lifted > 0.1:  # weight over the foot that stands
        drop = min(drop, 0.06)
    shift = -0.08 if lifted > 0.1 else rng.uniform(-0.06, 0.06) * energy
    left_foot, right_foot = _floats(free), _floats(firm)
    if rng.random() < 0.5:
        shift = -shift
        left_foot, right_foot = _floats(_mirror_foot(firm)), _floats(_mirror_foot(free))
    deep = 1.2 * max(drop - 0.1, 0.0)  # who squats leans forward
    numbers = [float(value) for value in rng.normal(size=7)]
    return Stance(
        pelvis=(float(shift), float(drop), 0.02 * numbers[0] + 0.3 * max(drop - 0.1, 0.0)),
        turn=0.25 * energy * numbers[1],
        lean=(float(np.clip(0.1 * energy * numbers[2] + deep, -0.25, 0.9)), 0.1 * energy * numbers[3]),
        twist=float(np.clip(0.2 * energy * numbers[4], -0.6, 0.6)),
        head=(0.1 + 0.12 * numbers[5], float(np.clip(0.3 * numbers[6], -0.9, 0.9)), 0.08 * numbers[0]),
        left_foot=left_foot,
        right_foot=right_foot,
        left_arm=left_arm,
        left_forearm=left_forearm,
        right_arm=_mirrored(right_arm),
        right_forearm=_mirrored(right_forearm),
    )


def random_arm(rng: Rng, energy: float) -> tuple[Vector, Vector]:
    """Return where a left upper arm and forearm point; hands and elbows stay out of trunk and head."""
    for _ in range(20):
        if rng.random() < 0.35 + 0.4 * (1 - energy):  # hangs
            aside, ahead, bend = rng.uniform(0.12, 0.5), rng.normal() * 0.2, abs(rng.normal()) * 0.4
        else:
            aside, ahead = rng.uniform(0.1, 2.6), rng.uniform(-0.5, 1.4)
            bend = rng.choice([rng.uniform(0, 0.5), rng.uniform(0.3, 2.3)])
        upper = np.array([math.sin(aside), math.cos(aside) * math.cos(ahead), -abs(math.cos(aside)) * math.sin(ahead)])
        toward = np.array([rng.uniform(-0.9, 0.3), rng.uniform(-1.0, 0.25), -rng.uniform(0.1, 1.0)])
        side = toward - upper * (toward @ upper)
        side /= max(float(np.linalg.norm(side)), 1e-6)
        fore = math.cos(bend) * upper + math.sin(bend) * side
        elbow = np.array([0.18, 0.0, 0.0]) + _UPPER * upper
        if _free(elbow) and _free(elbow + 0.6 * _FORE * fore) and _free(elbow + _FORE * fore):
            return _vector(upper), _vector(fore)
    return (0.36, 0.93, 0.03), (0.26, 0.94, -0.2)


def _free(point: np.ndarray) -> bool:
    """Return whether a point, relative to the middle between the shoulders, is outside of trunk and head."""
    trunk = (point[0] / 0.19) ** 2 + (point[2] / 0.16) ** 2 < 1 and -0.05 < point[1] < 0.65
    head = (point[0] / 0.14) ** 2 + ((point[1] + 0.23) / 0.2) ** 2 + (point[2] / 0.15) ** 2 < 1
    return not trunk and not head


def _turn(rng: Rng, frames: int, fps: float) -> list[Moment]:
    """Turn once around in an A-pose, as clips of people who are measured do."""
    total = rng.choice([-1, 1]) * 2 * math.pi
    arms = rng.uniform(0.45, 0.95)
    stance = replace(
        _A_POSE,
        left_arm=(math.sin(arms), math.cos(arms), 0.0),
        right_arm=(-math.sin(arms), math.cos(arms), 0.0),
        left_forearm=(math.sin(arms), math.cos(arms), -0.1),
        right_forearm=(-math.sin(arms), math.cos(arms), -0.1),
    )
    sway = rng.uniform(0.005, 0.02)
    headings = total * np.arange(frames) / max(frames, 1)
    moments = []
    for heading in headings:
        phase = heading * 6
        foot = (0.0, 0.03 * max(0.0, math.sin(phase)), 0.0, 0.2), (0.0, 0.03 * max(0.0, -math.sin(phase)), 0.0, -0.2)
        bob = replace(stance, pelvis=(sway * math.sin(phase), 0.015, 0.0), left_foot=foot[0], right_foot=foot[1])
        moments.append(Moment(bob, float(heading)))
    return moments


def _walk(rng: Rng, frames: int, fps: float) -> list[Moment]:
    """Walk on a circle, or on the spot."""
    pace, stride = rng.uniform(0.75, 1.15), rng.uniform(0.12, 0.3)
    swing, bend = rng.uniform(0.2, 0.7), rng.uniform(0.1, 0.9)
    start, turning = rng.uniform(0, 2 * math.pi), rng.choice([0.0, rng.uniform(-1.0, 1.0)])
    phase = rng.uniform(0, 2 * math.pi)
    lean, low = rng.uniform(-0.02, 0.12), rng.uniform(0.015, 0.05)
    moments = []
    for number in range(frames):
        time = number / max(fps, 1e-6)
        angle = phase + 2 * math.pi * pace * time
        left, right = _step(angle, stride), _step(angle + math.pi, stride)
        arm = swing * math.sin(angle)
        stance = Stance(
            pelvis=(0.02 * math.sin(angle), low + 0.012 * math.cos(2 * angle), 0.0),
            turn=0.08 * math.sin(angle),
            lean=(lean, 0.0),
            twist=-0.18 * math.sin(angle),
            left_foot=left,
            right_foot=right,
            left_arm=_vector(np.array([0.22, math.cos(arm), -math.sin(-arm)])),
            left_forearm=_vector(np.array([0.12, math.cos(bend - arm), -math.sin(bend - arm)])),
            right_arm=_vector(np.array([-0.22, math.cos(arm), -math.sin(arm)])),
            right_forearm=_vector(np.array([-0.12, math.cos(bend + arm), -math.sin(bend + arm)])),
        )
        heading = start + turning * time
        moments.append(
            Moment(stance, heading, 0.25 * math.sin(heading - start), 0.25 - 0.25 * math.cos(heading - start))
        )
    return moments


def _step(angle: float, stride: float) -> tuple[float, float, float, float]:
    lift = 0.11 * max(0.0, math.cos(angle)) ** 1.5
    return (0.0, lift, -stride * math.sin(angle), 0.1)


def _dance(rng: Rng, frames: int, fps: float, *, energy: float = 1.0, pause: float = 0.5) -> list[Moment]:
    """Go from one random pose to the next."""
    duration = frames / max(fps, 1e-6)
    times, stances, headings = [0.0], [random_stance(rng, energy=energy)], [float(rng.normal() * 0.4)]
    if rng.random() < 0.3:
        stances[0], headings[0] = _A_POSE, 0.0
    spin = rng.choice([0.0, 0.5, 2.0], p=[0.4, 0.35, 0.25])
    while times[-1] < duration:
        times.append(times[-1] + float(pause * rng.uniform(0.6, 1.6)))
        stances.append(random_stance(rng, energy=energy))
        headings.append(headings[-1] * 0.6 + float(rng.normal() * spin))
    at = np.minimum(np.arange(frames) / max(fps, 1e-6), times[-1])
    turned = PchipInterpolator(times, headings)(at)
    return [Moment(s, float(h)) for s, h in zip(blend_stances(times, stances, at), turned, strict=True)]


def _reach(rng: Rng, frames: int, fps: float) -> list[Moment]:
    """Stand, stretch and reach, slowly."""
    return _dance(rng, frames, fps, energy=float(rng.uniform(0.2, 0.7)), pause=1.2)


def _stills(rng: Rng, frames: int, fps: float) -> list[Moment]:
    """Stand in poses that have nothing to do with each other."""
    spread = rng.choice([0.4, 1.2, 3.0])
    energies = rng.uniform(0.0, 1.1, frames)
    return [Moment(random_stance(rng, energy=float(e)), float(rng.normal() * spread)) for e in energies]


def _mirror_foot(foot: tuple[float, ...]) -> tuple[float, ...]:
    return (-foot[0], foot[1], foot[2], -foot[3])


def _floats(values: tuple[float, ...]) -> tuple[float, float, float, float]:
    first, second, third, fourth = (float(value) for value in values)
    return first, second, third, fourth


def _mirrored(vector: Vector) -> Vector:
    return (-vector[0], vector[1], vector[2])


def _vector(values: np.ndarray) -> Vector:
    unit = values / max(float(np.linalg.norm(values)), 1e-9)
    return float(unit[0]), float(unit[1]), float(unit[2])


MOTIONS: dict[str, Callable[[Rng, int, float], list[Moment]]] = {
    "turn": _turn,
    "walk": _walk,
    "dance": _dance,
    "reach": _reach,
    "stills": _stills,
}
"""Makers of motions by kind."""
