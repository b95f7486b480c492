"""The published Liquid Warping generators as a method, with their temporal input if asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liquidwarp.cards import save_with_card
from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.flow import mesh_flow, project_normalized, visibility, warp
from liquidwarp.inpaint import background_from
from liquidwarp.media import to_uint8
from liquidwarp.methods.liquid.inputs import background_input, body_chart, texture_code
from liquidwarp.methods.protocol import BackgroundPicture, Frame, PreviousFrame, Synthesis
from liquidwarp.nn.checkpoints import load_published
from liquidwarp.nn.liquid import ChartedPicture, Earlier, LiquidGenerator
from liquidwarp.person import SourceState, SourceView, choose_views
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera, Flow, Fragments

_STRIDE = 8
_SOURCES = 8
_PERSON = 0.5  # alpha below which a pixel is background


class LiquidSession:
    """Draws one person with a published generator, where the person's tensors lie.

    Args:
        generator: in evaluation mode.
        state: the person; the body needs texture coordinates.
        background: what is behind; where it is the photo's own, the background stream's picture is shown instead.

    Raises:
        InputError: the body has no texture coordinates.
    """

    def __init__(self, generator: LiquidGenerator, state: SourceState, background: BackgroundPicture) -> None:
        generator = moved(generator, state.device)
        self._generator, self._body = generator, state.body
        self._views = choose_views(state.body.topology, state.views, _SOURCES)
        self._code = texture_code(state.body)
        size = self._working_size(state.photo.shape[:2])
        sources = [self._source(view, size) for view in self._views]
        photo = _signed(_resized(state.photo.astype(np.float32) / 255, size, state.device))
        alpha = _resized(state.alpha[..., None].astype(np.float32), size, state.device)
        with torch.no_grad():
            self._look = generator.look(_stacked(sources))
            completed = generator.complete_background(background_input(photo, alpha))[0, 0]
        self.completed: UInt8[np.ndarray, "h w 3"] = to_uint8((completed / 2 + 0.5).clamp(0, 1))
        """The first photo without the person, as the background stream completes it."""
        picture = background.picture
        if background.kept:
            wanted = (picture.shape[0], picture.shape[1])
            picture = background_from(self.completed, wanted).astype(np.float32) / 255
        self._background = BackgroundPicture(picture, background.kept).tensor(state.device)

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture; its coverage is 1 where a photo shows the surface, 3 elsewhere on the person.

        The previous frame, if there is one, is one more source, as the papers' temporal input is.
        """
        camera = frame.camera
        size = self._working_size(camera.size)
        fragments = self._fragments(frame, size)
        flows = [self._flow(view.camera, view.vertices, view.faces, fragments) for view in self._views]
        grid = torch.stack([flow.grid[0] for flow in flows])[None, None]
        valid = torch.stack([flow.valid[0] for flow in flows])[None, None]
        warped = grid.new_zeros(3, *size)
        for picture, flow in reversed(list(zip(self._look.pictures.color[0], flows, strict=True))):  # the first wins
            warped = torch.where(flow.valid, warp(picture[None], flow)[0], warped)
        transfer = ChartedPicture(warped[None, None], body_chart(self._code, fragments)[None, None])
        with torch.no_grad():
            earlier = None if frame.previous is None else self._earlier(frame.previous, fragments)
            colors, masks = self._generator.paint(self._look, transfer, grid, valid, earlier=earlier)
        painted = interpolate(torch.cat([colors / 2 + 0.5, 1 - masks], 2)[0], size=camera.size, mode="bilinear")
        color, person = painted[0].clamp(0, 1).split([3, 1])
        image = person * color + (1 - person) * self._background
        shown = interpolate(valid[0].any(1, keepdim=True).float(), size=camera.size, mode="nearest-exact")[0, 0]
        coverage = torch.where(person[0] < _PERSON, 0, torch.where(shown > 0, 1, 3)).to(torch.uint8)
        return Synthesis(image, person[0], coverage)

    def _earlier(self, previous: PreviousFrame, fragments: Fragments) -> Earlier:
        """Return the previous picture, seen as a photo is, and the flow into it from the target's `fragments`."""
        frame, picture = previous.frame, previous.picture
        size = self._working_size(frame.camera.size)
        planes = torch.cat([picture.image, picture.alpha[None]])[None]
        color, alpha = interpolate(planes, size=size, mode="bilinear", antialias=True)[0].split([3, 1])
        chart = body_chart(self._code, self._fragments(frame, size))
        look = self._generator.look(ChartedPicture((_signed(color) * alpha)[None, None], chart[None, None]))
        shown = visibility(frame.vertices[None], self._body.topology.faces, frame.camera).face[0]
        flow = self._flow(frame.camera, frame.vertices, shown, fragments)
        return Earlier(look, flow.grid[None], flow.valid[None])

    def _fragments(self, frame: Frame, size: tuple[int, int]) -> Fragments:
        return rasterize(frame.vertices[None], self._body.topology.faces, frame.camera.resized(size))

    def _working_size(self, size: tuple[int, ...]) -> tuple[int, int]:
        scale = min(1.0, self._generator.shape.longest / max(size))
        height, width = (max(_STRIDE, _STRIDE * round(scale * side / _STRIDE)) for side in size)
        return height, width

    def _source(self, view: SourceView, size: tuple[int, int]) -> ChartedPicture:
        picture = _resized(view.picture.astype(np.float32) / 255, size, view.vertices.device)
        fragments = rasterize(view.vertices[None], self._body.topology.faces, view.camera.resized(size))
        return ChartedPicture(_signed(picture[:3]) * picture[3:], body_chart(self._code, fragments))

    def _flow(self, camera: Camera, vertices: Tensor, shown: Tensor, fragments: Fragments) -> Flow:
        xy = project_normalized(camera, vertices[None])[0]
        return mesh_flow(fragments, self._body.topology.faces, xy, face_visible=shown[None])


