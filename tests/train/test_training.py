"""The loop: the same numbers whatever happens on the way."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from train_samples import pair_folder, tiny_config, tiny_objective

import liquidwarp as lw
from liquidwarp.methods import METHODS
from liquidwarp.nn.compact_weights import load_compact
from liquidwarp.train import checkpoint
from liquidwarp.train.config import TrainConfig, load_config
from liquidwarp.train.processes import Processes
from liquidwarp.train.run import TrainingOutcome, train
from liquidwarp.train.trainer import rate_factor

ADVERSARY = ("data.size=[64, 64]", "loss.adversarial=0.1", "loss.matching=0.1", "loss.adversarial_from=0.0")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return pair_folder(tmp_path / "pairs")


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Everything in a checkpoint, by path."""
    found = {}

    def walk(value: object, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{name}/{key}")
        elif isinstance(value, torch.Tensor):
            found[name] = value

    walk(checkpoint.load_checkpoint(folder)["trainer"], "")
    return found


def figures(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "figures.jsonl").read_text().splitlines()]


def losses(folder: Path) -> list[dict[str, float]]:
    timed = {"samples_per_second", "memory_mb", "minutes"}
    lines = [line for line in figures(folder) if "lr" in line]
    return [{name: value for name, value in line.items() if name not in timed} for line in lines]


def test_a_resumed_training_has_the_same_numbers(tmp_path: Path, pairs: Path) -> None:
    config = tiny_config(pairs, *ADVERSARY)
    train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", stop_after=3)
    done = train(config, tmp_path / "parts")
    assert (done.progress.step, done.reason) == (6, "steps")
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    assert (tmp_path / "whole/weights.safetensors").stat().st_size == done.weights.stat().st_size


@pytest.mark.slow
def test_bfloat16_and_workers_resume_too(tmp_path: Path, pairs: Path) -> None:
    config = tiny_config(pairs, "train.precision=bfloat16", "data.workers=1", "train.steps=4", "log.samples=0")
    train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", stop_after=1)
    train(config, tmp_path / "parts")
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_it_learns_and_the_averaged_weights_follow(tmp_path: Path, pairs: Path) -> None:
    config = tiny_config(
        pairs, "train.steps=30", "train.lr=0.01", "train.ema=0.5", "log.pictures=100", "train.clip=100"
    )
    train(config, tmp_path / "run")
    told = [sum(line[name] for name in ("pixel", "perceptual", "mask")) for line in losses(tmp_path / "run")]
    assert sum(told[-5:]) < 0.8 * sum(told[:5])
    final = checkpoint.load_checkpoint(tmp_path / "run")["trainer"]
    gaps = [float((final["averaged"][n] - v).abs().max()) for n, v in final["networks"]["generator"].items()]
    assert 0 < max(gaps) < 0.1


