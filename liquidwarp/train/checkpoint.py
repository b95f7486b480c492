"""Checkpoints: everything that a training needs to go on as if it had never stopped."""

import io
from pathlib import Path
from typing import Any

import torch

from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path

NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the one before stays if this fails.

    Args:
        folder: of the run.
        state: tensors, numbers, text, and lists and dictionaries of them.

    Raises:
        OutputError: it cannot be written, for instance because the disk is full.
    """
    buffer = io.BytesIO()  # torch's own writer would hide what the disk says
    torch.save(state, buffer)
    with atomic_path(folder / NAME) as partial, buffer.getbuffer() as data:
        partial.write_bytes(data)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the checkpoint of a run; None if there is none. No code in it is run.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files fail in many ways
        raise InputError(f"{path}: damaged ({type(error).__name__}); remove it to begin anew") from error
