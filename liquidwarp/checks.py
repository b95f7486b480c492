"""Argument checks with messages that say what came, what was wanted and what to do."""

from collections.abc import Iterable
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
