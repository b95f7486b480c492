"""Training of Everybody Dance Now on one person: frames first, then the face."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.nn.everybody_dance_now import EdnFaceDiscriminator, EdnPairDiscriminator
from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator, EdnShape, load_edn
from liquidwarp.nn.losses import charbonnier
from liquidwarp.train.batch import Batch
from liquidwarp.train.config import Config, LossConfig
from liquidwarp.train.edn_samples import EdnBatch
from liquidwarp.train.objective import Attempt, JudgedObjective

_STAGES = ("frames", "face")
_WIDTH = 64  # of the first stage, as published
_STD = 0.02  # of the first weights
_LARGE = 512  # rows from which pictures are halved four times


@dataclass(frozen=True, eq=False)
class EdnAttempt(Attempt):
    """What a generator made of pairs.

    Attributes:
        frames: both, in [-1, 1].
    """

    frames: Float[Tensor, "B 2 3 H W"]


class EdnObjective(JudgedObjective):
    """Least squares, matching of features, and looks, as published; the game has the targets 1 and 0.

    Frames learn with the pair's discriminator; the face learns with its own while all else stands still.

    Args:
        generator: of the person.
        losses: weights, of which `pixel`, `perceptual`, `adversarial` and `matching` are looked at.
        discriminator: of pairs, or of faces, which says what is trained.
    """

    def __init__(
        self,
        generator: EdnGenerator,
        losses: LossConfig,
        discriminator: EdnPairDiscriminator | EdnFaceDiscriminator,
    ) -> None:
        super().__init__(generator, losses, discriminator)
        self._side = generator.shape.face_side
        self._faces = isinstance(discriminator, EdnFaceDiscriminator)

    def attempt(self, generator: Callable[..., object], batch: EdnBatch) -> EdnAttempt:
        """Let the generator answer, the second frame from the first one."""
        frames = cast(Tensor, generator(batch.poses)).float()
        if self._faces:
            assert isinstance(generator, EdnGenerator), "faces are trained by one process"
            still = frames.detach()
            fine = [generator.refined(batch.poses[:, k], still[:, k], batch.corners) for k in range(2)]
            frames = torch.stack(fine, 1)
        return EdnAttempt(frames[:, 1] / 2 + 0.5, batch.plain_alpha, frames)

    def generator_losses(self, attempt: Attempt, batch: Batch, *, adversary: bool) -> dict[str, Tensor]:
        """Return weighted losses whose sum the generator lowers."""
        assert isinstance(attempt, EdnAttempt)
        assert isinstance(batch, EdnBatch)
        weights = self._losses
        made, true = (self._looked_at(frames, batch) / 2 + 0.5 for frames in (attempt.frames, batch.pictures))
        losses = {
            "pixel": weights.pixel * charbonnier(made, true, eps=0.0).mean(),
            "perceptual": weights.perceptual * self._perceptual(made, true).mean(),
        }
        if adversary:
            fake, real = (self._seen(self._network, frames, batch) for frames in (attempt.frames, batch.pictures))
            losses["adversarial"] = weights.adversarial * _squares(fake, 1.0)
            if weights.matching and not self._faces:
                terms = [
                    (f - r.detach()).abs().mean()
                    for stages in zip(fake, real, strict=True)
                    for f, r in zip(stages[0][:-1], stages[1][:-1], strict=True)
                ]
                losses["matching"] = weights.matching * torch.stack(terms).sum() / len(fake)
        return losses

    def discriminator_losses(
        self, discriminator: Callable[..., Any], attempt: Attempt, batch: Batch
    ) -> dict[str, Tensor]:
        """Return losses whose sum the discriminator lowers."""
        assert isinstance(attempt, EdnAttempt)
        assert isinstance(batch, EdnBatch)
        fake = self._seen(discriminator, attempt.frames.detach(), batch)
        real = self._seen(discriminator, batch.pictures, batch)
        return {"discriminator": (_squares(real, 1.0) + _squares(fake, 0.0)) / 2}

    def pictures(self, attempt: Attempt, batch: Batch) -> list[Float[Tensor, "B 3 H W"]]:
        """Return the drawing, ours, and the truth."""
        return [batch.plain_picture, attempt.picture, batch.truth.picture]

    @property
    def _network(self) -> nn.Module:
        assert self.discriminator is not None
        return self.discriminator

    def _looked_at(self, frames: Tensor, batch: EdnBatch) -> Tensor:
        """Return all frames, or all faces, one after the other."""
        return self._crops(frames, batch) if self._faces else frames.flatten(0, 1)

    def _seen(self, discriminator: Callable[..., Any], frames: Tensor, batch: EdnBatch) -> list[list[Tensor]]:
        """Return what a discriminator says of frames, per scale; scores are the last of each."""
        if self._faces:
            beside = torch.cat([self._crops(batch.poses, batch), self._crops(frames, batch)], 1)
            return [[discriminator(beside).float()]]
        beside = torch.cat([batch.poses.flatten(1, 2), frames.flatten(1, 2)], 1)
        network = discriminator if isinstance(discriminator, EdnPairDiscriminator) else self._network
        assert isinstance(network, EdnPairDiscriminator)
        return [[stage.float() for stage in stages] for stages in network.features(beside)]

    def _crops(self, planes: Tensor, batch: EdnBatch) -> Tensor:
        """Cut the face out of both frames; where none is seen, the top of the picture stands for it."""
        side, cut = self._side, []
        for sample, corner in zip(planes, batch.corners.clamp(min=0).tolist(), strict=True):
            cut.append(sample[:, :, corner[0] : corner[0] + side, corner[1] : corner[1] + side])
        return torch.cat(cut)


def build_edn(config: Config) -> EdnObjective:
    """Make the networks and losses of a configuration.

    Raises:
        InputError: an unknown stage, a size that does not fit, no discriminator, or `model.start` of another network.
    """
    model, loss = config.model, config.loss
    stage = model.stage or _STAGES[0]
    check_choice("model.stage", stage, _STAGES)
    if not loss.adversarial:
        raise InputError("model.kind=edn learns with a discriminator; set loss.adversarial to more than 0")
    width, large = max(2, round(_WIDTH * model.width)), config.data.size[0] >= _LARGE
    faces = stage == "face"
    shape = EdnShape(
        config.data.size,
        width,
        halvings=4 if large else 3,
        face_width=width if faces else 0,
        face_halvings=3 if large else 2,
    )
    generator = EdnGenerator(shape)
    _initialize(generator)
    if faces and not model.start:
        raise InputError("model.stage=face refines what frames lack; give model.start=FILE of a training on frames")
    if model.start:
        found = load_edn(model.start)
        if replace(found.shape, face_width=shape.face_width) != shape:
            raise InputError(
                f"model.start={model.start} is of {list(found.shape.size)} and width {found.shape.width}, wanted "
                f"{list(shape.size)} and {shape.width}; change data.size and model.width"
            )
        generator.main.load_state_dict(found.main.state_dict())
        if generator.face is not None and found.face is not None:
            generator.face.load_state_dict(found.face.state_dict())
    critic = (EdnFaceDiscriminator if faces else EdnPairDiscriminator)(width=model.discriminator_width)
    _initialize(critic)
    return EdnObjective(generator, loss, critic)


def _initialize(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=_STD)


def _squares(seen: list[list[Tensor]], wanted: float) -> Float[Tensor, ""]:
    """Sum the mean squared distance of scores from a target over scales, as published."""
    return torch.stack([(stages[-1] - wanted).square().mean() for stages in seen]).sum()
