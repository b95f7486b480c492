"""VGG-19 in little."""

import torch


def vgg_weights() -> dict[str, torch.Tensor]:
    """Return a network of VGG-19's form with few channels."""
    random, found, inner = torch.Generator().manual_seed(0), {}, 3
    for index in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34):
        found[f"features.{index}.weight"] = torch.randn(4, inner, 3, 3, generator=random) * (2 / 9 / inner) ** 0.5
        found[f"features.{index}.bias"] = torch.randn(4, generator=random) * 0.1
        inner = 4
    return found | {"classifier.0.weight": torch.zeros(1, 1)}
