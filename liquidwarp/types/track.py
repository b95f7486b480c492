"""A body through time."""

import math
import operator
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import SupportsIndex

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.files import check_archive, write_arrays
from liquidwarp.types.camera import Camera
from liquidwarp.types.face import FACE_POINTS, FaceTrack
from liquidwarp.types.path import CameraPath
from liquidwarp.types.pose import Pose
from liquidwarp.types.shots import cuts_among

_FORMAT = 3  # of tracks of a moving camera; with a face it is 2, without either 1, as ever
# What numpy and zipfile raise on damaged archives, beside ValueError and the like.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, RuntimeError, SyntaxError, KeyError)
_PER_FACE = ("size", "presence")
_PER_FRAME = ("global_orient", "body_pose", "transl", "confidence", "observed")


@dataclass(frozen=True, eq=False)
class BodyTrack:
    """One body shape, and a pose and place per frame, in front of one camera.

    Names and meaning as in `smplx`: rotations are axis-angle in radians, `transl` in metres, camera axes.

    Attributes:
        body: name of the body model, such as "anny".
        betas: shape coefficients of the person.
        global_orient: root rotation per frame.
        body_pose: rotation of every joint but the root.
        transl: place of the body per frame.
        camera: the clip's camera.
        fps: frames per second; 0 for a still.
        confidence: 0 to 1 per frame.
        observed: False where the frame had no person and the pose was bridged from its neighbours.
        detector: what found the person.
        version: version of liquidwarp that made the track.
        cuts: first frame of each shot but the first; nothing is smoothed across.
        face: the mesh of the person's face in each frame; None if nobody looked, or saw it.
        path: how the camera turned and zoomed; None of one that stood. World, `camera` and `face` are steady.
    """

    body: str
    betas: Float[Tensor, "K"]
    global_orient: Float[Tensor, "T 3"]
    body_pose: Float[Tensor, "T J 3"]
    transl: Float[Tensor, "T 3"]
    camera: Camera
    fps: float
    confidence: Float[Tensor, "T"]
    observed: Bool[Tensor, "T"]
    detector: str = ""
    version: str = ""
    cuts: tuple[int, ...] = ()
    face: FaceTrack | None = None
    path: CameraPath | None = None

    def __len__(self) -> int:
        return self.transl.shape[0]

    def __getitem__(self, index: SupportsIndex | slice | Sequence[SupportsIndex] | np.ndarray | Tensor) -> "BodyTrack":
        """Return the track of some frames.

        Args:
            index: a whole number of any kind gives a track of one frame, a list, array or tensor of them those frames
                in that order, one of truth values, a frame each, the frames where it is True.

        Raises:
            IndexError: there is no such frame, or not a truth value for each frame.
            TypeError: the index is of another kind.
        """
        frames = _frames_of(index, len(self))
        cuts = cuts_among(self.cuts, np.arange(len(self))[frames]) if self.cuts else ()
        face = None if self.face is None else self.face[frames]
        path = None if self.path is None else self.path[frames]
        return replace(
            self, cuts=cuts, face=face, path=path, **{name: getattr(self, name)[frames] for name in _PER_FRAME}
        )

    def camera_of(self, frame: int) -> Camera:
        """Return the camera that saw a frame."""
        return self.camera if self.path is None else self.path.camera(self.camera, frame)

    def still(self, frame: int) -> "BodyTrack":
        """Return the track of one frame before the camera that saw it."""
        return replace(self[frame], camera=self.camera_of(frame), path=None)

    def pose(self, index: int) -> Pose:
        """Return how the body stands in a frame."""
        return Pose(self.global_orient[index], self.body_pose[index], self.transl[index])

    def posed_as(self, parts: Sequence["BodyTrack"]) -> "BodyTrack":
        """Return the track with the poses and places of other tracks, one after the other; they have as many frames."""
        return replace(
            self,
            global_orient=torch.cat([part.global_orient for part in parts]),
            body_pose=torch.cat([part.body_pose for part in parts]),
            transl=torch.cat([part.transl for part in parts]),
        )

    def to(self, device: torch.device | str) -> "BodyTrack":
        """Return the track, and its camera, on another device."""
        return moved(self, device)

    def save(self, path: str | Path) -> None:
        """Write a plain npz (no pickles), atomically; the same track gives the same bytes.

        Raises:
            OutputError: the file cannot be written.
        """
        number = _FORMAT if self.path is not None else 1 if self.face is None else 2
        arrays = {"format": np.array(number)} | _arrays_of(self)
        write_arrays(path, arrays)

    @staticmethod
    def load(path: str | Path) -> "BodyTrack":
        """Read a track written by `save`.

        Raises:
            InputError: the file is missing, is no track, or holds pickled objects.
        """
        path = Path(path)
        try:
            with open(path, "rb") as stream:
                check_archive(stream)
                with np.load(stream, allow_pickle=False) as archive:
                    arrays = {name: archive[name] for name in archive.files}
        except FileNotFoundError as error:
            remedy = f"make a track with 'liquidwarp recover VIDEO -o {path.name}'"
            raise InputError(f"{path}: no such file; {remedy}") from error
        except (OSError, ValueError, TypeError, EOFError, MemoryError, *_DAMAGE) as error:
            raise _not_a_track(path, error) from error
        try:
            newer = int(arrays["format"]) > _FORMAT
            track = None if newer else _track_from(arrays)
        except KeyError as error:
            raise _not_a_track(path, f"{error} is missing") from error
        except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise _not_a_track(path, error) from error
        if track is None:
            raise InputError(f"{path}: written by a newer liquidwarp (track format {arrays['format']}); please upgrade")
        return track


