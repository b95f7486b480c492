"""Conversions to and from PyTorch3D: with a stand-in of its classes, and with itself where it is installed."""

import importlib.util
from collections.abc import Iterator

import pytest
import pytorch3d_stand_in as theirs
import torch

from liquidwarp.errors import InputError
from liquidwarp.geometry import axis_angle_to_matrix, project
from liquidwarp.interop import pytorch3d as interop
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera, Fragments

REAL = importlib.util.find_spec("pytorch3d") is not None
RANDOM = torch.Generator().manual_seed(0)
POINTS = torch.rand(2, 6, 3, generator=RANDOM) * 2 - 1 + torch.tensor([0.0, 0.0, 4.0])
SIZES = [(48, 64), (64, 48), (50, 50)]


@pytest.fixture
def stood_in() -> Iterator[None]:
    """PyTorch3D's classes are those of the stand-in."""
    with theirs.installed():
        yield


def cameras(size: tuple[int, int], *, orthographic: bool = False) -> Camera:
    turns = axis_angle_to_matrix(torch.tensor([[0.3, -0.2, 0.1], [-0.5, 0.4, 0.2]]))
    focal = torch.tensor([[40.0, 44.0], [60.0, 55.0]])
    center = torch.tensor([[20.0, 31.0], [25.0, 22.5]])
    return Camera(focal, center, size, turns, torch.tensor([[0.1, -0.2, 0.3], [0.0, 0.4, 1.0]]), orthographic)


@pytest.mark.usefixtures("stood_in")
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_both_see_a_point_at_one_pixel(size: tuple[int, int], orthographic: bool) -> None:
    camera = cameras(size, orthographic=orthographic)
    made = interop.to_cameras(camera)
    assert type(made).__name__ == ("OrthographicCameras" if orthographic else "PerspectiveCameras")
    torch.testing.assert_close(made.transform_points_screen(POINTS, size), project(camera, POINTS))
    back = interop.from_cameras(made)
    assert (back.size, back.orthographic, back.batch) == (size, orthographic, (2,))
    for name in ("focal", "center", "rotation", "translation"):
        torch.testing.assert_close(getattr(back, name), getattr(camera, name))


