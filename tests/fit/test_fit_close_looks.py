"""Hands and face that were looked at closely turn wrists and head."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import JOINT, SIZE, dance, film, relaxed
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.hands import SIDES, palm_axes
from liquidwarp.detect.details import HAND, Face, Hand, Hands
from liquidwarp.fit import FitWeights, close_terms, face_track, fit_track, without_seen_hands
from liquidwarp.fit.close_looks import _LEFT, _RIGHT, face_turns, gather_hand, palm_turns
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.fit.tuning import FIT_TUNING
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle
from liquidwarp.metrics.close import head_errors
from liquidwarp.types import FACE_POINTS, Camera

LEAN = FIT_TUNING.close.face_lean


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body()


def upright_mesh() -> Tensor:
    """Return a face that looks into the camera: each left point mirrors a right one, forehead above the chin."""
    mesh = 0.05 * torch.randn(FACE_POINTS, 3, generator=torch.Generator().manual_seed(0)).double()
    flip = torch.tensor([-1.0, 1.0, 1.0]).double()
    mesh[list(_LEFT), 0] = mesh[list(_LEFT), 0].abs() + 0.05
    mesh[list(_RIGHT)] = mesh[list(_LEFT)] * flip
    mesh[10] = torch.tensor([0.0, -0.08 * math.cos(LEAN), -0.08 * math.sin(LEAN)])
    mesh[152] = -mesh[10]
    return mesh - mesh.mean(0)


def faces_of(turns: Tensor, at: tuple[float, float] = (250.0, 180.0), presence: float = 1.0) -> list[Face]:
    """Look at a face that is turned as (T, 3, 3) say, in the axes of the ray to it."""
    points = 500 * upright_mesh() @ turns.transpose(1, 2)
    points = points + torch.tensor([*at, 0.0]).double()
    return [Face(item.numpy().astype(np.float32), presence) for item in points]


def random_turns(count: int, most: float) -> Tensor:
    vectors = torch.nn.functional.normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(2)), dim=-1)
    return axis_angle_to_matrix(most * torch.linspace(0.1, 1, count)[:, None] * vectors).double()


def degrees(one: Tensor, other: Tensor) -> Tensor:
    return torch.rad2deg(matrix_to_axis_angle(one.transpose(-1, -2) @ other).norm(dim=-1))


@pytest.mark.parametrize("at", [(256.0, 256.0), (60.0, 100.0)])
def test_the_turn_of_a_head_is_read_from_its_face(at: tuple[float, float]) -> None:
    camera, wanted = default_camera(SIZE), random_turns(20, 0.8)
    faces = faces_of(wanted, at)
    turns, trust = face_turns(faces, camera)
    middle = torch.from_numpy(faces[0].points[:, :2].mean(0)).double()
    ray = torch.nn.functional.pad(camera.on_plane(middle), (0, 1), value=1.0)
    view = shortest_rotation(torch.tensor([0.0, 0, 1]).double(), ray)
    assert float(degrees(turns, view @ wanted).max()) < 0.1
    assert (trust == 1).all()


def test_a_face_that_is_turned_away_counts_for_nothing() -> None:
    angles = torch.tensor([0.0, 50.0, 65.0, 80.0, 120.0, 180.0]).deg2rad()
    turns = axis_angle_to_matrix(torch.stack([0 * angles, angles, 0 * angles], dim=-1)).double()
    _, trust = face_turns(faces_of(turns, (256.0, 256.0)), default_camera(SIZE))
    assert trust[:2].tolist() == [1, 1]
    assert 0 < float(trust[2]) < 1
    assert trust[3:].tolist() == [0, 0, 0]


def test_faces_that_cannot_be_used_count_for_nothing() -> None:
    good = faces_of(torch.eye(3)[None].double())[0]
    flat = replace(good, points=np.zeros_like(good.points))
    broken = replace(good, points=np.full_like(good.points, np.nan))
    turns, trust = face_turns([None, flat, broken, replace(good, presence=0.3), good], default_camera(SIZE))
    assert trust.tolist() == [0, 0, 0, 0, 1]
    assert torch.isfinite(turns).all()
    packed = face_track([None, broken, good])
    assert packed.presence.tolist() == [0, 0, 1]
    torch.testing.assert_close(packed.points[2], torch.from_numpy(good.points), atol=0.1, rtol=0)
    assert face_track([None, None]) is None


@pytest.mark.parametrize("fps", [0.0, 24.0])
def test_a_face_turns_the_head_that_its_landmarks_do_not(body: BodyModel, fps: float) -> None:
    pose, place = dance(body, 0.5, 24.0)
    pose[:, JOINT["head"]] = torch.tensor([-0.4, 0.3, 0.0])
    truth = film(body, torch.zeros(body.num_betas), pose, place, fps)
    heads = [n for n in truth.keypoints.names if any(w in n for w in ("nose", "eye", "ear", "mouth"))]
    confidence = truth.keypoints.confidence.clone()
    confidence[:, [truth.keypoints.names.index(name) for name in heads]] = 0
    keypoints = replace(truth.keypoints, confidence=confidence)
    rest = body.rest_joints(truth.betas)

    def head(orient: Tensor, turns: Tensor) -> Tensor:
        return body.transforms(rest, orient, turns)[0][:, body.canonical("head")].double()

    wanted = head(*body.expand_pose(pose))
    at = (250.0, 180.0)
    ray = torch.nn.functional.pad(default_camera(SIZE).on_plane(torch.tensor(at).double()), (0, 1), value=1.0)
    faces = faces_of(shortest_rotation(torch.tensor([0.0, 0, 1]).double(), ray).T @ wanted, at)

    def error(weights: FitWeights) -> float:
        terms = close_terms(body, keypoints, (), faces, weights=weights)
        track = fit_track(body, keypoints, betas=truth.betas, terms=terms).track
        error = degrees(head(track.global_orient, track.body_pose), wanted)
        np.testing.assert_allclose(head_errors(track, faces, body=body), error.numpy(), atol=0.1)
        return float(error.median())

    assert error(FitWeights()) < 4
    assert error(FitWeights(head=0.0)) > 8


def hand_like(turn: Tensor, side: str) -> Hand:
    """Look at a flat hand that is turned from one that points up with its palm to the camera."""
    world = torch.zeros(21, 3).double()
    mirror = 1.0 if side == "right" else -1.0
    for finger, name in enumerate(("index", "middle", "ring", "pinky")):
        for joint, part in enumerate(("mcp", "pip", "dip", "tip")):
            world[HAND.index(f"{name}_{part}")] = torch.tensor(
                [mirror * (0.03 - 0.02 * finger), -0.09 - 0.03 * joint, 0]
            )
    world = world @ turn.T
    image = 256 + 600 * world[:, :2]
    return Hand(image.numpy().astype(np.float32), world.numpy().astype(np.float32), 1.0, 1.0)


@pytest.mark.parametrize("side", SIDES)
def test_the_turn_of_a_palm_is_read_from_its_landmarks(side: str) -> None:
    camera = Camera.create(1e6, SIZE, (256.0, 256.0))  # no ray leans
    still = torch.eye(3).double()
    first = torch.from_numpy(hand_like(still, side).world).double()
    rest = palm_axes(first[0], first[[5, 9, 13, 17]], side)
    for turn in random_turns(5, 2.5):
        hand = hand_like(turn, side)
        both = Hands(hand, None) if side == "left" else Hands(None, hand)
        seen = gather_hand([both], side, camera)
        assert float(degrees(palm_turns(seen, rest, side)[0], turn)) < 0.1


def test_palms_turn_wrists_and_the_bodys_own_landmarks_of_them_step_back(body: BodyModel) -> None:
    pose = relaxed(body, 1)
    pose[:, JOINT["left_elbow"]] += torch.tensor([0.0, 0.9, 0.0])
    truth = film(body, torch.zeros(body.num_betas), pose, torch.tensor([[0.0, 0.0, 3.0]]), 0.0)
    names = truth.keypoints.names
    hand = hand_like(torch.eye(3).double(), "left")
    less = without_seen_hands(truth.keypoints, [Hands(hand, None)])
    gone = [names.index(f"left_{part}") for part in ("index", "pinky", "thumb")]
    kept = [index for index in range(len(names)) if index not in gone]
    assert not less.confidence[:, gone].any()
    assert torch.equal(less.confidence[:, kept], truth.keypoints.confidence[:, kept])
    assert without_seen_hands(truth.keypoints, ()) is truth.keypoints
    assert len(close_terms(body, truth.keypoints, [Hands(hand, None)], ())) == 2
    assert close_terms(body, truth.keypoints, [Hands(hand, None)], (), weights=FitWeights(hands=0.0)) == []
    assert close_terms(body, truth.keypoints, [None], [None]) == []
