"""DreamPose: a latent diffusion model that is told a picture as tokens and poses as maps beside the noise.

Karras et al., "DreamPose: Fashion Image-to-Video Synthesis via Stable Diffusion" (ICCV 2023). The denoiser's first
convolution is widened by the (u, v) maps of five frames around the one that is made; an adapter mixes CLIP's tokens of
the photo with tokens of its latent.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from liquidwarp.nn.disco.extra import check_packages
from liquidwarp.nn.disco.parts import block_types, make_autoencoder, vision_config
from liquidwarp.nn.disco.sampling import add_noise, signal_fractions
from liquidwarp.nn.disco.shape import LATENT_CHANNELS, LATENT_SCALE, AutoencoderShape, VisionShape
from liquidwarp.parallel import checkpoint

FRAMES = 5
"""Of which the maps are looked at: the one that is made in their middle."""

SEED = 42
"""Of the noise that each picture begins with."""

_MAPS = 2 * FRAMES
_POOLED = 2  # by how much the photo's latent is shrunk for its tokens


@dataclass(frozen=True)
class DreamPoseShape:
    """Of all of it; the defaults are the published ones.

    Attributes:
        widths: of the denoiser, from the latent inwards.
        attends: whether there is attention at each of the widths.
        layers: at each of them.
        heads: of each attention.
        groups: of the norms.
        size: (height, width) of the pictures.
        vision: of the encoder of the photo, CLIP ViT-B/32.
        autoencoder: of pictures.
    """

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    attends: tuple[bool, ...] = (True, True, True, False)
    layers: int = 2
    heads: int = 8
    groups: int = 32
    size: tuple[int, int] = (640, 512)
    vision: VisionShape = field(default_factory=lambda: VisionShape(768, 3072, 12, 12, 224, 32))
    autoencoder: AutoencoderShape = field(default_factory=AutoencoderShape)

    @property
    def latent_size(self) -> tuple[int, int]:
        """(height, width) of the latent."""
        factor = 2 ** (len(self.autoencoder.widths) - 1)
        return self.size[0] // factor, self.size[1] // factor


class Adapter(nn.Module):
    """Mixes tokens of a picture with those of its latent; it begins as CLIP's tokens alone.

    Args:
        tokens: how many CLIP has.
        width: of each.
        places: of the pooled latent.
    """

    def __init__(self, tokens: int, width: int, places: int) -> None:
        super().__init__()
        self.latent = nn.Linear(places, width)
        self.mix = nn.Linear(tokens + LATENT_CHANNELS, tokens)
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(tokens, tokens + LATENT_CHANNELS))
            self.mix.bias.zero_()

    def forward(self, tokens: Float[Tensor, "B N D"], latent: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B N D"]:
        """Return as many tokens as CLIP has."""
        own = self.latent(avg_pool2d(latent, _POOLED).flatten(2))
        return self.mix(torch.cat([tokens, own], 1).transpose(1, 2)).transpose(1, 2)


class DreamPoseNetwork(nn.Module):
    """All of DreamPose.

    Args:
        shape: how large it is.

    Raises:
        InputError: diffusers or transformers are not installed.
    """

    def __init__(self, shape: DreamPoseShape) -> None:
        super().__init__()
        check_packages("dreampose")
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
        from transformers import CLIPVisionModel

        self.shape = shape
        down, up = block_types(shape.attends)
        self.unet = UNet2DConditionModel(
            sample_size=shape.latent_size[0],
            in_channels=LATENT_CHANNELS + _MAPS,
            down_block_types=down,
            up_block_types=up,
            block_out_channels=shape.widths,
            layers_per_block=shape.layers,
            cross_attention_dim=shape.vision.width,
            attention_head_dim=shape.heads,  # diffusers reads it as the number of heads
            norm_num_groups=shape.groups,
        )
        vision, (height, width) = shape.vision, shape.latent_size
        count = (vision.side // vision.patch) ** 2 + 1
        self.adapter = Adapter(count, vision.width, (height // _POOLED) * (width // _POOLED))
        self.clip = CLIPVisionModel(vision_config(vision))
        self.vae = make_autoencoder(shape.autoencoder, shape.size[0])

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.adapter.mix.weight.device

    def tokens(self, seen: Float[Tensor, "B 3 S S"], latent: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B N D"]:
        """Return the tokens of a photo.

        Args:
            seen: as CLIP takes it.
            latent: of the same photo.
        """
        return self.adapter(self.clip(pixel_values=seen).last_hidden_state, latent)

    def latent(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 4 h w"]:
        """Return the latent of a picture in [-1, 1], the mode of the autoencoder's posterior."""
        return LATENT_SCALE * self.vae.encode(picture).latent_dist.mode()

    def picture(self, latent: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B 3 H W"]:
        """Return the picture of a latent, in [-1, 1] or a little beyond."""
        return self.vae.decode(latent / LATENT_SCALE).sample

    def forward(
        self,
        latent: Float[Tensor, "B 4 h w"],
        timestep: Int[Tensor, "*B"],
        tokens: Float[Tensor, "B N D"],
        maps: Float[Tensor, "B 10 h w"],
    ) -> Float[Tensor, "B 4 h w"]:
        """Return the noise in a latent.

        Args:
            latent: noisy.
            timestep: how noisy, 0 to 999.
            tokens: of the photo.
            maps: u and v of each frame of the window, at the latent's size.
        """
        return self.unet(torch.cat([latent, maps], 1), timestep, encoder_hidden_states=tokens).sample


def widened(kernel: Float[Tensor, "C 4 3 3"]) -> Float[Tensor, "C 14 3 3"]:
    """Return a denoiser's first kernel with channels for the maps, which begin without effect."""
    maps = kernel.new_zeros(kernel.shape[0], _MAPS, *kernel.shape[2:])
    return torch.cat([kernel, maps], 1)


def dual_guided_noise(
    network: DreamPoseNetwork,
    latent: Float[Tensor, "B 4 h w"],
    timestep: Int[Tensor, "*B"],
    tokens: Float[Tensor, "B N D"],
    maps: Float[Tensor, "B 10 h w"],
    *,
    photo: float,
    pose: float,
) -> Float[Tensor, "B 4 h w"]:
    """Return the noise in a latent, pushed towards the photo and from there towards the pose.

    e = e(0, 0) + s_photo (e(photo, 0) - e(0, 0)) + s_pose (e(photo, pose) - e(photo, 0)).

    Args:
        network: the network.
        latent: noisy.
        timestep: how noisy.
        tokens: of the photo.
        maps: of the poses.
        photo: how much the photo counts; 8 in the published demonstration.
        pose: how much the pose counts; 3 there.
    """
    nothing = network(latent, timestep, torch.zeros_like(tokens), torch.zeros_like(maps))
    shown = network(latent, timestep, tokens, torch.zeros_like(maps))
    posed = network(latent, timestep, tokens, maps)
    return nothing + photo * (shown - nothing) + pose * (posed - shown)


def sample_picture(
    network: DreamPoseNetwork,
    tokens: Float[Tensor, "1 N D"],
    maps: Float[Tensor, "1 10 h w"],
    *,
    steps: int,
    photo: float,
    pose: float,
) -> Float[Tensor, "1 3 H W"]:
    """Return a picture in [0, 1], by PNDM; the same inputs give the same one.

    Args:
        network: in evaluation mode.
        tokens: of the photo.
        maps: of the poses.
        steps: of the sampling, 100 as published.
        photo: see `dual_guided_noise`.
        pose: see `dual_guided_noise`.
    """
    from diffusers.schedulers.scheduling_pndm import PNDMScheduler

    known = signal_fractions()
    betas = 1 - torch.cat([known[:1], known[1:] / known[:-1]])
    scheduler = PNDMScheduler(trained_betas=betas.numpy(), skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1)
    scheduler.set_timesteps(steps)
    start = torch.Generator().manual_seed(SEED)
    latent = torch.randn((1, LATENT_CHANNELS, *network.shape.latent_size), generator=start).to(tokens)
    with torch.no_grad():
        for timestep in scheduler.timesteps.tolist():
            checkpoint()
            when = torch.full((1,), timestep, device=latent.device)
            noise = dual_guided_noise(network, latent, when, tokens, maps, photo=photo, pose=pose)
            latent = scheduler.step(noise, timestep, latent).prev_sample
        return (network.picture(latent) / 2 + 0.5).clamp(0, 1)


def noise_error(
    network: DreamPoseNetwork,
    seen: Float[Tensor, "B 3 S S"],
    target: Float[Tensor, "B 3 H W"],
    maps: Float[Tensor, "B 10 h w"],
    noise: Float[Tensor, "B 4 h w"],
    timestep: Int[Tensor, " B"],
) -> Float[Tensor, ""]:
    """Return the mean squared error of the noise that is found in a noisy target: what denoiser and adapter learn by.

    Args:
        network: the network.
        seen: the photo, as CLIP takes it; here the target itself.
        target: in [-1, 1].
        maps: of the target's pose and of those around it.
        noise: that is added.
        timestep: how much of it.
    """
    with torch.no_grad():
        clean = network.latent(target)
    found = network(add_noise(clean, noise, timestep), timestep, network.tokens(seen, clean), maps)
    return (found - noise).square().mean()
