"""Flow that a mesh carries from a source picture to a target picture."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.geometry import normalize_pixels, project
from liquidwarp.raster import interpolate, rasterize
from liquidwarp.raster.fused import draw_flow, fusing_backend
from liquidwarp.raster.memory import empty
from liquidwarp.types import Camera, Flow, Fragments


def project_normalized(
    camera: Camera, vertices: Float[Tensor, "B V 3"]
) -> tuple[Float[Tensor, "B V 2"], Float[Tensor, "B V"]]:
    """Project world vertices to the camera's normalised coordinates (`2x/W - 1`, y down) and camera Z.

    Examples:
        >>> import torch
        >>> from liquidwarp.flow import project_normalized
        >>> from liquidwarp.types import Camera
        >>> points = torch.tensor([[[0.0, 0.0, 2.0], [1.0, -1.0, 2.0]]])
        >>> xy, depth = project_normalized(Camera.create(8.0, (8, 8)), points)
        >>> xy[0], depth[0]  # the middle of the picture, and its top right corner
        (tensor([[ 0.,  0.],
                 [ 1., -1.]]), tensor([2., 2.]))
    """
    screen = project(camera, vertices)
    return normalize_pixels(screen[..., :2], camera.size), screen[..., 2]


def mesh_flow(
    fragments: Fragments,
    faces: Int[Tensor, "F 3"],
    source_xy: Float[Tensor, "S V 2"],
    *,
    face_visible: Bool[Tensor, "N F"] | None = None,
) -> Flow:
    """Return where each target pixel's surface point lies in the source picture.

    Differentiable in `fragments.bary` and `source_xy`; compiled on the CPU when no gradient is wanted. Where nobody
    needs the fragments, `rasterize_flow` is faster.

    Convention:
        `fragments` belong to the *target* camera, `source_xy` are the same mesh's vertices posed as in the *source*
        picture, in source normalised coordinates (`project_normalized`). A pixel is valid where a face covers it, the
        source shows that face (`face_visible`, by `visibility` on the source), and the point lies inside the source
        picture.

    Args:
        fragments: what the target camera sees.
        faces: the mesh of `fragments`.
        source_xy: one source, or one per target; several sources of a single target give as many flows.
        face_visible: one row, or one per flow; everything is visible if None.

    Raises:
        InputError: shapes that do not fit each other.

    Examples:
        >>> import torch
        >>> from liquidwarp.flow import identity_flow, mesh_flow, project_normalized
        >>> from liquidwarp.raster import rasterize
        >>> from liquidwarp.types import Camera
        >>> triangle = torch.tensor([[[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]]])
        >>> faces, camera = torch.tensor([[0, 1, 2]]), Camera.create(8.0, (8, 8))
        >>> flow = mesh_flow(rasterize(triangle, faces, camera), faces, project_normalized(camera, triangle)[0])
        >>> torch.allclose(flow.grid[flow.valid], identity_flow((8, 8)).grid[flow.valid], atol=1e-6)  # it did not move
        True
    """
    flows = _check_sources(fragments.face_index.shape[0], len(faces), source_xy, face_visible)
    floats = (fragments.bary, source_xy)
    if _want_gradients(*floats) or any(t.device.type != "cpu" or t.dtype != torch.float32 for t in floats):
        return _flow_in_tensors(fragments, faces, source_xy, face_visible, flows)
    return _flow_compiled(fragments, faces, source_xy, face_visible, flows)


def rasterize_flow(
    vertices: Float[Tensor, "B V 3"],
    faces: Int[Tensor, "F 3"],
    camera: Camera,
    source_xy: Float[Tensor, "S V 2"],
    *,
    face_visible: Bool[Tensor, "N F"] | None = None,
    backend: str = "auto",
    cull: bool = False,
) -> tuple[Int[Tensor, "B H W"], Flow]:
    """Rasterise the target and return its face indices and the flow: `rasterize` and `mesh_flow` in one.

    In one pass, which writes neither weights nor depths, for float32 without gradients by the backends "numba" (equal
    bit for bit to the two calls) and "triton" (equal but for float rounding); the two calls otherwise.

    Convention: see `rasterize` and `mesh_flow`.

    Args:
        vertices: world vertices of the target.
        faces: vertex indices of the triangles.
        camera: of the target; its `size` is the size of the result.
        source_xy: one source, or one per target; several sources of a single target give as many flows.
        face_visible: one row, or one per flow; everything is visible if None.
        backend: see `rasterize`.
        cull: drop back faces.

    Raises:
        InputError: an unknown backend, one that cannot run here, or shapes that do not fit each other.

    Examples:
        >>> import torch
        >>> from liquidwarp.flow import project_normalized, rasterize_flow
        >>> from liquidwarp.types import Camera
        >>> triangle = torch.tensor([[[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]]])
        >>> camera, right = Camera.create(8.0, (8, 8)), torch.tensor([0.25, 0.0, 0.0])  # by a pixel
        >>> source_xy, _ = project_normalized(camera, triangle)
        >>> face_index, flow = rasterize_flow(triangle + right, torch.tensor([[0, 1, 2]]), camera, source_xy)
        >>> flow.grid[0, 3, 4]  # pixel 4 looks at the centre of pixel 3 of the source
        tensor([-0.1250, -0.1250])
    """
    flows = _check_sources(len(vertices), len(faces), source_xy, face_visible)
    floats = (vertices, source_xy)
    fused = fusing_backend(backend, vertices, faces)
    if fused is not None and not _want_gradients(*floats) and source_xy.dtype == torch.float32:
        return draw_flow(vertices, faces, camera, source_xy, face_visible, flows, backend=fused, cull=cull)
    fragments = rasterize(vertices, faces, camera, backend=backend, cull=cull)
    return fragments.face_index, mesh_flow(fragments, faces, source_xy, face_visible=face_visible)


def _want_gradients(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _flow_compiled(
    fragments: Fragments, faces: Tensor, source_xy: Tensor, face_visible: Tensor | None, flows: int
) -> Flow:
    from liquidwarp.flow import kernels
    from liquidwarp.parallel import run_kernel
    from liquidwarp.raster.kernels import FlowSource

    shape = flows, *fragments.face_index.shape[1:]
    grid, valid = empty((*shape, 2)), empty(shape, torch.bool)
    visible = torch.empty((0, 0), dtype=torch.bool) if face_visible is None else face_visible
    run_kernel(
        kernels.flow_serial,
        kernels.flow_parallel,
        kernels.Surface(
            fragments.face_index.to(torch.int32).contiguous().numpy(),
            fragments.bary.detach().contiguous().numpy(),
            faces.to(torch.int32).contiguous().numpy(),
        ),
        FlowSource(source_xy.detach().contiguous().numpy(), visible.contiguous().numpy()),
        kernels.FlowGrid(grid.numpy(), valid.numpy()),
    )
    return Flow(grid, valid)


def _flow_in_tensors(
    fragments: Fragments, faces: Tensor, source_xy: Tensor, face_visible: Tensor | None, flows: int
) -> Flow:
    face_index = fragments.face_index.expand(flows, -1, -1)
    spread = Fragments(face_index, fragments.bary.expand(flows, -1, -1, -1), fragments.depth.expand(flows, -1, -1))
    points = interpolate(spread, faces, source_xy.expand(flows, -1, -1))
    finite = points.isfinite().all(-1)
    believed = spread.mask & finite & (points.abs() <= 1).all(-1)
    if face_visible is not None:
        shown = face_visible.expand(flows, -1).gather(1, face_index.clamp(min=0).long().flatten(1))
        believed &= shown.view_as(believed)
    return Flow(points.where(finite[..., None], points.new_zeros(())), believed)


def _check_sources(targets: int, face_count: int, source_xy: Tensor, face_visible: Tensor | None) -> int:
    """Return how many flows these make."""
    check_shape("source_xy", source_xy, (None, None, 2))
    flows = max(targets, source_xy.shape[0]) if targets == 1 else targets
    _check_batch("source_xy", source_xy, flows, targets)
    if face_visible is not None:
        check_shape("face_visible", face_visible, (None, face_count))
        _check_batch("face_visible", face_visible, flows, targets)
    return flows


def _check_batch(name: str, tensor: Tensor, flows: int, targets: int) -> None:
    if tensor.shape[0] not in (1, flows):
        raise InputError(f"{name} has batch {tensor.shape[0]}, the target has {targets}; give 1 or {flows}")
