"""Synthetic people."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

from liquidwarp.errors import InputError
from liquidwarp.synth.demo import DANCER, PORTRAITS, dance_frames, photograph
from liquidwarp.synth.motion.stances import Stance, blend_stances, pose_from_stance
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.dressed_person import dress_person
from liquidwarp.synth.people.fabrics import FABRICS, Fabric, weave
from liquidwarp.synth.people.garment_meshes import SkinnedMesh, hull_contours, vertex_normals
from liquidwarp.synth.people.garments import Garment, garment_layers
from liquidwarp.synth.procedural import noise
from liquidwarp.synth.render.procedural_renderer import RenderSettings

QUICK = RenderSettings(supersample=1, rays=4)


def icosahedron() -> SkinnedMesh:
    phi = (1 + math.sqrt(5)) / 2
    corners = [(s, t * phi, 0) for s in (-1, 1) for t in (-1, 1)]
    points = np.array([p[k:] + p[:k] for p in corners for k in range(3)], np.float32) / math.hypot(1, phi)
    from scipy.spatial import ConvexHull

    faces = ConvexHull(points).simplices
    a, b, c = (points[faces[:, k]] for k in range(3))
    inward = (np.cross(b - a, c - a) * (a + b + c)).sum(1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return SkinnedMesh(points, points, faces.astype(np.int32), sparse.csr_matrix(np.ones((len(points), 1))))


def test_refined_sphere_stays_round_and_closed() -> None:
    mesh = icosahedron().refined().refined()
    assert len(mesh.faces) == 20 * 16
    assert len(mesh.rest) - len(mesh.faces) * 3 // 2 + len(mesh.faces) == 2  # Euler
    radius = np.linalg.norm(mesh.rest, axis=1)
    assert radius.max() / radius.min() < 1.06
    np.testing.assert_allclose(vertex_normals(mesh.rest, mesh.faces), mesh.rest / radius[:, None], atol=0.1)
    np.testing.assert_allclose(mesh.weights.sum(1), 1, atol=1e-12)


def test_hull_contour_of_a_disc_is_its_radius() -> None:
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = 0.3 * np.stack([np.cos(turn), np.sin(turn)], 1) + [1.0, 2.0]
    contour = hull_contours(points, np.zeros(200), np.array([0.0, 9.0]), np.tile([1.0, 2.0], (2, 1)), 0.1, 40)
    np.testing.assert_allclose(contour, 0.3, rtol=2e-3)


def test_noise_is_smooth_bounded_and_the_same_every_time() -> None:
    points = np.random.default_rng(0).uniform(-50, 50, (4000, 3)).astype(np.float32)
    values = noise(points, octaves=3, seed=1)
    assert np.abs(values).max() <= 1
    assert abs(values.mean()) < 0.05
    assert values.std() > 0.2
    np.testing.assert_array_equal(values, noise(points, octaves=3, seed=1))
    assert np.abs(noise(points + np.float32(1e-3)) - noise(points)).max() < 0.01
    assert np.abs(values - noise(points, octaves=3, seed=2)).mean() > 0.1


@pytest.mark.parametrize("kind", FABRICS)
def test_fabrics_are_cloth(kind: str) -> None:
    rng = np.random.default_rng(0)
    across, along = rng.uniform(-0.3, 0.3, (2, 3000)).astype(np.float32)
    surface = weave(Fabric(kind, (0.2, 0.4, 0.6), (0.9, 0.8, 0.7), scale=0.05), across, along)
    assert surface.albedo.shape == (3000, 3)
    assert surface.albedo.min() >= 0
    assert surface.albedo.max() < 1
    assert np.abs(surface.height).max() < 0.01
    assert np.isfinite(surface.albedo).all()


def test_unknown_fabric_and_garment_are_named() -> None:
    with pytest.raises(InputError, match="tweed"):
        weave(Fabric("tweed", (0.0, 0.0, 0.0)), np.zeros(1, np.float32), np.zeros(1, np.float32))
    with pytest.raises(InputError, match="kilt"):
        garment_layers(BareBody.create({}), Garment("kilt", Fabric("plain", (0.0, 0.0, 0.0))))


def test_feet_stand_where_they_are_told() -> None:
    bare = BareBody.create({"height": 0.5})
    stance = Stance(pelvis=(0.05, 0.1, 0.0), turn=0.4, left_foot=(0.1, 0.0, -0.05, 0.3))
    moved = Stance(pelvis=(-0.04, 0.05, 0.02), turn=0.1, left_foot=(0.1, 0.0, -0.05, 0.3))
    ankles = []
    for pose in (pose_from_stance(bare, stance), pose_from_stance(bare, moved)):
        ankles.append(bare.body.landmarks(("left_ankle",), bare.betas, pose.global_orient, pose.body_pose, pose.transl))
    torch.testing.assert_close(ankles[0], ankles[1], atol=3e-3, rtol=0)


def test_arms_point_where_they_are_told() -> None:
    bare = BareBody.create({})
    pose = pose_from_stance(bare, Stance(left_arm=(1.0, 0.0, 0.0), left_forearm=(0.0, -1.0, 0.0)))
    names = ("left_shoulder", "left_elbow", "left_wrist")
    points = bare.body.landmarks(names, bare.betas, pose.global_orient, pose.body_pose, pose.transl)[0]
    upper, lower = points[1] - points[0], points[2] - points[1]
    torch.testing.assert_close(upper / upper.norm(), torch.tensor([1.0, 0.0, 0.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(lower / lower.norm(), torch.tensor([0.0, -1.0, 0.0]), atol=1e-4, rtol=0)


def test_blended_stances_meet_their_keys_and_keep_what_they_share() -> None:
    first, second = Stance(turn=0.2, lean=(0.3, 0.0)), Stance(turn=0.8, lean=(0.3, 0.0))
    start, middle, end = blend_stances([0.0, 1.0], [first, second], np.array([0.0, 0.4, 1.0]))
    assert (start.turn, end.turn) == pytest.approx((0.2, 0.8))
    assert 0.2 < middle.turn < 0.8
    assert middle.lean == pytest.approx((0.3, 0.0))


def test_everybody_is_fully_dressed() -> None:
    person = dress_person(DANCER)
    assert len(person.layers) >= 6
    for layer in person.layers:
        assert len(layer.mesh.faces) > 100
        assert layer.mesh.faces.max() < len(layer.mesh.rest)
        assert np.isfinite(layer.mesh.rest).all()
        np.testing.assert_allclose(np.asarray(layer.mesh.weights.sum(1)), 1, atol=1e-4)


def test_pictures_are_the_same_every_time() -> None:
    first, second = (photograph(PORTRAITS["woman_checks"], (160, 128), QUICK) for _ in range(2))
    np.testing.assert_array_equal(first.rgb, second.rgb)
    np.testing.assert_array_equal(first.alpha, second.alpha)
    assert 0.1 < first.alpha.mean() < 0.4
    assert first.alpha[:, [0, -1]].max() == 0
    assert first.rgb.std() > 20


def test_dance_moves() -> None:
    frames = list(dance_frames((96, 96), frames=6, settings=QUICK))
    assert len(frames) == 6
    assert np.abs(frames[5].alpha - frames[0].alpha).mean() > 0.005
