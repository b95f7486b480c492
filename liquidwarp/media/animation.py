"""Animated pictures (WebP, GIF, APNG) as frames at a constant rate, decoded lazily."""

import itertools
import logging
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from liquidwarp.errors import InputError
from liquidwarp.media.image import to_picture
from liquidwarp.media.probe import DAMAGED_PICTURE, check_file, open_picture, quiet_pillow

_LOG = logging.getLogger(__name__)
_SHORTEST = 10  # ms; what says it is shown no longer is shown for `_USUAL`, as browsers do
_USUAL = 100  # ms
_LONGEST = 10_000  # ms; a longer pause is cut short
_MOST_PIXELS = 2 * 10**10  # of all frames: minutes of decoding, which a small file may ask for
_ALIKE = 1.5  # durations within this factor of the median are one rate, rounded to the format's clock


class AnimatedPicture:
    """An animated WebP, GIF or APNG as RGB frames at a constant rate.

    Durations differ from frame to frame in these formats: the rate is that of most frames, and a frame that is shown
    for longer is repeated. Transparency goes onto black, as in videos; colour profiles and orientation are followed, as
    in photos. A damaged file yields what can be decoded, with a warning in the log.

    Iterating decodes one frame at a time, and again from the start each time.

    Attributes:
        path: the file.
        fps: frames a second (`rate` has it as a fraction).
        size: height and width of the frames.
        frame_count: how many frames iterating yields: exact, unless the file is damaged.
        duration: seconds, of the frames that iterating yields.
        has_sound: always False.

    Raises:
        InputError: missing, empty, no animation, or not one frame can be decoded.
    """

    def __init__(self, path: str | Path, *, fps: float | int | None = None):
        self.path = Path(path)
        self.has_sound = False
        check_file(self.path, "video")
        self._durations = [_duration(image) for image in _frames(self.path)]
        if not self._durations:
            raise InputError(f"{self.path} has no frame that can be decoded; copy or export the animation again")
        self.size = to_picture(next(_frames(self.path)), self.path).size
        self.rate = _rate(self._durations) if fps is None else Fraction(fps).limit_denominator(10_000)
        self.fps = float(self.rate)
        self.frame_count = sum(self._repeats())
        self.duration = float(self.frame_count / self.rate)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        for image, times in zip(_frames(self.path), self._repeats(), strict=False):
            if times:
                rgb = _on_black(image, self.path)
                yield from itertools.repeat(rgb, times)

    def _repeats(self) -> Iterator[int]:
        """Yield how often each frame is shown: in every tick whose middle falls into its time, and one at least."""
        time, shown = 0, 0
        for number, duration in enumerate(self._durations, 1):
            time += duration
            until = math.ceil(time * self.rate / 1000 - Fraction(1, 2))
            until = max(until, int(number == len(self._durations)))
            yield until - shown
            shown = until


def _frames(path: Path) -> Iterator[Image.Image]:
    """Yield the file's picture at each of its frames, up to the end or to where it breaks off."""
    with quiet_pillow():
        try:
            with open_picture(path) as image:
                total = getattr(image, "n_frames", 1)
                if image.width * image.height * total > _MOST_PIXELS:
                    size = f"{total} frames of {image.width}x{image.height}"
                    raise InputError(f"{path} has {size}; give a shorter or smaller one, or a video")
                first = int(getattr(image, "default_image", False))  # APNG: a still for viewers that do not animate
                for index in range(first, total):
                    try:
                        image.seek(index)
                        image.load()
                    except DAMAGED_PICTURE:
                        _LOG.warning(
                            "%s is damaged or incomplete: %d of %d frames could be decoded",
                            path,
                            index - first,
                            total - first,
                        )
                        return
                    yield image
        except InputError:  # a ValueError too, but already in words
            raise
        except (*DAMAGED_PICTURE, Image.DecompressionBombError) as error:
            cause = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{path} is damaged or incomplete ({cause}); copy or export it again") from error


def _duration(image: Image.Image) -> int:
    """Return for how many milliseconds the current frame is shown."""
    shown = round(image.info.get("duration") or 0)
    return min(shown, _LONGEST) if shown > _SHORTEST else _USUAL


def _rate(durations: list[int]) -> Fraction:
    """Return the rate of most frames: the mean over those that are shown about as long as the median."""
    usual = median(durations)
    alike = [duration for duration in durations if usual / _ALIKE <= duration <= usual * _ALIKE]
    alike = alike or durations  # two that are nothing like each other have a median like neither
    return Fraction(1000 * len(alike), sum(alike))


def _on_black(image: Image.Image, path: Path) -> UInt8[np.ndarray, "H W 3"]:
    picture = to_picture(image, path)
    if picture.alpha is None:
        return picture.rgb
    return ((picture.rgb.astype(np.uint16) * picture.alpha[..., None] + 127) // 255).astype(np.uint8)
