"""The iPER benchmark on data of the same layout; the library's long work is a stand-in, except in the slow test."""

import functools
import json
import math
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from disco_samples import needs_diffusers, tiny_dreampose, tiny_network
from few_shot_samples import tiny_file
from pose_transfer_samples import KINDS, tiny_transfer_file

import liquidwarp as lw
from liquidwarp.media import write_image
from liquidwarp.methods import METHODS
from liquidwarp.methods.liquid import export
from liquidwarp.nn.disco.weights import save_disco
from liquidwarp.nn.dreampose.weights import save_dreampose
from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator, EdnShape, save_edn
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.published import shape_of
from liquidwarp.testing import toy_body

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "iper"
SIZE, FRAMES = 48, 5
NAMES = ("001/1/1", "001/2/1", "002/1/2")


@pytest.fixture
def iper(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    names = ("run", "iper_measure", "iper_metrics", "iper_report")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import iper_measure
    import iper_report
    import run

    yield SimpleNamespace(run=run, measure=iper_measure, report=iper_report)
    for name in names:
        sys.modules.pop(name, None)


def entry(name: str, other: str) -> dict:
    return {
        "source": ["0.jpg", "2.jpg", "003.jpg"],
        "view angle": [0, 120, 240],
        "s_n": {"1": ["000.jpg"], "2": ["0.jpg", "2.jpg"], "3": ["0.jpg", "2.jpg", "3.jpg"]},
        "mask": [],
        "novel view": name.endswith("/1"),
        "self_imitation": {"target": name, "range": [0, FRAMES - 1]},
        "cross_imitation": {"target": other, "range": [0, 2]},
        "flag": [1, 3],
    }


def turning_track() -> lw.BodyTrack:
    body = toy_body()
    return lw.BodyTrack(
        body="toy",
        betas=torch.zeros(body.num_betas),
        global_orient=torch.tensor([[0.0, 0.4 * index, 0.0] for index in range(FRAMES)]),
        body_pose=torch.zeros(FRAMES, len(body.joint_names) - 1, 3),
        transl=torch.tensor([[0.0, 0.0, 4.0]]).repeat(FRAMES, 1),
        camera=lw.Camera.create(60.0, (SIZE, SIZE)),
        fps=8.0,
        confidence=torch.ones(FRAMES),
        observed=torch.ones(FRAMES, dtype=torch.bool),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small videos in iPER's layout, with a protocol."""
    root = tmp_path_factory.mktemp("iper")
    rng, mask = np.random.default_rng(0), np.zeros((SIZE, SIZE), np.uint8)
    mask[8:40, 16:32] = 255
    for name in NAMES:
        for index in range(FRAMES):
            picture = rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
            write_image(root / "images" / name / f"{index:05d}.jpg", picture)
            write_image(root / "masks" / name / f"{index:05d}.png", np.repeat(mask[..., None], 3, 2))
        (root / "tracks" / name).parent.mkdir(parents=True, exist_ok=True)
        turning_track().save(root / "tracks" / f"{name}.npz")
    protocol = {"val": {name: entry(name, NAMES[index - 1]) for index, name in enumerate(NAMES)}}
    (root / "synthetic_iPER_protocol.json").write_text(json.dumps(protocol))
    return root


def fake_library(monkeypatch: pytest.MonkeyPatch, iper: SimpleNamespace, *, stop_after: int = 10**9) -> list[int]:
    """Answer each pose with a picture that depends on the pose alone; raise `KeyboardInterrupt` after some."""
    made: list[int] = []

    def synthesize(person, target, *, method):
        for index in range(len(target)):
            if len(made) >= stop_after:
                raise KeyboardInterrupt
            made.append(index)
            value = float(target.global_orient[index].abs().sum() + target.transl[index].abs().sum()) % 1
            alpha = torch.zeros(SIZE, SIZE)
            alpha[10:40, 15:30] = 1
            yield lw.Synthesis(torch.full((3, SIZE, SIZE), value), alpha, alpha.to(torch.uint8))

    def person(photos, alphas, tracks):
        assert len(photos) == len(alphas) == len(tracks)
        return SimpleNamespace(track=tracks[0], body=lw.load_body(tracks[0].body))

    fakes = SimpleNamespace(**{name: getattr(lw, name) for name in ("InputError", "BodyTrack")})
    fakes.load_body = functools.cache(lw.load_body)
    fakes.synthesize, fakes.transfer_appearance = synthesize, lambda wearer, wear: wearer
    monkeypatch.setattr(iper.measure, "lw", fakes)
    monkeypatch.setattr(iper.measure, "source_from_tracks", person)
    return made


def arguments(root: Path, out: Path, *more: str) -> list[str]:
    return ["--data", str(root), "-o", str(out), "--task", *more]


def test_all_tasks_give_a_table_that_the_schema_accepts(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, iper)
    assert iper.run.main(arguments(made, tmp_path, "self", "cross", "transfer", "view", "--sources", "1,2")) == 0
    data = json.loads((tmp_path / "results.json").read_text())
    iper.report.check(data)
    answered = {(s["task"], s["renderer"], s["sources"]): s["answered"] for s in data["summary"]}
    assert answered["self", "surface", "1"] == answered["self", "copy", "2"] == 15
    assert answered["cross", "surface", "2"] == 9
    assert answered["transfer", "surface", "1"] == 3
    assert (answered["view", "surface", "1"], answered["view", "surface", "2"]) == (4, 2)
    by_task = {s["task"]: s["scores"] for s in data["summary"]}
    assert by_task["cross"]["ssim"]["count"] == 0  # the two show different poses
    assert by_task["self"]["ssim"]["count"] == 15
    assert by_task["self"]["flicker"]["count"] == 12
    text = (tmp_path / "results.md").read_text()
    assert "| PG2 (quoted) | 1 | - | 0.854 | 0.135 |" in text
    assert "| LWB (quoted) | 1 | - | 3.419 | 0.317 | - |" in text
    assert "| ours: surface | 2 | 15 of 15 | 0." in text
    assert "absent" in text
    assert (tmp_path / "results.tex").read_text().count(r"\end{tabular}") == 4
    assert {path.name for path in tmp_path.glob("*.png")} == {"sheet.png", "worst.png"}
    for change, message in (({"schema": "x"}, "schema must be"), ({"runs": 3}, "runs must be a list")):
        with pytest.raises(ValueError, match=message):
            iper.report.check(data | change)


def test_killed_and_resumed_gives_the_same_table(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iper.measure, "_CHUNK", 2)
    for stop in (7, 2):
        fake_library(monkeypatch, iper, stop_after=stop)
        with pytest.raises(KeyboardInterrupt):
            iper.run.main(arguments(made, tmp_path / "cut", "self", "--renderer", "surface"))
    lines = next(iter((tmp_path / "cut").rglob("*002-1-2*/frames.jsonl")), None)
    assert lines is None  # the third video was not reached
    torn = sorted((tmp_path / "cut").rglob("frames.jsonl"))[-1]
    torn.write_text(torn.read_text() + '{"ssim": 0.')  # killed in the middle of a line
    fake_library(monkeypatch, iper)
    assert iper.run.main(arguments(made, tmp_path / "cut", "self", "--renderer", "surface")) == 0
    assert iper.run.main(arguments(made, tmp_path / "whole", "self", "--renderer", "surface")) == 0
    for name in ("results.json", "results.md", "results.tex", "sheet.png", "worst.png"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_shards_share_a_folder(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    calls = fake_library(monkeypatch, iper)
    iper.run.main(arguments(made, tmp_path, "self", "--shard", "0/2"))
    assert "3 of 6 runs are not finished" in capsys.readouterr().out
    iper.run.main(arguments(made, tmp_path, "self", "--shard", "1/2"))
    assert "not finished" not in capsys.readouterr().out
    count = len(calls)
    iper.run.main(arguments(made, tmp_path, "self"))
    assert len(calls) == count == 15


class InProcess:
    """Runs a script's commands here, one after another, and keeps them."""

    def __init__(self, main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
        self._main, self._capsys, self.done = main, capsys, []

    def submit(self, arguments: Sequence[str]) -> "Future[str | None]":
        self.done.append(arguments)
        assert Path(arguments[0]).is_absolute()
        answer: Future[str | None] = Future()
        code = self._main(list(arguments[1:]))
        said = self._capsys.readouterr().err.rpartition("error: ")[2]  # beside the bar of this very process
        answer.set_result(None if code == 0 else said.strip())
        return answer


def test_side_by_side_gives_the_same_table(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    half = tmp_path / made.name
    shutil.copytree(made, half)
    (half / "images" / NAMES[1] / "00002.jpg").write_bytes(b"unreadable")
    fake_library(monkeypatch, iper)
    runner = InProcess(iper.run.main, capsys)
    monkeypatch.setattr("liquidwarp.batch.local_runner", lambda jobs: nullcontext(runner))
    more = ["self", "cross", "--sources", "1,2", "--limit", "4"]
    assert iper.run.main(arguments(half, tmp_path / "alone", *more)) == 1
    assert iper.run.main(arguments(half, tmp_path / "both", *more, "--jobs", "2")) == 1
    for name in ("results.json", "results.md", "results.tex", "sheet.png", "worst.png"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "both" / name).read_bytes()
    failed = json.loads((tmp_path / "both" / "results.json").read_text())["failed"]
    assert len(runner.done) == 24 > len(failed) > 0
    runner.done.clear()
    assert iper.run.main(arguments(half, tmp_path / "both", *more, "--jobs", "2")) == 1
    assert len(runner.done) == len(failed), "only what failed is tried again"


def test_iccv_protocol_runs_each_video_three_times(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, iper)
    assert iper.run.main(arguments(made, tmp_path, "self", "--sources", "iccv", "--limit", "1")) == 0
    data = json.loads((tmp_path / "results.json").read_text())
    assert [run["sources"] for run in data["runs"] if run["renderer"] == "surface"] == [[0], [2], [3]] * 3


def test_half_of_the_data_is_listed_and_the_rest_runs(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    half = tmp_path / "half"
    shutil.copytree(made, half)
    shutil.rmtree(half / "masks" / NAMES[0])
    (half / "images" / NAMES[1] / "00002.jpg").write_bytes(b"unreadable")
    fake_library(monkeypatch, iper)
    assert iper.run.main(arguments(half, tmp_path / "out", "self")) == 1
    assert "missing: 001/1/1: no masks" in capsys.readouterr().err
    data = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(data["missing"]) == ["001/1/1"]
    assert any("00002.jpg" in why for why in data["failed"].values())
    assert {run["video"]: run["answered"] for run in data["runs"]} == {"001/2/1": 2, "002/1/2": 5}
    assert iper.run.main(arguments(tmp_path, tmp_path / "none", "self")) == 2
    assert "no run is left" in capsys.readouterr().err


def test_other_settings_need_another_folder(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, iper)
    assert iper.run.main(arguments(made, tmp_path, "self", "--limit", "1")) == 0
    assert iper.run.main(arguments(made, tmp_path, "self", "--limit", "2")) == 1
    failed = json.loads((tmp_path / "results.json").read_text())["failed"]
    assert all("other settings" in why for why in failed.values())
    with pytest.raises(lw.InputError, match="method='best' is not known; choose one of surface, compact, liquid"):
        iper.measure.make_renderer("best")


def test_the_camera_walks_to_the_side_that_a_frame_shows(iper: SimpleNamespace, made: Path) -> None:
    """The view's camera must see the body as the turned body is seen by the standing camera."""
    from liquidwarp.geometry import axis_angle_to_matrix
    from liquidwarp.tasks.target import orbit_target

    track = lw.BodyTrack.load(made / "tracks" / f"{NAMES[0]}.npz")
    degrees = iper.measure.turn_between(track, 0, 2)
    assert abs(degrees) == pytest.approx(math.degrees(0.8), abs=0.1)
    view = orbit_target(lw.load_body(track.body), track[0], degrees=0.0, frames=1, start=degrees)
    seen = view.cameras[0].rotation @ axis_angle_to_matrix(track.global_orient)[0]
    real = track.camera.rotation @ axis_angle_to_matrix(track.global_orient)[2]
    apart = torch.rad2deg(torch.arccos(((seen.T @ real).trace() - 1).div(2).clamp(-1, 1)))
    assert float(apart) < 1


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic person in two outfits, made by the script that makes large sets."""
    import subprocess

    folder = tmp_path_factory.mktemp("people")
    small = "--subjects 1 --outfits 2 --frames-a 8 --frames-random 6 --size 96 --val-fraction 1.0"
    make = ROOT / "datasets" / "synthetic" / "make.py"
    subprocess.run([sys.executable, str(make), "--out", str(folder), *small.split()], check=True)
    return folder


@pytest.mark.slow
def test_the_whole_way_on_synthetic_people(iper: SimpleNamespace, people: Path, tmp_path: Path) -> None:
    tasks = ("self", "cross", "transfer", "view")
    assert iper.run.main(arguments(people, tmp_path / "out", *tasks, "--renderer", "surface")) == 0
    data = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {item["task"] for item in data["summary"]} == set(tasks)
    for item in data["summary"]:
        assert item["answered"] == item["asked"]
        if item["task"] in ("self", "view"):
            assert item["scores"]["iou"]["mean"] > 0.6


def liquid_weights(folder: Path) -> Path:
    network, path = LiquidGenerator(shape_of("AddLWB", 1 / 16)), folder / "liquid.safetensors"
    export(network, path, {}, configuration="AddLWB", width=1 / 16)
    return path


def edn_weights(folder: Path) -> Path:
    shape = EdnShape((64, 64), width=4, halvings=2, blocks=1, face_width=4, face_halvings=2, face_blocks=1)
    save_edn(EdnGenerator(shape), folder / "edn.safetensors", {})
    return folder / "edn.safetensors"


def disco_weights(folder: Path) -> Path:
    save_disco(tiny_network(), folder / "disco.safetensors", {})
    return folder / "disco.safetensors"


def dreampose_weights(folder: Path) -> Path:
    save_dreampose(tiny_dreampose(), folder / "dreampose.safetensors", {})
    return folder / "dreampose.safetensors"


OWN = {
    "surface": None,
    "compact": None,
    "liquid": liquid_weights,
    "few-shot-vid2vid": tiny_file,
    "disco": disco_weights,
    "dreampose": dreampose_weights,
    "edn": edn_weights,
    **{kind: partial(tiny_transfer_file, kind=kind) for kind in KINDS},
}
"""Every method that poses a body, and what makes weights for it."""

DIFFUSION = {"disco": ",steps=1", "dreampose": ",steps=1"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(n, marks=needs_diffusers if n in DIFFUSION else ()) for n in OWN])
def test_every_method_runs_by_its_name(iper: SimpleNamespace, people: Path, tmp_path: Path, name: str) -> None:
    make = OWN[name]
    spec = name if make is None else f"{name}:weights={make(tmp_path)}{DIFFUSION.get(name, '')}"
    more = ["--method", spec, "--limit", "1"]
    assert iper.run.main(arguments(people, tmp_path / "out", "self", "transfer", *more)) == 0
    data = json.loads((tmp_path / "out" / "results.json").read_text())
    iper.report.check(data)
    ours = [item for item in data["summary"] if item["renderer"].startswith(name)]
    assert {item["task"] for item in ours} == {"self", "transfer"}
    assert all(item["answered"] == item["asked"] > 0 for item in ours)
    assert str(tmp_path) not in json.dumps(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "name", "words"),
    [("face", "few-shot-vid2vid-face", "not a body"), ("street", "few-shot-vid2vid-labels", "not bodies")],
)
def test_methods_without_a_body_are_told(
    iper: SimpleNamespace, people: Path, tmp_path: Path, shape: str, name: str, words: str
) -> None:
    spec = f"{name}:weights={tiny_file(tmp_path, shape, (64, 64))}"
    assert iper.run.main(arguments(people, tmp_path / "out", "self", "--method", spec, "--limit", "1")) == 1
    failed = json.loads((tmp_path / "out" / "results.json").read_text())["failed"]
    assert all(f"method {name!r}" in why and words in why for why in failed.values())
    assert failed
    assert set(METHODS) == {*OWN, "few-shot-vid2vid-face", "few-shot-vid2vid-labels"}


def weights_folder(folder: Path) -> Path:
    """A narrow AlexNet under the published names, and LPIPS's layers for it."""
    torch.manual_seed(0)
    layers = ((0, 3, 4, 11), (3, 4, 5, 5), (6, 5, 6, 3), (8, 6, 5, 3), (10, 5, 4, 3))
    trunk = {f"features.{n}.weight": torch.randn(b, a, size, size) / size for n, a, b, size in layers}
    trunk |= {f"features.{n}.bias": torch.zeros(b) for n, _, b, _ in layers}
    folder.mkdir()
    torch.save(trunk, folder / "alexnet-owt-7be5be79.pth")
    heads = {f"lin{level}.model.1.weight": torch.rand(1, b, 1, 1) for level, (_, _, b, _) in enumerate(layers)}
    torch.save(heads, folder / "alex.pth")
    return folder


@pytest.mark.slow
def test_columns_of_the_library_metrics(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch, iper)
    more = ["--metric-weights", str(weights_folder(tmp_path / "weights")), "--renderer", "surface", "--limit", "2"]
    assert iper.run.main(arguments(made, tmp_path / "out", "self", "cross", *more)) == 0
    data = json.loads((tmp_path / "out" / "results.json").read_text())
    iper.report.check(data)
    scores = {item["task"]: item["scores"] for item in data["summary"]}
    assert scores["self"]["lpips-alex"]["count"] == 6
    assert scores["self"]["lpips-alex/seen"]["count"] == 6
    assert scores["cross"]["lpips-alex"]["count"] == 0
    assert "pt_inception" in data["absent"]["is"]
    assert "net_last.pth" in data["absent"]["freid"]
    text = (tmp_path / "out" / "results.md").read_text()
    value = f"{scores['self']['lpips-alex']['mean']:.3f}"
    assert f"| ours: surface | 1 | 6 of 6 | {scores['self']['ssim']['mean']:.3f} | {value} |" in text
    assert "| person LPIPS (Alex) ↓ |" in text
    assert "LPIPS (Alex)/seen" not in text


def test_sets_go_on_where_they_stopped(
    iper: SimpleNamespace, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from liquidwarp.metrics import METRICS, frechet_distance
    from liquidwarp.metrics.scorers import SetScorer

    def colours(frames, regions):
        if not frames[0].rgb[..., 0].any():  # a black picture shows nothing to look at
            return None
        return frames[0].rgb.reshape(-1, 3).mean(0)[: 2 + 0 * len(regions)]

    colour = replace(METRICS["fid"], name="colour", corrected=lambda setting: SetScorer(colours, frechet_distance))
    monkeypatch.setitem(METRICS, "colour", colour)
    monkeypatch.setattr(iper.measure, "_CHUNK", 2)
    more = ["self", "--renderer", "surface", "--metrics", "colour", "warp-error", "--keep-pictures"]
    fake_library(monkeypatch, iper, stop_after=9)
    with pytest.raises(KeyboardInterrupt):
        iper.run.main(arguments(made, tmp_path / "cut", *more))
    torn = max((tmp_path / "cut").rglob("colour.made.f32"), key=lambda path: path.stat().st_mtime)
    torn.write_bytes(torn.read_bytes() + b"half")
    fake_library(monkeypatch, iper)
    for out in ("cut", "whole"):
        assert iper.run.main(arguments(made, tmp_path / out, *more)) == 0
    for name in ("results.json", "results.md"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    summary = json.loads((tmp_path / "whole" / "results.json").read_text())["summary"][0]
    assert summary["sets"]["colour"]["count"] == 12  # the first frame of each video is black
    assert summary["sets"]["colour"]["value"] > 0
    assert summary["scores"]["warp-error"]["count"] == 12
    assert len(list((tmp_path / "whole" / "pictures" / "made").rglob("*.png"))) == 15
    assert iper.run.main(arguments(made, tmp_path / "whole", "self", "--renderer", "surface")) == 1  # other settings


def test_metrics_that_cannot_be_had_say_so(
    iper: SimpleNamespace, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name, message in (("fvd", "liquidwarp evaluate"), ("landmarks", "needs a detector"), ("beauty", "not known")):
        assert iper.run.main(arguments(made, tmp_path, "self", "--metrics", name)) == 2
        assert message in capsys.readouterr().err
    assert iper.run.main(arguments(made, tmp_path, "self", "--metric-weights", str(tmp_path / "none"))) == 2
    assert "no such folder" in capsys.readouterr().err
