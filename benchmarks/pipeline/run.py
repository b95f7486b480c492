"""Time the whole job and its stages; print a table and write JSON.

    python benchmarks/pipeline/run.py --photo PHOTO --motion CLIP [--size 512] [--frames N] [--method surface gan]
                                      [--device cpu] [--jobs 3] [--threads 2] [--long 10000]
                                      [--megapixels 1.8 12 48] [--out results.json]

Two things are timed. **Whole jobs**: `liquidwarp imitate` in a process of its own, as a user runs it, start-up and all;
the methods take turns. **Stages**, in this process, one after the other and each over the whole clip: wall time and
processor time. Stages overlap in a job (decoding with detection, painting with encoding), so they add up to more.
A whole job is run once before the clock starts, so that everything compiled is on disk. `--long N` also
writes a video of N frames at 256 pixels, the clip's motion over and over, and notes the memory on the way.
`--megapixels` scales the photo to sizes, and notes what `liquidwarp learn` takes for each.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

import liquidwarp as lw
from liquidwarp.detect import detect_clip
from liquidwarp.devices import DEVICES, find_device
from liquidwarp.media import open_video, read_image, to_uint8, write_image, write_video

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import check_summary, machine, summary

SCHEMA = "liquidwarp-pipeline/2"
_LONG_SIZE = 256  # pixels
_SETTLED = 200  # frames after which memory should not grow
_SHRINK, _GROW = cv2.INTER_AREA, cv2.INTER_CUBIC
_WATCHED = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run([sys.executable, *sys.argv[1:]], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


class Stages:
    """Wall and processor time of stages, in the order in which they ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Run a stage and note its time."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.seconds[name] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return result


def time_stages(options: argparse.Namespace, motion: Path) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Run every stage over the clip; return their times, and memory on the way through a long video."""
    stages = Stages()
    person = stages.run("encode the photo", lambda: lw.encode_source(options.photo))
    video = open_video(motion)
    frames = stages.run("decode", lambda: list(video))
    found = stages.run(
        "detect", lambda: detect_clip(iter(frames), fps=video.fps, size=tuple(map(int, video.size)), source=motion.name)
    )
    track = stages.run("fit", lambda: lw.recover(found, regressor="landmarks"))
    for renderer in options.renderer:
        made = stages.run(
            f"paint, {renderer}",
            lambda renderer=renderer: [
                to_uint8(frame.image)
                for frame in lw.imitate(person, track, size=options.size, method=renderer, device=options.device)
            ],
        )
    with tempfile.TemporaryDirectory() as folder:
        stages.run("encode the video", lambda: write_video(made, Path(folder) / "out.mp4", fps=video.fps))
    return stages.seconds, watch_memory(person, track, options) if options.long else {}


def time_jobs(options: argparse.Namespace, motion: Path) -> dict[str, list[float]]:
    """Run whole jobs, the methods in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in options.renderer}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.jobs + 1):
            for renderer in options.renderer:
                command = ["imitate", options.photo, "--motion", motion, "--size", options.size, "--mute"]
                output = Path(folder) / f"{renderer}.mp4"
                words = [
                    str(word) for word in (*command, "--method", renderer, "--device", options.device, "-o", output)
                ]
                begin = time.perf_counter()
                subprocess.run([sys.executable, "-m", "liquidwarp.cli", *words], check=True, capture_output=True)
                if turn:
                    seconds[renderer].append(time.perf_counter() - begin)
    return seconds


