"""iPER's folders: order of frames, what is missing, pairs, and the way from the published files."""

import pickle
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liquidwarp.data import Analysis, list_frames, load_iper, missing_videos
from liquidwarp.data.iper_prepare import list_clips, prepare_iper, published_track, verify
from liquidwarp.errors import InputError
from liquidwarp.geometry import project
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Camera

SIZE = 24


def toy_track(frames: int) -> BodyTrack:
    body = toy_body()
    return BodyTrack(
        body="toy",
        betas=torch.zeros(body.num_betas),
        global_orient=torch.zeros(frames, 3),
        body_pose=torch.zeros(frames, len(body.joint_names) - 1, 3),
        transl=torch.tensor([[0.0, 0.0, 4.0]]).repeat(frames, 1),
        camera=Camera.create(40.0, (SIZE, SIZE)),
        fps=25.0,
        confidence=torch.ones(frames),
        observed=torch.ones(frames, dtype=torch.bool),
    )


def published(root: Path, name: str, frames: int, *, digits: int = 3) -> None:
    folder = root / "images" / name
    folder.mkdir(parents=True)
    for index in range(frames):
        Image.fromarray(np.full((SIZE, SIZE, 3), index, np.uint8)).save(folder / f"{index:0{digits}d}.jpg")


def analyse(source: Path, name: str) -> Analysis:
    count = len(list(source.glob("*.jpg")))
    return Analysis(toy_track(count), [np.ones((12, 12), np.float32)] * count)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    for name, frames in (("001/1/1", 2), ("001/1/2", 5), ("002/1/2", 3)):
        published(tmp_path, name, frames)
    names = list_clips(tmp_path)
    assert prepare_iper(tmp_path, tmp_path, names, analyse).done == ("001/1/1", "001/1/2", "002/1/2")
    return tmp_path


def test_prepared_clips_are_read_by_name(prepared: Path) -> None:
    folder = load_iper(prepared, ["001/1/2", "002/1/2", "009/1/1"])
    assert folder.names == ("001/1/2", "002/1/2")
    assert "no pictures" in folder.skipped["009/1/1"]
    clip = folder.clip("001/1/2")
    assert (len(clip), clip.person, clip.images[3][0, 0, 0]) == (5, "001/1", 3)
    assert clip.alphas[0].shape == (SIZE, SIZE)


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "images" / "001/1/1"
    folder.mkdir(parents=True)
    for stem in ("10", "009", "0011", "cover", "8"):
        (folder / f"{stem}.jpg").write_bytes(b"")
    assert [file.stem for file in list_frames(tmp_path, "001/1/1")] == ["8", "009", "10", "0011"]


def test_what_is_missing_is_listed_by_video(prepared: Path) -> None:
    assert missing_videos(prepared, {"001/1/1": 2, "001/1/2": 5}) == {}
    (prepared / "tracks" / "001/1/1.npz").unlink()
    (prepared / "masks" / "001/1/2" / "0.png").unlink()
    wanted = {"001/1/1": 2, "001/1/2": 5, "002/1/2": 9, "003/1/1": 4}
    assert missing_videos(prepared, wanted) == {
        "001/1/1": "no track",
        "001/1/2": "4 masks of 5",
        "002/1/2": "3 pictures of 9",
        "003/1/1": "no pictures, no track",
    }


def test_finished_clips_are_not_done_again_and_shards_share(prepared: Path, tmp_path: Path) -> None:
    def never(source: Path, name: str) -> Analysis:
        raise AssertionError(name)

    names = list_clips(prepared)
    assert len(prepare_iper(prepared, prepared, names, never).done) == 3
    parts = [prepare_iper(prepared, tmp_path / "out", names, analyse, shard=(i, 2)).done for i in (0, 1)]
    assert parts == [("001/1/1", "002/1/2"), ("001/1/2",)]
    assert (tmp_path / "out/images/001/1/1/001.jpg").read_bytes() == (prepared / "images/001/1/1/001.jpg").read_bytes()
    with pytest.raises(InputError, match="shards count from 0"):
        prepare_iper(prepared, prepared, names, never, shard=(2, 2))


def test_a_clip_that_cannot_be_prepared_costs_only_itself(prepared: Path) -> None:
    def short(source: Path, name: str) -> Analysis:
        return Analysis(toy_track(1), [np.ones((4, 4), np.float32)])

    published(prepared, "005/1/1", 3)
    outcome = prepare_iper(prepared, prepared, [*list_clips(prepared), "007/1/1"], short)
    assert len(outcome.done) == 3
    assert "3 pictures, 1 masks, a track of 1" in outcome.missing["005/1/1"]
    assert "neither images/007/1/1 nor 007_1_1.mp4" in outcome.missing["007/1/1"]


