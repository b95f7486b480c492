"""DisCo: a latent diffusion model that is told foreground, background and pose apart.

Wang et al., "DisCo: Disentangled Control for Realistic Human Dance Generation" (CVPR 2024). The foreground reaches the
denoiser as tokens, which all cross-attentions look at; the background's latent and the drawing of the pose each go
through a control branch, and what the branches answer is summed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liquidwarp.nn.disco.clips import clips_of, inflate_
from liquidwarp.nn.disco.extra import check_packages
from liquidwarp.nn.disco.parts import block_types, make_autoencoder, vision_config
from liquidwarp.nn.disco.shape import LATENT_CHANNELS, LATENT_SCALE, DiscoShape

POSE, BACKGROUND = "0", "1"
"""Under which the control branches were published."""

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, eq=False)
class Control:
    """What the control branches answer, summed.

    Attributes:
        down: to be added to the denoiser's skips.
        middle: to its middle block.
    """

    down: tuple[Tensor, ...]
    middle: Tensor

    def __add__(self, other: "Control") -> "Control":
        return Control(tuple(a + b for a, b in zip(self.down, other.down, strict=True)), self.middle + other.middle)


class LatentEmbedding(nn.Module):
    """What the background branch begins with: one convolution over the background's latent.

    Args:
        width: of the branch's first features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(LATENT_CHANNELS, width, 3, padding=1)

    def forward(self, conditioning: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B C h w"]:
        """Return the branch's first features."""
        return self.conv_in(conditioning)


class ControlBranches(nn.Module):
    """The pose branch and the background branch.

    Args:
        nets: by `POSE` and `BACKGROUND`, of which the former may be missing.
    """

    def __init__(self, nets: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleDict(dict(nets))

    def forward(
        self,
        latent: Float[Tensor, "B 4 h w"],
        timestep: Int[Tensor, "*B"],
        tokens: Float[Tensor, "B N D"],
        conditions: Mapping[str, Tensor],
    ) -> Control:
        """Return the sum of what the branches answer to their conditions."""
        answers = []
        for name, condition in conditions.items():
            down, middle = self.nets[name](
                latent, timestep, encoder_hidden_states=tokens, controlnet_cond=condition, return_dict=False
            )
            answers.append(Control(tuple(down), middle))
        total = answers[0]
        for answer in answers[1:]:
            total = total + answer
        return total


class DiscoNetwork(nn.Module):
    """All of DisCo, under the names that it was published with.

    With the temporal module, frames of clips lie one after the other in the batch; `frames` says how many each has.

    Args:
        shape: how large it is.

    Raises:
        InputError: diffusers or transformers are not installed.
    """

    def __init__(self, shape: DiscoShape) -> None:
        super().__init__()
        check_packages()
        from diffusers.models.controlnets.controlnet import ControlNetModel
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
        from transformers import CLIPVisionModelWithProjection

        self.shape = shape
        down, up = block_types(shape.attends)
        self.unet = UNet2DConditionModel(
            sample_size=shape.latent_side,
            down_block_types=down,
            up_block_types=up,
            block_out_channels=shape.widths,
            layers_per_block=shape.layers,
            cross_attention_dim=shape.token_width,
            attention_head_dim=shape.heads,  # diffusers reads it as the number of heads
            norm_num_groups=shape.groups,
        )
        nets = {
            name: ControlNetModel(
                down_block_types=down,
                block_out_channels=shape.widths,
                layers_per_block=shape.layers,
                cross_attention_dim=shape.token_width,
                attention_head_dim=shape.heads,
                norm_num_groups=shape.groups,
                conditioning_embedding_out_channels=shape.pose_widths,
            )
            for name in ((POSE, BACKGROUND) if shape.pose else (BACKGROUND,))
        }
        nets[BACKGROUND].controlnet_cond_embedding = LatentEmbedding(shape.widths[0])
        self.controlnet = ControlBranches(nets)
        self.refer_clip_proj = nn.Linear(shape.vision.width, shape.token_width, bias=False)
        self.clip_image_encoder = CLIPVisionModelWithProjection(
            vision_config(shape.vision, projection=shape.token_width)
        )
        self.vae = make_autoencoder(shape.autoencoder, shape.side)
        if shape.temporal:
            inflate_(self.unet)
            for net in nets.values():
                inflate_(net)

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.refer_clip_proj.weight.device

    def tokens(self, foreground: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B N D"]:
        """Return the tokens of a foreground, the class's first.

        Args:
            foreground: as `clip_picture` makes it; zeros stand for none.
        """
        vision = self.clip_image_encoder.vision_model
        hidden = vision(pixel_values=foreground).last_hidden_state
        return self.refer_clip_proj(vision.post_layernorm(hidden))

    def latent(
        self, picture: Float[Tensor, "B 3 H W"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "B 4 h w"]:
        """Return the latent of a picture in [-1, 1].

        Args:
            picture: such as a background, with 0 where the person was.
            generator: draws from the autoencoder's posterior; without it the latent is the posterior's mode.
        """
        posterior = self.vae.encode(picture).latent_dist
        if generator is None:
            return LATENT_SCALE * posterior.mode()
        noise = torch.randn(posterior.mean.shape, generator=generator).to(posterior.mean)
        return LATENT_SCALE * (posterior.mean + posterior.std * noise)

    def picture(self, latent: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B 3 H W"]:
        """Return the picture of a latent, in [-1, 1] or a little beyond."""
        return self.vae.decode(latent / LATENT_SCALE).sample

    def control(
        self,
        latent: Float[Tensor, "B 4 h w"],
        timestep: Int[Tensor, "*B"],
        tokens: Float[Tensor, "B N D"],
        background: Float[Tensor, "B 4 h w"],
        pose: Float[Tensor, "B 3 H W"] | None,
        *,
        frames: int = 1,
    ) -> Control:
        """Return what the control branches add; see `forward`."""
        conditions = {BACKGROUND: background} | ({} if pose is None else {POSE: pose})
        with clips_of(frames):
            return self.controlnet(latent, timestep, tokens, conditions)

    def forward(
        self,
        latent: Float[Tensor, "B 4 h w"],
        timestep: Int[Tensor, "*B"],
        tokens: Float[Tensor, "B N D"],
        background: Float[Tensor, "B 4 h w"],
        pose: Float[Tensor, "B 3 H W"] | None,
        *,
        frames: int = 1,
    ) -> Float[Tensor, "B 4 h w"]:
        """Return the noise in a latent.

        Args:
            latent: noisy.
            timestep: how noisy, 0 to 999.
            tokens: of the foreground.
            background: its latent.
            pose: the drawing of the skeleton, RGB in [0, 1]; None for a network without a pose branch.
            frames: of each clip in the batch.
        """
        added = self.control(latent, timestep, tokens, background, pose, frames=frames)
        with clips_of(frames):
            return self.unet(
                latent,
                timestep,
                encoder_hidden_states=tokens,
                down_block_additional_residuals=added.down,
                mid_block_additional_residual=added.middle,
            ).sample


def initialize_branches_(network: DiscoNetwork, names: Sequence[str] = (POSE, BACKGROUND)) -> None:
    """Let control branches begin as copies of the denoiser, of no effect.

    Args:
        network: is changed.
        names: of the branches that begin.
    """
    for name in names:
        net: Any = network.controlnet.nets[name]
        for part in ("conv_in", "time_embedding", "down_blocks", "mid_block"):
            getattr(net, part).load_state_dict(getattr(network.unet, part).state_dict())
        silent = [*net.controlnet_down_blocks, net.controlnet_mid_block]
        if name == BACKGROUND:
            net.controlnet_cond_embedding.conv_in.load_state_dict(network.unet.conv_in.state_dict())
        else:
            silent.append(net.controlnet_cond_embedding.conv_out)
        for zero in silent:
            nn.init.zeros_(zero.weight)
            nn.init.zeros_(zero.bias)


def initialize_projection_(network: DiscoNetwork) -> None:
    """Let the projection of the foreground's tokens begin as CLIP's own."""
    network.refer_clip_proj.load_state_dict(network.clip_image_encoder.visual_projection.state_dict())


def clip_picture(
    picture: Float[Tensor, "B 3 H W"], mask: Float[Tensor, "B 1 H W"], side: int
) -> Float[Tensor, "B 3 S S"]:
    """Return a foreground as the encoder looks at it; 0, which is not black, around it.

    Args:
        picture: in [0, 1].
        mask: 1 = foreground.
        side: pixels of a side of the result.
    """
    # Without antialiasing, as the image-variation model that it begins with was trained.
    small = interpolate(picture, size=(side, side), mode="bicubic", align_corners=False)
    mean, std = (picture.new_tensor(values)[:, None, None] for values in (_CLIP_MEAN, _CLIP_STD))
    here = interpolate(mask, size=(side, side), mode="bilinear", align_corners=False)
    return (small.clamp(0, 1) - mean) / std * here
