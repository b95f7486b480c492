"""Recover a person from one of several calibrated cameras and compare with whom the others see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cameras_rig as rig
import numpy as np
import torch
from PIL import Image
from recovery_measure import Scores, rest_pose

import liquidwarp as lw
from liquidwarp.bodies import BodyModel
from liquidwarp.detect import ClipDetection, detect_clip
from liquidwarp.fit import FitWeights
from liquidwarp.media import open_video, to_uint8
from liquidwarp.metrics import iou
from liquidwarp.metrics.pose import joint_errors, middle_of_hips, similarity_aligned
from liquidwarp.tasks import synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.types import Camera

JOINTS = tuple(
    f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
)
COMPARED = (*JOINTS, "left_ear", "right_ear")  # the ears tell the neck; MPJPE is over `JOINTS`
ANGLES = ("trunk", "neck", "elbow", "knee")
METRICS = ("mpjpe", "pa_mpjpe", "x", "y", "depth", *ANGLES, "overlap")
FLOORS = ("rest pose", "detector")
WAYS = (*FLOORS, "recover", "registered", "short", "recover, lens known", "stills")
_LIMBS = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{one}", f"{side}_{two}")
        for side in ("left", "right")
        for one, two in (
            ("shoulder", "hip"),
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("hip", "knee"),
            ("knee", "ankle"),
        )
    ),
)
_BENDS = {"elbow": ("shoulder", "elbow", "wrist"), "knee": ("hip", "knee", "ankle")}
_PICTURE = 480  # longer side of the pictures in which outlines are compared


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip by several cameras.

    Attributes:
        videos: path by camera.
        found: what the default detector saw, by camera.
        cameras: made to agree.
        turned: (views, 2) degrees by which each had to be tilted and panned.
    """

    videos: dict[str, Path]
    found: dict[str, ClipDetection]
    cameras: dict[str, Camera]
    turned: np.ndarray

    def frames(self, camera: str) -> Iterator[np.ndarray]:
        """Read the pictures of a camera."""
        return iter(open_video(self.videos[camera]))


@dataclass(frozen=True, eq=False)
class Truth:
    """Whom the other cameras see, for one camera.

    Attributes:
        points: landmarks (T, L, 3) in the axes of the camera, metres.
        valid: (T,) whether all of `COMPARED` are known.
        seen_apart: pixels between what this camera sees and where the others say it is, in valid frames.
        swapped: (T,) whether this camera's detector took left for right.
    """

    points: np.ndarray
    valid: np.ndarray
    seen_apart: np.ndarray
    swapped: np.ndarray


@dataclass
class Measured:
    """What one camera gave: scores by way, of all frames and of those without swaps; swaps that remain, by way."""

    camera: str
    frames: int
    valid: int
    swapped: int
    agreement: float
    scores: dict[str, Scores] = field(default_factory=dict)
    unswapped: dict[str, Scores] = field(default_factory=dict)
    swaps: dict[str, int] = field(default_factory=dict)
    signed: dict[str, dict[str, float]] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


def read_clip(home: Path) -> Clip:
    """Detect the person in every video of an unpacked clip and let the calibration agree.

    Raises:
        InputError: no calibration, fewer than three videos that it knows, or videos of different lengths.
    """
    videos = {video.stem: video for video in sorted(home.rglob("*.mp4"))}
    found = {}
    for name, path in videos.items():
        print(f"{name}: detect ...", flush=True)
        video = open_video(path)
        found[name] = detect_clip(iter(video), fps=video.fps, size=video.size, mask_size=_PICTURE, source=path.name)
    return agreed(videos, found, rig.read_calibration(rig.calibration_of(home), sizes_of(found)))


def sizes_of(found: dict[str, ClipDetection]) -> dict[str, tuple[int, int]]:
    """Return (height, width) by camera."""
    return {name: one.keypoints.size for name, one in found.items()}


