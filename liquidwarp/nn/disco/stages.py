"""DisCo's stages of training: what each trains, and the pass that they have in common."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from liquidwarp.checks import check_choice
from liquidwarp.nn.disco.network import BACKGROUND, POSE, DiscoNetwork
from liquidwarp.nn.disco.sampling import add_noise
from liquidwarp.nn.disco.shape import LATENT_SCALE

DROPPED = 0.05
"""Fraction of the batches whose foreground is left out."""

_POSE, _BACKGROUND = f"controlnet.nets.{POSE}.", f"controlnet.nets.{BACKGROUND}."
_PROJECTION = "refer_clip_proj."
_FROZEN = ("vae.", "clip_image_encoder.")


@dataclass(frozen=True)
class TrainingStage:
    """A part of the training.

    Attributes:
        trains: which parameters, by name.
        rate: of learning.
        single: whether the reference is the target itself, not another frame.
    """

    trains: Callable[[str], bool]
    rate: float
    single: bool = False


STAGES: dict[str, TrainingStage] = {
    "pretraining": TrainingStage(
        lambda name: (
            (name.startswith("unet.") and ".transformer_blocks." in name) or name.startswith((_BACKGROUND, _PROJECTION))
        ),
        1e-3,
        single=True,
    ),
    "finetuning": TrainingStage(lambda name: not name.startswith(_FROZEN), 2e-4),
    "pose": TrainingStage(lambda name: name.startswith(_POSE), 2e-4),
    "clips": TrainingStage(lambda name: not name.startswith(_FROZEN), 1e-4),
    "time": TrainingStage(lambda name: ".tem_" in name, 1e-4),
    "person": TrainingStage(
        lambda name: (name.startswith("unet.") and ".attn2." in name) or name.startswith((_BACKGROUND, _PROJECTION)),
        1e-3,
    ),
}
"""Human-attribute pretraining; fine-tuning, of all or of the pose branch alone; the temporal module, with all or alone;
and fine-tuning on one person."""


def choose_trained_(network: DiscoNetwork, stage: str) -> None:
    """Let a stage's parameters be trained, and no others.

    Raises:
        InputError: no such stage.
    """
    check_choice("stage", stage, tuple(STAGES))
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(STAGES[stage].trains(name))


class DenoisingPass(nn.Module):
    """From pictures to the noise that the network finds in them: what is trained.

    Args:
        network: the network.
    """

    def __init__(self, network: DiscoNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        foreground: Float[Tensor, "B 3 P P"],
        background: Float[Tensor, "B 3 S S"],
        pose: Float[Tensor, "B T 3 S S"],
        target: Float[Tensor, "B T 3 S S"],
        noise: Float[Tensor, "3 B T 4 h w"],
        timestep: Int[Tensor, " B"],
    ) -> Float[Tensor, "B T 4 h w"]:
        """Return the noise that the network finds in noisy targets.

        Args:
            foreground: as the encoder looks at it.
            background: in [-1, 1], 0 where the person is.
            pose: drawings in [0, 1].
            target: in [-1, 1].
            noise: what is added to the targets' latents; then what draws their latents from the autoencoder's
                posterior, and the backgrounds' (of each the first frame's).
            timestep: of each clip.
        """
        network, (count, frames) = self.network, target.shape[:2]
        with torch.no_grad():
            clean = _latent(network, target.flatten(0, 1), noise[1].flatten(0, 1))
            behind = _latent(network, background, noise[2, :, 0])
        when = timestep.repeat_interleave(frames)
        noisy = add_noise(clean, noise[0].flatten(0, 1), when)
        tokens = network.tokens(foreground).repeat_interleave(frames, 0)
        drawn = pose.flatten(0, 1) if network.shape.pose else None
        found = network(
            noisy,
            when,
            tokens,
            behind.repeat_interleave(frames, 0),
            drawn,
            frames=frames if network.shape.temporal else 1,
        )
        return found.view(count, frames, *found.shape[1:])


def _latent(network: DiscoNetwork, picture: Tensor, noise: Tensor) -> Tensor:
    posterior = network.vae.encode(picture).latent_dist
    return LATENT_SCALE * (posterior.mean + posterior.std * noise)
