"""Time warping features against `torch.grid_sample`, interleaved; print a table and write JSON.

    python benchmarks/warp/run.py [--out results.json] [--shapes 64x256x256 3x512x512] [--rounds 11] [--threads 2]

Each row samples one set of features at as many places: those of a smooth flow, all of them valid. Compared are `warp`
and `grid_sample` (bilinear, border, `align_corners=False`): plain, with channels last, and with gradients of
features and flow; and a copy of the features into memory that is there, the least that reading and writing them takes.
All run turn by turn, after two turns that do not count; "ratio" is the median of the turns' ratios.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from liquidwarp.flow import identity_flow, warp
from liquidwarp.types import Flow

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import check_summary, interleaved, machine, summary

SCHEMA = "liquidwarp-warp/2"
PAIRS = {
    "forward": ("warp", "grid_sample"),
    "channels last": ("warp, last", "grid_sample, last"),
    "with gradients": ("warp+bwd", "grid_sample+bwd"),
    "against a copy": ("warp", "copy"),
    "channels last against a copy": ("warp, last", "copy"),
}


def competitors(channels: int, size: tuple[int, int], seed: int) -> dict[str, Callable[[], object]]:
    """Return the calls of a row."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(1, channels, *size, generator=generator)
    coarse = 0.3 * torch.randn(1, 2, 8, 8, generator=generator)
    bend = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").permute(0, 2, 3, 1)
    grid = (identity_flow(size).grid + bend).clamp(-1, 1).contiguous()
    valid, pull = torch.ones(1, *size, dtype=torch.bool), torch.rand(1, channels, *size, generator=generator)

    def sample(source: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.grid_sample(source, where, padding_mode="border", align_corners=False)

    def ours(source: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        return warp(source, Flow(where, valid))

    def trained(way: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Callable[[], object]:
        def call() -> None:
            source, where = features.clone().requires_grad_(), grid.clone().requires_grad_()
            way(source, where).backward(pull)

        return call

    last, room = features.to(memory_format=torch.channels_last), torch.empty_like(features)
    return {
        "warp": lambda: ours(features, grid),
        "grid_sample": lambda: sample(features, grid),
        "warp, last": lambda: ours(last, grid),
        "grid_sample, last": lambda: sample(last, grid),
        "copy": lambda: room.copy_(features),
        "warp+bwd": trained(ours),
        "grid_sample+bwd": trained(sample),
    }


def ratios(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return how our time compares, turn by turn."""
    return {
        name: summary([mine / theirs for mine, theirs in zip(times[ours], times[rival], strict=True)])
        for name, (ours, rival) in PAIRS.items()
    }


def check(results: dict) -> None:
    """Raise `ValueError` unless `results` follow the schema."""
    if results.get("schema") != SCHEMA or results.get("unit") != "ms" or not results.get("rows"):
        raise ValueError(f"not a {SCHEMA} result")
    for row in results["rows"]:
        for name, times in {**row["ms"], **row["ratio"]}.items():
            check_summary(f"{name} at {row['shape']}", times)


def shape(text: str) -> tuple[int, int, int]:
    """Read CxHxW."""
    parts = text.split("x")
    if len(parts) != 3 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not channels x height x width, such as 64x256x256")
    channels, height, width = map(int, parts)
    return channels, height, width


def main() -> None:
    """Time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    parser.add_argument("--shapes", type=shape, nargs="+", default=[(64, 256, 256), (128, 64, 64), (3, 512, 512)])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seed", type=int, default=0, help="of features and flow; times do not depend on it")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for channels, height, width in arguments.shapes:
        times = interleaved(competitors(channels, (height, width), arguments.seed), arguments.rounds)
        named = f"{channels}x{height}x{width}"
        ratio = ratios(times)
        rows.append({"shape": named, "ms": {name: summary(t) for name, t in times.items()}, "ratio": ratio})
        told = ", ".join(f"{name} {np.median(t):.2f} ms" for name, t in times.items())
        print(f"{named}: {told}; " + ", ".join(f"{name} {r['median']:.2f}" for name, r in ratio.items()), flush=True)
    if arguments.out is not None:
        told = {"rounds": arguments.rounds, "threads": arguments.threads, "seed": arguments.seed}
        results = {"schema": SCHEMA, "unit": "ms", **told, "rows": rows} | machine()
        check(results)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
