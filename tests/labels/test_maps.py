"""Maps of parts and classes, and the windows that networks look through."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.parts import part_labels
from liquidwarp.errors import InputError
from liquidwarp.geometry import default_camera
from liquidwarp.labels import (
    CropWindow,
    body_skeleton,
    class_map,
    foreground_of,
    mesh_label,
    one_hot,
    part_chart,
    part_map,
    person_window,
    strict_label,
)
from liquidwarp.labels.parts import PART_GROUPS, part_numbers
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera, Pose

SIZE = (128, 64)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


def standing(body: BodyModel, turn: float) -> tuple[torch.Tensor, Pose, Camera]:
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 0, 1] = turn
    orient, pose = body.expand_pose(canonical)
    place, betas = torch.tensor([[0.0, 0.1, 3.2]]), torch.zeros(body.num_betas)
    camera = default_camera((256, 256))
    skeleton = body_skeleton(body, betas, Pose(orient[0], pose[0], place[0]), camera)
    window = person_window(skeleton, camera.size, SIZE[1] / SIZE[0])
    return (
        body.vertices(body.identity(betas), orient, pose, place),
        Pose(orient[0], pose[0], place[0]),
        window.camera(camera, SIZE),
    )


@pytest.mark.parametrize(
    ("turn", "shown", "hidden"),
    [(0.0, {2, 9, 10, 13, 14, 23, 24}, {1, 7, 8}), (np.pi, {1, 7, 8, 11, 12, 23, 24}, {2, 9, 10})],
)
def test_parts_are_densepose_s(body: BodyModel, turn: float, shown: set[int], hidden: set[int]) -> None:
    vertices, _, camera = standing(body, turn)
    fragments = rasterize(vertices, body.topology.faces, camera)
    found = part_map(part_chart(body), fragments)
    number = found[2]
    assert torch.equal(number > 0, fragments.mask[0])
    seen = set(number.unique().int().tolist())
    assert shown <= seen
    assert sum(int((number == part).sum()) for part in hidden) < 0.02 * int((number > 0).sum())
    right, left = ((number == part).nonzero()[:, 1].float().mean() for part in (23, 24))
    assert (right < left) == (turn == 0.0), "the right half of the head is the person's"
    assert torch.equal(found, found.round())
    assert float(found[:2].max()) <= 255


def test_coordinates_run_outwards_along_a_limb(body: BodyModel) -> None:
    chart = part_chart(body)
    rest = body.identity(torch.zeros(body.num_betas)).vertices[body.topology.faces.long()]
    assert set(chart.part.tolist()) == set(range(1, 25))
    thigh = torch.isin(body.topology.face_part, torch.tensor(part_labels("left_upper_leg")))
    down, v = rest[thigh][..., 1].flatten(), chart.corners[thigh][..., 1].flatten()
    assert float(torch.corrcoef(torch.stack([down, v]))[0, 1]) > 0.95
    assert sorted(part for group in PART_GROUPS for part in group) == list(range(25))


def test_labels_say_what_is_where(body: BodyModel) -> None:
    vertices, _, camera = standing(body, 0.3)
    fragments = rasterize(vertices, body.topology.faces, camera)
    parts, drawing = part_map(part_chart(body), fragments), torch.full((3, *SIZE), 255.0)
    whole, faceless = (strict_label(parts, drawing, face=face) for face in (True, False))
    head = (parts[2] == 23) | (parts[2] == 24)
    assert torch.equal(part_numbers(whole), parts[2])
    assert (faceless[:3, head] == -1).all()
    assert torch.equal(faceless[:, ~head], whole[:, ~head])
    assert (whole[3:] == 1).all()
    assert (whole[:3, ~fragments.mask[0]] == -1).all()
    wide = foreground_of(parts[2:])[0] > 0
    assert (wide[0] | ~fragments.mask[0]).all()
    rich = mesh_label(parts, fragments, vertices[0], body.topology.faces, camera)
    torch.testing.assert_close(rich[:3], whole[:3])
    torch.testing.assert_close(rich[3:].norm(dim=0), fragments.mask[0].float())


def test_a_window_is_put_back_where_it_was_cut() -> None:
    picture = torch.rand(3, 40, 30)
    for window in (CropWindow(5, 6, 20, 10), CropWindow(-4, 30, 20, 10)):
        part = window.cut(picture, (20, 10))
        torch.testing.assert_close(window.paste(part, picture), picture)
        assert (window.paste(0 * part, picture) == 0).any()


def test_a_window_is_scaled_about_its_middle() -> None:
    window = CropWindow(10, 20, 8, 4)
    assert window.scaled(1.0) == window
    assert window.scaled(1.5) == CropWindow(9, 18, 12, 6)
    assert window.scaled(0.5, (1.0, -0.5)) == CropWindow(13, 20, 4, 2)
    assert window.scaled(0.01) == CropWindow(12, 24, 1, 1)


def test_a_window_shows_what_its_camera_sees(body: BodyModel) -> None:
    vertices, _, _ = standing(body, 0.0)
    covered = rasterize(vertices, body.topology.faces, default_camera((256, 256))).mask.float()
    window = CropWindow(64, 0, 256, 128)
    cut = window.cut(covered, SIZE)[0] > 0.5
    seen = rasterize(vertices, body.topology.faces, window.camera(default_camera((256, 256)), SIZE)).mask[0]
    assert float((cut ^ seen).float().sum()) < 0.05 * float(seen.sum())


def test_classes_are_read_as_they_are(tmp_path: Path) -> None:
    ids = np.array([[7, 8, 11], [33, 0, 24]], np.uint8)
    grey, palette, colour = (tmp_path / name for name in ("grey.png", "palette.png", "colour.png"))
    Image.fromarray(ids).save(grey)
    indexed = Image.new("P", (3, 2))
    indexed.putpalette([200, 10, 10] * 256)
    indexed.putdata(ids.flatten().tolist())
    indexed.save(palette)
    Image.fromarray(np.stack([ids, 0 * ids, ids], -1)).save(colour)
    np.testing.assert_array_equal(class_map(grey, 20, numbering="cityscapes"), [[0, 1, 2], [17, 19, 10]])
    np.testing.assert_array_equal(class_map(palette, 34), ids)
    with pytest.raises(InputError, match="holds class 33, but the network knows 20"):
        class_map(grey, 20)
    with pytest.raises(InputError, match="coloured picture"):
        class_map(colour, 34)
    Image.fromarray(ids + 10).save(grey)
    with pytest.raises(InputError, match="holds 43, but Cityscapes' ids end at 34"):
        class_map(grey, 20, numbering="cityscapes")
    channels = one_hot(np.array([[0, 1], [2, 2]], np.uint8), 3, (4, 4))
    assert torch.equal(channels.sum(0), torch.ones(4, 4))
    assert channels.argmax(0).tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 2], [2, 2, 2, 2]]
