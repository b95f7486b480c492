"""Values of vertices at the pixels that a camera sees of a mesh."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.mesh.operations import vertex_normals
from liquidwarp.types import Camera, Fragments


def interpolate(
    fragments: Fragments,
    faces: Int[Tensor, "F 3"],
    attributes: Float[Tensor, "V C"] | Float[Tensor, "B V C"],
    *,
    background: float | int = 0.0,
) -> Float[Tensor, "B H W C"]:
    """Return what the vertices carry, at each pixel: the mean of the three of its face, weighted by `bary`.

    Differentiable in `attributes` and in `fragments.bary`, and through the latter in the vertices that were rasterised;
    `background` has no gradient. Sums have a fixed order.

    Args:
        fragments: from `rasterize`.
        faces: three rows of `attributes` for each face: the mesh's own faces, or other triangles over the same surface,
            such as `Topology.face_uv` for texture coordinates.
        attributes: of each vertex; the same for all pictures, or one set for each.
        background: the value where there is no face.

    Raises:
        InputError: attributes of the wrong shape.

    Examples:
        >>> import torch
        >>> from liquidwarp.raster import interpolate, rasterize
        >>> from liquidwarp.types import Camera
        >>> triangle = torch.tensor([[[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]]])
        >>> faces = torch.tensor([[0, 1, 2]])
        >>> fragments = rasterize(triangle, faces, Camera.create(8.0, (8, 8)))
        >>> heights = interpolate(fragments, faces, triangle[..., 1:2])
        >>> heights.shape, round(float(heights[0, 4, 4, 0]), 3)
        (torch.Size([1, 8, 8, 1]), 0.125)
    """
    _check(len(fragments.face_index), attributes)
    picture, row, column = fragments.mask.nonzero(as_tuple=True)
    face, bary = fragments.face_index[picture, row, column].long(), fragments.bary[picture, row, column]
    corners = faces.long()[face]
    values = attributes[corners] if attributes.dim() == 2 else attributes[picture[:, None], corners]
    found = blend_corners(values, bary)
    whole = found.new_full((*fragments.face_index.shape, attributes.shape[-1]), background)
    return whole.index_put((picture, row, column), found)


def interpolate_at(
    face: Int[Tensor, "M"], bary: Float[Tensor, "M 3"], faces: Int[Tensor, "F 3"], attributes: Float[Tensor, "V C"]
) -> Float[Tensor, "M C"]:
    """Return what the vertices carry, at single points of the surface; see `interpolate`.

    Args:
        face: the face that each point is on.
        bary: the weights of its vertices there.
        faces: three rows of `attributes` for each face.
        attributes: of each vertex.

    Examples:
        >>> import torch
        >>> from liquidwarp.raster import interpolate_at
        >>> heights = torch.tensor([[0.0], [4.0], [8.0]])
        >>> bary = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
        >>> interpolate_at(torch.tensor([0, 0]), bary, torch.tensor([[0, 1, 2]]), heights)
        tensor([[0.],
                [3.]])
    """
    return blend_corners(attributes[faces.long()[face.long()]], bary)


def blend_corners(values: Float[Tensor, "M 3 *C"], bary: Float[Tensor, "M 3"]) -> Float[Tensor, "M *C"]:
    """Add up the values of three corners by their weights, in order."""
    w0, w1, w2 = (weight.reshape(-1, *[1] * (values.dim() - 2)) for weight in bary.unbind(1))
    return values[:, 0] * w0 + values[:, 1] * w1 + values[:, 2] * w2


def pixel_normals(
    fragments: Fragments, vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"], camera: Camera
) -> Float[Tensor, "B 3 H W"]:
    """Return unit normals of the surface at each pixel in the camera's axes; 0 where there is no face.

    Up to perspective, a surface that faces the camera has a negative Z. Compiled on the CPU when no gradient is wanted.

    Args:
        fragments: from `rasterize` of these vertices by this camera.
        vertices: world vertices.
        faces: vertex indices of the triangles, counter-clockwise seen from outside.
        camera: one, or one for each picture.

    Examples:
        >>> import torch
        >>> from liquidwarp.raster import pixel_normals, rasterize
        >>> from liquidwarp.types import Camera
        >>> triangle = torch.tensor([[[-1.0, -1.0, 2.0], [0.0, 1.0, 2.0], [1.0, -1.0, 2.0]]])
        >>> faces, camera = torch.tensor([[0, 1, 2]]), Camera.create(8.0, (8, 8))
        >>> normals = pixel_normals(rasterize(triangle, faces, camera), triangle, faces, camera)
        >>> normals[0, :, 4, 4], normals[0, :, 7, 7]
        (tensor([ 0.,  0., -1.]), tensor([0., 0., 0.]))
    """
    normals = camera.turn_to_camera(vertex_normals(vertices, faces))
    floats = (fragments.bary, normals)
    wants_gradient = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in floats)
    if wants_gradient or any(t.device.type != "cpu" or t.dtype != torch.float32 for t in floats):
        found = interpolate(fragments, faces, normals)
        return torch.nn.functional.normalize(found, dim=-1, eps=1e-12).permute(0, 3, 1, 2)
    from liquidwarp.mesh.normals_kernels import look_up_normals

    result = torch.empty(*fragments.face_index.shape, 3, dtype=torch.float32)
    for index, bary, own, out in zip(fragments.face_index, fragments.bary, normals, result, strict=True):
        look_up_normals(index.numpy(), bary.numpy(), faces.numpy(), own.contiguous().numpy(), out.numpy())
    return result.permute(0, 3, 1, 2)


def _check(pictures: int, attributes: Tensor) -> None:
    if attributes.dim() == 2:
        return
    check_shape("attributes", attributes, (None, None, None))
    if len(attributes) != pictures:
        raise InputError(
            f"attributes has batch {len(attributes)}, the fragments have {pictures}; give one set, or as many"
        )
