"""Published checkpoints come in whole and unexecuted, or are refused in one line."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from published_samples import filled, shapes
from safetensors import safe_open
from torch import Tensor

from liquidwarp.cli import main
from liquidwarp.errors import InputError, OutputError
from liquidwarp.nn.checkpoints import import_weights, load_published, read_checkpoint, recognise
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import save_compact
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.published import GENERATORS, published_name
from liquidwarp.nn.weights import load_generator

NAME = "TextureWarping"  # the smallest


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return filled(f"ipercore_{NAME}")


@pytest.fixture(scope="module")
def published(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "net.pth"
    torch.save({"epoch": 30, "state_dict": {f"module.{key}": value for key, value in tensors.items()}}, path)
    return path


@pytest.fixture(scope="module")
def imported(published: Path) -> Path:
    return import_weights(published)


def test_an_imported_file_has_a_card(published: Path, imported: Path) -> None:
    assert imported == published.with_suffix(".safetensors")
    with safe_open(imported, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card == {
        "configuration": NAME,
        "pictures": "RGB in [-1, 1]",
        "mask": "1 = background",
        "align_corners": {"sampling": False, "resizing": True},
        "source": "net.pth",
        "sha256": hashlib.sha256(published.read_bytes()).hexdigest(),
    }


def test_an_imported_file_holds_the_same_numbers(imported: Path, tensors: dict[str, Tensor]) -> None:
    network = load_generator(imported)
    assert isinstance(network, LiquidGenerator)
    for key, value in network.state_dict().items():
        assert torch.equal(value, tensors[published_name(NAME, key)])
    assert not network.training


def test_the_command_line_imports(published: Path, imported: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.safetensors"
    assert main(["weights", "import", str(published), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_bytes() == imported.read_bytes()
    assert main(["weights", "import", str(published), "-o", str(tmp_path / "out.pth")]) == 2
    assert "safetensors" in capsys.readouterr().err


@pytest.mark.parametrize("name", GENERATORS)
def test_every_configuration_is_recognised(name: str) -> None:
    known = shapes("impersonator_generator" if name == "ICCV" else f"ipercore_{name}")
    with torch.device("meta"):
        found = recognise("x.pth", {key: torch.empty(shape) for key, shape in known.items()})
    assert name in found
    assert len(found) == (2 if "Add" in name or "Avg" in name else 1)


def test_variants_without_own_parameters_have_to_be_told_apart(tmp_path: Path, monkeypatch) -> None:
    tensors = {key: torch.empty(1).expand(shape) for key, shape in shapes("ipercore_AvgLWB").items()}
    monkeypatch.setattr("liquidwarp.nn.checkpoints.read_checkpoint", lambda path, *, halves: tensors)
    with pytest.raises(InputError, match=r"fits AddLWB and AvgLWB alike; say which it is with --as"):
        import_weights(tmp_path / "a.pth")
    with pytest.raises(InputError, match="configuration"):
        import_weights(tmp_path / "a.pth", configuration="ICCV")


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        import_weights(path)
    words = str(caught.value)
    assert "\n" not in words
    assert words.startswith(f"{path}: ")
    assert not path.with_suffix(".safetensors").exists()
    return words


def test_damaged_files_are_refused(published: Path, tmp_path: Path) -> None:
    whole = published.read_bytes()
    cut = tmp_path / "cut.pth"
    for length in (0, 10, 5000, len(whole) // 2, len(whole) - 100):
        cut.write_bytes(whole[:length])
        assert "damaged" in refused(cut)
    (tmp_path / "text.pth").write_text("not found")
    assert "damaged" in refused(tmp_path / "text.pth")
    with pytest.raises(InputError, match="no such file"):
        read_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("wrap", ["state_dict", "model", "module.", "old"])
def test_wrapped_and_old_files_are_read_alike(tmp_path: Path, wrap: str) -> None:
    plain = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
    inside = {f"module.{key}": value for key, value in plain.items()} if wrap == "module." else plain
    path = tmp_path / "w.pth"
    outer = {wrap: inside, "epoch": 30} if wrap in ("state_dict", "model") else inside
    torch.save(outer, path, _use_new_zipfile_serialization=wrap != "old")
    found = read_checkpoint(path)
    assert found.keys() == plain.keys()
    assert all(torch.equal(found[key], plain[key]) for key in plain)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("write", ["torch", "old torch", "pickle"])
def test_code_is_refused_by_name_and_never_run(write: str, tmp_path: Path) -> None:
    trap, path = tmp_path / "trap", tmp_path / "evil.pth"
    if write != "pickle":
        held = {"state_dict": {"a": torch.zeros(1)}, "more": Evil(trap)}
        torch.save(held, path, _use_new_zipfile_serialization=write == "torch")
    else:
        path.write_bytes(pickle.dumps(Evil(trap), protocol=2))
    assert "posix.mkdir" in refused(path)
    assert not trap.exists()


def test_another_network_is_refused_with_the_closest(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    path = tmp_path / "other.pth"
    changed = dict(tensors)
    changed["extra"] = changed.pop("tsf_net.img_reg.0.weight")
    torch.save(changed, path)
    assert f"the closest is {NAME}: 1 missing (tsf_net.img_reg.0.weight); 1 not known (extra)" in refused(path)
    torch.save({"epoch": 3}, path)
    assert "no weights" in refused(path)
    torch.save([1, 2], path)
    assert "no weights" in refused(path)


def test_a_full_disk_leaves_nothing(published: Path, tmp_path: Path, monkeypatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        import_weights(published, tmp_path / "out.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_files_that_were_not_imported_are_refused(published: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="liquidwarp weights import"):
        load_generator(published)
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\x00")
    for read in (load_generator, load_published):
        with pytest.raises(InputError, match=r"cut\.safetensors: cannot be read as weights"):
            read(tmp_path / "cut.safetensors")


def test_each_kind_of_weights_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_compact(CompactGenerator((8, 8, 8, 8)), path, {})
    assert isinstance(load_generator(path), CompactGenerator)
    with pytest.raises(InputError, match=r"weights of 'compact', wanted one of"):
        load_published(path)
