"""The registry as a table to read."""

from liquidwarp.methods.registry import METHODS, MethodEntry

_HEADINGS = ("method", "weights", "parameters", "trains", "from", "what it does")


def method_table() -> str:
    """Return what is known of every method, a line each, and the papers below."""
    rows = [_HEADINGS, *(_row(entry) for entry in METHODS.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    papers = dict.fromkeys(paper for entry in METHODS.values() for paper in entry.papers)
    return "\n".join([*lines, "", *(f"{paper.venue} {paper.year}: {paper.title}" for paper in papers)])


def _row(entry: MethodEntry) -> tuple[str, ...]:
    papers = ", ".join(f"{paper.venue} {paper.year}" for paper in entry.papers)
    trains = "no" if entry.objective is None else "yes"
    return entry.name, entry.weights, _parameters(entry), trains, papers or "-", entry.about


def _parameters(entry: MethodEntry) -> str:
    counts = entry.configurations.values()
    if not counts:
        return "-"
    ends = [f"{count / 1e6:.1f}" for count in sorted({min(counts), max(counts)})]
    return f"{' to '.join(ends)} M"
