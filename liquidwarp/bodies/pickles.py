"""Arrays out of pickles, without running what is in them.

A pickle is a program that names functions of any installed package and calls them. Here every name it may use stands
for an inert record of the call; whatever else it names is refused before anything happens. Records become arrays only
after the reading, by our own code, from a type, a shape and bytes that must agree. So neither numpy's nor chumpy's nor
scipy's own unpickling runs, and none of them but numpy needs to be installed.
"""

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from liquidwarp.errors import InputError

_TYPE = re.compile(r"[<>|=]?[biuf?][1248]?")
_DEEPEST = 16  # records within records; official files need 4
_MOST_ITEMS = 10_000  # of a list that becomes an array


class _Record:
    """A call that a pickle asked for, kept and never made."""

    __slots__ = ("args", "state")

    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> "_Record":
        """Keep the arguments, by whichever of its opcodes the pickle passes them."""
        record = object.__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        """Keep the state that the object would have been given."""
        self.state = state


class _Array(_Record):
    """`_reconstruct(ndarray, (0,), b"b")` and the state (version, shape, dtype, fortran, data)."""

    __slots__ = ()


class _Buffer(_Record):
    """`_frombuffer(data, dtype, shape, order)`."""

    __slots__ = ()


class _Scalar(_Record):
    """`scalar(dtype, data)`."""

    __slots__ = ()


class _Type(_Record):
    """`dtype("f8", 0, 1)` and a state whose second item is the byte order."""

    __slots__ = ()


class _Text(_Record):
    """`_codecs.encode(text, "latin1")`: bytes, in pickles of Python 2's protocols."""

    __slots__ = ()


class _Old(_Record):
    """`copy_reg._reconstructor(class, object, None)`: an instance of a class."""

    __slots__ = ()


class _Sparse(_Record):
    """A compressed matrix of scipy; `state` has data, indices, indptr and the shape."""

    __slots__ = ()


class _Columns(_Sparse):
    __slots__ = ()


class _Rows(_Sparse):
    __slots__ = ()


class _Chumpy(_Record):
    """An array of chumpy; `state["x"]` holds its numbers."""

    __slots__ = ()


class _Name(_Record):
    """A class that is named only as an argument."""

    __slots__ = ()


class _Ordered(dict[Any, Any]):
    """An OrderedDict."""

    def __setstate__(self, state: Any) -> None:
        """Refuse: no OrderedDict of plain data has a state."""
        raise pickle.UnpicklingError("an OrderedDict with a state")


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_ALLOWED: dict[tuple[str, str], type] = {
    **{(module, "_reconstruct"): _Array for module in _NUMPY},
    **{(module, "scalar"): _Scalar for module in _NUMPY},
    **{(module, "_frombuffer"): _Buffer for module in ("numpy.core.numeric", "numpy._core.numeric")},
    ("numpy", "ndarray"): _Name,
    ("numpy", "dtype"): _Type,
    **{("scipy.sparse" + inner, "csc_matrix"): _Columns for inner in ("", ".csc", "._csc")},
    **{("scipy.sparse" + inner, "csr_matrix"): _Rows for inner in ("", ".csr", "._csr")},
    **{(module, "Ch"): _Chumpy for module in ("chumpy", "chumpy.ch")},
    **{(module, "_reconstructor"): _Old for module in ("copy_reg", "copyreg")},
    **{(module, "object"): _Name for module in ("__builtin__", "builtins")},
    ("_codecs", "encode"): _Text,
    **{(module, "bytes"): _Text for module in ("__builtin__", "builtins")},  # without arguments: no bytes
    ("collections", "OrderedDict"): _Ordered,
}


class _RefusedError(Exception):
    """A name that is not allowed."""


