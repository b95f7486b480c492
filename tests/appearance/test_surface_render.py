"""The surface renderer: what the photo shows stays the photo's; no part wears another's colours."""

import numpy as np
import pytest
import torch

from liquidwarp.appearance import (
    Observation,
    appearance_from_observations,
    dress,
    fuse_appearances,
    render_surface,
)
from liquidwarp.appearance.layers import (
    FILLED,
    HANDS,
    SEEN,
    TORSO,
    continue_picture,
    repeat_picture,
    without_arm_shadows,
)
from liquidwarp.bodies.parts import part_labels
from liquidwarp.geometry import default_camera, look_at_camera
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body

SIZE = (192, 192)
PLACE = torch.tensor([[0.0, 0.0, 3.2]])
RED, BLUE = (220, 30, 30), (30, 30, 220)


@pytest.fixture(scope="module")
def body():
    return toy_body()


def posed(body, canonical=None):
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3) if canonical is None else canonical)
    return body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, PLACE)[0]


def painted(body, vertices, colours, camera):
    """Paint each face with the colour of its part; return the picture and where the body is."""
    fragments = rasterize(vertices[None], body.topology.faces, camera)
    index = fragments.face_index[0].numpy()
    picture = np.full((*SIZE, 3), 200, np.uint8)
    picture[index >= 0] = colours[body.topology.face_part.numpy()[index[index >= 0]]]
    return picture, index >= 0


def part_colours(names, inside, outside):
    colours = np.tile(np.array(outside, np.uint8), (16, 1))
    colours[list(part_labels(names))] = inside
    return colours


def arm_before_trunk():
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 16] = torch.tensor([0.0, 0.6, 0.9])
    canonical[0, 18] = torch.tensor([0.0, 1.6, 0.0])
    return canonical


def look(body, vertices, colours):
    camera = default_camera(SIZE)
    picture, mask = painted(body, vertices, colours, camera)
    return appearance_from_observations(
        body.topology, [Observation(picture, mask.astype(np.float32), camera, vertices)]
    ), picture


def test_the_photo_s_own_view_is_the_photo(body):
    vertices = posed(body)
    rng = np.random.default_rng(0)
    appearance, picture = look(body, vertices, rng.integers(40, 220, (16, 3)).astype(np.uint8))
    drawn = render_surface(appearance, body.topology, vertices, default_camera(SIZE))
    solid = (drawn.alpha > 0.999) & (drawn.coverage == SEEN)
    assert solid.sum() > 1500
    difference = np.abs(drawn.rgb * 255 - picture)[solid]
    assert np.median(difference) < 1
    assert (difference.max(-1) < 8).mean() > 0.9


def test_an_arm_leaves_no_ghost_on_the_trunk(body):
    names = ("left_upper_arm", "left_lower_arm", "left_hand")
    colours = np.tile(np.array(BLUE, np.uint8), (16, 1))
    for name in names:
        colours[list(part_labels(name))] = RED
    crossed = posed(body, arm_before_trunk())
    appearance, picture = look(body, crossed, colours)
    trunk_faces = torch.from_numpy(np.isin(body.topology.face_part.numpy(), part_labels("torso")))
    assert (picture[..., 0] > 200).sum() > 50, "the arm must be in the picture"
    apart = posed(body)
    drawn = render_surface(appearance, body.topology, apart, default_camera(SIZE))
    index = rasterize(apart[None], body.topology.faces, default_camera(SIZE)).face_index[0]
    on_trunk = ((index >= 0) & trunk_faces[index.long().clamp_min(0)]).numpy() & (drawn.alpha > 0.999)
    assert on_trunk.sum() > 500
    reddish = (drawn.rgb[..., 0] > drawn.rgb[..., 2])[on_trunk]
    assert reddish.mean() < 0.01


