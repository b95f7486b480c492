"""Find people in a picture and follow one through a clip."""

import logging
from collections.abc import Iterable, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.camera_motion import BackgroundWatcher, CameraKind, CameraMotion, judge
from liquidwarp.console import progress_bar
from liquidwarp.detect.crossings import Crossings
from liquidwarp.detect.details import Face, Hands
from liquidwarp.detect.hidden_legs import describe_hidden_legs
from liquidwarp.detect.light import brightened
from liquidwarp.detect.litert.detector import LiteRtDetector
from liquidwarp.detect.masks import MaskStack, pack_mask, stored_size
from liquidwarp.detect.person_colors import KnownPeople
from liquidwarp.detect.profiles import profile_of
from liquidwarp.detect.protocol import (
    Box,
    Detection,
    Detector,
    Follower,
    FollowingDetector,
    SearchingDetector,
    box_area,
    box_distance,
    box_iou,
    drop_outside,
    is_same,
)
from liquidwarp.detect.shots import mark_cuts
from liquidwarp.detect.sides import put_sides_right
from liquidwarp.detect.tuning import FOLLOW_TUNING, FollowTuning
from liquidwarp.detect.turned import detect_turned
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.parallel import prefetch
from liquidwarp.types import DetectorProfile, Keypoints

_log = logging.getLogger(__name__)

_MOST_NAMED = 6  # gaps or cuts that a message names one by one


@dataclass(frozen=True, eq=False)
class ClipDetection:
    """What a detector saw of one person in T frames.

    Attributes:
        keypoints: the person's landmarks.
        masks: the person's masks; None if the detector makes none.
        boxes: left, top, right, bottom around the landmarks in pixels; zeros where no person was found.
        others: how many other people were seen where the person was chosen.
        hands: the person's hands in each frame; empty from detectors that do not look at them.
        faces: the person's face in each frame; empty in the same way.
        motion: how the camera moved; None of one that stands, or that nobody watched.
    """

    keypoints: Keypoints
    masks: MaskStack | None
    boxes: Float[Tensor, "T 4"]
    others: int
    hands: tuple[Hands | None, ...] = ()
    faces: tuple[Face | None, ...] = ()
    motion: CameraMotion | None = None

    def detection(self, frame: int) -> Detection:
        """Return the person in one frame."""
        points = self.keypoints
        confidence = points.confidence[frame].numpy()
        world = None if points.world is None else points.world[frame].numpy()
        mask = None if self.masks is None else self.masks.frame(frame, points.size).numpy()
        return Detection(
            points.names,
            points.image[frame].numpy(),
            confidence,
            world,
            mask,
            float(confidence.mean()),
            self.hands[frame] if self.hands else None,
            self.faces[frame] if self.faces else None,
        )


def detect_people(frame: UInt8[np.ndarray, "H W 3"], *, detector: Detector | None = None) -> list[Detection]:
    """Return every person that can be found in an RGB picture, the largest first; see `default_detector`."""
    detector, frame = detector or default_detector(), brightened(frame)
    return with_small_people(detector, frame, detector.detect(frame), FOLLOW_TUNING)


