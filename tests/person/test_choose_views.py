"""Which photos a generator looks at: those that show most, and of everything that is worn the wearer's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, toy_photo

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.parts import part_labels
from liquidwarp.flow import visibility
from liquidwarp.geometry import default_camera
from liquidwarp.nn.compact import CompactGenerator, SourceInput
from liquidwarp.person import SourceView, choose_views
from liquidwarp.tasks import SourceState, encode_source, novel_view, transfer_appearance
from liquidwarp.testing import toy_body
from liquidwarp.types import Pose

SIZE = (96, 72)
RED, BLUE = (200, 40, 40), (40, 40, 200)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


def seen_from(body: BodyModel, turn: float, *, part: str = "all", worn: tuple[str, ...] = ()) -> SourceView:
    """Return a photo of somebody who has turned, and may be asked for one part alone or for all that is not worn."""
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 0, 1] = turn
    orient, pose = body.expand_pose(canonical)
    vertices = body.vertices(body.identity(torch.zeros(body.num_betas)), orient, pose, torch.tensor([[0.0, 0.1, 3.2]]))
    camera = default_camera(SIZE)
    faces = visibility(vertices, body.topology.faces, camera).face[0]
    label = body.topology.face_part.numpy()
    faces &= torch.from_numpy(np.isin(label, part_labels(part)))
    for name in worn:
        faces &= torch.from_numpy(~np.isin(label, part_labels(name)))
    return SourceView(
        np.zeros((*SIZE, 4), np.uint8),
        camera,
        vertices[0],
        faces,
        Pose(orient[0], pose[0], torch.tensor([0.0, 0.1, 3.2])),
    )


def indices(chosen: tuple[SourceView, ...], views: tuple[SourceView, ...]) -> list[int]:
    return [next(index for index, view in enumerate(views) if view is one) for one in chosen]


def test_few_views_are_all_taken_as_they_are(body: BodyModel) -> None:
    views = tuple(seen_from(body, turn) for turn in (0.0, 0.0, 3.0, 0.1))
    assert choose_views(body.topology, views, 4) is views


def test_what_shows_most_that_is_new_is_taken_and_the_order_stays(body: BodyModel) -> None:
    views = tuple(seen_from(body, turn) for turn in (0.0, 0.02, 0.04, 0.06, np.pi, np.pi / 2))
    chosen = choose_views(body.topology, views, 3)
    assert indices(chosen, views)[1:] == [4, 5]
    shown = torch.stack([view.faces for view in chosen]).any(0)
    assert int(shown.sum()) > 0.95 * int(torch.stack([view.faces for view in views]).any(0).sum())
    assert indices(choose_views(body.topology, views, 3), views) == indices(chosen, views)


@pytest.mark.parametrize("worn", [("upper",), ("shoes",), ("hair", "shoes"), ("left_hand", "lower", "hair")])
def test_every_wearer_is_looked_at(body: BodyModel, worn: tuple[str, ...]) -> None:
    """Whatever is worn, be it small, and however many other sides a clip shows of the person."""
    turns = (0.0, np.pi, np.pi / 2, -np.pi / 2, 0.8, 2.4)
    views = tuple(seen_from(body, turn, worn=worn) for turn in turns)
    views += tuple(seen_from(body, 0.1, part=name) for name in worn)
    chosen = indices(choose_views(body.topology, views, 4), views)
    assert len(chosen) == 4
    assert chosen[-len(worn) :] == list(range(6, 6 + len(worn)))


@pytest.fixture(scope="module")
def people(body: BodyModel) -> list[SourceState]:
    photos = [toy_photo(body, np.tile(np.array(colour, np.uint8), (16, 1)), size=SIZE) for colour in (RED, BLUE)]
    return [encode_source(photo.rgb, body=body, detector=ToyDetector(photo)) for photo in photos]


def test_the_generator_sees_what_a_person_of_a_clip_wears(people: list[SourceState]) -> None:
    red, blue = people
    clip = replace(red, views=red.views * 6)
    told: list[SourceInput] = []
    network = CompactGenerator((8, 8, 8, 8)).eval().requires_grad_(False)
    encode = network.encode

    def listen(source: SourceInput) -> list[torch.Tensor]:
        told.append(source)
        return encode(source)

    network.encode = listen
    next(novel_view(transfer_appearance(clip, {"upper": blue}), frames=1, renderer="gan", generator=network))
    (sources,) = told
    redder = sources.foreground[:, 0].sum((1, 2)) > sources.foreground[:, 2].sum((1, 2))
    assert redder.tolist() == [True, True, True, False]
