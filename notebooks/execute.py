"""Run notebooks from top to bottom, and store what they show: small pictures, so that readers on the web see them.

python notebooks/execute.py 01_motion_imitation.ipynb   # run it, and say how long it took
python notebooks/execute.py --write                     # run all, and store their outputs in them

It needs no notebook software: code cells run in order in one namespace, and the value of a cell's last line is shown
as a notebook would show it. Videos are left out of what is stored.
"""

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from liquidwarp.files import atomic_path

HERE = Path(__file__).resolve().parent
STORED = ("image/jpeg", "text/plain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="by default all in this folder")
    parser.add_argument("--write", action="store_true", help="store the outputs in the notebooks")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write executed copies there instead")
    options = parser.parse_args(arguments)
    for path in options.notebooks or sorted(HERE.glob("*.ipynb")):
        started, notebook = time.process_time(), json.loads(path.read_text(encoding="utf-8"))
        execute(notebook)
        used = time.process_time() - started
        print(f"{path.name}: {used:.0f} s of processor time, {stored_bytes(notebook) / 1000:.0f} kB of pictures")
        if options.write or options.into:
            write(notebook, options.into / path.name if options.into else path)
    return 0


def execute(notebook: dict) -> None:
    """Run the code cells of a notebook in an empty folder, and put what they show into it."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, working_in(folder):
        for number, cell in enumerate(code_cells(notebook), start=1):
            cell["outputs"] = run_cell("".join(cell["source"]), namespace, number)
            cell["execution_count"] = number


def run_cell(source: str, namespace: dict[str, object], number: int) -> list[dict]:
    """Run a cell; return what it prints, and what its last line is worth."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {number}>", "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), namespace)
    outputs = []
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)})
    if value is not None:
        bundle = value._repr_mimebundle_() if hasattr(value, "_repr_mimebundle_") else {"text/plain": repr(value)}
        kept = {kind: bundle[kind] for kind in STORED if kind in bundle}
        outputs.append({"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": kept})
    return outputs


def code_cells(notebook: dict) -> list[dict]:
    """Return the cells that are run."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def stored_bytes(notebook: dict) -> int:
    """Return how many bytes the pictures of a notebook have."""
    return sum(
        len(base64.b64decode(output["data"].get("image/jpeg", "")))
        for cell in code_cells(notebook)
        for output in cell["outputs"]
        if "data" in output
    )


def write(notebook: dict, path: Path) -> None:
    """Write a notebook as Jupyter does."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextlib.contextmanager
def working_in(folder: str) -> Iterator[None]:
    """Change the working folder for a while."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    raise SystemExit(main())
