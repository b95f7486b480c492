"""Several processes that share files and caches, a home that cannot be written, caches that were half written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.errors import InputError
from liquidwarp.types import BodyTrack

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="open files stay there")]

WRITER = """
import sys
from liquidwarp.types import BodyTrack
track = BodyTrack.load(sys.argv[1])[: int(sys.argv[3])]
print("began", flush=True)
for _ in range(100):
    track.save(sys.argv[2])
"""
# Compiled loops of the rasteriser and of skinning, on a body that is made at once.
COMPILER = """
import sys, numpy as np, torch
from liquidwarp.geometry import default_camera
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.testing import toy_body
body = toy_body()
vertices = body.identity(torch.zeros(4)).vertices[None] + torch.tensor([0.0, 0.0, 3.0])
fragments = rasterize(vertices, body.topology.faces, default_camera((64, 64)))
np.save(sys.argv[1], fragments.face_index.numpy())
"""


def begin(program: str, *arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def end(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


def test_two_writers_and_a_reader(sources, tmp_path: Path) -> None:
    """Whoever reads finds the whole file of one of them, at any moment."""
    path = tmp_path / "out" / "track.npz"
    writers = [begin(WRITER, sources.track, path, frames) for frames in ("2", "5")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "began\n"
    found = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            found.add(len(BodyTrack.load(path)))
    for writer in writers:
        end(writer)
    assert found <= {2, 5}
    assert found
    assert list(path.parent.iterdir()) == [path]


def test_compiled_loops_in_one_folder(tmp_path: Path) -> None:
    """Two processes fill one cache at once; then all of its files are cut, and another two begin with that."""
    cache = tmp_path / "cache"
    answers = []
    for cut in (False, True):
        if cut:
            files = [path for path in cache.rglob("*.nb*") if path.is_file()]
            assert files
            for path in files:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        places = [tmp_path / f"{cut}{number}.npy" for number in range(2)]
        for process in [begin(COMPILER, place, NUMBA_CACHE_DIR=str(cache)) for place in places]:
            end(process)
        answers += [np.load(place) for place in places]
    assert all((answer == answers[0]).all() for answer in answers)
    assert (answers[0] >= 0).any()


@pytest.mark.parametrize("home", ["/proc/nobody", "/dev/null"])
def test_a_home_that_cannot_be_written(home: str, encoded: lw.SourceState, tmp_path: Path) -> None:
    encoded.save(tmp_path / "me.person")
    out = tmp_path / "view.png"
    program = "import sys; from liquidwarp import cli; sys.exit(cli.main(sys.argv[1:]))"
    variables = {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "NUMBA_CACHE_DIR": f"{home}/numba"}
    end(begin(program, "view", tmp_path / "me.person", "-o", out, "--frames", "1", "--size", "64", **variables))
    assert out.is_file()


def test_people_are_read_by_several_at_once(encoded: lw.SourceState, tmp_path: Path) -> None:
    """One writes the same person again and again; the other reads either the whole one or says what is wrong."""
    path = tmp_path / "me.person"
    encoded.save(path)
    program = "import sys; from liquidwarp.person import SourceState\np = SourceState.load(sys.argv[1])\n"
    program += "print('began', flush=True)\nfor _ in range(20): p.save(sys.argv[1])"
    writer = begin(program, path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "began\n"
    while writer.poll() is None:
        try:
            assert torch.equal(lw.SourceState.load(path).offsets, encoded.offsets)
        except InputError as error:
            pytest.fail(str(error))
    end(writer)
    assert list(tmp_path.iterdir()) == [path]