def time_photos(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Learn the photo at several sizes, each in a process of its own; return wall and processor seconds and memory."""
    measured = {}
    rgb = read_image(options.photo).rgb
    with tempfile.TemporaryDirectory() as folder:
        photo, output = Path(folder) / "photo.jpg", Path(folder) / "photo.person"
        words = ["-m", "liquidwarp.cli", "learn", str(photo), "-o", str(output)]
        for megapixels in options.megapixels:
            scale = (1e6 * megapixels / rgb[..., 0].size) ** 0.5
            write_image(photo, cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=_SHRINK if scale < 1 else _GROW))
            told = subprocess.run([sys.executable, "-c", _WATCHED, *words], check=True, capture_output=True, text=True)
            wall, cpu, peak = (float(word) for word in told.stdout.split()[-3:])
            measured[f"{megapixels:g}"] = {"wall": wall, "cpu": cpu, "peak_mb": peak / 1024}
    return measured


def watch_memory(person: lw.SourceState, track: lw.BodyTrack, options: argparse.Namespace) -> dict[str, float]:
    """Write a long video; return the process's resident megabytes after so many frames."""
    frames = options.long
    page = resource.getpagesize()
    times = [index % len(track) for index in range(frames)]
    every = max(1, frames // 20)
    resident: dict[str, float] = {}

    def watched() -> Iterator[lw.tasks.Synthesis]:
        for index, frame in enumerate(lw.imitate(person, track[times], size=_LONG_SIZE, device=options.device), 1):
            yield frame
            if index % every == 0 or index == _SETTLED:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                resident[str(index)] = pages * page / 2**20

    with tempfile.TemporaryDirectory() as folder:
        lw.write_video(watched(), Path(folder) / "long.mp4", fps=track.fps)
    return resident


def check(results: dict) -> None:
    """Raise `ValueError` unless `results` follow the schema."""
    if results.get("schema") != SCHEMA or results.get("unit") != "s" or not results.get("frames"):
        raise ValueError(f"not a {SCHEMA} result")
    for name, times in results["jobs"].items():
        check_summary(name, times)
    for name, times in results["stages"].items():
        if not all(np.isfinite(times[key]) and times[key] >= 0 for key in ("wall", "cpu")):
            raise ValueError(f"{name}: {times} are no times")
    for size, used in results.get("photos", {}).items():
        if not all(np.isfinite(used[key]) and used[key] > 0 for key in ("wall", "cpu", "peak_mb")):
            raise ValueError(f"{size} megapixels: {used} is no measure")


def table(results: dict) -> str:
    """Return what was measured, in Markdown."""
    frames = results["frames"]
    lines = ["| whole job | seconds, median (least) | frames a second |", "|---|---|---|"]
    lines += [
        f"| {name} | {times['median']:.1f} ({times['min']:.1f}) | {frames / times['median']:.1f} |"
        for name, times in results["jobs"].items()
    ]
    lines += ["", "| stage | wall ms a frame | processor ms a frame | frames a second |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {1e3 * times['wall'] / frames:.1f} | {1e3 * times['cpu'] / frames:.1f} | "
        f"{frames / max(times['wall'], 1e-9):.0f} |"
        for name, times in results["stages"].items()
    ]
    if results["resident_mb"]:
        lines += ["", "| frames written | resident MB |", "|---|---|"]
        lines += [f"| {frames} | {size:.0f} |" for frames, size in results["resident_mb"].items()]
    if results.get("photos"):
        lines += ["", "| megapixels of the photo | wall s | processor s | peak MB |", "|---|---|---|---|"]
        lines += [
            f"| {size} | {used['wall']:.1f} | {used['cpu']:.1f} | {used['peak_mb']:.0f} |"
            for size, used in results["photos"].items()
        ]
    return "\n".join(lines)


def main() -> None:
    """Time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--motion", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512, help="longer side of the pictures")
    parser.add_argument("--frames", type=int, help="only the first ones of the clip")
    parser.add_argument(
        "--method",
        "--renderer",
        dest="renderer",
        nargs="+",
        default=["surface", "gan"],
        help="gan, or what 'liquidwarp methods' lists",
    )
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="where the pictures are made")
    parser.add_argument("--jobs", type=int, default=3, help="whole jobs of each method; 0 for none")
    parser.add_argument("--threads", type=int, default=2, help="of the stages; jobs choose their own")
    parser.add_argument("--long", type=int, default=0, help="frames of a video whose memory is watched")
    parser.add_argument("--megapixels", type=float, nargs="*", default=[], help="sizes of the photo that are learnt")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    options = parser.parse_args()
    find_device(options.device)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        motion = options.motion
        if options.frames is not None:
            video = open_video(motion)
            motion = write_video(islice(video, options.frames), Path(folder) / "part.mp4", fps=video.fps, crf=10)
        jobs = time_jobs(options, motion) if options.jobs else {}
        stages, memory = time_stages(options, motion)
        frames = sum(1 for _ in open_video(motion))
    results = {
        "schema": SCHEMA,
        "unit": "s",
        "photo": options.photo.name,
        "motion": options.motion.name,
        "size": options.size,
        "device": find_device(options.device).type,
        "frames": frames,
        "threads": options.threads,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "jobs": {name: summary(times) for name, times in jobs.items()},
        "stages": stages,
        "resident_mb": memory,
        "photos": time_photos(options),
    } | machine()
    check(results)
    print(table(results))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
