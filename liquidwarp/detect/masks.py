"""Person masks of a clip, kept small."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class MaskStack:
    """One soft mask per frame (1 = person), packed to 8 bits and deflated; a frame is unpacked when asked for.

    A clip of 256x256 masks takes a few kilobytes a frame, so that a long clip fits into memory.

    Attributes:
        packed: one deflated `uint8` picture per frame; empty bytes for a frame without a person.
        size: (height, width) of the stored masks.
    """

    packed: tuple[bytes, ...]
    size: tuple[int, int]

    @staticmethod
    def pack(masks: Iterable[np.ndarray | None], size: tuple[int, int]) -> "MaskStack":
        """Pack float masks in [0, 1] of any size, resampled to `size`; None stands for an empty mask."""
        return MaskStack(tuple(pack_mask(mask, size) for mask in masks), size)

    def __len__(self) -> int:
        return len(self.packed)

    def frame(self, index: int, size: tuple[int, int] | None = None) -> Float[Tensor, "H W"]:
        """Return the mask of one frame in [0, 1], resampled to `size` (height, width) if given."""
        data = self.packed[index]
        if not data:
            return torch.zeros(size or self.size, dtype=torch.float32)
        mask = np.frombuffer(zlib.decompress(data), np.uint8).reshape(self.size).astype(np.float32) / 255
        return torch.from_numpy(resize_mask(mask, size or self.size))

    def stack(
        self, indices: Iterable[int] | None = None, size: tuple[int, int] | None = None
    ) -> Float[Tensor, "T H W"]:
        """Unpack several frames (all by default) into one tensor."""
        chosen = range(len(self)) if indices is None else indices
        return torch.stack([self.frame(index, size) for index in chosen])


def pack_mask(mask: np.ndarray | None, size: tuple[int, int]) -> bytes:
    """Quantise a float mask to 8 bits at `size` and deflate it; None gives empty bytes."""
    if mask is None:
        return b""
    levels = resize_mask(mask.astype(np.float32, copy=False), size).clip(0, 1)
    levels *= 255
    return zlib.compress(np.rint(levels, out=levels).astype(np.uint8), 1)


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resample a float mask: by areas when it shrinks, linearly when it grows.

    Convention: edges of the picture stay edges (pixel centres at half-integers), as `cv2.resize` does.
    """
    if mask.shape == tuple(size):
        return mask
    shrinks = size[0] * size[1] < mask.size
    return cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def stored_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Return `size` scaled down so that its longer side is at most `long_side`."""
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
