"""Everybody Dance Now is trained by the trainer of all: frames, then the face, and on after a kill."""

from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp
from liquidwarp.cli import main
from liquidwarp.errors import InputError
from liquidwarp.methods import EdnMethod, make_method
from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator, save_edn
from liquidwarp.train.batch import TargetTruth
from liquidwarp.train.build import build_objective
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.edn_objective import EdnAttempt, EdnObjective
from liquidwarp.train.edn_samples import EdnBatch
from liquidwarp.train.run import train
from liquidwarp.train.sources import open_sources

RECIPE = Path(__file__).parents[2] / "liquidwarp" / "train" / "recipes" / "edn.toml"
SIZE = (64, 64)


def tiny(*more: str) -> Config:
    settings = ["data.kind=synthetic", "data.clips=2", "data.frames=3", "data.size=[64, 64]", "data.held_out=2"]
    settings += ["data.source_size=[96, 96]", "data.workers=0", "model.width=0.03125", "model.discriminator_width=2"]
    settings += ["train.steps=4", "train.batch=2", "train.device=cpu", "log.pictures=4", "log.samples=2", "log.every=1"]
    return load_config(RECIPE, [*settings, *more])


@pytest.fixture
def batch() -> EdnBatch:
    random = np.random.default_rng(0)
    poses, pictures = (torch.from_numpy(random.random((2, 2, 3, *SIZE), np.float32)) for _ in range(2))
    truth = TargetTruth.without_boxes(pictures[:, 1], torch.ones(2, *SIZE))
    return EdnBatch(poses, 2 * pictures - 1, torch.tensor([[8, 20], [-1, -1]]), truth)


@pytest.mark.parametrize("stage", ["frames", "face"])
def test_each_stage_trains_its_own_part(stage: str, batch: EdnBatch, tmp_path: Path) -> None:
    frames = build_objective(tiny())
    assert isinstance(frames.generator, EdnGenerator)
    save_edn(frames.generator, tmp_path / "frames.safetensors", {})
    start = [f"model.start='{tmp_path / 'frames.safetensors'}'"] if stage == "face" else []
    objective = build_objective(tiny(f"model.stage={stage}", *start))
    assert isinstance(objective, EdnObjective)
    assert objective.discriminator is not None
    attempt = objective.attempt(objective.generator.train(), batch)
    losses = objective.generator_losses(attempt, batch, adversary=True)
    assert set(losses) == {"pixel", "perceptual", "adversarial"} | ({"matching"} if stage == "frames" else set())
    torch.stack(list(losses.values())).sum().backward()
    moved = {name.split(".")[0] for name, value in objective.generator.named_parameters() if value.grad is not None}
    assert moved == {"main" if stage == "frames" else "face"}
    against = objective.discriminator_losses(objective.discriminator, attempt, batch)
    assert float(against["discriminator"].detach()) > 0
    assert [picture.shape for picture in objective.pictures(attempt, batch)] == [(2, 3, *SIZE)] * 3
    perfect = EdnAttempt(batch.truth.picture, batch.plain_alpha, batch.pictures)
    exact = objective.generator_losses(perfect, batch, adversary=True)
    assert all(float(exact[name].detach()) < 1e-5 for name in set(exact) - {"adversarial"})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("model.stage=face",), "give model.start=FILE of a training on frames"),
        (("model.stage=hands",), "model.stage"),
        (("loss.adversarial=0.0",), "learns with a discriminator"),
    ],
)
def test_configurations_that_cannot_be_are_told(more: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_objective(tiny(*more))


@pytest.mark.slow
def test_an_epoch_is_trained_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    whole = train(tiny(), tmp_path / "whole")
    assert train(tiny(), tmp_path / "parts", stop_after=3).reason == "interrupted"
    assert train(tiny(), tmp_path / "parts").progress.step == 4
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes()[-4096:] for name in ("whole", "parts"))
    assert one == other
    face = train(tiny("model.stage=face", f"model.start='{whole.weights}'", "train.steps=2"), tmp_path / "face")
    found, before = make_method("gan", weights=face.weights), make_method("edn", weights=whole.weights)
    assert isinstance(found, EdnMethod)
    assert isinstance(before, EdnMethod)
    assert found.generator.face is not None
    own = before.generator.main.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in found.generator.main.state_dict().items())


def test_the_command_line_trains_on_a_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Config] = []

    def tell(config: Config, *_: object, **__: object) -> None:
        given.append(config)
        raise InputError("told")

    monkeypatch.setattr("liquidwarp.train.run.train", tell)
    out = str(tmp_path / "run")
    for clip in ("me.mp4", "2024", "true", "'mine'.mp4"):
        assert main(["train", "--method", "edn", "--clip", clip, "--set", "train.steps=3", "-o", out]) == 2
        config = given.pop()
        assert (config.model.kind, config.data.kind, config.data.path, config.train.steps) == ("edn", "video", clip, 3)
    assert main(["train", str(RECIPE), "--method", "edn", "-o", out]) == 2
    assert "leave out --method or the configuration's file" in capsys.readouterr().err
    assert main(["train", "--method", "surface", "-o", out]) == 2
    assert "method='surface' is not known; choose one of" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"me\.txt: not a video; give the clip of the person"):
        open_sources(tiny("data.kind=video", "data.path=me.txt"), tmp_path)


@pytest.mark.slow
def test_a_clip_of_a_person_is_learnt_from(tmp_path: Path) -> None:
    clip = Path(liquidwarp.__file__).parent / "demo_assets" / "motion.mp4"
    config = tiny("data.kind=video", f"data.path={clip}", "data.held_out=0", "data.frames=5", "train.steps=2")
    assert train(config, tmp_path).progress.step == 2
