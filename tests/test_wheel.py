"""What a user gets from `pip install`."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "liquidwarp"
CODE = {".py", ".pyc", ".nbi", ".nbc"}

pytestmark = pytest.mark.slow


def tracked(folder: Path) -> set[str]:
    """Return the files of a folder that git knows, as paths from the repository's root."""
    listed = subprocess.run(["git", "ls-files", str(folder)], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.split("\n")) - {""}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that leftovers of an earlier build cannot slip in."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in sorted(tracked(ROOT)):
        if (ROOT / name).is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"liquidwarp", next(top for top in tops if top.endswith(".dist-info"))}
    assert not any("test" in Path(name).name and name.endswith(".py") for name in names)


def test_the_wheel_holds_every_module_and_every_data_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = tracked(PACKAGE) - names
    assert missing == set()
    assert "liquidwarp/py.typed" in names
    assert any(name.endswith(".npz") for name in names), "the open body's asset is not in the wheel"


def test_the_wheel_carries_the_licences_and_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    for name in ("LICENSE", "NOTICE"):
        assert any(entry.endswith(f".dist-info/licenses/{name}") for entry in names), f"{name} is not in the wheel"
    (entries,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "liquidwarp = liquidwarp.cli:main" in archive.read(entries).decode()
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    text = archive.read(metadata).decode()
    assert "Requires-Python: >=3.11" in text
    assert "License-Expression: Apache-2.0" in text


def test_the_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True)
    program = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "import json, torch, liquidwarp as lw\n"
        "body = lw.load_body()\n"
        "print(json.dumps({'file': lw.__file__, 'version': lw.__version__, 'name': body.name}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert Path(result["file"]).is_relative_to(target)
    assert result["name"] == "anny"
