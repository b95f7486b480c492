"""What tells the published generators apart."""

from dataclasses import dataclass

from liquidwarp.errors import InputError

_WIDEST_START = 64  # beyond it the deepest generated layer no longer halves its channels
_WIDEST = 1024


@dataclass(frozen=True)
class Layout:
    """What differs between the first repository's networks and imaginaire's.

    Attributes:
        norm: "batch" or "instance".
        reference_kernel: side of the reference encoders' kernels.
        embedding_kernel: side of the generated kernels of the label embedding.
        joint: whether gamma and beta are one convolution, and the generated ones have a bias.
        spectral_embeddings: whether the label and warp embeddings are spectrally normalised.
        biased: whether the flow network's outer convolutions and the shortcuts have a bias.
    """

    norm: str
    reference_kernel: int
    embedding_kernel: int
    joint: bool
    spectral_embeddings: bool
    biased: bool


FIRST = Layout("batch", 3, 1, joint=False, spectral_embeddings=False, biased=False)
IMAGINAIRE = Layout("instance", 1, 3, joint=True, spectral_embeddings=True, biased=True)


@dataclass(frozen=True)
class GeneratorShape:
    """The shape of a generator.

    Attributes:
        labels: channels of a label map.
        width: of the first features, at most 64.
        flow_width: of the flow network's first features.
        halvings: how often the picture is halved; its sides are multiples of two to this power.
        attention: whether several references are mixed by attention.
        warp_reference: whether the reference is warped.
        warp_previous: whether the previous frame is warped, which temporal training adds.
        conditions: whether warped pictures modulate the last two blocks; otherwise the previous one is blended in.
        given_flow: whether flow comes with the labels, from a mesh, and only masks are computed; not as published.
        layout: of which repository.
    """

    labels: int
    width: int = 32
    flow_width: int = 32
    halvings: int = 5
    attention: bool = False
    warp_reference: bool = True
    warp_previous: bool = True
    conditions: bool = True
    given_flow: bool = False
    layout: Layout = FIRST

    def __post_init__(self) -> None:
        if not 0 < self.width <= _WIDEST_START:
            raise InputError(f"width={self.width} of few-shot vid2vid is out of range; choose 1 to {_WIDEST_START}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at full size, after each halving, and at the decoder's start, which is no wider."""
        return tuple(min(_WIDEST, self.width * 2 ** min(i, self.halvings)) for i in range(self.halvings + 2))

    @property
    def generated(self) -> int:
        """How many of the last blocks have generated kernels."""
        return self.halvings - 1
