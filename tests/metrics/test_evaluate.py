"""Tables of metrics: values, regions, pooling, the two modes, and what is said of what is not there."""

import json
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from liquidwarp.detect import Detection
from liquidwarp.errors import InputError
from liquidwarp.media import write_image
from liquidwarp.metrics import METRICS, ClipPair, available, compute, evaluate, flicker, psnr, ssim
from liquidwarp.metrics.clips import open_pairs

T, H, W = 5, 24, 32


def clips(seed: int = 0, frames: int = T) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    real = rng.integers(0, 256, (frames, H, W, 3), dtype=np.uint8)
    return np.clip(real + rng.integers(-40, 41, real.shape), 0, 255).astype(np.uint8), real


def maps() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((T, H, W), dtype=bool)
    mask[:, 8:16, 10:20] = True
    coverage = mask.astype(np.uint8)
    coverage[:, 12:] *= 3
    return mask, coverage


def test_frame_metrics_are_means_over_frames() -> None:
    made, real = clips()
    table = compute(made, real, ["psnr", "ssim", "flicker"], regions=["full"])
    pairs = list(zip(made, real, strict=True))
    assert table["psnr"].value == pytest.approx(np.mean([peak_signal_noise_ratio(b, a) for a, b in pairs]), abs=1e-9)
    wanted = np.mean([structural_similarity(a, b, channel_axis=2) for a, b in pairs])
    assert table["ssim"].value == pytest.approx(wanted, abs=1e-9)
    assert table["flicker"].value == pytest.approx(flicker(made, real), abs=1e-9)
    assert (table["psnr"].count, table["flicker"].count) == (T, T - 1)


def test_regions_are_the_person_and_what_was_seen_or_not() -> None:
    made, real = clips()
    mask, coverage = maps()
    table = compute(
        made, real, ["psnr", "ssim"], masks=mask, coverage=coverage, regions=["person", "seen", "unseen", "full"]
    )
    dilated = np.zeros((H, W), dtype=bool)
    dilated[4:20, 6:24] = True
    for name, region in (("person", dilated), ("seen", coverage[0] == 1), ("unseen", coverage[0] == 3)):
        assert table["psnr", name].value == pytest.approx(np.mean([psnr(*p, region) for p in zip(made, real)]))  # noqa: B905
        assert table["ssim", name].value == pytest.approx(np.mean([ssim(*p, region) for p in zip(made, real)]))  # noqa: B905


def test_each_video_counts_by_itself_and_all_frames_together() -> None:
    one, two = clips(1, 2), clips(2, 6)
    table = evaluate([ClipPair("one", *one), ClipPair("two", *two)], ["psnr"], regions=["full"])
    first, second = (np.mean([psnr(*pair) for pair in zip(*clip, strict=True)]) for clip in (one, two))
    score = table["psnr"]
    assert score.videos == {"one": pytest.approx(first), "two": pytest.approx(second)}
    assert score.value == pytest.approx((2 * first + 6 * second) / 8)
    assert score.video_mean == pytest.approx((first + second) / 2)


def test_equal_pictures_have_a_score_that_json_can_hold() -> None:
    _, real = clips()
    table = compute(real, real, list(METRICS), masks=maps()[0], made_masks=maps()[0])
    text = json.dumps(table.to_json(), allow_nan=False)
    assert json.loads(text)["mode"] == "corrected"
    for name, best in (("psnr", 100), ("ssim", 1), ("haarpsi", 1), ("iou", 1), ("flicker", 0)):
        assert table[name].value == pytest.approx(best)
    assert "absent: pictures are smaller than 176x176" in table.markdown()


def test_uint8_never_wraps() -> None:
    """Subtracting uint8 pictures wraps and lifts every PSNR to about 28 dB, as in published tables."""
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    lifted = []
    for strength in (30, 60, 90):
        noise = rng.normal(0, strength, real.shape)
        made = np.clip(real + noise, 0, 255).astype(np.uint8)
        wrapped = ((made - real) ** 2).mean()  # the bug: difference and square both modulo 256
        lifted.append(10 * np.log10(255**2 / wrapped))
        right = peak_signal_noise_ratio(real, made)
        for mode in ("corrected", "published"):
            found = compute(made, real, ["psnr"], mode=mode, regions=["full"], size=64 if mode == "published" else None)
            assert found["psnr"].value == pytest.approx(right, abs=1e-4)
        assert right < 22
    assert min(lifted) > 27.5


