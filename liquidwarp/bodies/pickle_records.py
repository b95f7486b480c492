"""What a pickle asked for, kept as inert records, and arrays made of them by our own code."""

import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

_TYPE = re.compile(r"[<>|=]?([biuf?][1248]?|[SU][0-9]{1,6})")
_DEEPEST = 16  # records within records; official files need 4
_MOST_ITEMS = 1_000_000  # of a list
_MOST_NUMBERS = 1 << 28  # of a list of arrays


class Record:
    """A call that a pickle asked for, kept and never made."""

    __slots__ = ("args", "state")

    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> "Record":
        """Keep the arguments, by whichever of its opcodes the pickle passes them."""
        record = object.__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        """Keep the state that the object would have been given."""
        self.state = state


class ArrayRecord(Record):
    """`_reconstruct(ndarray, (0,), b"b")` and the state (version, shape, dtype, fortran, data)."""

    __slots__ = ()


class BufferRecord(Record):
    """`_frombuffer(data, dtype, shape, order)`."""

    __slots__ = ()


class ScalarRecord(Record):
    """`scalar(dtype, data)`."""

    __slots__ = ()


class TypeRecord(Record):
    """`dtype("f8", 0, 1)` and a state whose second item is the byte order."""

    __slots__ = ()


class TextRecord(Record):
    """`_codecs.encode(text, "latin1")`: bytes, in pickles of Python 2's protocols."""

    __slots__ = ()


class OldRecord(Record):
    """`copy_reg._reconstructor(class, object, None)`: an instance of a class."""

    __slots__ = ()


class SparseRecord(Record):
    """A compressed matrix of scipy; `state` has data, indices, indptr and the shape."""

    __slots__ = ()


class ColumnsRecord(SparseRecord):
    """Compressed along columns."""

    __slots__ = ()


class RowsRecord(SparseRecord):
    """Compressed along rows."""

    __slots__ = ()


class ChumpyRecord(Record):
    """An array of chumpy; `state["x"]` holds its numbers."""

    __slots__ = ()


class NameRecord(Record):
    """A class that is named only as an argument, or whose instances are left out."""

    __slots__ = ()


class JoblibRecord(Record):
    """An array whose contents stand in the file behind the program's step that builds it; then `args` holds them."""

    __slots__ = ()


class OrderedItems(dict[Any, Any]):
    """An OrderedDict."""

    def __setstate__(self, state: Any) -> None:
        """Refuse: no OrderedDict of plain data has a state."""
        raise pickle.UnpicklingError("an OrderedDict with a state")


class DefaultItems(OrderedItems):
    """A defaultdict without its default."""

    def __init__(self, _: Any = None) -> None:
        super().__init__()


def plain(value: Any, depth: int) -> Any:
    """Return an array, a number, a text, a list or a dictionary; None for anything else.

    Args:
        value: what a pickle's program left.
        depth: how many records it is within.

    Raises:
        ValueError: a record whose parts contradict each other, or records within records without end.
    """
    if depth > _DEEPEST:
        raise ValueError("records within records without end")
    if isinstance(value, OldRecord) and value.args and isinstance(value.args[0], type):
        state, kind = value.state, value.args[0]
        value = kind() if issubclass(kind, Record) else None
        if value is not None:
            value.state = state
    for kinds, make in _MAKERS.items():
        if isinstance(value, kinds):
            return make(value, depth + 1)
    return value if isinstance(value, bool | int | float | str | bytes | np.ndarray) else None


def _array(record: ArrayRecord, depth: int) -> Any:
    if not (isinstance(record.state, tuple) and len(record.state) == 5):
        raise ValueError("an array without contents")
    _, shape, kind, fortran, data = record.state
    return _from_bytes(data, kind, shape, "F" if fortran else "C", depth)


def _buffer(record: BufferRecord, depth: int) -> Any:
    data, kind, shape, order = _exactly(record.args, 4)
    return _from_bytes(data, kind, shape, "F" if order == "F" else "C", depth)


def _scalar(record: ScalarRecord, depth: int) -> Any:
    kind, data = _exactly(record.args, 2)
    return _from_bytes(data, kind, (), "C", depth).item()


def _joblib(record: JoblibRecord, depth: int) -> Any:
    (data,) = _exactly(record.args, 1)
    if isinstance(data, bytes):
        state = record.state
        return _from_bytes(data, state["dtype"], state["shape"], str(state.get("order")), depth)
    return plain(data, depth)


def count_of(shape: Any) -> int:
    """Return the number of items of a shape; ValueError where it is none."""
    if not (isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)):
        raise ValueError("an array without a shape")
    return math.prod(shape)


