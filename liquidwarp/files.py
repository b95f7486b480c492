"""Files that are either the old one or the whole new one."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from liquidwarp.errors import OutputError

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What a write can fail with after the file was opened; such an error does not carry the file's name."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` and move it into place when the block ends without an error.

    The temporary file keeps the suffix of `path` (writers choose their format by it) and is removed on any error,
    `KeyboardInterrupt` included. An error of the block that has nothing to do with the file is passed on as it is.

    Raises:
        OutputError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; give a file name")
        partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb"):
            pass
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place with -o") from error
    try:
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
        with suppress(OSError):
            partial.unlink()


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