def test_published_recipe() -> None:
    """As the released evaluator: squares, [-1, 1], means of batches of 16 in which a short last one weighs as much."""
    import cv2

    made, real = clips(3, 18)
    size = 40

    def signed(rgb: np.ndarray) -> np.ndarray:
        return cv2.resize(rgb, (size, size)) / 127.5 - 1

    def pooled(scores: list[float]) -> float:
        return (np.mean(scores[:16]) + np.mean(scores[16:])) / 2

    pairs = [(signed(b), signed(a)) for a, b in zip(made, real, strict=True)]
    table = compute(made, real, ["psnr", "ssim"], mode="published", size=size)
    similarities = [structural_similarity(b, a, channel_axis=2, data_range=2) for b, a in pairs]
    assert table["ssim"].value == pytest.approx(pooled(similarities), abs=1e-6)
    ratios = [peak_signal_noise_ratio(b, a, data_range=2) for b, a in pairs]
    assert table["psnr"].value == pytest.approx(pooled(ratios), abs=1e-6)
    assert table["ssim"].videos == {}
    assert {score.region for score in table.scores} == {"full"}
    bright = np.full((1, 24, 24, 3), 200, np.uint8)
    wanted = peak_signal_noise_ratio(bright[0] / 127.5 - 1, (bright[0] - 20) / 127.5 - 1)  # its peak is 1 there
    found = compute(bright - 20, bright, ["psnr"], mode="published", size=24)
    assert found["psnr"].value == pytest.approx(wanted, abs=1e-6)


def test_modes_are_never_mixed() -> None:
    made, real = clips()
    for mode in ("corrected", "published"):
        table = compute(made, real, ["ssim", "haarpsi"], mode=mode)
        assert table.mode == mode
        assert table.markdown().startswith(f"mode: {mode}\n")
        assert table.to_json()["mode"] == mode
    assert table["haarpsi"].value is None
    assert "the released evaluator has none" in table["haarpsi"].absent


def test_what_is_lacking_is_said_and_the_rest_is_computed() -> None:
    made, real = clips()
    table = compute(made, real, ["psnr", "iou", "landmarks", "fid"], regions=["full", "person", "seen"])
    told = {(score.metric, score.region): score.absent for score in table.scores}
    assert told["psnr", "full"] == ""
    assert told["psnr", "person"] == "needs masks of the real person"
    assert told["psnr", "seen"].startswith("needs coverage")
    assert "masks of the real person and of the one made" in told["iou", "person"]
    assert "landmarks" in told["landmarks", "person"]
    assert "pt_inception-2015-12-05-6726825d.pth" in told["fid", "full"]
    lacking = available()
    assert lacking["ssim"] == ""
    assert "pt_inception" in lacking["kid"]
    released = available(mode="published")
    assert "inception_v3_google" in released["fid"]
    assert released["kid"] == "the released evaluator has none"
    with pytest.raises(InputError, match="no such folder"):
        available("nowhere")


def person(shift: float, confidence: tuple[float, ...] = (1, 1, 1)) -> Detection:
    image = np.array([[10, 2], [10, 12], [10, 22]], float) + np.array([shift, 0])
    return Detection(("nose", "left_hip", "left_ankle"), image, np.array(confidence, float), None, None, 1.0)


def test_landmarks_of_another_detector() -> None:
    made, real = clips(frames=3)
    pair = ClipPair(
        "a",
        made,
        real,
        masks=maps()[0][:3],
        made_landmarks=[person(2), person(4, (1, 0, 1)), None],
        real_landmarks=[person(0)] * 3,
    )
    table = evaluate([pair], ["landmarks", "landmarks-missing"])
    assert table["landmarks"].value == pytest.approx((10 + 20) / 2)  # percent of 20 pixels
    assert (table["landmarks"].count, table["landmarks"].asked) == (2, 3)
    assert table["landmarks-missing"].value == pytest.approx((0 + 1 / 3 + 1) / 3)


class Fixed:
    name = "fixed"

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        self.calls += 1
        return [person(float(frame[0, 0, 0]))]


