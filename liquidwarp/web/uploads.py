"""What is uploaded, brought into a job's folder: bounded in bytes, and called what we call it."""

import os
import shutil
from pathlib import Path

from liquidwarp.errors import InputError

LARGEST_FILE = 300 * 2**20
"""Bytes of an upload."""

_ENDING = 12  # characters of an ending, with its dot


def bring(path: str | Path | None, folder: Path, name: str, *, largest: int = LARGEST_FILE) -> str:
    """Put a file into a job's folder, without a look inside; return its name there.

    Args:
        path: of the upload; None where nothing was given.
        folder: the job's.
        name: what to call it, without an ending, such as "photo".
        largest: bytes that are allowed.

    Raises:
        InputError: nothing, or too much.
    """
    if path is None:
        raise InputError(f"no {name} given; drop a file, or choose one that is ready")
    source = Path(path)
    if not source.is_file() or source.is_symlink():
        raise InputError(f"the {name} did not arrive; drop it again")
    size = source.stat().st_size
    if size > largest:
        raise InputError(f"the {name} has {size >> 20} MB, more than {largest >> 20}; give a smaller file")
    own = f"{name}{_ending(source)}"
    try:
        os.link(source, folder / own)
    except OSError:
        shutil.copyfile(source, folder / own)
    return own


def _ending(source: Path) -> str:
    """Return the ending of a name where it is one of files."""
    ending = source.suffix.lower()
    return ending if len(ending) <= _ENDING and ending.isascii() and ending[1:].isalnum() else ""
