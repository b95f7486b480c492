"""How near are recovered bodies to the true ones?

    python benchmarks/recovery/run.py [--clips 24] [--frames 48] [--levels 0 0.5 1 2] [--lens unknown|known]
                                      [--data CLIP|FOLDER ...] [--truth FILE ...] [--body anny]
                                      [--close CLIP|PHOTO|FOLDER ...] [--least-hand PIXELS] -o outputs/recovery

Four parts, each left out where it is not asked for: synthetic people whose landmarks a simulated detector saw
(`--clips 0` leaves them out), real clips (`--data`), and data sets with truth that a user has (`--truth`: sequence
files of 3DPW, Human3.6M-style npz), and clips and photos with hands and faces large enough to be looked at (`--close`).
../README.md has the contract.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "quality"))
import torch
from quality_report import most_memory, write_results
from recovery_close import close_detector, find_pictures, measure_close
from recovery_measure import WAYS, Scores, measure_synthetic, measure_truth, regressor_at_hand, ways_at_hand
from recovery_real import RealClip, find_clips, measure_clip
from recovery_report import check, table, to_json

import liquidwarp as lw
from liquidwarp.data.recovery_truth import read_truth


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used."""
    options = parse(arguments)
    torch.set_num_threads(1)  # CPU time is given for one thread
    try:
        write(options, *run(options))
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24, help="synthetic people; 0 for none")
    parser.add_argument("--frames", type=int, default=48, help="frames of each")
    parser.add_argument("--levels", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0], help="1 is a real detector")
    parser.add_argument("--lens", choices=("unknown", "known"), default="unknown", help="whether recovery is told it")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="but for real clips, only these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="real clips, or folders of them")
    parser.add_argument("--truth", type=Path, nargs="+", default=[], help="files of data sets with true bodies")
    parser.add_argument("--close", type=Path, nargs="+", default=[], help="clips, photos or folders: hands and faces")
    parser.add_argument("--least-hand", type=float, help="pixels from which on hands are looked at in these clips")
    parser.add_argument("--body", default="anny", help="body that is fitted to the data sets with truth")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/recovery"))
    return parser.parse_args(arguments)


def run(
    options: argparse.Namespace,
) -> tuple[dict[str, dict[str, Scores]], dict[str, dict[str, Scores]], list[RealClip], dict[str, dict[str, Scores]]]:
    """Measure what was asked for."""
    clips = find_clips(options.data)
    sequences = [sequence for path in options.truth for sequence in read_truth(path)]
    pictures = find_pictures(options.close)
    if not (options.clips > 0 or clips or sequences or pictures):
        raise lw.InputError("nothing to measure; give --clips above 0, --data, --truth or --close")
    body = lw.load_body(options.body)
    synthetic = {}
    if options.clips > 0:
        ways = ways_at_hand(options.ways)
        synthetic = measure_synthetic(
            options.clips, options.frames, options.levels, options.seed, lens=options.lens, ways=ways
        )
    truth = {sequence.name: measure_truth(sequence, body, ways_at_hand(options.ways)) for sequence in sequences}
    real = []
    for path in clips:
        print(f"{path.stem} ...", flush=True)
        real.append(measure_clip(path, lw.load_body(), regressor=regressor_at_hand()))
    close = {}
    for path in pictures:
        print(f"{path.stem} ...", flush=True)
        close[path.stem] = measure_close(path, lw.load_body(), close_detector(options.least_hand))
    return synthetic, truth, real, close


def write(
    options: argparse.Namespace,
    synthetic: dict[str, dict[str, Scores]],
    truth: dict[str, dict[str, Scores]],
    real: list[RealClip],
    close: dict[str, dict[str, Scores]],
) -> None:
    """Write results.json and results.md, and print the tables."""
    arguments = {
        "clips": options.clips,
        "frames": options.frames,
        "levels": options.levels,
        "lens": options.lens,
        "ways": options.ways,
        "seed": options.seed,
        "data": [path.name for path in options.data],
        "truth": [path.name for path in options.truth],
        "body": options.body,
        "close": [path.name for path in options.close],
        "least_hand": options.least_hand,
    }
    data = to_json(synthetic, truth, real, arguments, most_memory(), close=close)
    check(data)
    text = table(data)
    write_results(options.output, data, text)
    print(text)
    print(f"written to {options.output}: results.json, results.md")


if __name__ == "__main__":
    sys.exit(main())
