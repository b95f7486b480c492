"""PG2, DSC and SHUP are trained by the trainer of all, and on after a kill."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from train_samples import turning_clip
from vgg_samples import vgg_weights

from liquidwarp.errors import InputError
from liquidwarp.methods import PoseTransferMethod, make_method
from liquidwarp.nn.baselines.pose_transfer import TransferSynthesis, pose_region
from liquidwarp.nn.baselines.vgg_losses import NearestFeatures, StandardFeatures
from liquidwarp.nn.perceptual import VggPerceptual
from liquidwarp.train.build import build_objective
from liquidwarp.train.clip_samples import DrawnClip
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.pose_transfer_objective import PoseTransferAttempt, PoseTransferObjective
from liquidwarp.train.pose_transfer_samples import PoseTransferSamples
from liquidwarp.train.run import train

RECIPES = Path(__file__).parents[2] / "liquidwarp" / "train" / "recipes"
KINDS = ("pg2", "dsc", "shup")
SIZE = (64, 64)


def tiny(kind: str, *more: str) -> Config:
    settings = ["data.clips=2", "data.frames=3", "data.size=[64, 64]", "data.source_size=[96, 96]", "data.held_out=2"]
    settings += ["data.workers=0", "model.width=0.03125", "model.discriminator_width=2", "train.steps=4"]
    settings += ["train.batch=2", "train.device=cpu", "log.pictures=4", "log.samples=2", "log.every=1"]
    settings += ["loss.adversarial_from=0.5"]
    return load_config(RECIPES / f"{kind}.toml", [*settings, *more])


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return turning_clip(3, 0.3)


def samples(clip: DrawnClip, **more: object) -> PoseTransferSamples:
    return PoseTransferSamples(1, lambda _: clip, size=SIZE, **more)


def test_a_sample_is_found_by_its_number_and_mirrored_as_a_world(clip: DrawnClip) -> None:
    one, again = (samples(clip).sample(5) for _ in range(2))
    assert torch.equal(one.source, again.source)
    assert torch.equal(one.target_joints, again.target_joints)
    plain = samples(clip, varied=False).sample(3)
    turned = plain.mirrored()
    torch.testing.assert_close(turned.mirrored().source_joints, plain.source_joints)
    drawn = pose_region(turned.target_joints, size=SIZE)
    assert float((drawn - turned.region).abs().mean()) < 0.05, "the mirrored joints lie on the mirrored limbs"
    right, left = turned.source_joints[0, 2], turned.source_joints[0, 5]
    assert (right[0] < left[0]) == (plain.source_joints[0, 2, 0] < plain.source_joints[0, 5, 0])
    with pytest.raises(InputError, match="it has a single frame; one is made of another"):
        samples(DrawnClip(clip.images[:1], clip.alphas[:1], clip.track[[0]], clip.body)).sample(0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_a_step(kind: str, clip: DrawnClip) -> None:
    objective = build_objective(tiny(kind))
    assert isinstance(objective, PoseTransferObjective)
    assert objective.discriminator is not None
    batch = samples(clip).sample(0)
    for adversary in (False, True):
        attempt = objective.attempt(objective.generator.train(), batch)
        losses = objective.generator_losses(attempt, batch, adversary=adversary)
        assert ("adversarial" in losses) == adversary
        objective.generator.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        still = {name.split(".")[1] for name, value in objective.generator.named_parameters() if value.grad is None}
        assert still == ({"coarse" if adversary else "fine"} if kind == "pg2" else set())
    perfect = TransferSynthesis(2 * batch.truth.picture - 1)
    answer = PoseTransferAttempt(batch.truth.picture, batch.plain_alpha, perfect)
    assert float(objective.generator_losses(answer, batch, adversary=False)["pixel"]) == 0
    against = objective.discriminator_losses(objective.discriminator, attempt, batch)
    assert float(against["discriminator"].detach()) > 0
    assert set(objective.figures(attempt, batch)) >= {"psnr_person_ours", "psnr_person_surface"}
    assert [picture.shape for picture in objective.pictures(attempt, batch)] == [(1, 3, *SIZE)] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_pg2_alone_takes_the_photo_for_a_made_picture(kind: str, clip: DrawnClip) -> None:
    batch, seen = samples(clip).sample(0), list[torch.Tensor]()
    objective = build_objective(tiny(kind))

    def spy(picture: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        seen.append(picture)
        return objective.discriminator(picture, *rest)

    objective.discriminator_losses(spy, objective.attempt(objective.generator, batch), batch)
    assert any(torch.equal(each, batch.source) for each in seen) == (kind == "pg2")


@pytest.mark.parametrize(
    ("kind", "loss"), [("dsc", NearestFeatures), ("shup", StandardFeatures), ("pg2", VggPerceptual)]
)
def test_with_vgg_each_has_its_published_loss(kind: str, loss: type, clip: DrawnClip, tmp_path: Path) -> None:
    save_file(vgg_weights(), tmp_path / "vgg.safetensors")
    more = ("loss.perceptual=1.0", f"loss.vgg={tmp_path / 'vgg.safetensors'}")
    objective, batch = build_objective(tiny(kind, *more)), samples(clip).sample(0)
    assert isinstance(objective, PoseTransferObjective)
    attempt = objective.attempt(objective.generator.train(), batch)
    found = objective.generator_losses(attempt, batch, adversary=kind != "pg2")["perceptual"]
    picture = (attempt.picture if attempt.made.coarse is None else attempt.made.coarse / 2 + 0.5).detach()
    own = (VggPerceptual(vgg_weights()),)
    if loss is not VggPerceptual:
        own = (loss(*own, *((3,) if kind == "dsc" else ())),)
    torch.testing.assert_close(found.detach(), own[0](picture, batch.truth.picture).mean())


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("pg2", ("loss.adversarial_from=0.0",), "learns its first stage before the discriminator joins"),
        ("dsc", ("data.size=[64, 48]",), "dsc wants sides of at least 64 that are multiples of 32"),
        ("shup", ("model.start=nothing.safetensors",), "cannot be read as weights"),
    ],
)
def test_configurations_that_cannot_be_are_told(kind: str, more: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_objective(tiny(kind, *more))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_is_trained_and_goes_on_after_a_kill(kind: str, tmp_path: Path) -> None:
    config = tiny(kind)
    whole = train(config, tmp_path / "whole")
    assert (whole.progress.step, whole.reason) == (4, "steps")
    assert train(config, tmp_path / "parts", stop_after=3).reason == "interrupted"
    assert train(config, tmp_path / "parts").progress.step == 4
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes()[-4096:] for name in ("whole", "parts"))
    assert one == other
    found = make_method("gan", weights=whole.weights)
    assert isinstance(found, PoseTransferMethod)
    assert (found.name, found.generator.shape.size) == (kind, SIZE)
    on = replace(config, model=replace(config.model, start=str(whole.weights)))
    assert train(replace(on, train=replace(on.train, steps=1)), tmp_path / "on").progress.step == 1
    with pytest.raises(InputError, match=r"change data\.size and model.width"):
        build_objective(replace(on, model=replace(on.model, width=0.0625)))
