"""True bodies from the data sets of others, to measure recovery by: 3DPW's sequence files and Human3.6M as npz.

Nothing of these data sets is in this repository; who has them reads them here. Pickles are read without running them.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies.landmarks import LSP
from liquidwarp.bodies.pickles import read_pickle
from liquidwarp.bodies.smpl_files import FAMILIES
from liquidwarp.detect.readers import OPENPOSE_COCO
from liquidwarp.errors import InputError
from liquidwarp.files import check_archive
from liquidwarp.types import Camera, Keypoints

H36M = (
    "pelvis",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "spine",
    "neck",
    "nose",
    "head_top",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
)
"""The 17 joints that Human3.6M is usually given in, in the usual order; its thorax is called neck."""

_LAYOUTS = {17: H36M, 14: LSP, 24: (*LSP, *(f"other_{number}" for number in range(10)))}
_3DPW_RATE, _H36M_RATE, _H36M_SIZE = 30.0, 50.0, (1000, 1000)
_NUMBERS = ("joints_3d", "joints_2d", "S", "part", "fps", "size", "intrinsics")
_MILLIMETRES = 10.0  # bones longer than this are not in metres
_WIDEST = 1e5  # pixels
_NEAREST = 0.1  # metres: whoever is nearer to a camera was not filmed


@dataclass(frozen=True, eq=False)
class TruthSequence:
    """One person of a data set through time.

    Convention: camera axes (+X right, +Y down, +Z away), metres.

    Attributes:
        name: of the sequence.
        names: of the joints: `bodies.landmarks.LSP`, with "head" (SMPL's joint) where the data has no "head_top".
        joints: where they truly are.
        valid: False in frames whose truth is not to be used.
        keypoints: what was seen of the person in the pictures; None if the data does not say.
        camera: the lens; None if the data does not say.
        fps: frames per second; 0 for unrelated pictures.
    """

    name: str
    names: tuple[str, ...]
    joints: Float[np.ndarray, "T L 3"]
    valid: Bool[np.ndarray, "T"]
    keypoints: Keypoints | None
    camera: Camera | None
    fps: float

    def __len__(self) -> int:
        return len(self.joints)


def read_truth(path: str | Path) -> tuple[TruthSequence, ...]:
    """Read true bodies: a sequence file of 3DPW (.pkl), or Human3.6M-style joints (.npz).

    Raises:
        InputError: the file is missing, damaged, or of another kind.
    """
    path = Path(path)
    if path.suffix.lower() in (".pkl", ".pickle"):
        return read_3dpw(path)
    if path.suffix.lower() == ".npz":
        return (read_h36m(path),)
    raise InputError(f"{path}: not a file of true bodies; give 3DPW's sequence files (.pkl) or joints as .npz")


def read_3dpw(path: str | Path) -> tuple[TruthSequence, ...]:
    """Read an official sequence file of 3DPW, without running it: a sequence per person.

    Joints are SMPL's (`jointPositions`), brought into the camera's axes by `cam_poses`; frames whose camera was not
    aligned (`campose_valid`) or in which the person is not before the camera are not valid. Seen are OpenPose's 18
    landmarks (`poses2d`).

    Source: von Marcard et al., "Recovering accurate 3D human pose in the wild using IMUs and a moving camera", 2018.

    Raises:
        InputError: the file is missing, damaged, asks to run something, or is no sequence of 3DPW.
    """
    path = Path(path)
    values = read_pickle(path)
    wanted = ("jointPositions", "cam_poses", "cam_intrinsics")
    missing = [key for key in wanted if not isinstance(values.get(key), np.ndarray)]
    if missing:
        raise InputError(f"{path}: no sequence of 3DPW: it lacks {', '.join(missing)}; give one of its sequenceFiles")
    odd = [key for key in wanted if values[key].dtype.kind not in "iuf"]
    if odd:
        raise InputError(f"{path}: {odd[0]} holds {values[odd[0]].dtype}, where numbers are wanted; check the file")
    joints = np.asarray(values["jointPositions"], dtype=np.float64)
    poses = np.asarray(values["cam_poses"], dtype=np.float64)
    lens = np.asarray(values["cam_intrinsics"], dtype=np.float64)
    people, frames = joints.shape[:2] if joints.ndim == 3 else (0, 0)
    if (*joints.shape[2:], *poses.shape[1:]) != (72, 4, 4) or len(poses) != frames or lens.shape != (3, 3):
        raise InputError(
            f"{path}: jointPositions {joints.shape}, cam_poses {poses.shape} and cam_intrinsics {lens.shape}, "
            "wanted (people, T, 72), (T, 4, 4) and (3, 3); check the file"
        )
    if not (np.isfinite(lens).all() and lens[:2, 2].min() > 0.5 and lens[:2, 2].max() < _WIDEST):
        raise InputError(f"{path}: cam_intrinsics are those of no camera; check the file")
    world = joints.reshape(people, frames, 24, 3)
    seen_from = np.einsum("tij,ptkj->ptki", poses[:, :3, :3], world) + poses[:, None, :3, 3]
    camera = _camera(lens, (round(2 * lens[1, 2]), round(2 * lens[0, 2])))
    aligned = _per_person(path, values, "campose_valid", (people, frames), np.ones((people, frames)))
    spots = _per_person(path, values, "poses2d", (people, frames, 3, 18), None)
    names = tuple("head" if name == "head_top" else name for name in LSP)
    picks = [FAMILIES["smpl"].joints.index(name) for name in names]
    sequences = []
    for person in range(people):
        seen = None
        if spots is not None:
            marks = spots[person].transpose(0, 2, 1)
            seen = _keypoints(OPENPOSE_COCO, marks, camera.size, _3DPW_RATE, "3dpw-openpose")
        true = seen_from[person][:, picks]
        valid = (aligned[person] > 0) & np.isfinite(true).all((1, 2)) & (true[..., 2] > _NEAREST).all(1)
        name = path.stem if people == 1 else f"{path.stem}_{person}"
        sequences.append(TruthSequence(name, names, np.nan_to_num(true), valid, seen, camera, _3DPW_RATE))
    return tuple(sequences)


def read_h36m(path: str | Path) -> TruthSequence:
    """Read Human3.6M-style joints of one person from a plain npz.

    Arrays: `joints_3d` (T, J, 3) in camera axes, metres or millimetres, and where there are `joints_2d` (T, J, 2 or 3)
    in pixels with confidence, `intrinsics` (3, 3), `size` (height, width; 1000 x 1000 by default) and `fps` (50).
    J is 17 (`H36M`) or 14 (`bodies.landmarks.LSP`), or any with `joint_names`. SPIN's files with `S` (T, 24, 4) and
    `part` (T, 24, 3) are read too; they hold unrelated pictures.

    Source: Ionescu et al., "Human3.6M", 2014.

    Raises:
        InputError: the file is missing, damaged, holds pickled objects, or is no such file.
    """
    path = Path(path)
    arrays = _read_npz(path)
    unrelated = "joints_3d" not in arrays and "S" in arrays
    joints = arrays.get("S" if unrelated else "joints_3d")
    if joints is None or joints.ndim != 3 or joints.shape[2] not in (3, 4) or not len(joints):
        found = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(f"{path}: no true joints; looked for joints_3d (T, J, 3), found {found}; see `read_h36m`")
    names = _names(path, arrays, joints.shape[1])
    absent = [name for name in LSP[:13] if name not in names]
    if absent:
        raise InputError(f"{path}: its joints lack {', '.join(absent)}; name them by joint_names")
    head = "head_top" if "head_top" in names else "head"
    kept = tuple(head if name == "head_top" else name for name in LSP if name != "head_top" or head in names)
    true = np.asarray(joints[..., :3], dtype=np.float64)
    valid = np.asarray(np.isfinite(true).all((1, 2)))
    true = np.nan_to_num(true)[:, [names.index(name) for name in kept]]
    shin = np.linalg.norm(true[:, kept.index("left_knee")] - true[:, kept.index("left_ankle")], axis=1)
    if np.median(shin) > _MILLIMETRES:
        true = true / 1000
    fps = 0.0 if unrelated else float(np.ravel(arrays.get("fps", _H36M_RATE))[0])
    if not 0 <= fps < 10_000:
        raise InputError(f"{path}: {fps} frames a second; check fps")
    size = tuple(int(side) for side in np.ravel(arrays.get("size", _H36M_SIZE))[:2])
    height, width = size if len(size) == 2 else _H36M_SIZE
    lens = arrays.get("intrinsics")
    camera = None if lens is None or lens.shape != (3, 3) else _camera(lens, (height, width))
    spots = arrays.get("part" if unrelated else "joints_2d")
    seen = None
    if spots is not None:
        if spots.shape[:2] != joints.shape[:2] or spots.shape[2:] not in ((2,), (3,)):
            raise InputError(f"{path}: 2D joints of shape {spots.shape} beside 3D of {joints.shape}; check the file")
        sure = np.ones((*spots.shape[:2], 1)) if spots.shape[2] == 2 else spots[..., 2:]
        marks = np.concatenate([spots[..., :2], sure], axis=2)[:, [names.index(name) for name in kept]]
        seen = _keypoints(kept, marks, (height, width), fps, "joints")
    return TruthSequence(path.stem, kept, true, valid, seen, camera, fps)


def _names(path: Path, arrays: Mapping[str, np.ndarray], count: int) -> tuple[str, ...]:
    given = arrays.get("joint_names")
    if given is not None and given.shape == (count,):
        return tuple(str(name) for name in given)
    if count not in _LAYOUTS:
        raise InputError(f"{path}: {count} joints of unknown names; give 17, 14, or joint_names beside them")
    return _LAYOUTS[count]


def _keypoints(
    names: tuple[str, ...], marks: Float[np.ndarray, "T L 3"], size: tuple[int, int], fps: float, detector: str
) -> Keypoints:
    """Make keypoints of x, y and confidence."""
    values: Tensor = torch.from_numpy(np.nan_to_num(marks)).float()
    sure = values[..., 2].clamp(0, 1)
    return Keypoints(names, values[..., :2], sure, None, (sure > 0).sum(1) > 3, size, fps, detector)


def _camera(lens: np.ndarray, size: tuple[int, int]) -> Camera:
    focal = torch.tensor([float(lens[0, 0]), float(lens[1, 1])], dtype=torch.float32)
    center = torch.tensor([float(lens[0, 2]), float(lens[1, 2])], dtype=torch.float32)
    return Camera(focal, center, size, torch.eye(3, dtype=torch.float32), torch.zeros(3, dtype=torch.float32))


def _per_person(
    path: Path, values: Mapping[str, Any], key: str, shape: tuple[int, ...], default: np.ndarray | None
) -> Any:
    array = values.get(key)
    if not isinstance(array, np.ndarray):
        return default
    if array.shape != shape:
        raise InputError(f"{path}: {key} has shape {array.shape}, wanted {shape}; check the file")
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path}: {key} holds {array.dtype}, where numbers are wanted; check the file")
    return np.asarray(array, dtype=np.float64)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as stream:
            check_archive(stream)
            with np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files if name in (*_NUMBERS, "joint_names")}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a plain npz ({reason}); give joints as plain arrays") from error
    for name, array in arrays.items():
        if name in _NUMBERS and not (array.dtype.kind in "iuf" and array.size):
            raise InputError(f"{path}: {name} is {array.dtype} {array.shape}, where numbers are wanted; check the file")
        if name in ("fps", "size", "intrinsics") and not np.isfinite(array).all():
            raise InputError(f"{path}: {name} holds NaN or infinity; check the file")
    return arrays
