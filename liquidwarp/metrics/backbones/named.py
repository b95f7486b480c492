"""Layers whose parameters are found by their published names, and whose sizes are those of the file."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from liquidwarp.errors import InputError


class Named:
    """The named parameters of a network, and the layers that use them.

    A network is a function that walks over the names. So a file has to hold what the walk asks for, in shapes that fit
    each other; channel numbers and the sizes of kernels are the file's.

    Args:
        tensors: parameters by name.
        source: where they are from, for messages.
    """

    def __init__(self, tensors: Mapping[str, Tensor], source: str) -> None:
        self._tensors = dict(tensors)
        self.source = source

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """All parameters."""
        return self._tensors

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise InputError(f"{self.source}: {name} is missing; give the file that docs/metrics.md names")
        return self._tensors[name]

    def to(self, device: str | torch.device) -> "Named":
        """Return the same parameters on a device."""
        return Named({name: value.to(device) for name, value in self._tensors.items()}, self.source)

    def conv(
        self, name: str, x: Tensor, *, stride: int | tuple[int, ...] = 1, padding: int | tuple[int, ...] | None = None
    ) -> Tensor:
        """Convolve in two or three dimensions, whichever the kernel has; by default the size is kept (odd kernels).

        Groups follow from the number of channels; a bias is added where the file has one.
        """
        weight = self[f"{name}.weight"]
        around = tuple(side // 2 for side in weight.shape[2:]) if padding is None else padding
        convolve = functional.conv3d if weight.ndim == 5 else functional.conv2d
        groups = max(1, x.shape[1] // weight.shape[1])
        return convolve(x, weight, self._tensors.get(f"{name}.bias"), stride, around, groups=groups)

    def norm(self, name: str, x: Tensor, *, eps: float = 1e-5) -> Tensor:
        """Normalise by the file's running mean and variance; by the picture's own where the file has none."""
        weight, bias = self[f"{name}.weight"], self[f"{name}.bias"]
        if f"{name}.running_mean" not in self:
            return functional.instance_norm(x, weight=weight, bias=bias, eps=eps)
        mean, variance = self[f"{name}.running_mean"], self[f"{name}.running_var"]
        return functional.batch_norm(x, mean, variance, weight, bias, eps=eps)

    def linear(self, name: str, x: Tensor) -> Tensor:
        """Apply a fully connected layer; a bias is added where the file has one."""
        return functional.linear(x, self[f"{name}.weight"], self._tensors.get(f"{name}.bias"))
