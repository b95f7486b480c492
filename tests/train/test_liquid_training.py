"""The published generators as something to train."""

from pathlib import Path

import pytest
import torch

from liquidwarp.errors import InputError
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.weights import load_generator
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.run import train


def tiny(*more: str) -> Config:
    settings = ["data.kind=synthetic", "data.size=[32, 32]", "data.clips=2", "data.frames=3", "data.held_out=2"]
    settings += ["data.workers=0", "model.kind=AttLWB-SPADE", "model.width=0.05", "train.steps=2", "train.batch=2"]
    settings += ["train.precision=float32", "train.device=cpu", "log.pictures=2", "log.samples=2", "log.every=1"]
    return load_config(None, [*settings, *more])


@pytest.mark.slow
def test_trained_weights_are_read_back(tmp_path: Path) -> None:
    outcome = train(tiny(), tmp_path)
    assert outcome.progress.step == 2
    assert {"psnr_person_ours", "psnr_person_surface"} <= set(outcome.figures)
    network = load_generator(outcome.weights)
    assert isinstance(network, LiquidGenerator)
    assert not any(bool(torch.isnan(value).any()) for value in network.state_dict().values())
    on = train(tiny(f"model.start='{outcome.weights}'", "train.steps=1"), tmp_path / "on")
    assert on.progress.step == 1
    with pytest.raises(InputError, match="another network"):
        train(tiny(f"model.start='{outcome.weights}'", "model.kind=AddLWB"), tmp_path / "other")


@pytest.mark.slow
def test_feature_warping_is_read_back_too(tmp_path: Path) -> None:
    outcome = train(tiny("model.kind=W_F", "train.steps=1", "log.samples=0"), tmp_path)
    assert isinstance(load_generator(outcome.weights), LiquidGenerator)


def test_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="clips, iper, synthetic or video"):
        train(tiny("data.kind=pairs"), tmp_path)
