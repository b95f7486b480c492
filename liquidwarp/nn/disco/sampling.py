"""From noise to pictures: the schedule, guidance, and DDIM steps."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.nn.disco.network import DiscoNetwork
from liquidwarp.parallel import checkpoint

TIMESTEPS = 1000
SEED = 42
"""Of the noise that each picture begins with, as published."""

_BETAS = (0.00085, 0.012)


@dataclass(frozen=True, eq=False)
class Conditions:
    """What a picture is made of.

    Attributes:
        tokens: of the foreground.
        no_tokens: what stands for none: those of an empty picture, or zeros, by how the network was trained.
        background: its latent.
        pose: the drawing of the skeleton, RGB in [0, 1]; None for a network without a pose branch.
    """

    tokens: Float[Tensor, "B N D"]
    no_tokens: Float[Tensor, "B N D"]
    background: Float[Tensor, "B 4 h w"]
    pose: Float[Tensor, "B 3 H W"] | None


def signal_fractions() -> Float[Tensor, " 1000"]:
    """Return how much of a latent's variance is signal at each timestep."""
    betas = torch.linspace(_BETAS[0] ** 0.5, _BETAS[1] ** 0.5, TIMESTEPS, dtype=torch.float32) ** 2
    return (1 - betas).cumprod(0)


def ddim_timesteps(steps: int) -> list[int]:
    """Return the timesteps of a sampling, the noisiest first: 981, 961, .., 1 for 50."""
    stride = TIMESTEPS // steps
    return [stride * number + 1 for number in reversed(range(steps))]


def ddim_step(
    latent: Float[Tensor, "B 4 h w"], noise: Float[Tensor, "B 4 h w"], timestep: int, steps: int
) -> Float[Tensor, "B 4 h w"]:
    """Return a latent with a step's worth of noise less (Song et al., "Denoising Diffusion Implicit Models", eta 0).

    Args:
        latent: at `timestep`.
        noise: what the network finds in it.
        timestep: one of `ddim_timesteps`.
        steps: of the whole sampling.
    """
    known = signal_fractions()
    before = timestep - TIMESTEPS // steps
    here, next_one = float(known[timestep]), float(known[max(before, 0)])
    clean = (latent - (1 - here) ** 0.5 * noise) / here**0.5
    return next_one**0.5 * clean + (1 - next_one) ** 0.5 * noise


def add_noise(
    latent: Float[Tensor, "B 4 h w"], noise: Float[Tensor, "B 4 h w"], timestep: Int[Tensor, " B"]
) -> Float[Tensor, "B 4 h w"]:
    """Return a latent at timesteps of the forward process."""
    signal = signal_fractions().to(latent)[timestep][:, None, None, None]
    return signal.sqrt() * latent + (1 - signal).sqrt() * noise


def guided_noise(
    network: DiscoNetwork,
    latent: Float[Tensor, "B 4 h w"],
    timestep: Int[Tensor, "*B"],
    conditions: Conditions,
    *,
    scale: float,
    frames: int = 1,
) -> Float[Tensor, "B 4 h w"]:
    """Return the noise in a latent, pushed away from what it were without a foreground; background and pose stay.

    Args:
        network: the network.
        latent: noisy.
        timestep: how noisy.
        conditions: what the picture is made of.
        scale: of the guidance; with 1 there is none.
        frames: of each clip in the batch.
    """

    def noise(tokens: Tensor) -> Tensor:
        found: Tensor = network(latent, timestep, tokens, conditions.background, conditions.pose, frames=frames)
        return found

    with_foreground = noise(conditions.tokens)
    if scale <= 1:
        return with_foreground
    without = noise(conditions.no_tokens)
    return without + scale * (with_foreground - without)


def sample_pictures(
    network: DiscoNetwork, conditions: Conditions, *, steps: int, scale: float, frames: int = 1
) -> Float[Tensor, "B 3 H W"]:
    """Return pictures in [0, 1]; the same conditions give the same ones.

    Args:
        network: in evaluation mode.
        conditions: what the pictures are made of.
        steps: of the sampling, 50 as published.
        scale: of the guidance.
        frames: of each clip in the batch; all begin with noise of their own, single pictures with the same.
    """
    background = conditions.background
    start = torch.Generator().manual_seed(SEED)
    shape = (frames, *background.shape[1:])
    latent = torch.randn(shape, generator=start).to(background).repeat(len(background) // frames, 1, 1, 1)
    with torch.no_grad():
        for timestep in ddim_timesteps(steps):
            checkpoint()
            when = torch.full((len(latent),), timestep, device=latent.device)
            noise = guided_noise(network, latent, when, conditions, scale=scale, frames=frames)
            latent = ddim_step(latent, noise, timestep, steps)
        return (network.picture(latent) / 2 + 0.5).clamp(0, 1)


def no_foreground(network: DiscoNetwork, like: Float[Tensor, "B N D"], *, empty: bool) -> Float[Tensor, "B N D"]:
    """Return the tokens that stand for no foreground.

    Args:
        network: the network.
        like: tokens of a foreground.
        empty: those of an empty picture, for networks that were trained with the foreground left out now and then;
            else zeros.
    """
    if not empty:
        return torch.zeros_like(like)
    side = network.shape.vision.side
    with torch.no_grad():
        return network.tokens(like.new_zeros(1, 3, side, side)).expand_as(like)
