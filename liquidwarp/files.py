"""Files that are either the old one or the whole new one."""

import errno
import glob
import math
import os
import pickle
import re
import secrets
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from liquidwarp.errors import InputError, OutputError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

try:
    import fcntl
except ImportError:  # Windows, where open files cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

_NESTS = ("state_dict", "model", "generator", "netG", "net_G", "G", "net", "params", "module")
# What reading damaged bytes can raise.
_DAMAGE = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    struct.error,
)
_TOKEN = 8  # random letters in the name of an unfinished file
_LONGEST_SUFFIX = 16  # bytes; what is longer tells no format
_SETTLED = 5.0  # seconds after which a file that is being written has its lock
_MOST_UNPACKED = 1 << 30  # bytes of all arrays of an archive
_DENSEST = 1100  # bytes that one compressed byte can become, and what is around it (deflate: 1032)
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What a write can fail with after the file was opened; such an error does not carry the file's name."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` and move it into place when the block ends without an error.

    The temporary file keeps the suffix of `path` (writers choose their format by it), has no longer a name than it (or
    of 17 bytes and the suffix), which a file system might not take, and is removed on any error,
    `KeyboardInterrupt` included, as are folders that were made for it; what a killed process left is removed by the
    next one that writes `path`. An error of the block that has nothing to do with the file is passed on as it is.

    Raises:
        OutputError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    with ExitStack() as stack:
        try:
            if path.is_dir():
                raise OutputError(f"cannot write {path}: it is a folder; give a file name")
            head, tail = _around_token(path)
            partial = path.with_name(f"{head}{secrets.token_hex(_TOKEN // 2)}{tail}")
            stack.enter_context(_folder_for(path))
            _sweep(path)
            held = open(partial, "wb")  # noqa: SIM115 -- closed below
        except OutputError:
            raise
        except (FileExistsError, NotADirectoryError) as error:
            raise OutputError(
                f"cannot write {path}: a file stands where a folder is needed; choose another place"
            ) from error
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror or error}; choose another place with -o"
            ) from error
        try:
            with suppress(OSError):  # some network disks have no locks; then nothing is swept there either
                _lock(held)
            yield partial
            os.replace(partial, path)
        except OutputError:
            raise
        except OSError as error:
            ours = error.filename is not None and Path(os.fsdecode(error.filename)) in (partial, path)
            if not ours and error.errno not in _DISK_ERRORS:
                raise
            reason = error.strerror or error
            raise OutputError(f"cannot write {path}: {reason}; free space or choose another place") from error
        finally:
            held.close()
            with suppress(OSError):
                partial.unlink()


@contextmanager
def _folder_for(path: Path) -> Iterator[None]:
    """Make the folder of a file, and at the end take away what was made of it and is empty."""
    missing = [folder for folder in path.parents if not folder.exists()]  # the deepest first
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in missing:
            with suppress(OSError):  # not empty, or never made
                folder.rmdir()


def _around_token(path: Path) -> tuple[str, str]:
    """Return what stands before and after the random letters in the names of unfinished files of `path`."""
    stem, suffix = (path.stem, path.suffix) if len(os.fsencode(path.suffix)) <= _LONGEST_SUFFIX else (path.name, "")
    tail = f".partial{suffix}"
    room = len(os.fsencode(path.name)) - len(os.fsencode(f"..{tail}")) - _TOKEN
    kept = os.fsencode(stem)[: max(room, 0)].decode(errors="ignore")
    return (f".{kept}." if kept else "."), tail


