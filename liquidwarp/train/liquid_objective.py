"""Training of the published generators, and of their relatives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.errors import InputError
from liquidwarp.nn.checkpoints import load_published
from liquidwarp.nn.liquid import LiquidAnswer, LiquidGenerator, LiquidShape
from liquidwarp.nn.losses import charbonnier, mask_cross_entropy
from liquidwarp.nn.published import ABLATION, SHAPES
from liquidwarp.train.config import Config, LossConfig
from liquidwarp.train.objective import Attempt, CompactObjective, build_discriminator
from liquidwarp.train.samples import Batch

LIQUID_SHAPES: Mapping[str, LiquidShape] = SHAPES | {"W_F": ABLATION["W_F"]}
"""What can be trained: the published configurations, and the paper's feature warping."""


@dataclass(frozen=True, eq=False)
class LiquidAttempt(Attempt):
    """What a generator made of a batch, the sources painted again too.

    Attributes:
        photo: the sources over the ground; None where there is no source stream.
        photo_mask: the persons' outlines in them.
    """

    photo: Float[Tensor, "M 3 H W"] | None = None
    photo_mask: Float[Tensor, "M H W"] | None = None


class LiquidObjective(CompactObjective):
    """Trains a Liquid Warping GAN on samples of `train.liquid_samples`.

    The losses of the compact generator for the target, and those of picture and outline for the sources, which have to
    be painted again (Liu et al., 2019).

    Args:
        generator: a `LiquidGenerator`.
        losses: weights of the losses.
        discriminator: looks at a picture beside the body's map.
    """

    def attempt(self, generator: Callable[..., object], batch: Batch) -> LiquidAttempt:
        """Let the generator answer."""
        answer = cast(
            LiquidAnswer,
            generator(
                batch["background"],
                batch["source"],
                batch["transfer"][:, None],
                batch["grid"][:, None],
                batch["valid"][:, None],
            ),
        )
        picture = answer.compose()[:, 0].float() / 2 + 0.5
        mask = 1 - answer.target_mask[:, 0, 0].float()
        if answer.source_color is None or answer.source_mask is None:
            return LiquidAttempt(picture, mask)
        ground, kept = answer.background[:, :1], answer.source_mask
        photo = (kept * ground + (1 - kept) * answer.source_color).flatten(0, 1).float() / 2 + 0.5
        return LiquidAttempt(picture, mask, photo, 1 - kept.flatten(0, 2).float())

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers."""
        losses = super().generator_losses(attempt, batch, adversary=adversary)
        if isinstance(attempt, LiquidAttempt) and attempt.photo is not None and attempt.photo_mask is not None:
            pixel = charbonnier(attempt.photo, batch["photo"].flatten(0, 1)).mean()
            outline = mask_cross_entropy(attempt.photo_mask, batch["photo_mask"].flatten(0, 1)).mean()
            losses |= {"source": self._losses.pixel * pixel, "source_mask": self._losses.mask * outline}
        return losses


def make_liquid(kind: str, share: float) -> LiquidGenerator:
    """Return an untrained generator; a narrowed one for a share other than 1."""
    shape = LIQUID_SHAPES[kind]
    return LiquidGenerator(shape if share == 1 else shape.narrowed(share))


def make_liquid_objective(
    kind: str, share: float, losses: LossConfig, discriminator: nn.Module | None = None
) -> LiquidObjective:
    """Return an untrained generator with its losses."""
    return LiquidObjective(make_liquid(kind, share), losses, discriminator)


def build_liquid(config: Config) -> LiquidObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: `model.start` cannot be read, or is of another network.
    """
    objective = make_liquid_objective(config.model.kind, config.model.share, config.loss, build_discriminator(config))
    if config.model.start:
        try:
            objective.generator.load_state_dict(load_published(config.model.start).state_dict())
        except RuntimeError as error:
            raise InputError(
                f"model.start={config.model.start} is of another network than model.kind={config.model.kind} "
                f"with model.share={config.model.share}"
            ) from error
    return objective
