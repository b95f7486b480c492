"""Who is shown, before what and in which pose, from three different places; and drawings of skeletons as motion."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8

from liquidwarp.bodies import BodyModel
from liquidwarp.detect import Detector
from liquidwarp.devices import find_device
from liquidwarp.media import is_image, is_video, open_video, read_image
from liquidwarp.methods import Synthesis
from liquidwarp.person import SourceState, is_person_file
from liquidwarp.tasks.source import encode_source
from liquidwarp.tasks.synthesize import BackgroundChoice, read_background

if TYPE_CHECKING:
    from liquidwarp.methods.disco import DiscoMethod, Foreground


def read_foreground(
    picture: str | Path,
    mask: str | Path | None = None,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
) -> "Foreground":
    """Read who is to be shown.

    Args:
        picture: a photo or a learnt person; where it is transparent, nobody is.
        mask: a picture that is white on the person; by default transparency says, and where there is none, we look.
        body: of the person, if we look; see `encode_source`.
        detector: finds the person, if we look.

    Raises:
        InputError: a file cannot be read, or the mask shows nobody or is of another size.
        NoPersonError: the photo shows nobody.

    Examples:
        >>> from liquidwarp.media import write_image
        >>> from liquidwarp.tasks import read_foreground
        >>> cut = write_image("cut.png", person.photo, alpha=(255 * person.alpha).astype("uint8"))
        >>> read_foreground(cut).mask.shape == person.photo.shape[:2]
        True
    """
    from liquidwarp.methods.disco import Foreground

    if is_person_file(picture):
        return Foreground.of(SourceState.load(picture, body))
    found = read_image(picture)
    if mask is not None:
        return Foreground(found.rgb, read_image(mask).rgb.mean(2).astype(np.float32) / 255)
    if found.alpha is not None:
        return Foreground(found.rgb, found.alpha.astype(np.float32) / 255)
    return Foreground.of(encode_source(picture, body=body, detector=detector))


def follow_drawings(
    person: SourceState,
    drawings: str | Path,
    *,
    method: "DiscoMethod",
    background: BackgroundChoice = "keep",
    size: int | None = None,
    device: str | torch.device = "cpu",
) -> Iterator[Synthesis]:
    """Yield a picture for each drawing of a skeleton, lazily; no body is posed.

    Args:
        person: who, unless the method has a foreground of its own; and whose photo is the background.
        drawings: a picture, a folder of pictures or a clip, drawn as `labels.draw_limbs` does.
        method: looks at drawings.
        background: see `synthesize`.
        size: side of the square pictures; by default the network's.
        device: where the network runs, see `synthesize`.

    Raises:
        InputError: a file cannot be read.

    Examples:
        >>> from liquidwarp.methods import make_method
        >>> from liquidwarp.tasks import follow_drawings
        >>> frames = follow_drawings(person, "skeletons", method=make_method("disco", weights="published.pt"))
        Traceback (most recent call last):
        liquidwarp.errors.InputError: published.pt: not a safetensors file; 'liquidwarp weights import ...' makes one
    """
    from liquidwarp.methods.disco import Foreground, holed_background

    where = find_device(device)
    if isinstance(background, str) and background == "keep":
        behind = holed_background(person)
    else:
        whole = (person.photo.shape[0], person.photo.shape[1])
        behind = (255 * read_background(person, background, whole).picture).round().astype(np.uint8)
    return method.follow(Foreground.of(person), behind, _pictures(drawings), size=size, device=where)


def _pictures(drawings: str | Path) -> Iterable[UInt8[np.ndarray, "H W 3"]]:
    if is_image(drawings) and not is_video(drawings):
        return [read_image(drawings).rgb]
    return open_video(drawings)
