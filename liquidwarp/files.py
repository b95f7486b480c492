"""Files that are either the old one or the whole new one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from liquidwarp.errors import OutputError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` and move it into place when the block ends without an error.

    The temporary file keeps the suffix of `path` (writers choose their format by it) and is removed on any error,
    `KeyboardInterrupt` included.

    Raises:
        OutputError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; give a file name")
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
        if error.filename is None or Path(str(error.filename)) in (partial, path):
            raise OutputError(f"cannot write {path}: {error.strerror or error}; free space or choose another place") from error
        raise
    finally:
        with suppress(OSError):
            partial.unlink()
