"""The surface renderer: training-free, sharp by construction."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.appearance.appearance import Appearance, AppearanceTensors
from liquidwarp.appearance.lit_surface import LitSurface
from liquidwarp.appearance.rims import depth_steps, grown, softened
from liquidwarp.appearance.shade import Shaded, SurfaceView, Window, shade_compiled, shade_in_tensors
from liquidwarp.bodies.protocol import Topology
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.geometry import project
from liquidwarp.mesh import vertex_normals
from liquidwarp.mesh.facing import normals_facing
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

SHADERS = ("auto", "numba", "torch")

_NEAR = 3.0  # sigmas beside a step in depth within which a rim is one
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
    window: Window = _ALL

    def over(self, background: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
        """Return the person before a background of the same size, in [0, 1]."""
        picture = background.copy()
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
    window: Window = _ALL

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
    lit: LitSurface | None = None,
    soft: float = 0.0,
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
        lit: the light that surface is shown in; by default that of the photo, wherever it turns.
        soft: sigma, pixels, of the blur of outlines before the background and before the body (`rims`); then what
            ends before other surface alone is no longer transparent, for nothing of the background is behind it.
    """
    seen = _look(topology, vertices, camera, supersample, soft, lit)
    shaded = None if seen is None else seen.softened(shade_compiled(appearance, seen.view, rim=rim))
    made = _placed(shaded, None if seen is None else seen.view, vertices, camera)
    return Rendering(made.rgb.permute(1, 2, 0).numpy(), made.alpha.numpy(), made.coverage.numpy(), made.window)


def render_on_device(
    texture: AppearanceTensors,
    topology: Topology,
    vertices: Float[Tensor, "V 3"],
    camera: Camera,
    *,
    supersample: int = 2,
    rim: float = 0.4,
    lit: LitSurface | None = None,
    soft: float = 0.0,
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
        lit: see `render_surface`; there too.
        soft: see `render_surface`.
        backend: "numba" (the CPU alone), "torch" (any device), or "auto": numba on the CPU and torch elsewhere. They
            agree but for rounding.

    Raises:
        InputError: an unknown backend, or one that cannot run there.
    """
    check_choice("backend", backend, SHADERS)
    on_cpu = vertices.device.type == "cpu"
    if backend == "numba" and not on_cpu:
        raise InputError(
            f"backend='numba' runs on the CPU, vertices are on {vertices.device}; choose 'auto' or 'torch'"
        )
    seen = _look(topology, vertices, camera, supersample, soft, lit)
    if seen is None:
        return _placed(None, None, vertices, camera)
    compiled = backend == "numba" or (backend == "auto" and on_cpu)
    view = seen.view
    shaded = shade_compiled(texture.arrays(), view, rim=rim) if compiled else shade_in_tensors(texture, view, rim=rim)
    return _placed(seen.softened(shaded), view, vertices, camera)


@dataclass(frozen=True, eq=False)
class _Look:
    """What a camera sees, and where surfaces end in it.

    Attributes:
        view: what it sees.
        steps: where surfaces end (`rims.depth_steps`); None for outlines that stay sharp.
        soft: sigma of the blur there, pixels.
    """

    view: SurfaceView
    steps: UInt8[Tensor, "h w"] | None
    soft: float

    def softened(self, shaded: Shaded) -> Shaded:
        """Return it with soft outlines."""
        if self.steps is None:
            return shaded
        return Shaded(*softened(shaded.rgb, shaded.alpha, self.steps, self.soft), shaded.coverage)


def _look(
    topology: Topology, vertices: Tensor, camera: Camera, supersample: int, soft: float, lit: LitSurface | None
) -> _Look | None:
    """Rasterise the rectangle around the body; None if the body is out of the picture."""
    height, width = camera.size
    pad = math.ceil(2 * soft)
    xy = project(camera, vertices)[:, :2]
    low, high = xy.amin(0).floor() - pad, xy.amax(0).ceil() + pad
    bounds = torch.cat([low, high]).clamp(xy.new_zeros(4), xy.new_tensor([width, height] * 2)).tolist()
    x0, y0, x1, y1 = (int(value) for value in bounds)
    if x1 <= x0 or y1 <= y0:
        return None
    size = (y1 - y0, x1 - x0)
    crop = camera.cropped((x0, y0), size).resized((size[0] * supersample, size[1] * supersample))
    fragments = rasterize(vertices[None], topology.faces, crop)
    normals = vertex_normals(vertices[None], topology.faces)
    facing = normals_facing(normals, vertices[None], camera)[0]
    gain = None if lit is None else lit.gain(normals[0], camera)
    steps = depth_steps(fragments, supersample) if soft > 0 else None
    rims = vertices.new_zeros(size, dtype=torch.uint8) if steps is None else grown(steps, math.ceil(_NEAR * soft))
    window = (slice(y0, y1), slice(x0, x1))
    return _Look(SurfaceView(fragments, topology.faces, facing, supersample, window, rims, gain), steps, soft)


def _placed(shaded: Shaded | None, view: SurfaceView | None, vertices: Tensor, camera: Camera) -> DeviceRendering:
    """Put what was shaded into the whole picture."""
    rgb = vertices.new_zeros(*camera.size, 3, dtype=torch.float32)
    alpha = vertices.new_zeros(camera.size, dtype=torch.float32)
    coverage = vertices.new_zeros(camera.size, dtype=torch.uint8)
    if shaded is None or view is None:
        return DeviceRendering(rgb.permute(2, 0, 1), alpha, coverage)
    rgb[view.window], alpha[view.window], coverage[view.window] = shaded.rgb, shaded.alpha, shaded.coverage
    return DeviceRendering(rgb.permute(2, 0, 1), alpha, coverage, view.window)
