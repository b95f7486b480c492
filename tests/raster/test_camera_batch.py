"""A camera for each mesh: the same as one after the other."""

import pytest
import torch
from raster_meshes import ellipsoid, soup

from liquidwarp.errors import InputError
from liquidwarp.flow import project_normalized, rasterize_flow, visibility
from liquidwarp.geometry import look_at_camera
from liquidwarp.mesh import vertex_facing
from liquidwarp.raster import rasterize, soft_silhouette
from liquidwarp.types import Camera

PIVOT = torch.tensor([0.0, 0.0, 3.0])


def cameras(orthographic: bool = False) -> list[Camera]:
    base = Camera.create(20.0 if orthographic else 60.0, (48, 40), orthographic=orthographic)
    return [look_at_camera(base, PIVOT, azimuth=azimuth, elevation=0.2) for azimuth in (0.3, -1.2)]


@pytest.mark.parametrize("backend", ["numba", "torch", "reference"])
@pytest.mark.parametrize("orthographic", [False, True])
def test_each_mesh_has_its_camera(backend: str, orthographic: bool) -> None:
    vertices, faces = soup(5) if backend == "reference" else ellipsoid(10, 12)
    vertices = vertices.expand(2, -1, -1)
    single = cameras(orthographic)
    together = rasterize(vertices, faces, Camera.stack(single), backend=backend)
    for index, camera in enumerate(single):
        alone = rasterize(vertices[index : index + 1], faces, camera, backend=backend)
        assert alone.mask.any()
        assert torch.equal(together.face_index[index], alone.face_index[0])
        torch.testing.assert_close(together.bary[index], alone.bary[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(together.depth[index], alone.depth[0], atol=1e-5, rtol=0)


def test_gradients_too() -> None:
    vertices, faces = ellipsoid(6, 8)
    gradients = []
    for given in (Camera.stack(cameras()), None):
        leaf = vertices.repeat(2, 1, 1).requires_grad_()
        if given is None:
            parts = [rasterize(leaf[i : i + 1], faces, camera).bary for i, camera in enumerate(cameras())]
            torch.cat(parts).square().sum().backward()
        else:
            rasterize(leaf, faces, given).bary.square().sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-3)


def test_what_is_made_of_it_takes_them_as_well() -> None:
    vertices, faces = ellipsoid(10, 12)
    vertices = vertices.repeat(2, 1, 1)
    single = cameras()
    batch = Camera.stack(single)
    xy, depth = project_normalized(batch, vertices)
    index, flow = rasterize_flow(vertices, faces, batch, xy)
    seen = visibility(vertices, faces, batch, resolution=(96, 80))
    facing = vertex_facing(vertices, faces, batch)
    soft = soft_silhouette(vertices, faces, batch, sigma=1.0)
    for number, camera in enumerate(single):
        own = vertices[number : number + 1]
        own_xy, own_depth = project_normalized(camera, own)
        torch.testing.assert_close(xy[number], own_xy[0])
        torch.testing.assert_close(depth[number], own_depth[0])
        own_index, own_flow = rasterize_flow(own, faces, camera, own_xy)
        assert torch.equal(index[number], own_index[0])
        torch.testing.assert_close(flow.grid[number], own_flow.grid[0], atol=1e-5, rtol=0)
        own_seen = visibility(own, faces, camera, resolution=(96, 80))
        assert torch.equal(seen.face[number], own_seen.face[0])
        assert torch.equal(seen.vertex[number], own_seen.vertex[0])
        torch.testing.assert_close(facing[number], vertex_facing(own, faces, camera)[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(soft[number], soft_silhouette(own, faces, camera, sigma=1.0)[0], atol=1e-4, rtol=0)
    assert seen.face.any()


def test_too_many_or_too_few_cameras_are_refused() -> None:
    vertices, faces = ellipsoid(6, 8)
    with pytest.raises(InputError, match=r"no set of points for each of a batch of \(2,\) cameras"):
        rasterize(vertices, faces, Camera.stack(cameras()))