def test_a_detector_looks_at_each_picture_once() -> None:
    real = np.zeros((2, H, W, 3), np.uint8)
    made = real + np.uint8(3)
    detector = Fixed()
    pair = ClipPair("a", made, real, masks=maps()[0][:2])
    table = evaluate([pair], ["landmarks", "landmarks-missing"], detector=detector)
    assert table["landmarks"].value == pytest.approx(15)
    assert detector.calls == 4


def test_clips_that_do_not_fit_are_errors() -> None:
    made, real = clips()
    with pytest.raises(InputError, match="the clip made ends after 3 frames"):
        compute(made[:3], real)
    with pytest.raises(InputError, match="frame 0: 30x24 made and 32x24 real"):
        compute(made[:, :, :30], real)
    with pytest.raises(InputError, match="masks, coverage or landmarks end after 2 frames"):
        compute(made, real, masks=maps()[0][:2])
    with pytest.raises(InputError, match="a mask or coverage of 32x20"):
        compute(made, real, masks=maps()[0][:, :20])
    with pytest.raises(InputError, match="coverage has the value 255; give 0 to 3"):
        compute(made, real, coverage=maps()[1] * 85)
    with pytest.raises(InputError, match="give uint8"):
        compute(made / 255, real)
    with pytest.raises(InputError, match="metric='sharpness'"):
        compute(made, real, ["sharpness"])
    with pytest.raises(InputError, match="mode='both'"):
        compute(made, real, mode="both")
    with pytest.raises(InputError, match="size belongs"):
        compute(made, real, size=256)
    with pytest.raises(InputError, match="names of their own"):
        evaluate([ClipPair("a", made, real), ClipPair("a", made, real)], ["psnr"])


def write_clip(folder: Path, frames: np.ndarray) -> None:
    for index, frame in enumerate(frames):
        write_image(folder / f"{index:03d}.png", frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, 2))


def test_folders_are_paired_by_name(tmp_path: Path) -> None:
    mask, coverage = maps()
    for name, seed in (("001/1", 0), ("002", 1)):
        made, real = clips(seed)
        write_clip(tmp_path / "made" / name, made)
        write_clip(tmp_path / "real" / name, real)
        write_clip(tmp_path / "masks" / name, mask.astype(np.uint8) * 255)
        write_clip(tmp_path / "coverage" / name, coverage)
    write_clip(tmp_path / "real" / "not made", clips()[1])
    roots = {name: tmp_path / name for name in ("made", "real", "masks", "coverage")}
    pairs = open_pairs(roots["made"], roots["real"], masks=roots["masks"], coverage=roots["coverage"])
    assert [pair.name for pair in pairs] == ["001/1", "002"]
    table = evaluate(pairs, ["psnr"], regions=["full", "person", "unseen"])
    direct = evaluate(
        [ClipPair(str(seed), *clips(seed), masks=mask, coverage=coverage) for seed in (0, 1)],
        ["psnr"],
        regions=["full", "person", "unseen"],
    )
    assert [score.value for score in table.scores] == [score.value for score in direct.scores]
    single = open_pairs(tmp_path / "made" / "002", tmp_path / "real" / "002")
    assert [pair.name for pair in single] == ["002"]
    paths = (tmp_path / "made" / "002", tmp_path / "real" / "002")
    assert compute(*paths, ["psnr"])["psnr"].value == table["psnr"].videos["002"]
    photos = [tmp_path / kind / "002" / "000.png" for kind in ("made", "real")]
    assert compute(photos[0], photos[1], ["psnr"])["psnr"].count == 1
    assert evaluate(open_pairs(*photos), ["psnr"])["psnr"].count == 1
    with pytest.raises(InputError, match=r"made: 1 of 3 clips are missing \(not made\)"):
        open_pairs(tmp_path / "real", tmp_path / "made")
    with pytest.raises(InputError, match="not there"):
        open_pairs(tmp_path / "nowhere", tmp_path / "real")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture and no video"):
        open_pairs(tmp_path / "empty", tmp_path / "real")


def test_every_metric_says_what_it_is() -> None:
    for name, metric in METRICS.items():
        assert name == metric.name
        assert metric.low < metric.high
        assert metric.colour
        assert metric.window
        assert metric.modes in (("corrected",), ("corrected", "published"))
        assert metric.corrected.__doc__ or metric.weights
