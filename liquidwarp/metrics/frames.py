"""A frame with what is known about it, and the parts of it that scores are taken over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Shaped, UInt8

from liquidwarp.detect.protocol import Detection, Detector
from liquidwarp.metrics.silhouette import person_region

REGIONS = ("full", "person", "seen", "unseen")
"""The whole picture; around the real person; of the person made what a photo shows, and what was mirrored or filled."""

COVERAGE = (0, 1, 2, 3)
"""What a pixel of a picture that was made shows: the background, or surface that was seen, mirrored or filled."""

_SEEN = COVERAGE[1]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ScoredFrame:
    """A picture.

    Attributes:
        rgb: the picture.
        mask: where the person is; None if not known.
        coverage: how each pixel of a picture that was made was come by: 0 background, 1 seen, 2 mirrored, 3 filled.
        landmarks: the person as another program found them; None if it was not asked.
        missing: that program was asked and found nobody.
        real: the real frame that this one, which was made, is held against.
    """

    rgb: UInt8[np.ndarray, "H W 3"]
    mask: Bool[np.ndarray, "H W"] | None = None
    coverage: Shaped[np.ndarray, "H W"] | None = None
    landmarks: Detection | None = None
    missing: bool = False
    real: "ScoredFrame | None" = field(default=None, repr=False)
    _known: dict[str, object] = field(default_factory=dict, repr=False)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returns; several metrics that ask under one name share one answer."""
        if name not in self._known:
            self._known[name] = make()
        return self._known[name]  # type: ignore[return-value]

    @property
    def place(self) -> Bool[np.ndarray, "H W"] | None:
        """Where to look for the person: the frame's own mask, else that of the real frame."""
        return self.mask if self.mask is not None or self.real is None else self.real.mask

    def person(self, detector: Detector | None) -> Detection | None:
        """Return the person as another program found them, else as `detector` does; None if there is none."""
        if self.landmarks is not None or self.missing or detector is None:
            return self.landmarks
        return self.once("person", lambda: next(iter(detector.detect(self.rgb)), None))


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a pair of frames: one of `REGIONS`, and its pixels (None: all)."""

    name: str
    pixels: Bool[np.ndarray, "H W"] | None = None


def find_region(name: str, made: ScoredFrame, real: ScoredFrame) -> Region | None:
    """Return a region of a pair; None where it has no pixel, or cannot be known for want of a mask or of coverage."""
    if name == "full":
        return Region(name)
    if name == "person":
        pixels = None if real.mask is None else person_region(real.mask.astype(np.float32))
    elif made.coverage is None:
        pixels = None
    else:
        pixels = made.coverage == _SEEN if name == "seen" else made.coverage > _SEEN
    return Region(name, pixels) if pixels is not None and pixels.any() else None


def own_pixels(frame: ScoredFrame, region: Region) -> Bool[np.ndarray, "H W"] | None:
    """Return a region's pixels where a frame is looked at by itself, for sets: around its own person, if that is known.

    The two frames of a pair may show different poses there.
    """
    if region.name != "person" or frame.mask is None:
        return region.pixels
    return person_region(frame.mask.astype(np.float32))


def both(before: Region | None, now: Region | None) -> Region | None:
    """Return what lies in a region of two neighbouring frames alike; None where that is nothing."""
    if before is None or now is None:
        return None
    if before.pixels is None or now.pixels is None:
        return now
    pixels = before.pixels & now.pixels
    return Region(now.name, pixels) if pixels.any() else None