@pytest.mark.parametrize("kind", ["PerspectiveCameras", "OrthographicCameras"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lens", ["ndc", "ndc, one number", "ndc, matrix", "pixels", "pixels, matrix"])
def test_cameras_of_every_description_are_read(kind: str, size: tuple[int, int], lens: str) -> None:
    focal, center = torch.tensor([[1.4, 1.7], [2.0, 1.1]]), torch.tensor([[0.2, -0.1], [0.0, 0.3]])
    if "pixels" in lens:
        focal, center = focal * 20, center * 20 + 20
    matrix = torch.zeros(2, 4, 4)
    matrix[:, [0, 1], [0, 1]] = focal
    matrix[:, [0, 1], [3, 3] if kind == "OrthographicCameras" else [2, 2]] = center
    given = {"focal_length": 1.5} if "number" in lens else {"focal_length": focal, "principal_point": center}
    given = {"K": matrix} if "matrix" in lens else given
    pose = cameras(size)
    made = getattr(theirs, kind)(
        R=pose.rotation.mT.contiguous(), T=pose.translation + torch.tensor([0, 0, 2.0]), in_ndc="ndc" in lens, **given
    )
    with pytest.raises(InputError, match=r"do not tell the size of the picture; give size=\(height, width\)"):
        interop.from_cameras(made)
    camera = interop.from_cameras(made, size)
    torch.testing.assert_close(
        project(camera, POINTS), made.transform_points_screen(POINTS, size), rtol=1e-4, atol=1e-4
    )


@pytest.mark.usefixtures("stood_in")
def test_a_single_camera_and_gradients() -> None:
    camera = Camera.create(50.0, (40, 30))
    place = torch.zeros(3, requires_grad=True)
    made = interop.to_cameras(Camera(camera.focal, camera.center, camera.size, camera.rotation, place))
    assert made.image_size.tolist() == [[40.0, 30.0]]
    made.T.sum().backward()
    assert place.grad is not None
    assert place.grad.tolist() == [-1.0, -1.0, 1.0]


@pytest.mark.usefixtures("stood_in")
def test_meshes_there_and_back() -> None:
    body = toy_body()
    vertices = torch.stack([body.identity(torch.full((4,), amount)).vertices for amount in (0.0, 0.5)])
    made = interop.to_meshes(vertices, body.topology.faces)
    assert all(face.dtype == torch.int64 for face in made.faces_list())
    again, faces = interop.from_meshes(made)
    assert torch.equal(again, vertices)
    assert torch.equal(faces, body.topology.faces)
    other = theirs.Meshes(list(vertices), [faces.long(), faces.long().flip(0)])
    with pytest.raises(InputError, match="2 meshes that differ in their faces"):
        interop.from_meshes(other)


@pytest.mark.usefixtures("stood_in")
def test_fragments_there_and_back() -> None:
    body = toy_body()
    vertices = body.identity(torch.zeros(4)).vertices.expand(2, -1, -1) + torch.tensor([[[0, 0, 3.0]], [[0.3, 0, 4.0]]])
    count = len(body.topology.faces)
    found = rasterize(vertices, body.topology.faces, Camera.create(60.0, (40, 30)))
    made = interop.to_fragments(found, count)
    hit = found.mask[..., None]
    assert made.pix_to_face.shape == made.zbuf.shape == made.dists.shape == (2, 40, 30, 1)
    assert made.pix_to_face.dtype == torch.int64
    assert torch.equal(made.pix_to_face[1][hit[1]] - count, found.face_index[1][found.mask[1]].long())
    assert set(made.pix_to_face[~hit].tolist()) == set(made.zbuf[~hit].tolist()) == {-1}
    assert made.bary_coords.shape == (2, 40, 30, 1, 3)
    deeper = theirs.Fragments(*(torch.cat([part, part * 0 - 1], 3) for part in vars(made).values()))  # K = 2
    for given in (made, deeper):
        back = interop.from_fragments(given, count)
        assert torch.equal(back.face_index, found.face_index)
        torch.testing.assert_close(back.bary, found.bary)
        assert torch.equal(back.depth, found.depth)
    for refused in (lambda: interop.to_fragments(found, 10), lambda: interop.from_fragments(made, 10)):
        with pytest.raises(InputError, match="give the number of faces of"):
            refused()


def test_weights_that_do_not_sum_to_one() -> None:
    given = theirs.Fragments(
        torch.tensor([[[[0], [-1]]]]),
        torch.tensor([[[[2.0], [-1.0]]]]),
        torch.tensor([[[[[0.5, 0.2, 0.1]], [[-1.0, -1.0, -1.0]]]]]),
        None,
    )
    found = interop.from_fragments(given, 1)
    torch.testing.assert_close(found.bary[0, 0], torch.tensor([[0.625, 0.25, 0.125], [0.0, 0.0, 0.0]]))
    assert found.depth[0, 0].tolist() == [2.0, torch.inf]


def test_cameras_of_other_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="FoVPerspectiveCameras are not read; give PerspectiveCameras"):
        interop.from_cameras(theirs.FoVPerspectiveCameras())
    two = theirs.PerspectiveCameras(R=torch.eye(3).expand(2, 3, 3), image_size=torch.tensor([[4.0, 5.0], [5.0, 4.0]]))
    with pytest.raises(InputError, match="cameras of pictures of 2 sizes"):
        interop.from_cameras(two)


@pytest.mark.skipif(REAL, reason="PyTorch3D is installed")
def test_it_is_said_that_pytorch3d_is_not_installed() -> None:
    body = toy_body()
    nothing = Fragments(torch.full((1, 2, 2), -1, dtype=torch.int32), torch.zeros(1, 2, 2, 3), torch.ones(1, 2, 2))
    for make in (
        lambda: interop.to_cameras(Camera.create(2.0, (2, 2))),
        lambda: interop.to_meshes(body.identity(torch.zeros(4)).vertices[None], body.topology.faces),
        lambda: interop.to_fragments(nothing, 1),
    ):
        with pytest.raises(InputError, match="this needs PyTorch3D, which is not installed"):
            make()


@pytest.mark.skipif(not REAL, reason="PyTorch3D is not installed")
@pytest.mark.parametrize("size", SIZES)
def test_the_real_one_sees_the_same(size: tuple[int, int]) -> None:
    from pytorch3d.renderer import MeshRasterizer, RasterizationSettings

    camera = cameras(size)
    made = interop.to_cameras(camera)
    seen = made.transform_points_screen(POINTS, image_size=torch.tensor([size, size]))
    torch.testing.assert_close(seen[..., :2], project(camera, POINTS)[..., :2], rtol=1e-4, atol=1e-3)
    body = toy_body()
    vertices = body.identity(torch.zeros(4)).vertices.expand(2, -1, -1) + torch.tensor([0.0, 0.0, 4.0])
    settings = RasterizationSettings(image_size=size, perspective_correct=True)
    drawn = MeshRasterizer(made, settings)(interop.to_meshes(vertices, body.topology.faces))
    there, here = (
        interop.from_fragments(drawn, len(body.topology.faces)),
        rasterize(vertices, body.topology.faces, camera),
    )
    assert float((there.face_index != here.face_index).float().mean()) < 0.01
