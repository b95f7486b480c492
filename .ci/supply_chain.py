#!/usr/bin/env python3
"""What is installed, under which licences, and as a bill of materials; asks no network.

python .ci/supply_chain.py licences            every installed package has a licence that is permissive or weakly
                                               copyleft, or is listed here with a reason; exit code 1 otherwise
python .ci/supply_chain.py bom -o bom.json     a CycloneDX 1.5 bill of materials of this environment
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Zlib|Unlicense|HPND|CC0|CNRI|MIT-CMU|Public Domain|"
    r"Historical Permission|Boost|BSL-1\.0)\b",
    re.IGNORECASE,
)
WEAK = re.compile(r"\b(MPL|Mozilla Public|LGPL|Lesser General)\b", re.IGNORECASE)
STRONG = re.compile(r"\b(A?GPL|Affero|(?<!Lesser )General Public|Proprietary|Non-?commercial)\b", re.IGNORECASE)
LISTED = {
    "smplx": "Max Planck licence, non-commercial: extra and tests alone, nothing of the package imports it",
}
"""Packages whose licence is none of these, or is not told, and why they are here all the same."""


def licence_of(package: Distribution) -> str:
    """Return what a package tells of its licence, in the order of trust: expression, classifiers, field."""
    told = package.metadata
    if expression := told.get("License-Expression"):
        return expression
    named = [line.rpartition("::")[2].strip() for line in told.get_all("Classifier") or () if "License ::" in line]
    named = [name for name in named if name != "OSI Approved"]
    field = (told.get("License") or "").strip()
    if "Redistribution and use in source and binary forms" in field:
        return "BSD, by its text"
    return " AND ".join(named) or field.partition("\n")[0][:120]


def verdict(name: str, licence: str) -> str | None:
    """Return why a package may be here; None if nothing says so."""
    if name in LISTED:
        return f"listed: {LISTED[name]}"
    licence = licence.replace("GPL-3.0-or-later WITH GCC-exception-3.1", "GCC's runtime")
    if STRONG.search(licence) and " OR " not in licence:
        return None
    if WEAK.search(licence):
        return "weak copyleft"
    return "permissive" if PERMISSIVE.search(licence) else None


def packages() -> Iterator[tuple[str, Distribution]]:
    """Yield what is installed, once each, by name."""
    found = {}
    for package in distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        if name:
            found.setdefault(name, package)
    yield from sorted(found.items())


def check_licences() -> int:
    """Print every package with its licence; return 1 if one is neither known nor listed."""
    unknown = []
    for name, package in packages():
        licence = licence_of(package)
        why = verdict(name, licence)
        print(f"{name} {package.version}: {licence or 'not told'} ({why or 'NOT KNOWN'})")
        unknown += [] if why else [name]
    if unknown:
        print(
            f"error: no known licence: {', '.join(unknown)}; look them up, and list them in {__file__}", file=sys.stderr
        )
    return int(bool(unknown))


def bill() -> dict[str, object]:
    """Return a CycloneDX 1.5 bill of materials; the same environment gives the same bill."""
    components = []
    root = None
    for name, package in packages():
        entry = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{package.version}",
            "name": name,
            "version": package.version,
            "purl": f"pkg:pypi/{name}@{package.version}",
        }
        if licence := licence_of(package):
            entry["licenses"] = [{"license": {"name": licence}}]
        if name == "liquidwarp":
            root = {**entry, "type": "application"}
        else:
            components.append(entry)
    metadata = {} if root is None else {"component": root}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": metadata,
        "components": components,
    }


def main() -> int:
    """Run a command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences")
    commands.add_parser("bom").add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "licences":
        return check_licences()
    options.output.write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
