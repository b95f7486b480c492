"""Flow that a mesh carries from a source picture to a target picture."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.geometry import normalize_pixels, project
from liquidwarp.types import Camera, Flow, Fragments


def project_normalized(
    camera: Camera, vertices: Float[Tensor, "B V 3"]
) -> tuple[Float[Tensor, "B V 2"], Float[Tensor, "B V"]]:
    """Project world vertices to the camera's normalised coordinates (`2x/W - 1`, y down) and camera Z."""
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

    Differentiable in `fragments.bary` and `source_xy`; compiled on the CPU when no gradient is wanted.

    Convention:
        `fragments` belong to the *target* camera, `source_xy` are the same mesh's vertices posed as in the *source*
        picture, in source normalised coordinates (`project_normalized`). A pixel is valid where a face covers it, the
        source shows that face (`face_visible`, by `visibility` on the source), and the point lies inside the source
        picture.

    Args:
        fragments: what the target camera sees.
        faces: the mesh of `fragments`.
        source_xy: one source, or one per target.
        face_visible: one row, or one per target; everything is visible if None.

    Raises:
        InputError: shapes that do not fit each other.
    """
    batch = fragments.face_index.shape[0]
    check_shape("source_xy", source_xy, (None, None, 2))
    _check_batch("source_xy", source_xy, batch)
    if face_visible is not None:
        check_shape("face_visible", face_visible, (None, faces.shape[0]))
        _check_batch("face_visible", face_visible, batch)
    floats = (fragments.bary, source_xy)
    wants_gradient = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in floats)
    if wants_gradient or any(tensor.device.type != "cpu" or tensor.dtype != torch.float32 for tensor in floats):
        return _flow_in_tensors(fragments, faces, source_xy, face_visible)
    return _flow_compiled(fragments, faces, source_xy, face_visible)


def _flow_compiled(fragments: Fragments, faces: Tensor, source_xy: Tensor, face_visible: Tensor | None) -> Flow:
    from liquidwarp.flow import kernels
    from liquidwarp.raster.threads import run

    shape = fragments.face_index.shape
    grid, valid = torch.empty((*shape, 2)), torch.empty(shape, dtype=torch.bool)
    visible = torch.empty((0, 0), dtype=torch.bool) if face_visible is None else face_visible
    run(
        kernels.flow_serial,
        kernels.flow_parallel,
        fragments.face_index.to(torch.int32).contiguous().numpy(),
        fragments.bary.detach().contiguous().numpy(),
        faces.to(torch.int32).contiguous().numpy(),
        source_xy.detach().contiguous().numpy(),
        visible.contiguous().numpy(),
        grid.numpy(),
        valid.numpy(),
    )
    return Flow(grid, valid)


def _flow_in_tensors(fragments: Fragments, faces: Tensor, source_xy: Tensor, face_visible: Tensor | None) -> Flow:
    b, y, x = fragments.mask.nonzero(as_tuple=True)
    face = fragments.face_index[b, y, x].long()
    source = b if len(source_xy) > 1 else b * 0
    corners = source_xy[source[:, None], faces.long()[face]]
    points = (corners * fragments.bary[b, y, x][..., None]).sum(1)
    finite = points.isfinite().all(-1)
    believed = finite & (points.abs() <= 1).all(-1)
    if face_visible is not None:
        believed &= face_visible[b if len(face_visible) > 1 else b * 0, face]
    points = points.where(finite[:, None], points.new_zeros(()))
    grid = points.new_zeros((*fragments.face_index.shape, 2)).index_put((b, y, x), points)
    return Flow(grid, torch.zeros_like(fragments.mask).index_put((b, y, x), believed))


def _check_batch(name: str, tensor: Tensor, batch: int) -> None:
    if tensor.shape[0] not in (1, batch):
        raise InputError(f"{name} has batch {tensor.shape[0]}, the fragments have {batch}; give 1 or {batch}")
