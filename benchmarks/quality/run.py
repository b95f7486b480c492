"""How close are imitations of real clips to the clips themselves?

    python benchmarks/quality/run.py --data FOLDER [--pairs NAME ...] [--frames 24|all] [--size 256]
                                     [--method surface gan] -o outputs/quality

For every pair NAME_A.mp4 / NAME_random.mp4 of one person in the same clothes: "cross" puts frame 0 of the A clip into
the motion of the other clip, "same" puts frame 0 of the other clip into its own motion. ../README.md has the contract.
"""

import argparse
import sys
from pathlib import Path

from quality_measure import SETTINGS, RecoveredClip, Result, evaluate, find_pairs, first_frame
from quality_report import check, contact_sheet, most_memory, table, to_json, worst_sheet, write_results

import liquidwarp as lw
from liquidwarp.media import write_image


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used."""
    options = parse(arguments)
    try:
        results = run(options)
        write(results, options)
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with NAME_A.mp4 and NAME_random.mp4")
    parser.add_argument("--pairs", nargs="+", metavar="NAME", help="only these pairs")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--frames", type=frame_count, default=24, help="frames of each clip, evenly spread, or 'all'")
    parser.add_argument("--size", type=int, default=256, help="longer side at which everything is compared")
    parser.add_argument(
        "--method",
        "--renderer",
        dest="renderer",
        nargs="+",
        default=["surface"],
        help="gan, or what 'liquidwarp methods' lists; one or more, side by side",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/quality"))
    return parser.parse_args(arguments)


def frame_count(text: str) -> int | None:
    """Read a number of frames; None stands for all."""
    if text == "all":
        return None
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number of frames, or 'all'")
    return int(text)


def run(options: argparse.Namespace) -> list[Result]:
    """Evaluate every pair in every setting."""
    pairs = find_pairs(options.data, options.pairs)
    warm_up(first_frame(pairs[0].photo_clip), options)
    results = []
    for pair in pairs:
        clip = RecoveredClip(pair.motion_clip, regressor="landmarks")  # the short fit, as `liquidwarp imitate` does
        for setting in options.settings:
            print(f"{pair.name}, {setting} ...", flush=True)
            result = evaluate(pair, setting, clip, frames=options.frames, size=options.size, renderers=options.renderer)
            results.append(result)
    return results


def warm_up(photo: object, options: argparse.Namespace) -> None:
    """Compile what is compiled at first use, so that no stage is charged for it."""
    person = lw.encode_source(photo)
    for renderer in options.renderer:
        for _ in lw.imitate(person, person.track, camera="copy", size=options.size, method=renderer):
            pass


def write(results: list[Result], options: argparse.Namespace) -> None:
    """Write results.json, results.md, a sheet per setting and worst.png, and print the table."""
    arguments = {
        "data": options.data.name,
        "frames": options.frames or "all",
        "size": options.size,
        "renderer": options.renderer,
    }
    data = to_json(results, arguments, most_memory())
    check(data)
    text = table(data)
    write_results(options.output, data, text)
    for setting in dict.fromkeys(result.setting for result in results):
        sheet = contact_sheet([result for result in results if result.setting == setting])
        write_image(options.output / f"sheet_{setting}.png", sheet)
    write_image(options.output / "worst.png", worst_sheet(results))
    print(text)
    print(f"written to {options.output}: results.json, results.md, sheet_*.png, worst.png")


if __name__ == "__main__":
    sys.exit(main())
