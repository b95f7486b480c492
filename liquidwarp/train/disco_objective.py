"""Training of DisCo, in its stages."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.nn.disco.network import POSE, DiscoNetwork, initialize_branches_
from liquidwarp.nn.disco.sampling import add_noise, signal_fractions
from liquidwarp.nn.disco.shape import LATENT_SCALE, DiscoShape, configuration_of
from liquidwarp.nn.disco.stages import DenoisingPass, choose_trained_
from liquidwarp.nn.disco.weights import load_disco
from liquidwarp.nn.perceptual import TexturePerceptual
from liquidwarp.train.batch import Batch
from liquidwarp.train.config import Config
from liquidwarp.train.disco_samples import DiscoBatch
from liquidwarp.train.objective import Attempt, picture_figures

OF_KINDS = {
    "disco-pretrained": ("pretraining",),
    "disco": ("finetuning", "pose", "person"),
    "disco-temporal": ("clips", "time"),
}
"""The stages that train each kind of model; the first one by default."""

FRAMES = 16
"""Of a clip in the temporal stage."""


@dataclass(frozen=True, eq=False)
class DiscoAttempt(Attempt):
    """What the network found in noisy clips.

    While it learns nobody looks at pictures, so `picture` is then the batch's plain one.

    Attributes:
        noise: found.
    """

    noise: Float[Tensor, "B T 4 h w"]


class DiscoObjective:
    """The squared error of the noise; nothing else, as published.

    Args:
        generator: from pictures to noise.
        stage: one of `nn.disco.stages.STAGES`; what it does not train stays as it is.
    """

    def __init__(self, generator: DenoisingPass, stage: str) -> None:
        choose_trained_(generator.network, stage)
        self.generator: nn.Module = generator
        self.discriminator: nn.Module | None = None
        self.stage = stage
        self._texture = TexturePerceptual()

    def to(self, device: torch.device) -> None:
        """Move everything."""
        self.generator.to(device)
        self._texture.to(device)

    def attempt(self, generator: Callable[..., object], batch: DiscoBatch) -> DiscoAttempt:
        """Let the network look for the noise."""
        noise = batch.noise.transpose(0, 1)
        found = cast(
            Tensor,
            generator(batch.foreground, batch.background, batch.pose, batch.target, noise, batch.timestep),
        )
        picture = batch.plain_picture
        if not torch.is_grad_enabled():
            picture = _cleaned(cast(DenoisingPass, generator).network, batch, found.float())
        return DiscoAttempt(picture, batch.truth.alpha, found)

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return the mean squared error of the noise."""
        assert isinstance(attempt, DiscoAttempt)
        assert isinstance(batch, DiscoBatch)
        return {"noise": (attempt.noise.float() - batch.noise[:, 0]).square().mean()}

    def discriminator_losses(
        self, discriminator: Callable[..., object], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return nothing: there is no discriminator."""
        return {}

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return the background, the drawing, what the noisy target looks like without the noise found, the truth."""
        return [batch.plain_picture, batch.body_map, attempt.picture, batch.truth.picture]

    def figures(self, attempt: Attempt, batch: Batch) -> dict[str, Float[Tensor, " B"]]:
        """Return the error of the noise; PSNR on the person and texture distance, of ours and of the background."""
        assert isinstance(attempt, DiscoAttempt)
        assert isinstance(batch, DiscoBatch)
        error = (attempt.noise.float() - batch.noise[:, 0]).square().flatten(1).mean(1)
        return {"noise": error, **picture_figures(attempt, batch, self._texture)}


def build_disco(config: Config) -> DiscoObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: no `model.start`, one that does not lead to `model.kind`, or an unknown stage.
    """
    kind, stages = config.model.kind, OF_KINDS[config.model.kind]
    stage = config.model.stage or stages[0]
    check_choice(f"model.stage (model.kind={kind})", stage, stages)
    return DiscoObjective(DenoisingPass(started(config)), stage)


def started(config: Config) -> DiscoNetwork:
    """Return the network that a training begins with: a new branch as a copy of the denoiser, a new temporal module
    without effect.

    Raises:
        InputError: no `model.start`, or one that does not lead to `model.kind`.
    """
    if not config.model.start:
        raise InputError(
            f"model.kind={config.model.kind} goes on from weights; give model.start, a file from "
            "'liquidwarp weights import' or from the stage before"
        )
    found = load_disco(config.model.start).network
    kind, shape = config.model.kind, _shape_for(config.model.kind, found.shape)
    if configuration_of(shape) != kind or (found.shape.temporal and not shape.temporal):
        raise InputError(
            f"{config.model.start}: weights of {configuration_of(found.shape)!r} do not lead to model.kind={kind}; "
            "pretrained ones lead to disco, these to disco-temporal"
        )
    network = DiscoNetwork(shape)
    own = network.state_dict()
    network.load_state_dict(own | {key: value for key, value in found.state_dict().items() if key in own})
    if shape.pose and not found.shape.pose:
        initialize_branches_(network, (POSE,))
    return network


def _shape_for(kind: str, shape: DiscoShape) -> DiscoShape:
    return replace(shape, pose=shape.pose or kind == "disco", temporal=kind == "disco-temporal")


def _cleaned(network: DiscoNetwork, batch: DiscoBatch, found: Tensor) -> Float[Tensor, "B 3 S S"]:
    """Return the last frames without the noise that was found in them, in [0, 1] or a little beyond."""
    posterior = network.vae.encode(batch.target[:, -1]).latent_dist
    clean = LATENT_SCALE * (posterior.mean + posterior.std * batch.noise[:, 1, -1])
    noisy = add_noise(clean, batch.noise[:, 0, -1], batch.timestep)
    signal = signal_fractions().to(found)[batch.timestep][:, None, None, None]
    return network.picture((noisy - (1 - signal).sqrt() * found[:, -1]) / signal.sqrt()) / 2 + 0.5
