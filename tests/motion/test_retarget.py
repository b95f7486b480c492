"""Motion from body to body."""

import math

import pytest
import torch

from liquidwarp.bodies import CANONICAL_JOINTS, load_body
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.motion import joint_places, pose_body, retarget, skeleton_of
from liquidwarp.motion.retarget import shortest_turn
from liquidwarp.motion.skeleton import PARENTS, global_turns, level_rest, local_turns
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack


def random_track(body, frames: int = 6, seed: int = 0) -> BodyTrack:
    generator = torch.Generator().manual_seed(seed)
    orient, pose = body.expand_pose(torch.randn(frames, 22, 3, generator=generator) * 0.35)
    return BodyTrack(
        body=body.name,
        betas=torch.randn(body.num_betas, generator=generator) * 0.5,
        global_orient=orient,
        body_pose=pose,
        transl=torch.randn(frames, 3, generator=generator) * 0.2 + torch.tensor([0.0, 0.0, 3.0]),
        camera=default_camera((200, 100)),
        fps=30.0,
        confidence=torch.linspace(0, 1, frames),
        observed=torch.arange(frames) > 0,
    )


def bone_angles(one: BodyTrack, one_body, other: BodyTrack, other_body) -> torch.Tensor:
    """Return degrees between the bones of two tracks, per frame and joint but the first."""
    parents = list(PARENTS[1:])

    def directions(track, body):
        places = joint_places(skeleton_of(body, track))
        return torch.nn.functional.normalize(places[:, 1:] - places[:, parents], dim=-1)

    cosine = (directions(one, one_body) * directions(other, other_body)).sum(-1)
    return torch.rad2deg(torch.acos(cosine.clamp(-1, 1)))


@pytest.mark.parametrize("source_is_toy", [False, True])
def test_limbs_point_where_they_pointed_and_back(source_is_toy: bool) -> None:
    source, target = (toy_body(), load_body()) if source_is_toy else (load_body(), toy_body())
    track = random_track(source)
    there = retarget(track, target)
    assert (there.body, there.fps, there.camera.size) == (target.name, 30.0, (200, 100))
    assert torch.equal(there.observed, track.observed)
    angles = bone_angles(track, source, there, target)
    limbs = [
        CANONICAL_JOINTS.index(f"{side}_{name}") - 1
        for side in ("left", "right")
        for name in ("knee", "ankle", "elbow", "wrist")
    ]
    assert angles[:, limbs].max() < 0.1
    back = retarget(there, source, betas=track.betas)
    assert bone_angles(track, source, back, source).max() < 0.1
    torch.testing.assert_close(back.transl, track.transl, atol=0.02, rtol=0)


def test_the_same_body_keeps_its_track() -> None:
    body = load_body("anny")
    track = random_track(body)
    assert retarget(track, body) is track
    again = retarget(track, body, betas=track.betas)
    assert bone_angles(track, body, again, body).max() < 0.1
    torch.testing.assert_close(again.transl, track.transl, atol=1e-4, rtol=0)


def test_shapes_follow_bones() -> None:
    source, target = toy_body(), load_body("anny")
    tall = pose_body(target, skeleton_of(source, random_track(source)))
    grown = joint_places(skeleton_of(target, tall))
    given = joint_places(skeleton_of(source, random_track(source)))
    assert (grown - given).norm(dim=-1).mean() < 0.06


def test_local_and_global_turns_are_inverse() -> None:
    turns = axis_angle_to_matrix(torch.randn(3, 22, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(local_turns(global_turns(turns)), turns)


def test_shortest_turns() -> None:
    generator = torch.Generator().manual_seed(2)
    for start, end in torch.randn(20, 2, 3, dtype=torch.float64, generator=generator):
        turn = shortest_turn(start, end)
        torch.testing.assert_close(turn @ start / start.norm(), end / end.norm())
        torch.testing.assert_close(turn @ turn.T, torch.eye(3, dtype=torch.float64))
        angle = math.acos(float((turn.trace() - 1).clamp(-2, 2) / 2))
        assert math.isclose(angle, math.acos(float(start @ end / start.norm() / end.norm())), abs_tol=1e-6)
    start = torch.tensor([0.0, 2.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(shortest_turn(start, -start) @ start, -start)
    torch.testing.assert_close(shortest_turn(start, 0 * start), torch.eye(3, dtype=torch.float64))


def test_level_arms() -> None:
    rest = level_rest()
    for side in ("left", "right"):
        arm = [rest[CANONICAL_JOINTS.index(f"{side}_{name}")] for name in ("shoulder", "elbow", "wrist")]
        assert float(arm[0][1]) == float(arm[2][1])
        assert float(arm[0][2]) == float(arm[2][2])
