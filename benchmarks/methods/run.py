"""The systems that Liquid Warping GAN stands beside, trained alike and measured alike.

    python benchmarks/methods/run.py [--systems NAME ...] [--samples 1000] [--size 128] [--held-out 4]
                                     [--data FOLDER [--pairs NAME ...]] [-o outputs/methods]

All are trained on the same synthetic people, on the same number of samples, at the same size. A run that was stopped
goes on; what is trained is not trained again. ../README.md has the contract.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "quality"))

from methods_measure import Measured, measure
from methods_people import held_out_pairs, training_clips
from methods_report import check, sheet, tables, to_json
from methods_systems import SYSTEMS
from methods_train import as_it_comes, missing_extra, train_on_person, train_system
from quality_report import most_memory, write_results

import liquidwarp as lw
from liquidwarp.media import write_image


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used, 130 if it was stopped."""
    options = parse(arguments)
    try:
        write(*run(options), options)
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
    parser.add_argument("--systems", nargs="+", choices=tuple(SYSTEMS), metavar="NAME", default=list(SYSTEMS))
    parser.add_argument("--samples", type=int, default=1000, help="that each system is trained on: the budget")
    parser.add_argument("--batch", type=int, default=2, help="samples a step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--size", type=int, default=128, help="side of what a network looks at, and of the pictures")
    parser.add_argument("--clips", type=int, default=64, help="synthetic people to learn from")
    parser.add_argument("--frames", type=int, default=12, help="of each of them")
    parser.add_argument("--source-size", type=int, default=256, help="side of their frames")
    parser.add_argument("--held-out", type=int, default=4, help="synthetic people to measure on")
    parser.add_argument("--held-out-frames", type=int, default=96, help="of each of them")
    parser.add_argument("--measured", type=int, default=4, help="frames that are scored of each clip's second half")
    parser.add_argument("--personal", type=int, default=99, help="people of each kind that EDN is trained for")
    parser.add_argument("--data", type=Path, help="folder with NAME_A.mp4 and NAME_random.mp4 of real people")
    parser.add_argument("--pairs", nargs="+", metavar="NAME", help="only these pairs of it")
    parser.add_argument("--seed", type=int, default=0, help="of first weights and of the samples")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/methods"))
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> tuple[list[Measured], dict[str, str]]:
    """Train what is not trained yet, and measure everything; return what was measured, and why the rest was not."""
    clips, pairs = training_clips(options), held_out_pairs(options)
    wanted = [SYSTEMS[name] for name in options.systems]
    absent = {system.name: why for system in wanted if (why := missing_extra(system))}
    ready, personal = [], []
    for system in wanted:
        if system.name in absent:
            continue
        if system.personal:
            personal.append(system)
        elif system.kind:
            print(f"training {system.name} ...", flush=True)
            ready.append(train_system(system, clips, options))
        else:
            ready.append(as_it_comes(system))
    train = partial(train_on_person, options=options)
    found = measure(pairs, "synthetic", ready, personal, train, options)
    if options.data is not None:
        found += measure(options.data, "real", ready, personal, train, options)
    return found, absent


def write(found: list[Measured], absent: dict[str, str], options: argparse.Namespace) -> None:
    """Write results.json, results.md and sheet.png, and print the tables."""
    arguments = {name: value for name, value in vars(options).items() if name not in ("output", "data")}
    arguments["data"] = options.data.name if options.data else None
    data = to_json(found, absent, arguments, most_memory())
    check(data)
    text = tables(data)
    write_results(options.output, data, text)
    write_image(options.output / "sheet.png", sheet(found))
    print(text)
    print(f"written to {options.output}: results.json, results.md, sheet.png")


if __name__ == "__main__":
    sys.exit(main())
