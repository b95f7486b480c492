"""Losses of pictures and outlines; each returns one number per sample, 0 for equal inputs.

Averages are taken within a sample, so that a batch split over processes has the same gradients as the whole one.
Pictures are `B 3 H W` in [0, 1]; weights are `B H W`, not negative.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, relu

from liquidwarp.checks import check_choice
from liquidwarp.flow import warp
from liquidwarp.types import Flow

_CHARBONNIER = 1e-3  # below this difference the loss turns quadratic
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2
_SSIM_WINDOW = 7
_MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_OUTLINE_EPS = 1e-4

Game = Literal["lsgan", "hinge"]


def charbonnier(
    picture: Float[Tensor, "B C H W"],
    target: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "B H W"] | None = None,
    *,
    eps: float = _CHARBONNIER,
) -> Float[Tensor, " B"]:
    """Compute a smooth L1, `sqrt(d^2 + eps^2) - eps`, averaged over channels and pixels; `eps=0.0` is plain L1.

    Args:
        picture: what was made.
        target: what was wanted.
        weight: of each pixel; the average is over `sum(weight * d) / (H W)`, so empty weights give 0.
        eps: where it turns from linear to quadratic.
    """
    difference = picture - target
    size = difference.abs() if eps == 0 else torch.sqrt(difference * difference + eps * eps) - eps
    return weighted_mean(size.mean(1), weight)


def weighted_mean(values: Float[Tensor, "B H W"], weight: Float[Tensor, "B H W"] | None) -> Float[Tensor, " B"]:
    """Average over pixels, each multiplied by its weight."""
    return (values if weight is None else values * weight).mean((1, 2))


def ssim_maps(
    picture: Float[Tensor, "B C H W"], target: Float[Tensor, "B C H W"]
) -> tuple[Float[Tensor, "B C h w"], Float[Tensor, "B C h w"]]:
    """Compute SSIM and its contrast-structure part around every pixel whose 7x7 window lies inside.

    Source: Wang et al., "Image Quality Assessment", 2004, equations 12 and 13; uniform window, sample covariance.
    """

    def mean(values: Tensor) -> Tensor:
        return avg_pool2d(values, _SSIM_WINDOW, 1)

    mean_x, mean_y = mean(picture), mean(target)
    sample = _SSIM_WINDOW**2 / (_SSIM_WINDOW**2 - 1)
    variance = sample * (mean(picture * picture) + mean(target * target) - mean_x * mean_x - mean_y * mean_y)
    covariance = sample * (mean(picture * target) - mean_x * mean_y)
    structure = (2 * covariance + _SSIM_C2) / (variance + _SSIM_C2)
    luminance = (2 * mean_x * mean_y + _SSIM_C1) / (mean_x * mean_x + mean_y * mean_y + _SSIM_C1)
    return luminance * structure, structure


def ms_ssim_loss(
    picture: Float[Tensor, "B C H W"], target: Float[Tensor, "B C H W"], *, scales: int = 5
) -> Float[Tensor, " B"]:
    """Compute 1 - multi-scale SSIM over as many of `scales` as the picture has room for.

    Source: Wang et al., "Multiscale structural similarity", 2003, equation 7; weights are scaled to sum to 1.
    """
    room = min(picture.shape[-2:]) // _SSIM_WINDOW
    scales = max(1, min(scales, room.bit_length()))
    weights = [weight / sum(_MS_SSIM_WEIGHTS[:scales]) for weight in _MS_SSIM_WEIGHTS[:scales]]
    product = picture.new_ones(picture.shape[0])
    for scale, weight in enumerate(weights):
        whole, structure = ssim_maps(picture, target)
        value = (whole if scale == scales - 1 else structure).mean((1, 2, 3))
        product = product * value.clamp(min=1e-4) ** weight  # a negative base has no root
        picture, target = avg_pool2d(picture, 2), avg_pool2d(target, 2)
    return 1 - product


def mask_cross_entropy(mask: Float[Tensor, "B H W"], target: Float[Tensor, "B H W"]) -> Float[Tensor, " B"]:
    """Compute the binary cross-entropy of two outlines in [0, 1], less the target's own entropy."""
    mask, target = mask.float(), target.float()

    def cross(value: Tensor) -> Tensor:
        value = value.clamp(0, 1) * (1 - 2 * _OUTLINE_EPS) + _OUTLINE_EPS
        return -(target * value.log() + (1 - target) * (1 - value).log())

    return (cross(mask) - cross(target)).mean((1, 2))


