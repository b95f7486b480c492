"""What the registry says is so."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import liquidwarp as lw
from liquidwarp.cli import main
from liquidwarp.methods import (
    METHODS,
    CompactMethod,
    LiquidMethod,
    SurfaceMethod,
    entry_of,
    make_method,
    method_of,
    resolve,
)
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import load_compact, save_compact
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.published import SHAPES, shape_of
from liquidwarp.train.build import OBJECTIVES


def liquid(name: str = "AddLWB") -> LiquidGenerator:
    return LiquidGenerator(SHAPES[name].narrowed(1 / 16)).eval().requires_grad_(False)


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("entry", METHODS.values(), ids=list(METHODS))
def test_everything_that_is_named_is_there(entry) -> None:
    assert METHODS[entry.name] is entry
    options = inspect.signature(resolve(entry.build)).parameters
    assert ("weights" in options) == ("generator" in options) == (entry.weights != "none")
    assert bool(entry.configurations) == (entry.weights != "none")
    assert entry.objective is None or entry.objective in OBJECTIVES
    assert entry.export is None or callable(resolve(entry.export))
    assert (entry.objective is None) == (entry.export is None)
    assert all(entry_of(name) is entry for name in entry.configurations)
    if entry.weights != "bring":
        assert make_method(entry.name).name == entry.name


def test_parameters_are_counted_right() -> None:
    assert METHODS["compact"].configurations == {"compact": count(load_compact())}
    with torch.device("meta"):
        assert METHODS["liquid"].configurations == {
            name: count(LiquidGenerator(shape_of(name))) for name in (*SHAPES, "W_F")
        }


def test_names_make_methods(tmp_path: Path) -> None:
    assert isinstance(make_method("surface"), SurfaceMethod)
    bundled = make_method("compact")
    assert isinstance(bundled, CompactMethod)
    assert bundled.generator is load_compact()
    assert isinstance(make_method("gan"), CompactMethod)
    own = CompactGenerator((8, 8, 8, 8))
    assert make_method("compact", generator=own).generator is own
    assert method_of(own).generator is own
    save_compact(own, tmp_path / "own.safetensors", {})
    assert make_method("compact", weights=tmp_path / "own.safetensors").generator.widths == (8, 8, 8, 8)
    assert make_method(f"compact:weights={tmp_path / 'own.safetensors'}").generator.widths == (8, 8, 8, 8)


def test_weights_say_of_which_method_they_are(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for entry, network, kind in (
        (METHODS["compact"], CompactGenerator((8, 8, 8, 8)), "compact"),
        (METHODS["liquid"], liquid(), "AddLWB"),
        (METHODS["liquid"], LiquidGenerator(shape_of("W_F", 1 / 16)), "W_F"),
    ):
        resolve(entry.export)(network, path, {"steps": 1}, configuration=kind, width=1 / 16)
        method = make_method("gan", weights=path)
        assert method.name == entry.name
        for name, value in method.generator.state_dict().items():
            torch.testing.assert_close(value, network.state_dict()[name], atol=1e-3, rtol=1e-3)
        assert method_of(method.generator).name == entry.name


def test_the_temporal_input_is_an_option(tmp_path: Path) -> None:
    plain, temporal = make_method("liquid", generator=liquid()), make_method("liquid:temporal=true", generator=liquid())
    assert isinstance(plain, LiquidMethod)
    assert (plain.recurrent, temporal.recurrent) == (False, True)
    assert make_method("gan:temporal=yes", generator=liquid()).recurrent


def test_weights_that_cannot_be_are_told(tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match="method 'liquid' comes without weights"):
        make_method("liquid")
    with pytest.raises(lw.InputError, match=r"w\.pth: not a safetensors file; 'liquidwarp weights import"):
        make_method("gan", weights="w.pth")
    save_file({"a": torch.zeros(1)}, tmp_path / "o.safetensors", {"card": json.dumps({"configuration": "Unheard"})})
    with pytest.raises(lw.InputError, match="weights of 'Unheard', wanted one of compact, ICCV"):
        make_method("gan", weights=tmp_path / "o.safetensors")
    save_compact(CompactGenerator((8, 8, 8, 8)), tmp_path / "c.safetensors", {})
    with pytest.raises(lw.InputError, match="weights of 'compact', wanted one of ICCV"):
        make_method("liquid", weights=tmp_path / "c.safetensors")


def test_the_command_line_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    said = capsys.readouterr().out
    heading, *lines = said.split("\n\n")[0].splitlines()
    assert heading.split()[:4] == ["method", "weights", "parameters", "trains"]
    assert [line.split()[0] for line in lines] == list(METHODS)
    assert "bundled  4.5 M" in said
    assert "bring    17.7 to 97.5 M" in said
    assert all(paper.title in said for entry in METHODS.values() for paper in entry.papers)


def test_the_list_is_quick() -> None:
    program = (
        "import sys; from liquidwarp.cli import main; code = main(['methods']); "
        "heavy = [n for n in ('torch', 'numpy', 'mediapipe') if n in sys.modules]; sys.exit(code or len(heavy))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
