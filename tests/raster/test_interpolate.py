"""Values of vertices at pixels: against a loop, with gradients, and as normals."""

import pytest
import torch
from raster_meshes import ellipsoid, soup

from liquidwarp.errors import InputError
from liquidwarp.geometry import default_camera, look_at_camera
from liquidwarp.mesh import vertex_normals
from liquidwarp.raster import interpolate, interpolate_at, pixel_normals, rasterize
from liquidwarp.types import Camera, Fragments

SIZE = (12, 17)


def seen(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, Fragments]:
    vertices, faces = soup(3)
    vertices = vertices.to(dtype)
    return vertices, faces, rasterize(vertices, faces, Camera.create(8.0, SIZE))


def random(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("shared", [True, False])
def test_it_is_the_weighted_mean_of_three_vertices(shared: bool) -> None:
    _, faces, fragments = seen()
    attributes = random(40, 5) if shared else random(2, 40, 5)
    found = interpolate(fragments, faces, attributes, background=-7)
    assert found.shape == (2, *SIZE, 5)
    assert 20 < int(fragments.mask.sum()) < 2 * SIZE[0] * SIZE[1]
    for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in fragments.face_index.shape)).tolist():
        face = int(fragments.face_index[b, y, x])
        own = attributes if shared else attributes[b]
        wanted = fragments.bary[b, y, x] @ own[faces[face].long()] if face >= 0 else torch.full((5,), -7.0)
        torch.testing.assert_close(found[b, y, x], wanted, atol=1e-5, rtol=1e-5)


def test_the_vertices_themselves_come_back_at_their_depth() -> None:
    vertices, faces, fragments = seen()
    depth = interpolate(fragments, faces, vertices)[..., 2]
    torch.testing.assert_close(depth[fragments.mask], fragments.depth[fragments.mask], atol=1e-4, rtol=1e-4)
    assert not depth[~fragments.mask].any()


def test_corners_may_have_an_index_of_their_own() -> None:
    _, faces, fragments = seen()
    texture, corner_of = random(3 * len(faces), 2), torch.arange(3 * len(faces)).view(-1, 3)
    again = interpolate(fragments, corner_of, texture[corner_of.flatten()])
    assert torch.equal(again, interpolate(fragments, corner_of, texture))
    plain = random(40, 2)
    torch.testing.assert_close(
        interpolate(fragments, corner_of, plain[faces.long().flatten()]), interpolate(fragments, faces, plain)
    )


def test_gradients_reach_values_and_weights() -> None:
    _, faces, fragments = seen(torch.float64)
    attributes = random(2, 40, 2, dtype=torch.float64).requires_grad_()
    bary = fragments.bary.clone().requires_grad_()

    def call(attributes: torch.Tensor, bary: torch.Tensor) -> torch.Tensor:
        return interpolate(Fragments(fragments.face_index, bary, fragments.depth), faces, attributes, background=2)

    assert torch.autograd.gradcheck(call, (attributes, bary))
    assert torch.autograd.gradcheck(call, (attributes[0].detach().requires_grad_(), bary))


def test_gradients_reach_the_vertices() -> None:
    vertices = torch.tensor([[[-0.5, -0.4, 1.9], [0.6, -0.5, 2.3], [0.1, 0.7, 2.0]]], dtype=torch.float64)
    faces, values = torch.tensor([[0, 1, 2]]), torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.float64)
    view = Camera.create(5.0, (7, 6))
    assert torch.autograd.gradcheck(
        lambda v: interpolate(rasterize(v, faces, view), faces, values),
        (vertices.requires_grad_(),),
        eps=1e-7,
        atol=1e-5,
    )


def test_an_empty_picture_is_background() -> None:
    vertices, faces, _ = seen()
    nothing = rasterize(vertices + 100, faces, Camera.create(8.0, SIZE))
    assert torch.equal(interpolate(nothing, faces, vertices, background=3), torch.full((2, *SIZE, 3), 3.0))


def test_single_points_are_those_of_the_picture() -> None:
    vertices, faces, fragments = seen()
    row, column = fragments.mask[1].nonzero(as_tuple=True)
    points = interpolate_at(fragments.face_index[1, row, column], fragments.bary[1, row, column], faces, vertices[1])
    assert torch.equal(points, interpolate(fragments, faces, vertices)[1, row, column])


def test_sets_that_do_not_fit_are_refused() -> None:
    vertices, faces, fragments = seen()
    with pytest.raises(InputError, match="attributes has batch 1, the fragments have 2; give one set, or as many"):
        interpolate(fragments, faces, vertices[:1])


@pytest.mark.parametrize("batched", [True, False])
def test_normals_of_pixels_turn_with_the_camera(batched: bool) -> None:
    vertices, faces = ellipsoid(14, 16)
    vertices = vertices.repeat(2, 1, 1)
    pivot = torch.tensor([0.0, 0.0, 3.0])
    cameras = [look_at_camera(default_camera((60, 50)), pivot, azimuth=angle, elevation=0.3) for angle in (0.4, -1.0)]
    camera = Camera.stack(cameras) if batched else cameras[0]
    fragments = rasterize(vertices, faces, camera)
    found = pixel_normals(fragments, vertices, faces, camera)
    assert found.shape == (2, 3, 60, 50)
    for index in range(2):
        own = cameras[index] if batched else cameras[0]
        mask, normals = fragments.mask[index], found[index].permute(1, 2, 0)
        assert mask.sum() > 200
        assert (normals[mask][:, 2] < 0.2).all()
        assert not normals[~mask].any()
        torch.testing.assert_close(normals[mask].norm(dim=1), torch.ones(int(mask.sum())))
        world = own.turn_to_world(normals[mask])
        outward = interpolate(fragments, faces, vertex_normals(vertices, faces))[index][mask]
        torch.testing.assert_close(world, torch.nn.functional.normalize(outward, dim=-1), atol=1e-5, rtol=0)


def test_normals_of_pixels_are_the_same_with_and_without_gradients() -> None:
    vertices, faces = ellipsoid(14, 16)
    camera = default_camera((60, 50))
    fragments = rasterize(vertices, faces, camera)
    leaf = vertices.clone().requires_grad_()
    slow = pixel_normals(fragments, leaf, faces, camera)
    torch.testing.assert_close(slow.detach(), pixel_normals(fragments, vertices, faces, camera), atol=1e-6, rtol=0)
    slow.sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0
