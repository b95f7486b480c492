"""A body through time."""

import zipfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.types.camera import Camera

_FORMAT = 1


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

    def __len__(self) -> int:
        return self.transl.shape[0]

    def __getitem__(self, index: int | slice) -> "BodyTrack":
        """Return the track of some frames; an integer gives a track of one frame."""
        if isinstance(index, int):
            index = slice(index, None if index == -1 else index + 1)
        per_frame = ("global_orient", "body_pose", "transl", "confidence", "observed")
        return replace(self, **{name: getattr(self, name)[index] for name in per_frame})

    def save(self, path: str | Path) -> None:
        """Write a plain npz (no pickles), atomically."""
        arrays: dict[str, np.ndarray] = {"format": np.array(_FORMAT)}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Camera):
                for part in fields(value):
                    inner = getattr(value, part.name)
                    arrays[f"camera_{part.name}"] = inner.numpy() if isinstance(inner, Tensor) else np.array(inner)
            else:
                arrays[field.name] = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.array(value)
        with atomic_path(path) as partial, open(partial, "wb") as stream:
            np.savez_compressed(stream, **arrays)

    @staticmethod
    def load(path: str | Path) -> "BodyTrack":
        """Read a track written by `save`.

        Raises:
            InputError: the file is missing, is no track, or holds pickled objects.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file; make a track with 'liquidwarp recover VIDEO -o {path.name}'") from error
        except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(f"{path}: not a body track ({error}); make one with 'liquidwarp recover'") from error
        try:
            if int(arrays["format"]) > _FORMAT:
                raise InputError(f"{path}: written by a newer liquidwarp (track format {arrays['format']}); please upgrade")
            height, width = (int(n) for n in arrays["camera_size"])
            camera = Camera(
                *(torch.from_numpy(arrays[f"camera_{name}"]) for name in ("focal", "center")),
                (height, width),
                *(torch.from_numpy(arrays[f"camera_{name}"]) for name in ("rotation", "translation")),
                bool(arrays["camera_orthographic"]),
            )
            tensors = ("betas", "global_orient", "body_pose", "transl", "confidence", "observed")
            return BodyTrack(
                body=str(arrays["body"]),
                camera=camera,
                fps=float(arrays["fps"]),
                detector=str(arrays["detector"]),
                version=str(arrays["version"]),
                **{name: torch.from_numpy(arrays[name]) for name in tensors},
            )
        except KeyError as error:
            raise InputError(f"{path}: not a body track ({error} is missing); make one with 'liquidwarp recover'") from error
