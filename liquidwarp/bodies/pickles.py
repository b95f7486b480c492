"""Arrays out of pickles, without running what is in them.

A pickle is a program that names functions of any installed package and calls them. Here every name it may use stands
for an inert record of the call; whatever else it names is refused before anything happens. Records become arrays only
after the reading, by our own code, from a type, a shape and bytes that must agree. So neither numpy's nor chumpy's nor
scipy's nor joblib's own unpickling runs, and none of them but numpy needs to be installed.
"""

import builtins
import bz2
import io
import lzma
import pickle
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from liquidwarp.bodies.pickle_records import (
    ArrayRecord,
    BufferRecord,
    ChumpyRecord,
    ColumnsRecord,
    DefaultItems,
    JoblibRecord,
    NameRecord,
    OldRecord,
    OrderedItems,
    RowsRecord,
    ScalarRecord,
    TextRecord,
    TypeRecord,
    count_of,
    dtype_of,
    plain,
)
from liquidwarp.errors import InputError

_LARGEST = 1 << 32  # bytes that a compressed file may hold
_COMPRESSED: dict[bytes, Callable[[], Any]] = {  # joblib's; by how such a file begins
    b"\x78": zlib.decompressobj,
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    b"\x5d\x00\x00": lzma.LZMADecompressor,
}
_OTHERS = {  # what is no pickle, and how it becomes one
    b"PK\x03\x04": "a zip archive, such as numpy's .npz or PyTorch's .pt; give an .npz its ending, or write what is in "
    "a .pt with numpy.savez('motion.npz', **arrays)",
    b"\x04\x22\x4d\x18": "compressed by lz4; write it with joblib.dump(values, 'motion.pkl', compress=('zlib', 3))",
}
_DATA_MODULES = {
    *("argparse", "array", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "pathlib"),
    *("numpy.core", "numpy._core", "numpy.ma", "numpy.random", "numpy.matrixlib", "numpy.matrix"),
}

_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_ALLOWED: dict[tuple[str, str], type] = {
    **{(module, "_reconstruct"): ArrayRecord for module in _NUMPY},
    **{(module, "scalar"): ScalarRecord for module in _NUMPY},
    **{(module, "_frombuffer"): BufferRecord for module in ("numpy.core.numeric", "numpy._core.numeric")},
    ("numpy", "ndarray"): NameRecord,
    ("numpy", "dtype"): TypeRecord,
    **{("scipy.sparse" + inner, "csc_matrix"): ColumnsRecord for inner in ("", ".csc", "._csc")},
    **{("scipy.sparse" + inner, "csr_matrix"): RowsRecord for inner in ("", ".csr", "._csr")},
    **{(module, "Ch"): ChumpyRecord for module in ("chumpy", "chumpy.ch")},
    **{(module, "_reconstructor"): OldRecord for module in ("copy_reg", "copyreg")},
    **{(module, "object"): NameRecord for module in ("__builtin__", "builtins")},
    ("_codecs", "encode"): TextRecord,
    **{(module, "bytes"): TextRecord for module in ("__builtin__", "builtins")},  # without arguments: no bytes
    **{
        (module, name): NameRecord
        for module in ("__builtin__", "builtins")
        for name in ("dict", "list", "set", "frozenset", "tuple", "int", "float", "bool", "str", "complex", "range")
    },
    ("collections", "OrderedDict"): OrderedItems,
    ("collections", "defaultdict"): DefaultItems,
    **{(above + "joblib.numpy_pickle", "NumpyArrayWrapper"): JoblibRecord for above in ("", "sklearn.externals.")},
}


class _RefusedError(Exception):
    """A name that is not allowed: its module and itself."""


class _Reader(pickle._Unpickler):  # the one in Python: the one in C allocates whatever a file claims to need
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    _unframer: Any

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="latin1")
        self._stream = stream

    def load_build(self) -> None:
        """Set a record's state; behind that of joblib's arrays stand their contents."""
        super().load_build()
        record = self.stack[-1]
        if isinstance(record, JoblibRecord):
            frame = self._unframer.current_frame
            if frame is not None and frame.read(1):
                raise ValueError("an array whose contents begin within a frame")
            record.args = (self._contents(record.state),)

    dispatch[pickle.BUILD[0]] = load_build

    def _contents(self, state: Any) -> Any:
        if not isinstance(state, dict):
            raise ValueError("an array without a type")
        numbers = dtype_of(state.get("dtype"))
        if numbers is None:  # objects: another program
            return _Reader(self._stream).load()
        if state.get("numpy_array_alignment_bytes") is not None:
            self._stream.read(ord(self._stream.read(1)))
        return self._stream.read(count_of(state.get("shape")) * numbers.itemsize)

    def find_class(self, module: str, name: str) -> Any:
        """Give a stand-in for an allowed name."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(module, name) from None


def read_pickle(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary of arrays, numbers and texts; whatever is none of these is left out.

    Chumpy arrays and sparse matrices come as plain dense arrays, lists of numbers or of equal arrays as one array, and
    whole numbers as keys become text. Files of joblib are read too, compressed ones among them (zlib, gzip, bz2, lzma).

    Raises:
        InputError: the file is missing, no pickle, damaged, holds something other than a dictionary, or asks for a name
            that is not allowed; nothing of it has run then.
    """
    try:
        values = read_pickled(path, _unpacked(path, path.read_bytes()))
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
        return plain(_load(data), 0)
    except _RefusedError as error:
        raise InputError(f"{path}: {_why_refused(*error.args)}") from error
    except ValueError as error:
        raise InputError(f"{path}: a damaged pickle ({error}); get the file anew") from error


def _unpacked(path: Path, data: bytes) -> bytes:
    """Decompress what joblib compressed."""
    for start, what in _OTHERS.items():
        if data.startswith(start):
            raise InputError(f"{path}: {what}")
    opened = next((make for start, make in _COMPRESSED.items() if data.startswith(start)), None)
    if opened is None:
        return data
    unpacker = opened()
    try:
        contents = unpacker.decompress(data, _LARGEST + 1)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise InputError(f"{path}: damaged, or compressed in an unknown way ({error}); get the file anew") from error
    if len(contents) > _LARGEST or not unpacker.eof:
        raise InputError(f"{path}: its compressed contents end too early, or never; get the file anew")
    return contents


def _why_refused(module: str, name: str) -> str:
    """Tell names that run things from those of another kind of file."""
    above = module.split(".")
    if above[0] in ("builtins", "__builtin__"):
        runs = not isinstance(getattr(builtins, name, None), type)
    else:
        known = above[0] in sys.stdlib_module_names or above[0] in ("numpy", "commands")
        runs = known and not {above[0], ".".join(above[:2])} & _DATA_MODULES
    if runs:
        return f"refused: it asks to run {module}.{name}, which no file of numbers needs; get it from its official site"
    return (
        f"holds {'PyTorch tensors' if above[0] == 'torch' else f'an object of {module}.{name}'}, where arrays of numpy "
        "are read; nothing in it was run; convert it where it was written: numpy.savez('motion.npz', **arrays)"
    )


def _load(data: bytes) -> Any:
    """Run a pickle's program with stand-ins for everything it names; ValueError where it is no whole pickle."""
    try:
        return _Reader(io.BytesIO(data)).load()
    except (_RefusedError, OSError):
        raise
    except EOFError as error:
        raise ValueError("it ends too early") from error
    except Exception as error:  # a program of nonsense fails in any of its steps, with any error
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error
