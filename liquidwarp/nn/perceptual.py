"""Perceptual losses: without weights by default, with VGG-19 where the user has its file."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad, relu

from liquidwarp.errors import InputError

_SCALES = 4
_POOL = 5  # pixels over which responses are pooled: shifts smaller than that cost little
_ENERGY = 0.02  # response under which differences count absolutely rather than relatively
_VGG_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
_VGG_POOLS = (4, 9, 18, 27)
_VGG_TAPS = (1, 6, 11, 20, 29)  # relu1_1 to relu5_1
_VGG_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
_VGG_MEAN, _VGG_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TexturePerceptual(nn.Module):
    """A perceptual loss without weights: what edges there are nearby, rather than where exactly.

    On each of four scales, edge and line filters answer; both signs of an answer are pooled over 5x5 pixels and
    compared relative to the truth's own strength there, as the visual cortex's complex cells and contrast
    normalisation do. A missing texture costs more than a displaced one, as it does with learned features.
    """

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", _edge_filters(), persistent=False)

    def forward(self, picture: Float[Tensor, "B 3 H W"], target: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
        """Return how different the pictures look; 0 for equal ones."""
        a, b = _luminance(picture), _luminance(target)
        total = picture.new_zeros(picture.shape[0])
        for scale in range(_SCALES):
            made, wanted = self._energy(a), self._energy(b)
            relative = (made - wanted).abs() / (wanted.mean(1, keepdim=True) + _ENERGY)
            total = total + relative.mean((1, 2, 3))
            if scale + 1 < _SCALES:
                a, b = avg_pool2d(a, 2, ceil_mode=True), avg_pool2d(b, 2, ceil_mode=True)
        return total / _SCALES

    def _energy(self, plane: Tensor) -> Tensor:
        answers = conv2d(pad(plane, (1, 1, 1, 1), "replicate"), self.filters)
        signed = torch.cat([relu(answers), relu(-answers)], 1)
        return avg_pool2d(signed, _POOL, 2, _POOL // 2, count_include_pad=False)


class VggPerceptual(nn.Module):
    """L1 of VGG-19 features at relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, weighted 1/32, 1/16, 1/8, 1/4, 1.

    Source: Wang et al., "pix2pixHD", 2018; the weights are Liquid Warping GAN's. Pictures are normalised as VGG was
    trained (ImageNet's mean and deviation).

    Args:
        weights: torchvision's names, `features.N.weight` and `features.N.bias`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        inner = 3
        for index in _VGG_CONVOLUTIONS:
            weight, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
            if weight.ndim != 4 or weight.shape[1:] != (inner, 3, 3) or bias.shape != weight.shape[:1]:
                raise InputError(
                    f"features.{index}.weight has shape {tuple(weight.shape)}, wanted (any, {inner}, 3, 3)"
                )
            convolution = nn.Conv2d(inner, weight.shape[0], 3, padding=1)
            convolution.load_state_dict({"weight": weight, "bias": bias})
            self.convolutions[str(index)] = convolution
            inner = weight.shape[0]
        self.register_buffer("mean", torch.tensor(_VGG_MEAN, dtype=torch.float32)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(_VGG_STD, dtype=torch.float32)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    @staticmethod
    def load(path: str | Path) -> "VggPerceptual":
        """Read torchvision's VGG-19 from a safetensors or .pth file.

        Raises:
            InputError: the file is missing, damaged, no plain tensors, or of another network.
        """
        weights = read_tensors(path)
        names = [f"features.{index}.{kind}" for index in _VGG_CONVOLUTIONS for kind in ("weight", "bias")]
        missing = [name for name in names if name not in weights]
        if missing:
            raise InputError(f"{path}: no VGG-19 in torchvision's layout ({missing[0]} is missing); give vgg19's file")
        try:
            return VggPerceptual(weights)
        except InputError as error:
            raise InputError(f"{path}: no VGG-19 ({error}); give torchvision's vgg19") from error

    def features(self, picture: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        """Return the answers at the five taps."""
        return self.answers(picture, _VGG_TAPS)

    def answers(self, picture: Float[Tensor, "B 3 H W"], taps: Sequence[int], *, average: bool = False) -> list[Tensor]:
        """Return what layers answer.

        Args:
            picture: in [0, 1].
            taps: numbers of layers in torchvision's `features`, in order.
            average: pool by means in place of maxima.
        """
        x, pool = (picture - self.mean) / self.std, avg_pool2d if average else max_pool2d
        found = []
        for index in range(taps[-1] + 1):
            if index in _VGG_CONVOLUTIONS:
                x = self.convolutions[str(index)](x)
            elif index in _VGG_POOLS:
                x = pool(x, 2)
            else:
                x = relu(x)
            if index in taps:
                found.append(x)
        return found

    def forward(self, picture: Float[Tensor, "B 3 H W"], target: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
        """Return how different the pictures look; 0 for equal ones."""
        with torch.no_grad():
            wanted = self.features(target)
        made = self.features(picture)
        terms = [w * (a - b).abs().mean((1, 2, 3)) for w, a, b in zip(_VGG_WEIGHTS, made, wanted, strict=True)]
        return torch.stack(terms).sum(0)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read named tensors from a safetensors file or a .pth of plain tensors; no code in the file is run.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers raise RuntimeError, EOFError, KeyError and errors of their own for bad bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: cannot be read as weights ({reason[:120]}); give safetensors, or a .pth of tensors"
        ) from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"{path}: holds no named tensors; give a state dictionary")
    return found


def _edge_filters() -> Float[Tensor, "5 1 3 3"]:
    """Return first and second derivatives across and along, each with absolute sum 1."""
    smooth, first, second = torch.tensor([[1.0, 2.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 2.0, -1.0]], dtype=torch.float32)
    pairs = ((smooth, first), (first, smooth), (smooth, second), (second, smooth), (first, first))
    bank = torch.stack([torch.outer(a, b) for a, b in pairs])
    return (bank / bank.abs().sum((1, 2), keepdim=True))[:, None]


def _luminance(picture: Tensor) -> Tensor:
    red, green, blue = picture.split(1, 1)
    return 0.299 * red + 0.587 * green + 0.114 * blue
