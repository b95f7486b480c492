"""How large DisCo's networks are."""

from dataclasses import dataclass, replace
from typing import Any

LATENT_CHANNELS = 4
LATENT_SCALE = 0.18215
"""By which the autoencoder's latents are multiplied."""


@dataclass(frozen=True)
class VisionShape:
    """Of the encoder of the foreground, a CLIP vision transformer.

    Attributes:
        width: of its tokens.
        hidden: of its multilayer perceptrons.
        layers: how many.
        heads: of each attention.
        side: pixels of a side of the pictures that it looks at.
        patch: pixels of a side of what becomes a token.
    """

    width: int = 1024
    hidden: int = 4096
    layers: int = 24
    heads: int = 16
    side: int = 224
    patch: int = 14


@dataclass(frozen=True)
class AutoencoderShape:
    """Of the autoencoder, which halves pictures at each width but the first.

    Attributes:
        widths: from the picture inwards.
        layers: at each of them.
        groups: of its norms.
    """

    widths: tuple[int, ...] = (128, 256, 512, 512)
    layers: int = 2
    groups: int = 32


@dataclass(frozen=True)
class DiscoShape:
    """Of all of it; the defaults are the published ones.

    Attributes:
        widths: of the denoiser and of both control branches, from the latent inwards.
        attends: whether there is attention at each of the widths.
        layers: at each of them.
        heads: of each attention.
        token_width: of the foreground's tokens.
        groups: of the norms.
        side: pixels of a side of the pictures.
        pose_widths: of the convolutions that look at the drawing of the skeleton.
        pose: whether there is a pose branch; human-attribute pretraining has none.
        temporal: whether frames of a clip are made together.
        vision: of the encoder of the foreground.
        autoencoder: of pictures.
    """

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    attends: tuple[bool, ...] = (True, True, True, False)
    layers: int = 2
    heads: int = 8
    token_width: int = 768
    groups: int = 32
    side: int = 256
    pose_widths: tuple[int, ...] = (16, 32, 96, 256)
    pose: bool = True
    temporal: bool = False
    vision: VisionShape = VisionShape()
    autoencoder: AutoencoderShape = AutoencoderShape()

    @property
    def latent_side(self) -> int:
        """Side of the latent."""
        return self.side // 2 ** (len(self.autoencoder.widths) - 1)


SHAPES = {
    "disco": DiscoShape(),
    "disco-pretrained": replace(DiscoShape(), pose=False),
    "disco-temporal": replace(DiscoShape(), temporal=True),
}
"""What was published: the image model, the one of human-attribute pretraining, and the one with the temporal module."""


def configuration_of(shape: DiscoShape) -> str:
    """Return which of `SHAPES` a network is a smaller or larger one of."""
    return "disco-temporal" if shape.temporal else "disco" if shape.pose else "disco-pretrained"


def shape_from(told: dict[str, object]) -> DiscoShape:
    """Return the shape that `dataclasses.asdict` told, after a way through JSON.

    Raises:
        TypeError: a field is missing or not known.
    """
    fields = with_tuples(told)
    vision, autoencoder = fields.pop("vision"), fields.pop("autoencoder")
    if not isinstance(vision, dict) or not isinstance(autoencoder, dict):
        raise TypeError("vision and autoencoder are shapes of their own")
    return DiscoShape(
        **fields,
        vision=VisionShape(**with_tuples(vision)),
        autoencoder=AutoencoderShape(**with_tuples(autoencoder)),
    )


def with_tuples(told: dict[str, Any]) -> dict[str, Any]:
    """Return fields after a way through JSON, which makes lists of tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
