"""Body recovery: pictures in, a body track out."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.hands import find_hand
from liquidwarp.camera_motion import CameraMotion, find_fov
from liquidwarp.checks import check_choice
from liquidwarp.clothing import SilhouetteView, fit_offsets
from liquidwarp.detect import ClipDetection, Detector, detect_clip, put_sides_right, shots_without_legs
from liquidwarp.errors import InputError
from liquidwarp.fit import (
    FitTuning,
    FitWeights,
    SteadyView,
    Term,
    close_terms,
    face_track,
    find_camera,
    find_stands,
    fit_hands,
    fit_track,
    hold_still,
    keep_apart,
    plant_feet,
    refine_with_masks,
    smooth_limbs,
    stand_still,
    without_seen_hands,
)
from liquidwarp.fit.limbs import check_smoothing
from liquidwarp.fit.tuning import FIT_TUNING, FIT_WEIGHTS
from liquidwarp.geometry import axis_angle_to_matrix, field_of_view
from liquidwarp.media import ClipLike, is_image, is_path, is_video, open_video, read_fov, read_frames, read_image
from liquidwarp.motion import retarget
from liquidwarp.regress import (
    ImageNetwork,
    LandmarkNetwork,
    Regressor,
    load_image_network,
    load_landmark_network,
    regress_clip,
    regress_landmarks,
    regress_pictures,
    see_in_space,
    with_places,
)
from liquidwarp.tasks.register import register_surface
from liquidwarp.types import BodyTrack, Camera, Keypoints

OWN_REGRESSORS = ("landmarks", "image")
"""Names of the networks that come with liquidwarp."""

_log = logging.getLogger(__name__)

_CLOTHES_VIEWS = 3
_MASKS_FROM = 8  # frames; fewer say too little about the clothes
_STEPS, _ROUNDS = 14, 3  # of the fit to landmarks, and to masks
_SHORT_STEPS, _SHORT_ROUNDS = 3, 2  # from a start that is nearly right


def recover(
    source: ClipLike | Keypoints | ClipDetection,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    camera: Camera | None = None,
    fov: float | None = None,
    person: int = 0,
    regressor: str | LandmarkNetwork | ImageNetwork | Regressor | None = None,
    fit: bool = True,
    smooth: Mapping[str, float] | None = None,
    pictures: ClipLike | None = None,
    terms: Sequence[Term] = (),
    weights: FitWeights = FIT_WEIGHTS,
    tuning: FitTuning = FIT_TUNING,
    progress: bool = False,
) -> BodyTrack:
    """Recover one person's body shape, and pose and place per frame; detectors and the fit run on the CPU.

    A camera that turns and zooms is told by what stands behind the person: the motion is then that in the steady world,
    and `BodyTrack.path` says how the camera moved.

    Args:
        source: a video, a photo, a folder of pictures; the same in memory, as PIL pictures, arrays or tensors
            (`media.read_frames`); or what a detector found in one: keypoints, or a `ClipDetection`.
        body: the body to fit; the open body by default.
        detector: what finds people; see `detect.default_detector`.
        camera: the camera, if it is known; by default its lens, pitch and roll are estimated (`fit.find_camera`).
        fov: its field of view along the longer side, degrees, if nothing but that is known (where it zooms, of the
            first frame); of a photo that says so itself it is read.
        person: which person to follow, 0 is the largest.
        regressor: a network whose answer starts the fit. Two come with liquidwarp: "landmarks" looks at the detector's
            landmarks alone, "image" at the pictures too; the fit from either is short.
        fit: False leaves it at the regressor's answer.
        smooth: seconds by limb, such as `{"arms": 0.5}`: what goes there and back within that time is taken out,
            without delay (`fit.smooth_limbs`; limbs are `fit.LIMBS` and "all").
        pictures: the clip that a `ClipDetection` is of. With `weights=FitWeights(surface=1.0)` the full fit
            finds the person's own surface again in a clip's pictures, at two to three times the cost of the rest of it.
        terms: what else the fit is to minimise: see `liquidwarp.fit.autodiff_term`. They have the last word on arms,
            which are then not led out of the rest of the body (`fit.keep_apart`).
        weights: how much each of the fit's own terms counts.
        tuning: the numbers of the fit.
        progress: show progress bars.

    Raises:
        InputError: the source cannot be read, `fov` is none or comes with a camera, there is no regressor although
            nothing is to be fitted, or one that looks at pictures where the source has none, `pictures` beside another
            source than a `ClipDetection` or of another size, terms where nothing is
            fitted, or an unknown limb.
        TypeError: the source is nothing of these.
        NoPersonError: nobody in it.

    Examples:
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.tasks import recover
        >>> motion = recover(asset("man_jacket.jpg"))
        >>> motion.body, motion.global_orient.shape, motion.body_pose.shape
        ('anny', torch.Size([1, 3]), torch.Size([1, 105, 3]))
    """
    if not isinstance(source, Keypoints | ClipDetection):
        source = _taken(source)
    body = body or load_body()
    check_smoothing(smooth or {})
    if regressor is None and not fit:
        raise InputError("fit=False needs a regressor; give one (see docs/regressors.md)")
    if terms and not fit:
        raise InputError("fit=False leaves nothing for terms to change; leave one of them out")
    if isinstance(regressor, str):
        check_choice("regressor", regressor, OWN_REGRESSORS)
        regressor = load_image_network() if regressor == "image" else load_landmark_network()
    if not isinstance(regressor, LandmarkNetwork | None) and isinstance(source, Keypoints | ClipDetection):
        name = "the image regressor" if isinstance(regressor, ImageNetwork) else regressor.name
        raise InputError(f"{name} looks at pictures, the source has none; give the video or the photo")
    if pictures is not None and not isinstance(source, ClipDetection):
        raise InputError("pictures goes with a ClipDetection; the source has its own, or nothing is to be seen in them")
    if camera is not None and fov is not None:
        raise InputError("camera and fov both say what the lens is; give one of them")
    found: Keypoints | ClipDetection
    if isinstance(source, Keypoints):
        found, _ = put_sides_right(source)
    elif isinstance(source, ClipDetection):
        found = source
    else:
        seen_alone = isinstance(regressor, LandmarkNetwork | None)  # others look at pictures, of one camera
        found = detect_source(source, detector, person, progress, watch_camera=seen_alone)
    fov = fov if fov is not None else _told_fov(source)
    if isinstance(found, ClipDetection) and found.motion is not None:
        steady = steady_view(body, found, found.motion, camera=camera, fov=fov, tuning=tuning)
        if weights.surface > 0:
            _log.warning("the camera moves; the person's own surface is looked for where it stands still only")
        known = None if camera is None else steady.canvas
        track = recover(
            steady.found,
            body=body,
            camera=known,
            fov=field_of_view(steady.canvas) if known is None else None,
            regressor=regressor,
            fit=fit,
            smooth=smooth,
            terms=terms,
            weights=weights,
            tuning=tuning,
            progress=progress,
        )
        return steady.finish(track)
    keypoints = found if isinstance(found, Keypoints) else found.keypoints
    if regressor is None and keypoints.fps <= 0:
        keypoints = see_in_space(keypoints, fov=fov)
        found = keypoints if isinstance(found, Keypoints) else replace(found, keypoints=keypoints)
    if camera is None:
        camera = find_camera(body, keypoints, fov=fov, tuning=tuning)
    initial, short = None, False
    if regressor is None and keypoints.fps > 0:
        keypoints = see_in_space(keypoints, camera=camera)
        found = keypoints if isinstance(found, Keypoints) else replace(found, keypoints=keypoints)
    if regressor is not None:
        initial, keypoints = _start(source, keypoints, regressor, body, camera, progress)
        found = keypoints if isinstance(found, Keypoints) else replace(found, keypoints=keypoints)
        short = isinstance(regressor, LandmarkNetwork | ImageNetwork)
        if not fit:
            still = stand_still(body, initial, shots_without_legs(keypoints), tuning=tuning.feet)
            return smooth_limbs(body, _apart(body, still, terms, tuning), smooth or {}, tuning=tuning)
    if isinstance(found, Keypoints):
        steps = _SHORT_STEPS if short else _STEPS
        track = fit_track(
            body,
            found,
            camera=camera,
            initial=initial,
            steps=steps,
            terms=terms,
            weights=weights,
            tuning=tuning,
            progress=progress,
        ).track
        track = stand_still(body, track, shots_without_legs(found), tuning=tuning.feet)
        return smooth_limbs(body, _apart(body, track, terms, tuning), smooth or {}, tuning=tuning)
    track = fit_clip(
        body,
        found,
        camera=camera,
        initial=initial,
        short=short,
        frames=_frames_of(source, pictures, keypoints) if weights.surface > 0 else None,
        terms=terms,
        weights=weights,
        tuning=tuning,
        progress=progress,
    )
    return smooth_limbs(body, track, smooth or {}, tuning=tuning)


def steady_view(
    body: BodyModel,
    found: ClipDetection,
    motion: CameraMotion,
    *,
    camera: Camera | None = None,
    fov: float | None = None,
    tuning: FitTuning = FIT_TUNING,
) -> SteadyView:
    """Return what a moving camera saw as one that stood would have; arguments as in `recover` and `fit.hold_still`."""
    if camera is None and fov is None:
        fov = _moving_fov(body, found, motion, tuning)
    return hold_still(found, motion, camera=camera, fov=fov, tuning=tuning.moving)


def _moving_fov(body: BodyModel, found: ClipDetection, motion: CameraMotion, tuning: FitTuning) -> float:
    """Return the field of view of a moving camera: from its turning, or, where that tells too little, the person."""
    fov, told = find_fov(motion)
    if told:
        return fov
    steady = hold_still(found, motion, fov=fov, tuning=tuning.moving)
    wide = find_camera(body, steady.found.keypoints, tuning=tuning)
    return field_of_view(steady.picture(wide))


def _frames_of(
    source: ClipLike | Keypoints | ClipDetection, pictures: ClipLike | None, keypoints: Keypoints
) -> Iterator[np.ndarray] | None:
    """Return the pictures of a clip, if they are known."""
    clip = pictures if isinstance(source, Keypoints | ClipDetection) else source
    return None if clip is None or keypoints.fps <= 0 else _open(_taken(clip)).frames


def _told_fov(source: str | Path | np.ndarray | Keypoints | ClipDetection) -> float | None:
    """Return the field of view that a photo says it has."""
    return read_fov(source) if isinstance(source, str | Path) and is_image(source) else None


def _start(
    source: str | Path | np.ndarray | Keypoints | ClipDetection,
    keypoints: Keypoints,
    regressor: LandmarkNetwork | ImageNetwork | Regressor,
    body: BodyModel,
    camera: Camera | None,
    progress: bool,
) -> tuple[BodyTrack, Keypoints]:
    """Return a regressor's answer, and the keypoints for the fit that starts from it.

    `source` has pictures if the regressor looks at them.
    """
    if isinstance(regressor, LandmarkNetwork):
        track = regress_landmarks(keypoints, camera=camera, network=regressor)
        return retarget(track, body), with_places(keypoints, track, "landmarks")
    assert not isinstance(source, Keypoints | ClipDetection)
    frames = _open(source).frames
    if isinstance(regressor, ImageNetwork):
        track = regress_pictures(frames, keypoints, camera=camera, network=regressor, progress=progress)
        return retarget(track, body), with_places(keypoints, track, "image")
    return regress_clip(regressor, frames, keypoints, body=body, camera=camera, progress=progress), keypoints


def fit_clip(
    body: BodyModel,
    found: ClipDetection,
    *,
    camera: Camera | None = None,
    initial: BodyTrack | None = None,
    short: bool = False,
    frames: Iterable[UInt8[np.ndarray, "H W 3"]] | None = None,
    terms: Sequence[Term] = (),
    weights: FitWeights = FIT_WEIGHTS,
    tuning: FitTuning = FIT_TUNING,
    progress: bool = False,
) -> BodyTrack:
    """Fit the body to the landmarks of a clip, then correct its poses on the person's masks and, where there are
    `frames`, on the person's own surface in them (`tasks.register`), then hold standing feet.

    Legs that no frame of a shot shows stand still. Hands and forearms are led out of the rest of the body, unless there
    are `terms`.
    Hands and face turn wrists and head where the detector looked at them; fingers are bent at the end, and the face is
    kept in the track.

    `camera` is estimated if it is None. `initial` is a track to start from; `short` says that it is nearly right, so
    that a quarter of the steps will do; the surface is then not looked for.
    `terms`, `weights` and `tuning` are those of `recover`.
    """
    camera = camera if camera is not None else find_camera(body, found.keypoints, tuning=tuning)
    own = terms
    found, terms = _with_close_looks(body, found, camera, terms, weights, tuning)
    track = fit_track(
        body,
        found.keypoints,
        camera=camera,
        initial=initial,
        steps=_SHORT_STEPS if short else _STEPS,
        terms=terms,
        weights=weights,
        tuning=tuning,
        progress=progress,
    ).track
    clothes = _clothes(body, found, track)
    track = correct_by_masks(
        body, found, track, short=short, offsets=clothes, terms=terms, weights=weights, tuning=tuning
    )
    track = plant_feet(body, track, tuning=tuning.feet)
    if frames is not None and clothes is not None and not short and weights.surface > 0:
        stands = find_stands(body, track, tuning=tuning.feet.contacts)
        track = register_surface(
            body, found, track, frames, offsets=clothes, terms=terms, weights=weights, tuning=tuning
        )
        track = plant_feet(body, track, stands=stands, tuning=tuning.feet)
        track = plant_feet(body, track, tuning=tuning.feet)
    track = stand_still(body, track, shots_without_legs(found.keypoints), tuning=tuning.feet)
    track = _apart(body, track, own, tuning)
    return _with_hands_and_face(body, found, track, weights, tuning)


def _apart(body: BodyModel, track: BodyTrack, own: Sequence[Term], tuning: FitTuning) -> BodyTrack:
    """Lead hands and forearms out of the rest of the body, unless somebody's own terms say where they are."""
    return track if own else keep_apart(body, track, tuning=tuning.apart)


