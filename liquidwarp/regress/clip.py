"""A clip through a regressor: crops around the followed person, and one track of what it answers."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

import liquidwarp
from liquidwarp.bodies import BodyModel, relax_hands
from liquidwarp.bodies.smpl_files import FAMILIES
from liquidwarp.detect.protocol import landmark_box
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.fit.start import bridge
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle, pose_to_world
from liquidwarp.motion import SkeletonMotion, pose_body
from liquidwarp.motion.skeleton import canonical_rest, global_turns, level_rest
from liquidwarp.regress.protocol import BodyPieces, Regressor, shape_of
from liquidwarp.types import BodyTrack, Camera, Keypoints

_BATCH = 8


def regress_clip(
    regressor: Regressor,
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    keypoints: Keypoints,
    *,
    body: BodyModel,
    camera: Camera | None = None,
    progress: bool = False,
) -> BodyTrack:
    """Let a regressor look at every frame that shows the person; what it answers becomes one track.

    The shape is the median over frames. A body with other joints than the regressor's does the same motion, with bones
    as long. Frames without the person are bridged.

    Convention: `track.transl` in the world of `camera`.

    Args:
        regressor: the network.
        frames: RGB pictures, those of `keypoints`.
        keypoints: where the person is.
        body: the body of the track.
        camera: the clip's camera; by default `geometry.default_camera`.
        progress: show a progress bar.

    Raises:
        NoPersonError: no frame shows a person.
        InputError: there are fewer frames than keypoints tell of.
    """
    from liquidwarp.console import progress_bar

    if not bool(keypoints.present.any()):
        raise NoPersonError(f"no person in any of the {len(keypoints.present)} frames; try a lower detection threshold")
    camera = camera if camera is not None else default_camera(keypoints.size)
    plain = camera.at_origin()
    boxes, present = square_boxes(keypoints, regressor.enlarge), keypoints.present.tolist()
    pairs = ((frame, box) for frame, box, seen in zip(frames, boxes, present, strict=False) if seen)
    found: list[BodyPieces] = []
    with progress_bar(total=sum(present), desc=regressor.name, unit="frame", shown=progress) as bar:
        while batch := list(islice(pairs, _BATCH)):
            crops = torch.stack([crop_square(frame, box, regressor.side) for frame, box in batch])
            found.append(regressor.regress(crops, torch.stack([box for _, box in batch]).float(), plain))
            bar.update(len(batch))
    rotations, place = torch.cat([p.rotations for p in found]), torch.cat([p.place for p in found])
    if len(place) != sum(present):
        raise InputError(
            f"{len(place)} pictures with a person, but keypoints of {sum(present)}; give those of the clip"
        )
    shapes = [piece.betas for piece in found if piece.betas is not None]
    betas = torch.cat(shapes).median(0).values if shapes else None
    everywhere = (keypoints.present.cumsum(0) - 1).clamp_min(0)
    rotations, place = bridge(
        rotations.double()[everywhere], place.double()[everywhere], keypoints.present, keypoints.cuts
    )
    track = _to_track(regressor.body, body, rotations, place, betas, keypoints.fps)
    return _into_world(
        replace(
            track,
            camera=camera,
            confidence=keypoints.confidence.mean(1),
            observed=keypoints.present.clone(),
            detector=f"{keypoints.detector} + {regressor.name}",
            version=liquidwarp.__version__,
            cuts=keypoints.cuts,
        ),
        body,
    )


def square_boxes(keypoints: Keypoints, enlarge: float) -> Float[Tensor, "T 3"]:
    """Return a square around the person's landmarks per frame: left, top and side in whole pixels."""
    boxes = []
    for image, confidence in zip(keypoints.image.numpy(), keypoints.confidence.numpy(), strict=True):
        left, top, right, bottom = landmark_box(image, confidence)
        side = max(2, round(enlarge * max(right - left, bottom - top, 1.0)))
        boxes.append([round((left + right - side) / 2), round((top + bottom - side) / 2), side])
    return torch.tensor(boxes, dtype=torch.float64)


def crop_square(frame: UInt8[np.ndarray, "H W 3"], box: Float[Tensor, "3"], side: int) -> Float[Tensor, "3 S S"]:
    """Cut a square out of a picture and resize it, without aliasing; outside of the picture its edge is repeated."""
    left, top, size = (int(value) for value in box)
    rows = np.clip(np.arange(top, top + size), 0, frame.shape[0] - 1)
    columns = np.clip(np.arange(left, left + size), 0, frame.shape[1] - 1)
    cut = torch.from_numpy(frame[rows[:, None], columns]).permute(2, 0, 1)[None].float() / 255
    resized = torch.nn.functional.interpolate(
        cut, size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0].clamp(0, 1)


def _to_track(
    theirs: BodyModel | None,
    body: BodyModel,
    rotations: Float[Tensor, "T J 3 3"],
    place: Float[Tensor, "T 3"],
    betas: Float[Tensor, "K"] | None,
    fps: float,
) -> BodyTrack:
    joints = FAMILIES["smpl"].joints if theirs is None else theirs.joint_names
    if body.joint_names != joints:
        rest = level_rest() if theirs is None else canonical_rest(theirs, shape_of(theirs, betas)).double()
        motion = SkeletonMotion(rest, global_turns(rotations), place, fps)
        return pose_body(body, motion)
    shape = shape_of(body, betas)
    orient, pose = body.expand_pose(matrix_to_axis_angle(rotations).float())
    pose = relax_hands(body, pose)
    pelvis = body.rest_joints(shape)[body.canonical("pelvis")]
    still = torch.ones(len(place), dtype=torch.float32)
    camera = default_camera((2, 2))
    return BodyTrack(body.name, shape, orient, pose, (place - pelvis).float(), camera, fps, still, still.bool())


def _into_world(track: BodyTrack, body: BodyModel) -> BodyTrack:
    """Bring a track from the axes of its camera into the camera's world."""
    pelvis = body.rest_joints(track.betas)[body.canonical("pelvis")]
    turned, place = pose_to_world(track.camera, axis_angle_to_matrix(track.global_orient), track.transl + pelvis)
    return replace(track, global_orient=matrix_to_axis_angle(turned), transl=place - pelvis)
