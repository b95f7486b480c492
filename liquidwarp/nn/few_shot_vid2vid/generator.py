"""The generator of few-shot vid2vid: labels in, pictures of whom or what the references show out.

Wang et al., "Few-shot Video-to-Video Synthesis" (NeurIPS 2019). The decoder is SPADE's (Park et al., "Semantic Image
Synthesis with Spatially-Adaptive Normalization", CVPR 2019), with kernels that the references generate.

Convention: pictures are in [-1, 1]; a mask is 1 where pixels are *generated*, as published.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils import spectral_norm

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.nn.few_shot_vid2vid.blocks import SLOPE, enlarged, normalization
from liquidwarp.nn.few_shot_vid2vid.embeddings import LabelEmbedding, WarpEmbedding
from liquidwarp.nn.few_shot_vid2vid.kernels import LevelKernels, SampleKernel, make_kernel_generators
from liquidwarp.nn.few_shot_vid2vid.references import Pooled, ReferenceEncoder
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape
from liquidwarp.nn.few_shot_vid2vid.warping import FlowNetwork, GivenFlow, MaskNetwork, Warped

_CONDITIONED = 2  # blocks that warped pictures modulate


@dataclass(frozen=True)
class Encoding:
    """What the generator keeps of the references.

    Attributes:
        start: (B, C, h, w), the features where the decoder starts.
        kernels: of each generated level, the largest picture first.
        label: (B, L, H, W), of the reference that is warped.
        image: (B, 3, H, W), of the same.
        pooled: what the kernels come from.
    """

    start: Float[Tensor, "B C h w"]
    kernels: tuple[LevelKernels, ...]
    label: Float[Tensor, "B L H W"]
    image: Float[Tensor, "B 3 H W"]
    pooled: Pooled


@dataclass(frozen=True)
class Previous:
    """The frame before.

    Attributes:
        label: (B, L, H, W).
        image: (B, 3, H, W), as generated.
        flow: from the target into it, for a network that is given flow.
    """

    label: Float[Tensor, "B L H W"]
    image: Float[Tensor, "B 3 H W"]
    flow: GivenFlow | None = None


@dataclass(frozen=True)
class DrawnFrame:
    """What the generator makes of a label.

    Attributes:
        image: (B, 3, H, W) in [-1, 1].
        raw: the same before a warped picture is blended in.
        reference: the reference, warped; None where the network does not.
        previous: the previous frame, warped; None where there is none.
        chosen: (B,) number of the reference that is warped.
    """

    image: Float[Tensor, "B 3 H W"]
    raw: Float[Tensor, "B 3 H W"]
    reference: Warped | None
    previous: Warped | None
    chosen: Int[Tensor, "B"]


class Modulation(nn.Module):
    """Computes a scale and a shift for each pixel, stacked.

    Args:
        inner: channels of the features that modulate.
        outer: channels of what is modulated.
        joint: whether one convolution computes both.
    """

    def __init__(self, inner: int, outer: int, *, joint: bool) -> None:
        super().__init__()
        if joint:
            self.both = nn.Conv2d(inner, 2 * outer, 1)
        else:
            self.gamma = nn.Conv2d(inner, outer, 1)
            self.beta = nn.Conv2d(inner, outer, 1)
        self.joint = joint

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B c H W"]:
        """Return scales and shifts."""
        return self.both(x) if self.joint else torch.cat([self.gamma(x), self.beta(x)], 1)


class Spade(nn.Module):
    """Normalises, then scales and shifts by the label's features, the warped reference's and the previous frame's.

    Args:
        channels: of what is normalised.
        inner: channels of the features that modulate.
        level: of the decoder, 0 at full size.
        shape: of the generator.
    """

    def __init__(self, channels: int, inner: int, level: int, shape: GeneratorShape) -> None:
        super().__init__()
        joint = shape.layout.joint
        self.norm = normalization(shape.layout.norm, channels, affine=False)
        conditions = shape.conditions and level < _CONDITIONED
        present = {"label": level >= shape.generated, "reference": conditions, "previous": conditions}
        self.modulations = nn.ModuleDict(
            {name: Modulation(inner, channels, joint=joint) for name, there in present.items() if there}
        )
        self.biased = joint

    def forward(
        self, x: Float[Tensor, "B C H W"], conditions: dict[str, Float[Tensor, "B c H W"]], kernel: SampleKernel | None
    ) -> Float[Tensor, "B C H W"]:
        """Return the features, modulated.

        Args:
            x: features.
            conditions: what modulates them, in this order.
            kernel: generated, for the label's features.
        """
        x = self.norm(x)
        for name, condition in conditions.items():
            if name in self.modulations:
                both = self.modulations[name](condition)
            else:
                assert kernel is not None
                both = kernel.convolve(condition, biased=self.biased)
            gamma, beta = both.chunk(2, 1)
            x = x * (1 + gamma) + beta
        return x


class SpadeLayer(nn.Module):
    """Modulation, leaky ReLU if wanted, and convolution.

    Args:
        spade: the modulation.
        conv: the convolution.
        act: whether there is a leaky ReLU.
    """

    def __init__(self, spade: Spade, conv: nn.Conv2d, *, act: bool = True) -> None:
        super().__init__()
        self.spade, self.conv, self.act = spade, spectral_norm(conv), act

    def forward(
        self, x: Float[Tensor, "B C H W"], conditions: dict[str, Float[Tensor, "B c H W"]], kernel: SampleKernel | None
    ) -> Float[Tensor, "B O H W"]:
        """Return the features."""
        x = self.spade(x, conditions, kernel)
        return self.conv(leaky_relu(x, SLOPE) if self.act else x)


class SpadeBlock(nn.Module):
    """A residual block of modulated layers.

    Args:
        level: of the decoder, 0 at full size.
        shape: of the generator.
    """

    def __init__(self, level: int, shape: GeneratorShape) -> None:
        super().__init__()
        outer, inner = shape.widths[level : level + 2]
        middle = min(inner, outer)
        self.first = SpadeLayer(Spade(inner, outer, level, shape), nn.Conv2d(inner, middle, 3, padding=1))
        self.second = SpadeLayer(Spade(middle, outer, level, shape), nn.Conv2d(middle, outer, 3, padding=1))
        self.shortcut = None
        if inner != outer:
            conv = nn.Conv2d(inner, outer, 1, bias=shape.layout.biased)
            self.shortcut = SpadeLayer(Spade(inner, outer, level, shape), conv, act=False)

    def forward(
        self, x: Float[Tensor, "B C H W"], conditions: dict[str, Float[Tensor, "B c H W"]], kernels: LevelKernels | None
    ) -> Float[Tensor, "B O H W"]:
        """Return the features."""
        first, second, shortcut = (kernels.first, kernels.second, kernels.shortcut) if kernels else (None, None, None)
        change = self.second(self.first(x, conditions, first), conditions, second)
        return change + (x if self.shortcut is None else self.shortcut(x, conditions, shortcut))


class FewShotGenerator(nn.Module):
    """The generator.

    The references are encoded first: once per clip for a single one, and for every frame where several are mixed by
    attention, since what is taken from each then depends on the target.

    Args:
        shape: of the generator.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__()
        self.shape = shape
        self.references = ReferenceEncoder(shape)
        self.kernels = make_kernel_generators(shape)
        self.labels = LabelEmbedding(shape)
        network = MaskNetwork if shape.given_flow else FlowNetwork
        self.flow = network(shape) if shape.warp_reference or shape.warp_previous else None
        self.reference = WarpEmbedding(shape) if shape.warp_reference else None
        self.previous = WarpEmbedding(shape) if shape.warp_previous and shape.conditions else None
        self.blocks = nn.ModuleList(SpadeBlock(level, shape) for level in range(shape.halvings + 1))
        self.color = nn.Conv2d(shape.width, 3, 3, padding=1)

    def encode(
        self,
        labels: Float[Tensor, "B K L H W"],
        images: Float[Tensor, "B K 3 H W"],
        target: Float[Tensor, "B L H W"],
        *,
        coarse: Float[Tensor, "B 3 H W"] | None = None,
    ) -> Encoding:
        """Return what the generator keeps of the references.

        Args:
            labels: of the references.
            images: the references.
            target: the label that is drawn next; it matters only where several references are mixed.
            coarse: a picture to refine, in place of the reference, where the decoder starts.

        Raises:
            InputError: no reference, several for a network without attention, or shapes that do not fit.
        """
        self._check(labels, images, target)
        pooled = self.references(labels, images, target)
        kernels = tuple(make(matrix) for make, matrix in zip(self.kernels, pooled.matrices[1:], strict=False))
        start = pooled.bottleneck if coarse is None else self.references.image(coarse)[-1]
        number = torch.arange(len(labels), device=labels.device)
        return Encoding(start, kernels, labels[number, pooled.chosen], images[number, pooled.chosen], pooled)

    def forward(
        self,
        label: Float[Tensor, "B L H W"],
        encoding: Encoding,
        previous: Previous | None = None,
        *,
        flow: GivenFlow | None = None,
    ) -> DrawnFrame:
        """Return the frame of a label.

        Args:
            label: of the target.
            encoding: of the references, see `encode`.
            previous: the frame before; None for the first of a clip.
            flow: from the target into each reference, (B K) of them, the references of a sample one after the other;
                for a network that is given flow.

        Raises:
            InputError: a previous frame, but the network was not trained on sequences; a label of another size; or
                flow for a network that computes it, or none for one that does not.
        """
        check_shape("label", label, tuple(encoding.label.shape))
        if previous is not None and not self.shape.warp_previous:
            raise InputError("this few-shot vid2vid network takes no previous frame; use one trained on sequences")
        warped, before = self._warped(label, encoding, previous, flow)
        conditions = self._conditions(label, encoding, warped, before)
        x = encoding.start
        for level in reversed(range(len(self.blocks))):
            kernels = encoding.kernels[level] if level < self.shape.generated else None
            x = self.blocks[level](x, conditions[level], kernels)
            if level:
                x = enlarged(x)
        raw = self.color(leaky_relu(x, SLOPE)).tanh()
        image = raw
        if before is not None and not self.shape.conditions:
            image = raw * before.mask + before.image * (1 - before.mask)
        return DrawnFrame(image, raw, warped, before, encoding.pooled.chosen)

    def check_references(self, count: int) -> None:
        """Raise `InputError` if the network cannot take so many references."""
        if count == 0:
            raise InputError("few-shot vid2vid was given no reference; give at least one picture and its label")
        if count > 1 and not self.shape.attention:
            raise InputError(f"this few-shot vid2vid network takes one reference, got {count}; use one with attention")

    def _check(self, labels: Tensor, images: Tensor, target: Tensor) -> None:
        batch, count, _, height, width = labels.shape
        self.check_references(count)
        side = 2**self.shape.halvings
        if height % side or width % side:
            raise InputError(f"pictures of {height}x{width} do not fit; height and width are multiples of {side}")
        if self.shape.layout.norm == "instance" and height == width == side:
            raise InputError(f"pictures of {height}x{width} are too small for imaginaire's networks; double one side")
        check_shape("labels", labels, (batch, count, self.shape.labels, height, width))
        check_shape("images", images, (batch, count, 3, height, width))
        check_shape("target", target, (batch, self.shape.labels, height, width))

    def _warped(
        self, label: Tensor, encoding: Encoding, previous: Previous | None, flow: GivenFlow | None
    ) -> tuple[Warped | None, ...]:
        reference = before = None
        if self.shape.warp_reference:
            chosen = None if flow is None else _of_chosen(flow, encoding.pooled.chosen)
            reference = self._warp(label, encoding.label, encoding.image, chosen)
        if previous is not None:
            before = self._warp(label, previous.label, previous.image, previous.flow)
        return reference, before

    def _warp(self, target: Tensor, label: Tensor, image: Tensor, given: GivenFlow | None) -> Warped:
        assert self.flow is not None
        if self.shape.given_flow != (given is not None):
            wants = "is given flow with its labels" if self.shape.given_flow else "computes flow itself"
            raise InputError(f"this few-shot vid2vid network {wants}; the other kind of input belongs to other weights")
        warped: Warped = self.flow(target, label, image, *([] if given is None else [given]))
        return warped

    def _conditions(
        self, label: Tensor, encoding: Encoding, reference: Warped | None, before: Warped | None
    ) -> list[dict[str, Tensor]]:
        features = self.labels.embed(label, [kernels.embedding for kernels in encoding.kernels])
        conditions = [{"label": feature} for feature in features]
        sources: Sequence[tuple[str, WarpEmbedding | None, Warped | None]] = (
            ("reference", self.reference, reference),
            ("previous", self.previous, before),
        )
        for name, embedding, warped in sources:
            if embedding is not None and warped is not None:
                embedded = embedding.embed(torch.cat([warped.image, warped.mask], 1))
                for condition, feature in zip(conditions[:_CONDITIONED], embedded, strict=False):
                    condition[name] = feature
        return conditions


def _of_chosen(flow: GivenFlow, chosen: Tensor) -> GivenFlow:
    """Return the flow into each sample's chosen reference."""
    count, number = len(flow.flow) // len(chosen), torch.arange(len(chosen), device=chosen.device)
    index = number * count + chosen
    return GivenFlow(flow.flow[index], flow.valid[index])
