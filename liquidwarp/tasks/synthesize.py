"""The one loop behind imitation, appearance transfer and novel views."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.appearance import render_surface
from liquidwarp.checks import check_choice
from liquidwarp.inpaint import background_from
from liquidwarp.media import read_image
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.weights import Generator, load_generator
from liquidwarp.parallel import pool_map, thread_count
from liquidwarp.person import SourceState
from liquidwarp.tasks.liquid import LiquidRenderer
from liquidwarp.tasks.refine import CompactRenderer
from liquidwarp.tasks.target import Target
from liquidwarp.types import Camera

RENDERERS = ("surface", "gan")

Background = str | Path | np.ndarray | tuple[int, int, int]

_PLAIN = (225, 225, 225)
_CHUNK = 16  # frames posed together: bounds memory, amortises skinning


@dataclass(frozen=True, eq=False)
class Synthesis:
    """One synthesised picture.

    Attributes:
        image: RGB in [0, 1].
        alpha: 1 = person.
        coverage: per pixel 0 background, 1 seen in a photo, 2 mirrored, 3 invented.
    """

    image: Float[Tensor, "3 H W"]
    alpha: Float[Tensor, "H W"]
    coverage: UInt8[Tensor, "H W"]


def synthesize(
    state: SourceState,
    target: Target,
    *,
    background: Background = "keep",
    renderer: str = "surface",
    generator: Generator | None = None,
) -> Iterator[Synthesis]:
    """Yield the person of `state` in every pose of `target`, lazily.

    Args:
        state: who.
        target: how, and seen from where.
        background: "keep" (the photo without the person), "plain" (light grey), an (r, g, b) colour in 0..255, a
            picture (uint8 H W 3) or the path of one.
        renderer: "surface" shows what the photos show; "gan" has a generator finish or make the picture.
        generator: for "gan": from `nn.weights.load_generator` or `train.personalize`; the bundled one by default.

    Raises:
        InputError: unknown renderer, or a background that cannot be read.
    """
    painter = Painter(state, target.camera(0).size, background=background, renderer=renderer, generator=generator)
    return _frames(state, target, painter)


class Painter:
    """Paints the posed person in front of a ground; what all pictures share is computed once.

    Args:
        state: who.
        size: (height, width) of the pictures.
        background: see `synthesize`.
        renderer: see `synthesize`.
        generator: see `synthesize`.

    Raises:
        InputError: unknown renderer, or a background that cannot be read.
    """

    def __init__(
        self,
        state: SourceState,
        size: tuple[int, int],
        *,
        background: Background = "keep",
        renderer: str = "surface",
        generator: Generator | None = None,
    ) -> None:
        check_renderer(renderer, generator)
        self._body, self._appearance = state.body, state.appearance
        self._plate = _plate(state, background, size)
        self._published: LiquidRenderer | None = None
        self._finisher: CompactRenderer | None = None
        if renderer != "gan":
            return
        network = generator or load_generator()
        if isinstance(network, LiquidGenerator):
            self._published = LiquidRenderer(network, self._body, state)
            if isinstance(background, str) and background == "keep":
                self._plate = background_from(self._published.ground, size).astype(np.float32) / 255
        else:
            self._finisher = CompactRenderer(network, self._body, state)

    def paint(self, vertices: Float[Tensor, "V 3"], camera: Camera) -> Synthesis:
        """Return one picture.

        Args:
            vertices: the clothed body as posed.
            camera: the target's; of the size of all pictures.
        """
        if self._published is not None:
            return Synthesis(*self._published.draw(vertices, camera, self._plate))
        drawn = render_surface(self._appearance, self._body.topology, vertices, camera)
        coverage = torch.from_numpy(drawn.coverage)
        if self._finisher is not None:
            return Synthesis(*self._finisher.draw(vertices, camera, drawn, self._plate), coverage)
        image = torch.from_numpy(drawn.over(self._plate)).permute(2, 0, 1)
        return Synthesis(image, torch.from_numpy(drawn.alpha), coverage)


def check_renderer(renderer: str, generator: Generator | None = None) -> None:
    """Raise `InputError` unless `renderer` can be used."""
    check_choice("renderer", renderer, RENDERERS)
    if renderer == "gan" and generator is None:
        load_generator()


def _frames(state: SourceState, target: Target, painter: Painter) -> Iterator[Synthesis]:
    """Paint the pictures, as many at once as torch may use threads, each by one thread.

    One thread makes the same bytes on every machine, and two pictures at once take less than each by two threads.
    """
    yield from pool_map(lambda item: painter.paint(*item), _posed(state, target), workers=thread_count())


def _posed(state: SourceState, target: Target) -> Iterator[tuple[Tensor, Camera]]:
    body = state.body
    identity = body.identity(state.track.betas)

    @torch.no_grad()  # each thread has a switch of its own
    def pose(start: int) -> Float[Tensor, "T V 3"]:
        window = slice(start, start + _CHUNK)
        orient, turns, transl = target.global_orient[window], target.body_pose[window], target.transl[window]
        return body.vertices(identity, orient, turns, transl, offsets=state.offsets)

    starts = range(0, len(target), _CHUNK)
    for start, vertices in zip(starts, pool_map(pose, starts, workers=1), strict=True):
        for index, points in enumerate(vertices, start):
            yield points, target.camera(index)


def _plate(state: SourceState, background: Background, size: tuple[int, int]) -> np.ndarray:
    if isinstance(background, str | Path):
        named: dict[str, np.ndarray | tuple[int, int, int]] = {"keep": state.background, "plain": _PLAIN}
        known = named.get(str(background))
        background = read_image(background).rgb if known is None else known
    return background_from(background, size).astype(np.float32) / 255
