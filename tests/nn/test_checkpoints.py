"""Published checkpoints become safetensors with a card; what is none is refused and named."""

import json
import os
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from published_samples import filled
from safetensors import safe_open

import liquidwarp as lw
from liquidwarp.nn.checkpoints import import_weights, load_published, read_checkpoint
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import save_compact
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.published import published_name
from liquidwarp.nn.weights import load_generator

NAME = "TextureWarping"  # the smallest


@pytest.fixture(scope="module")
def parameters() -> dict[str, torch.Tensor]:
    return filled(f"ipercore_{NAME}")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, parameters: dict[str, torch.Tensor]) -> Path:
    path = tmp_path_factory.mktemp("published") / "net_G.pth"
    torch.save(OrderedDict(parameters), path)
    return path


@pytest.fixture(scope="module")
def imported(checkpoint: Path) -> Path:
    return import_weights(checkpoint)


def test_a_published_checkpoint_becomes_safetensors_with_a_card(checkpoint: Path, imported: Path) -> None:
    assert imported == checkpoint.with_suffix(".safetensors")
    with safe_open(imported, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["configuration"] == NAME
    assert card["mask"] == "1 = background"
    assert card["pictures"] == "RGB in [-1, 1]"
    assert card["align_corners"] == {"sampling": False, "resizing": True}
    assert len(card["sha256"]) == 64


def test_the_parameters_are_the_files(imported: Path, parameters: dict[str, torch.Tensor]) -> None:
    network = load_generator(imported)
    assert isinstance(network, LiquidGenerator)
    for key, value in network.state_dict().items():
        assert torch.equal(value, parameters[published_name(NAME, key)])


@pytest.mark.parametrize("wrap", ["state_dict", "model", "module.", "old"])
def test_wrapped_and_old_files_are_read_alike(tmp_path: Path, wrap: str) -> None:
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
    inside = {f"module.{key}": value for key, value in tensors.items()} if wrap == "module." else tensors
    path = tmp_path / "w.pth"
    outer = {wrap: inside, "epoch": 30} if wrap in ("state_dict", "model") else inside
    torch.save(outer, path, _use_new_zipfile_serialization=wrap != "old")
    found = read_checkpoint(path)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) for key in tensors)


def test_another_network_is_refused_and_the_closest_named(tmp_path: Path, parameters: dict[str, torch.Tensor]) -> None:
    changed = dict(parameters)
    del changed["bg_net.main.0.bias"]
    changed["extra.weight"] = torch.zeros(1)
    torch.save(changed, tmp_path / "odd.pth")
    with pytest.raises(lw.InputError) as error:
        import_weights(tmp_path / "odd.pth")
    text = str(error.value)
    assert "odd.pth" in text
    assert f"closest is {NAME}" in text
    assert "1 missing (bg_net.main.0.bias)" in text
    assert "1 not known (extra.weight)" in text


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_named_and_leaves_nothing(checkpoint: Path, tmp_path: Path, share: float) -> None:
    data = checkpoint.read_bytes()
    cut = tmp_path / "cut.pth"
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(lw.InputError, match=r"cut\.pth: damaged"):
        import_weights(cut)
    assert [path.name for path in tmp_path.iterdir()] == ["cut.pth"]


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo executed > trapped",)


@pytest.mark.parametrize("modern", [True, False])
def test_code_in_a_pickle_is_refused_by_name_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modern: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.zeros(2), "trap": _Trap()}, "evil.pth", _use_new_zipfile_serialization=modern)
    with pytest.raises(lw.InputError, match=r"evil\.pth: holds more than weights \((posix|nt)\.system\)"):
        import_weights("evil.pth")
    assert not Path("trapped").exists()


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match=r"none\.pth: no such file"):
        import_weights(tmp_path / "none.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(lw.InputError, match=r"empty\.pth: no weights in it"):
        import_weights(tmp_path / "empty.pth")
    with pytest.raises(lw.InputError, match=r"'liquidwarp weights import .*empty\.pth' makes one"):
        load_generator(tmp_path / "empty.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x01")
    with pytest.raises(lw.InputError, match=r"cut\.safetensors: cannot be read as weights"):
        load_generator(tmp_path / "cut.safetensors")
    save_compact(CompactGenerator((8, 8, 8, 8)), tmp_path / "own.safetensors", {})
    assert isinstance(load_generator(tmp_path / "own.safetensors"), CompactGenerator)
    with pytest.raises(lw.InputError, match=r"weights of 'compact', wanted one of"):
        load_published(tmp_path / "own.safetensors")
