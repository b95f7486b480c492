"""DisCo's temporal module: parts of a network over pictures that look at the other frames of a clip too.

Frames lie in the batch, those of a clip one after the other, so that layers over pictures stay what they are. Norms of
residual blocks and of the output take all frames of a clip together; after each residual block's second convolution
comes one over time; and before the cross-attention an attention over time, for each place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import group_norm, silu

_FRAMES: ContextVar[int] = ContextVar("frames", default=1)


@contextmanager
def clips_of(frames: int) -> Iterator[None]:
    """Say of how many frames each clip in a batch is, for what runs inside the block."""
    token = _FRAMES.set(frames)
    try:
        yield
    finally:
        _FRAMES.reset(token)


class ClipNorm(nn.GroupNorm):
    """A group norm over all frames of a clip together."""

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Normalise."""
        clips = _unfolded(input).contiguous()  # PyTorch 2.13 crashes on others where the parameters are frozen
        return _folded(group_norm(clips, self.num_groups, self.weight, self.bias, self.eps))


class ClipResidualBlock(nn.Module):
    """A residual block with a convolution over time, which starts at zero.

    Args:
        block: diffusers' block over pictures; its parts become parts of this one.
    """

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.norm1, self.norm2 = clip_norm(block.norm1), clip_norm(block.norm2)
        self.conv1, self.conv2 = block.conv1, block.conv2
        self.time_emb_proj = block.time_emb_proj
        self.conv_shortcut = block.conv_shortcut
        width = self.norm2.num_channels
        self.tem_norm = ClipNorm(self.norm2.num_groups, width, self.norm2.eps)
        self.tem_conv = nn.Conv1d(width, width, 3, padding=1)
        for parameter in self.tem_conv.parameters():
            nn.init.zeros_(parameter)

    def forward(self, hidden_states: Tensor, temb: Tensor) -> Tensor:
        """Return what the next block takes."""
        time = self.time_emb_proj(silu(temb))[:, :, None, None]
        inside = self.conv1(silu(self.norm1(hidden_states))) + time
        inside = self.conv2(silu(self.norm2(inside)))
        inside = inside + self._over_time(silu(self.tem_norm(inside)))
        kept = hidden_states if self.conv_shortcut is None else self.conv_shortcut(hidden_states)
        return kept + inside

    def _over_time(self, features: Tensor) -> Tensor:
        clips = _unfolded(features)
        batch, width, frames, height, across = clips.shape
        rows = clips.permute(0, 3, 4, 1, 2).reshape(-1, width, frames)
        found = self.tem_conv(rows).view(batch, height, across, width, frames)
        return _folded(found.permute(0, 3, 4, 1, 2))


class ClipTransformerBlock(nn.Module):
    """A transformer block that attends to the same place in the other frames before it attends to the tokens.

    The attention over time looks through the cross-attention's norm; `tem_norm`, which was published with it, is never
    used.

    Args:
        block: diffusers' block over pictures; its parts become parts of this one.
        attention: over time, of the same kind as the block's self-attention.
    """

    def __init__(self, block: Any, attention: Any) -> None:
        super().__init__()
        self.norm1, self.attn1 = block.norm1, block.attn1
        self.norm2, self.attn2 = block.norm2, block.attn2
        self.norm3, self.ff = block.norm3, block.ff
        self.tem_attn = attention
        self.tem_norm = nn.LayerNorm(self.norm2.normalized_shape)
        for parameter in attention.to_out[0].parameters():
            nn.init.zeros_(parameter)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, object] | None = None,
        class_labels: None = None,
    ) -> Tensor:
        """Return what the next block takes; the arguments are those of diffusers, of which two are used."""
        features = hidden_states + self.attn1(self.norm1(hidden_states))
        features = features + self._over_time(self.norm2(features))
        features = features + self.attn2(self.norm2(features), encoder_hidden_states=encoder_hidden_states)
        return features + self.ff(self.norm3(features))

    def _over_time(self, features: Tensor) -> Tensor:
        count, places, width = features.shape
        frames = _FRAMES.get()
        rows = features.view(-1, frames, places, width).transpose(1, 2).reshape(-1, frames, width)
        found = self.tem_attn(rows).view(-1, places, frames, width)
        return found.transpose(1, 2).reshape(count, places, width)


def clip_norm(norm: nn.Module) -> ClipNorm:
    """Return a group norm over pictures as one over clips, with the same parameters."""
    assert isinstance(norm, nn.GroupNorm)
    with torch.device("meta"):
        wide = ClipNorm(norm.num_groups, norm.num_channels, norm.eps)
    wide.weight, wide.bias = norm.weight, norm.bias
    return wide


def inflate_(network: nn.Module) -> None:
    """Give a denoiser or a control branch over pictures the temporal module, as it begins: only norms change."""
    from diffusers.models.attention import BasicTransformerBlock
    from diffusers.models.attention_processor import Attention
    from diffusers.models.resnet import ResnetBlock2D

    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ResnetBlock2D):
                setattr(parent, name, ClipResidualBlock(child))
            elif isinstance(child, BasicTransformerBlock):
                own = child.attn1
                over_time = Attention(own.query_dim, heads=own.heads, dim_head=own.inner_dim // own.heads)
                setattr(parent, name, ClipTransformerBlock(child, over_time))
            elif name == "conv_norm_out":
                setattr(parent, name, clip_norm(child))


def _unfolded(features: Tensor) -> Float[Tensor, "B C T H W"]:
    return features.view(-1, _FRAMES.get(), *features.shape[1:]).transpose(1, 2)


def _folded(clips: Float[Tensor, "B C T H W"]) -> Float[Tensor, "N C H W"]:
    return clips.transpose(1, 2).flatten(0, 1)
