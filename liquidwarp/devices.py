"""Where tensors lie: names of devices, values that move there, and the precision that networks run in."""

from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import nn

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")

_Value = TypeVar("_Value")


def find_device(name: str | torch.device = "auto") -> torch.device:
    """Return the device of a name.

    Args:
        name: "cpu", "cuda", "mps" (Apple), or "auto": the first that is there of CUDA, Apple's, the CPU. PyTorch's own
            devices, such as `torch.device("cuda", 1)`, come back as they are.

    Raises:
        InputError: an unknown name, or a device that is not there.
    """
    if isinstance(name, torch.device):
        kind = name.type
    else:
        check_choice("device", name, DEVICES)
        kind = name
    here = _devices_here()
    if kind == "auto":
        return torch.device(here[0])
    count = torch.cuda.device_count() if kind == "cuda" and "cuda" in here else 1
    missing = isinstance(name, torch.device) and (name.index or 0) >= count
    if missing or (kind in DEVICES and kind not in here):
        raise InputError(f"device='{name}', but PyTorch finds no such device here; there is {', '.join(here)}")
    return torch.device(name)


def _devices_here() -> list[str]:
    """Return the names of the devices that are there, the fastest first."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [name for name, there in present.items() if there]


def moved(value: _Value, device: torch.device | str) -> _Value:
    """Return a value with all its tensors on a device; the value itself if they are there already.

    Of a frozen dataclass all fields are moved, of a tuple all items, of a network a copy, and of whatever else has a
    `to(device)` what that returns. Other things, arrays too, stay as they are.
    """
    return _moved(value, torch.device(device))


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, tuple):
        items = tuple(_moved(item, device) for item in value)
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else value._make(items) if hasattr(value, "_make") else items
    if isinstance(value, nn.Module):
        there = all(_is(tensor.device, device) for tensor in value.state_dict().values())
        return value if there else deepcopy(value).to(device)
    if not is_dataclass(value) or isinstance(value, type):
        return value.to(device) if hasattr(value, "to") else value
    old = {field.name: getattr(value, field.name) for field in fields(value)}
    new = {name: _moved(member, device) for name, member in old.items()}
    return value if all(new[name] is member for name, member in old.items()) else replace(value, **new)


def _is(device: torch.device, wanted: torch.device) -> bool:
    return device.type == wanted.type and wanted.index in (None, device.index)


def float64_on(device: torch.device) -> torch.dtype:
    """Return float64, or float32 on devices that lack it (Apple's)."""
    return torch.float32 if device.type == "mps" else torch.float64


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which networks on that device run in bfloat16, or float16 where a GPU lacks that.

    Apple's and unknown devices run in float32.
    """
    if device.type == "cpu":
        return torch.autocast("cpu", torch.bfloat16)
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
    return nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context that takes what is computed inside out of `half_precision`."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()