def _from_bytes(data: Any, kind: Any, shape: Any, order: str, depth: int) -> Any:
    count, numbers = count_of(shape), dtype_of(kind)
    if numbers is None and isinstance(data, list) and len(data) == count:  # np.array(object): something wrapped
        return plain(data[0] if shape == () else data, depth)
    if numbers is None:
        raise ValueError("an array of objects, where numbers are wanted")
    raw = _bytes(data)
    if len(raw) != count * numbers.itemsize:
        raise ValueError(f"an array of shape {shape} with {len(raw)} bytes")
    flat = np.frombuffer(raw, dtype=numbers)
    return np.array(flat.reshape(shape, order="F" if order == "F" else "C"), dtype=numbers.newbyteorder("="))


def dtype_of(record: Any) -> np.dtype[Any] | None:
    """Return the type of plain numbers; None for objects."""
    if not (isinstance(record, TypeRecord) and record.args and isinstance(record.args[0], str)):
        raise ValueError("an array without a type")
    code = record.args[0]
    order = record.state[1] if isinstance(record.state, tuple) and len(record.state) > 1 else "="
    if code.startswith("O"):
        return None
    if not _TYPE.fullmatch(code) or order not in ("<", ">", "=", "|"):
        raise ValueError(f"an array of type {code!r}, where numbers are wanted")
    try:
        return np.dtype(order + code.lstrip("<>|="))
    except TypeError as error:  # such as floats of one byte
        raise ValueError(f"an array of type {code!r}, which there is not") from error


def _bytes(data: Any) -> bytes:
    if isinstance(data, TextRecord) and not data.args:
        return b""
    if isinstance(data, TextRecord):
        text, coding = _exactly(data.args, 2)
        if coding not in ("latin1", "latin-1") or not isinstance(text, str):
            raise ValueError("bytes in an unknown coding")
        data = text
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(data, bytes | bytearray):
        raise ValueError("an array without bytes")
    return bytes(data)


def _text(value: Any) -> str | None:
    if isinstance(value, TextRecord):
        value = _bytes(value)
    return value.decode("latin1") if isinstance(value, bytes) else value if isinstance(value, str) else None


def _sparse(record: SparseRecord, depth: int) -> np.ndarray:
    state = record.state if isinstance(record.state, dict) else {}
    members = [plain(state.get(key), depth) for key in ("data", "indices", "indptr")]
    shape = state.get("_shape", state.get("shape"))
    if not all(isinstance(member, np.ndarray) and member.ndim == 1 for member in members):
        raise ValueError("a sparse matrix without contents")
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(type(length) is int for length in shape)):
        raise ValueError("a sparse matrix without a shape")
    data, inner, start = members
    outer = 1 if isinstance(record, ColumnsRecord) else 0
    long, short = shape[outer], shape[1 - outer]
    counts = np.diff(start.astype(np.int64))
    fits = len(start) == long + 1 and start[0] == 0 and (counts >= 0).all() and start[-1] == len(data) == len(inner)
    if not fits or (len(inner) and not (inner.min() >= 0 and inner.max() < short)) or long * short > 1 << 28:
        raise ValueError("a sparse matrix whose entries contradict its shape")
    dense = np.zeros((long, short), dtype=data.dtype)
    np.add.at(dense, (np.repeat(np.arange(long), counts), inner), data)
    return dense.T.copy() if outer else dense


def _chumpy(record: ChumpyRecord, depth: int) -> np.ndarray:
    state = record.state if isinstance(record.state, dict) else {}
    numbers = plain(state.get("x"), depth)
    if not isinstance(numbers, np.ndarray):
        raise ValueError("a chumpy array without numbers")
    return numbers


def _list(items: list[Any] | tuple[Any, ...], depth: int) -> np.ndarray | list[Any] | None:
    """Return a list of numbers or of equal arrays as an array, any other as a list; None where it is too long."""
    if len(items) > _MOST_ITEMS:
        return None
    values = [plain(item, depth) for item in items]
    numeric = all(isinstance(value, bool | int | float | np.ndarray) for value in values)
    if not values or not numeric or len({np.shape(value) for value in values}) != 1:
        return values
    if len(values) * np.size(values[0]) > _MOST_NUMBERS:
        raise ValueError("a list of more numbers than can be held")
    stacked = np.array(values)
    return stacked if stacked.dtype.kind in "biufSU" else values


def _dictionary(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    """Return a dictionary by text; whole numbers, such as those of people, become text too."""
    members = {_key(key, depth): plain(member, depth) for key, member in value.items()}
    return {key: member for key, member in members.items() if key is not None and member is not None}


def _key(key: Any, depth: int) -> str | None:
    if isinstance(key, ScalarRecord):
        key = _scalar(key, depth)
    return str(key) if type(key) is int else _text(key)


def _exactly(args: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    if len(args) != count:
        raise ValueError("a call with the wrong number of arguments")
    return args


_MAKERS: dict[type | tuple[type, ...], Callable[[Any, int], Any]] = {
    ArrayRecord: _array,
    BufferRecord: _buffer,
    ScalarRecord: _scalar,
    JoblibRecord: _joblib,
    SparseRecord: _sparse,
    ChumpyRecord: _chumpy,
    (list, tuple): _list,
    dict: _dictionary,
}
