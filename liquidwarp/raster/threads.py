"""How many threads compiled kernels use, and who may use them."""

import os
import threading
from typing import Any

import numba
import torch

_HOME_PROCESS = os.getpid()
_TURN = threading.Lock()
"""Not every threading layer of numba may be entered by two Python threads at once."""


def thread_count() -> int:
    """Return how many threads kernels use: as many as torch, one in a forked process (OpenMP may not start there)."""
    if os.getpid() != _HOME_PROCESS:
        return 1
    return max(1, min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))


def run(serial: Any, parallel: Any, *arguments: Any) -> Any:
    """Call `parallel`, or its twin `serial` where one thread is all there is; they give the same bytes."""
    count = thread_count()
    if count == 1:
        return serial(*arguments)
    with _TURN:
        numba.set_num_threads(count)
        return parallel(*arguments)