def fit_photo(
    body: BodyModel,
    found: ClipDetection,
    *,
    betas: Float[Tensor, "K"] | None = None,
    fov: float | None = None,
    tuning: FitTuning = FIT_TUNING,
) -> BodyTrack:
    """Fit the body to the landmarks of a photo, its hands and its face.

    `betas` is the person's shape and `fov` the field of view along the longer side in degrees, if they are known.
    """
    found = replace(found, keypoints=see_in_space(found.keypoints, fov=fov))
    camera = find_camera(body, found.keypoints, fov=fov, tuning=tuning)
    found, terms = _with_close_looks(body, found, camera, (), FIT_WEIGHTS, tuning)
    track = fit_track(body, found.keypoints, camera=camera, betas=betas, terms=terms, tuning=tuning).track
    track = keep_apart(body, track, tuning=tuning.apart)
    return _with_hands_and_face(body, found, track, FIT_WEIGHTS, tuning)


def _with_close_looks(
    body: BodyModel,
    found: ClipDetection,
    camera: Camera | None,
    terms: Sequence[Term],
    weights: FitWeights,
    tuning: FitTuning,
) -> tuple[ClipDetection, Sequence[Term]]:
    """Return what the fit of a person's body looks at where hands and face were looked at closely."""
    points = found.keypoints
    close = close_terms(body, points, found.hands, found.faces, camera=camera, weights=weights, tuning=tuning.close)
    if weights.hands > 0 and find_hand(body, "left") is not None:
        points = without_seen_hands(points, found.hands, tuning=tuning.close)
    return replace(found, keypoints=points), (*terms, *close)


