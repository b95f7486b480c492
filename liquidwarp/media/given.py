"""Pictures and clips in whatever form a caller holds them: paths, PIL pictures, arrays, tensors, stacks of these."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.media.image import Picture, picture_from_pil, read_image

if TYPE_CHECKING:
    PictureLike: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor
    """What `read_picture` takes."""
    ClipLike: TypeAlias = PictureLike | Sequence[PictureLike]
    """What `read_frames` takes."""
else:  # what comes is checked below, in words that say what is taken
    PictureLike = ClipLike = object

_TAKEN = "a path, a PIL picture, or an array or tensor: uint8, or floats from 0 to 1; H W 3, 3 H W, with alpha, or H W"
_CHANNELS = (1, 3, 4)
_ROUNDING = 1e-3  # by which floats may leave [0, 1]: what filters and resizing overshoot, a quarter of a level


def is_path(given: object) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether somebody gave the name of a file."""
    return isinstance(given, str | os.PathLike) and isinstance(os.fspath(given), str)


def given_name(given: object) -> str:
    """Return what messages call a picture or a clip."""
    if is_path(given):
        return os.fspath(given)
    if isinstance(given, Image.Image):
        return str(getattr(given, "filename", "")) or "the PIL picture"
    return {np.ndarray: "the array", Tensor: "the tensor"}.get(type(given), f"the {type(given).__name__}")


def read_picture(given: PictureLike, name: str = "picture") -> Picture:
    """Return a picture as sRGB uint8, from a file or from what a caller has in memory.

    Convention: of arrays the last axis are the channels if it can be, else the first; of tensors the other way round.

    Args:
        given: a path; a PIL picture of any mode (turned and converted as a file would be); or an array or a tensor on
            any device: uint8, or floats in [0, 1], `H W 3` or `3 H W`, with an alpha channel, or grey; a batch of one
            too.
        name: of the argument, for messages.

    Raises:
        InputError: a file that cannot be read, or numbers of another shape, type or range.
        TypeError: anything else.
    """
    if is_path(given):
        return read_image(Path(given))
    if isinstance(given, Image.Image):
        return picture_from_pil(given, Path(given_name(given)))
    frames = _frames(given, name)
    if len(frames) != 1:
        raise InputError(f"{name} is a stack of {len(frames)} pictures; wanted one: {_TAKEN}")
    rgb, alpha = frames[0][..., :3], frames[0][..., 3] if frames.shape[-1] == 4 else None
    opaque = alpha is None or alpha.min() == 255
    return Picture(np.ascontiguousarray(rgb), None if opaque else alpha, Path(given_name(given)))


def read_frames(given: ClipLike, name: str = "source") -> UInt8[np.ndarray, "T H W 3"]:
    """Return the pictures of a clip in memory as sRGB uint8.

    Args:
        given: a picture as `read_picture` takes it; a stack of such arrays or tensors; or a sequence of pictures of one
            size.
        name: of the argument, for messages.

    Raises:
        InputError: no picture, pictures of different sizes, or any that cannot be read.
        TypeError: anything else.
    """
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        pictures = [read_picture(item, f"{name}[{number}]").rgb for number, item in enumerate(given)]
        sizes = {picture.shape[:2] for picture in pictures}
        if len(sizes) != 1:
            told = ", ".join(f"{width}x{height}" for height, width in sorted(sizes)) or "no picture"
            raise InputError(f"{name} holds {told}; all frames of a clip must have one size")
        return np.stack(pictures)
    if not isinstance(given, np.ndarray | Tensor):
        return read_picture(given, name).rgb[None]
    return np.ascontiguousarray(_frames(given, name)[..., :3])


def is_stack(given: object) -> bool:
    """Tell whether an array or a tensor holds several pictures."""
    return isinstance(given, np.ndarray | Tensor) and given.ndim == 4 and len(given) > 1


def _frames(given: object, name: str) -> UInt8[np.ndarray, "T H W C"]:
    """Return pictures with 3 or 4 channels."""
    if isinstance(given, Tensor):
        plain = given.detach().cpu()
        values, first = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy(), True
    elif isinstance(given, np.ndarray):
        values, first = given, False
    else:
        raise TypeError(f"{name} is a {type(given).__name__}; wanted {_TAKEN}")
    told = f"{name} is {values.dtype} {tuple(given.shape)}"
    if values.ndim == 2:
        values = values[None, ..., None]
    elif values.ndim == 3:
        values = values[None]
    if values.ndim != 4 or not values.size or not {values.shape[1], values.shape[3]} & set(_CHANNELS):
        raise InputError(f"{told}; wanted {_TAKEN}")
    if values.shape[1] in _CHANNELS and (first or values.shape[3] not in _CHANNELS):
        values = values.transpose(0, 2, 3, 1)
    if values.shape[3] == 1:
        values = values.repeat(3, axis=3)
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f":
        raise InputError(f"{told}; wanted uint8, or floats from 0 to 1")
    low, high = float(values.min()), float(values.max())
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # also where they are NaN
        raise InputError(f"{told} with values from {low:g} to {high:g}; floats are taken from 0 to 1, else give uint8")
    return np.stack([(frame.astype(np.float32).clip(0, 1) * 255).round().astype(np.uint8) for frame in values])