def _lock(file: IO[bytes]) -> None:
    """Hold a lock on a file for as long as it is open; OSError when another process holds it."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sweep(path: Path) -> None:
    """Remove what killed processes left of earlier attempts to write `path`: old enough, and locked by nobody."""
    if fcntl is None:
        return
    head, tail = _around_token(path)
    pattern = f"{glob.escape(head)}{'[0-9a-f]' * _TOKEN}{glob.escape(tail)}"
    for left in path.parent.glob(pattern):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < _SETTLED:
                continue
            with open(left, "rb+") as file:
                _lock(file)
                left.unlink()


def check_writable(path: str | Path) -> None:
    """Fail before long work rather than after it.

    Raises:
        OutputError: `path` cannot be written; nothing is left behind, an existing file is untouched.
    """
    target = Path(path)
    with suppress(_UntouchedError), atomic_path(target):
        raise _UntouchedError


class _UntouchedError(Exception):
    """Leaves an `atomic_path` block without replacing the file."""


def read_checkpoint(path: str | Path, *, halves: bool = False) -> "dict[str, Tensor]":
    """Read the tensors of a PyTorch checkpoint without executing anything in it.

    Wrapping dictionaries and the prefix `module.` are taken off.

    Args:
        path: of the checkpoint.
        halves: leave half precision as it is, in place of float32 throughout.

    Raises:
        InputError: no such file, a damaged one, or one that holds anything but tensors and plain values.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a checkpoint (.pth)")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)|[Uu]nsupported (?:global|class):? ([\w.]+)", str(error))
        if named:
            raise InputError(
                f"{path}: holds more than weights ({next(filter(None, named.groups()))}), which could run code; refused"
            ) from error
        raise InputError(f"{path}: damaged or not a checkpoint; fetch it again") from error
    except _DAMAGE as error:
        raise InputError(f"{path}: damaged or cut short; fetch it again") from error
    while isinstance(found, Mapping) and any(isinstance(found.get(name), Mapping) for name in _NESTS):
        found = next(found[name] for name in _NESTS if isinstance(found.get(name), Mapping))
    entries = found.items() if isinstance(found, Mapping) else ()
    tensors = {str(key): value for key, value in entries if isinstance(value, torch.Tensor)}
    if not tensors:
        raise InputError(f"{path}: no weights in it; give a checkpoint (.pth)")
    return {
        key.removeprefix("module."): value if halves and value.is_floating_point() else value.float()
        for key, value in tensors.items()
    }


def check_archive(stream: IO[bytes]) -> None:
    """Check that an npz asks for no more than it has, before numpy makes room for what its headers claim.

    Args:
        stream: of the file; stands at its start afterwards.

    Raises:
        ValueError: it is no archive, damaged, or claims arrays or contents that it does not hold.
    """
    size = stream.seek(0, os.SEEK_END)
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > min(_MOST_UNPACKED, _DENSEST * size):
                raise ValueError(f"{size} bytes that claim to hold {total}")
            for member in members:
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError(f"{member.filename} is compressed in an unknown way")
                if member.filename.endswith(".npy"):
                    with archive.open(member) as content:
                        _check_header(content, member)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, LookupError, struct.error, zlib.error) as error:
        raise ValueError(str(error) or "no archive of arrays") from error
    finally:
        stream.seek(0)


def _check_header(content: IO[bytes] | zipfile.ZipExtFile, member: zipfile.ZipInfo) -> None:
    """Raise `ValueError` unless an array's header claims the bytes that follow it; pickled ones say nothing."""
    import numpy as np

    version = np.lib.format.read_magic(content)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{member.filename} is of an unknown format")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, kind = read(content)
    except Exception as error:  # Python text of nonsense fails in any way, for lack of memory too
        raise ValueError(f"{member.filename} has no header that can be read") from error
    claimed = kind.itemsize * math.prod(shape)
    if not kind.hasobject and (min(shape, default=0) < 0 or claimed != member.file_size - content.tell()):
        raise ValueError(f"{member.filename} claims {kind} {shape}, which its {member.file_size} bytes do not hold")


def write_arrays(path: str | Path, arrays: "Mapping[str, np.ndarray]") -> None:
    """Write a compressed npz, atomically and without pickles; the same arrays give the same bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    import numpy as np  # here, since the command line's help asks for this module

    with atomic_path(path) as partial, open(partial, "wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type] # numpy 2 takes a name of its own beside them
