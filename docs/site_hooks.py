"""Bring the READMEs of the repository into the site, let links hold there, and complete the reference."""

import ast
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

SHELVES = ("body_models", "datasets", "benchmarks", "notebooks")
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
    """Add the READMEs, and whatever else of the repository they link to."""
    root = Path(config.config_file_path).parent
    pages = [root / "README.md", *(path for shelf in SHELVES for path in sorted((root / shelf).rglob("README.md")))]
    linked = [root / name for name in PLAIN] + sorted((root / "notebooks").glob("*.ipynb"))
    for path in [*pages, *linked]:
        source = path.relative_to(root).as_posix()
        files.append(File.generated(config, site_uri(source), abs_src_path=str(path)))
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
    return source.removeprefix("docs/")


def in_repository(uri: str) -> str:
    """Return which file of the repository a page of the site is."""
    if uri == "index.md":
        return "README.md"
    return uri if uri.split("/")[0] in SHELVES else f"docs/{uri}"


def _sources(files: Files) -> set[str]:
    return {in_repository(file.src_uri) for file in files}
