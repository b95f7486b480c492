"""Training of PG2, DSC and SHUP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.errors import InputError
from liquidwarp.nn.baselines.layers import glorot_
from liquidwarp.nn.baselines.pose_transfer import (
    TRANSFER_WIDTHS,
    PoseTransferCritic,
    PoseTransferGenerator,
    TransferShape,
    TransferSynthesis,
)
from liquidwarp.nn.baselines.vgg_losses import NearestFeatures, StandardFeatures
from liquidwarp.nn.baselines.weights import load_pose_transfer
from liquidwarp.nn.losses import charbonnier
from liquidwarp.nn.perceptual import VggPerceptual
from liquidwarp.train.batch import Batch
from liquidwarp.train.config import Config, LossConfig
from liquidwarp.train.objective import Attempt, JudgedObjective
from liquidwarp.train.pose_transfer_samples import PoseTransferBatch

_PG2_STD = 0.02  # of the first weights of its discriminator


@dataclass(frozen=True, eq=False)
class PoseTransferAttempt(Attempt):
    """What a generator made of photos.

    Attributes:
        made: as it came from the network.
    """

    made: TransferSynthesis


class PoseTransferObjective(JudgedObjective):
    """L1, perceptual and adversarial losses as published; the game is cross-entropy, whatever `game` says.

    PG2's first stage learns alone until the discriminator joins, and the second one from there on, as published. Its
    discriminator takes the photo for a made picture too. With VGG-19, DSC's perceptual loss is that of nearest
    neighbours, and SHUP's is in parts of deviations.

    Args:
        generator: the network.
        losses: weights, of which `pixel`, `person`, `perceptual` and `adversarial` are looked at.
        discriminator: of the same method.
    """

    def __init__(
        self, generator: PoseTransferGenerator, losses: LossConfig, discriminator: PoseTransferCritic | None
    ) -> None:
        super().__init__(generator, losses, discriminator)
        self._kind = generator.shape.kind
        if isinstance(self._perceptual, VggPerceptual):
            self._perceptual = _published_loss(generator.shape, self._perceptual)

    def attempt(self, generator: Callable[..., object], batch: PoseTransferBatch) -> PoseTransferAttempt:
        """Let the generator answer."""
        device = batch.source.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            if self._kind == "dsc":  # the only one with dropout
                torch.manual_seed(int(batch.chance[0]))
            made = cast(TransferSynthesis, generator(batch.source, batch.source_joints, batch.target_joints))
        alpha = batch.plain_alpha if made.mask is None else made.mask[:, 0].float()
        return PoseTransferAttempt(made.picture.float() / 2 + 0.5, alpha, made)

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers."""
        assert isinstance(attempt, PoseTransferAttempt)
        assert isinstance(batch, PoseTransferBatch)
        weights, picture = self._losses, attempt.picture
        if attempt.made.coarse is not None and not adversary:
            picture = attempt.made.coarse.float() / 2 + 0.5
        around = 1 + weights.person * batch.region
        losses = {"pixel": 2 * weights.pixel * charbonnier(picture, batch.truth.picture, around, eps=0.0).mean()}
        if weights.perceptual:
            losses["perceptual"] = weights.perceptual * self._perceptual(picture, batch.truth.picture).mean()
        if adversary:
            assert self.discriminator is not None
            said = self._said(self.discriminator, 2 * picture - 1, batch)
            losses["adversarial"] = weights.adversarial * self._critic.cross_entropy(said, real=True)
        return losses

    def discriminator_losses(
        self, discriminator: Callable[..., Any], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return losses whose sum the discriminator lowers."""
        assert isinstance(batch, PoseTransferBatch)
        false = [2 * attempt.picture.detach() - 1]
        if self._kind == "pg2":
            false.append(batch.source)
        made = [self._critic.cross_entropy(self._said(discriminator, each, batch), real=False) for each in false]
        true = self._critic.cross_entropy(self._said(discriminator, 2 * batch.truth.picture - 1, batch), real=True)
        return {"discriminator": (torch.stack(made).mean() + true) / 2}

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return the photo, where the pose's limbs are, ours, and the truth."""
        return [batch.plain_picture, batch.body_map, attempt.picture, batch.truth.picture]

    @property
    def _critic(self) -> PoseTransferCritic:
        assert isinstance(self.discriminator, PoseTransferCritic)
        return self.discriminator

    def _said(self, discriminator: Callable[..., Any], picture: Tensor, batch: PoseTransferBatch) -> Tensor:
        return discriminator(picture, batch.source, batch.source_joints, batch.target_joints)


def _published_loss(shape: TransferShape, vgg: VggPerceptual) -> nn.Module:
    """Return the perceptual loss that a method was published with; PG2 was without any."""
    if shape.kind == "dsc":
        return NearestFeatures(vgg, side=5 if shape.large else 3)
    return StandardFeatures(vgg) if shape.kind == "shup" else vgg


def build_pose_transfer(config: Config) -> PoseTransferObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: `model.start` cannot be read or is of another network, or sizes or losses do not fit the method.
    """
    kind = config.model.kind
    if kind == "pg2" and not (config.loss.adversarial and config.loss.adversarial_from):
        raise InputError(
            "model.kind=pg2 learns its first stage before the discriminator joins, and its second one from there on; "
            "set loss.adversarial and loss.adversarial_from to more than 0"
        )
    shape = TransferShape(kind, config.data.size, max(2, round(TRANSFER_WIDTHS[kind] * config.model.width)))
    generator = PoseTransferGenerator(shape)
    if config.model.start:
        found = load_pose_transfer(config.model.start, kind)
        if found.shape != shape:
            raise InputError(
                f"model.start={config.model.start} is of {list(found.shape.size)} and width {found.shape.width}, "
                f"wanted {list(shape.size)} and {shape.width}; change data.size and model.width"
            )
        generator.load_state_dict(found.state_dict())
    else:
        glorot_(generator, generator=torch.default_generator)
    if not config.loss.adversarial:
        return PoseTransferObjective(generator, config.loss, None)
    critic = PoseTransferCritic(shape, config.model.discriminator_width)
    glorot_(critic, generator=torch.default_generator)
    if kind == "pg2":
        for layer in critic.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=_PG2_STD)
    return PoseTransferObjective(generator, config.loss, critic)
