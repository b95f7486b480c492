"""Pictures to look at: what they show is what the numbers say."""

import base64
import colorsys
import io
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from liquidwarp import viz
from liquidwarp.bodies import PARTS
from liquidwarp.errors import InputError
from liquidwarp.flow import identity_flow
from liquidwarp.geometry import default_camera, project
from liquidwarp.media import open_video, read_image, read_provenance, to_tensor, write_image
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Camera, Flow, Fragments

SIZE = (64, 48)
BODY = toy_body()


@pytest.fixture(scope="module")
def track() -> BodyTrack:
    """Somebody who stands and turns, two frames long."""
    canonical = torch.zeros(2, 22, 3)
    canonical[1, 0, 1] = 1.0
    orient, pose = BODY.expand_pose(canonical)
    place = torch.tensor([[0.0, 0.1, 3.2]]).expand(2, -1)
    betas = torch.zeros(BODY.num_betas)
    camera = default_camera(SIZE)
    return BodyTrack("toy", betas, orient, pose, place, camera, 25.0, torch.ones(2), torch.ones(2, dtype=torch.bool))


@pytest.fixture(scope="module")
def posed(track: BodyTrack) -> tuple[torch.Tensor, Camera, Fragments]:
    identity = BODY.identity(track.betas)
    vertices = BODY.vertices(identity, track.global_orient, track.body_pose, track.transl)[0]
    return vertices, track.camera, rasterize(vertices[None], BODY.topology.faces, track.camera)


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def test_everything_becomes_the_same_picture(photo: np.ndarray, tmp_path: Path) -> None:
    path = write_image(tmp_path / "photo.png", photo)
    tensor = to_tensor(photo)
    for value in (photo, path, str(path), tensor, tensor.double(), tensor.permute(1, 2, 0).numpy()):
        np.testing.assert_array_equal(viz.as_picture(value), photo)


def test_planes_become_grey() -> None:
    mask = np.array([[True, False]])
    np.testing.assert_array_equal(viz.as_picture(mask), [[[255] * 3, [0] * 3]])
    np.testing.assert_array_equal(viz.as_picture(torch.from_numpy(mask)), [[[255] * 3, [0] * 3]])
    np.testing.assert_array_equal(viz.as_picture(np.array([[0.5, np.nan, 2.0]])), [[[128] * 3, [0] * 3, [255] * 3]])
    np.testing.assert_array_equal(viz.as_picture(np.array([[7]], np.uint8)), [[[7] * 3]])


@pytest.mark.parametrize("value", [np.zeros((2, 2, 4), np.uint8), torch.zeros(1, 3, 4, 4), np.zeros((4, 4), complex)])
def test_what_is_no_picture_is_one_line(value: object) -> None:
    with pytest.raises(InputError, match=r"is no picture; give uint8 H W 3"):
        viz.as_picture(value)


@pytest.mark.parametrize("opacity", [0, 0.25, 1])
def test_blending_stays_inside(photo: np.ndarray, opacity: float) -> None:
    where = np.zeros(SIZE, bool)
    where[10:20, 5:15] = True
    mixed = viz.blend(photo, 255 - photo, where, opacity=opacity)
    np.testing.assert_array_equal(mixed[~where], photo[~where])
    expected = (1 - opacity) * photo[where] + opacity * (255.0 - photo[where])
    assert np.abs(mixed[where] - expected).max() <= 0.5 + 1e-4


def test_resizing_fits_or_fills(photo: np.ndarray) -> None:
    assert viz.resized(photo, (32, 32)).shape == (32, 24, 3)
    assert viz.resized(photo, (32, 32), crop=True).shape == (32, 32, 3)
    assert viz.resized(photo, (128, 96)).shape == (128, 96, 3)
    assert viz.resized(photo, SIZE) is photo
    middle = viz.resized(
        np.repeat(np.arange(64, dtype=np.uint8)[:, None, None] * 4, 3, 2).repeat(8, 1), (8, 8), crop=True
    )
    assert 110 < middle[0].mean() < 130 < middle[-1].mean() < 145


