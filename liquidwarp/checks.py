"""Argument checks with messages that say what came, what was wanted and what to do."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from liquidwarp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise `InputError` unless `value` is one of `choices`."""
    choices = tuple(choices)
    if value not in choices:
        raise InputError(f"{name}={value!r} is not known; choose one of {', '.join(choices)}")


def check_type(name: str, value: object, kind: type, remedy: str) -> None:
    """Raise `TypeError` unless `value` is of a kind; `remedy` says how to get one."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is a {type(value).__name__}; wanted a {kind.__name__}: {remedy}")


def check_shape(name: str, tensor: "Tensor", shape: tuple[int | None, ...]) -> None:
    """Raise `InputError` unless `tensor.shape` matches `shape`, where None stands for any length."""
    actual = tuple(tensor.shape)
    same_length = len(actual) == len(shape)
    if not same_length or any(want not in (None, got) for got, want in zip(actual, shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise InputError(f"{name} has shape {actual}, wanted ({wanted})")


def check_positive(name: str, value: float | int) -> None:
    """Raise `InputError` unless `value` > 0."""
    if not value > 0:
        raise InputError(f"{name}={value} must be greater than zero")


def free_memory() -> int | None:
    """Return how many bytes a program may still ask for; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    told = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return 1024 * int(told["MemAvailable"].split()[0]) if "MemAvailable" in told else None


def check_memory(wanted: int, what: str) -> None:
    """Raise `InputError` if there are not so many bytes of memory left; said before it starts."""
    free = free_memory()
    if free is not None and wanted > free:
        raise InputError(
            f"{what} takes {wanted / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are free; "
            "close other programs, or use a larger machine"
        )
