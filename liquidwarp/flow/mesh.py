"""Flow that a mesh carries from a source picture to a target picture."""

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
    source_xy: Float[Tensor, "B V 2"],
    *,
    face_visible: Bool[Tensor, "B F"] | None = None,
) -> Flow:
    """Return where each target pixel's surface point lies in the source picture.

    Differentiable in `fragments.bary` and `source_xy`.

    Convention:
        `fragments` belong to the *target* camera, `source_xy` are the same mesh's vertices posed as in the *source* picture,
        in source normalised coordinates (`project_normalized`). A pixel is valid where a face covers it, the source shows
        that face (`face_visible`, by `visibility` on the source), and the point lies inside the source picture.

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
    b, y, x = fragments.mask.nonzero(as_tuple=True)
    face = fragments.face_index[b, y, x].long()
    believed = face >= 0
    if face_visible is not None:
        check_shape("face_visible", face_visible, (None, faces.shape[0]))
        _check_batch("face_visible", face_visible, batch)
        believed = face_visible[b if len(face_visible) > 1 else b * 0, face]
    source = b if len(source_xy) > 1 else b * 0
    corners = source_xy[source[:, None], faces.long()[face]]
    points = (corners * fragments.bary[b, y, x][..., None]).sum(1)
    believed = believed & (points.abs() <= 1).all(-1)
    grid = points.new_zeros((*fragments.face_index.shape, 2)).index_put((b, y, x), points)
    finite = grid.isfinite().all(-1, keepdim=True)
    valid = fragments.mask.new_zeros(fragments.face_index.shape).index_put((b, y, x), believed)
    return Flow(grid.where(finite, grid.new_zeros(())), valid)


def _check_batch(name: str, tensor: Tensor, batch: int) -> None:
    if tensor.shape[0] not in (1, batch):
        raise InputError(f"{name} has batch {tensor.shape[0]}, the fragments have {batch}; give 1 or {batch}")
