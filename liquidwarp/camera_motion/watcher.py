"""Watch the background of a clip, and tell how the camera turned and zoomed.

Each frame is compared with a **key picture**: the first frame, and later ones where too little of it is in sight. So
errors do not add up from frame to frame, and a camera that comes back finds the first picture again.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from liquidwarp.camera_motion.tuning import CAMERA_MOTION_TUNING, CameraMotionTuning
from liquidwarp.geometry import find_turn, turn_homography, turn_pixels

_Gray = UInt8[np.ndarray, "h w"]
_Points = Float32[np.ndarray, "N 2"]

_GUESS = 1.1  # focal length in longer sides, of the way that pictures are brought near to each other
_RUNG = 2**16  # a seed of OpenCV's sampling: the same clip gives the same answer


@dataclass(frozen=True, eq=False)
class View:
    """How a frame looks, beside the first one of its shot.

    Attributes:
        turn: from the axes of the shot's first frame to those of this one.
        zoom: its focal length in those of the first.
    """

    turn: Float64[np.ndarray, "3 3"]
    zoom: float


@dataclass(frozen=True, eq=False)
class Match:
    """Corners of a key picture, found again in a frame.

    Attributes:
        frame: number of the frame.
        key: number of the frame that the key picture is.
        points: where the corners are in the key picture, pixels of the small pictures, counted as OpenCV does.
        seen: where they are in the frame.
        still: the fraction of corners that stayed where they were.
        trusted: whether enough of them agree.
    """

    frame: int
    key: int
    points: _Points
    seen: _Points
    still: float
    trusted: bool


@dataclass(frozen=True, eq=False)
class _Key:
    frame: int
    gray: _Gray
    points: _Points
    view: View


@dataclass(frozen=True, eq=False)
class _Last:
    """The frame before, for one that looks too different from the key pictures."""

    frame: int
    gray: _Gray
    free: Bool[np.ndarray, "h w"]
    view: View


def middle_of(size: tuple[int, int]) -> tuple[float, float]:
    """Return the middle of a picture of (height, width) as OpenCV counts: the first pixel's centre is at (0, 0)."""
    return size[1] / 2 - 0.5, size[0] / 2 - 0.5


