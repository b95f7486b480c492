"""A video of one person as a clip to train on, prepared by the product itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.detect import Detector, detect_clip
from liquidwarp.errors import InputError
from liquidwarp.media import is_video, open_video
from liquidwarp.tasks.recover import fit_clip
from liquidwarp.types import Clip


class FilmedClip:
    """The only clip of a training on one person; it is looked at when it is first asked for.

    Masks are the detector's, and frames in which it finds nobody are left out.

    Args:
        path: a video.
        body: the open body by default.
        detector: see `detect.default_detector`.

    Raises:
        InputError: not a video.
    """

    def __init__(self, path: Path, *, body: BodyModel | None = None, detector: Detector | None = None) -> None:
        if not is_video(path):
            raise InputError(f"{path}: not a video; give the clip of the person to train on")
        self._path, self._body, self._detector = path, body, detector
        self.names: Sequence[str] = [path.stem]
        self.skipped: Mapping[str, str] = {}

    def __getitem__(self, index: int) -> Clip:
        """Return the clip.

        Raises:
            NoPersonError: nobody is in it.
        """
        video = open_video(self._path)
        frames = np.stack(list(video))
        size = (frames.shape[1], frames.shape[2])
        found = detect_clip(iter(frames), fps=video.fps, size=size, detector=self._detector, source=self._path.name)
        track = fit_clip(self._body or load_body(), found)
        kept = track.observed.nonzero()[:, 0].tolist()
        assert found.masks is not None
        alphas = np.stack([(255 * found.masks.frame(frame, size).numpy()).round().astype(np.uint8) for frame in kept])
        return Clip(self._path.stem, frames[kept], alphas, track[kept])
