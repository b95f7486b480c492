"""Photos that show a part of a person: what is said of it, and what comes out."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_erosion
from toy_people import PLACE, ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.parts import part_labels
from liquidwarp.demo import asset
from liquidwarp.flow import visibility
from liquidwarp.geometry import default_camera, look_at_camera, project
from liquidwarp.media import write_image
from liquidwarp.raster import rasterize
from liquidwarp.tasks import SourceState, encode_source
from liquidwarp.tasks.cut_off import tell_of_face, where_pictures_end
from liquidwarp.tasks.synthesize import synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Camera

SIZE = (384, 384)
LEVELS = {  # of the picture's height above the lower edge of demo photos, and where they then end
    "waist": 0.47,
    "knees": 0.74,
}


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


def standing(body: BodyModel, camera: Camera) -> BodyTrack:
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    return BodyTrack(
        body.name,
        torch.zeros(body.num_betas),
        orient,
        pose,
        PLACE,
        camera,
        0.0,
        torch.ones(1),
        torch.ones(1, dtype=torch.bool),
        "toy",
    )


def window(rows: tuple[float, float] = (-1e3, 1e3), columns: tuple[float, float] = (-1e3, 1e3)) -> Camera:
    """Return the camera of a part of a large picture; bounds in metres from the pelvis, y down and x to the left."""
    whole = default_camera(SIZE)
    x, y, _ = project(whole, PLACE[0]).tolist()
    scale = float(whole.focal[0] / PLACE[0, 2])
    left, right = (int(np.clip(x + scale * bound, 0, SIZE[1])) for bound in columns)
    top, bottom = (int(np.clip(y + scale * bound, 0, SIZE[0])) for bound in rows)
    corner = torch.tensor([float(left), float(top)])
    return replace(whole, center=whole.center - corner, size=(bottom - top, right - left))


@pytest.mark.parametrize(
    ("camera", "places"),
    [
        (window(), []),
        (window(rows=(-9, 0.93)), ["feet"]),
        (window(rows=(-9, 0.84)), ["ankles"]),
        (window(rows=(-9, 0.65)), ["shins"]),
        (window(rows=(-9, 0.48)), ["knees"]),
        (window(rows=(-9, 0.28)), ["thighs"]),
        (window(rows=(-9, 0.01)), ["hips", "hands"]),
        (window(rows=(-9, -0.16)), ["waist", "forearms"]),
        (window(rows=(-9, -0.34)), ["chest", "upper arms"]),
        (window(rows=(-0.66, 9)), ["face"]),
        (window(columns=(-9, 0.28)), ["left upper arm"]),
        (window(columns=(-0.45, 9)), ["right forearm"]),
        (window(columns=(-0.45, 0.45), rows=(-9, 0.65)), ["shins", "forearms"]),
    ],
)
def test_where_a_picture_ends(body: BodyModel, camera: Camera, places: list[str]) -> None:
    assert where_pictures_end(body, [standing(body, camera)]) == places


def test_what_one_picture_lacks_another_may_show(body: BodyModel) -> None:
    portrait, legs, whole = (
        standing(body, camera) for camera in (window(rows=(-9, -0.3)), window(rows=(-0.1, 9)), window())
    )
    assert where_pictures_end(body, [portrait, whole]) == []
    assert where_pictures_end(body, [legs, whole]) == []
    assert "waist" in where_pictures_end(body, [portrait, legs]) or "chest" in where_pictures_end(
        body, [portrait, legs]
    )


def messages(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    return [record.getMessage() for record in caplog.records if "invented" in record.getMessage()]


def demo_photo(fraction: float, folder: Path) -> Path:
    """Write the upper part of a demo photo."""
    picture = np.asarray(Image.open(asset("woman_stripes.jpg")))
    path = folder / "me.png"
    write_image(path, picture[: round(fraction * len(picture))])
    return path


@pytest.fixture(scope="module", params=LEVELS)
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, SourceState, list[str]]:
    """A demo photo's person, cut, where, and what was said."""
    path = demo_photo(LEVELS[request.param], tmp_path_factory.mktemp("cut"))
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("liquidwarp")
    logger.addHandler(handler)
    try:
        return request.param, encode_source(path), [line for line in said if "invented" in line]
    finally:
        logger.removeHandler(handler)


def test_one_line_says_where_the_photo_ends(cut: tuple[str, SourceState, list[str]]) -> None:
    level, _, said = cut
    (line,) = said
    assert line.startswith("me.png: ") or "/me.png: " in line
    assert f"the picture ends at the {level}" in line
    assert line.endswith("what lies beyond is invented")


@pytest.mark.parametrize("renderer", ["surface", "gan"])
def test_the_legs_of_a_cut_demo_photo_are_not_black(cut: tuple[str, SourceState, list[str]], renderer: str) -> None:
    _, person, _ = cut
    track = person.track
    height, width = track.camera.size
    camera = replace(track.camera, size=(2 * height, width))
    target = Target(track.global_orient, track.body_pose, track.transl, (camera,))
    drawn = next(synthesize(person, target, background=(60, 160, 60), renderer=renderer))
    body = load_body(track.body)
    with torch.no_grad():
        vertices = body.vertices(
            body.identity(track.betas), track.global_orient, track.body_pose, track.transl, offsets=person.offsets
        )
    index = rasterize(vertices, body.topology.faces, camera).face_index[0]
    part = body.topology.face_part[index.long().clamp_min(0)].numpy()
    legs = torch.from_numpy(np.isin(part, [*part_labels("lower"), *part_labels("shoes")])) & (index >= 0)
    legs[: height + 2] = False
    assert int(legs.sum()) > 2000
    within = torch.from_numpy(binary_erosion(legs.numpy(), iterations=2))  # outlines are as soft as the photo's
    assert float((drawn.alpha[within] > 0.9).float().mean()) > 0.98
    assert float((drawn.image[:, legs].amax(0) > 0.08).float().mean()) > 0.99
    assert not (drawn.coverage[legs] == 1).any()
    assert float((drawn.coverage[legs] == 3).float().mean()) > 0.999


def test_of_a_whole_person_nothing_is_said(body: BodyModel, caplog: pytest.LogCaptureFixture) -> None:
    photo = toy_photo(body, np.full((16, 3), 120, np.uint8))
    with caplog.at_level(logging.WARNING):
        lw.encode_source(photo.rgb, body=body, detector=ToyDetector(photo))
    assert messages(caplog) == []


@pytest.mark.parametrize(("azimuth", "told"), [(0.0, False), (1.4, False), (np.pi, True)])
def test_a_face_that_no_picture_shows_is_told(caplog: pytest.LogCaptureFixture, azimuth: float, told: bool) -> None:
    body = load_body("anny")
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    vertices = body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, PLACE)
    camera = look_at_camera(default_camera((512, 512)), PLACE[0], azimuth=azimuth)
    shown = visibility(vertices, body.topology.faces, camera).face[0]
    with caplog.at_level(logging.WARNING):
        tell_of_face("a.png", body.topology, [shown])
    assert caplog.messages == ["a.png: the face is not seen and stays blank; add a photo from the front"] * told
