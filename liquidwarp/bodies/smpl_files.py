"""Files of the SMPL family: where they lie, reading them safely, turning official pickles into plain npz."""

import hashlib
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liquidwarp.bodies.pickles import read_pickle, read_pickled
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel
from liquidwarp.errors import InputError
from liquidwarp.files import check_archive, write_arrays

GENDERS = ("neutral", "female", "male")
FOLDER_VARIABLE = "LIQUIDWARP_BODY_MODELS"
"""Environment variable that names a folder laid out as `body_models/`."""

_FINGERS = tuple(
    f"{finger}{knuckle}" for finger in ("index", "middle", "pinky", "ring", "thumb") for knuckle in (1, 2, 3)
)
_HANDS = tuple(f"{side}_{finger}" for side in ("left", "right") for finger in _FINGERS)


@dataclass(frozen=True)
class Family:
    """What the files of a family have in common.

    Attributes:
        joints: joint names, in the files' order; the first 22 are the canonical ones.
        vertices: number of vertices.
        home: where its users get it.
    """

    joints: tuple[str, ...]
    vertices: int
    home: str


FAMILIES = {
    "smpl": Family((*CANONICAL_JOINTS, "left_hand", "right_hand"), 6890, "https://smpl.is.tue.mpg.de"),
    "smplh": Family((*CANONICAL_JOINTS, *_HANDS), 6890, "https://mano.is.tue.mpg.de"),
    "smplx": Family(
        (*CANONICAL_JOINTS, "jaw", "left_eye_socket", "right_eye_socket", *_HANDS),
        10475,
        "https://smpl-x.is.tue.mpg.de",
    ),
}


def family_of(body: BodyModel) -> str | None:
    """Return the family whose joints a body has, by their names and order; None for bodies of no family."""
    return next((name for name, family in FAMILIES.items() if body.joint_names == family.joints), None)


_WANTED = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
_OPTIONAL = ("posedirs", "lmk_faces_idx", "lmk_bary_coords", "hands_meanl", "hands_meanr", "vt", "ft")
_INTEGERS = ("f", "ft", "kintree_table", "lmk_faces_idx")
_DAMAGE = (
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    SyntaxError,
    NotImplementedError,
    LookupError,
    MemoryError,
)
_GENDER_NAMES = (("female", "female|basicmodel_f_"), ("male", "male|basicmodel_m_"), ("neutral", "neutral"))


@dataclass(frozen=True, eq=False)
class SmplFile:
    """A checked model file.

    Attributes:
        family: "smpl", "smplh" or "smplx".
        gender: "neutral", "female", "male"; "" where neither the file nor its name tells.
        arrays: the official arrays: `v_template` (V, 3), `shapedirs` (V, 3, K), `J_regressor` (J, V), `weights` (V, J),
            `kintree_table` (2, J), `f` (F, 3), and where the file has them `posedirs` (V, 3, 9 J - 9),
            `lmk_faces_idx` (L), `lmk_bary_coords` (L, 3), `hands_meanl`, `hands_meanr` (45), and texture
            coordinates `vt` (U, 2), origin at the bottom left, with `ft` (F, 3).
    """

    family: str
    gender: str
    arrays: dict[str, np.ndarray]


def find_smpl_file(family: str, gender: str = "neutral") -> Path:
    """Return where the file of a family lies.

    Looked for are `<family>/<FAMILY>_<GENDER>.npz` and `.pkl` in the folder that the environment variable
    LIQUIDWARP_BODY_MODELS names, in `body_models/` under the working folder and in that of the repository.

    Raises:
        InputError: it lies in none of them.
    """
    name = f"{family.upper()}_{gender.upper()}"
    roots = [Path("body_models"), Path(__file__).resolve().parents[2] / "body_models"]
    if given := os.environ.get(FOLDER_VARIABLE):
        roots.insert(0, Path(given))
    for root in roots:
        for ending in (".npz", ".pkl"):
            path = root / family / f"{name}{ending}"
            if path.is_file():
                return path
    raise InputError(
        f"{roots[0] / family / name}.npz: no such file, and no .pkl; the {family} body needs its official model there "
        f"(from {FAMILIES[family].home}; body_models/{family}/README.md tells more)"
    )