def detect_clip(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    *,
    fps: float,
    size: tuple[int, int],
    detector: Detector | None = None,
    person: int = 0,
    mask_size: int = 256,
    watch_camera: bool = False,
    progress: bool = False,
    total: int | None = None,
    source: str = "the frames",
    tuning: FollowTuning = FOLLOW_TUNING,
) -> ClipDetection:
    """Follow one person through a clip.

    Frames are read once, in order, a few ahead, and let go. The person is chosen in the first frame that shows anybody
    and followed by the overlap of boxes, and by the colours of clothes where there are several; someone who was lost
    for half a second is taken up again wherever a person of about the same size appears. Frames without the person are
    flagged in `keypoints.present` and counted in a warning. Cuts are found and named in another (`keypoints.cuts`).
    Frames in which the detector took left for right are put right (`detect.sides`).
    A photo that shows nobody is also looked at turned, for people who are upside down or lie.

    Args:
        frames: RGB pictures of one size.
        fps: frames per second; 0 for unrelated pictures.
        size: (height, width) of the pictures.
        detector: what finds people; see `default_detector`.
        person: which person to follow, 0 is the largest in the first frame that shows anybody.
        mask_size: longer side of the masks kept.
        watch_camera: look at the background for a camera that turns or zooms (`ClipDetection.motion`).
        progress: show a progress bar.
        total: number of frames, for the progress bar.
        source: what messages call the frames, such as a file name.
        tuning: who is taken to be the same person, and for how long.

    Raises:
        NoPersonError: no frame shows a person.
        InputError: there is no person number `person`, or a frame has another size.
    """
    follower = ClipFollower(detector or default_detector(), person, fps, source, tuning=tuning)
    cuts: list[int] = []
    small = stored_size(size, mask_size)
    watcher = BackgroundWatcher(size, fps, tuning=tuning.camera) if watch_camera and fps > 0 else None
    found: list[Detection | None] = []
    packed: list[bytes] = []
    with_masks = False
    if total is None and isinstance(frames, Sized):
        total = len(frames)
    with (
        closing(prefetch(frames)) as read,
        progress_bar(read, desc="detect", total=total, shown=progress, unit="frame") as bar,
    ):
        marked = mark_cuts(iter(bar), tuning=tuning.shots) if fps > 0 else zip(bar, repeat(False))
        for index, (frame, cut) in enumerate(marked):
            if frame.shape[:2] != tuple(size):
                raise InputError(
                    f"{source}: frame {index} is {frame.shape[1]}x{frame.shape[0]}, wanted {size[1]}x{size[0]}; "
                    "re-encode the video at one size"
                )
            if cut:
                cuts.append(index)
            detection = follower.next(frame, cut=cut)
            if watcher is not None:
                seen = (None, None) if detection is None else (detection.mask, detection.box)
                watcher.watch(frame, *seen, cut=cut)
            packed.append(pack_mask(detection.mask if detection else None, small))
            with_masks |= bool(packed[-1])
            found.append(_without_mask(detection))
    if not found:
        raise InputError(f"{source}: no frames; check that the video plays")
    used = follower.detector
    keypoints = collect_keypoints(
        found, size=size, fps=fps, detector=used.name, profile=profile_of(used), source=source, tuning=tuning
    )
    if cuts:
        keypoints = replace(keypoints, cuts=tuple(cuts))
        _log.warning("%s: %s", source, describe_cuts(cuts, fps))
    boxes = torch.tensor([d.box if d else (0.0, 0.0, 0.0, 0.0) for d in found], dtype=torch.float32)
    gaps = describe_gaps(keypoints.present, fps)
    if gaps:
        _log.warning("%s: %s", source, gaps)
    hidden = describe_hidden_legs(keypoints, tuning=tuning)
    if hidden:
        _log.warning("%s: %s", source, hidden)
    if follower.undecided:
        _log.warning("%s: %s", source, describe_undecided(follower.undecided, fps, follower.others + 1))
    motion = None if watcher is None else _moved(watcher, cuts, source, tuning)
    faces = tuple(None if detection is None else detection.face for detection in found)
    seen_hands = [None if detection is None else detection.hands for detection in found]
    keypoints, hands = put_sides_right(keypoints, seen_hands, faces, source=source, tuning=tuning.sides)
    return ClipDetection(
        keypoints,
        MaskStack(tuple(packed), small) if with_masks else None,
        boxes,
        follower.others,
        hands if any(hands) else (),
        faces if any(faces) else (),
        motion,
    )


def _moved(watcher: BackgroundWatcher, cuts: Sequence[int], source: str, tuning: FollowTuning) -> CameraMotion | None:
    """Return how the camera moved, or None; say so where the background does not tell."""
    motion = judge(watcher, cuts, tuning=tuning.camera)
    if motion.kind is CameraKind.UNKNOWN:
        cause = "shows nothing to hold on to" if motion.blank else "does not move as one"
        _log.warning("%s: what is behind the person %s; the camera is taken to stand still", source, cause)
    return motion if motion.kind is CameraKind.MOVING else None