def test_the_legend_stays_readable(photo: np.ndarray) -> None:
    entries = {"seen": (0, 158, 115), "a much longer text than a small picture has room for": (1, 2, 3)}
    shown = viz.with_legend(photo, entries)
    np.testing.assert_array_equal(shown[: SIZE[0], : SIZE[1]], photo)
    below = shown[SIZE[0] :].reshape(-1, 3).tolist()
    assert shown.shape[1] == SIZE[1]
    assert all(below.count(list(color)) > 50 for color in entries.values())


def test_side_by_side_is_as_high_as_the_first(photo: np.ndarray) -> None:
    shown = viz.side_by_side([photo, viz.resized(photo, (32, 24))], labels=["one", "the other"], gap=4)
    assert shown.shape == (SIZE[0] + 20, 2 * SIZE[1] + 4, 3)
    np.testing.assert_array_equal(shown[20:, : SIZE[1]], photo)
    assert viz.side_by_side([photo], height=32).shape == (32, 24, 3)
    with pytest.raises(InputError, match=r"^1 labels for 2 pictures"):
        viz.side_by_side([photo, photo], labels=["one"])
    with pytest.raises(InputError, match="at least one"):
        viz.side_by_side([])


def test_a_sheet_has_every_picture_in_its_place(photo: np.ndarray) -> None:
    rows = [viz.Row([photo, None, 255 - photo], "above", ["a", "b", "c"]), viz.Row([None, photo])]
    sheet = viz.contact_sheet(rows, gap=4)
    line = 21
    assert sheet.shape == (2 * line + 2 * (SIZE[0] + 4), 3 * (SIZE[1] + 4) - 4, 3)
    top, second = 2 * line, 2 * line + SIZE[0] + 4
    np.testing.assert_array_equal(sheet[top : top + SIZE[0], : SIZE[1]], photo)
    np.testing.assert_array_equal(sheet[top : top + SIZE[0], 2 * (SIZE[1] + 4) :], 255 - photo)
    np.testing.assert_array_equal(sheet[second : second + SIZE[0], SIZE[1] + 4 : 2 * SIZE[1] + 4], photo)
    assert len(np.unique(sheet[top : top + SIZE[0], SIZE[1] : 2 * (SIZE[1] + 4)])) == 2, "an empty place is paper"
    small = viz.contact_sheet([viz.Row([photo, photo])], cell=(20, 30), crop=True, gap=0)
    assert small.shape == (20, 60, 3)
    assert viz.contact_sheet([]).size
    assert viz.contact_sheet([viz.Row([None])]).size


@pytest.mark.parametrize("opacity", [1.0, 0.4])
def test_laying_a_body_over_is_drawing_it_finely_and_averaging(posed: tuple, photo: np.ndarray, opacity: float) -> None:
    vertices, camera, _ = posed
    height, width = camera.size
    fine, mask = viz.shaded_body(vertices, BODY.topology, camera.resized((2 * height, 2 * width)))
    count = mask.reshape(height, 2, width, 2).sum((1, 3))[..., None]
    total = (fine * mask[..., None]).reshape(height, 2, width, 2, 3).sum((1, 3), dtype=np.float64)
    strength = opacity * count / 4
    wanted = (1 - strength) * photo + strength * total / np.maximum(count, 1)
    over = viz.draw_body(photo, vertices, BODY.topology, camera, opacity=opacity)
    apart = np.abs(over - wanted).max(-1)
    assert (apart > 1).mean() < 1e-3
    aside = vertices + vertices.new_tensor([100.0, 0.0, 0.0])
    np.testing.assert_array_equal(viz.draw_body(photo, aside, BODY.topology, camera), photo)