def agreed(videos: dict[str, Path], found: dict[str, ClipDetection], cameras: dict[str, Camera]) -> Clip:
    """Let a calibration agree with what was seen.

    Raises:
        InputError: fewer than three cameras are known, or their clips differ in length.
    """
    if len(cameras) < 3:
        raise lw.InputError(
            f"{len(cameras)} calibrated cameras; two must tell the truth for a third, so give 3 or more"
        )
    if len({len(found[name].keypoints.present) for name in cameras}) > 1:
        raise lw.InputError("the cameras' clips differ in length; they must be synchronised")
    seen, confidence = _seen(found, list(cameras))
    columns = [next(iter(found.values())).keypoints.names.index(name) for name in JOINTS]
    picture = seen[:, :, columns].reshape(len(cameras), -1, 2)
    sure = (confidence[:, :, columns] > 0.5).reshape(len(cameras), -1).astype(np.float64)
    now, turned = rig.refined(list(cameras.values()), picture, sure)
    return Clip(
        {name: videos[name] for name in cameras},
        {name: found[name] for name in cameras},
        dict(zip(cameras, now, strict=True)),
        turned,
    )


def _seen(found: dict[str, ClipDetection], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    keypoints = [found[name].keypoints for name in names]
    return (
        np.stack([one.image.double().numpy() for one in keypoints]),
        np.stack([one.confidence.double().numpy() * one.present.numpy()[:, None] for one in keypoints]),
    )


def truth_for(clip: Clip, camera: str) -> Truth:
    """Find the person from all cameras but one, in the axes of that one."""
    names = clip.found[camera].keypoints.names
    others = [name for name in clip.cameras if name != camera]
    points, valid = rig.seen_together([clip.cameras[name] for name in others], *_seen(clip.found, others), names)
    columns = [names.index(name) for name in COMPARED]
    known = valid[:, columns].all(1) & clip.found[camera].keypoints.present.numpy()
    here = clip.cameras[camera]
    seen = clip.found[camera].keypoints.image.double().numpy()
    spots = rig.pixels(here, points)
    apart = np.linalg.norm(spots - seen, axis=-1)
    crossed = np.linalg.norm(spots - seen[:, rig.swapped_columns(names)], axis=-1)
    body = [names.index(name) for name in JOINTS]
    swapped = known & (crossed[:, body].mean(1) < apart[:, body].mean(1))
    local = here.to_camera(torch.from_numpy(points)).numpy()
    return Truth(local[:, columns], known, apart[known & ~swapped][:, body].ravel(), swapped)


def points_of(track: lw.BodyTrack, body: BodyModel) -> np.ndarray:
    """Return `COMPARED` of a track in the axes of its camera, (T, L, 3)."""
    with torch.no_grad():
        places = body.landmarks(COMPARED, track.betas, track.global_orient, track.body_pose, track.transl)
    return track.camera.to_camera(places).double().numpy()


def limb_scale(points: np.ndarray, truth: np.ndarray) -> float:
    """Return what to multiply a person's size by to have the true limbs' lengths: medians over frames, all limbs
    together. No single picture tells the size of a person; least squares would shrink who is found the wrong way round.
    """
    return lengths(truth).sum() / lengths(points).sum()


def lengths(points: np.ndarray) -> np.ndarray:
    """Return the median length of each limb."""
    one, two = (points[:, [COMPARED.index(pair[end]) for pair in _LIMBS]] for end in (0, 1))
    return np.median(np.linalg.norm(one - two, axis=-1), axis=0)


def compare(points: np.ndarray, truth: np.ndarray, scores: Scores) -> dict[str, np.ndarray]:
    """Add the errors of some frames, already of the true size, and return signed errors of the angles in degrees."""
    root, true_root = (middle_of_hips(one, COMPARED) for one in (points, truth))
    errors = joint_errors(points, truth, root=root, true_root=true_root)
    ends, true_ends = points[:, : len(JOINTS)], truth[:, : len(JOINTS)]
    scores.add("mpjpe", errors[:, : len(JOINTS)].mean(1), 1000)
    scores.add("pa_mpjpe", joint_errors(similarity_aligned(ends, true_ends), true_ends).mean(1), 1000)
    apart = np.abs((ends - root[:, None]) - (true_ends - true_root[:, None])).mean(1)
    for axis, name in enumerate(("x", "y", "depth")):
        scores.add(name, apart[:, axis], 1000)
    for number, name in enumerate(COMPARED):
        scores.joints.setdefault(name, []).extend((1000 * errors[:, number]).tolist())
    ours, theirs = angles(points), angles(truth)
    signed = {name: ours[name] - theirs[name] for name in ANGLES}
    for name, values in signed.items():
        scores.add(name, np.abs(values))
    return signed


def angles(points: np.ndarray) -> dict[str, np.ndarray]:
    """Return angles in degrees: the trunk's lean away from the camera, the neck against the trunk, bends of limbs."""

    def at(name: str) -> np.ndarray:
        return points[:, COMPARED.index(name)]

    def middle(name: str) -> np.ndarray:
        return (at(f"left_{name}") + at(f"right_{name}")) / 2

    trunk, neck = middle("shoulder") - middle("hip"), middle("ear") - middle("shoulder")
    found = {
        "trunk": np.degrees(np.arcsin(np.clip(trunk[:, 2] / np.linalg.norm(trunk, axis=-1), -1, 1))),
        "neck": _between(trunk, neck),
    }
    for name, chain in _BENDS.items():
        sides = [[at(f"{side}_{joint}") for joint in chain] for side in ("left", "right")]
        found[name] = np.stack([_between(b - a, c - b) for a, b, c in sides], 1)
    return found


def _between(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    cosine = (one * two).sum(-1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1)).clip(1e-9)
    return np.degrees(np.arccos(cosine.clip(-1, 1)))


def swaps(points: np.ndarray, truth: np.ndarray) -> int:
    """Count frames in which somebody would be nearer to the truth with left and right exchanged."""
    order = rig.swapped_columns(COMPARED)
    ours, theirs = (one - middle_of_hips(one, COMPARED)[:, None] for one in (points, truth))
    plain, crossed = (joint_errors(one, theirs).mean(1) for one in (ours, ours[:, order]))
    return int((crossed < plain).sum())


def measure_camera(clip: Clip, camera: str, body: BodyModel, ways: Sequence[str], *, stills: int) -> Measured:
    """Recover the person from one camera in several ways and compare with whom the others see."""
    found, truth = clip.found[camera], truth_for(clip, camera)
    result = Measured(
        camera, len(truth.valid), int(truth.valid.sum()), int(truth.swapped.sum()), float(np.median(truth.seen_apart))
    )
    for way, points in _clip_ways(found, clip.videos[camera], clip.cameras[camera], body, ways).items():
        _score(result, way, points[truth.valid], truth.points[truth.valid], truth.swapped[truth.valid])
    if "stills" in ways:
        _measure_stills(result, clip, camera, truth, stills)
    return result


def _clip_ways(
    found: ClipDetection, pictures: Path, camera: Camera, body: BodyModel, ways: Sequence[str]
) -> dict[str, np.ndarray]:
    """Recover the clip in some ways; landmarks (T, L, 3) in the camera's axes by way."""
    points: dict[str, np.ndarray] = {}
    eye, zero = torch.eye(3, dtype=torch.float32), torch.zeros(3, dtype=torch.float32)
    known = Camera(camera.focal.float(), camera.center.float(), camera.size, eye, zero)
    if {"recover", "rest pose"} & set(ways):
        track = lw.recover(found, body=body)
        points["recover"] = points_of(track, body)
        points["rest pose"] = points_of(rest_pose(body, track), body)
    if "detector" in ways and found.keypoints.world is not None:
        columns = [found.keypoints.names.index(name) for name in COMPARED]
        points["detector"] = found.keypoints.world[:, columns].double().numpy()
    if "registered" in ways:
        track = lw.recover(found, body=body, pictures=pictures, weights=FitWeights(surface=1.0))
        points["registered"] = points_of(track, body)
    if "short" in ways:
        points["short"] = points_of(lw.recover(found, body=body, regressor="landmarks"), body)
    if "recover, lens known" in ways:
        points["recover, lens known"] = points_of(lw.recover(found, body=body, camera=known), body)
    return {way: points[way] for way in ways if way in points}


def _score(result: Measured, way: str, points: np.ndarray, truth: np.ndarray, swapped: np.ndarray) -> None:
    _add(result, way, points * limb_scale(points[~swapped], truth[~swapped]), truth, swapped)


def _add(result: Measured, way: str, points: np.ndarray, truth: np.ndarray, swapped: np.ndarray) -> None:
    result.scores[way], result.unswapped[way] = Scores.of(METRICS), Scores.of(METRICS)
    compare(points, truth, result.scores[way])
    signed = compare(points[~swapped], truth[~swapped], result.unswapped[way])
    result.signed[way] = {name: float(np.mean(values)) if len(values) else 0.0 for name, values in signed.items()}
    result.swaps[way] = swaps(points, truth)


def _measure_stills(result: Measured, clip: Clip, camera: str, truth: Truth, count: int) -> None:
    """Learn the person from single frames, compare its pose, and paint it as every other camera sees it."""
    usable = np.nonzero(truth.valid)[0]
    chosen = sorted({int(usable[round(place)]) for place in np.linspace(0, len(usable) - 1, count)})
    pictures = {index: frame for index, frame in enumerate(islice(clip.frames(camera), chosen[-1] + 1))}
    people = [lw.encode_source(_smaller(pictures[index])) for index in chosen]
    found = [points_of(person.track, person.body) for person in people]
    right, usual = truth.points[chosen], truth.points[truth.valid]
    scales = [limb_scale(points, usual) for points in found]
    sized = np.concatenate([points * scale for points, scale in zip(found, scales, strict=True)])
    crossed = np.array([swaps(sized[[i]], right[[i]]) > 0 for i in range(len(chosen))])
    _add(result, "stills", sized, right, crossed)
    for number, index in enumerate(chosen):
        overlaps, tiles = [], {f"{camera}, frame {index}": _smaller(pictures[index], _PICTURE)}
        for other in clip.cameras:
            if other == camera:
                continue
            real = clip.found[other].masks.frame(index, picture_size(clip.cameras[other])).numpy() > 0.5
            seen = seen_by(people[number], found[number][0], scales[number], clip, camera, other, right[number])
            ours = seen.alpha.numpy() > 0.5
            overlaps.append(iou(ours, real))
            tiles[f"as {other} sees it"] = to_uint8(seen.image)
            tiles[f"{overlaps[-1]:.3f}"] = _outlines(real, ours)
        for scores in (result.scores, result.unswapped)[: 1 if crossed[number] else 2]:
            scores["stills"].add("overlap", overlaps)
        if number == len(chosen) // 2:
            result.pictures = tiles


def picture_size(camera: Camera) -> tuple[int, int]:
    """Return the (height, width) in which outlines are compared."""
    height, width = camera.size
    scale = _PICTURE / max(height, width)
    return round(height * scale), round(width * scale)


def seen_by(
    person: lw.SourceState, points: np.ndarray, scale: float, clip: Clip, camera: str, other: str, truth: np.ndarray
) -> lw.Synthesis:
    """Paint a person who was learnt from one camera as another sees it, with the hips' middle where it truly is.

    Args:
        person: of one photo of `camera`.
        points: `COMPARED` of the person in the axes of the photo's camera.
        scale: how much larger the true person is.
        clip: the cameras.
        camera: where the photo was taken.
        other: where it is looked at from.
        truth: `COMPARED` truly, in the axes of `camera`.
    """
    here, there = clip.cameras[camera], clip.cameras[other]
    hips, true_hips = (middle_of_hips(one[None], COMPARED)[0] for one in (points, truth))
    # x_there = turn (x - hips) + place: the world shrunk to the size of the person who was learnt
    turn = there.rotation @ here.rotation.T
    place = there.to_camera(here.to_world(torch.from_numpy(true_hips))) / scale
    photo = person.track.camera
    rotation = turn.float() @ photo.rotation
    translation = (turn @ (photo.translation.double() - torch.from_numpy(hips)) + place).float()
    lens = there.resized(picture_size(there))
    view = Camera(lens.focal.float(), lens.center.float(), lens.size, rotation, translation)
    track = person.track
    target = Target(track.global_orient, track.body_pose, track.transl, (view,))
    return next(synthesize(person, target, background="plain"))


def _smaller(frame: np.ndarray, longest: int = 960) -> np.ndarray:
    height, width = frame.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return np.asarray(
        Image.fromarray(frame).resize((round(width * scale), round(height * scale)), Image.Resampling.BOX)
    )


def _outlines(real: np.ndarray, ours: np.ndarray) -> np.ndarray:
    return (np.stack([real, real & ours, ours], -1) * 255).astype(np.uint8)
