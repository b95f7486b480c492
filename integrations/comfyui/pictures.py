"""ComfyUI's pictures and masks to ours, and back."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from liquidwarp import InputError, Synthesis
from liquidwarp.guides import Guides

from .host import watched


def to_arrays(images: torch.Tensor, mask: torch.Tensor | None = None) -> list[np.ndarray]:
    """Return IMAGE (B, H, W, 3 or 4) as uint8 pictures, cut out by a MASK (B, H, W; 1 is the person) if there is one.

    Raises:
        InputError: no pictures, or a mask of another size.
    """
    if images.ndim != 4 or images.shape[-1] not in (3, 4) or not images.numel():
        raise InputError(f"pictures of shape {tuple(images.shape)}; connect an IMAGE")
    pictures = _bytes(images)[..., :3]
    if mask is None:
        return list(pictures)
    mask = mask[None] if mask.ndim == 2 else mask
    if mask.shape[1:] != images.shape[1:3] or len(mask) not in (1, len(images)):
        raise InputError(
            f"the mask is {_told(mask)}, the pictures are {_told(images[..., 0])}; give one mask a picture, where 1 is "
            "the person (Load Image gives an empty one of 64x64 for a picture without alpha: leave it unconnected)"
        )
    alpha = np.broadcast_to(_bytes(mask), pictures.shape[:3])
    return list(np.concatenate([pictures, alpha[..., None]], axis=-1))


def to_image(picture: np.ndarray) -> torch.Tensor:
    """Return a uint8 picture (H, W, 3) as floats from 0 to 1."""
    return torch.from_numpy(picture.astype(np.float32) / 255)


def to_mask(picture: np.ndarray) -> torch.Tensor:
    """Return a grey uint8 picture (H, W, 3) as a mask (H, W)."""
    return torch.from_numpy(picture[..., 0].astype(np.float32) / 255)


def stack_pictures(frames: Iterable[Synthesis], total: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make frames; return pictures (B, H, W, 3), the person, and what no photo shows of it (B, H, W)."""
    return _stacked(
        frames,
        total,
        (
            lambda one: one.image.detach().cpu().float().permute(1, 2, 0).clamp(0, 1),
            lambda one: one.alpha.detach().cpu().float().clamp(0, 1),
            lambda one: (one.coverage.cpu() > 1).float(),
        ),
    )


def stack_guides(frames: Iterable[Guides], total: int) -> tuple[torch.Tensor, ...]:
    """Make guides; return skeleton, depth, normal, parts, coverage and first pass, then the masks: person, invented."""
    return _stacked(
        frames,
        total,
        (
            lambda one: to_image(one.skeleton),
            lambda one: to_image(one.depth),
            lambda one: to_image(one.normal),
            lambda one: to_image(one.parts),
            lambda one: to_image(one.coverage),
            lambda one: to_image(one.first_pass),
            lambda one: to_mask(one.mask),
            lambda one: to_mask(one.invented),
        ),
    )


def _stacked(frames: Iterable, total: int, takes: tuple[Callable, ...]) -> tuple[torch.Tensor, ...]:
    """Take some pictures of every frame, into memory that is there from the start."""
    stacks: list[torch.Tensor] = []
    for index, frame in enumerate(watched(frames, total)):
        for number, take in enumerate(takes):
            plane = take(frame)
            if index == 0:
                stacks.append(torch.empty((total, *plane.shape), dtype=torch.float32))
            stacks[number][index] = plane
    return tuple(stacks)


def _bytes(values: torch.Tensor) -> np.ndarray:
    return (values.detach().cpu().float().clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()


def _told(stack: torch.Tensor) -> str:
    return f"{len(stack)} of {stack.shape[2]}x{stack.shape[1]}"
