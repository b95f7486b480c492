"""What a photo says of its own lens."""

import math

from PIL import Image

from liquidwarp.media.probe import DAMAGED_PICTURE

_EXIF, _FOCAL_35, _WIDTH, _HEIGHT = 0x8769, 0xA405, 0xA002, 0xA003  # tags of EXIF
_DIAGONAL = math.hypot(36, 24)  # millimetres: equivalent focal lengths have the same angle across the diagonal
_SHORTEST, _LONGEST = 4, 2000  # millimetres
_CROPPED = 0.02  # by which the sides' proportion may differ from that of the picture that was taken


def fov_from_exif(image: Image.Image) -> float | None:
    """Return the field of view along the longer side in degrees, by EXIF's 35 mm equivalent focal length.

    None if the picture does not say, or has other proportions than EXIF says it was taken with: then it was cropped.

    Source: CIPA DC-008 (EXIF 2.32), FocalLengthIn35mmFilm; the equivalent is by the diagonal (CIPA DCG-001).
    """
    try:
        tags = image.getexif().get_ifd(_EXIF)
        focal = float(tags.get(_FOCAL_35, 0))
        taken = sorted(float(tags.get(tag, side)) for tag, side in zip((_WIDTH, _HEIGHT), image.size, strict=True))
    except (*DAMAGED_PICTURE, TypeError, ValueError, ZeroDivisionError):  # broken EXIF: the picture itself is fine
        return None
    short, long = sorted(image.size)
    if not _SHORTEST <= focal <= _LONGEST or min(*taken, short) <= 0:
        return None
    if abs(taken[1] / taken[0] / (long / short) - 1) > _CROPPED:
        return None
    return math.degrees(2 * math.atan(_DIAGONAL / focal * long / math.hypot(long, short) / 2))
