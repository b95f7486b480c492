"""Check an installation."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable

import numpy as np

_PACKAGES = ("torch", "numpy", "scipy", "numba", "ai-edge-litert", "opencv-python", "av")


def report() -> tuple[list[str], bool]:
    """Return lines that say what works, and whether all of it does."""
    from liquidwarp import __version__

    lines = [f"liquidwarp {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"]
    lines += [f"  {name} {_version(name)}" for name in _PACKAGES]
    lines.append(f"processors: {os.cpu_count()}; GPU: {_gpu()} (not needed)")
    healthy = True
    checks = {"body": _body, "rasteriser": _rasteriser, "models": _models, "detector": _detector, "video": _video}
    for name, check in checks.items():
        try:
            lines.append(f"{name}: {check()}")
        except Exception as error:
            lines.append(f"{name}: FAILED: {type(error).__name__}: {error}")
            healthy = False
    lines.append(f"method disco: {_disco()}")
    return lines, healthy


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "MISSING"


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"


def _disco() -> str:
    from liquidwarp.checks import free_memory
    from liquidwarp.methods import METHODS
    from liquidwarp.nn.disco.extra import PACKAGES, missing_packages

    missing = missing_packages()
    packages = ", ".join(f"{name} {'not installed' if name in missing else _version(name)}" for name in PACKAGES)
    how = "; pip install 'liquidwarp[disco]' adds them" if missing else ""
    count = METHODS["disco"].configurations["disco"]
    free = free_memory()
    here = "" if free is None else f", {free / 2**30:.1f} GiB are free"
    return (
        f"{packages}{how}; seldom needed. A real run needs its published weights (mp_rank_00_model_states.pt, "
        f"{2 * count / 2**30:.0f} GiB on disk, as much again after 'liquidwarp weights import'), "
        f"{6 * count / 2**30:.0f} GiB of memory to read them and {4 * count / 2**30:.0f} to draw{here}; without a GPU "
        "a picture takes minutes"
    )


def _timed(run: Callable[[], object]) -> str:
    start = time.perf_counter()
    run()
    return f"{(time.perf_counter() - start) * 1e3:.0f} ms"


def _body() -> str:
    from liquidwarp.bodies import load_body

    took = _timed(load_body)
    body = load_body()
    return f"{body.name}, {len(body.topology.mirror)} vertices, loaded in {took}"


def _rasteriser() -> str:
    import torch

    from liquidwarp.bodies import load_body
    from liquidwarp.geometry import default_camera
    from liquidwarp.raster import rasterize

    body = load_body()
    vertices = body.identity(torch.zeros(body.num_betas, dtype=torch.float32)).vertices[None] + torch.tensor(
        [0.0, 0.0, 3.0], dtype=torch.float32
    )
    first = _timed(lambda: rasterize(vertices, body.topology.faces, default_camera((512, 512))))
    again = _timed(lambda: rasterize(vertices, body.topology.faces, default_camera((512, 512))))
    return f"512x512 in {again} (first call {first})"


def _models() -> str:
    from liquidwarp.detect.litert.models import MODELS, find_model, read_model

    here = [name for name, model in MODELS.items() if model.shipped or find_model(name) is not None]
    for name in here:
        read_model(name)
    places = {str(path.parent) for name in here if (path := find_model(name)) is not None}
    lacking = [MODELS[name].file for name in MODELS if name not in here]
    note = f"; not here, and seldom needed: {', '.join(lacking)}" if lacking else ""
    return f"{len(here)} in {', '.join(sorted(places))}{note}"


def _detector() -> str:
    from liquidwarp.detect import LiteRtDetector

    detector = LiteRtDetector()
    return f"{detector.name}, {_timed(lambda: detector.detect(np.zeros((256, 256, 3), np.uint8)))} on an empty picture"


def _video() -> str:
    import tempfile
    from pathlib import Path

    from liquidwarp.media import open_video, write_video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.mp4"
        write_video([np.full((64, 64, 3), 128, np.uint8)] * 4, path, fps=25)
        return f"H.264 written and read back, {sum(1 for _ in open_video(path))} of 4 frames"
