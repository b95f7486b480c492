"""Where the target body stands and who looks at it, frame by frame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, relax_hands
from liquidwarp.bodies.hands import with_hands_of
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.fit import FootLockTuning, find_stands, fit_track, foot_points, keep_apart, plant_feet
from liquidwarp.fit.hidden_legs import smoothed
from liquidwarp.geometry import axis_angle_to_matrix, length_in_metres, orbit_camera, project
from liquidwarp.motion import check_track
from liquidwarp.tasks.faces import MovingFace
from liquidwarp.types import BodyTrack, Camera, Keypoints, shots_of

CAMERAS = ("smooth", "copy", "source")

_EDGE = 0.04  # part of the picture's height that stays free around who stands up
_UPRIGHT = 0.35  # cosine, of the way from the pelvis to the feet with straight down
_TRAVEL = 1.0  # seconds: what feet do more slowly is travel
_ONE_FLOOR = 0.12  # part of the person's height by which a floor that is seen askew rises or falls
_FLOOR_SETTLES = 0.5  # seconds: the floor rises or falls more slowly
_LEAST_TOLD = 0.03  # fraction of the frames nearby that stand at which they tell half of the level
_FEET = ("left_heel", "right_heel", "left_foot_index", "right_foot_index")
_ON_THE_GROUND = ("ankle", "heel", "foot_index")
_COPIED_FEET = FootLockTuning(pin=4e-3, keep=(1e-3, 1e-3, 5e-2))  # along the view: pictures are copied
_OTHERS = 0.5  # confidence in landmarks that are not on the ground, where proportions differ


@dataclass(frozen=True, eq=False)
class Target:
    """Poses to render and the camera of each.

    Attributes:
        global_orient, body_pose, transl: as in `BodyTrack`.
        cameras: one for all frames, or one per frame; all of one size.
        fps: frames a second, by which what hangs swings; 0 for poses that have nothing to do with each other.
        floor: where the floor is in each frame, Y in metres; None where that is not known.
        faces: how the person's face moves in its photo; None for a still face.
        plate: the camera that the background's picture was taken by: cameras that turn and zoom away from it, at the
            same place, see it turned and zoomed; None if it is the same behind all frames.
    """

    global_orient: Float[Tensor, "T 3"]
    body_pose: Float[Tensor, "T J 3"]
    transl: Float[Tensor, "T 3"]
    cameras: tuple[Camera, ...]
    fps: float = 0.0
    floor: Float[Tensor, "T"] | None = None
    faces: MovingFace | None = None
    plate: Camera | None = None

    def __len__(self) -> int:
        return self.transl.shape[0]

    def __getitem__(self, frames: Sequence[int]) -> "Target":
        """Return some frames, in their order."""
        index = list(frames)
        return replace(
            self,
            global_orient=self.global_orient[index],
            body_pose=self.body_pose[index],
            transl=self.transl[index],
            cameras=self.cameras if len(self.cameras) == 1 else tuple(self.cameras[frame] for frame in index),
            floor=None if self.floor is None else self.floor[index],
            faces=None if self.faces is None else self.faces[index],
        )

    def camera(self, frame: int) -> Camera:
        """Return the camera of a frame."""
        return self.cameras[0] if len(self.cameras) == 1 else self.cameras[frame]


def resized(camera: Camera, size: int | None) -> Camera:
    """Return `camera` with a longer side of `size` pixels (unchanged if None)."""
    if size is None:
        return camera
    if size < 16:
        raise InputError(f"size={size} is too small for a picture; use 16 or more")
    height, width = camera.size
    scale = size / max(height, width)
    return camera.resized((max(1, round(height * scale)), max(1, round(width * scale))))


def imitation_target(
    body: BodyModel, source: BodyTrack, motion: BodyTrack, *, camera: str = "smooth", size: int | None = None
) -> Target:
    """Let the source's body do the motion.

    Distances scale with the two persons' heights, so that a child covers a child's steps. Camera modes:

    * `copy`: the reference's camera and place; the source appears as large as the reference person. A camera that
      turned and zoomed does so here.
    * `smooth`: the source's camera; the person starts where the source stands and moves as the reference does,
      sideways, up and in depth; the floor stays the source's.
    * `source`: the source's camera and place; travel is taken out, so that who walks walks on the spot; who sways over
      standing feet sways.

    Feet that stand in the motion stand in the target, whatever the proportions of the legs, and hands and forearms stay
    outside of the source's body, however wide.
    After a cut in the motion, which may show the person from elsewhere, the person starts where the source stands anew.

    Args:
        body: the body both tracks are of.
        source: a track of one frame: the source's shape, place and camera.
        motion: the motion.
        camera: see above.
        size: longer side of the output; by default that of the camera's picture.

    Raises:
        InputError: the tracks are of different bodies, or an unknown camera mode.
    """
    check_choice("camera", camera, CAMERAS)
    for track in (motion, source):
        check_track(body, track)
    own_root = body.rest_joints(source.betas)[0]
    their_root = body.rest_joints(motion.betas)[0]
    ratio = body_height(body, source.betas) / body_height(body, motion.betas)
    path = (motion.transl + their_root) * ratio
    if camera == "copy":
        fitted = keep_apart(body, _fit_to(body, source.betas, motion, path - own_root))
        stands = (find_stands(body, motion) >= 0).any(1)
        floor = _floor_below(body, fitted, stands)
        seen = resized(motion.camera, size)
        cameras, plate = ((seen,), None) if motion.path is None else (motion.path.cameras(seen), seen)
        return Target(
            fitted.global_orient, fitted.body_pose, fitted.transl, cameras, motion.fps, floor=floor, plate=plate
        )

    if motion.cuts:
        shots = [motion[shot] for shot in shots_of(motion.cuts, len(motion))]
        parts = [imitation_target(body, source, shot, camera=camera, size=size) for shot in shots]
        return Target(
            torch.cat([part.global_orient for part in parts]),
            torch.cat([part.body_pose for part in parts]),
            torch.cat([part.transl for part in parts]),
            parts[0].cameras,
            motion.fps,
            torch.cat([part.floor for part in parts if part.floor is not None]),
        )
    place = source.transl[0] + own_root
    if camera == "source":
        path = path - ratio * _travel(body, motion)
    placed = place + path - path[:1]
    floor = standing_level(body, source)
    stands = find_stands(body, motion)
    moved = replace(motion, betas=source.betas, transl=placed - own_root)
    under = _floor_below(body, moved, (stands >= 0).any(1))
    placed = placed + torch.tensor([0.0, 1.0, 0.0], dtype=torch.float32) * (floor - under)[:, None]
    moved = replace(motion, betas=source.betas, transl=placed - own_root, camera=source.camera)
    planted = keep_apart(body, plant_feet(body, moved, stands=stands))
    return Target(
        planted.global_orient,
        planted.body_pose,
        planted.transl,
        (resized(source.camera, size),),
        motion.fps,
        floor.expand(len(planted)),
    )


def _floor_below(body: BodyModel, track: BodyTrack, standing: Bool[Tensor, "T"]) -> Float[Tensor, "T"]:
    """Return the level of the floor under a track in each of its frames, some of which stand on it."""
    lowest = feet_level(body, track.betas, track.global_orient, track.body_pose, track.transl).amax(1)
    return _ground_under(lowest, standing, track.fps, _ONE_FLOOR * body_height(body, track.betas))


def _ground_under(
    lowest: Float[Tensor, "T"], standing: Bool[Tensor, "T"], fps: float, most: Float[Tensor, ""]
) -> Float[Tensor, "T"]:
    """Return the level of the ground per frame: all feet of a clip stand on one floor.

    A camera that is held a little differently than thought makes who walks towards it rise or sink. What stands farther
    than `most` from the usual level stands on something. Far from any stand the level is the usual one.
    """
    if not bool(standing.any()):
        return torch.quantile(lowest, 0.8).expand(len(lowest))
    usual = lowest[standing].median()
    told = (standing & ((lowest - usual).abs() < most)).float()[:, None]
    weight = smoothed(told, fps, _FLOOR_SETTLES)
    risen = smoothed(told * (lowest - usual)[:, None], fps, _FLOOR_SETTLES)
    return usual + (risen / (weight + _LEAST_TOLD))[:, 0]


def _travel(body: BodyModel, motion: BodyTrack) -> Float[Tensor, "T 3"]:
    """Return how the ground under the person moves along: the level path of the feet without single steps."""
    if motion.fps <= 0:
        root = motion.transl + body.rest_joints(motion.betas)[0]
        return root * torch.tensor([1.0, 0.0, 1.0], dtype=torch.float32)
    feet = foot_points(body, motion).mean(dim=1) * torch.tensor([1.0, 0.0, 1.0], dtype=torch.float32)
    return smoothed(feet, motion.fps, _TRAVEL)


def orbit_target(
    body: BodyModel,
    source: BodyTrack,
    *,
    degrees: float = 360.0,
    frames: int = 90,
    start: float = 0.0,
    elevation: float = 0.0,
    pose: str = "source",
    size: int | None = None,
) -> Target:
    """Move the camera around the standing person.

    Args:
        body: the source's body.
        source: a track of one frame.
        degrees: how far around.
        frames: how many views; the last one is one step short of `degrees`, so that a full turn loops.
        start: degrees at the first view; 0 is the photo's own.
        elevation: degrees by which the camera is raised.
        pose: `source`, `a` (arms away from the trunk) or `t` (arms level).
        size: longer side of the output.
    """
    check_choice("pose", pose, ("source", "a", "t"))
    if frames < 1:
        raise InputError(f"frames={frames} must be at least 1")
    orient, body_pose = source.global_orient, source.body_pose
    if pose != "source":
        orient, body_pose = _rest_pose(body, source, arms_down=math.radians(45 if pose == "a" else 0))
    root = body.rest_joints(source.betas)[0]
    pivot = source.transl[0] + root
    base = resized(source.camera, size)
    cameras = tuple(
        orbit_camera(
            base, pivot, azimuth=math.radians(start + degrees * index / frames), elevation=math.radians(elevation)
        )
        for index in range(frames)
    )
    floor = feet_level(body, source.betas, orient, body_pose, source.transl).amax(1)
    return Target(
        orient.expand(frames, -1),
        body_pose.expand(frames, -1, -1),
        source.transl.expand(frames, -1),
        cameras,
        floor=floor.expand(frames),
    )


def _rest_pose(body: BodyModel, source: BodyTrack, *, arms_down: float) -> tuple[Tensor, Tensor]:
    canonical = torch.zeros(1, 22, 3, dtype=torch.float32)
    orient, body_pose = body.expand_pose(canonical)
    for side in ("left", "right"):
        shoulder, wrist = body.canonical(f"{side}_shoulder"), body.canonical(f"{side}_wrist")
        joints = body.rest_joints(source.betas)
        arm = joints[wrist] - joints[shoulder]
        now = math.atan2(float(arm[1]), abs(float(arm[0])))
        sign = 1.0 if float(arm[0]) > 0 else -1.0
        body_pose = body_pose.clone()
        body_pose[0, shoulder - 1, 2] = sign * (arms_down - now)
    return orient, relax_hands(body, body_pose)


def _fit_to(body: BodyModel, betas: Tensor, motion: BodyTrack, transl: Tensor) -> BodyTrack:
    """Pose another shape so that its landmarks lie where the motion's lie in the picture.

    Two fits of one person differ in proportions (a long leg that leans, or a short one that does not); joint angles
    alone would carry that difference to hands and feet. Not every landmark can be met then. Feet are, before all
    others: shorter legs would leave who stands on the tips of the toes. Frames are fitted one by one, so feet that
    stand in the motion are held afterwards.
    """
    if torch.equal(betas, motion.betas):
        return motion
    names = tuple(name for name in MEDIAPIPE if name in body.landmark_names)
    pose = torch.cat([motion.global_orient[:, None], motion.body_pose], dim=1)
    turns = axis_angle_to_matrix(pose[:, [body.canonical(name) for name in CANONICAL_JOINTS]])
    points = body.canonical_landmarks(names, motion.betas, turns, motion.transl)  # the fit's own: still fingers
    seen = Keypoints(
        names,
        project(motion.camera, points)[..., :2],
        _worth(names).expand(points.shape[:2]),
        motion.camera.turn_to_camera(points - points.mean(1, keepdim=True)),
        torch.ones(len(motion), dtype=torch.bool),
        motion.camera.size,
        motion.fps,
        "track",
    )
    start = replace(motion, betas=betas, transl=transl)
    fitted = fit_track(body, seen, camera=motion.camera, betas=betas, initial=start, still=True).track
    pose = with_hands_of(body, fitted.body_pose, motion.body_pose)
    fitted = replace(fitted, body_pose=pose, fps=motion.fps, cuts=motion.cuts)
    return plant_feet(body, fitted, stands=find_stands(body, motion), tuning=_COPIED_FEET)


def _worth(names: tuple[str, ...]) -> Float[Tensor, "L"]:
    feet = [name.partition("_")[2] in _ON_THE_GROUND for name in names]
    return torch.where(torch.tensor(feet), 1.0, _OTHERS).float()


def body_height(body: BodyModel, betas: Float[Tensor, "K"]) -> Float[Tensor, ""]:
    """Return the height of a shape's joints at rest in metres."""
    joints = body.rest_joints(betas)
    return joints[:, 1].amax() - joints[:, 1].amin()