def _with_hands_and_face(
    body: BodyModel, found: ClipDetection, track: BodyTrack, weights: FitWeights, tuning: FitTuning
) -> BodyTrack:
    hands = found.hands if weights.hands > 0 else ()
    bent = fit_hands(body, track, hands, tuning=tuning.fingers, close=tuning.close)
    return replace(bent, face=face_track(found.faces))


def correct_by_masks(
    body: BodyModel,
    found: ClipDetection,
    track: BodyTrack,
    *,
    short: bool = False,
    offsets: Float[Tensor, "V 3"] | None = None,
    terms: Sequence[Term] = (),
    weights: FitWeights = FIT_WEIGHTS,
    tuning: FitTuning = FIT_TUNING,
) -> BodyTrack:
    """Correct the poses of a fitted track on the person's masks; it stays as it is where they say too little.

    Masks show people in clothes: `offsets`, which are fitted to a few frames from different sides if they are None.
    `short` takes fewer rounds; `terms`, `weights` and `tuning` are those of `recover`.
    """
    offsets = offsets if offsets is not None else _clothes(body, found, track)
    if found.masks is None or offsets is None:
        return track
    return refine_with_masks(
        body,
        found.keypoints,
        track,
        found.masks,
        offsets=offsets,
        rounds=_SHORT_ROUNDS if short else _ROUNDS,
        terms=terms,
        weights=weights,
        tuning=tuning,
    ).track


