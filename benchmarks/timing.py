"""What timing scripts share; they put this folder on their path."""

import math
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from liquidwarp import __version__


def interleaved(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time calls turn by turn, after two turns that do not count; milliseconds.

    Each turn has another order, the same in every run, so that none has to live with the same neighbour's caches and
    threads: what follows a long call on one thread finds the other cores asleep.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(rounds + 2):
        for place in np.random.default_rng(turn).permutation(len(names)):
            name, call = names[place], calls[names[place]]
            begin = time.perf_counter()
            call()
            if turn >= 2:
                times[name].append((time.perf_counter() - begin) * 1e3)
    return times


def summary(times: list[float]) -> dict[str, float]:
    """Return minimum, quartiles and median."""
    low, median, high = np.quantile(times, [0.25, 0.5, 0.75]).tolist()
    return {"min": min(times), "q25": low, "median": median, "q75": high}


def check_summary(name: str, times: dict[str, float]) -> None:
    """Raise `ValueError` unless these can be times."""
    numbers = [times[key] for key in ("min", "q25", "median", "q75")]
    if not all(math.isfinite(n) and n > 0 for n in numbers) or numbers != sorted(numbers):
        raise ValueError(f"{name}: {times} are no times")


def machine() -> dict[str, Any]:
    """Return what a result has to say of where it was measured."""
    return {
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "versions": {"liquidwarp": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