def collect_keypoints(
    detections: Sequence[Detection | None],
    *,
    size: tuple[int, int],
    fps: float,
    detector: str,
    profile: DetectorProfile | None = None,
    source: str = "the frames",
    tuning: FollowTuning = FOLLOW_TUNING,
) -> Keypoints:
    """Put the detections of one person (None where it was not found) into one value.

    Landmarks outside of the picture by more than 5% lose their confidence.

    Args:
        detections: one per frame.
        size: (height, width) of the pictures.
        fps: frames per second; 0 for unrelated pictures.
        detector: name and version of what made them.
        profile: what is known of it; nothing by default.
        source: what messages call the frames.

    Raises:
        NoPersonError: every detection is None.
    """
    first = next((d for d in detections if d is not None), None)
    if first is None:
        where = "" if len(detections) == 1 else f" (in none of {len(detections)} frames)"
        raise NoPersonError(
            f"no person found in {source}{where}; try a picture that shows the whole person, "
            f"at least {tuning.least_height} pixels tall and well lit"
        )
    count = len(first.names)
    image = np.zeros((len(detections), count, 2), np.float32)
    confidence = np.zeros((len(detections), count), np.float32)
    world = None if first.world is None else np.zeros((len(detections), count, 3), np.float32)
    for index, detection in enumerate(detections):
        if detection is None:
            continue
        image[index], confidence[index] = detection.image, detection.confidence
        if world is not None and detection.world is not None:
            world[index] = detection.world
    return Keypoints(
        names=first.names,
        image=torch.from_numpy(image),
        confidence=torch.from_numpy(drop_outside(image, confidence, size, tuning=tuning)),
        world=None if world is None else torch.from_numpy(world),
        present=torch.tensor([d is not None for d in detections]),
        size=(int(size[0]), int(size[1])),
        fps=float(fps),
        detector=detector,
        profile=profile or DetectorProfile(),
    )


def describe_gaps(present: Bool[Tensor, "T"], fps: float) -> str:
    """Say in one line which frames have no person; an empty string if all have one.

    "frames 12-17 (0.5 s) and 80 without a person (bridged)"
    """
    missing = [index for index, here in enumerate(present.tolist()) if not here]
    if not missing:
        return ""
    runs: list[list[int]] = []
    for index in missing:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    if len(runs) > _MOST_NAMED:
        return f"{len(missing)} of {len(present)} frames without a person (bridged)"
    words = _listed([_run_words(run, fps) for run in runs])
    return f"frame{'s' if len(missing) > 1 else ''} {words} without a person (bridged)"


def describe_cuts(cuts: Sequence[int], fps: float) -> str:
    """Say in one line where a clip is cut.

    "2 cuts, at 1.6 s and 4.0 s; each of the 3 shots is taken by itself"
    """
    count = f"{len(cuts)} cut{'s' if len(cuts) > 1 else ''}"
    if len(cuts) <= _MOST_NAMED:
        count += f", at {_listed([f'{cut / fps:.1f} s' for cut in cuts])}"
    return f"{count}; each of the {len(cuts) + 1} shots is taken by itself"


def describe_undecided(frames: Sequence[int], fps: float, people: int) -> str:
    """Say in one line where it is not clear who is who.

    "people who look alike meet at 1.2 s (frame 31), and nothing tells who is who afterwards: from there on ..."
    """
    where = _listed([f"{frame / fps:.1f} s (frame {frame})" for frame in frames[:_MOST_NAMED]])
    return (
        f"people who look alike meet at {where}, and nothing tells who is who afterwards: another person may be "
        f"followed from there on; look at --overlay, and choose --person 0 to {people - 1} (in a motion "
        "--motion-person), crop the picture to one of them, or trim the clip to before they meet"
    )


