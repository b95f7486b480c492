"""A device that is not there, for tests of code that has to stay on one.

Its tensors say that they are elsewhere (on "meta", the one device name that every build of PyTorch accepts), so the
library takes the path that it takes on a GPU; what they hold lies in ordinary memory, so results are numbers that can
be compared. As on a GPU, a tensor of the CPU and one of the device do not mix. Beyond that, in a `strict` part

* a tensor that is made without naming the device is an error, even if it would be copied there next;
* so is every tensor that comes from, or goes to, the CPU: `.cpu()`, `.numpy()`, `.to("cpu")`, `from_numpy`.

Single numbers may be asked for (`int(x)`, `x.tolist()` of a few, how many are `nonzero`): `FakeDevice.asked` counts.

    device = FakeDevice()
    with device.loading():  # tensors come and go
        camera, vertices = camera.to(device.name), vertices.to(device.name)
    with device.strict():
        fragments = rasterize(vertices, faces, camera)
    face_index = device.fetch(fragments.face_index)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

NAME = "meta"
_MANY = 256  # numbers: more at once are no question but a copy

_FACTORIES = {
    getattr(torch, name)
    for name in (
        *("arange", "as_tensor", "asarray", "empty", "eye", "full", "hann_window", "linspace", "logspace", "ones"),
        *("rand", "randint", "randn", "randperm", "scalar_tensor", "tensor", "tril_indices", "triu_indices", "zeros"),
    )
}
_FROM_DATA = {torch.tensor, torch.as_tensor, torch.asarray}
_FROM_NUMPY = torch.from_numpy


class DeviceError(AssertionError):
    """A tensor is not where it should be."""


class FakeTensor(Tensor):
    """A tensor that claims to be on the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "FakeTensor":
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=NAME,
            requires_grad=held.requires_grad,
        )
        made.held = held
        return made

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"FakeTensor({self.held})"

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _run(function, args, kwargs or {})


def _is_fake_name(device: object) -> bool:
    return device is not None and torch.device(device).type == NAME  # type: ignore[call-overload]


def _held(value: Any) -> Any:
    return value.held if isinstance(value, FakeTensor) else value


def _wrapped(value: Any) -> Any:
    return FakeTensor(value) if isinstance(value, Tensor) and not isinstance(value, FakeTensor) else value


