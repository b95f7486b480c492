"""Every writing command, killed at any moment or before a full disk: the old file or the whole new one, nothing else.

`LIQUIDWARP_KILLS=20` is how often each command is killed (2 by default); the moments are spread over what it takes when
left alone, at random by `LIQUIDWARP_FUZZ_SEED`.
"""

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import liquidwarp as lw
from liquidwarp.media import open_video
from liquidwarp.nn.published import make_generator, published_name
from liquidwarp.testing.stand_in import write_stand_in

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")]

KILLS = int(os.environ.get("LIQUIDWARP_KILLS", "2"))
SEED = int(os.environ.get("LIQUIDWARP_FUZZ_SEED", "0"))
PATIENCE = 120  # seconds
OLD = b"the old file"


@dataclass(frozen=True)
class Writing:
    """A command that writes.

    Attributes:
        arguments: `{name}` is a file of the fixture `given`, `{out}` the folder of results.
        results: what it writes there.
        same: the same bytes every time; else whole is what can be read.
    """

    arguments: str
    results: tuple[str, ...]
    same: bool = True


COMMANDS = {
    "learn": Writing("learn {photo} -o {out}/a.person", ("a.person",)),
    "view": Writing("view {person} -o {out}/a.mp4 --frames 20 --size 128", ("a.mp4",)),
    "picture": Writing("view {person} -o {out}/a.png --frames 1", ("a.png",)),
    "imitate": Writing("imitate {person} --motion {track} -o {out}/a.webm --size 128", ("a.webm",)),
    "gif": Writing("imitate {person} --motion {track} -o {out}/a.gif --size 128", ("a.gif",)),
    "transfer": Writing("transfer {person} --wear upper={photo} -o {out}/a.png", ("a.png",)),
    "live": Writing("live {person} --motion {motion} -o {out}/a.mp4 --size 64", ("a.mp4",), same=False),
    "recover": Writing("recover {motion} -o {out}/a.npz --overlay {out}/a.mp4", ("a.npz", "a.mp4")),
    "export bvh": Writing("export {track} -o {out}/a.bvh", ("a.bvh",)),
    "export npz": Writing("export {track} -o {out}/a.npz", ("a.npz",)),
    "export glb": Writing("export {track} -o {out}/a.glb", ("a.glb",)),
    "body": Writing("body convert {model} -o {out}/a.npz --gender neutral", ("a.npz",)),
    "weights": Writing("weights import {checkpoint} --as ICCV -o {out}/a.safetensors", ("a.safetensors",)),
    "evaluate": Writing("evaluate --pred {motion} --truth {motion} --metrics psnr --json {out}/a.json", ("a.json",)),
}


@pytest.fixture(scope="module")
def given(sources, encoded: lw.SourceState, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("given")
    encoded.save(folder / "me.person")
    write_stand_in(folder / "SMPL_NEUTRAL.npz", "smpl")
    state = make_generator("ICCV").state_dict()
    torch.save({published_name("ICCV", key): value for key, value in state.items()}, folder / "generator.pth")
    return {
        "photo": sources.photo,
        "motion": sources.motion,
        "track": sources.track,
        "person": folder / "me.person",
        "model": folder / "SMPL_NEUTRAL.npz",
        "checkpoint": folder / "generator.pth",
    }


@pytest.fixture(scope="module")
def server() -> multiprocessing.context.ForkServerContext:
    """Processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["liquidwarp.cli", "liquidwarp.tasks", "liquidwarp.methods", "liquidwarp.media"])
    return context


def run(arguments: list[str], log: str) -> None:
    """Do a command in this process, and leave it with its exit code."""
    from liquidwarp import cli

    with open(log, "w", encoding="utf-8") as words, redirect_stdout(words), redirect_stderr(words):
        code = cli.main(arguments)
    os._exit(code)


def start(server, command: Writing, given: dict[str, Path], out: Path, log: Path):
    arguments = command.arguments.format(out=out, **given).split()
    process = server.Process(target=run, args=(arguments, str(log)))
    process.start()
    return process


def whole(server, command: Writing, given: dict[str, Path], out: Path, log: Path) -> float:
    began = time.perf_counter()
    process = start(server, command, given, out, log)
    process.join(PATIENCE)
    assert process.exitcode == 0, log.read_text()
    return time.perf_counter() - began


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_moment(name: str, given: dict[str, Path], server, tmp_path: Path) -> None:
    command, out, log = COMMANDS[name], tmp_path / "out", tmp_path / "log"
    out.mkdir()
    whole(server, command, given, out, log)
    reference = {file: (out / file).read_bytes() for file in command.results}
    takes = whole(server, command, given, out, log)  # the second time, with warm caches
    moments = random.Random(f"{SEED} {name}")
    finished = 0
    for number in range(KILLS):
        for file in command.results:
            (out / file).write_bytes(OLD)
        process = start(server, command, given, out, log)
        time.sleep(takes * (number + moments.random()) / KILLS * 1.05)
        process.kill()
        process.join(PATIENCE)
        for file in command.results:
            found = (out / file).read_bytes()
            damaged = found not in (OLD, reference[file]) and (command.same or not readable(out / file))
            assert not damaged, f"{file}, kill {number}"
            finished += found != OLD
        assert all(path.name in command.results or ".partial" in path.suffixes for path in out.iterdir())
    for left in out.iterdir():
        os.utime(left, (0, 0))
    whole(server, command, given, out, log)
    assert sorted(path.name for path in out.iterdir()) == sorted(command.results)
    assert not command.same or {file: (out / file).read_bytes() for file in command.results} == reference
    print(f"{name}: {takes:.2f} s, {KILLS} kills, {finished} files were whole already")


def readable(path: Path) -> bool:
    return sum(1 for _ in open_video(path)) > 0


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB that is full but for what the old files take."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> None:
    with open(disk / "filler", "wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name: str, given: dict[str, Path], server, full: Path, tmp_path: Path) -> None:
    command, log = COMMANDS[name], tmp_path / "log"
    for file in command.results:
        (full / file).write_bytes(OLD)
    fill(full)
    process = start(server, command, given, full, log)
    process.join(PATIENCE)
    lines = [line for line in log.read_text().replace("\r", "\n").splitlines() if "error" in line]
    assert process.exitcode == 2, log.read_text()
    assert len(lines) == 1
    assert lines[0].startswith("liquidwarp: error: cannot write ")
    assert sorted(path.name for path in full.iterdir()) == sorted([*command.results, "filler"])
    assert all((full / file).read_bytes() == OLD for file in command.results)
