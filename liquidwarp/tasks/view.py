"""Novel views."""

from collections.abc import Iterator

import torch

from liquidwarp.checks import check_type
from liquidwarp.methods import Method, Synthesis
from liquidwarp.nn.weights import Generator
from liquidwarp.person import SourceState
from liquidwarp.tasks.synthesize import BackgroundChoice, synthesize
from liquidwarp.tasks.target import orbit_target


def novel_view(
    person: SourceState,
    *,
    degrees: float = 360.0,
    frames: int = 90,
    start: float = 0.0,
    elevation: float = 0.0,
    pose: str = "source",
    size: int | None = None,
    background: BackgroundChoice = "keep",
    method: str | Method | None = None,
    renderer: str = "surface",
    generator: Generator | None = None,
    device: str | torch.device | None = None,
) -> Iterator[Synthesis]:
    """Yield the person seen from a camera that walks around, lazily.

    Args:
        person: from `encode_source` or `transfer_appearance`.
        degrees: how far around; 360 loops.
        frames: number of views.
        start: degrees at the first view; 0 is the photo's own.
        elevation: degrees by which the camera is raised.
        pose: "source", "a" or "t".
        size: longer side of the pictures; by default the photo's.
        background: see `synthesize`; the background does not turn.
        method: see `synthesize`.
        renderer: see `synthesize`.
        generator: see `synthesize`.
        device: see `synthesize`; who looks from where is worked out on the CPU first.

    Raises:
        InputError: an argument cannot be used.
        TypeError: a photo in place of a person.

    Examples:
        >>> from liquidwarp.tasks import novel_view
        >>> front, side, back = novel_view(person, degrees=180.0, frames=3)
        >>> bool(side.alpha.sum() < front.alpha.sum())  # people are wider than deep
        True
    """
    check_type("person", person, SourceState, "learn one with encode_source(photo)")
    here = person.to("cpu")
    target = orbit_target(
        here.body,
        here.track,
        degrees=degrees,
        frames=frames,
        start=start,
        elevation=elevation,
        pose=pose,
        size=size,
    )
    return synthesize(
        person,
        target,
        background=background,
        method=method,
        renderer=renderer,
        generator=generator,
        device=device,
    )
