"""How well does a person who was learnt from the front look from the other sides?

    python benchmarks/quality/turn.py --data FOLDER [--clips NAME ...] -o outputs/turn

In every clip NAME_A.mp4 a person turns around once. The person is learnt from frame 0 alone, and the novel view is
turned by the angle of a later frame; both outlines are scaled to one height and laid on one another. ../README.md has
the contract.
"""

import argparse
import sys
from pathlib import Path

from quality_report import most_memory, write_results
from turn_measure import Turn, find_turns, measure_turn
from turn_report import check, sheet, table, to_json

import liquidwarp as lw
from liquidwarp.media import write_image


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used."""
    options = parse(arguments)
    try:
        turns = []
        for path in find_turns(options.data, options.clips):
            print(f"{path.stem} ...", flush=True)
            turns.append(measure_turn(path))
        write(turns, options)
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with NAME_A.mp4")
    parser.add_argument("--clips", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/turn"))
    return parser.parse_args(arguments)


def write(turns: list[Turn], options: argparse.Namespace) -> None:
    """Write results.json, results.md and a sheet per clip, and print the table."""
    data = to_json(turns, {"data": options.data.name, "clips": options.clips}, most_memory())
    check(data)
    text = table(data)
    write_results(options.output, data, text)
    for turn in turns:
        write_image(options.output / f"{turn.clip}.png", sheet(turn))
    print(text)
    print(f"written to {options.output}: results.json, results.md, NAME_A.png")


if __name__ == "__main__":
    sys.exit(main())