def pick_person(
    people: Sequence[Detection], last: Box, *, lost: bool = False, tuning: FollowTuning = FOLLOW_TUNING
) -> Detection | None:
    """Return the one of `people` who was in the box `last` a moment ago, or None.

    With `lost`, when that moment is long ago, the place does not matter any more: the most similar size wins.
    """
    best = max(people, key=lambda d: box_iou(d.box, last) - box_distance(d.box, last), default=None)
    if best is None or is_same(best.box, last, tuning=tuning):
        return best
    if not lost:
        return None
    before = max(box_area(last), 1e-6)
    close = [d for d in people if tuning.least_size < (box_area(d.box) / before) ** 0.5 < tuning.most_size]
    return min(close, key=lambda d: abs(np.log(max(box_area(d.box), 1e-6) / before)), default=None)


class ClipFollower:
    """Follows one person through a clip with any detector, and takes it up again after it was lost.

    People are told apart by where they are and, where there are several, by what they look like: who comes out of a
    crossing in the clothes of somebody else is somebody else.

    Args:
        detector: what finds people.
        person: which to follow, 0 is the largest in the first frame that shows anybody.
        fps: frames per second; 0 for unrelated pictures.
        source: what messages call the frames, such as a file name.
        tuning: who is taken to be the same person, and for how long.
    """

    def __init__(
        self, detector: Detector, person: int, fps: float, source: str, *, tuning: FollowTuning = FOLLOW_TUNING
    ) -> None:
        self.detector = detector
        self.others = 0
        self._person = person
        self._source = source
        self._tuning = tuning
        self._still, self._fps = fps <= 0, fps
        self._crossings = Crossings(fps, tuning=tuning)
        self._undecided: list[int] = []
        self._forget = max(1, round(tuning.forget_seconds * fps))
        self._frames, self._next_search = 0, 0
        self._dark = False
        self._wait = tuning.search_seconds * fps
        self._last: Box | None = None
        self._lost = 0
        self._follower: Follower | None = None
        self._known = KnownPeople(tuning.colors)
        self._doubts = 0

    @property
    def undecided(self) -> list[int]:
        """Frames in which people met who could not be told apart afterwards."""
        return [*self._undecided, *self._crossings.undecided]

    def next(self, frame: np.ndarray, *, cut: bool = False) -> Detection | None:
        """Return the person in the next frame, or None; after a `cut` it may be anywhere, of any size."""
        self._frames += 1
        frame = self._lit(frame)
        if cut:
            self._follower, self._doubts = None, 0
            self._undecided += self._crossings.undecided
            self._crossings = Crossings(self._fps, tuning=self._tuning)
        near = self._follower.next(frame) if self._follower is not None else None
        if near is not None:
            near = self._checked(frame, near)
        else:
            near = self._search(frame, cut)
        changed, near = self._crossings.check(self._frames - 1, frame, near, self.detector.detect)
        if changed:
            near = self._follow(frame, near)
        if near is not None:
            self._last, self._lost = near.box, 0
            if not self._doubts:
                self._known.learn(frame, near)
        else:
            self._lost += 1
        return near

    def _lit(self, frame: np.ndarray) -> np.ndarray:
        """Return the frame as the detector is to see it, and say once if it is not as it is."""
        lit = brightened(frame, tuning=self._tuning)
        if lit is not frame and not self._dark:
            self._dark = True
            _log.warning("%s: dark; brightened to find the person, its own colours are kept", self._source)
        return lit

    def _search(self, frame: np.ndarray, cut: bool) -> Detection | None:
        """Look at the whole picture, and follow who was found from there on."""
        people = self.detector.detect(frame)
        enough = len(people) > self._person if self._last is None else self._lost < self._forget or bool(people)
        if self._frames >= self._next_search and not (enough and _is_sure(people, self._tuning)):
            people = with_small_people(self.detector, frame, people, self._tuning, wanted=self._person + 1)
            self._next_search = self._frames + max(1, round(self._wait))
            self._wait *= 2
        if self._last is None:
            if not people and self._still:
                people = detect_turned(self.detector, frame, tuning=self._tuning)
            found = self._choose(frame, people)
        else:
            likely = self._known.without_others(frame, people)
            if cut:
                found = self._known.most_alike(frame, likely)
            else:
                found = pick_person(likely, self._last, lost=self._lost >= self._forget, tuning=self._tuning)
            if found is not None and not self._crossings.is_begun:  # after a cut
                number = next(number for number, other in enumerate(people) if other is found)
                self._crossings.begin(self._frames - 1, frame, people, number)
        return self._follow(frame, found)

    def _follow(self, frame: np.ndarray, found: Detection | None) -> Detection | None:
        self._follower = None
        if found is not None and isinstance(self.detector, FollowingDetector):
            self._follower = self.detector.follow(frame, found)
        return found

    def _checked(self, frame: np.ndarray, near: Detection) -> Detection | None:
        """Return who was followed, or the person itself where that has become somebody else."""
        look = self._known.look(frame, near)
        if look is None or not (self._known.is_another(look) or self._known.is_changed(look)):
            self._doubts = 0
            return near
        people = self.detector.detect(frame)
        self._known.meet(frame, people)
        if self._known.is_another(look):
            self._doubts = 0
            return self._follow(frame, self._known.most_alike(frame, self._known.without_others(frame, people)))
        # Nobody else is there, or nobody who looks more like the person: a new look, if it stays.
        self._doubts = self._doubts + 1 if self._doubts < self._forget else 0
        return near

    def _choose(self, frame: np.ndarray, people: list[Detection]) -> Detection | None:
        if not people:
            return None
        if not 0 <= self._person < len(people):
            raise InputError(
                f"{self._source}: there is no person {self._person}, only {len(people)} found; "
                f"choose --person 0{f' to {len(people) - 1}' if len(people) > 1 else ''} (in a motion --motion-person)"
            )
        self.others = len(people) - 1
        self._known.begin(frame, people, self._person)
        self._crossings.begin(self._frames - 1, frame, people, self._person)
        return people[self._person]


