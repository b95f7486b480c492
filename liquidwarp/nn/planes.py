"""Named planes of pictures, and what can be done to them alike: values that networks take, stacked by nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

P = TypeVar("P")

Around = tuple[int, int, int, int]
"""Pixels left, right, above and below."""


@dataclass(frozen=True, eq=False)
class PhotoFlow:
    """Where target pixels look in each of N photos; a `types.Flow` per photo.

    Attributes:
        grid: in source normalised coordinates (`align_corners=False`).
        valid: where that photo shows the point of the surface.
    """

    grid: Float[Tensor, "B N H W 2"]
    valid: Bool[Tensor, "B N H W"]

    def padded(self, around: Around) -> "PhotoFlow":
        """Return the flow with pixels around it that no photo shows."""
        return PhotoFlow(pad(self.grid, (0, 0, *around)), pad(self.valid, around))

    def mirrored(self) -> "PhotoFlow":
        """Return the flow between mirrored targets and mirrored photos."""
        grid = self.grid.flip(-2)
        return PhotoFlow(torch.stack([-grid[..., 0], grid[..., 1]], -1), self.valid.flip(-1))


def joined(parts: Sequence[P]) -> P:
    """Return several values of one kind as one: each of their planes put together along the first axis.

    Args:
        parts: dataclasses of tensors, or of such dataclasses.
    """
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(parts)  # type: ignore[arg-type, return-value]
    names = [each.name for each in fields(first)]  # type: ignore[arg-type]
    return type(first)(**{name: joined([getattr(part, name) for part in parts]) for name in names})


def mirrored_normals(normals: Float[Tensor, "*N 3 H W"]) -> Float[Tensor, "*N 3 H W"]:
    """Mirror a map of normals left to right; what pointed to the left points to the right."""
    turned = normals.flip(-1)
    turned[..., 0, :, :] *= -1
    return turned


def tinted(color: Float[Tensor, "*N 3 H W"], gains: Float[Tensor, "3"]) -> Float[Tensor, "*N 3 H W"]:
    """Multiply the channels of a picture by `gains`."""
    return color * gains[:, None, None]
