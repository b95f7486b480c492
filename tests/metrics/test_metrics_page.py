"""The page about metrics names all of them, and every file that can be fetched."""

import re
from pathlib import Path

from liquidwarp.metrics import METRICS
from liquidwarp.metrics.weights import WEIGHTS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def rows(head: str) -> dict[str, list[str]]:
    lines = PAGE[PAGE.index(head) :].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[: lines.index("")]]
    return {row[0].strip("` "): row for row in cells}


def test_all_metrics_are_described_as_they_are() -> None:
    found = rows("| name | better |")
    assert list(found) == list(METRICS)
    for name, (_, better, _, unit, regions, published, _) in found.items():
        metric = METRICS[name]
        assert (better, unit) == (metric.better, metric.unit)
        assert regions == ("all" if len(metric.regions) == 4 else ", ".join(metric.regions))
        assert published == ("yes" if metric.published else "no")


def test_all_files_are_named() -> None:
    found = rows("| name | file |")
    assert set(found) == set(WEIGHTS)
    for name, row in found.items():
        for file in WEIGHTS[name].files:
            assert file in row[1] or re.search(r"(-\w{8})\.pth$", file).group(1) in row[1], file
    assert {name for metric in METRICS.values() for mode in metric.modes for name in metric.files(mode)} <= set(WEIGHTS)