def standing_level(body: BodyModel, source: BodyTrack) -> Float[Tensor, ""]:
    """Return where the floor is for the person of a photo: Y in metres.

    It is below the feet of who is more or less upright. Who lies, or is upside down, stands up around the middle of
    where the body was, inside of the picture if there is room.

    Args:
        body: the source's body.
        source: a track of one frame.
    """
    identity = body.identity(source.betas)
    feet = body.landmarks(_FEET, source.betas, source.global_orient, source.body_pose, source.transl)[0]
    root = source.transl[0] + identity.joints[0]
    legs = feet.mean(0) - root
    if float(legs[1]) > _UPRIGHT * float(legs.norm()):
        return feet[:, 1].amax()
    here = body.vertices(identity, source.global_orient, source.body_pose, source.transl)[0]
    rest = identity.vertices[:, 1]
    stature = rest.amax() - rest.amin()
    floor = (here[:, 1].amin() + here[:, 1].amax() + stature) / 2
    ends = torch.stack([root, root])
    ends[:, 1] = torch.stack([floor - stature, floor])
    (_, top, depth), (_, bottom, _) = project(source.camera, ends)
    height, edge = source.camera.size[0], _EDGE * source.camera.size[0]
    room = (height - edge - bottom).clamp(max=0) + (edge - top).clamp(min=0)
    return floor + length_in_metres(source.camera, 1.0, depth) * room


def feet_level(
    body: BodyModel,
    betas: Float[Tensor, "K"],
    orient: Float[Tensor, "T 3"],
    pose: Float[Tensor, "T J 3"],
    transl: Float[Tensor, "T 3"],
) -> Float[Tensor, "T L"]:
    """Return how low heels and toes are: Y in metres, which points down."""
    return body.landmarks(_FEET, betas, orient, pose, transl)[..., 1]
