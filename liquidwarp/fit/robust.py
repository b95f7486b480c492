"""Robust kernels: what a squared residual costs.

A residual is in standard deviations. Its square `s` costs `rho(s)`, and counts in the Gauss-Newton equations with the
weight `rho'(s)` (iteratively reweighted least squares). The solver begins with kernels that are wider than they say, so
that what is far off at first still pulls, and narrows them step by step (graduated non-convexity); kernels that are
convex need no such help and stay as they are.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Kernel(Protocol):
    """What a squared residual costs, and how much it counts."""

    def cost(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return `rho(s)` of squared residuals; `widening` says how many times wider the kernel is now."""
        ...

    def weight(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return `rho'(s)`."""
        ...


@dataclass(frozen=True)
class Quadratic:
    """Least squares, `rho(s) = s`: every residual counts, however large."""

    def cost(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return the squared residual itself."""
        return squared

    def weight(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return ones."""
        return torch.ones_like(squared)


LEAST_SQUARES = Quadratic()


@dataclass(frozen=True)
class PseudoHuber:
    """`rho(s) = 2 w^2 (sqrt(1 + s / w^2) - 1)`: outliers count linearly. Convex.

    Attributes:
        width: `w`, standard deviations from which on the cost grows linearly.
    """

    width: float

    def cost(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return `rho(s)`."""
        return 2 * self.width**2 * ((1 + squared / self.width**2).sqrt() - 1)

    def weight(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return `rho'(s)`."""
        return (1 + squared / self.width**2).rsqrt()


@dataclass(frozen=True)
class GemanMcClure:
    """`rho(s) = s w^2 / (w^2 + s)`: outliers stop counting, and other evidence can overrule them. Not convex.

    Attributes:
        width: `w`, standard deviations at which a residual costs half of its square.
    """

    width: float

    def cost(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return `rho(s)`."""
        width = (self.width * widening) ** 2
        return squared * (width / (width + squared))

    def weight(self, squared: Float[Tensor, "*B"], widening: float) -> Float[Tensor, "*B"]:
        """Return `rho'(s)`."""
        width = (self.width * widening) ** 2
        return (width / (width + squared)) ** 2
