"""The main job on the sources that come with the package."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.demo import PEOPLE, asset, run_demo
from liquidwarp.detect import detect_people
from liquidwarp.media import open_video, read_image, read_provenance, to_uint8

TRUTH = lw.BodyTrack.load(asset("motion_truth.npz"))
LIMBS = tuple(
    f"{side}_{name}" for side in ("left", "right") for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)


@pytest.fixture(scope="module")
def woman() -> lw.SourceState:
    return lw.encode_source(asset(f"{PEOPLE[0]}.jpg"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", PEOPLE)
def test_picture_is_small_marked_and_shows_one_person(name: str) -> None:
    path = asset(f"{name}.jpg")
    assert path.stat().st_size <= 122_880
    assert "synthetic" in str(read_provenance(path)).lower()
    picture = read_image(path)
    assert picture.size == (640, 512)
    people = detect_people(picture.rgb)
    assert len(people) == 1
    assert people[0].confidence.mean() > 0.95
    assert people[0].mask is not None
    assert 0.08 < people[0].mask.mean() < 0.4


def test_motion_is_small_marked_and_as_long_as_its_truth() -> None:
    path = asset("motion.mp4")
    assert path.stat().st_size <= 400_000
    assert asset("motion_truth.npz").stat().st_size <= 60_000
    assert "synthetic" in str(read_provenance(path)).lower()
    video = open_video(path)
    assert video.size == TRUTH.camera.size == (384, 384)
    assert video.fps == TRUTH.fps == 25
    assert sum(1 for _ in video) == len(TRUTH) == 100


def test_standing_feet_do_not_slide() -> None:
    """Between 1.3 s and 2 s the left foot stands: its ankle keeps its place in the truth."""
    body = lw.load_body()
    window = slice(35, 48)
    ankle = body.landmarks(
        ("left_ankle",), TRUTH.betas, TRUTH.global_orient[window], TRUTH.body_pose[window], TRUTH.transl[window]
    )
    assert (ankle - ankle[:1]).norm(dim=-1).max() < 2e-3


def test_imitation_end_to_end(woman: lw.SourceState, tmp_path: Path) -> None:
    """Eight frames at 160 pixels: the video is what was asked for, and the person does what the reference does."""
    motion = TRUTH[list(range(4, 100, 12))]
    outputs = [tmp_path / name for name in ("first.mp4", "second.mp4")]
    for path in outputs:
        frames = list(lw.imitate(woman, motion, size=160, camera="copy"))
        lw.write_video(frames, path, fps=motion.fps)
    assert digest(outputs[0]) == digest(outputs[1])
    video = open_video(outputs[0])
    assert video.fps == 25
    assert video.size == (160, 160)
    assert sum(1 for _ in video) == len(motion) == 8
    for frame in frames:
        assert frame.image.shape == (3, 160, 160)
        assert bool(((frame.image >= 0) & (frame.image <= 1)).all())
        assert 0.04 < float(frame.alpha.mean()) < 0.3
        assert bool((frame.coverage[frame.alpha > 0.9] > 0).all())
        assert float(frame.alpha[:, [0, -1]].max()) == 0


def test_imitated_person_is_where_the_reference_is(woman: lw.SourceState) -> None:
    motion = TRUTH[[2, 34, 52]]
    reference = [frame for number, frame in enumerate(open_video(asset("motion.mp4"))) if number in (2, 34, 52)]
    for frame, seen in zip(lw.imitate(woman, motion, size=384, camera="copy"), reference, strict=True):
        ours, theirs = detect_people(to_uint8(frame.image)), detect_people(seen)
        assert len(theirs) == 1
        assert ours[0].score > 0.9  # the largest; fainter ones are what the detector sees in what is left of them
        picks = [ours[0].names.index(name) for name in LIMBS]
        apart = np.linalg.norm(ours[0].image[picks] - theirs[0].image[picks], axis=1)
        height = np.ptp(theirs[0].image[:, 1])
        assert np.median(apart) < 0.06 * height
        assert ours[0].confidence[picks].mean() > 0.8


@pytest.mark.slow
def test_motion_recovered_from_video_is_the_true_one() -> None:
    body, track = lw.load_body(), lw.recover(asset("motion.mp4"))
    assert len(track) == len(TRUTH)
    assert bool(track.observed.all())

    def limbs(of: lw.BodyTrack) -> torch.Tensor:
        points = body.landmarks(LIMBS, of.betas, of.global_orient, of.body_pose, of.transl)
        local = points @ of.camera.rotation.T + of.camera.translation
        return local[..., :2] / local[..., 2:] * of.camera.focal + of.camera.center

    apart = (limbs(track) - limbs(TRUTH)).norm(dim=-1) / 250  # the dancer is about 250 pixels high
    assert apart.median() < 0.012
    assert apart.quantile(0.95) < 0.035


@pytest.mark.slow
def test_demo_writes_everything(tmp_path: Path) -> None:
    paths = run_demo(tmp_path / "out put", size=256)
    assert [path.name for path in paths] == ["imitate.mp4", "transfer.mp4", "view.mp4", "contact_sheet.png"]
    for path, frames in zip(paths, (100, 100, 90), strict=False):
        video = open_video(path)
        assert max(video.size) == 256
        assert sum(1 for _ in video) == frames
        assert "synthetic" in str(read_provenance(path)).lower()
    assert read_image(paths[3]).size[0] > 1000
