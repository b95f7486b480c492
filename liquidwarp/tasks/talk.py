"""Talking heads: a photo of a face says what somebody says in a clip."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from liquidwarp.checks import check_choice
from liquidwarp.detect import Face, FaceDetector
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.face import (
    Expressions,
    FaceMotionTuning,
    FacePainter,
    HeadFrame,
    PhotoFace,
    mouth_is_covered,
    read_expressions,
)
from liquidwarp.face.tuning import FACE_MOTION_TUNING
from liquidwarp.fit import face_track
from liquidwarp.media import ClipLike, PictureLike, given_name, is_path, open_video, read_frames, read_picture
from liquidwarp.parallel import pool_map, thread_count

_WHOLE = 0.9  # of a face's points, inside of the picture
_USUAL_FPS = 25.0  # of frames in memory
HEADS = ("move", "still")


def talk(
    photo: PictureLike,
    motion: ClipLike,
    *,
    person: int = 0,
    motion_person: int = 0,
    head: str = "move",
    size: int | None = None,
    detector: FaceDetector | None = None,
    progress: bool = False,
    tuning: FaceMotionTuning = FACE_MOTION_TUNING,
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the photo, its face saying what the clip's face says, a picture per frame, lazily.

    No body is fitted: mouth, brows, eyelids and, moderately, the head follow the driver; shoulders and background stay.
    What is carried over is relative to the driver's own resting face, in the photo's proportions.

    Args:
        photo: of a face that looks about at the camera, 40 pixels wide or more; a path, a PIL picture, an array.
        motion: a clip of somebody who talks: a video, a folder of pictures, or frames.
        person: which face of the photo, 0 is the largest.
        motion_person: which face of the clip, 0 is the largest in the first frame that shows any.
        head: "move" lets the head follow, "still" moves the face alone.
        size: longer side of the pictures; by default the photo's.
        detector: what finds faces.
        progress: show a progress bar.
        tuning: the numbers.

    Raises:
        InputError: a source that cannot be read, a face in profile or too small, or no face of that number.
        NoPersonError: a photo or a clip without a face.

    Examples:
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.media import read_image
        >>> from liquidwarp.tasks import talk
        >>> photo = read_image(asset("woman_stripes.jpg")).rgb
        >>> pictures = list(talk(photo, photo[None].repeat(2, 0), size=320))
        >>> len(pictures), max(pictures[0].shape)
        (2, 320)
    """
    check_choice("head", head, HEADS)
    detector = detector or FaceDetector()
    name = given_name(photo)
    picture = read_picture(photo, "photo").rgb
    points = detector.pick(picture, person, source=name).points
    if size is not None:
        picture, points = _resized(picture, points, size)
    stand = HeadFrame.of(points)
    if stand.yaw > tuning.most_turned[0]:
        raise InputError(
            f"{name}: the face is turned {stand.yaw:.0f} degrees away; give a photo that shows it from the front"
        )
    if stand.unit < tuning.least_eyes:
        raise InputError(
            f"{name}: the face is {2 * stand.unit:.0f} pixels wide, too small to move; give a larger photo or --size"
        )
    inside = ((points[:, :2] >= 0) & (points[:, :2] <= (picture.shape[1], picture.shape[0]))).all(1)
    if inside.mean() < _WHOLE:
        raise InputError(f"{name}: the picture's edge cuts the face off; give a photo that shows all of it")
    if mouth_is_covered(picture, points):
        raise InputError(f"{name}: something covers the mouth; give a photo without a mask")
    moves = _expressions(motion, detector, motion_person, progress, tuning)
    turns = head == "move"
    ready = PhotoFace.of(picture, points, head=turns)
    painter = FacePainter(ready, picture)

    def draw(index: int) -> np.ndarray:
        made = picture.copy()
        made[painter.window] = painter.paint(ready.carried(moves, index, head=turns, tuning=tuning))
        return made

    return pool_map(draw, range(len(moves)), workers=thread_count())


def _expressions(
    motion: ClipLike, detector: FaceDetector, number: int, progress: bool, tuning: FaceMotionTuning
) -> Expressions:
    name = given_name(motion)
    found: tuple[Face | None, ...]
    if is_path(motion):
        clip = open_video(Path(motion))
        fps = clip.fps
        found = detector.follow(clip, number, progress=progress, total=clip.frame_count, source=name)
    else:
        frames, fps = read_frames(motion), _USUAL_FPS
        found = detector.follow(frames, number, progress=progress, total=len(frames), source=name)
    track = face_track(found)
    assert track is not None
    moves = read_expressions(track, fps=fps, tuning=tuning)
    if moves is None:
        raise NoPersonError(
            f"{name}: the face is too small, or turned away, in all frames; give a clip of somebody who looks at the "
            "camera, the face 30 pixels wide or more"
        )
    return moves


def _resized(picture: np.ndarray, points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    factor = np.array([wanted[0] / width, wanted[1] / height, scale], np.float32)
    return cv2.resize(picture, wanted, interpolation=how), points * factor