def test_the_body_stands_where_it_is(track: BodyTrack, posed: tuple, photo: np.ndarray) -> None:
    vertices, camera, fragments = posed
    mask = fragments.mask[0].numpy()
    drawn, where = viz.shaded_body(vertices, BODY.topology, camera)
    np.testing.assert_array_equal(where, mask)
    over = viz.draw_body(photo, vertices, BODY.topology, camera)
    near, inside = (ndimage.binary_dilation(mask, iterations=2), ndimage.binary_erosion(mask, iterations=2))
    np.testing.assert_array_equal(over[~near], photo[~near])
    expected = 0.35 * photo[inside] + 0.65 * drawn[inside]
    assert np.abs(over[inside] - expected).mean() < 4
    alone = viz.draw_body(None, vertices, BODY.topology, camera)
    assert np.abs(alone[inside].astype(float) - drawn[inside]).mean() < 6
    assert (alone[~near] == alone[0, 0]).all()
    clay = viz.shaded_body(vertices, BODY.topology, camera, colors="clay")[0][mask].astype(int)
    assert np.ptp(clay, axis=1).max() < 12, "clay is grey"
    first, second = viz.draw_track([photo, photo, photo], track)
    np.testing.assert_array_equal(first, over)
    assert (second != first).any()
    with pytest.raises(InputError, match="colors"):
        viz.shaded_body(vertices, BODY.topology, camera, colors="gold")


def test_parts_have_their_colours(posed: tuple) -> None:
    _, _, fragments = posed
    picture = viz.part_map(fragments, BODY.topology)
    assert set(viz.PART_COLORS) == set(PARTS)
    assert len(set(viz.PART_COLORS.values())) == len(PARTS)
    labels = BODY.topology.face_part[fragments.face_index[0].long().clamp_min(0)].numpy()
    for part, color in viz.PART_COLORS.items():
        expected = (labels == PARTS.index(part)) & fragments.mask[0].numpy()
        np.testing.assert_array_equal((picture == color).all(-1), expected)


def test_landmarks_are_drawn_where_they_lie(track: BodyTrack) -> None:
    names = BODY.landmark_names
    points = BODY.landmarks(names, track.betas, track.global_orient[:1], track.body_pose[:1], track.transl[:1])[0]
    places = project(track.camera, points)[:, :2] * 4
    black = np.zeros((SIZE[0] * 4, SIZE[1] * 4, 3), np.uint8)
    picture = viz.draw_landmarks(black, names, places)
    for side, channel in (("left", 2), ("right", 0)):
        x, y = places[names.index(f"{side}_elbow")].floor().long().tolist()
        assert picture[y, x].argmax() == channel
        middle = (places[names.index(f"{side}_elbow")] + places[names.index(f"{side}_wrist")]) / 2
        assert picture[int(middle[1]), int(middle[0])].max() > 120, "a bone"
    assert not black.any(), "the picture that was given stays as it was"
    confidence = torch.zeros(len(names))
    assert not viz.draw_landmarks(black, names, places, confidence=confidence).any()
    far = torch.full((2, 2), math.nan)
    far[1] = 1e9
    assert not viz.draw_landmarks(black, ("left_hip", "right_hip"), far).any()
    with pytest.raises(InputError, match=r"^2 names for 1 points"):
        viz.draw_landmarks(black, ("a", "b"), torch.zeros(1, 2))


def test_a_landmark_is_centred_to_a_fraction_of_a_pixel() -> None:
    for x, y in ((30.5, 30.5), (31.0, 30.25)):
        picture = viz.draw_landmarks(np.zeros((64, 64, 3), np.uint8), ("nose",), torch.tensor([[x, y]]))
        weight = picture.max(-1).astype(float)
        rows, columns = np.mgrid[:64, :64] + 0.5
        centre = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
        assert np.hypot(centre[0] - x, centre[1] - y) < 0.15


