"""The published generators over our own bodies, photos and targets.

Inputs as Liu et al. describe them: the photo without the person and where the ground is seen; the person without the
ground beside a map of the body; the photo warped to the target beside the map there. The map holds, per pixel, the
texture coordinates of the visible face and a third channel that is 1 where there is no body.
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import InputError
from liquidwarp.flow import mesh_flow, project_normalized, warp
from liquidwarp.media import to_uint8
from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.person import SourceState, SourceView, choose_views
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera, Flow, Fragments

_STRIDE = 8
_SOURCES = 8
_OUTLINE = 0.5  # less of a person than this is ground
_AROUND = 15  # pixels by which the person is widened before the ground is shown to the background stream


class LiquidRenderer:
    """Draws one person with a published generator.

    Args:
        generator: in evaluation mode.
        body: of the person; needs texture coordinates.
        state: the person.

    Raises:
        InputError: the body has no texture coordinates.
    """

    def __init__(self, generator: LiquidGenerator, body: BodyModel, state: SourceState) -> None:
        self._generator, self._body = generator, body
        self._views = choose_views(body.topology, state.views, _SOURCES)
        self._code = texture_code(body)
        size = self._working_size(state.photo.shape[:2])
        sources = torch.stack([self._source(view, size) for view in self._views])[None]
        photo = _signed(_resized(state.photo.astype(np.float32) / 255, size))
        matte = _resized(state.alpha[..., None].astype(np.float32), size)
        with torch.no_grad():
            self._look = generator.look(sources)
            ground = generator.ground(ground_input(photo, matte)[None, None])[0, 0]
        self.ground: UInt8[np.ndarray, "h w 3"] = to_uint8((ground / 2 + 0.5).clamp(0, 1))
        """The first photo without the person, as the background stream completes it."""

    def draw(
        self, vertices: Float[Tensor, "V 3"], camera: Camera, plate: Float[np.ndarray, "H W 3"]
    ) -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "H W"], UInt8[Tensor, "H W"]]:
        """Return picture, person's outline, and coverage: 1 where a photo shows the surface, 3 elsewhere on the person.

        Args:
            vertices: the clothed body as posed.
            camera: the target's.
            plate: the ground, in [0, 1].
        """
        size = self._working_size(camera.size)
        near = camera.resized(size)
        fragments = rasterize(vertices[None], self._body.topology.faces, near)
        flows = [self._flow(view, fragments) for view in self._views]
        grid = torch.stack([flow.grid[0] for flow in flows])[None, None]
        valid = torch.stack([flow.valid[0] for flow in flows])[None, None]
        warped = torch.zeros(3, *size)
        for picture, flow in reversed(list(zip(self._look.pictures[0], flows, strict=True))):  # the first photo wins
            warped = torch.where(flow.valid, warp(picture[None, :3], flow)[0], warped)
        transfer = torch.cat([warped, body_chart(self._code, fragments)])[None, None]
        with torch.no_grad():
            colors, masks = self._generator.paint(self._look, transfer, grid, valid)
        painted = interpolate(torch.cat([colors / 2 + 0.5, 1 - masks], 2)[0], size=camera.size, mode="bilinear")
        color, person = painted[0].clamp(0, 1).split([3, 1])
        image = person * color + (1 - person) * torch.from_numpy(plate).permute(2, 0, 1)
        shown = interpolate(valid[0].any(1, keepdim=True).float(), size=camera.size, mode="nearest-exact")[0, 0]
        coverage = torch.where(person[0] < _OUTLINE, 0, torch.where(shown > 0, 1, 3)).to(torch.uint8)
        return image, person[0], coverage

    def _working_size(self, size: tuple[int, ...]) -> tuple[int, int]:
        scale = min(1.0, self._generator.shape.longest / max(size))
        height, width = (max(_STRIDE, _STRIDE * round(scale * side / _STRIDE)) for side in size)
        return height, width

    def _source(self, view: SourceView, size: tuple[int, int]) -> Float[Tensor, "6 H W"]:
        picture = _resized(view.picture.astype(np.float32) / 255, size)
        fragments = rasterize(view.vertices[None], self._body.topology.faces, view.camera.resized(size))
        return torch.cat([_signed(picture[:3]) * picture[3:], body_chart(self._code, fragments)])

    def _flow(self, view: SourceView, fragments: Fragments) -> Flow:
        xy = project_normalized(view.camera, view.vertices[None])[0]
        return mesh_flow(fragments, self._body.topology.faces, xy, face_visible=view.faces[None])


def texture_code(body: BodyModel) -> Float[Tensor, "F 2"]:
    """Return the texture coordinates that stand for each face: the middle of its first edge, as published.

    Raises:
        InputError: the body has none.
    """
    if body.topology.uv is None or body.topology.face_uv is None:
        raise InputError(
            f"body {body.name!r} has no texture coordinates, which published generators look at; "
            "use the open body, or a body file that holds them (vt and ft)"
        )
    return body.topology.uv[body.topology.face_uv.long()][:, :2].mean(1)


def body_chart(code: Float[Tensor, "F 2"], fragments: Fragments) -> Float[Tensor, "3 H W"]:
    """Return the map of the body in a picture: each visible face's code, and 1 where there is no body."""
    face, hit = fragments.face_index[0].long(), fragments.mask[0]
    chart = torch.zeros(3, *face.shape)
    chart[2] = 1
    chart[:, hit] = torch.cat([code[face[hit]], torch.zeros(int(hit.sum()), 1)], 1).T
    return chart


def ground_input(photo: Float[Tensor, "3 H W"], matte: Float[Tensor, "1 H W"]) -> Float[Tensor, "4 H W"]:
    """Return a photo in [-1, 1] without the person and a rim, and where it is kept."""
    bare = 1 - max_pool2d(matte[None], _AROUND, 1, _AROUND // 2)[0].round()
    return torch.cat([photo * bare, bare])


def _signed(picture: Tensor) -> Tensor:
    return 2 * picture - 1


def _resized(picture: np.ndarray, size: tuple[int, int]) -> Float[Tensor, "C H W"]:
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
    return interpolate(tensor, size=size, mode="bilinear", antialias=True)[0]
