"""Parts of pictures in the form that networks want them in."""

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from liquidwarp.detect.protocol import Box, Detection

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_GREY = 127
_MARGIN = 1.05  # person boxes are widened, as the released evaluator does
_SURE = 0.5  # confidence of a landmark
_SMALLEST_FACE = 12.0  # pixels; smaller ones show no identity


def to_signed(rgb: UInt8[np.ndarray, "H W 3"], device: str = "cpu") -> Float[Tensor, "1 3 H W"]:
    """Return a picture as floats in [-1, 1]."""
    return torch.from_numpy(rgb.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None].to(device)


def grey_outside(rgb: UInt8[np.ndarray, "H W 3"], region: Bool[np.ndarray, "H W"] | None) -> UInt8[np.ndarray, "H W 3"]:
    """Return a picture with everything but the region grey; unchanged without a region."""
    return rgb if region is None else np.where(region[..., None], rgb, np.uint8(_GREY))


def resized(rgb: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """Resample to (height, width) by triangles as wide as the target's pixels (Pillow's BILINEAR), rounded."""
    return np.asarray(Image.fromarray(rgb).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def resized_finely(rgb: UInt8[np.ndarray, "H W 3"], side: int) -> Float[np.ndarray, "h w 3"]:
    """Resample to a square as clean-fid does: bicubic, wide enough for the target's pixels, not rounded."""
    channels = [Image.fromarray(rgb[..., channel].astype(np.float32)) for channel in range(3)]
    return np.stack([np.asarray(c.resize((side, side), Image.Resampling.BICUBIC)) for c in channels], 2)


def normalised(rgb: UInt8[np.ndarray, "H W 3"], device: str) -> Float[Tensor, "1 3 H W"]:
    """Return a picture less ImageNet's mean, by its deviation."""
    values = (rgb.astype(np.float32) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None].to(device)


def mask_box(mask: Bool[np.ndarray, "H W"]) -> Box | None:
    """Return the box around a person's mask, a little widened; None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return widened((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)), _MARGIN)


def widened(box: Box, by: float) -> Box:
    """Return a box of `by` times the size around the same middle."""
    left, top, right, bottom = box
    x, y, dx, dy = (left + right) / 2, (top + bottom) / 2, (right - left) / 2 * by, (bottom - top) / 2 * by
    return x - dx, y - dy, x + dx, y + dy


def cut(rgb: UInt8[np.ndarray, "H W 3"], box: Box | None) -> UInt8[np.ndarray, "h w 3"]:
    """Return what lies in a box and in the picture; the whole picture where that is nothing, or without a box."""
    if box is None:
        return rgb
    height, width = rgb.shape[:2]
    left, right = (int(np.clip(round(x), 0, width)) for x in (box[0], box[2]))
    top, bottom = (int(np.clip(round(y), 0, height)) for y in (box[1], box[3]))
    return rgb[top:bottom, left:right] if right > left and bottom > top else rgb


def face_box(person: Detection | None) -> Box | None:
    """Return a square around the face; None where nobody is, or is turned away, or the face is too small.

    From nose, eyes and ears. Left and right are the person's own: in a face that looks at the camera the left eye is on
    the right of the picture.
    """
    if person is None:
        return None
    sure = {name for name, value in zip(person.names, person.confidence, strict=True) if value > _SURE}
    if not {"nose", "left_eye", "right_eye"} <= sure:
        return None
    at = dict(zip(person.names, person.image, strict=True))
    eyes = (at["left_eye"] + at["right_eye"]) / 2
    if at["left_eye"][0] <= at["right_eye"][0]:
        return None
    sizes = [2.2 * np.linalg.norm(at["left_eye"] - at["right_eye"]), 2.5 * np.linalg.norm(eyes - at["nose"])]
    if {"left_ear", "right_ear"} <= sure:
        sizes.append(np.linalg.norm(at["left_ear"] - at["right_ear"]))
    side = 1.3 * float(max(sizes))
    if side < _SMALLEST_FACE:
        return None
    x, y = (float(value) for value in (eyes + at["nose"]) / 2)
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2
