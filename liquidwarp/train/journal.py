"""What a training writes down on the way: lines of figures, sheets of pictures."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.media import to_uint8, write_image

_ROWS = 6  # samples on a sheet


class Journal:
    """Writes into a run's folder.

    Args:
        folder: of the run.
        tensorboard: also write TensorBoard's files.

    Raises:
        InputError: TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        self._folder = folder
        self._board: Any = None
        folder.mkdir(parents=True, exist_ok=True)
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise InputError(
                    "log.tensorboard=true needs TensorBoard; pip install 'liquidwarp[train]', or set it to false"
                ) from error
            self._board = SummaryWriter(str(folder / "tensorboard"))

    def figures(self, step: int, values: dict[str, float]) -> None:
        """Append a line to `figures.jsonl`."""
        line = json.dumps({"step": step} | {name: float(f"{value:.6g}") for name, value in values.items()})
        with open(self._folder / "figures.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def sheet(self, step: int, columns: Sequence[Float[Tensor, "B 3 H W"]]) -> None:
        """Write `pictures/STEP.png`: a row for each sample, a column for each kind of picture."""
        rows = torch.cat([column[:_ROWS].float().cpu() for column in columns], -1)
        sheet = to_uint8(rows.clamp(0, 1).permute(1, 0, 2, 3).flatten(1, 2))
        write_image(self._folder / "pictures" / f"{step:07d}.png", sheet)
        if self._board is not None:
            self._board.add_image("rendered | ours | truth | outline", sheet, step, dataformats="HWC")

    def close(self) -> None:
        """Finish TensorBoard's files."""
        if self._board is not None:
            self._board.close()


def used_memory(device: torch.device) -> float:
    """Return the largest memory used so far, in MB: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
