"""Whatever one wants to look at, as a picture: uint8 RGB, with text, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.media import read_image

Picture = UInt8[np.ndarray, "H W 3"]
"""A picture at the edge of the library."""

ArrayLike = Shaped[np.ndarray, "..."] | Shaped[Tensor, "..."]
"""Numbers of any kind."""

Viewable = str | Path | ArrayLike
"""What `as_picture` takes."""

Color = tuple[int, int, int]

PAPER: Color = (250, 250, 248)
INK: Color = (40, 40, 40)
NOTHING: Color = (58, 58, 62)
"""Colour of pixels that a map says nothing about."""

FONT_SIZE = 14
_SMALLEST_FONT = 8


def as_picture(value: Viewable) -> Picture:
    """Return a picture of `value`.

    Args:
        value: a path; a uint8 picture `H W 3`; a picture in [0, 1], `3 H W` as a tensor or `H W 3` as an array; or a
            plane `H W`: of True and False, of grey values in 0 to 255 (uint8), or in [0, 1] (floats).

    Raises:
        InputError: a file that cannot be read, or an array of another shape.
    """
    if isinstance(value, str | Path):
        return read_image(value).rgb
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
    if isinstance(value, Tensor) and array.ndim == 3 and array.shape[0] == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype.kind not in "buf":
        raise InputError(
            f"{array.dtype} {tuple(value.shape)} is no picture; give uint8 H W 3, floats 3 H W (a tensor) or H W 3, "
            "or a plane H W"
        )
    if array.dtype.kind == "f":
        array = (np.nan_to_num(array, nan=0.0).clip(0, 1) * 255).round()
    elif array.dtype.kind == "b":
        array = array * np.uint8(255)
    return np.ascontiguousarray(array.astype(np.uint8))


def blend(
    picture: Picture, over: Picture, where: Bool[np.ndarray, "H W"], *, opacity: float | int = 1.0
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay `over` on `picture` where asked: `opacity` 1 hides the picture, 0 leaves it."""
    mixed = (1 - opacity) * picture.astype(np.float32) + opacity * over
    return np.where(where[..., None], (mixed + 0.5).astype(np.uint8), picture)


def resized(picture: Picture, size: tuple[int, int], *, crop: bool = False) -> UInt8[np.ndarray, "h w 3"]:
    """Scale a picture to fit into a (height, width), or with `crop` to fill it, its middle kept."""
    height, width = picture.shape[:2]
    scales = (size[0] / height, size[1] / width)
    scale = max(scales) if crop else min(scales)
    wide, tall = (size[1] / scale, size[0] / scale) if crop else (width, height)
    box = ((width - wide) / 2, (height - tall) / 2, (width + wide) / 2, (height + tall) / 2)
    final = size if crop else (max(1, round(height * scale)), max(1, round(width * scale)))
    if final == (height, width):
        return picture
    image = Image.fromarray(picture).resize((final[1], final[0]), Image.Resampling.LANCZOS, box=box)
    return np.array(image)


def side_by_side(
    pictures: Sequence[Viewable],
    *,
    labels: Sequence[str] = (),
    height: int | None = None,
    gap: int = 4,
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay pictures in a row, all as high as the first or as asked, each with its label above.

    Raises:
        InputError: no picture, or not a label for each.
    """
    if not pictures:
        raise InputError("there is no picture to lay side by side; give at least one")
    if labels and len(labels) != len(pictures):
        raise InputError(f"{len(labels)} labels for {len(pictures)} pictures; give one for each")
    shown = [as_picture(picture) for picture in pictures]
    tall = height or shown[0].shape[0]
    shown = [resized(picture, (tall, max(1, round(picture.shape[1] * tall / picture.shape[0])))) for picture in shown]
    top = FONT_SIZE + 6 if labels else 0
    row = Image.new("RGB", (sum(picture.shape[1] + gap for picture in shown) - gap, tall + top), PAPER)
    left = 0
    for index, picture in enumerate(shown):
        if labels:
            write_text(row, labels[index], (left + 2, 2), room=picture.shape[1] - 4)
        row.paste(Image.fromarray(picture), (left, top))
        left += picture.shape[1] + gap
    return np.array(row)


def with_legend(picture: Viewable, entries: Mapping[str, Color]) -> UInt8[np.ndarray, "H W 3"]:
    """Write below a picture what its colours mean."""
    shown = as_picture(picture)
    height, width = shown.shape[:2]
    font = ImageFont.load_default(size=FONT_SIZE)
    places, x, line = [], 4, 0
    for text in entries:
        wide = FONT_SIZE + 6 + int(font.getlength(text)) + 14
        if x > 4 and x + wide > width:
            x, line = 4, line + 1
        places.append((x, height + 5 + line * (FONT_SIZE + 6)))
        x += wide
    sheet = Image.new("RGB", (width, height + (line + 1) * (FONT_SIZE + 6) + 6), PAPER)
    sheet.paste(Image.fromarray(shown))
    draw = ImageDraw.Draw(sheet)
    for (text, color), (left, top) in zip(entries.items(), places, strict=True):
        draw.rectangle((left, top + 1, left + FONT_SIZE - 1, top + FONT_SIZE), fill=color, outline=INK)
        write_text(sheet, text, (left + FONT_SIZE + 6, top), room=width - left - FONT_SIZE - 6)
    return np.array(sheet)


def write_text(sheet: Image.Image, text: str, place: tuple[int, int], *, room: int) -> None:
    """Write a line of text that is at most `room` pixels wide: smaller if need be, and at worst cut off."""
    size = FONT_SIZE
    while size > _SMALLEST_FONT and ImageFont.load_default(size=size).getlength(text) > room:
        size -= 1
    font = ImageFont.load_default(size=size)
    while text and font.getlength(text) > room:
        text = text[:-1]
    ImageDraw.Draw(sheet).text((place[0], place[1] + (FONT_SIZE - size) // 2), text, fill=INK, font=font)


def to_plane(values: ArrayLike, name: str) -> Shaped[np.ndarray, "H W"]:
    """Return an array of a plane.

    Raises:
        InputError: it has another shape; `name` is what the message calls it.
    """
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    if array.ndim != 2:
        raise InputError(f"{name} has shape {tuple(array.shape)}, wanted (H, W); choose one picture of a batch")
    return array
