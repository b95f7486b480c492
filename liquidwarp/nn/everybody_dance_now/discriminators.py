"""Discriminators of Everybody Dance Now: of two frames that follow each other, and of a face."""

from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.nn.everybody_dance_now.generators import halved

_STRIDES = (2, 2, 2, 1)  # of all convolutions but the last
_PADDING = 2  # on every side of a 4x4 kernel, so that a stage of stride 1 grows by a pixel


class EdnPairDiscriminator(nn.Module):
    """Scores patches of two poses with their two frames, at several scales.

    Source: Chan et al., ICCV 2019, section 3.2 ("temporal smoothing").

    Args:
        inputs: channels in: pose t, pose t + 1, frame t, frame t + 1.
        width: of the first stage.
        scales: how many sizes are looked at, each half of the one before; the published enhancer has 3.
    """

    def __init__(self, inputs: int = 12, width: int = 64, scales: int = 2) -> None:
        super().__init__()
        self.scales = scales
        for scale in range(scales):
            for number, stage in enumerate(_stages(inputs, width, nn.InstanceNorm2d)):
                self.add_module(f"scale{scale}_layer{number}", nn.Sequential(*stage))

    def features(self, x: Float[Tensor, "B C H W"]) -> list[list[Float[Tensor, "B c h w"]]]:
        """Return what every stage sees, per scale, the full size first; the last of each are the scores.

        Convention:
            The full size is the published `scale{scales - 1}`.
        """
        seen: list[list[Tensor]] = []
        for scale in reversed(range(self.scales)):
            stages: list[Tensor] = []
            for number in range(len(_STRIDES) + 1):
                before = stages[-1] if stages else x
                stages.append(self.get_submodule(f"scale{scale}_layer{number}")(before))
            seen.append(stages)
            x = halved(x)
        return seen

    def forward(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B 1 h w"]]:
        """Return a score per patch, not squashed, per scale, the full size first."""
        return [stages[-1] for stages in self.features(x)]


class EdnFaceDiscriminator(nn.Module):
    """Scores patches of a face crop with its pose crop.

    Source: Chan et al., ICCV 2019, section 3.3.

    Args:
        inputs: channels in: pose crop, face crop.
        width: of the first stage.
    """

    def __init__(self, inputs: int = 6, width: int = 64) -> None:
        super().__init__()
        layers = [layer for stage in _stages(inputs, width, nn.BatchNorm2d) for layer in stage]
        self.facemodel = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 h w"]:
        """Return a score per patch, not squashed."""
        return self.facemodel(x)


def _stages(inputs: int, width: int, norm: type[nn.InstanceNorm2d] | type[nn.BatchNorm2d]) -> list[list[nn.Module]]:
    stages: list[list[nn.Module]] = []
    inner = inputs
    for number, stride in enumerate(_STRIDES):
        outer = width * 2**number
        layers: list[nn.Module] = [nn.Conv2d(inner, outer, 4, stride, _PADDING)]
        if number > 0:
            layers.append(norm(outer))
        stages.append([*layers, nn.LeakyReLU(0.2)])
        inner = outer
    return [*stages, [nn.Conv2d(inner, 1, 4, 1, _PADDING)]]
