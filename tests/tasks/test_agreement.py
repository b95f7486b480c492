"""A body that does not agree with the outline is told of."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_people import PLACE, ToyDetector, toy_photo

from liquidwarp.bodies import CANONICAL_JOINTS, PARTS
from liquidwarp.camera_motion import CameraKind, CameraMotion
from liquidwarp.clothing import SilhouetteView
from liquidwarp.geometry import default_camera
from liquidwarp.raster import rasterize
from liquidwarp.tasks import SourceTuning, encode_source
from liquidwarp.tasks.agreement import (
    DoubtTuning,
    PoseDoubts,
    outline_agreement,
    pose_doubts,
    reasons_to_doubt,
    tell_of_misread,
    tells_hands,
)
from liquidwarp.tasks.recover import detect_source
from liquidwarp.testing import toy_body
from liquidwarp.types import CameraPath

SIZE = (194, 146)


@pytest.fixture(scope="module")
def body():
    return toy_body()


def photo(body, turn=0.0):
    colours = np.random.default_rng(0).integers(40, 220, (len(PARTS), 3)).astype(np.uint8)
    return toy_photo(body, colours, size=SIZE, turn=turn)


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
    assert agreements[-1] < SourceTuning().doubts.least_agreement


HIDDEN = "legs and head hide"
POINTS = "trunk or thighs point"
ASTRAY = "of a lower leg lies beside the outline"


def bent(**turns: float) -> torch.Tensor:
    """Return a pose of somebody whose joints are bent about the left-right axis, by radians; `turn` is the whole."""
    pose = torch.zeros(1, 22, 3)
    for name, angle in turns.items():
        sides = (name,) if name in CANONICAL_JOINTS else (f"left_{name}", f"right_{name}")
        for joint in sides:
            pose[0, CANONICAL_JOINTS.index(joint), 0] = angle
    return pose


def doubts(body, pose: torch.Tensor, outline: torch.Tensor | None = None) -> PoseDoubts:
    """Return what speaks against a pose before the outline of another, or of itself."""
    views = []
    for shown in (pose, pose if outline is None else outline):
        turned = body.expand_pose(shown)
        vertices = body.vertices(body.identity(torch.zeros(body.num_betas)), *turned, PLACE)
        mask = rasterize(vertices, body.topology.faces, default_camera(SIZE)).mask[0].float()
        views.append(SilhouetteView(*turned, PLACE, default_camera(SIZE), mask))
    view = replace(views[0], alpha=views[1].alpha)
    none = torch.zeros(len(body.topology.vertex_part), 3)
    return pose_doubts(body, torch.zeros(body.num_betas), none, view)


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        ({}, []),
        ({"pelvis": 0.35}, []),
        ({"pelvis": -0.35}, []),
        ({"left_hip": -1.2}, []),  # a kick
        ({"hip": -0.6, "knee": 0.8}, []),
        ({"spine1": 0.3, "spine2": 0.3}, []),
        ({"hip": -2.2, "knee": 2.3}, [HIDDEN, POINTS]),  # knees drawn up
        ({"hip": -2.4, "knee": 2.4, "spine1": 0.4, "spine2": 0.4, "neck": 0.4}, [HIDDEN, POINTS]),  # curled up
        ({"hip": -1.5, "knee": 1.5}, [HIDDEN, POINTS]),  # on a chair
        ({"pelvis": 1.4}, [HIDDEN, POINTS]),  # from straight above
        ({"pelvis": -1.3}, [HIDDEN, POINTS]),  # from straight below
        ({"hip": -1.2, "pelvis": 1.2}, [HIDDEN, POINTS]),  # a deep bow
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_poses_that_a_look_cannot_tell_give_reasons_and_others_none(body, turns, told) -> None:
    found = doubts(body, bent(**turns))
    reasons = reasons_to_doubt(found)
    assert found.agreement == 1
    assert bool(reasons) == bool(told)
    assert all(any(reason in text for reason in told) for text in reasons)


def test_side_views_and_folded_arms_are_ordinary(body) -> None:
    for yaw in (0.8, 1.6, 3.1):
        pose = torch.zeros(1, 22, 3)
        pose[0, 0, 1] = yaw
        assert not reasons_to_doubt(doubts(body, pose))
    folded = torch.zeros(1, 22, 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        folded[0, CANONICAL_JOINTS.index(f"{side}_elbow"), 1] = 1.8 * sign
    assert not reasons_to_doubt(doubts(body, folded))


def test_a_leg_that_goes_on_where_the_person_ends_is_astray(body) -> None:
    kneels = bent(knee=1.7)
    found = doubts(body, bent(), kneels)
    assert found.astray > 0.8
    assert any(ASTRAY in reason for reason in reasons_to_doubt(found))
    assert doubts(body, kneels).astray == 0


def test_hands_are_told_only_where_the_body_is_seen(body) -> None:
    camera, none = default_camera(SIZE), torch.zeros(body.num_betas)
    for turns, told in (({}, True), ({"pelvis": 1.4}, False), ({"hip": -2.2, "knee": 2.3}, False)):
        view = SilhouetteView(*body.expand_pose(bent(**turns)), PLACE, camera, torch.zeros(SIZE))
        assert tells_hands(body, none, view) == told


def test_one_line_with_the_figures(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        tell_of_misread("a.jpg", [PoseDoubts(0.95, 0.1, 20.0, 0.3)])
        assert not caplog.records
        tell_of_misread("a.jpg", [PoseDoubts(0.614)])
        tell_of_misread("a.jpg and 1 more", [PoseDoubts(0.95), PoseDoubts(0.7)])
        tell_of_misread("b.jpg", [PoseDoubts(0.96, hidden=0.31, slant=67.4)])
    (one, two, three) = (record.getMessage() for record in caplog.records)
    assert one.startswith("a.jpg: body and outline agree by only 61% (87% or more is usual): the pose may be misread")
    assert two.startswith("a.jpg and 1 more: in photo 2 body and outline agree by only 70%")
    assert three == (
        "b.jpg: legs and head hide 31% of the trunk (20% or less is usual) and trunk or thighs point 67 degrees "
        "towards the camera or away from it (45 or less is usual): the pose may be misread and the person look "
        "wrong; take a photo of somebody who stands, seen from the front at the height of the hips"
    )


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


class KnownMotion(CameraMotion):
    """The motion of a camera that hardly moved."""

    def path(self, *, fov=None, tuning=None):
        return CameraPath(torch.eye(3).expand(3, 3, 3).clone(), torch.ones(3)), 50.0


@pytest.mark.slow
@pytest.mark.parametrize("moving", [False, True])
def test_a_clip_is_told_of_as_one_and_its_known_background_is_taken(body, caplog, monkeypatch, moving) -> None:
    def watched(*arguments, **options):
        found = detect_source(*arguments, **options)
        return replace(found, motion=KnownMotion(CameraKind.MOVING, False, SIZE, (), (), 3)) if moving else found

    monkeypatch.setattr("liquidwarp.tasks.source.detect_source", watched)
    monkeypatch.setattr("liquidwarp.tasks.source.clip_background", None)  # nothing is worked out that is known
    shown = [photo(body, turn=0.7 * step) for step in range(3)]
    plate = None if moving else np.full_like(shown[0].rgb, 17)
    frames, tuning = np.stack([one.rgb for one in shown]), SourceTuning(doubts=DoubtTuning(least_agreement=1.01))
    with caplog.at_level(logging.WARNING):
        person = encode_source(
            frames, body=body, detector=ToyDetector(*shown), fov=50.0, background=plate, tuning=tuning
        )
    (told,) = (record.getMessage() for record in caplog.records if "outline agree" in record.getMessage())
    assert len(person.views) > 1
    assert "in photo" not in told
    assert plate is None or np.array_equal(person.background, plate)
