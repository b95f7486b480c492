"""Parts of latent diffusion models, as diffusers and transformers make them; load this where both are installed."""

from typing import Any

from liquidwarp.nn.disco.shape import LATENT_CHANNELS, AutoencoderShape, VisionShape

_PROJECTION = 512  # of an encoder whose projection is not looked at


def block_types(attends: tuple[bool, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return diffusers' names of a denoiser's blocks, downwards and upwards.

    Args:
        attends: whether there is attention at each width, from the latent inwards.
    """
    down = tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attends)
    up = tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(attends))
    return down, up


def vision_config(shape: VisionShape, *, projection: int = _PROJECTION) -> Any:
    """Return transformers' configuration of a CLIP vision transformer.

    Args:
        shape: how large it is.
        projection: width of what its class token is projected to.
    """
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        projection_dim=projection,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        image_size=shape.side,
        patch_size=shape.patch,
        hidden_act="quick_gelu",
    )


def make_autoencoder(shape: AutoencoderShape, side: int) -> Any:
    """Return diffusers' autoencoder of pictures.

    Args:
        shape: how large it is.
        side: pixels of the pictures' side, as diffusers keeps it.
    """
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    levels = len(shape.widths)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=shape.widths,
        layers_per_block=shape.layers,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=shape.groups,
        sample_size=side,
    )