def _frames_of(
    index: SupportsIndex | slice | Sequence[SupportsIndex] | np.ndarray | Tensor, count: int
) -> slice | Tensor:
    """Return which of `count` frames an index names."""
    if isinstance(index, slice):
        return index if index.step is None or index.step > 0 else torch.tensor(range(count)[index], dtype=torch.int64)
    chosen = index.detach().cpu().numpy() if isinstance(index, Tensor) else np.asarray(index)
    truth = chosen.dtype.kind == "b"
    if chosen.ndim == 0 and not truth and hasattr(index, "__index__"):
        frame = range(count)[operator.index(index)]  # raises IndexError, which also ends a loop over the track
        return slice(frame, frame + 1)
    if chosen.ndim != 1 or not (truth or chosen.dtype.kind in "iu" or not chosen.size):
        raise TypeError(
            "a track is indexed by a whole number, a slice, or a row of whole numbers or truth values, "
            f"not by {type(index).__name__} of {chosen.dtype} and shape {chosen.shape}"
        )
    if truth and len(chosen) != count:
        raise IndexError(f"{len(chosen)} truth values for {count} frames; give one for each")
    rows = np.flatnonzero(chosen) if truth else chosen.astype(np.int64)
    if ((rows < -count) | (rows >= count)).any():
        raise IndexError(f"frames {rows.min()} to {rows.max()} of a track of {count} frames")
    return torch.from_numpy(rows)


def _arrays_of(value: BodyTrack | Camera | FaceTrack | CameraPath, prefix: str = "") -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for field in fields(value):
        member = getattr(value, field.name)
        if member is None:
            continue
        if isinstance(member, Camera | FaceTrack | CameraPath):
            arrays |= _arrays_of(member, f"{field.name}_")
        elif field.name != "cuts" or member:
            plain = member.detach().cpu().numpy() if isinstance(member, Tensor) else member
            arrays[prefix + field.name] = np.asarray(plain)
    return arrays


def _track_from(arrays: dict[str, np.ndarray]) -> BodyTrack:
    """Put a track together; KeyError, ValueError or TypeError where the arrays are not those of a track."""
    frames = arrays["transl"].shape[0]

    def tensor(name: str, *shape: int | None) -> Tensor:
        value = torch.from_numpy(arrays[name])
        check_shape(name, value, shape)
        value = value.bool() if name == "observed" else value.half() if name == "face_shape" else value.float()
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InputError(f"{name} holds NaN or infinity")
        return value

    face = None
    if any(name.startswith("face_") for name in arrays):
        shape = tensor("face_shape", frames, FACE_POINTS, 3)
        closed = tensor("face_closed", frames, 2) if "face_closed" in arrays else None
        size, presence = (tensor(f"face_{name}", frames) for name in _PER_FACE)
        face = FaceTrack(shape, tensor("face_center", frames, 2), size, presence, closed)
        if closed is not None and not bool(((closed >= 0) & (closed <= 1)).all()):
            raise InputError("face_closed is not between 0 and 1")
        if not bool((face.size > 0).all() and (face.presence >= 0).all() and (face.presence <= 1).all()):
            raise InputError("face_size or face_presence is out of its range")
    path = None
    if "path_zoom" in arrays:
        path = CameraPath(tensor("path_rotation", frames, 3, 3), tensor("path_zoom", frames))
        if not bool((path.zoom > 0).all()):
            raise InputError("path_zoom is out of its range")
    height, width = (int(n) for n in arrays["camera_size"])
    fps = float(arrays["fps"])
    if not frames or min(height, width) < 1 or not 0 <= fps < math.inf:
        raise InputError(f"it has {frames} frames of {width}x{height} at {fps} a second")
    return BodyTrack(
        body=str(arrays["body"]),
        betas=tensor("betas", None),
        global_orient=tensor("global_orient", frames, 3),
        body_pose=tensor("body_pose", frames, None, 3),
        transl=tensor("transl", frames, 3),
        camera=Camera(
            focal=tensor("camera_focal", 2),
            center=tensor("camera_center", 2),
            size=(height, width),
            rotation=tensor("camera_rotation", 3, 3),
            translation=tensor("camera_translation", 3),
            orthographic=bool(arrays["camera_orthographic"]),
        ),
        fps=fps,
        confidence=tensor("confidence", frames),
        observed=tensor("observed", frames),
        detector=str(arrays["detector"]),
        version=str(arrays["version"]),
        cuts=_cuts_from(arrays.get("cuts"), frames),
        face=face,
        path=path,
    )


def _cuts_from(cuts: np.ndarray | None, frames: int) -> tuple[int, ...]:
    if cuts is None:
        return ()
    ends = [0, *(int(cut) for cut in cuts), frames]
    if any(last <= first for first, last in pairwise(ends)):
        raise InputError(f"its cuts {ends[1:-1]} are not those of {frames} frames")
    return tuple(ends[1:-1])


def _not_a_track(path: Path, cause: object) -> InputError:
    reason = " ".join(str(cause).split())
    return InputError(f"{path}: not a body track ({reason}); make one with 'liquidwarp recover'")
