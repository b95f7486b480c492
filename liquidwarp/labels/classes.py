"""Maps of classes, such as those of streets: read from pictures, and turned into one channel per class."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.media import read_image
from liquidwarp.media.probe import open_picture

CITYSCAPES = (
    *(19, 19, 19, 19, 19, 19, 19, 0, 1, 19, 19, 2, 3, 4, 19, 19, 19, 5, 19, 6, 7, 8, 9, 18, 10, 11, 12, 13, 14),
    *(19, 19, 15, 16, 17, 19),
)
"""The class, 0 to 19, of each of Cityscapes' ids 0 to 34."""

NUMBERINGS = ("plain", "cityscapes")


def class_map(path: str | Path, classes: int, *, numbering: str = "plain") -> UInt8[np.ndarray, "H W"]:
    """Read a picture whose values are classes: greyscale, or a palette's numbers.

    Args:
        path: of the picture.
        classes: how many there are.
        numbering: "plain" takes values as they are, "cityscapes" turns its ids into 20 classes.

    Raises:
        InputError: it cannot be read, is coloured, or names a class that there is not.
    """
    check_choice("numbering", numbering, NUMBERINGS)
    path = Path(path)
    values = _values(path)
    if numbering == "cityscapes":
        if values.max() >= len(CITYSCAPES):
            raise InputError(
                f"{path} holds {values.max()}, but Cityscapes' ids end at {len(CITYSCAPES) - 1}; "
                "give pictures of ids (..._labelIds.png), or --ids plain for numbers of classes"
            )
        values = np.array(CITYSCAPES, np.uint8)[values]
    if values.max() >= classes:
        raise InputError(
            f"{path} holds class {values.max()}, but the network knows {classes} (0 to {classes - 1}); "
            "give labels of those classes, or weights that know more"
        )
    return values


def one_hot(classes: UInt8[np.ndarray, "H W"], count: int, size: tuple[int, int]) -> Float[Tensor, "C h w"]:
    """Return one channel for each class, at a (height, width); pixels are the nearest ones.

    Args:
        classes: see `class_map`.
        count: how many there are.
        size: of the result.
    """
    rows, columns = (
        np.minimum((np.arange(wanted) * (have / wanted)).astype(int), have - 1)
        for wanted, have in zip(size, classes.shape, strict=True)
    )
    small = torch.from_numpy(classes[rows][:, columns].astype(np.int64))
    return torch.nn.functional.one_hot(small, count).permute(2, 0, 1).float()


def _values(path: Path) -> np.ndarray:
    rgb = read_image(path).rgb  # tells what is wrong with a file
    with open_picture(path) as image:
        if image.mode in ("P", "L"):
            return np.asarray(image)
    if (rgb != rgb[..., :1]).any():
        raise InputError(f"{path} is a coloured picture, not a map of classes; give greyscale, or a palette of classes")
    return rgb[..., 0]
