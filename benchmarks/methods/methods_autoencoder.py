"""What DisCo begins with: an autoencoder of pictures, trained here, since no published one may be fetched."""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.data import load_clips
from liquidwarp.nn.disco.network import DiscoNetwork, initialize_branches_
from liquidwarp.nn.disco.shape import LATENT_CHANNELS, LATENT_SCALE, AutoencoderShape, DiscoShape, VisionShape
from liquidwarp.nn.disco.stages import DenoisingPass
from liquidwarp.nn.disco.weights import load_disco, save_disco
from liquidwarp.nn.perceptual import TexturePerceptual
from liquidwarp.train.batch import Batch
from liquidwarp.train.clip_samples import look_at_drawn
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.disco_samples import DiscoBatch, DiscoSamples
from liquidwarp.train.objective import Attempt, picture_figures
from liquidwarp.train.run import train
from liquidwarp.train.sources import Sources

_CERTAIN = -30.0  # logarithm of a variance that is as good as none
_MEASURED = 16  # pictures by which latents are scaled

LITE = DiscoShape(
    widths=(32, 64, 96),
    attends=(False, True, True),
    layers=1,
    heads=4,
    token_width=64,
    groups=8,
    pose_widths=(8, 16, 32),
    vision=VisionShape(width=64, hidden=128, layers=2, heads=4, side=64, patch=8),
    autoencoder=AutoencoderShape(widths=(16, 32, 48), layers=1, groups=8),
)
"""Small enough for minutes on one core."""


class Reconstruction(DenoisingPass):
    """From pictures to the same pictures, through the autoencoder."""

    def forward(self, target: Float[Tensor, "B T 3 S S"]) -> Float[Tensor, "B 3 S S"]:  # type: ignore[override]
        """Return the last pictures of clips again."""
        vae = self.network.vae
        return vae.decode(vae.encode(target[:, -1]).latent_dist.mean).sample


class ReconstructionObjective:
    """L1 and texture; nothing but the autoencoder learns."""

    def __init__(self, generator: Reconstruction) -> None:
        for name, parameter in generator.network.named_parameters():
            parameter.requires_grad_(name.startswith("vae."))
        self.generator: nn.Module = generator
        self.discriminator: nn.Module | None = None
        self._texture = TexturePerceptual()

    def to(self, device: torch.device) -> None:
        """Move everything."""
        self.generator.to(device)
        self._texture.to(device)

    def attempt(self, generator: Callable[..., object], batch: DiscoBatch) -> Attempt:
        """Let the autoencoder answer."""
        return Attempt(cast(Tensor, generator(batch.target)).float() / 2 + 0.5, batch.truth.alpha)

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return how pictures differ."""
        apart = (attempt.picture - batch.truth.picture).abs().mean()
        return {"pixel": 10 * apart, "perceptual": self._texture(attempt.picture, batch.truth.picture).mean()}

    def discriminator_losses(
        self, discriminator: Callable[..., object], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return nothing: there is no discriminator."""
        return {}

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return ours and the truth."""
        return [attempt.picture, batch.truth.picture]

    def figures(self, attempt: Attempt, batch: Batch) -> dict[str, Float[Tensor, " B"]]:
        """Return PSNR on the person and texture distance."""
        return picture_figures(attempt, batch, self._texture)


def start_weights(clips: Path, options: argparse.Namespace) -> Path:
    """Return a file to begin DisCo's training with: its autoencoder knows pictures, all else knows nothing.

    It sees as many samples as the training proper does.
    """
    path = options.output / "runs" / "DisCo_start.safetensors"
    if path.exists():
        return path
    config = _configuration(clips, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = DiscoNetwork(replace(LITE, side=options.size))
        initialize_branches_(network)
    opened = load_clips(clips)
    used = [number for number in range(len(opened)) if (number + 1) % config.data.held_out]
    samples = DiscoSamples(
        len(used),
        lambda number: look_at_drawn(opened[used[number]], options.frames),
        shape=network.shape,
        single=True,
        batch=options.batch,
        seed=options.seed,
    )
    outcome = train(
        config,
        options.output / "runs" / "DisCo_autoencoder",
        objective=ReconstructionObjective(Reconstruction(network)),
        sources=Sources(samples, None, len(used), {}),
    )
    if outcome.reason == "interrupted":
        raise KeyboardInterrupt
    network = load_disco(outcome.weights).network
    shown = torch.cat([samples.sample(number).target[:, -1] for number in range(_MEASURED)])
    scale_latents_(network, shown)
    save_disco(network, path, {"data": "autoencoder trained on synthetic people, all else untrained"})
    return path


def scale_latents_(network: DiscoNetwork, pictures: Float[Tensor, "B 3 S S"]) -> None:
    """Let latents have a mean of 0, the spread of noise and no variance, as a denoiser wants them.

    Args:
        network: is changed; its autoencoder gives the same pictures as before.
        pictures: by which it is measured, in [-1, 1].
    """
    vae = network.vae
    with torch.no_grad():
        found = vae.encode(pictures).latent_dist.mean
        middle, spread = found.mean((0, 2, 3)), LATENT_SCALE * found.std((0, 2, 3))
        vae.post_quant_conv.bias += vae.post_quant_conv.weight[:, :, 0, 0] @ middle
        vae.post_quant_conv.weight *= spread[None, :, None, None]
        own = slice(LATENT_CHANNELS)
        vae.quant_conv.weight[own] /= spread[:, None, None, None]
        vae.quant_conv.bias[own] = (vae.quant_conv.bias[own] - middle) / spread
        vae.quant_conv.weight[LATENT_CHANNELS:] = 0
        vae.quant_conv.bias[LATENT_CHANNELS:] = _CERTAIN


def _configuration(clips: Path, options: argparse.Namespace) -> Config:
    steps = options.samples // options.batch
    settings: dict[str, object] = {
        "data.kind": "clips",
        "data.path": str(clips),
        "data.size": [options.size, options.size],
        "data.held_out": max(2, options.clips // 4),
        "data.workers": 0,
        "model.kind": "disco",
        "train.steps": steps,
        "train.batch": options.batch,
        "train.lr": options.lr,
        "train.warmup": min(20, steps // 4),
        "train.ema": 0.97,
        "train.precision": "float32",
        "train.device": "cpu",
        "train.seed": options.seed,
        "log.pictures": steps,
        "log.checkpoint": max(1, steps // 8),
    }
    return load_config(None, [f"{key}={json.dumps(value)}" for key, value in settings.items()])
