"""The surface renderer: training-free, sharp by construction."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.appearance.appearance import Appearance, AppearanceTensors
from liquidwarp.appearance.shade import Shaded, shade_compiled, shade_in_tensors
from liquidwarp.bodies.protocol import Topology
from liquidwarp.checks import check_choice
from liquidwarp.geometry import project
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

SHADERS = ("auto", "numba", "torch")

_Window = tuple[slice, slice]
_ALL = (slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class Rendering:
    """A person without a background.

    Attributes:
        rgb: premultiplied by alpha, in [0, 1].
        alpha: 1 = person.
        coverage: 0 none, 1 seen, 2 mirrored, 3 filled (`surface.layers`).
        window: rows and columns beyond which there is nothing; all of them by default.
    """

    rgb: Float[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    coverage: UInt8[np.ndarray, "H W"]
    window: _Window = _ALL

    def over(self, ground: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
        """Return the person before a ground of the same size, in [0, 1]."""
        picture = ground.copy()
        picture[self.window] *= 1 - self.alpha[self.window][..., None]
        picture[self.window] += self.rgb[self.window]
        return picture


@dataclass(frozen=True, eq=False)
class DeviceRendering:
    """A `Rendering` in tensors, all on one device.

    Attributes:
        rgb: premultiplied by alpha, in [0, 1].
        alpha: 1 = person.
        coverage: 0 none, 1 seen, 2 mirrored, 3 filled.
        window: rows and columns beyond which there is nothing.
    """

    rgb: Float[Tensor, "3 H W"]
    alpha: Float[Tensor, "H W"]
    coverage: UInt8[Tensor, "H W"]
    window: _Window = _ALL

    def over(self, background: Float[Tensor, "3 H W"]) -> Float[Tensor, "3 H W"]:
        """Return the person before a background of the same size, in [0, 1]."""
        rows, columns = self.window
        picture = background.clone()
        picture[:, rows, columns] *= 1 - self.alpha[rows, columns]
        picture[:, rows, columns] += self.rgb[:, rows, columns]
        return picture


def render_surface(
    appearance: Appearance,
    topology: Topology,
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    *,
    supersample: int = 2,
    rim: float = 0.4,
) -> Rendering:
    """Render a posed, clothed body on the CPU.

    Only the rectangle around the body is rasterised.

    Args:
        appearance: where every face looks.
        topology: faces of the body.
        vertices: posed body in world coordinates.
        camera: target camera; its size is the picture's.
        supersample: samples per pixel along each axis.
        rim: surface that looks away from the camera by more than this (cosine) is as transparent as in the photo,
            which keeps
            hair and fingers; 0 makes the mesh's own outline the person's.
    """
    texture = appearance.tensors("cpu")
    made = render_on_device(texture, topology, vertices, camera, supersample=supersample, rim=rim, backend="numba")
    return Rendering(made.rgb.permute(1, 2, 0).numpy(), made.alpha.numpy(), made.coverage.numpy(), made.window)


def render_on_device(
    texture: AppearanceTensors,
    topology: Topology,
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    *,
    supersample: int = 2,
    rim: float = 0.4,
    backend: str = "auto",
) -> DeviceRendering:
    """Render a posed, clothed body where its vertices are: `render_surface` in tensors.

    The device is asked for four numbers, the rectangle around the body, and for how many samples there are; everything
    else stays there.

    Args:
        texture: from `Appearance.tensors`, on the device of `vertices`.
        topology: faces of the body, there too.
        vertices: posed body in world coordinates.
        camera: target camera; its size is the picture's.
        supersample: see `render_surface`.
        rim: see `render_surface`.
        backend: "numba" (the CPU alone), "torch" (any device), or "auto": numba on the CPU and torch elsewhere. They
            agree but for rounding.

    Raises:
        InputError: an unknown backend.
    """
    check_choice("backend", backend, SHADERS)
    height, width = camera.size
    window = _window(camera, vertices)
    if window is None:
        empty = vertices.new_zeros(height, width)
        return DeviceRendering(empty.expand(3, -1, -1), empty, empty.to(torch.uint8))
    rows, columns = window
    size = (rows.stop - rows.start, columns.stop - columns.start)
    fine = (size[0] * supersample, size[1] * supersample)
    crop = camera.cropped((columns.start, rows.start), size).resized(fine)
    fragments = rasterize(vertices[None], topology.faces, crop)
    facing = vertex_facing(vertices[None], topology.faces, camera)[0]
    compiled = backend == "numba" or (backend == "auto" and vertices.device.type == "cpu")
    shade = shade_compiled if compiled else shade_in_tensors
    shaded = shade(texture, fragments, topology.faces, facing, rim=rim, supersample=supersample)
    return _placed(shaded, window, camera.size)


def _window(camera: Camera, vertices: Tensor) -> _Window | None:
    """Return the rows and columns of the picture around the body; None if it is out of the picture."""
    height, width = camera.size
    xy = project(camera, vertices)[:, :2]
    limit = xy.new_tensor([width, height])
    low, high = xy.amin(0).floor(), xy.amax(0).ceil()
    bounds = torch.cat([low, high]).clamp(xy.new_zeros(4), limit.repeat(2)).tolist()
    x0, y0, x1, y1 = (int(value) for value in bounds)
    return None if x1 <= x0 or y1 <= y0 else (slice(y0, y1), slice(x0, x1))


def _placed(shaded: Shaded, window: _Window, size: tuple[int, int]) -> DeviceRendering:
    """Put what was shaded into a picture of a (height, width)."""
    rows, columns = window
    rgb = shaded.rgb.new_zeros(*size, 3)
    alpha, coverage = shaded.alpha.new_zeros(size), shaded.coverage.new_zeros(size)
    rgb[rows, columns], alpha[rows, columns], coverage[rows, columns] = shaded.rgb, shaded.alpha, shaded.coverage
    return DeviceRendering(rgb.permute(2, 0, 1), alpha, coverage, window)
