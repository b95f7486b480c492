"""Test-time fine-tuning: a copy of the network learns to draw the photos that it was given."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.console import progress_bar
from liquidwarp.methods.few_shot_vid2vid.inputs import LabelledView, picture_flow
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.nn.few_shot_vid2vid.losses import (
    LabelledPicture,
    LossWeights,
    PersonCritic,
    critic_loss,
    generator_losses,
)
from liquidwarp.nn.few_shot_vid2vid.shape import IMAGINAIRE
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow
from liquidwarp.nn.perceptual import TexturePerceptual
from liquidwarp.parallel import checkpoint

_WEIGHTS = LossWeights(flow=0.0, warp=0.0, trust=0.0, pixel=10.0)
_RATES = (2e-4, 8e-4)  # of the network and of the discriminators
_IMAGINAIRE_RATES = (1e-4, 4e-4)
_BETAS = (0.0, 0.999)
_SHIFT = 1 / 16  # of the height and of the width
_CRITIC = 32  # channels of the discriminators' first stage


@dataclass(frozen=True, eq=False)
class Example:
    """A photo as the network looks at it.

    Attributes:
        view: its window, with the label.
        picture: in [-1, 1].
    """

    view: LabelledView
    picture: Float[Tensor, "3 H W"]


def fine_tuned(
    generator: FewShotGenerator, examples: Sequence[Example], *, iterations: int, seed: int = 0
) -> FewShotGenerator:
    """Return a copy of a network fitted to examples: each time one, shifted and perhaps mirrored, is to be drawn.

    As published: kernels' perceptrons, the decoder and all else whose published name holds "up" learn; statistics stay
    as they are; no frame is given before. The texture loss takes VGG-19's place, and L1 tells it of colours. The
    discriminators begin untrained, since published files of the network do not hold them.

    Args:
        generator: the network.
        examples: at least one.
        iterations: of learning.
        seed: of the choice and of the discriminators.
    """
    device = examples[0].picture.device
    tuned = deepcopy(generator).eval().requires_grad_(False)
    learning = [value for key, value in tuned.named_parameters() if learns(tuned, key)]
    for value in learning:
        value.requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = PersonCritic(generator.shape.labels, _CRITIC).to(device)
    rates = _IMAGINAIRE_RATES if generator.shape.layout == IMAGINAIRE else _RATES
    optimisers = [
        torch.optim.Adam(values, lr=rate, betas=_BETAS)
        for values, rate in zip((learning, critic.parameters()), rates, strict=True)
    ]
    rng, perceptual = np.random.default_rng(seed), TexturePerceptual().to(device)
    labels = torch.stack([example.view.label for example in examples])[None]
    pictures = torch.stack([example.picture for example in examples])[None]
    with torch.enable_grad():
        for _ in progress_bar(range(iterations), desc="finetune", unit="step", shown=None):
            checkpoint()
            number = int(rng.integers(len(examples)))
            target, change = _varied(examples[number], rng, generator.shape.given_flow)
            shown = _shown(examples[number])
            encoding = tuned.encode(labels, pictures, target.label)
            flow = _varied_flow(examples, number, change) if generator.shape.given_flow else None
            drawn = tuned(target.label, encoding, flow=flow)
            critic.requires_grad_(False)
            losses = generator_losses(
                drawn, target, shown, None, weights=_WEIGHTS, perceptual=perceptual, critic=critic
            )
            critic.requires_grad_(True)
            against = critic_loss(critic, drawn.image, target, shown, _WEIGHTS.face)
            for optimiser, loss in zip(optimisers, (torch.stack(list(losses.values())).sum(), against), strict=True):
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
    return tuned.requires_grad_(False)


def learns(generator: FewShotGenerator, key: str) -> bool:
    """Return whether a parameter of ours learns in fine-tuning."""
    rising = generator.shape.layout != IMAGINAIRE and any(part in key for part in (".ups.", ".rises.", ".rise."))
    return rising or key.startswith(("kernels.", "color.", "blocks."))


@dataclass(frozen=True)
class _Change:
    """How a picture is varied: shifted cyclically, then mirrored."""

    down: int
    right: int
    mirrored: bool

    def __call__(self, planes: Tensor) -> Tensor:
        moved = planes.roll((self.down, self.right), (-2, -1))
        return moved.flip(-1) if self.mirrored else moved


def _varied(example: Example, rng: np.random.Generator, enriched: bool) -> tuple[LabelledPicture, _Change]:
    height, width = example.picture.shape[1:]
    down, right = (int(rng.integers(-int(side * _SHIFT), int(side * _SHIFT) + 1)) for side in (height, width))
    change = _Change(down, right, bool(rng.random() < 0.5))
    label = change(example.view.label)
    if enriched and change.mirrored:
        label = label.clone()
        label[3] *= -1  # a normal to the left points to the right
    return LabelledPicture(label[None], change(example.view.parts)[None], change(example.picture)[None]), change


def _varied_flow(examples: Sequence[Example], number: int, change: _Change) -> GivenFlow:
    """Return the mesh's flow from a varied example into all examples."""
    flows = [picture_flow(examples[number].view, source.view) for source in examples]
    height, width = examples[number].picture.shape[1:]
    rows = torch.arange(height, device=flows[0].flow.device)[:, None].expand(-1, width)
    columns = torch.arange(width, device=rows.device).expand(height, -1)
    here = torch.stack([columns, rows]).float()
    moved = [change(flow.flow + here) - here for flow in flows]
    return GivenFlow(torch.cat(moved), torch.cat([change(flow.valid) for flow in flows]))


def _shown(example: Example) -> LabelledPicture:
    return LabelledPicture(example.view.label[None], example.view.parts[None], example.picture[None])