@pytest.mark.parametrize(
    ("way", "color"), [((1, 0), (1, 0, 0)), ((-1, 0), (0, 1, 1)), ((0, 1), (1, 1, 0)), ((0, -1), (0.3, 0, 1))]
)
def test_the_wheel_is_middleburys(way: tuple[int, int], color: tuple[float, float, float]) -> None:
    """Right red, down yellow, left cyan, up violet; half the way half as saturated; nothing white."""
    shift = torch.tensor([way, (way[0] / 2, way[1] / 2), (0, 0)], dtype=torch.float32).T[:, None]
    full, half, none = viz.wheel_colors(shift, largest=1.0)[0].astype(float) / 255
    assert np.abs(full - color).max() < 0.25
    np.testing.assert_allclose(half, (1 + full) / 2, atol=0.01)
    np.testing.assert_allclose(none, 1)


def test_the_wheel_turns_without_jumps() -> None:
    angle = torch.linspace(0, 2 * math.pi, 361)[:-1]
    colors = viz.wheel_colors(torch.stack([angle.cos(), angle.sin()])[:, None], largest=1.0)[0].astype(float)
    assert np.abs(np.diff(np.concatenate([colors, colors[:1]]), axis=0)).max() < 12
    hues = [colorsys.rgb_to_hsv(*color)[0] for color in colors / 255]
    assert all(late >= early - 1e-9 for early, late in pairwise(hues))
    assert viz.flow_wheel(32).shape == (32, 32, 3)


def test_flow_says_how_far_to_look() -> None:
    flow = identity_flow((8, 16))
    assert float(viz.flow_shift(flow).abs().max()) < 1e-5
    assert float(viz.flow_shift(flow, source_size=(32, 32)).abs().max()) < 1e-4
    right = Flow(flow.grid + torch.tensor([2 * 3 / 16, 0.0]), flow.valid)
    torch.testing.assert_close(viz.flow_shift(right), torch.tensor([3.0, 0.0]).expand(1, 8, 16, 2), atol=1e-5, rtol=0)
    half = Flow(right.grid, right.valid & (torch.arange(16) < 8))
    picture = viz.flow_colors(half, legend=False)
    assert (picture[:, :8] == (255, 0, 0)).all()
    assert (np.ptp(picture[:, 8:].astype(int), axis=2) < 8).all(), "unknown is grey"
    assert viz.flow_colors(half, largest=6, legend=False)[0, 0].tolist() == [255, 128, 128]
    wide = identity_flow((40, 60))
    shown = viz.flow_colors(wide)
    assert (shown[:32] == 255).all()
    assert not (shown[-8:, -8:] == 255).all()


def test_coverage_has_a_colour_for_each_kind(photo: np.ndarray) -> None:
    kinds = np.zeros(SIZE, np.uint8)
    kinds[10:30, 10:20], kinds[30:40, 10:20], kinds[40:50, 10:20] = 1, 2, 3
    flat = viz.coverage_map(torch.from_numpy(kinds), legend=False)
    for kind, color in enumerate(viz.COVERAGE_COLORS.values()):
        np.testing.assert_array_equal((flat == color).all(-1), kinds == kind)
    tinted = viz.coverage_map(kinds, picture=photo, legend=False)
    assert tinted.shape == flat.shape
    assert [int(tinted[kinds == kind].mean(0).argmax()) for kind in (1, 2, 3)] == [1, 2, 0]
    assert viz.coverage_map(kinds, picture=photo).shape[0] > SIZE[0]
    assert viz.coverage_map(np.zeros(SIZE, np.uint8)).shape[0] > SIZE[0]
    with pytest.raises(InputError, match="coverage holds 0 to 27"):
        viz.coverage_map(9 * kinds)
    with pytest.raises(InputError, match=r"coverage has shape \(1, 2, 3\)"):
        viz.coverage_map(np.zeros((1, 2, 3), np.uint8))


