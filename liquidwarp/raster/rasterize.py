"""The one call behind which all rasterisers stand."""

import importlib.util
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.checks import check_choice, check_shape
from liquidwarp.errors import InputError
from liquidwarp.geometry import project
from liquidwarp.types import Camera, Fragments

NEAR = 1e-3
"""Faces with a vertex at this camera Z (metres) or nearer are dropped."""

BACKENDS = ("auto", "numba", "torch", "triton", "reference", "pytorch3d")


def rasterize(
    vertices: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    camera: Camera,
    *,
    backend: str = "auto",
    cull: bool = False,
) -> Fragments:
    """Find the nearest face at every pixel centre, where on it, and how deep.

    Differentiable in `vertices` through `bary` and `depth` (not through `face_index`: coverage is a step; see
    `soft_silhouette`). The backward is deterministic on the CPU.

    Convention:
        `vertices` are world metres; `camera` projects them (`geometry.project`) and gives the picture's size. A pixel
        is tested at its centre, (x + 0.5, y + 0.5), with the top-left rule on edges evaluated in float64 from the
        vertex of lower index, so a pixel on a shared edge belongs to exactly one of the two faces. Both windings are
        drawn; `cull=True` drops the faces that show their back (`Topology.faces` are counter-clockwise seen from
        outside). Depth is compared in float32, ties go to the lowest face index. Faces with a vertex at Z <= 1e-3 m,
        with a number that is not finite, or without area are dropped (no clipping).

    Args:
        vertices: world vertices; float32 or float64 (slower).
        faces: vertex indices of the triangles.
        camera: one for all meshes, or one for each; its `size` is the size of the result.
        backend: "auto" is what `default_backend` says. "reference" is slow and normative; "triton" is for CUDA. A
            chosen backend runs or raises; all but "pytorch3d" give identical face indices.
        cull: drop back faces.

    Raises:
        InputError: an unknown backend, one that cannot run here, or arguments of the wrong shape.
    """
    backend = chosen_backend(backend, vertices, faces)
    if backend == "numba" and vertices.device.type != "cpu":
        return rasterize(vertices.cpu(), faces.cpu(), camera.to("cpu"), cull=cull).to(vertices.device)
    if backend == "pytorch3d":
        from liquidwarp.raster import pytorch3d_backend

        return pytorch3d_backend.rasterize(vertices, faces, camera, NEAR, cull)
    screen = project(camera, vertices)
    if backend == "numba":
        from liquidwarp.raster import numba_backend

        return Fragments(*numba_backend.rasterize(screen, faces, camera.size, camera.orthographic, NEAR, cull))
    if backend == "triton":
        return Fragments(*triton_backend().rasterize(screen, faces, camera.size, camera.orthographic, NEAR, cull))
    from liquidwarp.raster import reference, torch_backend

    find = torch_backend.find_faces if backend == "torch" else reference.find_faces
    face_index = find(screen.detach(), faces, camera.size, camera.orthographic, NEAR, cull)
    return Fragments(face_index, *torch_backend.resolve(screen, faces, face_index, camera.orthographic))


def chosen_backend(backend: str, vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"]) -> str:
    """Return the backend that `backend` means for these vertices, whose shapes are checked.

    Raises:
        InputError: an unknown backend, one that cannot run here, or arguments of the wrong shape.
    """
    check_choice("backend", backend, BACKENDS)
    check_shape("vertices", vertices, (None, None, 3))
    check_shape("faces", faces, (None, 3))
    if backend == "auto":
        backend = default_backend(vertices.device)
    elif backend == "numba" and vertices.device.type != "cpu":
        raise InputError(
            f"backend='numba' runs on the CPU, vertices are on {vertices.device}; choose 'auto' or 'torch'"
        )
    _check_faces(faces, vertices.shape[1])
    return backend


def default_backend(device: torch.device) -> str:
    """Return the backend that "auto" means on a device.

    "numba" on the CPU. On CUDA "triton" where it is installed, which has been tested under its interpreter and compiled
    for CUDA, but has not run on a GPU yet; else "torch". On Apple's devices "numba" too: meshes go to the CPU and
    fragments come back, because which face owns a pixel is decided in float64, which these devices lack. Elsewhere
    "torch".
    """
    if device.type == "cuda":
        return "triton" if importlib.util.find_spec("triton") else "torch"
    return "numba" if device.type in ("cpu", "mps") else "torch"


def triton_backend() -> ModuleType:
    """Return the module of the Triton backend.

    Raises:
        InputError: Triton is not installed.
    """
    try:
        from liquidwarp.raster import triton_backend as backend
    except ImportError as error:
        raise InputError(
            "backend='triton' needs Triton, which PyTorch's CUDA builds bring; pip install triton, or choose 'torch'"
        ) from error
    return backend


def _check_faces(faces: Tensor, vertex_count: int) -> None:
    """Raise `InputError` for a vertex index out of range (on the CPU: kernels do not check their reads)."""
    if faces.device.type != "cpu" or faces.numel() == 0:
        return
    numbers = faces.numpy()  # not by torch, whose threads would be awake when the kernels' threads want the cores
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest < 0 or highest >= vertex_count:
        raise InputError(f"faces name vertices {lowest} to {highest} but there are {vertex_count}; indices start at 0")
