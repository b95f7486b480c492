"""Between uint8 `H W C` arrays at the edge and float32 `C H W` tensors inside."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def to_tensor(rgb: UInt8[np.ndarray, "H W 3"]) -> Float[Tensor, "3 H W"]:
    """Convert a uint8 picture to a float32 tensor in [0, 1] on the CPU."""
    planar = np.ascontiguousarray(rgb.transpose(2, 0, 1))
    return torch.from_numpy(planar).to(torch.float32).div_(255.0)


def to_uint8(image: Float[Tensor, "3 H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """Convert a picture in [0, 1] from any device to uint8: clamped, rounded, NaN to 0."""
    levels = image.detach().nan_to_num(nan=0.0).clamp_(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
