"""Training of few-shot vid2vid on people."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.nn.few_shot_vid2vid.generator import DrawnFrame, FewShotGenerator
from liquidwarp.nn.few_shot_vid2vid.losses import (
    LabelledPicture,
    LossWeights,
    PersonCritic,
    critic_loss,
    generator_losses,
)
from liquidwarp.nn.few_shot_vid2vid.published import SHAPES
from liquidwarp.nn.few_shot_vid2vid.sequence import SequenceGenerator
from liquidwarp.nn.few_shot_vid2vid.shape import GeneratorShape
from liquidwarp.nn.few_shot_vid2vid.weights import initialize_, load_few_shot
from liquidwarp.train.batch import Batch
from liquidwarp.train.config import Config, LossConfig
from liquidwarp.train.few_shot_samples import FewShotBatch
from liquidwarp.train.objective import Attempt, JudgedObjective

_STRIDE = 32


@dataclass(frozen=True, eq=False)
class FewShotAttempt(Attempt):
    """What a generator made of sequences.

    Attributes:
        frames: all of them; picture and alpha are of the last one.
    """

    frames: tuple[DrawnFrame, ...]


class FewShotObjective(JudgedObjective):
    """The losses of few-shot vid2vid, averaged over the frames of sequences; the mesh's flow is the teacher.

    Args:
        generator: draws sequences.
        losses: weights of the losses, of which `flow`, `warp` and `trust` are its own.
        discriminator: of pictures and faces.
    """

    def __init__(self, generator: SequenceGenerator, losses: LossConfig, discriminator: PersonCritic | None) -> None:
        super().__init__(generator, losses, discriminator)
        self._weights = LossWeights(
            losses.adversarial,
            losses.matching,
            losses.perceptual,
            losses.face,
            losses.flow,
            losses.warp,
            losses.trust,
            losses.pixel,
        )

    def attempt(self, generator: Callable[..., object], batch: FewShotBatch) -> FewShotAttempt:
        """Let the generator answer."""
        frames = cast(list[DrawnFrame], generator(batch.labels, batch.example_labels, batch.examples, batch.flow))
        return FewShotAttempt(frames[-1].image.float() / 2 + 0.5, batch.plain_alpha, tuple(frames))

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers."""
        assert isinstance(attempt, FewShotAttempt)
        assert isinstance(batch, FewShotBatch)
        found: dict[str, list[Tensor]] = {}
        for number, drawn in enumerate(attempt.frames):
            losses = generator_losses(
                drawn,
                batch.frame(number),
                batch.example(drawn.chosen),
                self._before(attempt, batch, number),
                weights=self._weights,
                perceptual=self._perceptual,
                critic=self.discriminator if adversary else None,
                teacher=batch.flow_into(number, drawn.chosen),
                teacher_previous=batch.flow.into_previous(number),
            )
            for name, loss in losses.items():
                found.setdefault(name, []).append(loss)
        return {name: torch.stack(each).sum() / len(attempt.frames) for name, each in found.items()}

    def discriminator_losses(
        self, discriminator: Callable[..., Any], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return losses whose sum the discriminators lower."""
        assert isinstance(attempt, FewShotAttempt)
        assert isinstance(batch, FewShotBatch)
        terms = [
            critic_loss(
                discriminator,
                drawn.image.float(),
                batch.frame(number),
                batch.example(drawn.chosen),
                self._weights.face,
            )
            for number, drawn in enumerate(attempt.frames)
        ]
        return {"discriminator": torch.stack(terms).mean()}

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return an example, what the mesh warps of it, ours, and the truth."""
        assert isinstance(batch, FewShotBatch)
        return [batch.examples[:, 0] / 2 + 0.5, batch.plain_picture, attempt.picture, batch.truth.picture]

    def _before(self, attempt: FewShotAttempt, batch: FewShotBatch, number: int) -> LabelledPicture | None:
        if number == 0:
            return None
        made = attempt.frames[number - 1].image.detach().float()
        return replace(batch.frame(number - 1), picture=made)


def build_few_shot(config: Config) -> FewShotObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: `model.start` cannot be read or is of another network, or sizes and photos do not fit the network.
    """
    shape = shape_of(config)
    if any(side % _STRIDE for side in config.data.size):
        raise InputError(
            f"data.size={list(config.data.size)} must be multiples of {_STRIDE} for model.kind={config.model.kind}"
        )
    generator = SequenceGenerator(FewShotGenerator(shape))
    initialize_(generator)
    if config.model.start:
        found = load_few_shot(config.model.start).generator
        if found.shape != shape:
            raise InputError(
                f"model.start={config.model.start} is of another network than model.kind={config.model.kind} "
                f"with model.width={config.model.width} and model.photos={config.model.photos}"
            )
        generator.network.load_state_dict(found.state_dict())
        generator.began.fill_(True)
    width = config.model.discriminator_width
    critic = PersonCritic(shape.labels, width) if config.loss.adversarial else None
    if critic is not None:
        initialize_(critic)
    return FewShotObjective(generator, config.loss, critic)


def shape_of(config: Config) -> GeneratorShape:
    """Return the shape of a configuration's generator: several photos are mixed by attention.

    Raises:
        InputError: several photos for imaginaire's network, which has no attention.
    """
    kind = config.model.kind
    enriched = kind == "fsvid2vid-mesh"
    published = SHAPES["pose" if enriched else kind.removeprefix("fsvid2vid-")]
    width = max(1, round(published.width * config.model.width))
    attention = config.model.photos > 1
    if attention and kind == "fsvid2vid-imaginaire-pose":
        raise InputError(f"model.photos={config.model.photos}: imaginaire's network looks at one; use fsvid2vid-pose")
    return replace(published, width=width, flow_width=width, attention=attention, given_flow=enriched)
