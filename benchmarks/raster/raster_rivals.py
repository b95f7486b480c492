"""Other rasterisers, where they are installed; who is not says so."""

import importlib.util
from collections.abc import Callable

import numpy as np
import torch

from liquidwarp.geometry import pixel_centers, project
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

Calls = dict[str, Callable[[], object]]

PACKAGES = {
    "embree": ("embreex", "pip install embreex"),
    "drtk": ("drtk", "https://github.com/facebookresearch/DRTK"),
    "pytorch3d": ("pytorch3d", "https://github.com/facebookresearch/pytorch3d"),
    "nvdiffrast": ("nvdiffrast", "https://github.com/NVlabs/nvdiffrast"),
}
PLACES = {"embree": "cpu", "drtk": "both", "pytorch3d": "both", "nvdiffrast": "cuda"}
SLOW_PYTORCH3D = 128 * 128
"""Pixels from which PyTorch3D, which tests every face at every pixel on the CPU, is left out: seconds a picture."""


def rivals(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera) -> tuple[Calls, dict[str, str]]:
    """Return the calls of those who can run here, and why others cannot."""
    calls: Calls = {}
    missing: dict[str, str] = {}
    device = vertices.device.type
    for name, (package, where) in PACKAGES.items():
        if PLACES[name] not in (device, "both"):
            missing[name] = f"does not run on {device}"
        elif importlib.util.find_spec(package) is None:
            missing[name] = f"is not installed ({where})"
        elif name == "pytorch3d" and device == "cpu" and camera.size[0] * camera.size[1] > SLOW_PYTORCH3D:
            missing[name] = "takes seconds a picture of this size on the CPU"
        else:
            calls[name] = MAKERS[name](vertices, faces, camera)
    return calls, missing


def embree(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera) -> Callable[[], object]:
    """Return: build the tree and trace a ray through each pixel of the body's box, one picture after the other."""
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    pictures = []
    for points in vertices:
        xy = project(camera, points)[:, :2]
        (left, top), (right, bottom) = (xy.amin(0).floor().int().tolist(), xy.amax(0).ceil().int().tolist())
        centers = pixel_centers(camera.size)[max(top, 0) : bottom, max(left, 0) : right].reshape(-1, 2)
        rays = camera.rays(centers)[1].numpy()
        pictures.append((points, np.zeros_like(rays), rays))

    def call() -> None:
        for points, origins, rays in pictures:
            scene = EmbreeScene()
            TriangleMesh(scene, points[faces.long()].numpy())
            scene.run(origins, rays)

    return call


def drtk(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera) -> Callable[[], object]:
    """Return: project, find faces, and interpolate; its pixel centres are whole numbers."""
    import drtk as peer

    half = torch.tensor([0.5, 0.5, 0.0], device=vertices.device)

    def call() -> object:
        points = (project(camera, vertices) - half).contiguous()
        return peer.render(points, faces, peer.rasterize(points, faces, *camera.size))

    return call


def pytorch3d(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera) -> Callable[[], object]:
    """Return our call with its backend."""
    return lambda: rasterize(vertices, faces, camera, backend="pytorch3d")


def nvdiffrast(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera) -> Callable[[], object]:
    """Return: project to clip space and rasterise with its CUDA rasteriser."""
    import nvdiffrast.torch as peer

    context = peer.RasterizeCudaContext()
    height, width = camera.size
    size = torch.tensor([width, height], device=vertices.device)

    def call() -> object:
        xy, z = project(camera, vertices).split([2, 1], -1)
        clip = torch.cat([(2 * xy / size - 1) * z, z - 2.0, z], -1).contiguous()
        return peer.rasterize(context, clip, faces, (height, width))

    return call


MAKERS = {"embree": embree, "drtk": drtk, "pytorch3d": pytorch3d, "nvdiffrast": nvdiffrast}