def with_small_people(
    detector: Detector,
    frame: UInt8[np.ndarray, "H W 3"],
    people: list[Detection],
    tuning: FollowTuning,
    *,
    wanted: int = 1,
) -> list[Detection]:
    """Return the people of a picture; of those who are small in it too, where too few are seen or none for sure.

    Args:
        detector: what finds people; only a `SearchingDetector` can look for small ones.
        frame: the picture.
        people: what its `detect` found.
        tuning: who is seen for sure.
        wanted: how many are enough.
    """
    if not isinstance(detector, SearchingDetector) or (len(people) >= wanted and _is_sure(people, tuning)):
        return people
    small = detector.search(frame)
    surest = max((person.score for person in small), default=0.0)
    kept = [one for one in people if one.score >= min(tuning.doubtful, surest - tuning.far_surer)]
    kept += [one for one in small if all(box_iou(one.box, other.box) <= tuning.same_overlap for other in kept)]
    return sorted(kept, key=lambda person: -box_area(person.box))


def _is_sure(people: Sequence[Detection], tuning: FollowTuning) -> bool:
    return max((person.score for person in people), default=0.0) >= tuning.doubtful


def _without_mask(detection: Detection | None) -> Detection | None:
    if detection is None:
        return None
    return replace(detection, mask=None)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _run_words(run: list[int], fps: float) -> str:
    if len(run) == 1:
        return str(run[0])
    seconds = f" ({len(run) / fps:.1f} s)" if fps > 0 else ""
    return f"{run[0]}-{run[-1]}{seconds}"


def default_detector(*, hands: bool = True) -> Detector:
    """Return a new detector of the kind that is used where none is given: `LiteRtDetector`, which looks at faces too.

    Args:
        hands: look at hands that are large enough (`HandTuning`); they cost up to 18 ms a frame.
    """
    return LiteRtDetector(hands=hands, face=True)
