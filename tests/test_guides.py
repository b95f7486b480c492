"""Guides of other generators: what they hold, and the folders that they are written as."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from draped_people import learnt, paint
from toy_people import ToyDetector, toy_photo

from liquidwarp.errors import InputError, OutputError
from liquidwarp.guides import LAYOUTS, Guides, draw_guides, write_guides
from liquidwarp.media import read_image, to_uint8
from liquidwarp.tasks import SourceState, encode_source, imitate
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, CameraPath
from liquidwarp.viz import PART_COLORS


@pytest.fixture(scope="module")
def person() -> SourceState:
    body = toy_body()
    photo = toy_photo(body, np.tile(np.uint8([200, 40, 40]), (body.topology.faces.shape[0], 1)))
    return encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@pytest.fixture(scope="module")
def motion(person: SourceState) -> BodyTrack:
    frames = person.track[[0, 0, 0]]
    nearer = torch.tensor([[0.0, 0, 0], [0, 0, -0.6], [0.3, 0, 0]])
    return replace(frames, transl=frames.transl + nearer, fps=25.0)


@pytest.fixture(scope="module")
def guides(person: SourceState, motion: BodyTrack) -> list[Guides]:
    return list(draw_guides(person, motion, camera="copy", size=160))


def test_depth_is_bright_where_the_clip_is_nearest(guides: list[Guides]) -> None:
    brightest = [int(one.depth.max()) for one in guides]
    assert brightest[1] > 230 > brightest[0] + 20, "the second frame is nearer; one range for the whole clip"
    for one in guides:
        person = one.parts.any(-1)
        assert np.array_equal(one.depth[..., 0] > 0, person)
        assert int(one.depth[person].min()) >= 64


def test_normals_look_at_the_camera(guides: list[Guides]) -> None:
    one = guides[0]
    person = one.parts.any(-1)
    normals = one.normal[person].astype(np.float64) / 255 * 2 - 1
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=0.02)
    assert (normals[:, 2] > 0).mean() > 0.95, "blue is towards the camera"
    columns = np.nonzero(person)[1]
    middle = np.median(columns)
    assert normals[columns > middle, 0].mean() > 0 > normals[columns < middle, 0].mean(), "red is to the right"
    assert not one.normal[~person].any()


def test_masks_parts_and_picture_belong_together(guides: list[Guides], person: SourceState, motion: BodyTrack) -> None:
    first = next(imitate(person, motion, camera="copy", size=160, background="plain"))
    one = guides[0]
    assert np.array_equal(one.first_pass, to_uint8(first.image))
    assert np.array_equal(one.mask[..., 0], (first.alpha * 255 + 0.5).byte().numpy())
    assert np.array_equal(one.invented[..., 0] > 0, (first.coverage > 1).numpy())
    known = {tuple(color) for color in PART_COLORS.values()} | {(0, 0, 0)}
    assert {tuple(color) for color in one.parts.reshape(-1, 3).tolist()} <= known
    strokes = one.skeleton.any(-1)
    assert 0.005 < strokes.mean() < 0.3
    assert (one.parts.any(-1) & strokes).sum() > 0.6 * strokes.sum()


def test_the_first_pass_turns_with_the_camera(person: SourceState, motion: BodyTrack) -> None:
    path = CameraPath(torch.eye(3).expand(3, 3, 3).clone(), torch.tensor([1.0, 1.2, 1.4]))
    moving = replace(motion, path=path)
    behind = np.random.default_rng(0).integers(0, 256, (48, 36, 3), dtype=np.uint8)
    one, other = (made(person, moving, camera="copy", size=48, background=behind) for made in (draw_guides, imitate))
    for guides, picture in zip(one, other, strict=True):
        assert np.array_equal(guides.first_pass, to_uint8(picture.image))


def test_what_hangs_is_part_of_every_guide() -> None:
    dressed = learnt(paint(skirt=0.3))
    bare = replace(dressed, drapes=())
    standing = replace(dressed.track, fps=25.0)
    worn, under = (next(draw_guides(one, standing, camera="copy", size=160)) for one in (dressed, bare))
    more = worn.depth.any(-1) & ~under.depth.any(-1)
    assert more.mean() > 0.01, "the skirt stands off from the legs"
    for plane in (worn.normal, worn.parts, worn.mask):
        assert plane[more].any(-1).mean() > 0.9


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_hold_every_frame_and_say_what_they_are(layout: str, guides: list[Guides], tmp_path: Path) -> None:
    folder = write_guides(guides, tmp_path / "out", fps=25, layout=layout)
    index = json.loads((folder / "guides.json").read_text())
    assert (index["frames"], index["fps"], index["layout"]) == (3, 25, layout)
    for name, place in LAYOUTS[layout].items():
        assert sorted(path.name for path in (folder / place).iterdir()) == ["0000.png", "0001.png", "0002.png"]
        assert np.array_equal(read_image(folder / place / "0002.png").rgb, getattr(guides[2], name))
    write_guides(guides[:1], folder, fps=25, layout="champ")
    left = {path.parent.name: path.name for path in folder.glob("*/*.png")}
    assert left == dict.fromkeys(LAYOUTS["champ"].values(), "0000.png"), "earlier guides go, longer ones too"


def test_what_is_not_complete_says_so(guides: list[Guides], tmp_path: Path) -> None:
    def fails():
        yield guides[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_guides(fails(), tmp_path / "out", fps=25)
    assert json.loads((tmp_path / "out" / "guides.json").read_text())["frames"] == 0


def test_refusals(guides: list[Guides], person: SourceState, motion: BodyTrack, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("sir")
    with pytest.raises(OutputError, match=r"letters: it holds other files; give a new or empty folder"):
        write_guides(guides, tmp_path / "letters", fps=25)
    with pytest.raises(OutputError, match=r"dear.txt: it is a file; guides need a folder"):
        write_guides(guides, tmp_path / "letters" / "dear.txt", fps=25)
    with pytest.raises(InputError, match="layout"):
        write_guides(guides, tmp_path / "out", fps=25, layout="chimp")
    with pytest.raises(TypeError, match="motion"):
        draw_guides(person, "dance.mp4")
    assert {field.name for field in fields(Guides)} == set(LAYOUTS["control"])