class BackgroundWatcher:
    """Follows corners of the background through a clip, frame by frame.

    Args:
        size: (height, width) of the frames.
        fps: frames per second.
        tuning: what is followed, and when it is believed.

    Attributes:
        small: (height, width) of the pictures that are looked at.
        matches: what was found of each shot.
        blank: whether the first picture of a shot shows nothing to hold on to.
        looked: how many frames were compared with a key picture; of a camera that stands not all are.
    """

    def __init__(self, size: tuple[int, int], fps: float, *, tuning: CameraMotionTuning = CAMERA_MOTION_TUNING) -> None:
        self._tuning = tuning
        self._stride = max(1, round(tuning.still_seconds * fps))
        scale = min(1.0, tuning.side / max(size))
        self.small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        self.matches: list[list[Match]] = []
        self.blank = False
        self._keys: list[_Key] = []
        self._view = View(np.eye(3), 1.0)
        self._last: _Last | None = None
        self._moves = False
        self._frame = -1
        self.looked = 0

    @property
    def frames(self) -> int:
        """How many frames were watched."""
        return self._frame + 1

    def watch(
        self,
        frame: UInt8[np.ndarray, "H W 3"],
        mask: np.ndarray | None,
        box: tuple[float, float, float, float] | None,
        *,
        cut: bool = False,
    ) -> None:
        """Look at the next frame.

        Args:
            frame: RGB picture.
            mask: the person's, 1 = person, of any size; None if there is none.
            box: left, top, right, bottom around the person in pixels; None if nobody is there.
            cut: whether a new shot begins.
        """
        self._frame += 1
        if not (cut or self._moves) and self._frame % self._stride:
            return
        gray = cv2.cvtColor(self._shrunk(frame), cv2.COLOR_RGB2GRAY)
        free = self._free(mask, box, frame.shape[0])
        if cut or not self.matches:
            self.matches.append([])
            self._keys, self._view = [], View(np.eye(3), 1.0)
        if not self._keys:
            self._add_key(gray, free)
            self._last = None
            return
        self.looked += 1
        best = self._best_key()
        match = self._compare(best, gray, free)
        if (match is None or not match.trusted) and best is not self._keys[-1]:
            match = self._compare(self._keys[-1], gray, free) or match
        self._moves |= match is None or match.still < self._tuning.still_part
        if (match is None or not match.trusted) and self._last is not None:
            match = self._by_way_of_last(gray, free) or match
        if match is not None:
            self.matches[-1].append(match)
        if match is None or not match.trusted:
            return
        key = next((key for key in self._keys if key.frame == match.key), None)
        if key is not None:
            self._view = self._look(match, key.view)
        if key is None or self._too_far():
            self._add_key(gray, free)
        self._last = _Last(self._frame, gray, free, self._view)

    def _shrunk(self, frame: np.ndarray) -> np.ndarray:
        if frame.shape[:2] == self.small:
            return frame
        return cv2.resize(frame, (self.small[1], self.small[0]), interpolation=cv2.INTER_AREA)

    def _free(
        self, mask: np.ndarray | None, box: tuple[float, float, float, float] | None, height: int
    ) -> Bool[np.ndarray, "h w"]:
        """Return where the person is not."""
        taken = np.zeros(self.small, np.uint8)
        if mask is not None:
            small = cv2.resize(
                mask.astype(np.float32, copy=False), (self.small[1], self.small[0]), interpolation=cv2.INTER_AREA
            )
            taken = (small > self._tuning.least_mask).astype(np.uint8)
            radius = max(1, round(self._tuning.around_person * max(self.small)))
            taken = cv2.dilate(taken, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
        elif box is not None:
            scale = self.small[0] / height
            grown = self._tuning.around_box * (box[3] - box[1])
            low, high = np.array(box[:2]) - grown, np.array(box[2:]) + grown
            (x0, y0), (x1, y1) = (np.maximum(0, scale * end).astype(int) for end in (low, high))
            taken[y0 : y1 + 1, x0 : x1 + 1] = 1
        return taken == 0

    def _add_key(self, gray: _Gray, free: Bool[np.ndarray, "h w"]) -> None:
        points = self._corners(gray, free)
        if len(points) < self._tuning.least_points:
            self.blank |= not self._keys
            if self._keys:
                return
        self._keys.append(_Key(self._frame, gray, points, self._view))

    def _corners(self, gray: _Gray, free: Bool[np.ndarray, "h w"]) -> _Points:
        known = self._tuning
        found = cv2.goodFeaturesToTrack(
            gray, known.points, known.quality, known.apart * max(self.small), mask=free.astype(np.uint8)
        )
        if found is None:
            return np.zeros((0, 2), np.float32)
        smooth = cv2.GaussianBlur(gray, (0, 0), 1).astype(np.float32)
        around = (known.window // 3, known.window // 3)
        spread = cv2.blur(smooth**2, around) - cv2.blur(smooth, around) ** 2
        column, row = np.rint(found[:, 0]).astype(int).T
        return found[spread[row, column] > known.least_contrast**2, 0]

    def _by_way_of_last(self, gray: _Gray, free: Bool[np.ndarray, "h w"]) -> Match | None:
        """Compare a frame with the one before, and, from about where that puts it, once more with a key picture."""
        last = self._last
        assert last is not None
        key = _Key(last.frame, last.gray, self._corners(last.gray, last.free), last.view)
        match = self._compare(key, gray, free)
        if match is None or not match.trusted:
            return None
        self._view = self._look(match, key.view)
        again = self._compare(self._best_key(), gray, free)
        return again if again is not None and again.trusted else match

    def _focals(self, key: View) -> tuple[float, float]:
        unit = _GUESS * max(self.small)
        return unit * key.zoom, unit * self._view.zoom

    def _center(self) -> tuple[float, float]:
        return middle_of(self.small)

    def _relative(self, key: View) -> Float64[np.ndarray, "3 3"]:
        return self._view.turn @ key.turn.T

    def _overlap(self, key: _Key) -> float:
        """Return which part of a key picture's corners the last frame had in sight; less where it zoomed."""
        if not len(key.points):
            return 0.0
        spots = turn_pixels(
            key.points.astype(np.float64), self._center(), self._focals(key.view), self._relative(key.view)
        )
        inside = ((spots > 0) & (spots < self.small[::-1])).all(1).mean()
        zoomed = max(self._view.zoom / key.view.zoom, key.view.zoom / self._view.zoom)
        return float(inside) * min(1.0, self._tuning.zoomed / zoomed) ** 2

    def _best_key(self) -> _Key:
        """Return the first key picture that shows about as much as the one that shows most."""
        shown = [self._overlap(key) for key in self._keys]
        enough = self._tuning.near_key * max(shown)
        return next(key for key, part in zip(self._keys, shown, strict=True) if part >= enough)

    def _too_far(self) -> bool:
        return max(self._overlap(key) for key in self._keys) < self._tuning.overlap

    def _compare(self, key: _Key, gray: _Gray, free: Bool[np.ndarray, "h w"]) -> Match | None:
        """Find a key picture's corners again: it is first seen as the last frame was, so that both look alike."""
        known, center = self._tuning, self._center()
        if len(key.points) < known.least_points:
            return None
        focals, turn = self._focals(key.view), self._relative(key.view)
        near = turn_pixels(key.points.astype(np.float64), center, focals, turn).astype(np.float32)
        sight = ((near > 0) & (near < self.small[::-1])).all(1)
        if sight.sum() < known.least_points:
            return None
        points, near, warped = key.points[sight], near[sight], key.gray
        if np.abs(near - points).max() > known.agree:
            matrix = turn_homography(center, focals, turn)
            warped = cv2.warpPerspective(
                key.gray, matrix, self.small[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        else:
            near = points
        seen, there = self._follow(warped, gray, near)
        again, back = self._follow(gray, warped, seen)
        good = there & back & (np.linalg.norm(again - near, axis=1) < known.back)
        column, row = np.rint(np.nan_to_num(seen)).astype(int).T
        good &= (column >= 0) & (column < self.small[1]) & (row >= 0) & (row < self.small[0])
        good[good] &= free[row[good], column[good]]
        points, seen = points[good], seen[good]
        if len(points) < known.least_points:
            return Match(self._frame, key.frame, points, seen, 0.0, False)
        still = float((np.linalg.norm(seen - points, axis=1) < known.still).mean())
        cv2.setRNGSeed(_RUNG)
        _, agree = cv2.findHomography(points, seen, cv2.RANSAC, known.agree)
        inside = np.zeros(len(points), bool) if agree is None else agree[:, 0] > 0
        spread = float(seen[inside].std(0).max()) / max(self.small) if inside.any() else 0.0
        trusted = (
            inside.sum() >= max(known.least_points, known.least_found * sight.sum())
            and inside.mean() >= known.least_part
            and spread >= known.least_spread
        )
        match = Match(self._frame, key.frame, points[inside], seen[inside], still, bool(trusted))
        return match if not trusted or self._turns(match, key.view, len(points)) else replace(match, trusted=False)

    def _follow(self, before: _Gray, after: _Gray, points: _Points) -> tuple[_Points, Bool[np.ndarray, "N"]]:
        """Return where points of a picture are in another that looks nearly alike, and which were found."""
        side = (self._tuning.window, self._tuning.window)
        spots, found, _ = cv2.calcOpticalFlowPyrLK(
            before, after, points, np.empty_like(points), winSize=side, maxLevel=self._tuning.levels
        )
        return spots, found[:, 0] > 0

    def _turns(self, match: Match, key: View, corners: int) -> bool:
        """Return whether a turn and a zoom explain where enough of the corners are, with about any lens."""
        _, _, left = self._found(match, key)
        return bool((left < self._tuning.turned).sum() >= self._tuning.least_part * corners)

    def _look(self, match: Match, key: View) -> View:
        """Return the view of a frame; the lens is only about known here, which is enough to find corners again."""
        turn, focal, _ = self._found(match, key)
        return View(turn @ key.turn, focal / (_GUESS * max(self.small)))

    def _found(self, match: Match, key: View) -> tuple[Float64[np.ndarray, "3 3"], float, Float64[np.ndarray, "N"]]:
        return find_turn(
            match.points.astype(np.float64),
            match.seen.astype(np.float64),
            self._center(),
            self._focals(key),
            self._relative(key),
            width=self._tuning.width,
        )
