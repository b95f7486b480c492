"""Bring the READMEs and notebooks of the repository into the site, let links hold there, and complete the reference."""

import ast
import base64
import json
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

SHELVES = ("body_models", "datasets", "benchmarks", "integrations", "notebooks")
PLAIN = ("LICENSE", "NOTICE")  # shown as text
_ROOM = re.compile(r"^::: (liquidwarp(?:\.\w+)+)$", re.MULTILINE)
_AS_MEMBER = """

::: {path}
    options:
      show_root_heading: true
      show_root_full_path: false
      show_root_toc_entry: true
"""
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what stands outside of `docs/`."""
    root = Path(config.config_file_path).parent
    readmes = [root / "README.md", *(path for shelf in SHELVES for path in sorted((root / shelf).rglob("README.md")))]
    for path in [*readmes, *(root / name for name in PLAIN)]:
        files.append(File.generated(config, site_uri(path.relative_to(root).as_posix()), abs_src_path=str(path)))
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        page, pictures = notebook_page(path)
        files.append(File.generated(config, site_uri(f"notebooks/{path.name}"), content=page))
        for name, picture in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=picture))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn relative links, which hold in the repository, into ones that hold in the site."""
    here = in_repository(page.file.src_uri)
    if here.startswith("docs/api/"):
        markdown += "".join(
            _AS_MEMBER.format(path=f"{room}.{name}.{name}")
            for room in _ROOM.findall(markdown)
            for name in named_like_modules(Path(config.config_file_path).parent, room)
        )

    def moved(match: re.Match[str]) -> str:
        target = match[2]
        if "://" in target or target.startswith(("/", "mailto:")):
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        if f"{there}/README.md" in _sources(files):
            there = f"{there}/README.md"
        link = posixpath.relpath(site_uri(there), posixpath.dirname(page.file.src_uri) or ".")
        return f"{match[1]}{link}{match[3]}"

    return _LINK.sub(moved, markdown)


def notebook_page(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and the pictures stored in it by file name."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            shown = {kind: "".join(value) for kind, value in output.get("data", {}).items()}
            kind = next((kind for kind in shown if kind.startswith("image/")), None)
            text = "".join(output.get("text", shown.get("text/plain", "")))
            if kind:
                name = f"{path.stem}_{len(pictures):02d}.{kind.removeprefix('image/')}"
                pictures[name] = base64.b64decode(shown[kind])
                parts.append(f"![what the cell above shows]({name})")
            elif text.strip():
                parts.append(f"```text\n{text}\n```")
    return "\n\n".join(parts) + "\n", pictures


def named_like_modules(root: Path, room: str) -> list[str]:
    """Return public functions that have the name of the module they are in: of these, mkdocstrings sees the module."""
    folder = root / room.replace(".", "/")
    if not (folder / "__init__.py").exists():
        return []
    for node in ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [name for name in ast.literal_eval(node.value) if (folder / f"{name}.py").exists()]
    return []


def site_uri(source: str) -> str:
    """Return where a file of the repository stands in the site's sources."""
    if source == "README.md":
        return "index.md"
    if source in PLAIN:
        return f"{source}.txt"
    if source.startswith("notebooks/"):
        return source.replace(".ipynb", ".md")
    return source.removeprefix("docs/")


def in_repository(uri: str) -> str:
    """Return which file of the repository a page of the site is."""
    if uri == "index.md":
        return "README.md"
    return uri if uri.split("/")[0] in SHELVES else f"docs/{uri}"


def _sources(files: Files) -> set[str]:
    return {in_repository(file.src_uri) for file in files}
