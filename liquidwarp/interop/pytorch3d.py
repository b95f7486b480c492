"""Meshes, cameras and rasteriser fragments to and from PyTorch3D.

Convention: PyTorch3D's camera space has +X left, +Y up, +Z away, points are rows (`view = world @ R + T`), and
normalised device coordinates put -1 and 1 on the outer edges of the picture's *shorter* side, +X left and +Y up. World
points stay as they are: which way the world's axes point is a matter of R and T. Both frames are right-handed, so faces
keep their winding. What has pixels starts at the top-left corner in both. No other room knows of this; the
rasteriser's `backend="pytorch3d"` brings its own screen (`raster/pytorch3d_backend.py`).

Everything stays on its device, and gradients flow through it. PyTorch3D has no wheels on PyPI; whoever has built it
imports this module, which imports PyTorch3D when something is asked of it.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.types import Camera, Fragments

_INSIDE = -1.0  # signed squared distance of a pixel to its face's edge: far inside, as for a hard rasteriser


def to_meshes(vertices: Float[Tensor, "B V 3"], faces: Int[Tensor, "F 3"]) -> Any:
    """Return PyTorch3D's `Meshes` of posed bodies.

    Args:
        vertices: in the world, metres, as of `BodyModel.vertices`.
        faces: as `Topology.faces`, the same of every mesh.

    Raises:
        InputError: PyTorch3D is not installed.
    """
    check_shape("vertices", vertices, (None, None, 3))
    check_shape("faces", faces, (None, 3))
    shared = faces.long().to(vertices.device)
    return _theirs("structures").Meshes(verts=list(vertices), faces=[shared] * len(vertices))


def from_meshes(meshes: Any) -> tuple[Float[Tensor, "B V 3"], Int[Tensor, "F 3"]]:
    """Return vertices and faces of PyTorch3D's `Meshes`, to be rasterised or posed here.

    Raises:
        InputError: the meshes have not all the same faces.
    """
    vertices, faces = meshes.verts_list(), meshes.faces_list()
    same = {len(points) for points in vertices}
    if len(same) != 1 or any(not torch.equal(other, faces[0]) for other in faces[1:]):
        raise InputError(f"{len(vertices)} meshes that differ in their faces; give those of one topology together")
    return torch.stack(list(vertices)), faces[0].to(torch.int32)


def to_cameras(camera: Camera) -> Any:
    """Return PyTorch3D's `PerspectiveCameras` (or `OrthographicCameras`) of a camera or of a batch of cameras.

    They are in pixels (`in_ndc=False`), with the size of the picture.

    Raises:
        InputError: PyTorch3D is not installed, or the batch has several axes.
    """
    if len(camera.batch) > 1:
        raise InputError(f"a batch of {camera.batch} cameras; PyTorch3D's have one axis")
    cameras = camera if camera.batch else Camera.stack([camera])
    flip = cameras.rotation.new_tensor([-1.0, -1.0, 1.0])
    renderer = _theirs("renderer")
    kind = renderer.OrthographicCameras if camera.orthographic else renderer.PerspectiveCameras
    return kind(
        focal_length=cameras.focal,
        principal_point=cameras.center,
        R=cameras.rotation.mT * flip,
        T=cameras.translation * flip,
        image_size=cameras.focal.new_tensor(camera.size).expand(len(cameras.focal), 2),
        in_ndc=False,
        device=cameras.focal.device,
    )


def from_cameras(cameras: Any, size: tuple[int, int] | None = None) -> Camera:
    """Return PyTorch3D's `PerspectiveCameras` or `OrthographicCameras` as a batch of cameras.

    Args:
        cameras: in pixels or in normalised device coordinates; by focal lengths or by a matrix `K`.
        size: (height, width) of the picture, if the cameras do not tell.

    Raises:
        InputError: cameras of another kind, of pictures of several sizes, or of an unknown size.
    """
    kind = type(cameras).__name__
    if kind not in ("PerspectiveCameras", "OrthographicCameras"):
        raise InputError(f"{kind} are not read; give PerspectiveCameras or OrthographicCameras")
    height, width = _picture_size(cameras, size)
    rotation = cameras.R
    count, like = len(rotation), rotation
    if getattr(cameras, "K", None) is not None:
        focal = torch.stack([cameras.K[:, 0, 0], cameras.K[:, 1, 1]], -1)
        at = (2, 2) if kind == "PerspectiveCameras" else (3, 3)
        center = torch.stack([cameras.K[:, 0, at[0]], cameras.K[:, 1, at[1]]], -1)
    else:
        focal, center = _pairs(cameras.focal_length, count, like), _pairs(cameras.principal_point, count, like)
    if cameras.in_ndc():
        half = min(height, width) / 2
        focal, center = focal * half, like.new_tensor([width / 2, height / 2]) - center * half
    flip = like.new_tensor([-1.0, -1.0, 1.0])
    turned = (rotation * flip).mT.contiguous()
    return Camera(focal, center, (height, width), turned, cameras.T * flip, kind == "OrthographicCameras")


def to_fragments(fragments: Fragments, num_faces: int) -> Any:
    """Return PyTorch3D's rasteriser `Fragments` (one face a pixel), for its shaders.

    Faces are numbered through the batch, as there. Distances to the edges of faces are not known here: every pixel of a
    face counts as well inside, so that soft shaders see hard edges.

    Args:
        fragments: from `raster.rasterize`.
        num_faces: of each mesh, `len(faces)`.

    Raises:
        InputError: PyTorch3D is not installed, or a face beyond `num_faces`.
    """
    index = fragments.face_index.long()
    if index.numel() and int(index.max()) >= num_faces:
        raise InputError(f"fragments name face {int(index.max())} of {num_faces}; give the number of faces of a mesh")
    first = torch.arange(len(index), device=index.device)[:, None, None] * num_faces
    hit = fragments.mask
    none = fragments.depth.new_tensor(-1.0)
    return _theirs("renderer.mesh.rasterizer").Fragments(
        pix_to_face=torch.where(hit, index + first, -1)[..., None],
        zbuf=torch.where(hit, fragments.depth, none)[..., None],
        bary_coords=torch.where(hit[..., None], fragments.bary, none)[..., None, :],
        dists=torch.full_like(fragments.depth, _INSIDE)[..., None],
    )


def from_fragments(fragments: Any, num_faces: int) -> Fragments:
    """Return the nearest faces of PyTorch3D's rasteriser `Fragments`.

    Args:
        fragments: rasterised with perspective-correct weights (the default under a perspective camera).
        num_faces: of each mesh, all of which have as many.

    Raises:
        InputError: a face beyond the batch's.
    """
    found = fragments.pix_to_face[..., 0]
    hit = found >= 0
    first = torch.arange(len(found), device=found.device)[:, None, None] * num_faces
    local = found - first
    if bool((hit & ((local < 0) | (local >= num_faces))).any()):
        raise InputError(f"fragments name faces beyond {num_faces} a mesh; give the number of faces of each mesh")
    weights = fragments.bary_coords[..., 0, :]
    weights = weights / torch.where(hit, weights.sum(-1), 1.0).to(weights)[..., None]  # theirs do not sum to 1
    depth = fragments.zbuf[..., 0]
    return Fragments(
        torch.where(hit, local, -1).to(torch.int32),
        torch.where(hit[..., None], weights, torch.zeros_like(weights)),
        torch.where(hit, depth, torch.full_like(depth, torch.inf)),
    )


def _picture_size(cameras: Any, size: tuple[int, int] | None) -> tuple[int, int]:
    if size is not None:
        return size
    told = getattr(cameras, "image_size", None)
    if told is None or not bool((told > 0).all()):
        raise InputError("the cameras do not tell the size of the picture; give size=(height, width)")
    sizes = {(int(height), int(width)) for height, width in told.reshape(-1, 2).tolist()}
    if len(sizes) != 1:
        raise InputError(f"cameras of pictures of {len(sizes)} sizes; a batch is of one")
    return sizes.pop()


def _pairs(value: Tensor, count: int, like: Tensor) -> Float[Tensor, "B 2"]:
    """Lay out what PyTorch3D keeps as one number, one per camera, or two per camera."""
    value = value.to(like)
    return (value[..., None] if value.dim() < 2 else value).expand(count, 2)


def _theirs(module: str) -> ModuleType:
    """Return a module of PyTorch3D; say in words where it is not there."""
    try:
        return import_module(f"pytorch3d.{module}")
    except ImportError as error:
        raise InputError(
            "this needs PyTorch3D, which is not installed (it has no wheels on PyPI: build it from "
            "https://github.com/facebookresearch/pytorch3d)"
        ) from error