class _Reader(pickle._Unpickler):  # the one in Python: the one in C allocates whatever a file claims to need
    def find_class(self, module: str, name: str) -> Any:
        """Give a stand-in for an allowed name."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}") from None


def read_pickle(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary of arrays, numbers and texts; whatever is none of these is left out.

    Chumpy arrays and sparse matrices come as plain dense arrays.

    Raises:
        InputError: the file is missing, no pickle, damaged, holds something other than a dictionary, or asks for a name
            that is not allowed; nothing of it has run then.
    """
    try:
        values = read_pickled(path, path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder; give the file in it") from error
    if not isinstance(values, dict):
        raise InputError(
            f"{path}: holds a {type(values).__name__}, where a dictionary of arrays is wanted; check the file"
        )
    return values


def read_pickled(path: Path, data: bytes) -> Any:
    """Read one pickled array, number, text or dictionary; None for anything else.

    Args:
        path: the file's name, for errors.
        data: the pickle.

    Raises:
        InputError: see `read_pickle`.
    """
    try:
        return _plain(_load(data), 0)
    except _RefusedError as error:
        raise InputError(
            f"{path}: refused: it asks to run {error}, which no file of numbers needs; get it from its official site"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: a damaged pickle ({error}); get the file anew") from error


def _load(data: bytes) -> Any:
    """Run a pickle's program with stand-ins for everything it names; ValueError where it is no whole pickle."""
    try:
        return _Reader(io.BytesIO(data), encoding="latin1").load()
    except (_RefusedError, OSError):
        raise
    except EOFError as error:
        raise ValueError("it ends too early") from error
    except Exception as error:  # a program of nonsense fails in any of its steps, with any error
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def _text(value: Any) -> str | None:
    if isinstance(value, _Text):
        value = _bytes(value)
    return value.decode("latin1") if isinstance(value, bytes) else value if isinstance(value, str) else None


def _plain(value: Any, depth: int) -> Any:
    """Return an array, a number, a text or a dictionary; None for anything else."""
    if depth > _DEEPEST:
        raise ValueError("records within records without end")
    if isinstance(value, _Old) and value.args and isinstance(value.args[0], type):
        state, kind = value.state, value.args[0]
        value = kind() if issubclass(kind, _Record) else None
        if value is not None:
            value.state = state
    for kinds, make in _MAKERS.items():
        if isinstance(value, kinds):
            return make(value, depth + 1)
    return value if isinstance(value, bool | int | float | str | bytes | np.ndarray) else None


def _array(record: _Array, depth: int) -> np.ndarray:
    if not (isinstance(record.state, tuple) and len(record.state) == 5):
        raise ValueError("an array without contents")
    _, shape, kind, fortran, data = record.state
    return _from_bytes(data, kind, shape, "F" if fortran else "C", depth)


def _buffer(record: _Buffer, depth: int) -> np.ndarray:
    data, kind, shape, order = _exactly(record.args, 4)
    return _from_bytes(data, kind, shape, "F" if order == "F" else "C", depth)


def _scalar(record: _Scalar, depth: int) -> Any:
    kind, data = _exactly(record.args, 2)
    return _from_bytes(data, kind, (), "C", depth).item()


def _from_bytes(data: Any, kind: Any, shape: Any, order: str, depth: int) -> np.ndarray:
    if not (isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)):
        raise ValueError("an array without a shape")
    numbers = _dtype(kind)
    if numbers is None and isinstance(data, list) and shape == () and len(data) == 1:
        inner = _plain(data[0], depth)  # np.array(object): something wrapped into an array of one object
        if isinstance(inner, np.ndarray):
            return inner
    if numbers is None:
        raise ValueError("an array of objects, where numbers are wanted")
    raw = _bytes(data)
    count = int(np.prod(shape, dtype=object))
    if len(raw) != count * numbers.itemsize:
        raise ValueError(f"an array of shape {shape} with {len(raw)} bytes")
    flat = np.frombuffer(raw, dtype=numbers)
    return np.array(flat.reshape(shape, order="F" if order == "F" else "C"), dtype=numbers.newbyteorder("="))


def _dtype(record: Any) -> np.dtype[Any] | None:
    """Return the type of plain numbers; None for objects."""
    if not (isinstance(record, _Type) and record.args and isinstance(record.args[0], str)):
        raise ValueError("an array without a type")
    code = record.args[0]
    order = record.state[1] if isinstance(record.state, tuple) and len(record.state) > 1 else "="
    if code.startswith("O"):
        return None
    if not _TYPE.fullmatch(code) or order not in ("<", ">", "=", "|"):
        raise ValueError(f"an array of type {code!r}, where numbers are wanted")
    return np.dtype(order + code.lstrip("<>|="))


def _bytes(data: Any) -> bytes:
    if isinstance(data, _Text) and not data.args:
        return b""
    if isinstance(data, _Text):
        text, coding = _exactly(data.args, 2)
        if coding not in ("latin1", "latin-1") or not isinstance(text, str):
            raise ValueError("bytes in an unknown coding")
        data = text
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(data, bytes | bytearray):
        raise ValueError("an array without bytes")
    return bytes(data)


def _sparse(record: _Sparse, depth: int) -> np.ndarray:
    state = record.state if isinstance(record.state, dict) else {}
    members = [_plain(state.get(key), depth) for key in ("data", "indices", "indptr")]
    shape = state.get("_shape", state.get("shape"))
    if not all(isinstance(member, np.ndarray) and member.ndim == 1 for member in members):
        raise ValueError("a sparse matrix without contents")
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(type(length) is int for length in shape)):
        raise ValueError("a sparse matrix without a shape")
    data, inner, start = members
    outer = 1 if isinstance(record, _Columns) else 0
    long, short = shape[outer], shape[1 - outer]
    counts = np.diff(start.astype(np.int64))
    fits = len(start) == long + 1 and start[0] == 0 and (counts >= 0).all() and start[-1] == len(data) == len(inner)
    if not fits or (len(inner) and not (inner.min() >= 0 and inner.max() < short)) or long * short > 1 << 28:
        raise ValueError("a sparse matrix whose entries contradict its shape")
    dense = np.zeros((long, short), dtype=data.dtype)
    np.add.at(dense, (np.repeat(np.arange(long), counts), inner), data)
    return dense.T.copy() if outer else dense


def _chumpy(record: _Chumpy, depth: int) -> np.ndarray:
    state = record.state if isinstance(record.state, dict) else {}
    numbers = _plain(state.get("x"), depth)
    if not isinstance(numbers, np.ndarray):
        raise ValueError("a chumpy array without numbers")
    return numbers


def _list(items: list[Any] | tuple[Any, ...], depth: int) -> np.ndarray | None:
    """Return a list of numbers or of equal arrays as an array."""
    values = [_plain(item, depth) for item in items[: _MOST_ITEMS + 1]]
    numeric = all(isinstance(value, bool | int | float | np.ndarray) for value in values)
    if not values or len(values) > _MOST_ITEMS or not numeric or len({np.shape(value) for value in values}) != 1:
        return None
    stacked = np.array(values)
    return stacked if stacked.dtype.kind in "biuf" else None


def _dictionary(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    members = {_text(key): _plain(member, depth) for key, member in value.items()}
    return {key: member for key, member in members.items() if key is not None and member is not None}


def _exactly(args: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    if len(args) != count:
        raise ValueError("a call with the wrong number of arguments")
    return args


_MAKERS: dict[type | tuple[type, ...], Callable[[Any, int], Any]] = {
    _Array: _array,
    _Buffer: _buffer,
    _Scalar: _scalar,
    _Sparse: _sparse,
    _Chumpy: _chumpy,
    (list, tuple): _list,
    dict: _dictionary,
}
