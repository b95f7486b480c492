"""Which way of bringing the photo into the picture is best? The ablation of Liquid Warping GAN, at one budget.

    python benchmarks/ablation/run.py [--variants W_C W_T W_F add mean gate attention] [--seeds 0] [--steps 400]
                                      [--size 96] [--width 0.25] [--data FOLDER] -o outputs/ablation

All variants see the same synthetic people in the same order. A run that was stopped goes on. ../README.md has the
contract.
"""

import argparse
import json
import resource
import sys
from pathlib import Path

from ablation_measure import VARIANTS, Result, held_out_tasks, measure_floors, measure_variant, people
from ablation_real import measure_real
from ablation_report import check, contact_sheet, table, to_json
from ablation_train import train_variant

import liquidwarp as lw
from liquidwarp.files import atomic_path
from liquidwarp.media import write_image


def main(arguments: list[str] | None = None) -> int:
    """Run the ablation; 0 if it ran, 2 for input that cannot be used, 130 if it was stopped."""
    options = parse(arguments)
    try:
        write(run(options), options)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=tuple(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of first weights and of the samples")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--size", type=int, default=96, help="side of a picture, a multiple of 16")
    parser.add_argument("--width", type=float, default=0.25, help="of the published widths")
    parser.add_argument("--photos", type=int, default=2, help="given for each target")
    parser.add_argument("--clips", type=int, default=32, help="synthetic people to learn from")
    parser.add_argument("--frames", type=int, default=6, help="of each clip")
    parser.add_argument("--held-out", type=int, default=12, help="synthetic people to measure on")
    parser.add_argument("--data", type=Path, help="folder with NAME_A.mp4 and NAME_random.mp4")
    parser.add_argument("--pairs", nargs="+", metavar="NAME", help="only these pairs of it")
    parser.add_argument("--real-frames", type=int, default=8, help="measured of each real clip")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/ablation"))
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> list[Result]:
    """Train what is not trained yet, and measure everything on the same pictures."""
    size = (options.size, options.size)
    training = people(options.clips, options.frames, size, first=0)
    tasks = held_out_tasks(options.held_out, options.frames, size, photos=options.photos)
    results = measure_floors(tasks)
    trained = []
    for seed in options.seeds:
        for variant in options.variants:
            print(f"{variant}, seed {seed} ...", flush=True)
            done = train_variant(variant, seed, training, options)
            trained.append(done)
            results.append(measure_variant(done, tasks))
    if options.data is not None:
        measure_real(trained, results, options)
    return results


def write(results: list[Result], options: argparse.Namespace) -> None:
    """Write results.json, results.md and sheet.png, and print the table."""
    arguments = {
        name: getattr(options, name)
        for name in ("variants", "seeds", "steps", "batch", "lr", "size", "width", "photos", "clips", "frames")
    } | {"held_out": options.held_out, "data": options.data.name if options.data else None}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    data = to_json(results, arguments, peak)
    check(data)
    text = table(data)
    with atomic_path(options.output / "results.json") as partial:
        partial.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_path(options.output / "results.md") as partial:
        partial.write_text(text, encoding="utf-8")
    write_image(options.output / "sheet.png", contact_sheet(results, "synthetic"))
    if options.data is not None:
        write_image(options.output / "sheet_real.png", contact_sheet(results, "real"))
    print(text)
    print(f"written to {options.output}: results.json, results.md, sheet*.png")


if __name__ == "__main__":
    sys.exit(main())
