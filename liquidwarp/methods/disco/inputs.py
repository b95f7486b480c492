"""What DisCo is told: the person cut out of a photo, a background with a hole, drawings of a skeleton."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow
from liquidwarp.methods.photos import dressed_view, is_dressed
from liquidwarp.nn.disco.network import clip_picture
from liquidwarp.person import SourceState

_AROUND = 1.2  # side of a foreground's window, in longer sides of the person
_PERSON = 0.5  # of a mask, from which a pixel is the person's
_GREY = 128  # of a hole in a background, which is 0 in [-1, 1]


@dataclass(frozen=True, eq=False)
class Foreground:
    """Who is to be shown: a picture and which of it is the person.

    Attributes:
        picture: sRGB.
        mask: 1 = person, of the same size.

    Raises:
        InputError: the mask is of another size, or shows nobody.
    """

    picture: UInt8[np.ndarray, "H W 3"]
    mask: Float[np.ndarray, "h w"]

    def __post_init__(self) -> None:
        if self.picture.shape[:2] != self.mask.shape:
            (height, width), (rows, columns) = self.picture.shape[:2], self.mask.shape
            raise InputError(f"the foreground is {width}x{height}, its mask {columns}x{rows}; give a mask of its size")
        if not (self.mask > _PERSON).any():
            raise InputError("the foreground's mask shows nobody; give one that is white on the person")

    @staticmethod
    def of(state: SourceState) -> "Foreground":
        """Return a learnt person, dressed as they are."""
        if is_dressed(state):
            seen = dressed_view(state)
            rgb = (255 * seen.rgb.clamp(0, 1)).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
            return Foreground(rgb, seen.alpha.float().cpu().numpy())
        return Foreground(state.photo, photo_alpha(state))

    @cached_property
    def window(self) -> CropWindow:
        """The square around the person."""
        rows, columns = np.nonzero(self.mask > _PERSON)
        side = round(_AROUND * (1 + max(np.ptp(rows), np.ptp(columns))))
        y, x = (rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2
        return CropWindow(round(x - side / 2), round(y - side / 2), side, side)

    def seen(self, side: int) -> Float[Tensor, "1 3 S S"]:
        """Return it as the encoder looks at it.

        Args:
            side: pixels of a side of what the encoder looks at.
        """
        size = (self.window.height, self.window.width)
        picture = torch.from_numpy(self.picture).permute(2, 0, 1).float() / 255
        mask = torch.from_numpy(self.mask.astype(np.float32))[None]
        shown = self.window.cut(torch.cat([picture, mask * self._inside()]), size)[None]
        return clip_picture(shown[:, :3], shown[:, 3:], side)

    def _inside(self) -> Float[Tensor, "1 H W"]:
        """Return 1, and 0 on the border, which goes on beyond the picture where a window does."""
        inside = torch.zeros(1, *self.mask.shape, dtype=torch.float32)
        inside[:, 1:-1, 1:-1] = 1
        return inside


def photo_alpha(state: SourceState) -> Float[np.ndarray, "H W"]:
    """Return where the person is in the first photo, at the photo's size."""
    height, width = state.photo.shape[:2]
    if state.alpha.shape == (height, width):
        return state.alpha.astype(np.float32)
    return cv2.resize(state.alpha.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def holed_background(state: SourceState) -> UInt8[np.ndarray, "H W 3"]:
    """Return the first photo with mid grey in place of the person, as the network was trained to see backgrounds."""
    alpha = photo_alpha(state)[..., None]
    return ((1 - alpha) * state.photo + alpha * _GREY).round().astype(np.uint8)


def centre_window(size: tuple[int, int]) -> CropWindow:
    """Return the largest square in the middle of a picture of a (height, width)."""
    height, width = size
    side = min(height, width)
    return CropWindow((width - side) // 2, (height - side) // 2, side, side)
