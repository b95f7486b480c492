"""Prepared footage and data sets in the layout of iPER."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from liquidwarp.bodies import load_body
from liquidwarp.data import Analysis, load_clips, load_iper, prepare_footage, save_clip
from liquidwarp.errors import InputError
from liquidwarp.media import write_video
from liquidwarp.raster import rasterize
from liquidwarp.synth import synthetic_clip
from liquidwarp.types import Clip

MAKE = Path(__file__).parents[2] / "datasets" / "synthetic" / "make.py"


@pytest.fixture(scope="module")
def clip() -> Clip:
    return synthetic_clip(5, 3, (96, 128), kind="reach", fps=8.0)


def test_saved_clip_comes_back(clip: Clip, tmp_path: Path) -> None:
    save_clip(clip, tmp_path / "one")
    back = load_clips(tmp_path)[0]
    assert len(back) == len(clip)
    assert back.person == clip.person
    assert back.size == clip.size
    np.testing.assert_array_equal(back.alphas[1], clip.alphas[1])
    assert np.abs(back.images[2].astype(int) - clip.images[2].astype(int)).mean() < 3
    assert back.background is not None
    torch.testing.assert_close(back.track.body_pose, clip.track.body_pose)


def test_broken_clips_are_skipped_and_listed(clip: Clip, tmp_path: Path) -> None:
    for name in ("good", "short", "unfinished", "garbled", "trackless", "newer"):
        save_clip(clip, tmp_path / name)
    (tmp_path / "short" / "frames" / "00002.jpg").unlink()
    (tmp_path / "unfinished" / "clip.json").unlink()
    (tmp_path / "garbled" / "clip.json").write_text("{")
    (tmp_path / "trackless" / "track.npz").unlink()
    (tmp_path / "newer" / "clip.json").write_text(json.dumps({"format": 99, "frames": 3}))
    clips = load_clips(tmp_path)
    assert clips.names == ("good",)
    assert set(clips.skipped) == {"short", "unfinished", "garbled", "trackless", "newer"}
    assert "2 files of 3" in clips.skipped["short"]
    assert "upgrade" in clips.skipped["newer"]


def test_damaged_picture_is_named(clip: Clip, tmp_path: Path) -> None:
    save_clip(clip, tmp_path / "one")
    (tmp_path / "one" / "frames" / "00001.jpg").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"00001\.jpg"):
        load_clips(tmp_path)[0].image(1)


def test_folder_without_clips_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_clips(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no prepared clips"):
        load_clips(tmp_path)


def test_footage_is_cut_around_the_person(clip: Clip, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(iter(clip.images), videos / "good.mp4", fps=8, crf=10)
    (videos / "bad.mp4").write_bytes(b"no video")
    masks = [alpha.astype(np.float32) / 255 for alpha in clip.alphas]
    calls = []

    def analyse(path: Path) -> Analysis:
        calls.append(path.name)
        if path.name == "bad.mp4":
            raise InputError("bad.mp4 is damaged")
        return Analysis(clip.track, masks)

    result = prepare_footage(videos, tmp_path / "clips", analyse, size=64)
    assert result.done == ("good",)
    assert result.skipped == {"bad.mp4": "bad.mp4 is damaged"}
    assert json.loads((tmp_path / "clips" / "skipped.json").read_text()) == result.skipped
    cut = load_clips(tmp_path / "clips")[0]
    assert cut.size == (64, 64)
    body, track = load_body(), cut.track
    vertices = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl)
    drawn = rasterize(vertices, body.topology.faces, track.camera).mask.numpy()
    for index, mask in enumerate(drawn):
        person = cut.alphas[index] > 127
        assert (mask & person).sum() / (mask | person).sum() > 0.6  # clothes and hair are the rest
        assert person.any(0).sum() > 12
    prepare_footage(videos, tmp_path / "clips", analyse, size=64)
    assert calls.count("good.mp4") == 1  # what is finished is not done again


def test_shards_share_the_videos(clip: Clip, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in "abc":
        (videos / f"{name}.mp4").write_bytes(b"no video")

    def analyse(path: Path) -> Analysis:
        raise InputError(path.name)

    parts = [prepare_footage(videos, tmp_path / "out", analyse, shard=(index, 2)).skipped for index in (0, 1)]
    assert [sorted(part) for part in parts] == [["a.mp4", "c.mp4"], ["b.mp4"]]
    with pytest.raises(InputError, match="shards count from 0"):
        prepare_footage(videos, tmp_path / "out", analyse, shard=(2, 2))


def make(out: Path, *options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ["--subjects", "1", "--outfits", "2", "--frames-a", "2", "--frames-random", "3", "--size", "48"]
    small += ["--val-fraction", "0.5"]
    monkeypatch.setattr(sys, "argv", ["make.py", "--out", str(out), *small, *options])
    runpy.run_path(str(MAKE), run_name="__main__")


def test_synthetic_iper_is_written_in_shards_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "--shard", "0/2", monkeypatch=monkeypatch)
    half = load_iper(tmp_path, "train")
    assert len(half) == len(half.skipped) == 1
    assert "no pictures" in next(iter(half.skipped.values()))
    make(tmp_path, "--shard", "1/2", monkeypatch=monkeypatch)
    names = [*load_iper(tmp_path, "train").names, *load_iper(tmp_path, "val").names]
    assert sorted(names) == ["001/1/1", "001/1/2", "001/2/1", "001/2/2"]
    train = load_iper(tmp_path, "train")
    turn, random = train[0], train[1]
    assert (len(turn), len(random)) == (2, 3)
    assert turn.person == random.person == train.names[0][:5]
    assert torch.equal(turn.track.betas, random.track.betas)
    assert turn.background is not None
    protocol = json.loads((tmp_path / "synthetic_iPER_protocol.json").read_text())["val"]
    entry = protocol[load_iper(tmp_path, "val").names[0]]
    keys = {"source", "view angle", "s_n", "mask", "novel view", "self_imitation", "cross_imitation", "flag"}
    assert set(entry) == keys
    assert len(entry["source"]) == len(entry["view angle"]) == 8
    assert "CC0" in (tmp_path / "LICENSE.txt").read_text()
    picture = tmp_path / "images" / train.names[0] / "0.jpg"
    before = picture.stat().st_mtime_ns
    make(tmp_path, monkeypatch=monkeypatch)
    assert picture.stat().st_mtime_ns == before  # finished clips are not made again


def test_iper_split_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.txt"):
        load_iper(tmp_path)


def test_track_of_another_length_is_named(clip: Clip, tmp_path: Path) -> None:
    save_clip(clip, tmp_path / "one")
    replace(clip, track=clip.track[[0]]).track.save(tmp_path / "one" / "track.npz")
    with pytest.raises(InputError, match="3 frames but a track of 1"):
        load_clips(tmp_path)[0]
