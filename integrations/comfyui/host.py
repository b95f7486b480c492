"""What ComfyUI offers to nodes: progress, interruption, folders, videos; outside of it there is less of each."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import torch

from liquidwarp import InputError

T = TypeVar("T")


def has_video() -> bool:
    """Tell whether this ComfyUI has the type VIDEO."""
    try:
        import comfy_api.latest  # noqa: F401
    except ImportError:
        return False
    return True


def make_video(images: torch.Tensor, fps: float, audio: dict[str, Any] | None) -> object:
    """Return pictures (B, H, W, 3) and their sound as ComfyUI's VIDEO."""
    from comfy_api.latest import InputImpl, Types

    rate = Fraction(fps).limit_denominator(1001)
    return InputImpl.VideoFromComponents(Types.VideoComponents(images=images, audio=audio, frame_rate=rate))


def check_interrupted() -> None:
    """Leave the node if the user pressed Cancel."""
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted
    except ImportError:
        return
    throw_exception_if_processing_interrupted()


class Progress:
    """The bar of the node that runs.

    Args:
        total: steps.
    """

    def __init__(self, total: int) -> None:
        try:
            from comfy.utils import ProgressBar
        except ImportError:
            self._bar = None
        else:
            self._bar = ProgressBar(total)

    def step(self) -> None:
        """Move on by one, unless the user pressed Cancel."""
        check_interrupted()
        if self._bar is not None:
            self._bar.update(1)


def watched(items: Iterable[T], total: int) -> Iterator[T]:
    """Yield items; the bar moves, and Cancel ends it."""
    progress = Progress(total)
    for item in items:
        yield item
        progress.step()


def input_files(endings: tuple[str, ...]) -> list[str]:
    """Return the files in ComfyUI's input folder that end so."""
    folder = _folder("input")
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in endings and path.is_file())


def input_file(name: str) -> Path:
    """Return a file in ComfyUI's input folder.

    Raises:
        InputError: it is not there, or is elsewhere.
    """
    folder = _folder("input")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise InputError(f"{name}: no such file in ComfyUI's input folder; put it there, and refresh the page")
    return path


def output_file(prefix: str, ending: str) -> tuple[Path, dict[str, str]]:
    """Return where to write a file in ComfyUI's output folder, and what its page is told of it.

    Args:
        prefix: of the name, with folders, as in ComfyUI's own nodes that save.
        ending: such as ".glb".
    """
    import folder_paths

    folder, name, number, subfolder, _ = folder_paths.get_save_image_path(prefix, str(_folder("output")))
    path = Path(folder) / f"{name}_{number:05}_{ending}"
    return path, {"filename": path.name, "subfolder": subfolder, "type": "output"}


def _folder(kind: str) -> Path:
    """Return ComfyUI's folder for what goes in or comes out; "input" or "output" here outside of it."""
    try:
        import folder_paths
    except ImportError:
        return Path(kind)
    return Path(folder_paths.get_input_directory() if kind == "input" else folder_paths.get_output_directory())