def _clothes(body: BodyModel, found: ClipDetection, track: BodyTrack) -> Float[Tensor, "V 3"] | None:
    """Fit the clothes to a few frames from different sides; None where the masks say too little."""
    if found.masks is None or track.fps <= 0 or len(track) < _MASKS_FROM:
        return None
    views = [
        SilhouetteView(
            track.global_orient[[index]],
            track.body_pose[[index]],
            track.transl[[index]],
            track.camera,
            found.masks.frame(index, track.camera.size),
        )
        for index in spread_views(track, _CLOTHES_VIEWS)
    ]
    return fit_offsets(body, body.identity(track.betas), views)


def spread_views(track: BodyTrack, most: int) -> list[int]:
    """Choose up to `most` frames that show the body from as many sides as possible, the clearest first."""
    facing = axis_angle_to_matrix(track.global_orient)[:, :, 2]
    confidence = torch.where(track.observed, track.confidence, torch.zeros_like(track.confidence))
    chosen = [int((confidence + 0.5 * facing[:, 2]).argmax())]
    while len(chosen) < min(most, len(track)):
        apart = torch.stack([1 - facing @ facing[index] for index in chosen]).amin(0)
        best = int((apart * confidence).argmax())
        if float(apart[best]) < 0.15:
            break
        chosen.append(best)
    return chosen


