"""Contact sheets: many pictures on one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from liquidwarp.viz.pictures import FONT_SIZE, PAPER, Viewable, as_picture, resized, write_text

_LINE = FONT_SIZE + 7


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a contact sheet.

    Attributes:
        pictures: from left to right; None leaves a place empty.
        caption: a line above the row.
        labels: what each picture is, above it; empty for none.
    """

    pictures: Sequence[Viewable | None]
    caption: str = ""
    labels: Sequence[str] = ()


def contact_sheet(
    rows: Sequence[Row], *, cell: tuple[int, int] | None = None, crop: bool = False, gap: int = 4
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay rows of pictures under each other.

    Args:
        rows: they may differ in length.
        cell: (height, width) that pictures are scaled to fit into; by default they keep their sizes, and the largest
            height and width set the grid.
        crop: let pictures fill the cell, their middle kept, instead of fitting into it.
        gap: pixels between pictures.

    Returns:
        The sheet; without any picture, a small blank one.
    """
    filled = [[None if picture is None else as_picture(picture) for picture in row.pictures] for row in rows]
    shown = [picture for row in filled for picture in row if picture is not None]
    if not shown:
        return np.full((_LINE, _LINE, 3), PAPER, np.uint8)
    height, width = cell or (max(p.shape[0] for p in shown), max(p.shape[1] for p in shown))
    above = [_LINE * bool(row.caption) + _LINE * bool(row.labels) for row in rows]
    total = sum(lines + height + gap for lines in above)
    sheet = Image.new("RGB", (max(map(len, filled)) * (width + gap) - gap, total), PAPER)
    top = 0
    for row, pictures, lines in zip(rows, filled, above, strict=True):
        if row.caption:
            write_text(sheet, row.caption, (2, top + 2), room=sheet.width - 4)
        for column, label in enumerate(row.labels):
            write_text(sheet, label, (column * (width + gap) + 2, top + lines - _LINE + 2), room=width - 4)
        for column, picture in enumerate(pictures):
            if picture is not None:
                fitted = picture if cell is None else resized(picture, cell, crop=crop)
                sheet.paste(Image.fromarray(fitted), (column * (width + gap), top + lines))
        top += lines + height + gap
    return np.array(sheet)
