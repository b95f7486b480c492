"""Motion in the parameters of the SMPL family: AMASS's npz files and the pickles of published results."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, load_body
from liquidwarp.bodies.pickles import read_pickle
from liquidwarp.bodies.smpl_files import family_of
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.motion.retarget import align_turns
from liquidwarp.motion.skeleton import (
    SkeletonMotion,
    canonical_rest,
    global_turns,
    level_rest,
    local_turns,
    skeleton_of,
)
from liquidwarp.types import BodyTrack

_JOINTS = len(CANONICAL_JOINTS)
_COLUMNS = {72: "smpl", 156: "smplh", 165: "smplx"}
_HALF_TURN = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))  # SMPL's axes to the camera's
_Z_UP = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)  # AMASS's world to the camera's
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
_PELVIS_UP = -0.22  # metres: the pelvis's height over SMPL's origin, for who does not have its file
_STILL_RATE = 25.0  # frames per second of results that do not say
_FOCAL = 2.0  # of published crops, in half pictures: their weak perspective says nothing about it
_CROP = 224
_MOST_FRAMES = 1_000_000


def read_amass(path: Path, body: BodyModel | None = None) -> SkeletonMotion:
    """Read an npz with `poses` (T, 72, 156 or 165), `trans`, `betas` and `mocap_framerate`.

    AMASS's world has z up; files with y up are known by how the people in them stand.

    Args:
        path: the file.
        body: the body that is to move; if it is of SMPL's family, it says where the joints lie at rest. Otherwise the
            family's own file says so, or where there is none a person with level arms.

    Raises:
        InputError: the file is damaged or no such motion.
    """
    arrays = _read_npz(path)
    poses = _first(arrays, "poses", "smpl_poses", "fullpose")
    if poses is None and {"global_orient", "body_pose"} <= set(arrays):
        poses = np.concatenate([_flat(arrays["global_orient"]), _flat(arrays["body_pose"])], axis=1)
    if poses is None:
        raise _no_motion(path, "poses (or global_orient and body_pose), trans, mocap_framerate", arrays)
    local = _local(path, poses)
    trans = _first(arrays, "trans", "transl", "smpl_trans")
    trans = np.zeros((len(local), 3)) if trans is None else trans
    if np.shape(trans) != (len(local), 3):
        raise InputError(f"{path}: trans has shape {np.shape(trans)}, wanted ({len(local)}, 3); check the file")
    rates = [float(arrays[name]) for name in _RATES if name in arrays and np.ndim(arrays[name]) == 0]
    fps = rates[0] if rates else _STILL_RATE
    if not 0 < fps < 10_000:
        raise InputError(f"{path}: {fps} frames a second; check mocap_framerate")
    rest = _rest(_COLUMNS.get(poses.shape[1], "smpl"), arrays.get("betas"), str(arrays.get("gender", "neutral")), body)
    ups = local[:, 0, :, 1].mean(0)
    world = _Z_UP if abs(float(ups[2])) > abs(float(ups[1])) else _HALF_TURN
    pelvis = torch.tensor([0.0, _PELVIS_UP, 0.0], dtype=torch.float64)
    if rest is not None:
        pelvis = _HALF_TURN @ rest[0]
    root = (torch.from_numpy(np.asarray(trans, dtype=np.float64)) + pelvis) @ world.T
    return _motion(path, rest, local, world, root, fps)


def read_published(path: Path, body: BodyModel | None = None) -> SkeletonMotion:
    """Read a pickle with `pose` (T, 72), `cams` (T, 3) and `shape` (T, 10), of HMR-like regressors, safely.

    They look down +z at a person whose y points down; `cams` are (scale, x, y) of a weak perspective. Depth follows
    from the scale for an assumed lens, so it is right up to a factor.

    Args:
        path: the file.
        body: see `read_amass`.

    Raises:
        InputError: the file is damaged, asks to run something, or is no such motion.
    """
    values = read_pickle(path)
    poses, cams = _first(values, "pose", "poses", "theta"), _first(values, "cams", "cam", "pred_cam")
    if poses is None:
        raise _no_motion(path, "cams, pose, shape", values)
    local = _local(path, poses)
    frames = len(local)
    if cams is None:
        cams = np.tile([0.9, 0.0, 0.0], (frames, 1))
    if cams.shape != (frames, 3) or not np.isfinite(cams).all() or (cams[:, 0] <= 0).any():
        raise InputError(
            f"{path}: cams has shape {cams.shape}, wanted ({frames}, 3) with scales above 0; check the file"
        )
    betas = values.get("shape", values.get("betas"))
    rest = _rest(
        "smpl", None if betas is None else np.asarray(betas).reshape(-1, np.shape(betas)[-1])[0], "neutral", body
    )
    pelvis = torch.tensor([0.0, _PELVIS_UP, 0.0], dtype=torch.float64) if rest is None else _HALF_TURN @ rest[0]
    scale, x, y = torch.from_numpy(cams.astype(np.float64)).unbind(1)
    root = torch.stack([x, y, _FOCAL / scale], dim=1) + pelvis
    return _motion(path, rest, local, torch.eye(3, dtype=torch.float64), root, _STILL_RATE)


def write_amass(path: str | Path, track: BodyTrack, body: BodyModel) -> None:
    """Write a track as an AMASS-style npz (SMPL-H's 52 joints, z up, fingers at rest), atomically.

    A track of an SMPL body keeps its pose, shape and place; any other is retargeted to a body with level arms, and
    `betas` are zeros.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = skeleton_of(body, track)
    own = family_of(body) is not None
    betas = np.zeros(16)
    if own:
        betas[: min(16, len(track.betas))] = track.betas.numpy()[:16]
        turns, pelvis = motion.turns, _HALF_TURN @ motion.rest[0]
    else:
        turns, pelvis = align_turns(motion, level_rest()), torch.tensor([0.0, _PELVIS_UP, 0.0], dtype=torch.float64)
    local = local_turns(turns)
    root = _Z_UP.T @ local[:, :1] @ _HALF_TURN
    local = torch.cat([root, _HALF_TURN @ local[:, 1:] @ _HALF_TURN], dim=1)
    poses = np.zeros((len(track), 52, 3))
    poses[:, :_JOINTS] = matrix_to_axis_angle(local).numpy()
    arrays = {
        "poses": poses.reshape(len(track), -1),
        "betas": betas,
        "trans": (motion.root @ _Z_UP - pelvis).numpy(),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(float(track.fps)),
    }
    with atomic_path(path) as partial, open(partial, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def _first(values: Mapping[str, Any], *names: str) -> np.ndarray | None:
    """Return the first array that is there."""
    return next((values[name] for name in names if isinstance(values.get(name), np.ndarray)), None)


def _no_motion(path: Path, wanted: str, values: Mapping[str, Any]) -> InputError:
    found = ", ".join(sorted(values)) or "nothing"
    return InputError(f"{path}: no motion in it; looked for {wanted}, found {found}; give another file")


def _motion(path: Path, rest: Tensor | None, local: Tensor, world: Tensor, root: Tensor, fps: float) -> SkeletonMotion:
    """Bring rotations from SMPL's axes at rest and those of the file's world into the camera's."""
    first = world @ local[:, :1] @ _HALF_TURN
    turns = global_turns(torch.cat([first, _HALF_TURN @ local[:, 1:] @ _HALF_TURN], dim=1))
    if not bool(torch.isfinite(turns).all() and torch.isfinite(root).all()):
        raise InputError(f"{path}: its motion holds NaN or infinity; check the file")
    return SkeletonMotion(level_rest() if rest is None else rest, turns, root, fps)


def _rest(family: str, betas: Any, gender: str, body: BodyModel | None) -> Float[Tensor, "C 3"] | None:
    """Return the rest joints of the family's own body where its file is at hand."""
    name = family if gender not in ("female", "male") else f"{family}-{gender}"
    if body is None or family_of(body) is None:
        try:
            body = load_body(name)
        except InputError:
            return None
    shape = torch.zeros(body.num_betas)
    if betas is not None and np.ndim(betas) == 1 and np.isfinite(betas).all():
        count = min(len(betas), body.num_betas)
        shape[:count] = torch.from_numpy(np.asarray(betas, dtype=np.float32)[:count])
    return canonical_rest(body, shape).double()


def _flat(array: Any) -> np.ndarray:
    return np.asarray(array, dtype=np.float64).reshape(len(array), -1)


def _local(path: Path, poses: Any) -> Float[Tensor, "T C 3 3"]:
    poses = np.asarray(poses)
    if poses.dtype.kind not in "fiu" or poses.ndim < 2:
        raise InputError(f"{path}: its poses are no table of numbers; check the file")
    flat = _flat(poses)
    if not 1 <= len(flat) <= _MOST_FRAMES or flat.shape[1] < 3 * _JOINTS or flat.shape[1] % 3:
        raise InputError(
            f"{path}: poses of shape {poses.shape}, wanted (frames, 72), 156 (SMPL-H) or 165 (SMPL-X); check the file"
        )
    angles = torch.from_numpy(flat[:, : 3 * _JOINTS].reshape(len(flat), _JOINTS, 3))
    return axis_angle_to_matrix(angles)


def _read_npz(path: Path) -> Mapping[str, Any]:
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if not name.startswith(("dmpls", "marker", "label"))}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a plain npz ({reason}); give a motion in AMASS's format, or a track") from error
