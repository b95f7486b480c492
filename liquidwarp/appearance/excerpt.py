"""The part of a large photo that shows the person, at a size that is quick to work with."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Shaped

from liquidwarp.appearance.tuning import LAYER_TUNING, LayerTuning
from liquidwarp.geometry import bounded_size, shrunk
from liquidwarp.types import Camera


@dataclass(frozen=True)
class Excerpt:
    """A rectangle of a photo at a size of its own; of a photo that is not large, all of it as it is.

    Convention: pixels, origin at the top-left corner; edges stay edges when sizes change.

    Attributes:
        full: (height, width) of the photo.
        corner: (x, y) of the rectangle's top-left corner in the photo.
        window: (height, width) of the rectangle in the photo.
        size: (height, width) of the excerpt.
    """

    full: tuple[int, int]
    corner: tuple[int, int]
    window: tuple[int, int]
    size: tuple[int, int]

    @staticmethod
    def of(
        alpha: Float[np.ndarray, "H W"], points: Float[np.ndarray, "V 2"], *, tuning: LayerTuning = LAYER_TUNING
    ) -> "Excerpt":
        """Return the excerpt with a person.

        Args:
            alpha: of the photo, 1 = person.
            points: of the body in the photo, (x, y) in pixels.
            tuning: what is large.
        """
        full = (alpha.shape[0], alpha.shape[1])
        if bounded_size(full, tuning.most_pixels) == full:
            return Excerpt(full, (0, 0), full, full)
        person = alpha >= tuning.background
        rows, columns = np.flatnonzero(person.any(1)), np.flatnonzero(person.any(0))
        margin = tuning.pad * float(np.ptp(points[:, 1])) + 1
        (left, right), (top, bottom) = (
            (
                int(np.clip(min(mask.min(initial=end), own.min()) - margin, 0, end - 1)),
                int(np.clip(max(mask.max(initial=0), own.max()) + margin + 1, 1, end)),
            )
            for mask, own, end in ((columns, points[:, 0], full[1]), (rows, points[:, 1], full[0]))
        )
        window = (max(bottom - top, 1), max(right - left, 1))
        return Excerpt(full, (left, top), window, bounded_size(window, tuning.most_pixels))

    @property
    def is_all(self) -> bool:
        """Whether it is the photo itself."""
        return self.size == self.full

    @property
    def scale(self) -> float:
        """Pixels of the excerpt per pixel of the photo."""
        return self.size[0] / self.window[0]

    def camera(self, camera: Camera) -> Camera:
        """Return the photo's camera as the excerpt's."""
        return camera if self.is_all else camera.cropped(self.corner, self.window).resized(self.size)

    def place(self, xy: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"]:
        """Return where a place of the photo lies in the excerpt."""
        if self.is_all:
            return xy
        return (xy - np.array(self.corner)) * (np.array(self.size[::-1]) / np.array(self.window[::-1]))

    def cut(self, picture: Shaped[np.ndarray, "H W *C"]) -> Shaped[np.ndarray, "h w *C"]:
        """Return the excerpt of a picture as large as the photo."""
        (x, y), (height, width) = self.corner, self.window
        return shrunk(picture[y : y + height, x : x + width], self.size)

    def back(self, mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "H W"]:
        """Return a mask of the excerpt as one of the photo, False outside."""
        if self.is_all:
            return mask
        (x, y), (height, width) = self.corner, self.window
        out = np.zeros(self.full, bool)
        part = out[y : y + height, x : x + width]
        if self.size == self.window:
            part[:] = mask
        else:
            soft = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR)
            np.greater(soft, 127, out=part)
        return out
