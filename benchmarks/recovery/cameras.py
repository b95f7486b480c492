"""How near is a person who is recovered from one camera to the one whom the other cameras see?

    pip download --no-deps pose2sim==0.10.49
    python benchmarks/recovery/cameras.py WHEEL|FOLDER [--ways WAY ...] [--stills 6] [--cameras NAME ...]
                                          [-o outputs/cameras]

The wheel holds a clip of one man by four synchronised calibrated cameras (BSD-3). ../README.md has the contract.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "quality"))
import cameras_rig as rig
import torch
from cameras_measure import WAYS, Clip, Measured, measure_camera, read_clip
from cameras_report import check, sheet, table, to_json
from quality_report import most_memory, write_results

import liquidwarp as lw
from liquidwarp.media import write_image


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 if it ran, 2 for input that cannot be used."""
    options = parse(arguments)
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            clip = read_clip(rig.unpack(options.clip, Path(folder)))
            write(options, clip, measure(options, clip))
    except lw.LiquidwarpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="the wheel of pose2sim, or a folder with *.qca.txt and *.mp4")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="only these")
    parser.add_argument("--stills", type=int, default=6, help="single frames of each camera to learn the person from")
    parser.add_argument("--cameras", nargs="+", metavar="NAME", help="recover from these alone")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/cameras"))
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace, clip: Clip) -> list[Measured]:
    """Recover the person from one camera after the other."""
    body, results = lw.load_body(), []
    for name in clip.cameras:
        if options.cameras is None or name in options.cameras:
            print(f"{name} ...", flush=True)
            results.append(measure_camera(clip, name, body, options.ways, stills=options.stills))
    if not results:
        raise lw.InputError(f"none of the cameras {options.cameras}; there are {', '.join(clip.cameras)}")
    return results


def write(options: argparse.Namespace, clip: Clip, measured: list[Measured]) -> None:
    """Write results.json, results.md and the sheet, and print the tables."""
    arguments = {
        "clip": options.clip.name,
        "ways": options.ways,
        "stills": options.stills,
        "cameras": options.cameras,
    }
    turned = {name: pair.tolist() for name, pair in zip(clip.cameras, clip.turned, strict=True)}
    data = to_json(measured, turned, arguments, most_memory())
    check(data)
    text = table(data)
    write_results(options.output, data, text)
    if any(one.pictures for one in measured):
        write_image(options.output / "sheet.png", sheet(measured))
    print(text)
    print(f"written to {options.output}: results.json, results.md, sheet.png")


if __name__ == "__main__":
    sys.exit(main())