def read_smpl_file(path: Path) -> SmplFile:
    """Read and check an official pickle or npz, or one that `convert_smpl_file` wrote; nothing in it is executed.

    Raises:
        InputError: the file is missing, damaged, lacks an array, or is of no known family.
    """
    values = read_pickle(path) if path.suffix.lower() in (".pkl", ".pickle") else _read_npz(path)
    missing = [key for key in _WANTED if not isinstance(values.get(key), np.ndarray)]
    if missing:
        raise InputError(
            f"{path}: not a body of the SMPL family: it lacks {', '.join(missing)}; give the official model file"
        )
    found = {key: value for key, value in values.items() if isinstance(value, np.ndarray)}
    model = check_smpl_arrays(str(path), found, str(values.get("gender", "")) or _gender(path))
    if "checksum" in values and str(values["checksum"]) != _checksum(model.arrays):
        raise InputError(f"{path}: its numbers do not fit its checksum; convert the official file again")
    return model


def check_smpl_arrays(name: str, given: Mapping[str, np.ndarray], gender: str) -> SmplFile:
    """Return the arrays of a model, checked.

    Args:
        name: what messages call the model.
        given: arrays as `SmplFile` names them; others are left out.
        gender: see `SmplFile`.

    Raises:
        InputError: they are of no known family, or damaged.
    """
    kept = {key: given[key] for key in (*_WANTED, *_OPTIONAL) if key in given}
    odd = [key for key, array in kept.items() if array.dtype.kind not in "biuf" or not array.ndim]
    if odd:
        raise InputError(f"{name}: {odd[0]} is {kept[odd[0]].dtype}, where numbers are wanted; give the official file")
    arrays = {
        key: np.ascontiguousarray(array, dtype=np.int64 if key in _INTEGERS else np.float64)
        for key, array in kept.items()
    }
    family = _family(name, arrays)
    try:
        _check_arrays(arrays, len(FAMILIES[family].joints))
    except ValueError as error:
        raise InputError(
            f"{name}: a damaged {family} file: {error}; get it anew from {FAMILIES[family].home}"
        ) from error
    return SmplFile(family, gender, arrays)


def convert_smpl_file(path: Path, output: Path | None = None, *, gender: str | None = None) -> tuple[Path, SmplFile]:
    """Turn an official pickle (or npz) into a plain npz with a checksum, atomically; same file, same bytes.

    Args:
        path: the official file.
        output: where to write; by default `body_models/<family>/<FAMILY>_<GENDER>.npz`, where `load_body` looks.
        gender: of the model, where the file's name does not tell.

    Returns:
        Where it was written, and what it holds.

    Raises:
        InputError: the file cannot be used, or its gender is not known.
        OutputError: the npz cannot be written.
    """
    model = read_smpl_file(path)
    if gender is not None and model.gender not in ("", gender):
        raise InputError(
            f"{path}: the {model.gender} model, not the {gender} one; give that file, or leave --gender out"
        )
    gender = gender or model.gender
    if not gender:
        raise InputError(f"{path}: its name does not say whose body it is; add --gender {', '.join(GENDERS)}")
    model = SmplFile(model.family, gender, model.arrays)
    if output is None:
        output = Path("body_models") / model.family / f"{model.family.upper()}_{gender.upper()}.npz"
    texts = {"family": model.family, "gender": gender, "checksum": _checksum(model.arrays)}
    write_arrays(output, _stored(model.arrays) | {key: np.array(text) for key, text in texts.items()})
    return output, model