@dataclass(frozen=True, eq=False)
class LiquidMethod:
    """Paints the whole person with a Liquid Warping generator.

    Attributes:
        generator: of any published configuration, or trained.
        temporal: show it the previous picture too, as one more source.

    Raises:
        InputError: `temporal` with a generator that warps no features.
    """

    name: ClassVar[str] = "liquid"
    generator: LiquidGenerator
    temporal: bool = False

    def __post_init__(self) -> None:
        if self.temporal and not len(self.generator.fusions):
            raise InputError(
                "temporal=true needs a generator with Liquid Warping Blocks, into which the previous picture is "
                "warped; this one has none, use temporal=false"
            )

    @property
    def recurrent(self) -> bool:
        """Whether each frame is given the one before."""
        return self.temporal

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> LiquidSession:
        """Learn all that the frames share.

        Raises:
            InputError: the body has no texture coordinates.
        """
        return LiquidSession(self.generator, state, background)


def build(
    *, weights: str | Path | None = None, generator: LiquidGenerator | None = None, temporal: bool = False
) -> LiquidMethod:
    """Make the method.

    Args:
        weights: a file from `liquidwarp weights import` or from a training.
        generator: the network itself, in place of a file.
        temporal: show the generator the previous picture too.

    Raises:
        InputError: no weights, or damaged ones, or those of another network; or `temporal` cannot be.
    """
    if generator is None:
        if weights is None:
            raise InputError(
                "method 'liquid' comes without weights; give a file of them (see 'liquidwarp weights import --help')"
            )
        generator = load_published(weights)
    return LiquidMethod(generator, temporal)


def export(
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, width: float
) -> None:
    """Write trained weights, as `nn.checkpoints.load_published` reads them; see `registry.MethodEntry.export`."""
    assert isinstance(generator, LiquidGenerator)
    own = {"configuration": configuration, "width": width, "pictures": "RGB in [-1, 1]", "mask": "1 = background"}
    save_with_card(generator.state_dict(), path, {**card, **own})


def _stacked(pictures: list[ChartedPicture]) -> ChartedPicture:
    """Return pictures side by side, axes B and N."""
    return ChartedPicture(
        torch.stack([picture.color for picture in pictures])[None],
        torch.stack([picture.chart for picture in pictures])[None],
    )


def _signed(picture: Tensor) -> Tensor:
    return 2 * picture - 1


def _resized(picture: np.ndarray, size: tuple[int, int], device: torch.device) -> Float[Tensor, "C H W"]:
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None].float()
    return interpolate(tensor, size=size, mode="bilinear", antialias=True)[0]
