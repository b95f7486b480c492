"""Faults that are not the user's: one line, and a report that may be attached to an issue."""

import importlib.metadata
import os
import platform
import re
import sysconfig
import tempfile
import time
import traceback
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from liquidwarp.errors import LiquidwarpError
from liquidwarp.files import atomic_path

EXIT_CODE = 70
"""What a program ends with after a fault of its own (`EX_SOFTWARE` of sysexits.h)."""

_PACKAGES = ("torch", "numpy", "scipy", "numba", "ai-edge-litert", "opencv-python", "av", "pillow", "safetensors")
_ELSEWHERE = "<a program of the user's>"
_NO_MEMORY = re.compile(r"out of memory|(?:not enough|insufficient|can't allocate) memory", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:e[-+]?[0-9]+)?|[a-z_.]+=[-+]?[0-9.]+")
# What is between quotes, or stands alone, and is a place or ends as files do.
_QUOTED = re.compile(r"'[^'\n]*[/\\.][^'\n]*'|\"[^\"\n]*[/\\.][^\"\n]*\"")
_PLACE = re.compile(r"(?:[A-Za-z]:)?[^\s'\"()<>,;]*[/\\][^\s'\"()<>,;]*|[^\s'\"()<>,;:]+\.[A-Za-z][A-Za-z0-9]{1,11}\b")


def ran_out_of_memory(error: Exception) -> bool:
    """Tell Python's way of saying so, and torch's and OpenCV's, which are no `MemoryError`."""
    if isinstance(error, MemoryError):
        return True
    theirs = isinstance(error, RuntimeError) or type(error).__module__ == "cv2"
    return theirs and _NO_MEMORY.search(str(error)) is not None


def write_report(error: BaseException, arguments: Sequence[str], *, known: Collection[str] = ()) -> Path:
    """Write what is known of a fault to a file in the system's folder for temporary files.

    It holds versions, the command with its files' names replaced (`FILE1.jpg`), and the traceback: no pictures, no
    values of variables, no names of files, folders or users.

    Args:
        error: the fault.
        arguments: of the command line.
        known: words of the program's own, which may stand in the command as they are.

    Raises:
        OutputError: the file cannot be written.
    """
    names = _stand_ins(arguments, known)
    path = Path(tempfile.gettempdir()) / f"liquidwarp-fault-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    parts = ["A fault of liquidwarp", "", *_versions(), "", f"command: {_command(arguments, names)}", ""]
    with atomic_path(path) as partial:
        partial.write_text("\n".join([*parts, *_trace(error, names), ""]), encoding="utf-8", errors="backslashreplace")
    return path


def fault_line(error: BaseException, arguments: Sequence[str], *, known: Collection[str] = ()) -> str:
    """Write a report and return the line that says so; where it cannot be written, the line says that.

    Args:
        error: the fault.
        arguments: of the command line.
        known: see `write_report`.
    """
    what = f"unexpected fault ({type(error).__name__}); this is a mistake of liquidwarp's, not yours"
    try:
        path = write_report(error, arguments, known=known)
    except (LiquidwarpError, OSError) as failure:
        return f"{what}; no report could be written ({failure})"
    return f"{what}; {path} tells more, without pictures or names of files: please attach it to an issue"


def _versions() -> list[str]:
    from liquidwarp import __version__

    lines = [f"liquidwarp {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"]
    for name in _PACKAGES:
        try:
            lines.append(f"  {name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"  {name} MISSING")
    return lines


def _stand_ins(arguments: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Return what to say in place of each argument that may tell of people."""
    names: dict[str, str] = {}
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        for part in {value, value.rpartition("=")[2]}:
            if part and part not in names and part not in known and not _NUMBER.fullmatch(part):
                names[part] = f"FILE{len(names) + 1}{_ending(part)}"
    return names


def _ending(name: str) -> str:
    """Return the ending of a name where it is one of files, so that it tells nothing else."""
    suffix = Path(name).suffix
    return suffix if re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,11}", suffix) else ""


def _command(arguments: Sequence[str], names: Mapping[str, str]) -> str:
    return " ".join(["liquidwarp", *(_without_names(argument, names) for argument in arguments)])


def _without_names(text: str, names: Mapping[str, str]) -> str:
    """Replace arguments, their bare names, the user's folders, and whatever else looks like a file's name."""
    bare = {Path(name).name: f"{said}" for name, said in names.items() if len(Path(name).name) > 1}
    for name, said in sorted((bare | dict(names)).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(name, said)
    said_already = set(names.values())

    def hidden(found: re.Match[str]) -> str:
        word = found[0]
        if word.strip("'\"") in said_already:
            return word
        quote = word[0] if word[0] in "'\"" else ""
        return f"{quote}<file>{_ending(word.strip(quote or None))}{quote}"

    return _PLACE.sub(hidden, _QUOTED.sub(hidden, text))


def _trace(error: BaseException, names: Mapping[str, str]) -> list[str]:
    """Return a traceback whose messages name no files, with its causes, the first one first."""
    lines = []
    chain: list[BaseException] = []
    while error not in chain:
        chain.append(error)
        before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if before is None:
            break
        error = before
    for fault in reversed(chain):
        lines.append("Traceback (most recent call last):")
        for frame in traceback.extract_tb(fault.__traceback__):
            source = _source(frame.filename)
            lines.append(f"  {source or _ELSEWHERE}, line {frame.lineno}, in {frame.name}")
            lines += [f"    {frame.line}"] if source and frame.line else []
        lines += [f"{type(fault).__name__}: {_without_names(str(fault), names)}", ""]
    return lines


def _source(filename: str) -> str | None:
    """Return a module's file below the folder that it is installed in; None for programs of the user's."""
    file, package = Path(filename), Path(__file__).resolve().parent
    if file.is_relative_to(package):
        return file.relative_to(package.parent).as_posix()
    for home in map(sysconfig.get_path, ("purelib", "platlib", "stdlib")):
        if file.is_relative_to(home):
            return file.relative_to(home).as_posix()
    return filename if filename.startswith("<frozen ") else None
