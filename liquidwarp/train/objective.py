"""What is trained, and towards what: the part of a training that knows a generator and its batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from liquidwarp.checks import check_choice
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import load_compact
from liquidwarp.nn.discriminators import CropDiscriminators
from liquidwarp.nn.losses import (
    box_weight,
    charbonnier,
    crop_boxes,
    feature_matching_loss,
    fooling_loss,
    is_present,
    mask_cross_entropy,
    mask_iou_loss,
    ms_ssim_loss,
    real_or_fake_loss,
    weighted_mean,
)
from liquidwarp.nn.perceptual import TexturePerceptual, VggPerceptual
from liquidwarp.train.batch import BOXES, Batch, PairBatch
from liquidwarp.train.config import Config, LossConfig

_FACE_SIDE = 64  # pixels to which a face is enlarged for the identity loss
_AROUND = 9  # pixels around the person that count as much as the person


CROP_SIDES = {"body": 128, "head": 64, "left_hand": 32, "right_hand": 32}
"""Crops that a discriminator can look at, and the pixels of a side to which they are brought."""

Seen = dict[str, list[Tensor]]
"""By the name of what was looked at: the features of all stages, the scores last."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """What a generator made of a batch.

    Attributes:
        picture: in [0, 1], or a little beyond.
        alpha: 1 = person.
    """

    picture: Float[Tensor, "B 3 H W"]
    alpha: Float[Tensor, "B H W"]


@runtime_checkable
class Objective(Protocol):
    """A generator, perhaps a discriminator, and the losses that train them.

    The trainer hands the networks in again when it calls, wrapped as it needs them.
    """

    generator: nn.Module
    discriminator: nn.Module | None

    def to(self, device: torch.device) -> None:
        """Move everything, frozen networks of the losses too."""
        ...

    def attempt(self, generator: Callable[..., object], batch: Any) -> Attempt:
        """Let the generator answer; the batch is of the kind that it learns from."""
        ...

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers; each an average over the batch."""
        ...

    def discriminator_losses(
        self, discriminator: Callable[..., Seen], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return losses whose sum the discriminator lowers."""
        ...

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return pictures to set side by side in the log."""
        ...

    def figures(self, attempt: Attempt, batch: Batch) -> dict[str, Float[Tensor, " B"]]:
        """Return measures per sample for validation."""
        ...


class JudgedObjective:
    """Networks, what pictures are judged by, and measures, as objectives share them; losses are left to others.

    Args:
        generator: the network.
        losses: weights of the losses.
        discriminator: of pictures; None without one.
    """

    def __init__(self, generator: nn.Module, losses: LossConfig, discriminator: nn.Module | None = None) -> None:
        self.generator, self.discriminator = generator, discriminator
        self._losses = losses
        self._texture = TexturePerceptual()
        self._perceptual: nn.Module = VggPerceptual.load(losses.vgg) if losses.vgg else self._texture

    def to(self, device: torch.device) -> None:
        """Move everything, frozen networks of the losses too."""
        for module in (self.generator, self.discriminator, self._texture, self._perceptual):
            if module is not None:
                module.to(device)

    def figures(self, attempt: Attempt, batch: Batch) -> dict[str, Float[Tensor, " B"]]:
        """Return PSNR on the person and texture distance, of ours and of the picture without a network."""
        return picture_figures(attempt, batch, self._texture)


class PictureObjective(JudgedObjective):
    """The losses of a generator that makes a picture of a person and their alpha; `attempt` is left to others.

    Args:
        generator: the network.
        losses: weights of the losses.
        discriminator: looks at a picture beside the map of the body.
    """

    def __init__(self, generator: nn.Module, losses: LossConfig, discriminator: nn.Module | None = None) -> None:
        super().__init__(generator, losses, discriminator)
        self._game = cast(Literal["lsgan", "hinge"], losses.game)

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers."""
        weights = self._losses
        terms: dict[str, tuple[float, Callable[[], Tensor]]] = {
            "pixel": (weights.pixel, lambda: self._pixel(attempt, batch)),
            "ssim": (weights.ssim, lambda: ms_ssim_loss(attempt.picture, batch.truth.picture)),
            "perceptual": (weights.perceptual, lambda: self._perceptual(attempt.picture, batch.truth.picture)),
            "mask": (weights.mask, lambda: mask_cross_entropy(attempt.alpha, batch.truth.alpha)),
            "overlap": (weights.overlap, lambda: mask_iou_loss(attempt.alpha, batch.truth.alpha)),
            "outline": (weights.outline, lambda: self._outline(attempt, batch)),
            "face": (weights.face, lambda: self._face(attempt, batch)),
            "identity": (weights.identity, lambda: self._identity(attempt, batch)),
        }
        losses = {name: weight * loss().mean() for name, (weight, loss) in terms.items() if weight}
        if weights.temporal:
            losses["temporal"] = weights.temporal * _temporal(attempt, batch).mean()
        return losses | (self._adversarial(attempt, batch) if adversary else {})

    def discriminator_losses(
        self, discriminator: Callable[..., Seen], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return the loss of telling true pictures from made ones; both go through the network at once."""
        both = torch.cat([_beside_body(batch.truth.picture, batch), _beside_body(attempt.picture.detach(), batch)])
        seen = discriminator(both, {name: boxes.repeat(2, 1) for name, boxes in _boxes(batch).items()})
        real, fake = zip(*(features[-1].float().chunk(2) for features in seen.values()), strict=True)
        return {"discriminator": real_or_fake_loss(real, fake, game=self._game, weights=_present(seen, batch))}

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return the picture without a network, ours, the truth, and our alpha."""
        alpha = attempt.alpha[:, None].expand(-1, 3, -1, -1)
        return [batch.plain_picture, attempt.picture, batch.truth.picture, alpha]

    def figures(self, attempt: Attempt, batch: Batch) -> dict[str, Float[Tensor, " B"]]:
        """Return PSNR on the person, texture distance and overlap, of ours and of the picture without a network."""
        found = super().figures(attempt, batch)
        for name, alpha in (("ours", attempt.alpha), ("surface", batch.plain_alpha)):
            found[f"iou_{name}"] = 1 - mask_iou_loss((alpha > 0.5).float(), (batch.truth.alpha > 0.5).float())
        return found

    def _pixel(self, attempt: Attempt, batch: Batch) -> Tensor:
        return charbonnier(attempt.picture, batch.truth.picture, 1 + self._losses.person * _near(batch))

    def _outline(self, attempt: Attempt, batch: Batch) -> Tensor:
        near = _near(batch)
        difference = weighted_mean((attempt.alpha - batch.truth.alpha).abs(), near)
        return difference / near.mean((1, 2)).clamp(min=1e-6)  # so that a small person counts as much as a large one

    def _face(self, attempt: Attempt, batch: Batch) -> Tensor:
        weight = box_weight(batch.truth.box("face"), (attempt.picture.shape[2], attempt.picture.shape[3]))
        part = weight.mean((1, 2)).clamp(min=1e-6)  # so that a small face counts as much as a large one
        return charbonnier(attempt.picture, batch.truth.picture, weight) / part

    def _identity(self, attempt: Attempt, batch: Batch) -> Tensor:
        side = (_FACE_SIDE, _FACE_SIDE)
        face = batch.truth.box("face")
        made, true = (crop_boxes(picture, face, side) for picture in (attempt.picture, batch.truth.picture))
        return self._perceptual(made, true) * is_present(face)

    def _adversarial(self, attempt: Attempt, batch: Batch) -> dict[str, Tensor]:
        if self.discriminator is None:
            return {}
        fake: Seen = self.discriminator(_beside_body(attempt.picture, batch), _boxes(batch))
        present = _present(fake, batch)
        scores = [features[-1].float() for features in fake.values()]
        fooling = fooling_loss(scores, game=self._game, weights=present)
        losses = {"adversarial": self._losses.adversarial * fooling}
        if self._losses.matching:
            with torch.no_grad():
                real: Seen = self.discriminator(_beside_body(batch.truth.picture, batch), _boxes(batch))
            terms = [
                feature_matching_loss(real[name][:-1], features[:-1], weights=[weight] * (len(features) - 1))
                for (name, features), weight in zip(fake.items(), present, strict=True)
            ]
            losses["matching"] = self._losses.matching * torch.stack(terms).mean()
        return losses


class CompactObjective(PictureObjective):
    """Trains the compact generator on training pairs.

    Args:
        generator: called with `PairBatch.transfer`, `source` and `flow`; returns picture and alpha.
        losses: weights of the losses.
        discriminator: looks at a picture beside the body's normals.
    """

    def attempt(self, generator: Callable[..., object], batch: PairBatch) -> Attempt:
        """Let the generator answer."""
        picture, alpha = cast(tuple[Tensor, Tensor], generator(batch.transfer, batch.source, batch.flow))
        return Attempt(picture.float(), alpha.float())


def build_compact(config: Config) -> CompactObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: `model.start` cannot be read, or is of another network.
    """
    if config.model.start:
        generator = load_compact(config.model.start)
        fresh = CompactGenerator(generator.widths)  # loaded ones are shared and frozen
        fresh.load_state_dict(generator.state_dict())
        generator = fresh
    else:
        w1, w2, w3, w4 = config.model.widths
        generator = CompactGenerator((w1, w2, w3, w4))
    return CompactObjective(generator, config.loss, build_discriminator(config))


def build_discriminator(config: Config) -> CropDiscriminators | None:
    """Return an untrained discriminator that looks at a picture beside the body's map; None where none is wanted.

    Raises:
        InputError: a crop that does not exist.
    """
    if not config.loss.adversarial:
        return None
    for name in config.model.discriminator_crops:
        check_choice("model.discriminator_crops", name, tuple(CROP_SIDES))
    crops = {name: CROP_SIDES[name] for name in config.model.discriminator_crops}
    return CropDiscriminators(crops, 6, config.model.discriminator_width)


def _temporal(attempt: Attempt, batch: Batch) -> Float[Tensor, " P"]:
    """Compare how pictures change from one frame to the next with how they should; frames lie in pairs."""
    change, true = ((picture[1::2] - picture[::2]) for picture in (attempt.picture, batch.truth.picture))
    return charbonnier(change, true, 1 + torch.maximum(*_near(batch).view(-1, 2, *change.shape[2:]).unbind(1)))


def _near(batch: Batch) -> Float[Tensor, "B H W"]:
    """Return 1 on the person, as it is or as it was drawn, and on a rim around it."""
    person = torch.maximum(batch.truth.alpha, batch.plain_alpha)
    return (avg_pool2d(person[:, None], _AROUND, 1, _AROUND // 2)[:, 0] > 0).float()


def picture_figures(
    attempt: Attempt, batch: Batch, texture: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, Float[Tensor, " B"]]:
    """Return PSNR on the person and texture distance per sample, of ours and of the picture without a network."""
    found, person = {}, (batch.truth.alpha > 0.5).float()
    for name, picture in (("ours", attempt.picture.clamp(0, 1)), ("surface", batch.plain_picture)):
        found[f"psnr_person_{name}"] = _psnr(picture, batch.truth.picture, person)
        found[f"texture_{name}"] = texture(picture, batch.truth.picture)
    return found


def mean_figures(found: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """Average measures over the samples of several batches."""
    return {name: float(torch.cat([each[name] for each in found]).double().mean()) for name in found[0]}


def _boxes(batch: Batch) -> dict[str, Float[Tensor, "B 4"]]:
    return {name: batch.truth.box(name) for name in BOXES}


def _present(seen: Seen, batch: Batch) -> list[Float[Tensor, " B"]]:
    """Say which samples show what each discriminator looks at."""
    boxes = _boxes(batch)
    everywhere = torch.ones_like(boxes["body"][:, 0])
    return [is_present(boxes[name]) if name in boxes else everywhere for name in seen]


def _beside_body(picture: Tensor, batch: Batch) -> Tensor:
    return torch.cat([picture, batch.body_map], 1)


def _psnr(picture: Tensor, target: Tensor, region: Tensor) -> Float[Tensor, " B"]:
    squared = (((picture - target) ** 2).mean(1) * region).sum((1, 2)) / region.sum((1, 2)).clamp(min=1)
    return -10 * torch.log10(squared.clamp(min=1e-10))
