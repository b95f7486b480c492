"""Pictures driven by a clip or by maps of classes, without a body between."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8

from liquidwarp.devices import find_device
from liquidwarp.errors import InputError
from liquidwarp.labels import class_map
from liquidwarp.labels.classes import CITYSCAPES
from liquidwarp.media import open_video, read_image
from liquidwarp.media.folder import picture_files
from liquidwarp.methods import DrivenMethod, DrivingClip, Synthesis, make_method

if TYPE_CHECKING:
    from liquidwarp.methods.few_shot_vid2vid import FewShotLabelsMethod

_CITYSCAPES = max(CITYSCAPES) + 1  # classes


def drive(
    photos: str | Path | Sequence[str | Path],
    motion: str | Path,
    *,
    method: DrivenMethod,
    size: int | None = None,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> Iterator[Synthesis]:
    """Yield what a method makes of photos and a driving clip, a picture per frame, lazily.

    Args:
        photos: one or several.
        motion: a video, or a folder of pictures.
        method: such as `make_method("few-shot-vid2vid-face", weights=...)`.
        size: longer side of the pictures; by default the network's.
        device: where the network runs, see `synthesize`.
        progress: show progress bars.

    Raises:
        InputError: a file cannot be read, or the method cannot use it.
        NoPersonError: it shows nobody.

    Examples:
        A method that shows the photo, as bright as the clip:

        >>> import numpy as np, torch
        >>> from liquidwarp.media import write_image
        >>> from liquidwarp.methods import Synthesis
        >>> from liquidwarp.tasks import drive
        >>> class Dimmer:
        ...     name = "dimmer"
        ...     def drive(self, photos, clip, *, size=None, device="cpu", progress=False):
        ...         photo = torch.from_numpy(photos[0]).movedim(-1, 0) / 255
        ...         for frame in clip.frames:
        ...             alpha = torch.ones(8, 8)
        ...             yield Synthesis(photo * frame.mean() / 255, alpha, alpha.byte())
        >>> photo = write_image("me.png", np.full((8, 8, 3), 255, np.uint8))
        >>> for number in range(3):
        ...     file = write_image(f"clip/{number}.png", np.full((16, 16, 3), 100 * number, np.uint8))
        >>> [round(255 * float(made.image.mean())) for made in drive(photo, "clip", method=Dimmer())]
        [0, 100, 200]
    """
    paths = [photos] if isinstance(photos, str | Path) else list(photos)
    if not paths:
        raise InputError("photos is empty; give at least one")
    where = find_device(device)
    pictures, clip = [read_image(path).rgb for path in paths], open_video(motion)
    told = DrivingClip(clip, clip.fps, clip.size, str(motion))
    return method.drive(pictures, told, size=size, device=where, progress=progress)


def paint_labels(
    examples: Sequence[tuple[str | Path, str | Path]],
    labels: str | Path,
    *,
    method: "FewShotLabelsMethod | None" = None,
    weights: str | Path | None = None,
    ids: str | None = None,
    size: int | None = None,
    device: str | torch.device = "cpu",
) -> Iterator[Synthesis]:
    """Yield a picture for each map of classes in a folder, in the look of examples, lazily.

    Args:
        examples: pictures, each with the map of its classes.
        labels: a folder of maps, numbered without gaps.
        method: what paints; by default few-shot vid2vid with `weights`.
        weights: of the network.
        ids: "cityscapes" turns Cityscapes' ids into 20 classes, "plain" takes values as classes; by default the
            former where the network knows 20.
        size: longer side of the pictures; by default the network's.
        device: where the network runs, see `synthesize`.

    Raises:
        InputError: a file cannot be read; maps of wrong sizes or classes; gaps in the folder; weights that do not fit.

    Examples:
        An untrained network of the published shape, two channels where that has 32:

        >>> from dataclasses import replace
        >>> import numpy as np
        >>> from liquidwarp.media import write_image
        >>> from liquidwarp.methods.few_shot_vid2vid import FewShotLabelsMethod
        >>> from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
        >>> from liquidwarp.nn.few_shot_vid2vid.published import SHAPES
        >>> from liquidwarp.tasks import paint_labels
        >>> network = FewShotGenerator(replace(SHAPES["street"], width=2, flow_width=2)).eval()
        >>> method = FewShotLabelsMethod(network, (64, 128))
        >>> photo = write_image("street.png", np.full((64, 128, 3), 90, np.uint8))
        >>> for name in ("classes", "labels/0", "labels/1"):
        ...     file = write_image(f"{name}.png", np.full((64, 128, 3), 7, np.uint8))
        >>> painted = paint_labels([(photo, "classes.png")], "labels", method=method, ids="plain")
        >>> [tuple(made.image.shape) for made in painted]
        [(3, 64, 128), (3, 64, 128)]
    """
    from liquidwarp.methods.few_shot_vid2vid import ClassExample, FewShotLabelsMethod

    if method is None:
        made = make_method(FewShotLabelsMethod.name, weights=weights)
        assert isinstance(made, FewShotLabelsMethod)
        method = made
    where = find_device(device)
    count = method.classes
    numbering = ids or ("cityscapes" if count == _CITYSCAPES else "plain")
    files = numbered_files(labels)
    shown = [
        ClassExample(read_image(picture).rgb, class_map(classes, count, numbering=numbering), str(picture))
        for picture, classes in examples
    ]
    height, width = method.size
    scale = 1.0 if size is None else size / max(height, width)
    wanted = (max(1, round(height * scale)), max(1, round(width * scale)))
    return method.paint(shown, _maps(files, count, numbering), size=wanted, device=where)


def numbered_files(folder: str | Path) -> list[Path]:
    """Return the pictures of a folder in their order.

    Raises:
        InputError: no folder, nothing in it, or a number is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one of label pictures")
    files = picture_files(folder)
    if not files:
        raise InputError(f"{folder} holds no pictures; give a folder of .png labels")
    numbers = [int(found[-1]) if (found := re.findall(r"\d+", file.stem)) else None for file in files]
    for before, after, file in zip(numbers, numbers[1:], files[1:], strict=False):
        if before is not None and after is not None and after > before + 1:
            gap = f"{before + 1}" if after == before + 2 else f"{before + 1} to {after - 1}"
            raise InputError(f"{folder}: number {gap} is missing before {file.name}; give labels without gaps")
    return files


def _maps(files: Sequence[Path], classes: int, numbering: str) -> Iterator[UInt8[np.ndarray, "H W"]]:
    size: tuple[int, ...] | None = None
    for file in files:
        found = class_map(file, classes, numbering=numbering)
        size = size or found.shape
        if found.shape != size:
            raise InputError(
                f"{file} is {found.shape[1]}x{found.shape[0]}, but {files[0].name} is {size[1]}x{size[0]}; "
                "all labels must have one size"
            )
        yield found
