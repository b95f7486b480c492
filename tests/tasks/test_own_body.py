"""A body that no name leads to is as good as any: it is a value."""

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, ToyPhoto, toy_photo

import liquidwarp as lw
from liquidwarp import viz
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.errors import InputError
from liquidwarp.metrics.pose import track_points
from liquidwarp.testing import toy_body
from liquidwarp.train.liquid_samples import look_at_clip
from liquidwarp.train.pairs import make_pairs, photo_pairs
from liquidwarp.types import Clip

COLOURS = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def body() -> RiggedBody:
    body = toy_body()
    body.name = "nobody's"
    with pytest.raises(InputError, match="is not known"):
        lw.load_body(body.name)
    return body


@pytest.fixture(scope="module")
def photos(body: RiggedBody) -> list[ToyPhoto]:
    return [toy_photo(body, COLOURS, turn=0.1 * step) for step in range(3)]


@pytest.fixture(scope="module")
def person(body: RiggedBody, photos: list[ToyPhoto]) -> lw.SourceState:
    return lw.encode_source(photos[0].rgb, body=body, detector=ToyDetector(*photos))


@pytest.fixture(scope="module")
def motion(body: RiggedBody, photos: list[ToyPhoto]) -> lw.BodyTrack:
    frames = np.stack([photo.rgb for photo in photos])
    return lw.recover(frames, body=body, detector=ToyDetector(*photos))


@pytest.mark.parametrize("renderer", ["surface", "gan"])
def test_it_is_seen_moved_and_dressed(person: lw.SourceState, motion: lw.BodyTrack, renderer: str) -> None:
    assert motion.body == person.body.name
    other = replace(person, appearance=replace(person.appearance, texels=255 - person.appearance.texels))
    dressed = lw.transfer_appearance(person, {"upper": other})
    for made, count in (
        (lw.novel_view(person, frames=2, renderer=renderer), 2),
        (lw.imitate(person, motion, camera="copy", renderer=renderer), 3),
        (lw.imitate(dressed, motion, renderer=renderer), 3),
    ):
        pictures = list(made)
        assert len(pictures) == count
        assert all(float(picture.alpha.mean()) > 0.03 for picture in pictures)


def test_it_leaves_for_other_programs(person: lw.SourceState, motion: lw.BodyTrack, tmp_path: Path) -> None:
    lw.export_glb(person, motion, tmp_path / "me.glb")
    assert (tmp_path / "me.glb").read_bytes()[:4] == b"glTF"
    lw.write_motion(motion, tmp_path / "motion.bvh", person.body)
    assert len(lw.read_motion(tmp_path / "motion.bvh", person.body)) == len(motion)
    motion.save(tmp_path / "motion.npz")
    assert torch.equal(lw.read_motion(tmp_path / "motion.npz", person.body).transl, motion.transl)


def test_a_generator_learns_from_it(
    person: lw.SourceState, photos: list[ToyPhoto], body: RiggedBody, motion: lw.BodyTrack
) -> None:
    assert photo_pairs(person, 2).frames == 2
    images = np.stack([photo.rgb for photo in photos])
    alphas = np.stack([photo.mask for photo in photos]).astype(np.float32)
    assert make_pairs(images, alphas, body=body, detector=ToyDetector(*photos)).frames == 3
    textured = copy(body)
    count = len(body.topology.vertex_part)
    textured.topology = replace(body.topology, uv=torch.rand(count, 2), face_uv=body.topology.faces)
    clip = Clip("clip", images, (255 * alphas).astype(np.uint8), motion)
    assert len(look_at_clip(clip, (96, 72), 2, body=textured)) == 2


def test_it_is_drawn_and_measured(
    person: lw.SourceState, motion: lw.BodyTrack, body: RiggedBody, tmp_path: Path
) -> None:
    (drawn,) = viz.draw_track([person.photo], motion, body=body)
    assert (drawn != person.photo).any()
    assert track_points(motion, ("left_hip",), body=body).shape == (3, 1, 3)


def test_a_motion_of_it_drives_another_body(motion: lw.BodyTrack, body: RiggedBody, tmp_path: Path) -> None:
    anny = lw.load_body()
    with pytest.raises(InputError, match=r"a track of body \"nobody's\", which is not at hand: .*give the body itself"):
        lw.retarget(motion, anny)
    ready = lw.retarget(motion, anny, source=body)
    assert (ready.body, len(ready)) == ("anny", 3)
    names = ("left_shoulder", "left_wrist")
    arms = []
    for who, track in ((body, motion), (anny, ready)):
        pose = (track.betas, track.global_orient, track.body_pose, track.transl)
        ends = who.landmarks(names, *pose)
        arms.append(torch.nn.functional.normalize(ends[:, 1] - ends[:, 0], dim=-1))
    torch.testing.assert_close(arms[0], arms[1], atol=0.05, rtol=0)
    with pytest.raises(InputError, match="has 21 joints and 4 shape coefficients, body 'anny' has 105 and 20"):
        lw.retarget(motion, body, source=anny)


def test_names_do_not_make_bodies_different_or_the_same(
    person: lw.SourceState, motion: lw.BodyTrack, body: RiggedBody
) -> None:
    alias = copy(body)
    alias.name = "alias"
    moved = lw.retarget(motion, alias, source=body)
    assert moved.body == "alias"
    assert torch.equal(moved.body_pose, motion.body_pose)
    lw.transfer_appearance(person, {"upper": replace(person, body=alias)})
    impostor = lw.load_body()
    impostor.name = body.name
    with pytest.raises(InputError, match=r"wear\['upper'\] is of body \"nobody's\".* another mesh; encode both on one"):
        lw.transfer_appearance(person, {"upper": replace(person, body=impostor)})
