"""Clips: what training, evaluation and everything else gets from any data set, synthetic or filmed."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.types.render import Flow
from liquidwarp.types.track import BodyTrack


@runtime_checkable
class Frames(Protocol):
    """Pictures of a clip, in memory or read when they are asked for."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, index: int, /) -> np.ndarray:
        """Return one."""
        ...


@runtime_checkable
class Truth(Protocol):
    """What is known of every pixel of a clip that was made, not filmed."""

    def flow(self, target: int, source: int) -> Flow:
        """Return where each pixel of frame `target` that shows the person is in frame `source`.

        Convention: see `Flow`; `valid` is True where the same point of the clothed surface is seen in both.
        """
        ...


@dataclass(frozen=True, eq=False)
class Clip:
    """One person in one place with one camera.

    Convention: pictures are uint8 RGB, `H W 3`; masks are uint8, 255 = person; frame t of all
        fields is the same moment.

    Attributes:
        name: of the clip, unique in its data set.
        images: the frames, `T H W 3`.
        alphas: how much of each pixel is the person, `T H W`, 0 to 255.
        track: the person's body in every frame.
        background: the place without the person; None where it is not known.
        person: who it is; clips of one person in one outfit share it.
        truth: flow and coverage by construction; None for filmed clips.
    """

    name: str
    images: Frames
    alphas: Frames
    track: BodyTrack
    background: UInt8[np.ndarray, "H W 3"] | None = None
    person: str = ""
    truth: Truth | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames."""
        return self.track.camera.size

    def image(self, index: int) -> Float[np.ndarray, "3 H W"]:
        """Return a frame as the networks want it, in [0, 1]."""
        return np.ascontiguousarray(self.images[index].transpose(2, 0, 1), dtype=np.float32) / 255

    def mask(self, index: int) -> Float[np.ndarray, "1 H W"]:
        """Return a frame's mask as the networks want it, in [0, 1]."""
        return self.alphas[index][None].astype(np.float32) / 255
