"""The compact generator as a method: it finishes the surface renderer's pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from liquidwarp.appearance import DeviceRendering
from liquidwarp.devices import half_precision, moved
from liquidwarp.geometry import project
from liquidwarp.methods.compact.inputs import source_input, transfer_input, working_size
from liquidwarp.methods.drawn_surface import DrawnSurface
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.nn.compact import STRIDE, CompactAnswer, CompactGenerator, finish
from liquidwarp.nn.compact_weights import load_compact, save_compact
from liquidwarp.nn.planes import joined
from liquidwarp.person import SourceState, choose_views
from liquidwarp.types import Camera

_MARGIN = 0.06  # of the body's height: how far around the body the network works
_SOURCES = 4  # photos whose features are fetched


class CompactSession:
    """Finishes the surface renderer's pictures of one person, where its tensors lie.

    The photos' features are computed once.

    Args:
        generator: in evaluation mode.
        state: the person.
        background: what is behind.
    """

    def __init__(self, generator: CompactGenerator, state: SourceState, background: BackgroundPicture) -> None:
        self._generator, self._body = moved(generator, state.device), state.body
        self._surface = DrawnSurface(state)
        self._background = background.tensor(state.device)
        self._views = choose_views(state.body.topology, state.views, _SOURCES)
        size = working_size(self._views[0].camera.size)
        sources = joined([source_input(self._body, view, size) for view in self._views])
        with torch.no_grad(), half_precision(state.device):
            found = self._generator.encode(sources)
            self._features = [plane.float().contiguous(memory_format=torch.channels_last) for plane in found]

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture; only the rectangle around the body is looked at, the rest is the background."""
        vertices, camera = frame.vertices, frame.camera
        drawn = self._surface.draw(frame)
        image, alpha = self._background.clone(), torch.zeros_like(drawn.alpha)
        window = _window(vertices, camera)
        if window is None:
            return Synthesis(image, alpha, drawn.coverage)
        rows, columns = window
        rgb, opaque, kinds = (
            _cut(planes, window, "constant") for planes in (drawn.rgb, drawn.alpha[None], drawn.coverage[None])
        )
        part = DeviceRendering(rgb, opaque[0], kinds[0])
        behind = _cut(self._background, window, "replicate")
        near = camera.cropped((columns.start, rows.start), (rows.stop - rows.start, columns.stop - columns.start))
        small = working_size(near.size)
        transfer, flow = transfer_input(
            self._body, self._views, vertices, near.resized(small), _resized(part, small), _shrunk(behind, small)
        )
        with torch.no_grad(), half_precision(vertices.device):
            answer = self._generator.answer(transfer, self._features, flow)
        answer = _enlarged(answer, near.size)
        picture = finish(answer, part.rgb[None], part.alpha[None], behind[None])
        height, width = alpha[rows, columns].shape
        image[:, rows, columns] = picture[0, :, :height, :width].clamp(0, 1)
        alpha[rows, columns] = answer.alpha[0, :height, :width]
        return Synthesis(image, alpha, drawn.coverage)


@dataclass(frozen=True, eq=False)
class CompactMethod:
    """Lets the compact generator finish what the surface renderer drew.

    Attributes:
        generator: bundled, trained, or from `train.personalize`; the bundled one by default.
    """

    name: ClassVar[str] = "compact"
    recurrent: ClassVar[bool] = False
    generator: CompactGenerator = field(default_factory=load_compact)

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> CompactSession:
        """Learn all that the frames share."""
        return CompactSession(self.generator, state, background)


def build(*, weights: str | Path | None = None, generator: CompactGenerator | None = None) -> CompactMethod:
    """Make the method.

    Args:
        weights: a file of them; the bundled ones by default.
        generator: the network itself, in place of a file.

    Raises:
        InputError: the weights are missing, damaged or of another network.
    """
    return CompactMethod(load_compact(weights) if generator is None else generator)


def export(
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, width: float
) -> None:
    """Write trained weights; see `registry.MethodEntry.export`."""
    assert isinstance(generator, CompactGenerator)
    save_compact(generator, path, dict(card))


def _window(vertices: Tensor, camera: Camera) -> tuple[slice, slice] | None:
    """Return the rectangle around the body, whole strides large; it may reach beyond the picture's end."""
    xy = project(camera, vertices)[:, :2]
    bounds = torch.cat([xy.amin(0), xy.amax(0)]).tolist()  # all that a device is asked for here
    low, high = np.array(bounds, np.float32).reshape(2, 2)
    margin = np.float32(_MARGIN * float(high[1] - low[1]))
    height, width = camera.size
    x0, y0 = (max(0, int(value)) for value in np.floor(low - margin))
    x1, y1 = (min(most, int(value)) for value, most in zip(np.ceil(high + margin), (width, height), strict=True))
    if x1 <= x0 or y1 <= y0:
        return None
    rows, columns = (-(-length // STRIDE) * STRIDE for length in (y1 - y0, x1 - x0))
    y0, x0 = max(0, min(y0, height - rows)), max(0, min(x0, width - columns))
    return slice(y0, y0 + rows), slice(x0, x0 + columns)


def _cut(planes: Tensor, window: tuple[slice, slice], beyond: str) -> Tensor:
    """Return a rectangle of a picture `C H W`, which may reach beyond it below and to the right."""
    part = planes[:, *window]
    below, right = (side.stop - side.start - length for side, length in zip(window, part.shape[1:], strict=True))
    return _interleaved(pad(part[None], (0, right, 0, below), mode=beyond)[0] if right or below else part)


def _interleaved(picture: Tensor) -> Tensor:
    """Return a picture `C H W` whose channels lie side by side in memory."""
    return picture.permute(1, 2, 0).contiguous().permute(2, 0, 1)


def _resized(drawn: DeviceRendering, size: tuple[int, int]) -> DeviceRendering:
    if drawn.alpha.shape == size:
        return drawn
    kinds = interpolate(drawn.coverage[None, None].float(), size=size, mode="nearest-exact")[0, 0].to(torch.uint8)
    return DeviceRendering(_shrunk(drawn.rgb, size), _shrunk(drawn.alpha[None], size)[0], kinds)


def _shrunk(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return _interleaved(interpolate(picture[None], size=size, mode="bilinear", antialias=True)[0])


def _enlarged(answer: CompactAnswer, size: tuple[int, int]) -> CompactAnswer:
    if tuple(answer.alpha.shape[1:]) == size:
        return answer
    planes = torch.cat([answer.color, answer.alpha[:, None], answer.shade], 1)
    color, alpha, shade = interpolate(planes, size=size, mode="bilinear").split([3, 1, 1], 1)
    return CompactAnswer(color, alpha[:, 0], shade)
