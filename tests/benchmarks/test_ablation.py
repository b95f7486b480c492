"""The ablation in miniature, over people made of noise."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from liquidwarp.bodies import load_body
from liquidwarp.errors import InputError
from liquidwarp.flow import identity_flow
from liquidwarp.train.liquid_samples import LiquidSamples, look_at_clip
from liquidwarp.types import BodyTrack, Camera, Clip

FOLDER = Path(__file__).parents[2] / "benchmarks" / "ablation"
NAMES = ("run", "ablation_measure", "ablation_real", "ablation_report", "ablation_train")
FRAMES, SIZE = 4, 32


@pytest.fixture
def ablation(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import ablation_measure
    import ablation_report
    import run

    monkeypatch.setattr(ablation_measure, "synthetic_clip", fake_clip)
    monkeypatch.setattr(ablation_measure, "roughen", lambda body, track, rng: track)
    yield SimpleNamespace(run=run, measure=ablation_measure, report=ablation_report)
    for name in NAMES:
        sys.modules.pop(name, None)


class AllSeen:
    def flow(self, target: int, source: int):
        return identity_flow((SIZE, SIZE))


def fake_clip(seed: tuple[int, int], frames: int, size: tuple[int, int], *, fps: float = 0.0) -> Clip:
    rng = np.random.default_rng(seed)
    body = load_body()
    alphas = np.zeros((frames, *size), np.uint8)
    alphas[:, 4:-4, 10:-10] = 255
    track = BodyTrack(
        body=body.name,
        betas=torch.zeros(body.num_betas),
        global_orient=torch.zeros(frames, 3),
        body_pose=torch.zeros(frames, len(body.joint_names) - 1, 3),
        transl=torch.tensor([[0.0, 0.0, 3.0]]).expand(frames, 3),
        camera=Camera.create(40.0, size),
        fps=fps,
        confidence=torch.ones(frames),
        observed=torch.ones(frames, dtype=torch.bool),
    )
    images = rng.integers(0, 255, (frames, *size, 3), dtype=np.uint8)
    return Clip(f"noise {seed}", images, alphas, track, truth=AllSeen())


@pytest.mark.slow
def test_trains_measures_and_goes_on(ablation: SimpleNamespace, tmp_path: Path) -> None:
    arguments = ["--steps", "2", "--batch", "2", "--size", str(SIZE), "--width", "0.05", "--clips", "2"]
    arguments += ["--frames", str(FRAMES), "--held-out", "1", "--variants", "W_C", "attention", "-o", str(tmp_path)]
    assert ablation.run.main(arguments) == 0
    first = json.loads((tmp_path / "results.json").read_text())
    ablation.report.check(first)
    assert [result["method"] for result in first["results"]] == [*ablation.measure.FLOORS, "W_C", "attention"]
    assert {result["steps"] for result in first["results"]} == {0, 2}
    assert all(result["scores"]["synthetic"]["seen_psnr"]["count"] == 2 for result in first["results"])
    assert all(result["scores"]["synthetic"]["unseen_psnr"]["mean"] is None for result in first["results"])
    assert (tmp_path / "sheet.png").exists()
    assert ablation.run.main(arguments) == 0
    again = json.loads((tmp_path / "results.json").read_text())
    assert again["results"] == first["results"]  # nothing was trained anew


def test_schema_names_what_is_wrong(ablation: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="schema must be"):
        ablation.report.check({"schema": "other"})


def test_missing_pairs_are_named(ablation: SimpleNamespace, tmp_path: Path) -> None:
    import ablation_real

    with pytest.raises(Exception, match=r"no pair NAME_A\.mp4"):
        ablation_real.find_pairs(tmp_path, None)


def test_a_frame_made_of_its_like_is_the_photo() -> None:
    clip = fake_clip((1, 2), 2, (SIZE, SIZE))
    same = replace(clip, images=np.repeat(clip.images[:1], 2, 0))
    batch = look_at_clip(same, (SIZE, SIZE), 2).sample(1, [0])
    valid = batch.flow.valid[0, 0]
    assert valid.any()
    inside = valid & (batch.truth.alpha[0] == 1)
    torch.testing.assert_close(batch.warped[0][:, inside], batch.truth.picture[0][:, inside], atol=2e-2, rtol=0)
    assert batch.body_mask[0][valid].all()


@pytest.mark.slow
def test_a_sample_depends_on_its_number_alone() -> None:
    def samples() -> LiquidSamples:
        return LiquidSamples(
            3, lambda number: look_at_clip(fake_clip((0, number), 3, (SIZE, SIZE)), (SIZE, SIZE), 3), seed=4, kept=2
        )

    one, other = samples(), samples()
    one.sample(0)
    assert all(compared(one.sample(70), other.sample(70)))


def compared(one: object, other: object) -> Iterator[bool]:
    """Yield for each plane of two batches whether they are the same."""
    for name, value in vars(one).items():
        again = getattr(other, name)
        if isinstance(value, torch.Tensor):
            yield torch.equal(value, again)
        else:
            yield from compared(value, again)


def test_clips_that_are_too_short_are_listed() -> None:
    short = LiquidSamples(1, lambda number: look_at_clip(fake_clip((0, 0), 1, (SIZE, SIZE)), (SIZE, SIZE), 1))
    with pytest.raises(InputError, match=r"8 clips in a row .* 1 frames; 2 are needed") as told:
        short.sample(0)
    assert isinstance(told.value.__cause__, InputError)
    assert list(short.broken) == ["clip 0"]
