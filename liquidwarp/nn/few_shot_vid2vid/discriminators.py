"""The discriminators of few-shot vid2vid: PatchGANs (Isola et al., CVPR 2017) on one or several scales."""

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu
from torch.nn.utils import spectral_norm

from liquidwarp.nn.few_shot_vid2vid.blocks import SLOPE, normalization

_KERNEL = 4


@dataclass(frozen=True)
class CriticLayout:
    """What differs between the first repository's discriminators and imaginaire's.

    Attributes:
        padding: of the convolutions.
        last_kernel: side of the last convolution's kernel.
        whole: whether the first stage is normalised, and every convolution spectrally normalised with a bias.
        eps: of the instance normalisation.
        averaged: whether scales differ by average pooling; otherwise by bilinear resizing.
    """

    padding: int
    last_kernel: int
    whole: bool
    eps: float
    averaged: bool


FIRST_CRITIC = CriticLayout(2, 4, whole=False, eps=0.1, averaged=True)
IMAGINAIRE_CRITIC = CriticLayout(1, 3, whole=True, eps=1e-5, averaged=False)


@dataclass(frozen=True)
class DiscriminatorShape:
    """The shape of a discriminator.

    Attributes:
        inputs: channels of what is judged, the example's before the target's.
        width: of the first stage.
        halvings: how many stages halve the picture.
        scales: how many sizes of the picture are judged.
        layout: of which repository.
    """

    inputs: int
    width: int = 32
    halvings: int = 4
    scales: int = 1
    layout: CriticLayout = FIRST_CRITIC


class Stage(nn.Module):
    """Convolution, normalisation and leaky ReLU.

    Args:
        inner: channels in.
        outer: channels out.
        kernel: side of the kernel.
        stride: of the convolution.
        padding: of the convolution.
        spectral: whether the kernel is spectrally normalised.
        bias: whether the convolution has one.
        eps: of the instance normalisation; None leaves it out.
        act: whether there is a leaky ReLU.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        *,
        kernel: int,
        stride: int,
        padding: int,
        spectral: bool,
        bias: bool,
        eps: float | None,
        act: bool = True,
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(inner, outer, kernel, stride, padding, bias=bias)
        self.conv = spectral_norm(conv) if spectral else conv
        self.norm = nn.Identity() if eps is None else normalization("instance", outer, affine=True, eps=eps)
        self.act = act

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B c h w"]:
        """Return the features."""
        x = self.norm(self.conv(x))
        return leaky_relu(x, SLOPE) if self.act else x


class PatchStages(nn.Module):
    """Scores overlapping patches.

    Args:
        shape: of the discriminator.
    """

    def __init__(self, shape: DiscriminatorShape) -> None:
        super().__init__()
        layout, widths = shape.layout, [shape.inputs, *(shape.width * 2**i for i in range(shape.halvings + 1))]
        stages = []
        for number, (inner, outer) in enumerate(pairwise(widths)):
            bare = number == 0 and not layout.whole
            stages.append(
                Stage(
                    inner,
                    outer,
                    kernel=_KERNEL,
                    stride=2 if number < shape.halvings else 1,
                    padding=layout.padding,
                    spectral=not bare,
                    bias=bare or layout.whole,
                    eps=None if bare else layout.eps,
                )
            )
        last = Stage(
            widths[-1],
            1,
            kernel=layout.last_kernel,
            stride=1,
            padding=layout.padding,
            spectral=layout.whole,
            bias=True,
            eps=None,
            act=False,
        )
        self.stages = nn.ModuleList([*stages, last])

    def forward(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Return what every stage sees, the scores last."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class MultiScaleDiscriminator(nn.Module):
    """Judges a picture at full size, and halved once or more where there are several scales.

    Args:
        shape: of the discriminator.
    """

    def __init__(self, shape: DiscriminatorShape) -> None:
        super().__init__()
        self.averaged = shape.layout.averaged
        self.scales = nn.ModuleList(PatchStages(shape) for _ in range(shape.scales))

    def forward(self, x: Float[Tensor, "B C H W"]) -> list[list[Float[Tensor, "B _ _ _"]]]:
        """Return what every stage sees at each scale, full size first; the scores are a scale's last."""
        seen = []
        for number, network in enumerate(self.scales):
            if number:
                x = self._halved(x)
            seen.append(network(x))
        return seen

    def _halved(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
        if self.averaged:
            return avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=True)
