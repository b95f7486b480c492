"""DisCo's stages as something to train: each trains what it should, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from disco_samples import TINY, needs_diffusers, tiny_network

from liquidwarp.cards import load_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.disco.stages import DenoisingPass, choose_trained_
from liquidwarp.nn.disco.weights import load_disco, save_disco
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.run import train

pytestmark = needs_diffusers

CROSS = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2"


def tiny(start: Path, *more: str) -> Config:
    settings = ["data.kind=synthetic", "data.size=[32, 32]", "data.clips=2", "data.frames=3", "data.held_out=2"]
    settings += ["data.source_size=[64, 64]", "data.workers=0", "model.kind=disco", f"model.start='{start}'"]
    settings += ["train.steps=4", "train.batch=2", "train.warmup=0", "train.precision=float32", "train.device=cpu"]
    settings += ["train.schedule=constant", "log.pictures=4", "log.samples=2", "log.every=1", "train.ema=0"]
    settings += ["log.checkpoint=2"]
    return load_config(None, [*settings, *more])


def changed(before: Path, after: Path) -> set[str]:
    """Return the parts of the network of which a parameter changed."""
    old, new = (load_with_card(path)[1] for path in (before, after))
    return {key for key, value in new.items() if key not in old or not value.equal(old[key])}


@pytest.mark.parametrize(
    ("stage", "trained", "kept"),
    [
        ("pretraining", "controlnet.nets.1.controlnet_cond_embedding.conv_in.weight", "unet.conv_in.weight"),
        ("finetuning", "unet.conv_in.weight", "vae.encoder.conv_in.weight"),
        ("pose", "controlnet.nets.0.conv_in.weight", "controlnet.nets.1.conv_in.weight"),
        (
            "person",
            f"{CROSS}.to_k.weight",
            "controlnet.nets.0.conv_in.weight",
        ),
        ("time", "unet.down_blocks.0.resnets.0.tem_conv.weight", "unet.conv_in.weight"),
    ],
)
def test_a_stage_trains_its_part(stage: str, trained: str, kept: str) -> None:
    network = tiny_network(replace(TINY, temporal=stage == "time"))
    choose_trained_(network, stage)
    parameters = dict(network.named_parameters())
    assert parameters[trained].requires_grad
    assert not parameters[kept].requires_grad
    assert not any(parameters[name].requires_grad for name in parameters if name.startswith(("vae.", "clip_image")))


def test_learning_by_heart() -> None:
    """One noisy picture again and again: the error of its noise falls."""
    model = DenoisingPass(tiny_network())
    choose_trained_(model.network, "finetuning")
    rng = torch.Generator().manual_seed(0)
    picture, drawing = (torch.rand(1, 1, 3, 32, 32, generator=rng) for _ in range(2))
    noise, when = torch.randn(3, 1, 1, 4, 16, 16, generator=rng), torch.tensor([500])
    optimiser = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], 3e-3)
    losses = []
    for _ in range(12):
        found = model(torch.rand(1, 3, 32, 32, generator=rng), picture[0], drawing, picture, noise, when)
        loss = (found - noise[0]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_a_start_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"goes on from weights; give model\.start"):
        train(tiny(tmp_path, "model.start=''"), tmp_path / "run")
    save_disco(tiny_network(), tmp_path / "disco.safetensors", {})
    with pytest.raises(InputError, match=r"do not lead to model\.kind=disco-pretrained"):
        train(tiny(tmp_path, "model.kind=disco-pretrained"), tmp_path / "run")
    with pytest.raises(InputError, match=r"model.stage .model.kind=disco.='clips' is not known"):
        train(tiny(tmp_path, "model.stage=clips"), tmp_path / "run")


@pytest.mark.slow
def test_stages_follow_each_other_and_resume(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_disco(tiny_network(replace(TINY, pose=False)), start, {})
    pretrained = train(tiny(start, "model.kind=disco-pretrained"), tmp_path / "1").weights
    found = changed(start, pretrained)
    assert any(key.startswith("controlnet.nets.1.") for key in found)
    assert not any(key.startswith(("vae.", "clip_image_encoder.", "unet.conv_in")) for key in found)

    whole = train(tiny(pretrained), tmp_path / "2")
    assert {"noise", "psnr_person_ours"} <= set(whole.figures)
    train(tiny(pretrained), tmp_path / "cut", stop_after=2)
    resumed = train(tiny(pretrained), tmp_path / "cut")
    assert resumed.progress.step == 4
    assert not changed(whole.weights, resumed.weights)  # the same numbers

    person = train(tiny(whole.weights, "model.stage=person"), tmp_path / "3").weights
    assert not any(key.startswith("controlnet.nets.0.") for key in changed(whole.weights, person))
    clips = train(tiny(whole.weights, "model.kind=disco-temporal", "model.stage=time"), tmp_path / "4").weights
    assert all(".tem_" in key for key in changed(whole.weights, clips))
    assert load_disco(clips).network.shape == replace(TINY, temporal=True)
