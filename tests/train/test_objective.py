"""What the compact generator's objective holds an answer to."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from train_samples import pair_folder, tiny_config

import liquidwarp as lw
from liquidwarp.nn.compact import SourceInput, TransferInput
from liquidwarp.nn.discriminators import CropDiscriminators
from liquidwarp.nn.planes import PhotoFlow, joined
from liquidwarp.train.batch import BOXES, PairBatch, TargetTruth
from liquidwarp.train.build import build_objective
from liquidwarp.train.config import LossConfig
from liquidwarp.train.objective import Attempt, CompactObjective
from liquidwarp.train.run import train
from liquidwarp.train.samples import PairSamples, open_pairs

NONE = LossConfig(pixel=0.0, ssim=0.0, perceptual=0.0, mask=0.0, overlap=0.0, face=0.0, identity=0.0)


def pairs(picture: torch.Tensor, alpha: torch.Tensor) -> PairBatch:
    """Pairs whose truth is given, and whose renderer knew where the person is."""
    empty, size = torch.zeros_like(picture), alpha.shape[1:]
    photo = SourceInput(empty[:, None], alpha[:, None], empty[:, None])
    flow = PhotoFlow(torch.zeros(len(alpha), 1, *size, 2), torch.zeros(len(alpha), 1, *size, dtype=torch.bool))
    truth = TargetTruth(picture, alpha, torch.zeros(len(alpha), len(BOXES), 4))
    return PairBatch(TransferInput(empty, alpha, empty, empty, empty), photo, flow, truth)


def test_the_outline_loss_is_the_mean_difference_around_the_person() -> None:
    mask = torch.zeros(1, 64, 64)
    mask[:, 24:40, 24:40] = 1
    batch = pairs(torch.zeros(1, 3, 64, 64), mask)
    objective = CompactObjective(torch.nn.Identity(), replace(NONE, outline=2.0))
    made = (mask - 0.25 * mask).requires_grad_()
    losses = objective.generator_losses(Attempt(batch.truth.picture, made), batch, adversary=False)
    assert set(losses) == {"outline"}
    torch.testing.assert_close(losses["outline"], torch.tensor(2 * 0.25 * 16**2 / 24**2))


def test_the_temporal_loss_knows_changes_alone() -> None:
    random = torch.Generator().manual_seed(0)
    mask = torch.ones(4, 16, 16)
    target = torch.rand(4, 3, 16, 16, generator=random)
    batch = pairs(target, mask)
    objective = CompactObjective(torch.nn.Identity(), replace(NONE, temporal=1.0))

    def loss(picture: torch.Tensor) -> float:
        return float(objective.generator_losses(Attempt(picture, mask), batch, adversary=False)["temporal"])

    assert loss(target) == 0
    assert loss(target + 0.2) < 1e-6  # wrong, but steadily
    flickering = target + 0.2 * torch.tensor([1.0, 0, 1, 0])[:, None, None, None]
    assert loss(flickering) == pytest.approx(2 * 0.2, rel=0.02)


def test_discriminators_look_at_the_crops_that_are_named(tmp_path: Path) -> None:
    pair_folder(tmp_path)
    adversary = ("loss.adversarial=1.0", "data.size=[64, 64]")
    chosen = build_objective(tiny_config(tmp_path, *adversary, 'model.discriminator_crops=["head"]')).discriminator
    assert isinstance(chosen, CropDiscriminators)
    assert list(chosen.parts) == ["head"]
    with pytest.raises(lw.InputError, match=r"model\.discriminator_crops.*body, head, left_hand, right_hand"):
        build_objective(tiny_config(tmp_path, *adversary, 'model.discriminator_crops=["nose"]'))


def test_a_crop_that_no_sample_shows_teaches_nothing(tmp_path: Path) -> None:
    pair_folder(tmp_path)
    config = tiny_config(tmp_path, "loss.adversarial=1.0", "data.size=[64, 64]", "data.mirror=false")
    objective = build_objective(config)
    batch = joined([PairSamples(open_pairs(tmp_path)[0], config.data, seed=0).sample(index) for index in range(2)])
    picture = batch.truth.picture.clone().requires_grad_()
    losses = objective.generator_losses(Attempt(picture, batch.truth.alpha), batch, adversary=True)
    losses["adversarial"].backward()
    assert picture.grad is not None
    assert bool((picture.grad != 0).any())
    assert isinstance(objective.discriminator, CropDiscriminators)
    unseen = objective.discriminator.parts["right_hand"]  # its box is empty in these pairs
    assert all(not bool(each.grad.any()) for each in unseen.parameters() if each.grad is not None)


def test_the_temporal_loss_asks_for_neighbours_and_trains_with_them(tmp_path: Path) -> None:
    pair_folder(tmp_path)
    with pytest.raises(lw.InputError, match=r"data\.neighbours = true"):
        build_objective(tiny_config(tmp_path, "loss.temporal=1.0"))
    done = train(tiny_config(tmp_path, "loss.temporal=1.0", "data.neighbours=true", "train.steps=1"), tmp_path / "run")
    assert done.weights.exists()
    assert '"temporal"' in (tmp_path / "run/figures.jsonl").read_text()