def mask_iou_loss(mask: Float[Tensor, "B H W"], target: Float[Tensor, "B H W"]) -> Float[Tensor, " B"]:
    """Compute 1 - soft intersection over union, `sum(min) / sum(max)`; 0 where both are empty."""
    both, either = torch.minimum(mask, target).sum((1, 2)), torch.maximum(mask, target).sum((1, 2))
    return 1 - (both + 1e-6) / (either + 1e-6)


def box_weight(boxes: Float[Tensor, "B 4"], size: tuple[int, int]) -> Float[Tensor, "B H W"]:
    """Return 1 in a box and 0 outside, by pixel centres; zeros for an empty box.

    Args:
        boxes: x0 y0 x1 y1 in pixels.
        size: (height, width).
    """
    rows = torch.arange(size[0], device=boxes.device) + 0.5
    columns = torch.arange(size[1], device=boxes.device) + 0.5
    x0, y0, x1, y1 = boxes.float().unbind(1)
    inside_rows = (rows >= y0[:, None]) & (rows < y1[:, None])
    inside_columns = (columns >= x0[:, None]) & (columns < x1[:, None])
    return (inside_rows[:, :, None] & inside_columns[:, None, :]).float()


def crop_boxes(
    picture: Float[Tensor, "B C H W"], boxes: Float[Tensor, "B 4"], size: tuple[int, int]
) -> Float[Tensor, "B C h w"]:
    """Cut a box out of each picture at one size, bilinearly; an empty box gives a single colour."""
    height, width = picture.shape[-2:]
    ys = (torch.arange(size[0], device=boxes.device) + 0.5) / size[0]
    xs = (torch.arange(size[1], device=boxes.device) + 0.5) / size[1]
    x0, y0, x1, y1 = boxes.float()[:, :, None].unbind(1)
    x = (x0 + (x1 - x0) * xs) * 2 / width - 1
    y = (y0 + (y1 - y0) * ys) * 2 / height - 1
    grid = torch.stack([x[:, None, :].expand(-1, size[0], -1), y[:, :, None].expand(-1, -1, size[1])], -1)
    return warp(picture.float(), Flow(grid, torch.ones_like(grid[..., 0], dtype=torch.bool)))


def is_present(boxes: Float[Tensor, "B 4"]) -> Float[Tensor, " B"]:
    """Return 1 for boxes that hold something, 0 for empty ones."""
    return ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).float()


def real_or_fake_loss(
    real: Sequence[Tensor], fake: Sequence[Tensor], *, game: Game, weights: Sequence[Float[Tensor, " B"]] | None = None
) -> Float[Tensor, ""]:
    """Compute the discriminator's loss over its outputs, each averaged over patches.

    LSGAN (Mao et al., 2017) with targets 1 and -1, as Liquid Warping GAN has it, or hinge (Lim and Ye, 2017).

    Args:
        real: score maps of true pictures, one a branch.
        fake: of made ones.
        game: which.
        weights: how much each sample counts in each branch; 1 by default.
    """
    check_choice("game", game, ("lsgan", "hinge"))
    if game == "lsgan":
        terms = [((r - 1) ** 2, (f + 1) ** 2) for r, f in zip(real, fake, strict=True)]
    else:
        terms = [(relu(1 - r), relu(1 + f)) for r, f in zip(real, fake, strict=True)]
    return _over_branches([true + made for true, made in terms], weights) / 2


def fooling_loss(
    fake: Sequence[Tensor], *, game: Game, weights: Sequence[Float[Tensor, " B"]] | None = None
) -> Float[Tensor, ""]:
    """Compute the generator's loss for the discriminator's scores of what it made.

    LSGAN pulls the scores to 0, midway between the discriminator's two targets; hinge raises them.
    """
    check_choice("game", game, ("lsgan", "hinge"))
    return _over_branches([f * f if game == "lsgan" else -f for f in fake], weights)


def feature_matching_loss(
    real: Sequence[Tensor], fake: Sequence[Tensor], *, weights: Sequence[Float[Tensor, " B"]] | None = None
) -> Float[Tensor, ""]:
    """Compute the mean L1 between the discriminator's features of true and made pictures.

    Source: Wang et al., "pix2pixHD", 2018, equation 4; the true ones get no gradient.
    """
    return _over_branches([(f - r.detach()).abs() for r, f in zip(real, fake, strict=True)], weights)


def _over_branches(maps: Sequence[Tensor], weights: Sequence[Tensor] | None) -> Float[Tensor, ""]:
    """Average over samples and branches, so that how a batch is shared by processes changes nothing."""
    if weights is None:
        return torch.stack([values.mean() for values in maps]).mean()
    means = [(values.flatten(1).mean(1) * weight).mean() for values, weight in zip(maps, weights, strict=True)]
    return torch.stack(means).mean()
