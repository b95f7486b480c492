"""What does the compact generator add to the surface renderer, where the photo shows the surface and where not?

    python datasets/synthetic/make_pairs.py --first 9000 --clips 40 -o outputs/held_out
    python benchmarks/generator/run.py --pairs outputs/held_out [--weights FILE] -o outputs/generator

Pairs of people that no training has seen: the renderer's picture, the generator's, and the truth. Also the time of one
answer at 256x256 and 512x512, features of the photo computed before. ../README.md has the contract.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from PIL import Image

import liquidwarp as lw
from liquidwarp.devices import find_device, half_precision, moved
from liquidwarp.files import atomic_path
from liquidwarp.media import write_image
from liquidwarp.nn.compact import STRIDE, CompactGenerator, SourceInput, TransferInput
from liquidwarp.nn.compact_weights import load_compact
from liquidwarp.nn.planes import PhotoFlow
from liquidwarp.train.pairs import PairFile
from liquidwarp.train.samples import open_pairs

SCHEMA = "liquidwarp-generator/1"
REGIONS = ("seen", "unseen", "person")
SHOWN = 8  # rows of the contact sheet


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of pairs that were not trained on")
    parser.add_argument("--weights", type=Path, default=None, help="compact weights; the bundled ones by default")
    parser.add_argument("--per-clip", type=int, default=4, help="pairs of each clip, evenly spread")
    parser.add_argument("--rounds", type=int, default=7, help="repetitions of a timing")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/generator"))
    parser.add_argument("--device", default="cpu", help="where the generator runs: auto, cpu, cuda or mps")
    options = parser.parse_args(arguments)
    try:
        device = find_device(options.device)
        generator = load_compact(options.weights).to(device)
        files, broken = open_pairs(options.pairs)
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    scores, rows = measure(generator, files, options.per_clip)
    data = {
        "schema": SCHEMA,
        "pairs": options.pairs.name,
        "clips": len(files),
        "broken": sorted(broken),
        "weights": "bundled" if options.weights is None else options.weights.name,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "machine": {"processor": platform.processor(), "cores": os.cpu_count(), "threads": torch.get_num_threads()},
        "scores": {name: summary(values) for name, values in scores.items()},
        "milliseconds": {str(size): timing(generator, size, options.rounds) for size in (256, 512)},
    }
    with atomic_path(options.output / "results.json") as partial:
        partial.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_image(options.output / "sheet.png", np.concatenate(rows[:: max(1, len(rows) // SHOWN)][:SHOWN]))
    print(table(data))
    return 0


def measure(
    generator: CompactGenerator, files: list[PairFile], per_clip: int
) -> tuple[dict[str, list[float]], list[np.ndarray]]:
    """Score renderer and generator on every chosen pair, side by side; return scores and rows of pictures."""
    scores: dict[str, list[float]] = {}
    rows = []
    device = generator.head.weight.device
    for file in files:
        spans = [slice(0, side // STRIDE * STRIDE) for side in file.size]
        chosen = sorted({round(at) for at in np.linspace(0, file.frames - 1, per_clip)})
        for frame in chosen:
            batch = file.read(frame, *spans)
            with torch.no_grad(), half_precision(device):
                answered = generator(*(moved(part, device) for part in (batch.transfer, batch.source, batch.flow)))
            picture, alpha = (plane.cpu() for plane in answered)
            surface, truth = batch.plain_picture, batch.truth
            coverage = batch.transfer.coverage
            inside = truth.alpha > 0.5
            regions = {"seen": inside & (coverage[:, 0] > 0.5), "unseen": inside & (coverage[:, 1:].amax(1) > 0.5)}
            regions["person"] = inside
            made_by = (("surface", surface, batch.plain_alpha), ("generator", picture.clamp(0, 1), alpha))
            for method, made, found in made_by:
                for name, region in regions.items():
                    if int(region.sum()) > 50:
                        scores.setdefault(f"{method} {name}", []).append(psnr(made, truth.picture, region))
                both, either = ((found > 0.5) & inside).sum(), ((found > 0.5) | inside).sum()
                scores.setdefault(f"{method} iou", []).append(float(both / either.clamp(min=1)))
            if frame == chosen[-1]:
                rows.append(row(surface, picture, truth.picture))
    return scores, rows


def psnr(made: torch.Tensor, truth: torch.Tensor, region: torch.Tensor) -> float:
    """Return PSNR over a region, peak 1."""
    error = ((made - truth) ** 2).mean(1)[region].mean()
    return float(-10 * torch.log10(error.clamp(min=1e-10)))


def timing(generator: CompactGenerator, size: int, rounds: int) -> dict[str, float]:
    """Return median, least and most milliseconds of an answer, after two that warm up."""
    random, device = torch.Generator().manual_seed(0), generator.head.weight.device

    def planes(*channels: int) -> list[torch.Tensor]:
        made = torch.rand(1, sum(channels), size, size, generator=random).split(channels, 1)
        return [plane[:, 0] if plane.shape[1] == 1 else plane for plane in made]

    transfer, source = moved((TransferInput(*planes(3, 1, 3, 3, 3)), SourceInput(*planes(3, 1, 3))), device)
    grid = torch.rand(1, 1, size, size, 2, generator=random) * 2 - 1
    flow = moved(PhotoFlow(grid, torch.rand(1, 1, size, size, generator=random) > 0.3), device)
    times = []
    with torch.no_grad(), half_precision(device):
        features = generator.encode(source)
        for _ in range(rounds + 2):
            start = perf_counter()
            answer = generator.answer(transfer, features, flow)
            float(answer.alpha[0, 0, 0])  # waits for a device
            times.append(1000 * (perf_counter() - start))
    kept = times[2:]
    return {"median": median(kept), "least": min(kept), "most": max(kept)}


def row(*pictures: torch.Tensor, height: int = 256, width: int = 224) -> np.ndarray:
    """Put pictures side by side at one size."""
    tiles = []
    for picture in pictures:
        plane = (picture[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        tiles.append(np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC)))
    return np.concatenate(tiles, 1)


def summary(values: list[float]) -> dict[str, float | int]:
    """Return mean and spread."""
    low, middle, high = np.percentile(values, [10, 50, 90])
    mean = float(np.mean(values))
    return {"mean": mean, "median": float(middle), "p10": float(low), "p90": float(high), "count": len(values)}


def table(data: dict) -> str:
    """Return the results as Markdown."""
    lines = ["| region | surface | generator | difference |", "|---|---|---|---|"]
    for name in (*REGIONS, "iou"):
        if f"surface {name}" not in data["scores"]:  # too few such pixels
            continue
        ours, base = (data["scores"][f"{method} {name}"]["mean"] for method in ("generator", "surface"))
        digits, unit = (3, "") if name == "iou" else (2, " dB")
        lines.append(
            f"| {name} | {base:.{digits}f}{unit} | {ours:.{digits}f}{unit} | {ours - base:+.{digits}f}{unit} |"
        )
    for size, times in data["milliseconds"].items():
        lines.append(
            f"\nAn answer at {size}x{size}: {times['median']:.0f} ms ({times['least']:.0f}-{times['most']:.0f})."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