def test_a_run_leaves_weights_with_a_card(tmp_path: Path, pairs: Path) -> None:
    done = train(tiny_config(pairs), tmp_path / "run")
    network = load_compact(done.weights)
    assert network.widths == (8, 8, 8, 8)
    from safetensors import safe_open

    with safe_open(done.weights, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert (card["steps"], card["seed"], card["batch"]) == (6, 0, 2)
    assert card["data"] == "pairs, 3 clips"
    assert {"psnr_person_ours", "iou_ours", "texture_surface"} <= card["figures"].keys()
    assert {"hardware", "minutes"} <= card.keys()
    assert load_config(tmp_path / "run/config.toml") == tiny_config(pairs)
    assert sorted(path.name for path in (tmp_path / "run/pictures").iterdir()) == ["0000003.png", "0000006.png"]


def test_weights_can_be_started_from(tmp_path: Path, pairs: Path) -> None:
    done = train(tiny_config(pairs), tmp_path / "first")
    again = train(
        tiny_config(pairs, f"model.start='{done.weights}'", "train.steps=1", "train.lr=1e-9"), tmp_path / "next"
    )
    for name, value in load_compact(again.weights).state_dict().items():
        torch.testing.assert_close(value, load_compact(done.weights).state_dict()[name], atol=1e-3, rtol=0)


def write_tiny(generator: nn.Module, path: Path, card: dict, *, configuration: str, width: float) -> None:
    path.write_text(f"tiny {configuration}, {card['steps']} steps")


@pytest.fixture
def tiny_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a generator that is not the compact one."""
    monkeypatch.setitem(METHODS, "compact", replace(METHODS["compact"], export=write_tiny))


def test_any_generator_will_do(tmp_path: Path, pairs: Path, tiny_export: None) -> None:
    config = tiny_config(pairs, *ADVERSARY)
    done = train(config, tmp_path / "run", objective=tiny_objective(config))
    assert done.weights.read_text() == "tiny compact, 6 steps"


def test_the_minutes_end_it(tmp_path: Path, pairs: Path) -> None:
    done = train(tiny_config(pairs, "train.minutes=1e-6"), tmp_path / "run")
    assert (done.reason, done.progress.step) == ("minutes", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_saves_and_stops(tmp_path: Path, pairs: Path, number: int, tiny_export: None) -> None:
    config = tiny_config(pairs, "log.samples=0")
    objective = tiny_objective(config)
    attempt = objective.attempt
    objective.attempt = lambda *given: (os.kill(os.getpid(), number), attempt(*given))[1]
    done: TrainingOutcome = train(config, tmp_path / "run", objective=objective)
    assert (done.reason, done.progress.step) == ("interrupted", 1)
    assert checkpoint.load_checkpoint(tmp_path / "run")["step"] == 1


def test_a_full_disk_leaves_the_last_good_checkpoint(
    tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny_config(pairs, "log.checkpoint=1")
    train(config, tmp_path / "run", stop_after=2)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".pt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with caplog.at_level(logging.WARNING), pytest.raises(lw.OutputError, match="No space left"):
        train(config, tmp_path / "run", stop_after=2)
    assert "the checkpoint before stays" in caplog.text
    assert checkpoint.load_checkpoint(tmp_path / "run")["step"] == 2
    assert [path.name for path in (tmp_path / "run").glob(".*partial*")] == []


def test_another_model_or_a_damaged_checkpoint_is_refused(tmp_path: Path, pairs: Path) -> None:
    train(tiny_config(pairs, "train.steps=1"), tmp_path / "run")
    with pytest.raises(lw.InputError, match=r"holds a run of another \[model\]"):
        train(tiny_config(pairs, "model.widths=[8, 8, 8, 16]"), tmp_path / "run")
    (tmp_path / "run/checkpoint.pt").write_bytes(b"PK cut")
    with pytest.raises(lw.InputError, match=r"checkpoint\.pt: damaged"):
        train(tiny_config(pairs), tmp_path / "run")


def test_what_is_no_method_s_network_is_not_trained(tmp_path: Path, pairs: Path) -> None:
    with pytest.raises(lw.InputError, match=r"model\.kind='surface' is not known; choose one of compact, ICCV"):
        train(tiny_config(pairs, "model.kind=surface"), tmp_path / "run")


def test_broken_clips_are_told(tmp_path: Path, pairs: Path) -> None:
    (pairs / "bad.safetensors").write_bytes(b"cut")
    done = train(tiny_config(pairs, "train.steps=1"), tmp_path / "run")
    assert list(done.broken) == [str(pairs / "bad.safetensors")]


def test_a_training_that_diverges_says_so(tmp_path: Path, pairs: Path) -> None:
    config = tiny_config(pairs)
    objective = tiny_objective(config)
    with torch.no_grad():
        objective.generator.layer.bias[0] = float("nan")
    with pytest.raises(lw.InputError, match="diverged"):
        train(config, tmp_path / "run", objective=objective)


def test_rates_rise_and_fall() -> None:
    linear = TrainConfig(warmup=4, schedule="linear", final=0.1)
    assert rate_factor(linear, 0, 0.0) == 0.25
    assert rate_factor(linear, 4, 0.0) == 1
    assert rate_factor(linear, 9, 1.0) == pytest.approx(0.1)
    cosine = TrainConfig(warmup=0, schedule="cosine", final=0.0)
    assert rate_factor(cosine, 9, 0.5) == pytest.approx(0.5)
    assert rate_factor(TrainConfig(warmup=0, schedule="constant"), 9, 1.0) == 1


def test_the_command_line_trains(tmp_path: Path, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from liquidwarp.cli import main
    from liquidwarp.train.config import dump_config

    (tmp_path / "c.toml").write_text(dump_config(tiny_config(pairs)))
    assert main(["train", str(tmp_path / "c.toml"), "--set", "train.steps=2", "-o", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "run/weights.safetensors")
    assert main(["train", "--set", "train.lrr=1", "-o", str(tmp_path / "run")]) == 2
    assert "did you mean train.lr?" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path, pairs: Path) -> None:
    from liquidwarp.train.config import dump_config

    config = tiny_config(pairs, *ADVERSARY, "train.steps=3")
    (tmp_path / "c.toml").write_text(dump_config(config))
    train(config, tmp_path / "one")
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "liquidwarp.cli"]
    done = subprocess.run(
        [sys.executable, *command, "train", str(tmp_path / "c.toml"), "-o", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    one, two = (checkpoint.load_checkpoint(tmp_path / name)["trainer"]["networks"] for name in ("one", "two"))
    for network, tensors in one.items():
        for name, value in tensors.items():
            if network == "discriminator" and name.endswith("bias"):
                continue  # before an instance norm their gradient is 0 but for rounding, which Adam makes large
            torch.testing.assert_close(two[network][name], value, atol=2e-5, rtol=1e-3)
    for a, b in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert a["norm_generator"] == pytest.approx(b["norm_generator"], rel=1e-3)


@pytest.mark.parametrize("kind", ["edn", "pg2"])
def test_some_methods_are_trained_by_one_process(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = Processes(rank=0, world=2, device=torch.device("cpu"))
    monkeypatch.setattr("liquidwarp.train.run.join_processes", lambda _: nullcontext(two))
    with pytest.raises(lw.InputError, match=f"{kind}.*one process; start it without torchrun"):
        train(load_config(overrides=[f"model.kind={kind}"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tensorboard_shows_curves_and_pictures(tmp_path: Path, pairs: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tiny_config(pairs, "log.tensorboard=true"), tmp_path / "run")
    seen = events.EventAccumulator(str(tmp_path / "run/tensorboard"))
    seen.Reload()
    assert [event.step for event in seen.Scalars("pixel")] == list(range(1, 7))
    assert {event.step for event in seen.Images("rendered | ours | truth | outline")} == {3, 6}
