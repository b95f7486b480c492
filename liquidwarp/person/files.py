"""Files of learnt people: safetensors with a card, of which nothing is taken unchecked.

A file says in its header what it holds, so its sizes are known, and agree with its own, before anything is read.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import liquidwarp
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path

Card = dict[str, Any]

PERSON_ENDING = ".person"
"""What the name of a person's file usually ends in."""

FORMAT = 4
_WITHOUT_FACE = (
    3  # the formats of people whose face was not seen, and from whom nothing hangs: older versions read them
)
_WITHOUT_DRAPES = 2
_KIND = "liquidwarp person"
_KINDS = {"int64": "I64", "float32": "F32", "int32": "I32", "uint8": "U8", "bool": "BOOL"}
_ALIGNED = 8  # bytes
_HEADER_START = 4096  # bytes in which a header of ours names its kind
_REMEDY = "learn the person with 'liquidwarp learn PHOTO -o me.person'"


def is_person_file(path: str | Path) -> bool:
    """Tell whether `path` is, or by its name should be, a file that `SourceState.save` wrote."""
    path = Path(path)
    if path.suffix.lower() == PERSON_ENDING:
        return True
    try:
        if not path.is_file():  # missing, a folder, or a pipe, which can be read only once
            return False
        with open(path, "rb") as stream:
            start = stream.read(_HEADER_START)
    except OSError:  # whoever reads it says why
        return False
    return start[8:9] == b"{" and _KIND.encode() in start


def write_person_file(path: str | Path, card: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a person's arrays, atomically; the same arrays and card give the same bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    plain = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    written = FORMAT if "face" in card else _WITHOUT_FACE if "drapes" in card else _WITHOUT_DRAPES
    whole = {"kind": _KIND, "format": written, "made_by": f"liquidwarp {liquidwarp.__version__}", **card}
    with atomic_path(path) as partial, open(partial, "wb") as stream:
        names, header = _header(plain, json.dumps(whole))
        stream.write(header)
        for name in names:  # safetensors' own writer copies everything twice first; people of large photos are large
            stream.write(plain[name].data)


def _header(arrays: Mapping[str, np.ndarray], card: str) -> tuple[list[str], bytes]:
    """Return the names of arrays in the order of a safetensors file, widest kinds first, and the file's header."""
    names = sorted(arrays, key=lambda name: (list(_KINDS).index(str(arrays[name].dtype)), name))
    entries: dict[str, object] = {"__metadata__": {"card": card}}
    end = 0
    for name in names:
        start, end = end, end + arrays[name].nbytes
        kind, shape = _KINDS[str(arrays[name].dtype)], list(arrays[name].shape)
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return names, struct.pack("<Q", len(text)) + text


def read_person_file(path: str | Path) -> tuple[Card, "PersonArrays"]:
    """Read a file that `write_person_file` wrote.

    Raises:
        InputError: it is missing, damaged, something else, or of a newer liquidwarp.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; {_REMEDY}")
    if not path.is_file():
        raise not_a_person(path, "it is no file")
    try:
        with safe_open(path, "np") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
            if not isinstance(card, dict) or card.get("kind") != _KIND:
                raise not_a_person(path, "it holds something else")
            if not isinstance(card.get("format"), int) or card["format"] > FORMAT:
                raise InputError(
                    f"{path}: written by a newer liquidwarp (person format {card.get('format')}); please upgrade"
                )
            return card, PersonArrays({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 -- no dict
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # Unknown kinds of numbers are attribute errors of the reader's.
        raise not_a_person(path, _reason(error)) from error


def not_a_person(path: str | Path, cause: object) -> InputError:
    """Return the error for a file that cannot be used."""
    return InputError(f"{path}: not a learnt person ({' '.join(str(cause).split())}); {_REMEDY}")


def digest_of(card: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a hash of a card and arrays, their names, kinds and shapes."""
    digest = hashlib.sha256(json.dumps(dict(card), sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


class PersonArrays:
    """Arrays of a file, each taken once and checked.

    Args:
        arrays: by name.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)
        self._lengths: dict[str, int] = {}

    def know(self, **lengths: int) -> None:
        """Fix what letters of shapes stand for."""
        self._lengths |= lengths

    def take(self, name: str, dtype: str, shape: str) -> np.ndarray:
        """Return an array and leave it out from here on.

        Args:
            name: of the array.
            dtype: what it has to be, such as "float32"; floats are finite.
            shape: numbers, and letters that stand for one length each, as in "F K 3".

        Raises:
            InputError: it is missing, or of another kind or shape, or holds what is no number.
        """
        if name not in self._arrays:
            raise InputError(f"{name} is missing")
        array = self._arrays.pop(name)
        letters = shape.split()
        if array.dtype != np.dtype(dtype) or array.ndim != len(letters):
            raise InputError(f"{name} is {array.dtype} {array.shape}, wanted {dtype} ({', '.join(letters)})")
        for letter, length in zip(letters, array.shape, strict=True):
            wanted = int(letter) if letter.isdigit() else self._lengths.setdefault(letter, length)
            if length != wanted:
                raise InputError(f"{name} has shape {array.shape}, wanted ({shape}) with {letter} = {wanted}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{name} holds NaN or infinity")
        if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise InputError(f"{name} holds what is neither true nor false")
        return array

    def check_empty(self) -> None:
        """Raise `InputError` if anything was not taken."""
        if self._arrays:
            raise InputError(f"it holds {min(self._arrays)!r}, which is no part of a person")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
