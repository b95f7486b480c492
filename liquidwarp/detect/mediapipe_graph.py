"""MediaPipe's graphs: one picture, looked at straight and mirrored, through an affine view."""

import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from liquidwarp.detect.answers import TWIN, distance
from liquidwarp.detect.native_log import native_log_muted
from liquidwarp.errors import InputError
from liquidwarp.parallel import OneProcess

_DIFFERENT = 0.1  # of the longer side: two answers so far apart are about two people, or one is wrong
_ALIASING = 0.75  # zoom below which bicubic sampling alone would alias
_ALIASING_BACK = 1.33  # zoom above which linear sampling back would
_NEAR_MASK = 0.02  # of the body's longer side: how close to the mask a landmark must lie to be covered
_MASKED = 0.3  # mask from which on it is
_BODY = slice(11, 33)  # all but the face


@dataclass(frozen=True, eq=False)
class CropView:
    """A part of a picture, resampled.

    Attributes:
        matrix: affine map from the picture's pixels to the view's, both counted from the top-left corner.
        size: (height, width) of the view.
    """

    matrix: Float[np.ndarray, "2 3"]
    size: tuple[int, int]

    def resample(self, frame: np.ndarray) -> np.ndarray:
        """Return the view of a picture; beyond its border the border's colours go on."""
        linear = self.matrix[:, :2]
        zoom = float(np.sqrt(abs(np.linalg.det(linear))))
        if zoom < _ALIASING:
            sigma = 0.5 * np.sqrt(1 / zoom**2 - 1)
            frame = cv2.GaussianBlur(frame, (0, 0), sigma)
        return cv2.warpAffine(
            frame, self._centred(), self.size[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    def points_back(self, points: np.ndarray) -> np.ndarray:
        """Map pixels of the view to pixels of the picture."""
        inverse = cv2.invertAffineTransform(self.matrix)
        return points @ inverse[:, :2].T + inverse[:, 2]

    def mask_back(self, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Resample a mask of the view to a picture of `size`; 0 outside of the view."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        zoom = float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))
        if zoom > _ALIASING_BACK:
            mask = cv2.GaussianBlur(mask, (0, 0), 0.5 * np.sqrt(zoom**2 - 1))
        return cv2.warpAffine(mask, self._centred(), size[::-1], flags=flags)

    def _centred(self) -> np.ndarray:
        """Return the matrix for cv2, which counts from the middle of the first pixel."""
        shift = self.matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
        return np.column_stack([self.matrix[:, :2], self.matrix[:, 2] + shift])


@dataclass(frozen=True, eq=False)
class Answer:
    """MediaPipe's answer in a picture's pixels: landmarks, visibility, world landmarks (metres), mask."""

    image: Float[np.ndarray, "33 2"]
    confidence: Float[np.ndarray, "33"]
    world: Float[np.ndarray, "33 3"]
    mask: Float[np.ndarray, "H W"]

    @property
    def score(self) -> float:
        """How far landmarks and mask speak for a person: mean visibility times the part of the body inside the mask."""
        height, width = self.mask.shape
        x, y = np.floor(self.image[_BODY]).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        reach = 2 * round(_NEAR_MASK * max(np.ptp(self.image, axis=0).max(), 1)) + 1
        near = cv2.dilate(self.mask, np.ones((reach, reach), np.uint8))
        covered = (near[y[inside], x[inside]] > _MASKED).sum() / max(1, int(inside.sum()))
        return float(self.confidence.mean() * covered)


def average_answers(answers: Sequence[Answer]) -> Answer:
    """Return the mean of answers about one picture."""
    if len(answers) == 1:
        return answers[0]
    parts = ("image", "confidence", "world", "mask")
    count = np.float32(len(answers))
    return Answer(*(sum(getattr(answer, part) for answer in answers) / count for part in parts))


class PosePair:
    """Two graphs, one for the picture as it is and one for its mirror image, run in two threads.

    Args:
        tracking: look around the last answer first (keep the view the same and give pictures in order); otherwise
            every picture is searched afresh.
        mirror: use the mirror image too.
        min_confidence: what the person finder asks for.
    """

    def __init__(self, *, tracking: bool, mirror: bool, min_confidence: float) -> None:
        self._straight = _make_graph(tracking, min_confidence)
        self._mirrored = _make_graph(tracking, min_confidence) if mirror else None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mediapipe-mirror")
        self._chatty = True
        self._here = OneProcess("MediaPipe")
        # an open graph keeps threads and 120 MB of weights for good
        self._closer = weakref.finalize(self, _close, self._pool, [self._straight, self._mirrored])

    def close(self) -> None:
        """Free graphs and threads; dropping the pair does the same."""
        self._closer()

    def forget(self) -> None:
        """Drop what the tracker remembers: the next picture is searched afresh."""
        with native_log_muted():
            for graph in (self._straight, self._mirrored):
                if graph is not None:
                    graph.reset()
        self._chatty = True

    def look(self, frame: np.ndarray, view: CropView, last: np.ndarray | None = None) -> Answer | None:
        """Return the one person that MediaPipe sees in a view of an RGB picture, or None.

        Where the two answers differ as a whole (one of them is wrong), one counts alone: the nearer to the landmarks
        `last` seen a frame ago, or the surer one.
        """
        self._here.check()
        with native_log_muted() if self._chatty else nullcontext():
            good = self._ask(view.resample(frame))
        if not good:
            return None
        self._chatty = False  # warnings come with a graph's first answer
        if len(good) == 2 and distance(good[0].image, good[1].image) > _DIFFERENT:
            if last is None:
                good = [max(good, key=lambda answer: answer.score)]
            else:
                good = [min(good, key=lambda answer: distance(view.points_back(answer.image), last))]
        mean = average_answers(good)
        height, width = frame.shape[:2]
        return Answer(
            view.points_back(mean.image).astype(np.float32),
            mean.confidence,
            mean.world,
            view.mask_back(mean.mask, (height, width)),
        )

    def _ask(self, picture: np.ndarray) -> list[Answer]:
        """Return what the graphs see, in the pixels of `picture`."""
        other = []
        if self._mirrored is not None:
            other = [self._pool.submit(_run, self._mirrored, cv2.flip(picture, 1))]
        try:
            answers = [_run(self._straight, picture)]
        finally:
            wait(other)  # after Ctrl-C too: what it logs with its first answer has to come while that is muted
        answers += [_unmirror(mirrored.result()) for mirrored in other]
        return [answer for answer in answers if answer is not None]


def _close(pool: ThreadPoolExecutor, graphs: list[Any]) -> None:
    pool.shutdown()
    for graph in graphs:
        if graph is not None:
            graph.close()


def _run(graph: Any, picture: np.ndarray) -> Answer | None:
    result = graph.process(picture)
    if result.pose_landmarks is None or result.segmentation_mask is None:
        return None
    height, width = picture.shape[:2]
    marks = result.pose_landmarks.landmark
    return Answer(
        np.array([[m.x * width, m.y * height] for m in marks], np.float32),
        np.array([m.visibility for m in marks], np.float32),
        np.array([[m.x, m.y, m.z] for m in result.pose_world_landmarks.landmark], np.float32),
        np.array(result.segmentation_mask, np.float32),
    )


def _unmirror(answer: Answer | None) -> Answer | None:
    """Turn the answer about a mirrored picture into one about the picture."""
    if answer is None:
        return None
    image, world = answer.image[TWIN], answer.world[TWIN]
    image[:, 0] = answer.mask.shape[1] - image[:, 0]
    world[:, 0] = -world[:, 0]
    return Answer(image, answer.confidence[TWIN], world, cv2.flip(answer.mask, 1))


def _make_graph(tracking: bool, min_confidence: float) -> Any:
    """Make a graph without filters over time (they lag) and run it once, so that its start-up chatter is over."""
    with native_log_muted():
        try:
            from mediapipe.python.solutions.pose import Pose  # imported late: it loads hundreds of modules
        except ImportError as error:
            raise InputError(
                "mediapipe 0.10.21 is not installed here; pip install 'liquidwarp[mediapipe]' (Python 3.11 or 3.12), "
                "or take LiteRtDetector, which runs the same networks"
            ) from error

        graph = Pose(
            static_image_mode=not tracking,
            model_complexity=1,
            smooth_landmarks=False,
            enable_segmentation=True,
            smooth_segmentation=False,
            min_detection_confidence=min_confidence,
            min_tracking_confidence=min_confidence,
        )
        graph.process(np.zeros((64, 64, 3), np.uint8))
    return graph
