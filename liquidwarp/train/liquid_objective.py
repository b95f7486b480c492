"""Training of the published generators, and of their relatives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.errors import InputError
from liquidwarp.nn.checkpoints import load_published
from liquidwarp.nn.liquid import LiquidAnswer, LiquidGenerator
from liquidwarp.nn.losses import charbonnier, mask_cross_entropy
from liquidwarp.nn.published import shape_of
from liquidwarp.train.batch import Batch
from liquidwarp.train.config import Config, LossConfig
from liquidwarp.train.liquid_samples import LiquidBatch
from liquidwarp.train.objective import Attempt, PictureObjective, build_discriminator


@dataclass(frozen=True, eq=False)
class LiquidAttempt(Attempt):
    """What a generator made of a batch, the sources painted again too.

    Attributes:
        photo: the sources over the background; None where there is no source stream.
        photo_alpha: where the persons are in them.
    """

    photo: Float[Tensor, "M 3 H W"] | None = None
    photo_alpha: Float[Tensor, "M H W"] | None = None


class LiquidObjective(PictureObjective):
    """Trains a Liquid Warping GAN on samples of `train.liquid_samples`.

    The losses of any picture for the target, and those of picture and alpha for the sources, which have to be painted
    again (Liu et al., 2019).

    Args:
        generator: a `LiquidGenerator`.
        losses: weights of the losses.
        discriminator: looks at a picture beside the body's map.
    """

    def attempt(self, generator: Callable[..., object], batch: LiquidBatch) -> LiquidAttempt:
        """Let the generator answer."""
        answer = cast(
            LiquidAnswer,
            generator(
                batch.background, batch.source, batch.transfer, batch.flow.grid[:, None], batch.flow.valid[:, None]
            ),
        )
        picture = answer.compose()[:, 0].float() / 2 + 0.5
        alpha = 1 - answer.target_mask[:, 0, 0].float()
        if answer.source_color is None or answer.source_mask is None:
            return LiquidAttempt(picture, alpha)
        background, kept = answer.background[:, :1], answer.source_mask
        photo = (kept * background + (1 - kept) * answer.source_color).flatten(0, 1).float() / 2 + 0.5
        return LiquidAttempt(picture, alpha, photo, 1 - kept.flatten(0, 2).float())

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers."""
        losses = super().generator_losses(attempt, batch, adversary=adversary)
        assert isinstance(attempt, LiquidAttempt)
        assert isinstance(batch, LiquidBatch)
        if attempt.photo is not None and attempt.photo_alpha is not None:
            pixel = charbonnier(attempt.photo, batch.photo.flatten(0, 1)).mean()
            alpha = mask_cross_entropy(attempt.photo_alpha, batch.photo_alpha.flatten(0, 1)).mean()
            losses |= {"source": self._losses.pixel * pixel, "source_mask": self._losses.mask * alpha}
        return losses


def make_liquid_objective(
    kind: str, width: float, losses: LossConfig, discriminator: nn.Module | None = None
) -> LiquidObjective:
    """Return an untrained generator with its losses."""
    return LiquidObjective(LiquidGenerator(shape_of(kind, width)), losses, discriminator)


def build_liquid(config: Config) -> LiquidObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: `model.start` cannot be read, or is of another network.
    """
    objective = make_liquid_objective(config.model.kind, config.model.width, config.loss, build_discriminator(config))
    if config.model.start:
        try:
            objective.generator.load_state_dict(load_published(config.model.start).state_dict())
        except RuntimeError as error:
            raise InputError(
                f"model.start={config.model.start} is of another network than model.kind={config.model.kind} "
                f"with model.width={config.model.width}"
            ) from error
    return objective