def test_a_hand_that_lies_beside_the_mesh_hand_leaves_hardly_a_ghost_on_the_thigh(body):
    size = (384, 384)
    camera = default_camera(size)
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 16, 2], canonical[0, 17, 2] = 1.25, -1.25
    hanging, apart = posed(body, canonical), posed(body)

    def parts(vertices):
        index = rasterize(vertices[None], body.topology.faces, camera).face_index[0].numpy()
        return np.where(index >= 0, body.topology.face_part.numpy()[index.clip(0)], -1)

    part = parts(hanging)
    person = part >= 0
    arm = np.isin(part, [*part_labels("left_hand"), *part_labels("left_lower_arm")])
    picture = np.full((*size, 3), 200, np.uint8)
    picture[person] = BLUE
    picture[np.roll(arm, 4, axis=1) & person] = RED  # 1.3% of the body's height
    appearance = appearance_from_observations(
        body.topology, [Observation(picture, person.astype(np.float32), camera, hanging)]
    )
    drawn = render_surface(appearance, body.topology, apart, camera)
    covered = np.isin(parts(apart), [*part_labels("torso"), *part_labels("left_upper_leg")]) & (drawn.alpha > 0.999)
    assert covered.sum() > 5000
    assert (drawn.rgb[..., 0] > drawn.rgb[..., 2])[covered].sum() < 15  # 40 where the margin is not kept


def test_the_back_of_the_head_has_no_face(body):
    vertices = posed(body)
    appearance, _ = look(body, vertices, part_colours("face", RED, BLUE))
    camera = default_camera(SIZE)
    behind = look_at_camera(camera, PLACE[0], azimuth=np.pi)
    drawn = render_surface(appearance, body.topology, vertices, behind)
    solid = drawn.alpha > 0.999
    assert solid.sum() > 1500
    index = rasterize(vertices[None], body.topology.faces, behind).face_index[0].numpy()
    part = body.topology.face_part.numpy()[index.clip(0)]
    hands = np.isin(part, [*part_labels("left_hand"), *part_labels("right_hand")])  # of a few pixels: skin, by design
    assert (drawn.rgb[..., 0] > drawn.rgb[..., 2])[solid & ~hands].mean() < 0.001
    assert (drawn.coverage[solid] == FILLED).mean() > 0.8


def test_dress_takes_the_named_faces_and_no_others(body):
    vertices = posed(body)
    red, _ = look(body, vertices, part_colours("all", RED, RED))
    blue, _ = look(body, vertices, part_colours("all", BLUE, BLUE))
    drawn = render_surface(dress(body.topology, red, {"lower": blue}), body.topology, vertices, default_camera(SIZE))
    index = rasterize(vertices[None], body.topology.faces, default_camera(SIZE)).face_index[0].numpy()
    lower = np.isin(body.topology.face_part.numpy()[index.clip(0)], part_labels("lower")) & (index >= 0)
    solid = drawn.alpha > 0.999
    is_blue = drawn.rgb[..., 2] > drawn.rgb[..., 0]
    assert (is_blue == lower)[solid].mean() > 0.97  # a pixel on the border holds samples of both


def test_what_one_photo_saw_wins_over_what_another_invented(body):
    vertices = posed(body)
    camera = default_camera(SIZE)
    behind = look_at_camera(camera, PLACE[0], azimuth=np.pi)
    front, _ = look(body, vertices, part_colours("all", RED, RED))
    picture, mask = painted(body, vertices, part_colours("all", BLUE, BLUE), behind)
    back = appearance_from_observations(
        body.topology, [Observation(picture, mask.astype(np.float32), behind, vertices)]
    )
    for order in ([front, back], [back, front]):
        both = fuse_appearances(order)
        seen = [render_surface(both, body.topology, vertices, view) for view in (camera, behind)]
        reds = [(s.rgb[..., 0] > s.rgb[..., 2])[s.alpha > 0.999].mean() for s in seen]
        assert reds[0] > 0.85  # neither sees the rim squarely: it is the first one's
        assert reds[1] < 0.1