def _stored(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays in the precision that is kept: 24 bits are a thousandth of a millimetre."""
    return {key: array.astype(np.int32 if key in _INTEGERS else np.float32) for key, array in arrays.items()}


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key, array in sorted(_stored(arrays).items()):
        digest.update(f"{key} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _read_npz(path: Path) -> dict[str, Any]:
    """Read what is wanted of an npz; pickled members go through the restricted reader."""
    keys = (*_WANTED, *_OPTIONAL, "family", "gender", "checksum")
    try:
        with open(path, "rb") as stream, zipfile.ZipFile(stream) as archive:
            check_archive(stream)
            names = set(archive.namelist())
            return {
                key: value
                for key in keys
                if f"{key}.npy" in names and (value := _member(path, archive, key)) is not None
            }
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except InputError:  # a ValueError too, but already in words
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the file") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or "it ends too early"
        raise InputError(f"{path}: not a whole npz ({reason}); give the official .npz or .pkl file") from error


def _member(path: Path, archive: zipfile.ZipFile, key: str) -> Any:
    with archive.open(f"{key}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        if header(stream)[2].hasobject:
            return read_pickled(path, stream.read())
    with archive.open(f"{key}.npy") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _family(name: str, arrays: dict[str, np.ndarray]) -> str:
    joints, vertices = arrays["weights"].shape[-1], arrays["v_template"].shape[0]
    for known_name, family in FAMILIES.items():
        if (joints, vertices) == (len(family.joints), family.vertices):
            return known_name
    known = ", ".join(f"{key} {len(family.joints)} and {family.vertices}" for key, family in FAMILIES.items())
    raise InputError(
        f"{name}: {joints} joints and {vertices} vertices are of no known body ({known}); give one of these"
    )


def _check_arrays(arrays: dict[str, np.ndarray], joints: int) -> None:
    """Check shapes, ranges and the tree; ValueError says what is wrong."""
    count = len(arrays["v_template"])
    shapes: dict[str, tuple[int | None, ...]] = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, None),
        "J_regressor": (joints, count),
        "weights": (count, joints),
        "kintree_table": (2, joints),
        "f": (None, 3),
        "posedirs": (count, 3, 9 * (joints - 1)),
        "lmk_bary_coords": (None, 3),
        "lmk_faces_idx": (None,),
        "vt": (None, 2),
        "ft": (len(arrays["f"]), 3),
    }
    for key, shape in shapes.items():
        actual = arrays[key].shape if key in arrays else shape
        if len(actual) != len(shape) or any(want not in (None, got) for got, want in zip(actual, shape, strict=True)):
            wanted = ", ".join("any" if length is None else str(length) for length in shape)
            raise ValueError(f"{key} has shape {actual}, wanted ({wanted})")
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{key} holds NaN or infinity")
    if arrays["f"].min(initial=0) < 0 or arrays["f"].max(initial=0) >= count:
        raise ValueError("f names vertices that do not exist")
    if "ft" in arrays and ("vt" not in arrays or not 0 <= arrays["ft"].min() <= arrays["ft"].max() < len(arrays["vt"])):
        raise ValueError("ft names texture coordinates that do not exist")
    parents = arrays["kintree_table"][0, 1:]
    if not all(0 <= parent <= joint for joint, parent in enumerate(parents)):
        raise ValueError("kintree_table is no tree of joints")
    if abs(arrays["weights"].sum(axis=1) - 1).max() > 1e-3 or abs(arrays["J_regressor"].sum(axis=1) - 1).max() > 1e-2:
        raise ValueError("the rows of weights or J_regressor do not sum to 1")
    if arrays["shapedirs"].shape[2] < 1:
        raise ValueError("shapedirs is empty")


def _gender(path: Path) -> str:
    name = path.stem.lower()
    if name == "model":  # SMPL-H is handed out as <gender>/model.npz
        name = path.resolve().parent.name.lower()
    for gender, pattern in _GENDER_NAMES:
        if re.search(pattern, name):
            return gender
    return ""