def test_fragments_are_shown_as_they_are(posed: tuple) -> None:
    _, _, fragments = posed
    pictures = viz.fragment_pictures(fragments)
    mask = fragments.mask[0].numpy()
    assert set(pictures) == {"face", "weights", "depth"}
    index = fragments.face_index[0].numpy()[mask]
    _, where = np.unique(index, return_index=True)
    faces = pictures["face"][mask]
    assert len(np.unique(faces[where], axis=0)) > 0.9 * len(where), "faces differ"
    np.testing.assert_allclose(pictures["weights"][mask].astype(int).sum(-1), 255, atol=2)
    depth = fragments.depth[0].numpy()[mask]
    order = np.argsort(depth)
    assert (np.diff(pictures["depth"][mask][order][:, 0].astype(int)) <= 0).all()
    empty = Fragments(fragments.face_index * 0 - 1, fragments.bary * 0, fragments.depth + math.inf)
    assert all(len(np.unique(picture.reshape(-1, 3), axis=0)) == 1 for picture in viz.fragment_pictures(empty).values())


def test_like_features_have_like_colours(generator: torch.Generator) -> None:
    features = torch.randn(12, 6, 5, generator=generator)
    valid = torch.rand(6, 5, generator=generator) > 0.3
    one, other = viz.feature_pictures([features, features.flip(2)], valid=[valid, valid.flip(1)])
    np.testing.assert_array_equal(one, other[:, ::-1])
    again, turned = viz.feature_pictures([features, -features + 2 * features.mean((1, 2), keepdim=True)], size=(12, 10))
    assert again.shape == (12, 10, 3)
    assert (again != turned).mean() > 0.5
    assert (one[~valid.numpy()] == one[~valid.numpy()][0]).all()
    assert viz.feature_pictures([torch.randn(1, 4, 4, generator=generator)])[0].shape == (4, 4, 3)
    with pytest.raises(InputError, match="no feature is valid"):
        viz.feature_pictures([features], valid=[valid & False])


def test_clips_are_written_side_by_side(photo: np.ndarray, tmp_path: Path) -> None:
    still = [photo] * 4
    one = viz.write_comparison([still, (frame for frame in still[:3])], tmp_path / "one.mp4", fps=10, labels=["a", "b"])
    video = open_video(one)
    assert (len(list(video)), video.size, video.fps) == (3, (84, 100), 10)
    assert "synthetic" in str(read_provenance(one)).lower()
    two = viz.write_comparison([one, one], tmp_path / "two.mp4", fps=10, height=42)
    assert open_video(two).size == (42, 104)
    with pytest.raises(InputError, match="at least one"):
        viz.compare_clips([])
    with pytest.raises(InputError, match=r"nothing\.mp4"):
        viz.compare_clips([tmp_path / "nothing.mp4"])


def test_an_overlay_of_a_photo_is_written(photo: np.ndarray, track: BodyTrack, tmp_path: Path) -> None:
    path = write_image(tmp_path / "photo.png", photo)
    over = read_image(viz.draw_overlay(path, track, tmp_path / "over.png")).rgb
    np.testing.assert_array_equal(over, next(viz.draw_track([photo], track)))


def test_a_notebook_shows_marked_pictures(photo: np.ndarray, tmp_path: Path) -> None:
    shown = viz.show(photo, width=24)
    bundle = shown._repr_mimebundle_()
    data = base64.b64decode(bundle["image/jpeg"])
    assert Image.open(io.BytesIO(data)).size == (24, 32)
    assert repr(shown) == bundle["text/plain"] == "<picture, 24x32>"
    path = tmp_path / "shown.jpg"
    path.write_bytes(data)
    assert "synthetic" in str(read_provenance(path)).lower()
    assert viz.show(photo, width=24).data == shown.data
    video = viz.write_comparison([[photo] * 2], tmp_path / "video.mp4", fps=10)
    player = viz.show(video)._repr_mimebundle_()
    assert player["text/html"].startswith("<video")
    assert player["text/plain"] == "<video video.mp4>"
    with pytest.raises(InputError, match="write the video first"):
        viz.show(tmp_path / "none.mp4")