def _run(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operation of which some tensors are on the device, as the device would."""
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    name = function.name()
    indices = "index" in name.split("::")[-1]  # a device takes indices from the CPU, as CUDA does
    for value in tensors:
        if isinstance(value, FakeTensor):
            continue
        if value.device.type == NAME:
            raise DeviceError(f"{name} got a tensor without numbers")
        if value.dim() and not (indices and value.dtype in (torch.int64, torch.bool)):
            raise DeviceError(f"{name} mixes tensors of the device with one of the CPU, {tuple(value.shape)}")
    found = tree_map(_wrapped, function(*tree_map(_held, args), **tree_map(_held, kwargs)))
    if torch.Tag.inplace_view in function.tags:  # what says of itself what shape it has must learn of it
        with no_dispatch():
            function(*args, **kwargs)
    return args[0] if function._schema.is_mutable and name.endswith("_") else found


def _has_unknown_size(function: Any, args: tuple[Any, ...]) -> bool:
    """Tell whether only the numbers say how large a result is, as of `nonzero` and of an index that is a mask."""
    if "index" in function.name():
        return any(isinstance(value, Tensor) and value.dtype == torch.bool for value in tree_flatten(args[1:])[0])
    return torch.Tag.dynamic_output_shape in function.tags


class _Operations(TorchDispatchMode):
    """What PyTorch does underneath: makes tensors on the device, moves them, runs operations."""

    def __init__(self, owner: "FakeDevice") -> None:
        super().__init__()
        self.owner = owner

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        there = any(isinstance(value, FakeTensor) for value in tree_flatten((args, kwargs))[0])
        device = kwargs.get("device")
        if function is torch.ops.aten._local_scalar_dense.default and there:
            self.owner.asked += 1
            return function(*tree_map(_held, args))
        if there and _has_unknown_size(function, args):
            self.owner.asked += 1
        if device is None:
            return _run(function, args, kwargs) if there else function(*args, **kwargs)
        plain = kwargs | {"device": torch.device("cpu")}
        if not _is_fake_name(device):
            self.owner.check_move(function, there)
            return function(*tree_map(_held, args), **tree_map(_held, plain))
        if not there and any(isinstance(value, Tensor) for value in args):
            self.owner.check_move(function, True)
        return tree_map(_wrapped, function(*tree_map(_held, args), **tree_map(_held, plain)))


class _Calls(TorchFunctionMode):
    """What is called by name: factories, and what takes a tensor to NumPy or Python."""

    def __init__(self, owner: "FakeDevice") -> None:
        super().__init__()
        self.owner = owner

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        there = bool(args) and isinstance(args[0], FakeTensor)
        if function in _FACTORIES and not there:
            self.owner.check_made(function, kwargs.get("device"))
            if function in _FROM_DATA and _is_fake_name(kwargs.get("device")):
                return _wrapped(function(*args, **(kwargs | {"device": "cpu"})))
        elif function is Tensor.new_tensor and there:
            return _wrapped(args[0].held.new_tensor(*args[1:], **kwargs))
        elif function is Tensor.__getitem__ and there:
            return function(args[0], _without_lists(args[1]))
        elif function is Tensor.__setitem__ and there:
            value = args[2] if isinstance(args[2], Tensor) else _wrapped(torch.scalar_tensor(args[2]).to(args[0].dtype))
            return function(args[0], _without_lists(args[1]), value)
        elif function is Tensor.tolist and there:
            self.owner.ask(args[0].numel())
            return args[0].held.tolist()
        elif function in (Tensor.numpy, Tensor.__array__) and there:
            self.owner.check_move(function, True)
            return function(args[0].held, *args[1:], **kwargs)
        elif function in (Tensor.cpu, Tensor.cuda):
            self.owner.check_move(function, there)
            return _held(args[0])
        return function(*args, **kwargs)


class FakeDevice:
    """The device.

    Attributes:
        name: what to give to `.to`.
        asked: how often a `strict` part asked for single numbers: each makes a GPU wait.
    """

    def __init__(self) -> None:
        self.name = NAME
        self.asked = 0
        self._strict = False

    def put(self, tensor: Tensor) -> Tensor:
        """Return a tensor on the device."""
        return _wrapped(tensor)

    def fetch(self, value: Any) -> Any:
        """Return tensors, or a value whose tensors are on the device, as they are there."""
        return tree_map(_held, value)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Let tensors be made anywhere, come and go."""
        with self._entered(False):
            yield

    @contextmanager
    def strict(self) -> Iterator[None]:
        """Let nothing be made elsewhere, come or go."""
        with self._entered(True):
            yield

    @contextmanager
    def _entered(self, strict: bool) -> Iterator[None]:
        before, self._strict = self._strict, strict
        try:
            with mock.patch.object(torch, "from_numpy", self._from_numpy), _Operations(self), _Calls(self):
                yield
        finally:
            self._strict = before

    def _from_numpy(self, array: np.ndarray) -> Tensor:
        self.check_made(_FROM_NUMPY, None)
        return _FROM_NUMPY(array)

    def check_made(self, function: Callable[..., object], device: object) -> None:
        """Fail if a strict part makes a tensor elsewhere."""
        if self._strict and not _is_fake_name(device):
            raise DeviceError(f"{_name(function)} makes a tensor without the device of its inputs")

    def check_move(self, function: Callable[..., object], moves: bool) -> None:
        """Fail if a strict part moves a tensor to the device or away."""
        if self._strict and moves:
            raise DeviceError(f"{_name(function)} moves a tensor to the device or away from it")

    def ask(self, count: int) -> None:
        """Count a question for single numbers; fail if a strict part asks for many."""
        self.asked += 1
        if self._strict and count > _MANY:
            raise DeviceError(f"tolist copies {count} numbers to the CPU")


def _without_lists(index: Any) -> Any:
    """Return what a tensor is indexed by with lists as tensors, which PyTorch makes on the device itself."""
    if isinstance(index, tuple):
        return tuple(_without_lists(part) for part in index)
    return _FROM_NUMPY(np.asarray(index)) if isinstance(index, list | np.ndarray) else index


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", str(function))
