"""Let the program run for very long and watch it: memory, open files, time; print a table and write JSON.

    python benchmarks/soak/run.py [--frames 100000] [--minutes 60] [--size 64] [--photo PHOTO] [--motion CLIP]
                                  [--most-growth 5] [--out results.json]

`liquidwarp imitate` writes a video of `--frames` frames, and `liquidwarp live` follows a file of `--minutes` as if it
were a camera, each in a process of its own that is looked at once a second. Both clips are the motion to and fro. What
must not be: memory that grows by more than `--most-growth` MB between the second tenth of the time of writing and the
last, more open files at the end than then, and a result that lasts longer or shorter than what drove it; the exit code
is 1 then.
A part is left out by `--frames 0` or `--minutes 0`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil
import torch

import liquidwarp as lw
from liquidwarp.demo import asset
from liquidwarp.media import open_video, write_video

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import machine

SCHEMA = "liquidwarp-soak/1"
_EVERY = 1.0  # seconds between looks
_PROGRAM = (sys.executable, "-m", "liquidwarp.cli")
_TENTHS = 10


@dataclass(frozen=True)
class Watched:
    """What was seen of a process that ran for long.

    Attributes:
        frames: of the result.
        seconds: what the process took.
        resident_mb: resident memory in each tenth of the time of writing, the median of what was seen.
        open_files: open files in each tenth, the most.
        driver_seconds: how long what drives lasts.
        result_seconds: how long the result lasts.
    """

    frames: int
    seconds: float
    resident_mb: list[float]
    open_files: list[int]
    driver_seconds: float
    result_seconds: float

    @property
    def growth_mb(self) -> float:
        """How much memory grew since the second tenth, when all that is made once is there."""
        return self.resident_mb[-1] - self.resident_mb[1]

    def faults(self, most_growth: float) -> list[str]:
        """Return in words what must not be."""
        found = []
        if self.growth_mb > most_growth:
            found.append(f"memory grew by {self.growth_mb:.1f} MB")
        if self.open_files[-1] > self.open_files[1]:
            found.append(f"{self.open_files[-1] - self.open_files[1]} more files are open at the end")
        if abs(self.result_seconds - self.driver_seconds) > 0.1:
            found.append(f"the result lasts {self.result_seconds:.2f} s, its driver {self.driver_seconds:.2f} s")
        return found


def watch(command: list[str], log: Path) -> tuple[float, list[float], list[int]]:
    """Run the program; return seconds, and of each tenth of its writing resident megabytes and open files.

    It writes as soon as there is an unfinished file beside the log.

    Raises:
        SystemExit: it failed, or ended before it could be looked at ten times.
    """
    memory, files = [], []
    began = time.perf_counter()
    with open(log, "wb") as words, subprocess.Popen([*_PROGRAM, *command], stdout=words, stderr=words) as process:
        looked_at = psutil.Process(process.pid)
        while process.poll() is None:
            if any(log.parent.glob(".*.partial.*")):
                memory.append(looked_at.memory_info().rss / 2**20)
                files.append(looked_at.num_fds() if hasattr(looked_at, "num_fds") else looked_at.num_handles())
            time.sleep(_EVERY)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"error: {' '.join(command)}\n{log.read_text(errors='replace')[-2000:]}")
    memory, files = memory[:-1], files[:-1]
    if len(memory) < _TENTHS:
        raise SystemExit(f"error: {command[0]} wrote for {len(memory)} s only; ask for more frames or minutes")
    parts = np.array_split(np.arange(len(memory)), _TENTHS)
    return (
        seconds,
        [float(np.median(np.take(memory, part))) for part in parts],
        [int(np.max(np.take(files, part))) for part in parts],
    )


def to_and_fro(count: int, wanted: int) -> list[int]:
    """Return indices of frames: forwards, backwards, and again."""
    return list(islice(cycle([*range(count), *range(count - 2, 0, -1)]), wanted))


def soak_imitate(person: Path, motion: Path, folder: Path, options: argparse.Namespace) -> Watched:
    """Write one video of very many frames."""
    track = lw.recover(motion, regressor="landmarks")
    index = torch.tensor(to_and_fro(len(track), options.frames))
    track[index].save(folder / "long.npz")
    result = folder / "long.mp4"
    command = ["imitate", person, "--motion", folder / "long.npz", "-o", result, "--size", options.size]
    seconds, memory, files = watch([*map(str, command)], folder / "imitate.log")
    return _watched(result, seconds, memory, files, options.frames / track.fps)


def soak_live(person: Path, motion: Path, folder: Path, options: argparse.Namespace) -> Watched:
    """Follow a file that lasts as long as asked for."""
    clip = open_video(motion)
    frames = list(clip)
    wanted = round(options.minutes * 60 * clip.fps)
    driver = folder / "camera.mp4"

    def filmed() -> Iterator[np.ndarray]:
        yield from (frames[index] for index in to_and_fro(len(frames), wanted))

    write_video(filmed(), driver, fps=clip.fps)
    result = folder / "live.mp4"
    command = ["live", person, "--motion", driver, "-o", result, "--size", options.size]
    seconds, memory, files = watch([*map(str, command)], folder / "live.log")
    return _watched(result, seconds, memory, files, wanted / clip.fps)


def _watched(result: Path, seconds: float, memory: list[float], files: list[int], driven: float) -> Watched:
    video = open_video(result)
    frames = sum(1 for _ in video)
    return Watched(frames, seconds, memory, files, driven, frames / video.fps)


def table(parts: dict[str, Watched]) -> str:
    """Return what was seen, in Markdown."""
    lines = ["| part | frames | minutes | MB in the 2nd, 5th, last tenth | growth MB | open files | drift s |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, seen in parts.items():
        memory = ", ".join(f"{seen.resident_mb[tenth]:.1f}" for tenth in (1, 4, -1))
        lines.append(
            f"| {name} | {seen.frames} | {seen.seconds / 60:.1f} | {memory} | {seen.growth_mb:+.1f} | "
            f"{seen.open_files[1]} -> {seen.open_files[-1]} | {seen.result_seconds - seen.driver_seconds:+.2f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, default=asset("woman_stripes.jpg"), help="by default one of the demo's")
    parser.add_argument("--motion", type=Path, default=asset("motion.mp4"), help="by default that of the demo")
    parser.add_argument("--frames", type=int, default=100_000, help="of imitate's video")
    parser.add_argument("--minutes", type=float, default=60.0, help="of live's driver")
    parser.add_argument("--size", type=int, default=64, help="longer side of the pictures")
    parser.add_argument("--most-growth", type=float, default=5.0, help="MB")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    options = parser.parse_args()
    parts = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        person = folder / "me.person"
        subprocess.run([*_PROGRAM, "learn", str(options.photo), "-o", str(person)], check=True, stdout=sys.stderr)
        if options.frames:
            parts["imitate"] = soak_imitate(person, options.motion, folder, options)
        if options.minutes:
            parts["live"] = soak_live(person, options.motion, folder, options)
    print(table(parts))
    faults = [f"{name}: {fault}" for name, seen in parts.items() for fault in seen.faults(options.most_growth)]
    print(*faults, sep="\n", file=sys.stderr)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        results = {
            "schema": SCHEMA,
            "size": options.size,
            "parts": {name: asdict(seen) for name, seen in parts.items()},
        }
        options.out.write_text(json.dumps(results | {"faults": faults} | machine(), indent=1) + "\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
