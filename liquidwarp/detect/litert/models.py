"""Model files of MediaPipe: which ones, where they are, and that they are what they should be."""

import hashlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from liquidwarp.errors import InputError

VARIABLE = "LIQUIDWARP_MODELS"
"""The environment variable that names a folder with models."""

_CACHE_VARIABLE = "LIQUIDWARP_CACHE"


@dataclass(frozen=True)
class ModelFile:
    """One published network.

    Attributes:
        file: name of its file.
        module: folder of MediaPipe's wheel that holds it, under `mediapipe/modules`.
        sha256: of the file that was tested.
        shipped: whether the wheel of MediaPipe 0.10.21 holds it; the others come with its JavaScript package.
    """

    file: str
    module: str
    sha256: str
    shipped: bool = True


MODELS = {
    "pose_finder": ModelFile(
        "pose_detection.tflite",
        "pose_detection",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    ),
    "pose_lite": ModelFile(
        "pose_landmark_lite.tflite",
        "pose_landmark",
        "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        shipped=False,
    ),
    "pose_full": ModelFile(
        "pose_landmark_full.tflite",
        "pose_landmark",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    ),
    "pose_heavy": ModelFile(
        "pose_landmark_heavy.tflite",
        "pose_landmark",
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        shipped=False,
    ),
    "palm_finder": ModelFile(
        "palm_detection_full.tflite",
        "palm_detection",
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    ),
    "hand": ModelFile(
        "hand_landmark_full.tflite",
        "hand_landmark",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    ),
    "face_finder": ModelFile(
        "face_detection_short_range.tflite",
        "face_detection",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    "face": ModelFile(
        "face_landmark.tflite",
        "face_landmark",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    ),
}
"""Every model that can be used, by our name for it."""

PINNED_WHEEL = "mediapipe==0.10.21"
"""The release whose wheel holds the models."""


def cache_folder() -> Path | None:
    """Return the user's folder for models: where the platform keeps caches; None for a user without a home."""
    named = os.environ.get(_CACHE_VARIABLE)
    if named:
        return Path(named) / "models"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "liquidwarp" / "models" if home.is_dir() or base.is_dir() else None


def model_folders(given: str | Path | None = None) -> list[Path]:
    """Return the folders where models are looked for, in order.

    The one given, `LIQUIDWARP_MODELS`, the user's cache, and an installed MediaPipe (which is not imported).
    """
    named = os.environ.get(VARIABLE)
    folders = [Path(given) if given else None, Path(named) if named else None, cache_folder(), _mediapipe()]
    return [folder for folder in folders if folder is not None]


def find_model(name: str, folder: str | Path | None = None) -> Path | None:
    """Return the file of a model, unchecked, or None where there is none.

    Args:
        name: a key of `MODELS`.
        folder: looked at first, see `model_folders`.
    """
    model = MODELS[name]
    places = (place for base in model_folders(folder) for place in (base, base / model.module))
    return next((place / model.file for place in places if (place / model.file).is_file()), None)


def read_model(name: str, folder: str | Path | None = None) -> bytes:
    """Return the bytes of a model, checked.

    Args:
        name: a key of `MODELS`.
        folder: looked at first, see `model_folders`.

    Raises:
        InputError: there is no such file, or it is not the one that was tested.
    """
    path = find_model(name, folder)
    if path is None:
        raise InputError(f"the detector's model {MODELS[name].file} is not here; {_remedy(name)}")
    data = path.read_bytes()
    if not is_model(name, data):
        raise InputError(f"{path}: cut short or altered (its SHA-256 is another); run 'liquidwarp setup' again")
    return data


def is_model(name: str, data: bytes) -> bool:
    """Tell whether these are the bytes of the model that was tested."""
    return hashlib.sha256(data).hexdigest() == MODELS[name].sha256


def _remedy(name: str) -> str:
    if MODELS[name].shipped:
        return "run 'liquidwarp setup' once"
    return "it comes with npm's @mediapipe/pose: give that file to 'liquidwarp setup --wheel FILE'"


def _mediapipe() -> Path | None:
    """Return the models' folder of an installed MediaPipe, without importing it."""
    try:
        spec = importlib.util.find_spec("mediapipe")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "modules"