def detect_source(
    source: str | Path | np.ndarray,
    detector: Detector | None,
    person: int,
    progress: bool,
    *,
    watch_camera: bool = False,
) -> ClipDetection:
    """Detect and follow one person in a video, a photo, a folder or an array; `watch_camera` as in `detect_clip`."""
    opened = _open(source)
    found = detect_clip(
        opened.frames,
        fps=opened.fps,
        size=opened.size,
        detector=detector,
        person=person,
        watch_camera=watch_camera,
        progress=progress and opened.total != 1,
        total=opened.total,
        source=opened.name,
    )
    tell_of_others(opened.name, found.others, person)
    return found


class _Pictures(NamedTuple):
    """A source of frames, opened."""

    name: str
    fps: float
    size: tuple[int, int]
    total: int | None
    frames: Iterator[np.ndarray]


def _taken(source: ClipLike) -> str | Path | np.ndarray:
    """Return a path, or frames (T, H, W, 3)."""
    return Path(source) if is_path(source) else read_frames(source)


def _open(source: str | Path | np.ndarray) -> _Pictures:
    if isinstance(source, np.ndarray):
        frames = read_frames(source)
        height, width = frames.shape[1:3]
        return _Pictures("the array", 25.0 if len(frames) > 1 else 0.0, (height, width), len(frames), iter(frames))
    if is_video(source) or not is_image(source):
        video = open_video(source)
        height, width = video.size
        return _Pictures(str(source), video.fps, (int(height), int(width)), video.frame_count, iter(video))
    picture = read_image(source).rgb
    height, width = picture.shape[:2]
    return _Pictures(str(source), 0.0, (height, width), 1, iter([picture]))


def tell_of_others(name: str, others: int, person: int) -> None:
    """Say in the log that more people were seen than the one who was taken."""
    if others:
        _log.warning(
            "%s: %d other %s seen; taking number %d (the largest is 0), choose another with --person N "
            "(in a motion --motion-person N)",
            name,
            others,
            "person" if others == 1 else "people",
            person,
        )