def test_clips_are_prepared_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script hands each clip to a process of its own, here to itself; one that fails costs only itself."""
    script = Path(__file__).parents[2] / "datasets" / "iper" / "prepare.py"
    spec = spec_from_file_location("prepare", script)
    assert spec is not None
    assert spec.loader is not None
    prepare = module_from_spec(spec)
    spec.loader.exec_module(prepare)
    unlucky = {"001/1/2"}

    def analyse_here(source: Path, name: str, options: Namespace) -> Analysis:
        if name in unlucky:
            raise InputError(f"{name}: no person found")
        return analyse(source, name)

    monkeypatch.setattr(prepare, "analyse", analyse_here)
    for name, frames in (("001/1/1", 2), ("001/1/2", 5), ("002/1/2", 3)):
        published(tmp_path / "root", name, frames)
    done: list[str] = []

    class InProcess:
        def submit(self, arguments: Sequence[str]) -> "Future[str | None]":
            path, *rest = arguments
            assert Path(path) == script.resolve()
            done.append(rest[-1])
            answer: Future[str | None] = Future()
            try:
                answer.set_result(None if prepare.prepare(prepare.parse(rest)) == 0 else "?")
            except InputError as error:
                answer.set_result(str(error))
            return answer

    monkeypatch.setattr("liquidwarp.batch.dask_runner", lambda address: nullcontext(InProcess()))
    given = [str(tmp_path / "root"), "--out", str(tmp_path / "out"), "--protocol", "all", "--dask", "tcp://a:1"]
    assert prepare.main(given) == 1
    assert "001/1/2: no person found" in capsys.readouterr().out
    assert done == ["001/1/1", "001/1/2", "002/1/2"]
    unlucky.clear()
    assert prepare.main(given) == 0
    assert done[3:] == ["001/1/2"], "what is finished is not done again"
    assert prepare.main([*given[:-2]]) == 0
    assert verify(tmp_path / "out", list_clips(tmp_path / "root")) == {}
    assert prepare.main([str(tmp_path / "none"), *given[1:]]) == 2


def test_checksums_find_what_changed(prepared: Path) -> None:
    names = list_clips(prepared)
    assert verify(prepared, names) == {}
    (prepared / "images/001/1/2/002.jpg").write_bytes(b"other")
    (prepared / "prepared/002/1/2.json").write_text("{")
    wrong = verify(prepared, [*names, "009/1/1"])
    assert set(wrong) == {"001/1/2", "002/1/2", "009/1/1"}
    assert wrong["001/1/2"].startswith("images changed")
    assert wrong["009/1/1"] == "not prepared"


def test_published_fits_land_where_they_were_fitted(tmp_path: Path) -> None:
    poses = np.zeros((2, 72), np.float32)
    poses[:, 0] = np.pi  # upright before a camera whose y points down
    cams = np.array([[0.8, 0.1, 0.0], [0.4, -0.5, 0.2]], np.float32)
    path = tmp_path / "pose_shape.pkl"
    path.write_bytes(pickle.dumps({"cams": cams, "pose": poses, "shape": np.zeros((2, 10), np.float32)}))
    body = toy_body()
    track = published_track(path, body, (200, 200))
    joints = body.landmarks(body.landmark_names, track.betas, track.global_orient, track.body_pose, track.transl)
    seen = project(track.camera, joints)[..., :2]
    centre = joints[..., :2] * torch.tensor([1.0, 1.0])
    flat = (torch.from_numpy(cams)[:, None, :1] * centre + 1) * 100  # s (X + x) without depth
    assert float((seen - flat).abs().max()) < 200 * 0.02
    heights = seen[..., 1].amax(1) - seen[..., 1].amin(1)
    assert float(heights[0] / heights[1]) == pytest.approx(2, rel=0.02)
    hips = seen[:, [body.landmark_names.index(f"{side}_hip") for side in ("left", "right")]].mean(1)
    torch.testing.assert_close(hips[:, 0], torch.tensor([108.0, 80.0]), atol=2.0, rtol=0)
    half = replace(track, camera=track.camera.resized((100, 100)))
    assert half.camera.size == (100, 100)
