"""Labels drawn one after the other, whatever they are of."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.methods.protocol import Synthesis
from liquidwarp.nn.few_shot_vid2vid.generator import DrawnFrame, FewShotGenerator, Previous

_TRUSTED = 0.5  # mask below which a pixel is the warped example's


def draw_labels(
    generator: FewShotGenerator,
    example_labels: Float[Tensor, "K L H W"],
    examples: Float[Tensor, "K 3 H W"],
    labels: Iterable[Float[Tensor, "L H W"]],
) -> Iterator[DrawnFrame]:
    """Yield what a network makes of labels, each given the frame before.

    Args:
        generator: in evaluation mode; it computes flow by itself.
        example_labels: of the examples.
        examples: in [-1, 1].
        labels: on the same device, all of the examples' size.

    Raises:
        InputError: examples or a label that the network does not take.
    """
    encoding, previous = None, None
    for label in labels:
        with torch.no_grad():
            if encoding is None or generator.shape.attention:
                encoding = generator.encode(example_labels[None], examples[None], label[None])
            made = generator(label[None], encoding, previous)
        previous = Previous(label[None], made.image) if generator.shape.warp_previous else None
        yield made


def whole_picture(made: DrawnFrame, size: tuple[int, int]) -> Synthesis:
    """Return what a network made as a picture of a (height, width), all of which counts as drawn.

    Its coverage is 1 where the network trusts the warped example, 3 elsewhere.
    """
    mask = torch.ones_like(made.image[:, :1]) if made.reference is None else made.reference.mask
    planes = torch.cat([made.image / 2 + 0.5, mask], 1)
    if planes.shape[2:] != size:
        planes = interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)
    color, mask = planes[0].split([3, 1])
    coverage = torch.where(mask[0] < _TRUSTED, 1, 3).to(torch.uint8)
    return Synthesis(color.clamp(0, 1), torch.ones_like(mask[0]), coverage)
