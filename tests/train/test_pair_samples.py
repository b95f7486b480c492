"""Samples are found by their number, and varied without changing what they show."""

from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file, save_file
from train_samples import SIZE, pair_clip, pair_folder, tiny_config

import liquidwarp as lw
from liquidwarp.flow import warp
from liquidwarp.nn.planes import joined
from liquidwarp.train.batch import PairBatch
from liquidwarp.train.pairs import PairFile
from liquidwarp.train.samples import PairSamples, batches, open_pairs
from liquidwarp.types import Flow


def samples(folder: Path, *more: str, varied: bool = True) -> PairSamples:
    return PairSamples(open_pairs(pair_folder(folder))[0], tiny_config(folder, *more).data, seed=3, varied=varied)


def planes(batch: PairBatch) -> list[torch.Tensor]:
    return [plane for value in vars(batch).values() for plane in vars(value).values()]


def same(a: PairBatch, b: PairBatch) -> bool:
    return all(torch.equal(one, other) for one, other in zip(planes(a), planes(b), strict=True))


def test_a_number_gives_one_sample(tmp_path: Path) -> None:
    first, second = samples(tmp_path), samples(tmp_path)
    assert same(first.sample(5), second.sample(5))
    assert not same(first.sample(5), first.sample(6))


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_do_not_depend_on_where_they_start(tmp_path: Path, workers: int) -> None:
    drawn = samples(tmp_path)
    whole = list(batches(drawn, start=0, stop=4, batch=2, workers=workers))
    late = list(batches(drawn, start=2, stop=4, batch=2))
    assert all(same(a[0], b[0]) for a, b in zip(whole[2:], late, strict=True))


def test_processes_share_a_batch(tmp_path: Path) -> None:
    drawn = samples(tmp_path)
    (whole,) = [batch for batch, _ in batches(drawn, start=3, stop=4, batch=4)]
    parts = [next(batches(drawn, start=3, stop=4, batch=4, rank=rank, world=2))[0] for rank in range(2)]
    assert same(whole, joined(parts))
    with pytest.raises(lw.InputError, match="cannot be shared by 3 processes"):
        batches(drawn, start=0, stop=1, batch=4, world=3)


def test_mirroring_keeps_what_the_flow_fetches(tmp_path: Path) -> None:
    batch = samples(tmp_path, varied=False).sample(0)

    def fetched(b: PairBatch) -> torch.Tensor:
        return warp(b.source.stacked()[:, 0], Flow(b.flow.grid[:, 0], b.flow.valid[:, 0]))

    turned = batch.mirrored()
    expected = fetched(batch).flip(-1)
    expected[:, 4] *= -1
    torch.testing.assert_close(fetched(turned), expected, atol=1e-5, rtol=0)
    assert same(turned.mirrored(), batch)
    x0, y0, x1, y1 = batch.truth.boxes[0, 0].tolist()
    assert turned.truth.boxes[0, 0].tolist() == [SIZE[1] - x1, y0, SIZE[1] - x0, y1]


def test_small_pairs_are_continued(tmp_path: Path) -> None:
    batch = samples(tmp_path, "data.size=[64, 64]", varied=False).sample(0)
    assert batch.truth.picture.shape == (1, 3, 64, 64)
    assert batch.transfer.stacked().shape == (1, 13, 64, 64)
    assert batch.flow.grid.shape == (1, 1, 64, 64, 2)
    assert not batch.flow.valid[..., :8, :].any()
    assert torch.equal(batch.transfer.background[:, :, 0], batch.transfer.background[:, :, 8])
    assert not batch.transfer.rendered[:, :, :8].any()
    assert float(batch.truth.alpha[:, :8].sum()) == 0
    assert batch.truth.boxes[0, 0].tolist() == [26, 18, 36, 30]


def test_pieces_of_large_pairs_are_cut(tmp_path: Path) -> None:
    batch = samples(tmp_path, "data.size=[16, 16]").sample(1)
    assert batch.truth.picture.shape == (1, 3, 16, 16)
    assert float(batch.truth.boxes.max()) <= 16


def test_damaged_files_are_listed(tmp_path: Path) -> None:
    pair_folder(tmp_path)
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    files, broken = open_pairs(tmp_path)
    assert len(files) == 4
    assert list(broken) == [str(tmp_path / "bad.safetensors")]
    with pytest.raises(lw.InputError, match="is no folder"):
        open_pairs(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(lw.InputError, match="no usable file of pairs"):
        open_pairs(tmp_path / "empty")


def test_a_file_that_breaks_on_the_way_is_left_out(tmp_path: Path) -> None:
    for number in range(2):
        pair_clip(number).save(tmp_path / f"{number}.safetensors")
    drawn = PairSamples([PairFile.open(tmp_path / f"{n}.safetensors") for n in range(2)], tiny_config().data, seed=0)
    (tmp_path / "0.safetensors").unlink()
    for index in range(6):
        drawn.sample(index)
    assert list(drawn.broken) == [str(tmp_path / "0.safetensors")]
    (tmp_path / "1.safetensors").unlink()
    with pytest.raises(lw.InputError, match=r"8 files in a row cannot be used; the last: .*\d\.safetensors: ") as told:
        drawn.sample(0)
    assert isinstance(told.value.__cause__, lw.InputError)
    assert isinstance(told.value.__cause__.__cause__, OSError)


def test_files_of_other_shapes_and_cut_ones_are_not_opened(tmp_path: Path) -> None:
    pair_clip().save(tmp_path / "2.safetensors")
    whole = load_file(tmp_path / "2.safetensors")
    save_file(whole | {"boxes": whole["boxes"][:2]}, tmp_path / "0.safetensors")
    save_file(whole | {"grid": whole["grid"][:, 1:].copy()}, tmp_path / "1.safetensors")
    (tmp_path / "3.safetensors").write_bytes((tmp_path / "2.safetensors").read_bytes()[:-9])
    files, broken = open_pairs(tmp_path)
    assert [file.path.name for file in files] == ["2.safetensors"]
    assert all("not a file of training pairs" in reason for reason in broken.values())


def test_a_mistake_in_the_program_is_not_taken_for_a_damaged_file() -> None:
    class Mistaken:
        frames, size = 3, SIZE

        def read(self, frame: int, rows: slice, columns: slice) -> PairBatch:
            raise TypeError("a mistake")

    drawn = PairSamples([Mistaken()], tiny_config().data, seed=0)
    with pytest.raises(TypeError, match="a mistake"):
        drawn.sample(0)
    assert drawn.broken == {}


def test_neighbours_are_successive_frames_of_one_crop_in_one_light(tmp_path: Path) -> None:
    two = samples(tmp_path, "data.neighbours=true", "data.tint=0.0", "data.mirror=false").sample(4)
    assert all(len(plane) == 2 for plane in planes(two))
    assert torch.equal(*two.transfer.background)
    files = [PairFile.open(path) for path in sorted(tmp_path.glob("*.safetensors"))]
    every = slice(None)
    pairs = [
        [file.read(frame + step, every, every).truth.picture[0] for step in range(2)]
        for file in files
        for frame in range(file.frames - 1)
    ]
    assert sum(all(torch.equal(a, b) for a, b in zip(two.truth.picture, pair, strict=True)) for pair in pairs) == 1
    assert len(samples(tmp_path).sample(4).truth.picture) == 1
