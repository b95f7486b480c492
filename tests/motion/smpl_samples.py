"""Files of the SMPL family in the layouts of many programs, made of one motion; and joblib's way to write them."""

import bz2
import gzip
import io
import lzma
import pickle
import zlib
from collections import defaultdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from liquidwarp.bodies import load_body
from liquidwarp.demo import asset
from liquidwarp.motion import write_amass
from liquidwarp.types import BodyTrack

FRAMES, FPS = 12, 30.0
TO_Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # from a world with z up
TO_CAMERA = np.diag([1.0, -1.0, -1.0]) @ TO_Y_UP
AMASS_PELVIS = np.array([0.0, -0.22, 0.0])  # where SMPL's pelvis is for who has no file of it


@cache
def sample(up: str = "z") -> tuple[np.ndarray, np.ndarray]:
    """Return axis-angles (T, 52, 3) and translations (T, 3), metres, in a world with z or y up or before a camera."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        body = load_body("anny")
        write_amass(path, BodyTrack.load(asset("motion_truth.npz"))[: 8 * FRAMES : 8], body)
        with np.load(path) as archive:
            poses, trans = archive["poses"].reshape(FRAMES, 52, 3), archive["trans"]
    trans = trans + np.linspace(0, 1, FRAMES)[:, None] * [0.4, 0.3, 0.0]
    turn = {"z": np.eye(3), "y": TO_Y_UP, "camera": TO_CAMERA}[up]
    root = turn @ Rotation.from_rotvec(poses[:, 0]).as_matrix()
    poses = poses.copy()
    poses[:, 0] = Rotation.from_matrix(root).as_rotvec()
    return poses, (trans + AMASS_PELVIS) @ turn.T - AMASS_PELVIS


def as_numbers(poses: np.ndarray, kind: str) -> np.ndarray:
    """Turn axis-angles (T, J, 3) into another form of rotations."""
    if kind == "axis-angle":
        return poses
    matrices = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(*poses.shape[:2], 3, 3)
    return {
        "matrices": matrices,
        "nine": matrices.reshape(*poses.shape[:2], 9),
        "rows": matrices[..., :2, :].reshape(*poses.shape[:2], 6),  # PyTorch3D
        "columns": matrices[..., :2].swapaxes(-1, -2).reshape(*poses.shape[:2], 6),  # Zhou et al.
        "in turn": matrices[..., :2].reshape(*poses.shape[:2], 6),  # SPIN
    }[kind]


KINDS = ("axis-angle", "matrices", "nine", "rows", "columns", "in turn")


def world_layouts(kind: str = "axis-angle") -> dict[str, dict[str, Any]]:
    """Return the layouts of motions in a world, by program."""
    (z, z_trans), (y, y_trans) = sample("z"), sample("y")
    whole = as_numbers(z[:, :52], kind)
    flat = whole.reshape(FRAMES, -1)
    smpl, smpl_y = as_numbers(z[:, :24], kind), as_numbers(y[:, :24], kind)
    body, body_y = as_numbers(z[:, 1:22], kind), as_numbers(y[:, 1:22], kind)
    root, root_y = as_numbers(z[:, :1], kind), as_numbers(y[:, :1], kind)
    zeros = np.zeros((FRAMES, 10))
    return {
        "AMASS": {"poses": flat, "trans": z_trans, "betas": np.zeros(16), "gender": "male", "mocap_framerate": FPS},
        "AMASS, SMPL-X": {
            "poses": np.concatenate([flat, as_numbers(np.zeros((FRAMES, 3, 3)), kind).reshape(FRAMES, -1)], axis=1),
            "root_orient": root.reshape(FRAMES, -1),
            "pose_body": body.reshape(FRAMES, -1),
            "trans": z_trans,
            "mocap_frame_rate": np.array([FPS]),
            "surface_model_type": "smplx",
        },
        "SMPL with z up": {"poses": smpl, "trans": z_trans, "fps": FPS},
        "SMPL with y up": {"poses": smpl_y.reshape(FRAMES, -1), "trans": y_trans, "fps": FPS},
        "AIST++": {
            "smpl_poses": smpl_y.reshape(FRAMES, -1),
            "smpl_trans": y_trans * 93.7,
            "smpl_scaling": np.array([93.7]),
            "fps": FPS,
        },
        "EDGE": {
            "smpl_poses": smpl.reshape(FRAMES, -1),
            "smpl_trans": z_trans,
            "full_pose": np.zeros((FRAMES, 24, 3)),
        },
        "smplx, apart": {
            "global_orient": root.reshape(FRAMES, -1),
            "body_pose": body.reshape(FRAMES, -1),
            "left_hand_pose": np.zeros((FRAMES, 45)),
            "jaw_pose": np.zeros((FRAMES, 3)),
            "transl": z_trans,
            "mocap_frame_rate": FPS,
        },
        "smplx, y up": {
            "global_orient": root_y,
            "body_pose": body_y,
            "transl": y_trans,
            "betas": zeros,
            "frame_rate": FPS,
        },
        "VPoser": {
            "root_orient": root_y.reshape(FRAMES, -1),
            "pose_body": body_y.reshape(FRAMES, -1),
            "trans": y_trans,
            "pose_hand": np.zeros((FRAMES, 90)),
            "fps": np.array([[FPS]]),
        },
        "said": {"poses": smpl, "trans": z_trans, "up_axis": "z", "fps": FPS},
    }


def camera_layouts() -> dict[str, dict[str, Any]]:
    """Return what programs write that look at a video: people by number, in numbers and lists of frames."""
    (seen, place), (world, world_trans) = sample("camera"), sample("y")
    pose, betas = seen[:, :24].reshape(FRAMES, 72).astype(np.float32), np.zeros((FRAMES, 10), np.float32)
    scale = 2 / (place[:, 2:] + 6)
    cams = np.concatenate([scale, place[:, :2]], axis=1).astype(np.float32)
    depth = place + np.array([0, 0, 6.0])
    matrices = as_numbers(seen[:, :24], "matrices")
    frames = np.arange(FRAMES)
    short = slice(0, 4)
    vibe = {"pred_cam": cams, "orig_cam": np.concatenate([cams[:, :1], cams], axis=1), "pose": pose, "betas": betas}
    wham: dict[Any, dict[str, Any]] = defaultdict(dict)
    wham[0] = {"pose": pose[short], "trans": depth[short], "pose_world": pose[short], "trans_world": depth[short]}
    wham[3] = {
        "pose": pose,
        "trans": depth,
        "pose_world": world[:, :24].reshape(FRAMES, 72),
        "trans_world": world_trans,
        "betas": betas,
        "frame_ids": frames,
        "verts": np.zeros((FRAMES, 5, 3), np.float32),
    }
    return {
        "iPER": {"cams": cams, "pose": pose, "shape": betas},
        "VIBE": {1: {**{name: value[short] for name, value in vibe.items()}}, 7: {**vibe, "frame_ids": frames}},
        "WHAM": wham,
        "PHALP": {
            f"frames/{frame:06d}.jpg": {
                "time": frame,
                "shot": 0,
                "tid": [4, 2] if frame < 4 else [2],
                "tracked_ids": [4, 2] if frame < 4 else [2],
                "tracked_time": [0, 0] if frame < 4 else [0],
                "size": [[480, 640]] * (2 if frame < 4 else 1),
                "mask": [{"size": [480, 640], "counts": b"abc"}],
                "smpl": [
                    {"global_orient": matrices[frame, :1], "body_pose": matrices[frame, 1:], "betas": betas[0]}
                    for _ in range(2 if frame < 4 else 1)
                ],
                "camera": [depth[frame] * [1, 1, 5000 / 256] for _ in range(2 if frame < 4 else 1)],
            }
            for frame in frames
        },
        "CLIFF": {
            "imgname": np.array([f"{frame}.jpg" for frame in frames]),
            "pose": np.repeat(pose, 2, axis=0),
            "shape": np.repeat(betas, 2, axis=0),
            "global_t": np.repeat(depth, 2, axis=0),
            "focal_l": np.full(2 * FRAMES, 800.0),
            "detection_all": np.array(
                [[frame, 0, 0, size, size, 0.9, 0.9, 0] for frame in frames for size in (50.0, 200.0)]
            ),
        },
        "CLIFF, matrices": {"pose": matrices, "shape": betas, "global_t": depth, "focal_l": np.full(FRAMES, 800.0)},
        "ROMP": {
            "results": {
                f"{frame:08d}.png": {
                    "cam": np.zeros((2, 3)),
                    "cam_trans": np.stack([depth[frame]] * 2),
                    "smpl_thetas": np.stack([pose[frame]] * 2),
                    "smpl_betas": np.zeros((2, 10)),
                    "center_confs": np.ones((2, 1)),
                }
                for frame in frames
            }
        },
        "ROMP, followed": {
            "results": {},
            "sequence_results": {
                np.int32(5): {
                    "frame_id": [int(frame) for frame in frames],
                    "smpl_thetas": list(pose),
                    "smpl_betas": list(np.zeros((FRAMES, 10))),
                    "cam_trans": list(depth),
                    "cam": list(cams),
                }
            },
        },
        "SLAHMR": {
            "root_orient": np.stack([world[:, 0]] * 2),
            "pose_body": np.stack([world[:, 1:22].reshape(FRAMES, 63)] * 2),
            "trans": np.stack([world_trans] * 2),
            "betas": np.zeros((2, 16)),
        },
        "GVHMR": {
            "smpl_params_incam": {
                "global_orient": seen[:, 0],
                "body_pose": seen[:, 1:22].reshape(FRAMES, 63),
                "transl": depth,
            },
            "smpl_params_global": {
                "global_orient": world[:, 0],
                "body_pose": world[:, 1:22].reshape(FRAMES, 63),
                "transl": world_trans,
            },
            "K_fullimg": np.zeros((FRAMES, 3, 3)),
        },
    }


class NumpyArrayWrapper:
    """What joblib writes in an array's stead; the name of its module is set below."""


NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"


class _JoblibPickler(pickle._Pickler):
    """Writes arrays behind the wrapper's last step, as joblib does."""

    def __init__(self, stream: Any, protocol: int, alignment: int | None) -> None:
        super().__init__(stream, protocol)
        self.stream, self.alignment = stream, alignment

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if type(value) is not np.ndarray:
            super().save(value, save_persistent_id)
            return
        wrapper = NumpyArrayWrapper()
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        wrapper.__dict__.update(subclass=np.ndarray, shape=value.shape, order=order, dtype=value.dtype, allow_mmap=True)
        if self.alignment is not None:
            wrapper.numpy_array_alignment_bytes = self.alignment
        super().save(wrapper)
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        if value.dtype.hasobject:
            pickle.dump(value, self.stream, protocol=2)
            return
        if self.alignment is not None:
            padding = self.alignment - (self.stream.tell() + 1) % self.alignment
            self.stream.write(bytes([padding]) + b"\xff" * padding)
        self.stream.write(value.tobytes(order))


def joblib_bytes(value: Any, *, protocol: int = 4, alignment: int | None = 16, compress: str = "") -> bytes:
    """Write a value as joblib does: arrays outside the pickle's frames; compressed as a whole, if at all."""
    import sys
    import types

    names = ("joblib", "joblib.numpy_pickle")
    before = {name: sys.modules.get(name) for name in names}
    made = types.ModuleType("joblib.numpy_pickle")
    made.NumpyArrayWrapper = NumpyArrayWrapper
    sys.modules |= {"joblib": types.ModuleType("joblib"), "joblib.numpy_pickle": made}
    try:
        stream = io.BytesIO()
        _JoblibPickler(stream, protocol, alignment).dump(value)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    packers = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "": bytes}
    packers["lzma"] = lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)
    return packers[compress](stream.getvalue())
