"""The benchmark of methods in miniature."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from disco_samples import TINY, needs_diffusers, tiny_network

ROOT = Path(__file__).parents[2] / "benchmarks"
MODULES = ("autoencoder", "measure", "people", "report", "systems", "train")
NAMES = (*(f"methods_{name}" for name in MODULES), "run", "quality_measure", "quality_report")
WHY = "package diffusers is not installed"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.setattr(sys, "path", [str(ROOT / "methods"), str(ROOT / "quality"), *sys.path])
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import methods_measure
    import methods_report
    import methods_systems
    import methods_train
    import quality_measure
    import run

    yield SimpleNamespace(
        run=run,
        measure=methods_measure,
        report=methods_report,
        systems=methods_systems.SYSTEMS,
        train=methods_train,
        quality=quality_measure,
    )
    for name in NAMES:
        sys.modules.pop(name, None)


def measured(bench: SimpleNamespace, *names: str) -> object:
    """Return what systems gave on a pair of one frame, of which each scored its number among the names."""
    result = bench.quality.Result("pair", "cross", names, clip_frames=4, asked=len(names))
    pictures = {name: np.zeros((8, 8, 3), np.uint8) for name in ("copy the photo", "real", *names, "background only")}
    result.tiles.append(bench.quality.Tile("pair cross frame 3", 0.5, True, pictures))
    for number, name in enumerate((*names, *bench.quality.FLOORS)):
        for values in result.scores[name].values():
            values.append(float(number))
    systems = [bench.systems[name] for name in names]
    ready = [bench.train.Trained(each, None, 5, *((3, 6, 1.0) if each.kind else ())) for each in systems]
    return bench.measure.Measured("synthetic", result, tuple(ready), dict.fromkeys(names, 0.25))


def test_modes_are_told_apart_and_the_absent_are_named(bench: SimpleNamespace) -> None:
    names = ("surface", "few-shot vid2vid", "few-shot vid2vid, mesh-enriched")
    found = [measured(bench, *names)]
    data = bench.report.to_json(found, {"DisCo-lite": WHY}, {}, 1)
    json.dumps(data, allow_nan=False)
    bench.report.check(data)
    strict, enriched = bench.report.tables(data).split("mesh's parts, normals and flow")
    assert "| few-shot vid2vid | 0.0 M | 1 s | 250 ms | 1.000" in strict
    assert "mesh-enriched |" not in strict
    assert f"| DisCo-lite |  | absent: {WHY} |" in strict
    assert "| few-shot vid2vid, mesh-enriched |" in enriched
    assert "| few-shot vid2vid |" not in enriched
    assert strict.count("| copy the photo |") == enriched.count("| copy the photo |") == 1
    assert bench.report.sheet(found).shape[1] == 6 * 8 + 5 * 2
    for change, message in (
        ({"schema": "other"}, "schema must be"),
        ({"systems": []}, "systems must be a list"),
        ({"systems": [data["systems"][0] | {"told": "all"}]}, r"systems\[0\]\.told must be one of"),
        (
            {"systems": [*data["systems"], data["systems"][1] | {"samples": 7}]},
            r"different numbers of samples: \[6, 7\]",
        ),
        ({"scores": {"synthetic": {}}}, "scores.synthetic must have"),
    ):
        with pytest.raises(ValueError, match=message):
            bench.report.check(data | change)


def test_every_trained_system_has_a_configuration_at_one_budget(bench: SimpleNamespace, tmp_path: Path) -> None:
    options = bench.run.parse(["--samples", "40", "-o", str(tmp_path)])
    trained = [system for system in bench.systems.values() if system.kind]
    configs = [bench.train.configuration(system, tmp_path, options, tmp_path) for system in trained]
    assert {config.train.steps * config.train.batch for config in configs} == {40}
    assert {config.data.size for config in configs} == {(128, 128)}
    assert {config.data.path for config in configs} == {str(tmp_path)}
    assert len({system.slug for system in trained}) == len(trained) == 12
    with_critic = [config.model.kind for config in configs if config.loss.adversarial]
    assert with_critic == ["edn", "pg2"]  # whose trainings have stages of it, or are nothing without


@needs_diffusers
def test_scaled_latents_are_like_noise_and_give_the_same_pictures(bench: SimpleNamespace) -> None:
    from methods_autoencoder import scale_latents_

    network = tiny_network(replace(TINY, side=32))
    pictures = 2 * torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) - 1
    with torch.no_grad():
        before = network.picture(network.latent(pictures))
        scale_latents_(network, pictures)
        latent = network.latent(pictures, torch.Generator().manual_seed(1))
        torch.testing.assert_close(network.picture(latent), before, atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.std((0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)


@pytest.mark.slow
def test_trains_measures_and_goes_on(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench.run, "missing_extra", lambda system: WHY if system.extra else "")
    names = ["surface", "W_C", "DisCo-lite", "EDN, of this person", "DSC"]
    arguments = ["--systems", *names, "--samples", "4", "--size", "64", "--clips", "3", "--frames", "3"]
    arguments += ["--source-size", "160", "--held-out", "1", "--held-out-frames", "8", "--measured", "1"]
    arguments += ["-o", str(tmp_path)]
    assert bench.run.main(arguments) == 0
    first = json.loads((tmp_path / "results.json").read_text())
    bench.report.check(first)
    assert [system["name"] for system in first["systems"]] == names
    assert {system["samples"] for system in first["systems"]} == {0, 4}
    assert first["systems"][2]["absent"] == WHY
    own = first["scores"]["synthetic"]
    assert own["surface"]["person_ssim"]["mean"] > own["copy the photo"]["person_ssim"]["mean"]
    assert (tmp_path / "sheet.png").exists()
    capsys.readouterr()
    assert bench.run.main(arguments) == 0
    again = json.loads((tmp_path / "results.json").read_text())
    assert again["scores"] == first["scores"]
    assert [each["training_seconds"] for each in again["systems"]] == [
        each["training_seconds"] for each in first["systems"]
    ]  # nothing was trained anew
    assert bench.run.main([*arguments[:-2], "--data", str(tmp_path / "none"), *arguments[-2:]]) == 2
    assert "no pair NAME_A.mp4" in capsys.readouterr().err
