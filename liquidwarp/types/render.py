"""What the rasteriser and the flow hand on."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.devices import moved


@dataclass(frozen=True, eq=False)
class Fragments:
    """Per pixel: which face, where on it, how deep.

    Attributes:
        face_index: `face_index[b, y, x] = f` means that face f is the nearest at the centre of pixel (x, y), or -1
            where there is none; ties go to the lowest face index. int32.
        bary: `bary[b, y, x, k]` is the weight of vertex `faces[f, k]` on the *surface* at that pixel
            (perspective-correct under a pinhole camera), 0 where there is no face. They sum to 1.
        depth: camera Z in metres at that pixel, +inf where there is no face.
    """

    face_index: Int[Tensor, "B H W"]
    bary: Float[Tensor, "B H W 3"]
    depth: Float[Tensor, "B H W"]

    @property
    def mask(self) -> Bool[Tensor, "B H W"]:
        """True where a face was hit."""
        return self.face_index >= 0

    def to(self, device: torch.device | str) -> "Fragments":
        """Return the fragments on another device."""
        return moved(self, device)


@dataclass(frozen=True, eq=False)
class Flow:
    """Per target pixel: where in the source picture to look, and whether to believe it.

    Convention: `grid[b, y, x] = (x, y)` in *source* normalised coordinates (`2x/W - 1`, y down, `align_corners=False`).
    `grid` is finite everywhere and has no meaning where `valid` is False; there are no sentinel numbers.
    """

    grid: Float[Tensor, "B H W 2"]
    valid: Bool[Tensor, "B H W"]

    def to(self, device: torch.device | str) -> "Flow":
        """Return the flow on another device."""
        return moved(self, device)
