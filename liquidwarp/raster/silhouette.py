"""A silhouette with gradients, for fitting a mesh to a mask."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.checks import check_positive
from liquidwarp.geometry import project
from liquidwarp.raster.rasterize import rasterize
from liquidwarp.types import Camera

_REACH = 3.0
"""Width of the soft band on either side of the contour, in sigmas."""
_OUTWARD = 1.0
"""How far outside an edge, in pixels, the picture must be empty for the edge to be on the outline."""


def soft_silhouette(
    vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"], camera: Camera, *, sigma: float
) -> Float[Tensor, "B H W"]:
    """Return the mesh's silhouette with a soft outline, differentiable in `vertices`.

    Hard coverage says which side of the outline a pixel centre is on, its distance to the nearest outline edge says
    how far: `alpha = Phi(d / sigma)`, which is what a Gaussian of `sigma` pixels makes of a straight outline, cut off
    (and stretched to reach 0 and 1) at three sigmas. Outline edges are those whose faces lie on one side of them (or
    that have only one face) with an empty picture on the other side; edges in front of other parts of the mesh are
    none.

    Convention: as in `rasterize`; distances are in pixels between pixel centres and projected edges.

    Args:
        vertices: world vertices; float32 or float64.
        faces: vertex indices of the triangles, of either winding.
        camera: its `size` is the size of the result.
        sigma: softness in pixels; gradients reach three times as far.

    Examples:
        >>> import torch
        >>> from liquidwarp.raster import soft_silhouette
        >>> from liquidwarp.types import Camera
        >>> triangle = torch.tensor([[[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]]], requires_grad=True)
        >>> alpha = soft_silhouette(triangle, torch.tensor([[0, 1, 2]]), Camera.create(8.0, (16, 16)), sigma=0.5)
        >>> alpha.sum().backward()
        >>> bool((triangle.grad[..., 2] < 0).all())  # what is nearer covers more of the picture
        True
    """
    check_positive("sigma", sigma)
    with torch.no_grad():
        mask = rasterize(vertices, faces, camera).mask
    screen = project(camera, vertices)
    alpha = mask.to(screen.dtype)
    for image in range(len(screen)):
        edges = outline_edges(screen[image].detach(), faces, mask[image])
        pixel, edge = _nearest_edges(screen[image].detach(), edges, camera.size, _REACH * sigma)
        distance = _signed_distance(screen[image], edges[edge], pixel, mask[image])
        below = _normal_cdf(screen.new_tensor(-_REACH))
        value = (_normal_cdf(distance / sigma) - below) / (1 - 2 * below)
        place = (torch.full_like(edge, image), pixel[:, 1], pixel[:, 0])
        alpha = alpha.index_put(place, value.clamp(0, 1))
    return alpha


def outline_edges(
    screen: Float[Tensor, "V 3"], faces: Int[Tensor, "F 3"], mask: Bool[Tensor, "H W"]
) -> Int[Tensor, "E 2"]:
    """Return the vertex pairs of the edges on the outline of a covered picture."""
    find = _empty_beyond_compiled if screen.device.type == "cpu" else _empty_beyond
    empty, drawn = find(screen.double(), faces, mask)
    begin, end = faces.long()[:, [1, 2, 0]], faces.long()[:, [2, 0, 1]]
    # An outline edge of a closed mesh appears twice, once for either of its faces; an inner edge near the outline
    # only once.
    count = len(screen)
    key = torch.minimum(begin, end) * count + torch.maximum(begin, end)
    unique, times = key[empty].unique(return_counts=True)
    touched = torch.zeros(count, dtype=torch.bool, device=screen.device)
    touched[unique[times == 1] // count] = True
    uses = key[touched[torch.minimum(begin, end)] & drawn[:, None]]
    uses_of, uses_count = uses.unique(return_counts=True)
    alone = torch.isin(unique, uses_of[uses_count == 1]) & (times == 1)
    chosen = unique[(times > 1) | alone]
    return torch.stack([chosen // count, chosen % count], -1)


def _empty_beyond_compiled(screen: Tensor, faces: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    from liquidwarp.raster import silhouette_kernels

    empty, drawn = torch.empty(faces.shape, dtype=torch.bool), torch.empty(len(faces), dtype=torch.bool)
    triangles = faces.to(torch.int32).contiguous().numpy()
    silhouette_kernels.empty_beyond(
        screen.contiguous().numpy(), triangles, mask.contiguous().numpy(), _OUTWARD, empty.numpy(), drawn.numpy()
    )
    return empty, drawn


def _empty_beyond(screen: Tensor, faces: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Say for the edge opposite each vertex whether the picture is empty just outside it, and which faces count."""
    height, width = mask.shape
    triangles = screen[faces.long()]
    xy = triangles[..., :2]
    u, v = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    drawn = (triangles[..., 2] > 0).all(1) & triangles.isfinite().all(2).all(1) & (area != 0)
    along = xy[:, [2, 0, 1]] - xy[:, [1, 2, 0]]
    outward = torch.stack([along[..., 1], -along[..., 0]], -1) * area.sign()[:, None, None]
    outward = outward / outward.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    probe = (xy[:, [1, 2, 0]] + along / 2 + _OUTWARD * outward).nan_to_num(-1.0)
    inside = (probe >= 0).all(-1) & (probe[..., 0] < width) & (probe[..., 1] < height)
    x, y = probe.where(inside[..., None], torch.zeros_like(probe)).long().unbind(-1)
    return inside & ~mask[y, x] & drawn[:, None], drawn


def _nearest_edges(screen: Tensor, edges: Tensor, size: tuple[int, int], reach: float) -> tuple[Tensor, Tensor]:
    """Return the pixels (x, y) within `reach` of an edge, and the number of the nearest edge of each."""
    from liquidwarp.raster import numba_backend, torch_backend

    ends = screen[edges][..., :2]
    find = numba_backend.nearest_segments if screen.device.type == "cpu" else torch_backend.nearest_segments
    nearest = find(ends.double(), size, reach)
    y, x = (nearest >= 0).nonzero(as_tuple=True)
    return torch.stack([x, y], -1), nearest[y, x].long()


def _signed_distance(screen: Tensor, edges: Tensor, pixel: Tensor, mask: Tensor) -> Tensor:
    """Return the distance from each pixel centre to its edge, positive where the picture is covered."""
    start, along = screen[edges[:, 0], :2], screen[edges[:, 1], :2] - screen[edges[:, 0], :2]
    to = pixel.to(screen) + 0.5 - start
    length = along.square().sum(1).clamp(min=1e-12)
    t = ((to * along).sum(1) / length).clamp(0, 1)
    side = torch.where(mask[pixel[:, 1], pixel[:, 0]], 1.0, -1.0).to(screen)
    cross = (along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]) / length.sqrt()
    across = cross * torch.where(cross.detach() == 0, 1.0, side * cross.detach().sign())
    to_end = (to - t[:, None].detach().round() * along).square().sum(1).clamp(min=1e-12).sqrt() * side
    return torch.where((t > 0) & (t < 1), across, to_end)


def _normal_cdf(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
