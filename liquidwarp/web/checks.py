"""What was uploaded, looked at before any work is done: is it what it should be, and is it small enough."""

from dataclasses import dataclass

from liquidwarp.errors import InputError
from liquidwarp.media import is_image, is_video, open_video
from liquidwarp.media.probe import open_picture, quiet_pillow
from liquidwarp.motion import MOTION_ENDINGS, is_motion_file
from liquidwarp.person import PERSON_ENDING, is_person_file


@dataclass(frozen=True)
class Limits:
    """What a job takes.

    Attributes:
        pixels: of a photo.
        frame_pixels: of a frame of a video.
        frames: of a video.
    """

    pixels: int = 50_000_000
    frame_pixels: int = 4096 * 2304
    frames: int = 3_000


LIMITS = Limits()
"""As served."""


def check_photo(name: str, *, limits: Limits = LIMITS) -> None:
    """Check a photo, or a learnt person.

    Args:
        name: of the file.
        limits: what is taken.

    Raises:
        InputError: too large, or neither of these.
    """
    if is_person_file(name):
        return
    if not is_image(name):
        raise InputError(f"{name}: no picture that can be read; give a JPEG, PNG or WebP, or a {PERSON_ENDING} file")
    with quiet_pillow(), open_picture(name) as image:
        width, height = image.size
    if width * height > limits.pixels:
        most = limits.pixels // 10**6
        raise InputError(f"{name}: {width}x{height} is more than {most} million pixels; give a smaller copy")


def check_motion(name: str, *, limits: Limits = LIMITS) -> bool:
    """Check a video or a motion; return whether it is a video.

    Args:
        name: of the file.
        limits: what is taken.

    Raises:
        InputError: too large, too long, or neither of these.
    """
    if is_motion_file(name):
        return False
    if not is_video(name):
        raise InputError(f"{name}: no video that can be read; give an MP4, MOV or WebM, or a motion ({_MOTIONS})")
    clip = open_video(name)
    height, width = clip.size
    if height * width > limits.frame_pixels:
        raise InputError(f"{name}: frames of {width}x{height} are too large; give a video of 2160 lines at most")
    if clip.frame_count > limits.frames:
        raise InputError(
            f"{name}: {clip.frame_count} frames, more than {limits.frames}; cut the video, or use "
            "'liquidwarp imitate' on the command line, which takes any length"
        )
    return True


_MOTIONS = ", ".join(MOTION_ENDINGS)
