#!/usr/bin/env python3
"""The digests of all that the default set-up installs, so that a package that was exchanged on its way is refused.

python .ci/hashes.py write                    ask PyPI for the digests of every file of the pinned versions and write
                                              them to hashes.txt; done when constraints.txt changes
python .ci/hashes.py select report.json       print, with digests, what pip's dry run (--report) would install, for
                                              `pip install --require-hashes --no-deps -r`
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
PINS, DIGESTS = ROOT / "constraints.txt", ROOT / "hashes.txt"
INDEX = "https://pypi.org/simple/{name}/"
APART = ("torch",)
"""Installed by itself: its CPU and CUDA builds come from other indexes under the same pin."""


def plain(name: str) -> str:
    """Return a package's name as indexes spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """Return the pinned version of every package."""
    found = re.findall(r"^([\w.-]+)==(\S+)$", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    return {plain(name): version for name, version in found if plain(name) not in APART}


def files_of(name: str, version: str) -> list[str]:
    """Return the SHA-256 digests of a version's wheels and archives on PyPI, in order.

    Raises:
        SystemExit: PyPI has none of it.
    """
    request = Request(INDEX.format(name=name), headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urlopen(request, timeout=60) as answer:
        listed = json.load(answer)["files"]
    start = re.compile(re.escape(name).replace(r"\-", "[-_.]+") + "-" + re.escape(version) + r"(-|\.tar|\.zip)", re.I)
    digests = sorted({file["hashes"]["sha256"] for file in listed if start.match(file["filename"])})
    if not digests:
        raise SystemExit(f"error: PyPI has no file of {name} {version}; see {PINS.name}")
    return digests


def write() -> int:
    """Write the digests of all pinned packages."""
    lines = ["# Made by `python .ci/hashes.py write` from constraints.txt; used by `make install LOCKED=1`.\n"]
    for name, version in sorted(pins().items()):
        digests = "".join(f" \\\n    --hash=sha256:{digest}" for digest in files_of(name, version))
        lines.append(f"{name}=={version}{digests}\n")
        print(name, version, file=sys.stderr)
    DIGESTS.write_text("".join(lines), encoding="utf-8")
    return 0


def select(report: Path) -> int:
    """Print the entries of what pip would install, but for the project itself and what is installed apart."""
    entries = {}
    for entry in re.split(r"\n(?=\S)", DIGESTS.read_text(encoding="utf-8")):
        if named := re.match(r"([\w.-]+)==(\S+)", entry):
            entries[named[1], named[2]] = entry.strip()
    wanted = [item["metadata"] for item in json.loads(report.read_text(encoding="utf-8"))["install"]]
    wanted = [(plain(item["name"]), item["version"]) for item in wanted]
    wanted = [item for item in wanted if item[0] not in (*APART, "liquidwarp")]
    if missing := [f"{name}=={version}" for name, version in wanted if (name, version) not in entries]:
        listed = ", ".join(missing)
        print(f"error: no digests in {DIGESTS.name}: {listed}; pin them and run {__file__} write", file=sys.stderr)
        return 1
    print("\n".join(entries[item] for item in wanted))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write")
    commands.add_parser("select").add_argument("report", type=Path)
    options = parser.parse_args(arguments)
    return write() if options.command == "write" else select(options.report)


if __name__ == "__main__":
    sys.exit(main())
