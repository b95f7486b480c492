"""What DSC and SHUP were trained by beside adversaries: features of VGG-19, of which users bring the weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from liquidwarp.nn.perceptual import VggPerceptual

_SECOND = 3  # conv1_2, after its ReLU, in torchvision's `features`
_TWELVE = (1, 3, 6, 8, 11, 13, 15, 17, 20, 22, 24, 26)  # conv1_1 to conv4_4, after their ReLU
_OUTSIDE = -1e4  # features beyond the border: nobody's neighbour
_LEAST = 0.1  # added to deviations


class NearestFeatures(nn.Module):
    """DSC's loss of nearest neighbours: each pixel's features against the most similar ones of the truth nearby.

    Source: Siarohin et al., "Deformable GANs for Pose-Based Human Image Generation" (CVPR 2018), equation 7: the least
    of the summed differences over a neighbourhood, averaged over pixels; published weight 0.01.

    Args:
        vgg: the network.
        side: pixels of the neighbourhood's side; 5 as published for fashion, 3 for Market-1501.
    """

    def __init__(self, vgg: VggPerceptual, side: int = 5) -> None:
        super().__init__()
        self.vgg, self.side = vgg, side

    def forward(self, picture: Float[Tensor, "B 3 H W"], target: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
        """Return how different the pictures look; 0 for equal ones, and for ones shifted by a pixel or two."""
        (made,) = self.vgg.answers(picture, [_SECOND])
        with torch.no_grad():
            (wanted,) = self.vgg.answers(target, [_SECOND])
            nearest = self._nearest(made, wanted)
        return (made - nearest).abs().sum(1).mean((1, 2))

    def _nearest(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Return for each pixel the features in its neighbourhood that are most like its own."""
        (height, width), rim = made.shape[2:], self.side // 2
        around = pad(wanted, (rim, rim, rim, rim), value=_OUTSIDE)
        nearest, least = wanted, (made - wanted).abs().sum(1, keepdim=True)
        for down in range(self.side):
            for right in range(self.side):
                other = around[:, :, down : down + height, right : right + width]
                apart = (made - other).abs().sum(1, keepdim=True)
                nearest, least = torch.where(apart < least, other, nearest), torch.minimum(apart, least)
        return nearest


class StandardFeatures(nn.Module):
    """SHUP's perceptual loss: twelve layers, in parts of each channel's deviation, pooled by means.

    Source: Balakrishnan et al., "Synthesizing Images of Humans in Unseen Poses" (CVPR 2018). The published deviations
    are those of the training set, in files of their own; here they are those of the truth in the batch.

    Args:
        vgg: the network.
    """

    def __init__(self, vgg: VggPerceptual) -> None:
        super().__init__()
        self.vgg = vgg

    def forward(self, picture: Float[Tensor, "B 3 H W"], target: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
        """Return how different the pictures look; 0 for equal ones."""
        made = self.vgg.answers(picture, _TWELVE, average=True)
        with torch.no_grad():
            wanted = self.vgg.answers(target, _TWELVE, average=True)
        terms = [
            ((a - b) / (b.std((0, 2, 3), keepdim=True) + _LEAST)).abs().mean((1, 2, 3))
            for a, b in zip(made, wanted, strict=True)
        ]
        return torch.stack(terms).mean(0)
