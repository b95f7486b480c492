"""The check of licences and the bill of materials tell what is installed."""

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "supply_chain.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("supply_chain", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("licence", "known"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND Zlib", True),
        ("Apache Software License", True),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("GNU Lesser General Public License v3", True),
        ("Proprietary", False),
        ("", False),
        ("SUBMITTED", False),
    ],
)
def test_verdicts(script, licence: str, known: bool) -> None:
    assert (script.verdict("a", licence) is not None) == known


def test_the_bill_names_everything_once(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    subprocess.run([sys.executable, SCRIPT, "bom", "-o", path], check=True, capture_output=True)
    bill = json.loads(path.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    named = [component["name"] for component in bill["components"]]
    assert len(named) == len(set(named))
    assert {"torch", "numpy", "pillow"} <= set(named)
    assert len(named) <= len({each.metadata["Name"] for each in distributions()})