def test_supersampling_changes_edges_only(body):
    vertices = posed(body)
    appearance, _ = look(body, vertices, part_colours("all", RED, RED))
    one, three = (
        render_surface(appearance, body.topology, vertices, default_camera(SIZE), supersample=n, rim=0.0)
        for n in (1, 3)
    )
    assert one.alpha.sum() == pytest.approx(three.alpha.sum(), rel=0.01)
    inside = (one.alpha == 1) & (three.alpha == 1)
    assert np.abs(one.rgb - three.rgb)[inside].max() < 0.05


def test_any_number_of_threads_gives_the_same_bytes(body, monkeypatch):
    vertices, camera = posed(body), default_camera((64, 48))
    appearance, _ = look(body, vertices, part_colours("head", RED, BLUE))
    pictures = []
    for run in (lambda serial, _, *given: serial(*given), lambda _, parallel, *given: parallel(*given)):
        monkeypatch.setattr("liquidwarp.appearance.shade.run_kernel", run)
        pictures.append(render_surface(appearance, body.topology, vertices, camera))
    for name in ("rgb", "alpha", "coverage"):
        assert np.array_equal(getattr(pictures[0], name), getattr(pictures[1], name)), name


def test_before_a_ground_is_alpha_over_everywhere(body):
    vertices = posed(body)
    appearance, _ = look(body, vertices, part_colours("head", RED, BLUE))
    drawn = render_surface(appearance, body.topology, vertices, default_camera((64, 48)))
    ground = np.random.default_rng(0).random((64, 48, 3), np.float32)
    kept = ground.copy()
    assert np.array_equal(drawn.over(ground), drawn.rgb + (1 - drawn.alpha[..., None]) * ground)
    assert np.array_equal(ground, kept)


def test_a_body_outside_the_picture_draws_nothing(body):
    vertices = posed(body) + torch.tensor([50.0, 0.0, 0.0])
    appearance, _ = look(body, posed(body), part_colours("all", RED, RED))
    assert render_surface(appearance, body.topology, vertices, default_camera(SIZE)).alpha.max() == 0


def test_continue_picture_keeps_what_is_known_and_invents_no_colour():
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[10:30, 10:30] = (90, 140, 60)
    known = np.zeros((40, 40), bool)
    known[10:30, 10:30] = True
    filled = continue_picture(picture, known)
    assert np.abs(filled.astype(int) - (90, 140, 60)).max() <= 1


def test_repeat_picture_runs_to_and_fro() -> None:
    picture = np.zeros((40, 6, 3), np.uint8)
    picture[:10] = np.arange(10, dtype=np.uint8)[:, None, None]
    known = np.zeros((40, 6), bool)
    known[:10] = True
    down = repeat_picture(picture, known, ~known, 4.0, np.inf).reshape(30, 6, 3)
    assert (down == down[:, :1, :1]).all()
    assert down[:9, 0, 0].tolist() == [8, 7, 6, 5, 6, 7, 8, 9, 8]
    faded = repeat_picture(picture, known, ~known, 4.0, 2.0).reshape(30, 6, 3)
    assert np.ptp(faded[20:]) == 0
    assert 6 <= faded[-1, 0, 0] <= 8


def test_a_dark_line_along_an_arm_is_not_believed():
    known = np.zeros((60, 60), bool)
    known[10:50, 20:40] = True
    labels = np.where(known, TORSO, -1)
    labels[10:50, 43:50] = HANDS[0]
    rgb = np.random.default_rng(0).integers(120, 136, (60, 60, 3)).astype(np.uint8)
    rgb[:, 39], rgb[:, 20] = 40, 40
    kept = without_arm_shadows(known, rgb, labels, labels, 200.0)
    assert not kept[10:50, 39].any()  # beside the hand
    assert kept[10:50, 20:39].all()  # the other edge, and what lies deeper
    assert np.array_equal(
        without_arm_shadows(known, rgb, np.where(known, TORSO, -1), np.where(known, TORSO, -1), 200.0), known
    )
    stripes = rgb.copy()
    stripes[::4] = 40
    stripes[:, [20, 39]] = stripes[:, [21, 38]]
    assert np.array_equal(without_arm_shadows(known, stripes, labels, labels, 200.0), known)
