"""Clips to learn from, and random pictures of them as samples, of which not all clips need be open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.checks import check_positive
from liquidwarp.errors import InputError
from liquidwarp.labels import SkeletonPoints, body_skeleton
from liquidwarp.types import BodyTrack, Clip, Pose

KEPT = 16
"""Clips that are open together."""

_PER_CLIP = 16  # samples of each, before the next ones are opened
_TRIES = 8  # clips tried for one sample before giving up

C = TypeVar("C")
B = TypeVar("B")


@dataclass(frozen=True, eq=False)
class ClipFrames:
    """Frames of a clip.

    Attributes:
        images: the frames.
        alphas: how much of each pixel is the person, 0 to 255.
    """

    images: UInt8[np.ndarray, "T H W 3"]
    alphas: UInt8[np.ndarray, "T H W"]

    def __len__(self) -> int:
        return len(self.images)

    def picture(self, frame: int) -> Float[Tensor, "3 H W"]:
        """Return a frame, in [0, 1]."""
        return torch.from_numpy(self.images[frame]).permute(2, 0, 1).float() / 255

    def alpha(self, frame: int) -> Float[Tensor, "1 H W"]:
        """Return where the person is in a frame, in [0, 1]."""
        return torch.from_numpy(self.alphas[frame])[None].float() / 255


@dataclass(frozen=True, eq=False)
class DrawnClip(ClipFrames):
    """Frames of a clip, and how the body stands in each.

    Attributes:
        track: of the frames.
        body: of the track.
    """

    track: BodyTrack
    body: BodyModel

    def pose(self, frame: int) -> Pose:
        """Return how the body stands in a frame."""
        track = self.track
        return Pose(track.global_orient[frame], track.body_pose[frame], track.transl[frame])

    def skeleton(self, frame: int) -> SkeletonPoints:
        """Return the skeleton in a frame, as its camera sees it."""
        return body_skeleton(self.body, self.track.betas, self.pose(frame), self.track.camera)


def look_at_drawn(
    clip: Clip, frames: int, *, track: BodyTrack | None = None, body: BodyModel | None = None
) -> DrawnClip:
    """Take frames of a clip.

    Args:
        clip: the clip.
        frames: how many, evenly spaced.
        track: the body as a product would know it; the clip's own by default.
        body: the body of the track; by default `load_body(track.body)`.
    """
    track = track or clip.track
    chosen = np.linspace(0, len(clip) - 1, min(frames, len(clip))).round().astype(int).tolist()
    images, alphas = (np.stack([of[frame] for frame in chosen]) for of in (clip.images, clip.alphas))
    return DrawnClip(images, alphas, track[chosen], body or load_body(track.body))


class ClipSamples(Generic[C, B]):
    """Samples of clips; those near each other share a few clips, so that not all need be open.

    Args:
        count: how many clips there are.
        look: returns one by number.
        take: makes a sample of a clip, given its number and random numbers that depend on it alone.
        seed: of the choice.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], C],
        take: Callable[[C, int, np.random.Generator], B],
        *,
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        check_positive("count", count)
        self.broken: dict[str, str] = {}
        self._count, self._take, self._seed = count, take, seed
        self._group = min(count, max(kept, 1))
        self._look, self._open = look, dict[int, C]()

    def sample(self, index: int) -> B:
        """Return sample number `index`.

        Raises:
            InputError: several clips in a row cannot be used.
        """
        group = np.random.default_rng((self._seed, index // (self._group * _PER_CLIP)))
        clips = group.permutation(self._count)[: self._group]
        rng = np.random.default_rng((self._seed, index, 1))
        damage = None
        for _ in range(_TRIES):
            number = int(rng.choice(clips))
            try:
                return self._take(self._clip(number), index, rng)
            except InputError as error:
                damage = error
                self.broken[f"clip {number}"] = str(error)
        raise InputError(f"{_TRIES} clips in a row cannot be used; the last: {damage}") from damage

    def _clip(self, number: int) -> C:
        if number not in self._open:
            if len(self._open) >= self._group:
                del self._open[next(iter(self._open))]  # the one opened first
            self._open[number] = self._look(number)
        return self._open[number]
