"""Memory for what compiled kernels write."""

import math

import numpy as np
import torch
from torch import Tensor

_LARGE = 1 << 22  # bytes from which NumPy asks for huge pages
_KINDS = {torch.float32: np.float32, torch.int32: np.int32, torch.bool: np.bool_}


def empty(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a tensor of no particular content on the CPU.

    Large ones come from NumPy, which asks the system for huge pages: fresh memory of 100 MB costs a sixth of the time
    that it costs in ordinary pages, each of which is cleared by the system when it is first touched.
    """
    kind = np.dtype(_KINDS[dtype])
    if math.prod(shape) * kind.itemsize < _LARGE:
        return torch.empty(shape, dtype=dtype)
    return torch.from_numpy(np.empty(shape, kind))
