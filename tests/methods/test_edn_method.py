"""Everybody Dance Now draws its person, frame after frame; weights of others are named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pose_transfer_samples import tiny_transfer_file
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.labels import SkeletonPoints
from liquidwarp.methods import METHODS, EdnMethod, Frame, make_method, method_of
from liquidwarp.methods.edn import EdnSynthesis
from liquidwarp.methods.edn.inputs import face_corner, pose_drawing
from liquidwarp.methods.protocol import PreviousFrame
from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator, EdnShape, save_edn
from liquidwarp.tasks.synthesize import open_session
from liquidwarp.testing import toy_body

SIZE = (96, 72)
SHAPE = EdnShape((64, 48), width=4, halvings=2, blocks=1, face_width=4, face_halvings=2, face_blocks=1)


@pytest.fixture(scope="module")
def person() -> lw.SourceState:
    body = toy_body()
    photo = toy_photo(body, np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8), size=SIZE)
    return lw.encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@pytest.fixture(scope="module")
def generator() -> EdnGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return EdnGenerator(SHAPE).eval().requires_grad_(False)


def test_counts_are_the_published_ones() -> None:
    with torch.device("meta"):
        network = EdnGenerator(EdnShape((512, 1024)))
    assert METHODS["edn"].configurations == {"edn": sum(each.numel() for each in network.parameters())}


def test_the_face_alone_is_refined(generator: EdnGenerator) -> None:
    random = torch.Generator().manual_seed(0)
    pose, frame = (torch.rand(2, 3, 64, 48, generator=random) for _ in range(2))
    fine = generator.refined(pose, frame, torch.tensor([[8, 16], [-1, -1]]))
    changed = (fine != frame).any(1)
    assert not changed[1].any()
    rows, columns = changed[0].nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 23, 16, 31)


def test_a_frame_depends_on_those_before_through_the_last_picture_alone(generator: EdnGenerator) -> None:
    poses = torch.rand(1, 3, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    whole = generator(poses)
    torch.testing.assert_close(generator(poses[:, 2:], whole[:, 1])[:, 0], whole[:, 2])
    assert not torch.allclose(generator(poses[:, 2:])[:, 0], whole[:, 2], atol=1e-3)


def test_a_person_is_drawn_frame_after_frame(person: lw.SourceState, generator: EdnGenerator) -> None:
    how = EdnMethod(generator)
    turned = list(lw.novel_view(person, frames=2, degrees=90.0, method=how))
    for frame in turned:
        assert isinstance(frame, EdnSynthesis)
        assert frame.image.shape[1:] == frame.alpha.shape == frame.coverage.shape == SIZE
        assert 0 <= float(frame.image.min()) <= float(frame.image.max()) <= 1
    (plain,) = lw.novel_view(person, frames=1, method=how, background=(255, 0, 0))
    nobody = plain.alpha == 0
    assert bool((plain.image[0, nobody] == 1).all())
    session, track = open_session(how, person, SIZE), person.track
    pose = track.pose(0)
    frame = Frame(0, person.views[0].vertices, track.camera, pose)
    first = session.draw(frame)
    assert isinstance(first, EdnSynthesis)
    second, other = (
        session.draw(replace(frame, index=1, previous=PreviousFrame(frame, replace(first, drawn=sign * first.drawn))))
        for sign in (1, -1)
    )
    assert not torch.allclose(second.image, other.image, atol=1e-3)


def test_drawing_and_face_follow_the_skeleton() -> None:
    body = np.zeros((25, 3))
    body[[0, 1, 2, 3]] = [(40, 20, 1), (40, 40, 1), (30, 40, 1), (20, 60, 1)]
    drawn = pose_drawing(SkeletonPoints(body), (96, 72), (64, 48))
    rows, columns = (drawn > 0.05).any(0).nonzero().T
    assert abs(int(rows.max()) - 40) <= 2
    assert abs(int(columns.min()) - 13) <= 2
    assert face_corner(SkeletonPoints(body), (96, 72), (64, 48), 16) == (5, 19)
    body[0] = 0
    assert face_corner(SkeletonPoints(body), (96, 72), (64, 48), 16) == (-1, -1)


def test_weights_are_kept_and_those_of_others_named(generator: EdnGenerator, tmp_path: Path) -> None:
    save_edn(generator, tmp_path / "me.safetensors", {})
    found = make_method("gan", weights=tmp_path / "me.safetensors")
    assert isinstance(found, EdnMethod)
    assert found.generator.shape == SHAPE
    own = generator.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in found.generator.state_dict().items())
    assert method_of(generator).name == "edn"
    with pytest.raises(lw.InputError, match="weights of 'pg2', wanted 'edn'"):
        make_method("edn", weights=tiny_transfer_file(tmp_path, "pg2"))
    with pytest.raises(lw.InputError, match="it is trained on one person's clip"):
        make_method("edn")
    with pytest.raises(lw.InputError, match="wants multiples of 32"):
        EdnShape((64, 48))
