"""Samples are found by their number, and varied without changing what they show."""

from pathlib import Path

import pytest
import torch
from safetensors.numpy import save_file
from train_samples import SIZE, pair_clip, pair_folder, tiny_config

import liquidwarp as lw
from liquidwarp.flow import warp
from liquidwarp.train.pairs import PairFile
from liquidwarp.train.samples import PairSamples, batches, mirrored, open_pairs
from liquidwarp.types import Flow


def samples(folder: Path, *more: str, varied: bool = True) -> PairSamples:
    return PairSamples(open_pairs(pair_folder(folder))[0], tiny_config(folder, *more).data, seed=3, varied=varied)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


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
    for name, value in whole.items():
        assert torch.equal(value, torch.cat([part[name] for part in parts]))
    with pytest.raises(lw.InputError, match="cannot be shared by 3 processes"):
        batches(drawn, start=0, stop=1, batch=4, world=3)


def test_mirroring_keeps_what_the_flow_fetches(tmp_path: Path) -> None:
    batch = samples(tmp_path, varied=False).sample(0)

    def fetched(b: dict[str, torch.Tensor]) -> torch.Tensor:
        return warp(b["source"][:, 0], Flow(b["grid"][:, 0], b["valid"][:, 0]))

    turned = mirrored(batch)
    expected = fetched(batch).flip(-1)
    expected[:, 4] *= -1
    torch.testing.assert_close(fetched(turned), expected, atol=1e-5, rtol=0)
    assert same(mirrored(turned), batch)
    x0, y0, x1, y1 = batch["boxes"][0, 0].tolist()
    assert turned["boxes"][0, 0].tolist() == [SIZE[1] - x1, y0, SIZE[1] - x0, y1]


def test_small_pairs_are_continued(tmp_path: Path) -> None:
    batch = samples(tmp_path, "data.size=[64, 64]", varied=False).sample(0)
    assert batch["target"].shape == (1, 3, 64, 64)
    assert batch["transfer"].shape == (1, 13, 64, 64)
    assert batch["grid"].shape == (1, 1, 64, 64, 2)
    assert not batch["valid"][..., :8, :].any()
    assert torch.equal(batch["transfer"][:, 4:7], batch["plate"])
    assert float(batch["mask"][:, :8].sum()) == 0
    assert batch["boxes"][0, 0].tolist() == [26, 18, 36, 30]


def test_pieces_of_large_pairs_are_cut(tmp_path: Path) -> None:
    batch = samples(tmp_path, "data.size=[16, 16]").sample(1)
    assert batch["target"].shape == (1, 3, 16, 16)
    assert float(batch["boxes"].max()) <= 16


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
    whole = vars(pair_clip())
    save_file(whole | {"boxes": whole["boxes"][:2]}, tmp_path / "0.safetensors")
    save_file(whole | {"grid": whole["grid"][:, 1:].copy()}, tmp_path / "1.safetensors")
    save_file(whole, tmp_path / "2.safetensors")
    (tmp_path / "3.safetensors").write_bytes((tmp_path / "2.safetensors").read_bytes()[:-9])
    files, broken = open_pairs(tmp_path)
    assert [file.path.name for file in files] == ["2.safetensors"]
    assert all("not a file of training pairs" in reason for reason in broken.values())


def test_a_mistake_in_the_program_is_not_taken_for_a_damaged_file() -> None:
    class Mistaken:
        frames, size = 3, SIZE

        def read(self, frame: int, rows: slice, columns: slice) -> dict[str, torch.Tensor]:
            raise TypeError("a mistake")

    drawn = PairSamples([Mistaken()], tiny_config().data, seed=0)
    with pytest.raises(TypeError, match="a mistake"):
        drawn.sample(0)
    assert drawn.broken == {}


def test_neighbours_are_successive_frames_of_one_crop_in_one_light(tmp_path: Path) -> None:
    two = samples(tmp_path, "data.neighbours=true", "data.tint=0.0", "data.mirror=false").sample(4)
    assert all(len(value) == 2 for value in two.values())
    assert torch.equal(two["plate"][0], two["plate"][1])
    files = [PairFile.open(path) for path in sorted(tmp_path.glob("*.safetensors"))]
    every = slice(None)
    pairs = [
        [file.read(frame + step, every, every)["target"][0] for step in range(2)]
        for file in files
        for frame in range(file.frames - 1)
    ]
    assert sum(all(torch.equal(a, b) for a, b in zip(two["target"], pair, strict=True)) for pair in pairs) == 1
    assert len(samples(tmp_path).sample(4)["target"]) == 1
