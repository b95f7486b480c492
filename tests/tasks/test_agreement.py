"""A body that does not agree with the outline is told of."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_people import PLACE, ToyDetector, toy_photo

from liquidwarp.bodies import PARTS
from liquidwarp.clothing import SilhouetteView
from liquidwarp.geometry import default_camera
from liquidwarp.tasks import SourceTuning, encode_source
from liquidwarp.tasks.agreement import outline_agreement, tell_of_misread
from liquidwarp.testing import toy_body

SIZE = (194, 146)


@pytest.fixture(scope="module")
def body():
    return toy_body()


def photo(body):
    colours = np.random.default_rng(0).integers(40, 220, (len(PARTS), 3)).astype(np.uint8)
    return toy_photo(body, colours, size=SIZE)


def test_the_measure_is_one_for_the_true_body_and_falls_as_limbs_go_astray(body) -> None:
    shown = photo(body)
    agreements = []
    for lifted in (0.0, 0.4, 0.8, 1.6):
        pose = torch.zeros(1, 22, 3)
        pose[0, 16, 2], pose[0, 1, 2] = -lifted, lifted  # an arm and a leg
        view = SilhouetteView(*body.expand_pose(pose), PLACE, default_camera(SIZE), torch.from_numpy(shown.mask))
        none = torch.zeros(len(body.topology.vertex_part), 3)
        agreements.append(outline_agreement(body, torch.zeros(body.num_betas), none, view))
    assert agreements[0] == 1
    assert agreements == sorted(agreements, reverse=True)
    assert agreements[-1] < SourceTuning().least_agreement


def test_one_line_with_the_figure(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        tell_of_misread("a.jpg", [0.95], 0.87)
        assert not caplog.records
        tell_of_misread("a.jpg", [0.614], 0.87)
        tell_of_misread("a.jpg and 1 more", [0.95, 0.7], 0.87)
    (one, two) = (record.getMessage() for record in caplog.records)
    assert one.startswith("a.jpg: body and outline agree by only 61% (87% or more is usual): the pose may be misread")
    assert two.startswith("a.jpg and 1 more: body and outline agree in photo 2 by only 70%")


@pytest.mark.slow
def test_a_photo_whose_landmarks_are_wrong_is_told_of(body, caplog) -> None:
    right = photo(body)
    found = right.found
    middle = found.image[[found.names.index("left_hip"), found.names.index("right_hip")]].mean(0)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
    assert found.world is not None
    world = np.concatenate([found.world[:, :2] @ turn.T, found.world[:, 2:]], 1)
    wrong = replace(right, found=replace(found, image=(found.image - middle) @ turn.T + middle, world=world))
    for shown, told in ((right, 0), (wrong, 1)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            encode_source(shown.rgb, body=body, detector=ToyDetector(shown))
        assert sum("body and outline agree" in record.getMessage() for record in caplog.records) == told
