"""The compact generator as a method: it finishes the surface renderer's pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liquidwarp.appearance import Rendering, render_surface
from liquidwarp.devices import half_precision
from liquidwarp.geometry import project
from liquidwarp.methods.compact.inputs import source_input, transfer_input, working_size
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.nn.compact import STRIDE, CompactAnswer, CompactGenerator, finish
from liquidwarp.nn.compact_weights import load_compact, save_compact
from liquidwarp.nn.planes import joined
from liquidwarp.person import SourceState, choose_views
from liquidwarp.types import Camera

_MARGIN = 0.06  # of the body's height: how far around the body the network works
_SOURCES = 4  # photos whose features are fetched


class CompactSession:
    """Finishes the surface renderer's pictures of one person; the photos' features are computed once.

    Args:
        generator: in evaluation mode.
        state: the person.
        background: what is behind.
    """

    def __init__(self, generator: CompactGenerator, state: SourceState, background: BackgroundPicture) -> None:
        self._generator, self._body, self._appearance = generator, state.body, state.appearance
        self._background = background.picture
        self._views = choose_views(state.body.topology, state.views, _SOURCES)
        size = working_size(self._views[0].camera.size)
        sources = joined([source_input(self._body, view, size) for view in self._views])
        with torch.no_grad(), half_precision(state.track.transl.device):
            found = generator.encode(sources)
            self._features = [plane.float().contiguous(memory_format=torch.channels_last) for plane in found]

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture; only the rectangle around the body is looked at, the rest is the background."""
        vertices, camera = frame.vertices, frame.camera
        drawn = render_surface(self._appearance, self._body.topology, vertices, camera)
        image = torch.from_numpy(self._background).permute(2, 0, 1).clone()
        alpha, coverage = torch.zeros(camera.size), torch.from_numpy(drawn.coverage)
        window = _window(vertices, camera)
        if window is None:
            return Synthesis(image, alpha, coverage)
        rows, columns = window
        rgb, opaque, kinds = (_cut(plane, window, "constant") for plane in (drawn.rgb, drawn.alpha, drawn.coverage))
        part = Rendering(rgb, opaque, kinds)
        behind = _cut(self._background, window, "edge")
        near = camera.cropped((columns.start, rows.start), (rows.stop - rows.start, columns.stop - columns.start))
        small = working_size(near.size)
        transfer, flow = transfer_input(
            self._body, self._views, vertices, near.resized(small), _resized(part, small), _shrunk(behind, small)
        )
        with torch.no_grad(), half_precision(vertices.device):
            answer = self._generator.answer(transfer, self._features, flow)
        answer = _enlarged(answer, near.size)
        picture = finish(
            answer,
            torch.from_numpy(part.rgb).permute(2, 0, 1)[None],
            torch.from_numpy(part.alpha)[None],
            torch.from_numpy(behind).permute(2, 0, 1)[None],
        )
        height, width = alpha[rows, columns].shape
        image[:, rows, columns] = picture[0, :, :height, :width].clamp(0, 1)
        alpha[rows, columns] = answer.alpha[0, :height, :width]
        return Synthesis(image, alpha, coverage)


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
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, share: float
) -> None:
    """Write trained weights; see `registry.MethodEntry.export`."""
    assert isinstance(generator, CompactGenerator)
    save_compact(generator, path, dict(card))


def _window(vertices: Tensor, camera: Camera) -> tuple[slice, slice] | None:
    """Return the rectangle around the body, whole strides large; it may reach beyond the picture's end."""
    xy = project(camera, vertices)[:, :2]
    margin = _MARGIN * float(xy[:, 1].amax() - xy[:, 1].amin())
    height, width = camera.size
    x0, y0 = (max(0, int(value)) for value in (xy.amin(0) - margin).floor())
    x1, y1 = (min(most, int(value)) for value, most in zip((xy.amax(0) + margin).ceil(), (width, height), strict=True))
    if x1 <= x0 or y1 <= y0:
        return None
    rows, columns = (-(-length // STRIDE) * STRIDE for length in (y1 - y0, x1 - x0))
    y0, x0 = max(0, min(y0, height - rows)), max(0, min(x0, width - columns))
    return slice(y0, y0 + rows), slice(x0, x0 + columns)


def _cut(plane: np.ndarray, window: tuple[slice, slice], beyond: str) -> np.ndarray:
    part = plane[window]
    missing = [(0, side.stop - side.start - length) for side, length in zip(window, part.shape, strict=False)]
    if not any(more for _, more in missing):
        return np.ascontiguousarray(part)
    return np.pad(part, [*missing, *([(0, 0)] * (part.ndim - 2))], mode=beyond)  # type: ignore[call-overload]


def _resized(drawn: Rendering, size: tuple[int, int]) -> Rendering:
    if drawn.alpha.shape == size:
        return drawn
    kinds = torch.from_numpy(drawn.coverage)[None, None].float()
    coverage = interpolate(kinds, size=size, mode="nearest-exact")[0, 0].to(torch.uint8).numpy()
    return Rendering(_shrunk(drawn.rgb, size), _shrunk(drawn.alpha[..., None], size)[..., 0], coverage)


def _shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    return interpolate(tensor, size=size, mode="bilinear", antialias=True)[0].permute(1, 2, 0).contiguous().numpy()


def _enlarged(answer: CompactAnswer, size: tuple[int, int]) -> CompactAnswer:
    if tuple(answer.alpha.shape[1:]) == size:
        return answer
    planes = torch.cat([answer.color, answer.alpha[:, None], answer.shade], 1)
    color, alpha, shade = interpolate(planes, size=size, mode="bilinear").split([3, 1, 1], 1)
    return CompactAnswer(color, alpha[:, 0], shade)
