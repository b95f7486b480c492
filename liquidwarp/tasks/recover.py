"""Body recovery: pictures in, a body track out."""

import logging
from pathlib import Path

import numpy as np

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.errors import InputError
from liquidwarp.media import is_video, open_video, read_image
from liquidwarp.recovery import ClipDetection, Detector, detect_clip, fit_track
from liquidwarp.types import BodyTrack, Camera, Keypoints

_log = logging.getLogger(__name__)


def recover(
    source: str | Path | np.ndarray | Keypoints,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    camera: Camera | None = None,
    person: int = 0,
    progress: bool = False,
) -> BodyTrack:
    """Recover one person's body shape, and pose and place per frame.

    Args:
        source: a video, a photo, a folder of pictures, an RGB array (H, W, 3) or (T, H, W, 3), or keypoints that are already there.
        body: the body to fit; the open body by default.
        detector: what finds people; MediaPipe by default.
        camera: the camera, if its lens is known.
        person: which person to follow, 0 is the largest.
        progress: show progress bars.

    Raises:
        InputError: the source cannot be read.
        NoPersonError: nobody in it.
    """
    body = body or load_body()
    keypoints = source if isinstance(source, Keypoints) else detect_source(source, detector, person, progress).keypoints
    return fit_track(body, keypoints, camera=camera, progress=progress).track


def detect_source(
    source: str | Path | np.ndarray, detector: Detector | None, person: int, progress: bool
) -> ClipDetection:
    """Detect and follow one person in a video, a photo, a folder or an array."""
    if isinstance(source, np.ndarray):
        frames = source[None] if source.ndim == 3 else source
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise InputError(
                f"the picture array is {source.dtype} {source.shape}; wanted uint8 (H, W, 3) or (T, H, W, 3)"
            )
        name, fps, size, total = "the array", 25.0 if len(frames) > 1 else 0.0, frames.shape[1:3], len(frames)
        pictures = iter(frames)
    elif Path(source).is_dir() or is_video(source):
        video = open_video(source)
        name, fps, size, total, pictures = str(source), video.fps, video.size, video.frame_count, iter(video)
    else:
        picture = read_image(source).rgb
        name, fps, size, total, pictures = str(source), 0.0, picture.shape[:2], 1, iter([picture])
    found = detect_clip(
        pictures,
        fps=fps,
        size=(int(size[0]), int(size[1])),
        detector=detector,
        person=person,
        progress=progress and total != 1,
        total=total,
        source=name,
    )
    if found.others:
        _log.warning(
            "%s: %d other %s seen; following number %d (the largest is 0), choose another with --person N",
            name,
            found.others,
            "person" if found.others == 1 else "people",
            person,
        )
    return found
