"""The one loop behind imitation, appearance transfer and novel views."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.checks import check_choice
from liquidwarp.media import read_image
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.nn.weights import Generator, load_generator
from liquidwarp.surface import background_from, render_surface
from liquidwarp.tasks.liquid import LiquidRenderer
from liquidwarp.tasks.refine import CompactRenderer
from liquidwarp.tasks.source import SourceState
from liquidwarp.tasks.target import Target

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
    check_renderer(renderer, generator)
    body = load_body(state.track.body)
    plate = _plate(state, background, target.camera(0).size)
    if renderer == "gan":
        network = generator or load_generator()
        if isinstance(network, LiquidGenerator):
            painter = LiquidRenderer(network, body, state)
            if isinstance(background, str) and background == "keep":
                plate = background_from(painter.ground, target.camera(0).size).astype(np.float32) / 255
            return _published_frames(state, target, body, plate, painter)
        return _frames(state, target, body, plate, CompactRenderer(network, body, state))
    return _frames(state, target, body, plate, None)


def check_renderer(renderer: str, generator: Generator | None = None) -> None:
    """Raise `InputError` unless `renderer` can be used."""
    check_choice("renderer", renderer, RENDERERS)
    if renderer == "gan" and generator is None:
        load_generator()


def _published_frames(
    state: SourceState, target: Target, body: BodyModel, plate: np.ndarray, painter: LiquidRenderer
) -> Iterator[Synthesis]:
    for index, vertices in _posed(state, target, body):
        yield Synthesis(*painter.draw(vertices, target.camera(index), plate))


def _frames(
    state: SourceState, target: Target, body: BodyModel, plate: np.ndarray, finisher: CompactRenderer | None
) -> Iterator[Synthesis]:
    for index, vertices in _posed(state, target, body):
        camera = target.camera(index)
        drawn = render_surface(state.appearance, body.topology, vertices, camera)
        coverage = torch.from_numpy(drawn.coverage)
        if finisher is None:
            image = drawn.rgb + (1 - drawn.alpha[..., None]) * plate
            yield Synthesis(torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(drawn.alpha), coverage)
        else:
            yield Synthesis(*finisher.draw(vertices, camera, drawn, plate), coverage)


def _posed(state: SourceState, target: Target, body: BodyModel) -> Iterator[tuple[int, Tensor]]:
    identity = body.identity(state.track.betas)
    for start in range(0, len(target), _CHUNK):
        window = slice(start, start + _CHUNK)
        with torch.no_grad():
            vertices = body.vertices(
                identity,
                target.global_orient[window],
                target.body_pose[window],
                target.transl[window],
                offsets=state.offsets,
            )
        yield from enumerate(vertices, start)


def _plate(state: SourceState, background: Background, size: tuple[int, int]) -> np.ndarray:
    if isinstance(background, str | Path):
        named: dict[str, np.ndarray | tuple[int, int, int]] = {"keep": state.plate, "plain": _PLAIN}
        known = named.get(str(background))
        background = read_image(background).rgb if known is None else known
    return background_from(background, size).astype(np.float32) / 255
