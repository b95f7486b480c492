from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_samples import JOINT, SIZE, dance, film, relaxed

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.detect import MaskStack
from liquidwarp.errors import InputError
from liquidwarp.fit import fit_track, refine_with_masks
from liquidwarp.fit.masks import joint_influence, signed_distance
from liquidwarp.geometry import axis_angle_to_matrix, default_camera
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body

MASK = (256, 256)


@pytest.fixture(scope="module")
def body():
    return toy_body()


def _masks(body, betas, pose, place):
    vertices = body.vertices(body.identity(betas), *body.expand_pose(pose), place)
    return rasterize(vertices, body.topology.faces, default_camera(MASK)).mask.float()


def _overlap(body, track, masks):
    vertices = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl)
    found = rasterize(vertices, body.topology.faces, track.camera.resized(MASK)).mask
    both, any_ = (found & (masks > 0.5)).sum(dim=(1, 2)), (found | (masks > 0.5)).sum(dim=(1, 2))
    return (both / any_).mean()


def test_signed_distance_of_a_square():
    mask = torch.zeros(12, 12)
    mask[3:9, 3:9] = 1
    distance = signed_distance(mask)
    assert distance[5, 3] == -0.5
    assert distance[5, 2] == 0.5
    assert distance[5, 0] == 2.5
    assert distance[5, 5] == -2.5
    assert signed_distance(torch.zeros(4, 4)).abs().max() == 0


def test_influence_is_the_share_of_skinning_weights_below_a_joint(body):
    identity = body.identity(torch.zeros(body.num_betas))
    own = [body.canonical(name) for name in CANONICAL_JOINTS]
    wanted = torch.zeros(len(identity.vertices), 22)
    for index, joint in enumerate(own):
        for other in range(len(body.parents)):
            above = other
            while above >= 0 and above != joint:
                above = body.parents[above]
            if above == joint:
                wanted[:, index] += body.weights.dense[:, other]
    torch.testing.assert_close(joint_influence(body, identity), wanted, atol=0.02, rtol=0)


def test_masks_mend_what_landmarks_got_wrong(body):
    pose, place = dance(body, 1, 24)
    betas = torch.zeros(body.num_betas)
    seen = film(body, betas, pose, place, 24.0, noise=1.0, depth_noise=0.02).keypoints
    # The detector sees both elbows and wrists 12 pixels too far to the right.
    arms = [index for index, name in enumerate(seen.names) if "elbow" in name or "wrist" in name]
    image = seen.image.clone()
    image[:, arms, 0] += 12.0
    masks = _masks(body, betas, pose, place)
    first = fit_track(body, replace(seen, image=image), betas=betas)
    stack = MaskStack.pack((mask.numpy() for mask in masks), MASK)
    second = refine_with_masks(body, replace(seen, image=image), first.track, stack)
    before, after = _overlap(body, first.track, masks), _overlap(body, second.track, masks)
    assert before < 0.93
    assert after > before + 0.02
    assert torch.equal(second.track.betas, first.track.betas)


def test_any_number_of_threads_finds_the_same_bytes(body):
    pose, place = dance(body, 1, 40)
    betas = torch.zeros(body.num_betas)
    seen = film(body, betas, pose, place, 24.0, noise=1.0, depth_noise=0.02).keypoints
    stack = MaskStack.pack((mask.numpy() for mask in _masks(body, betas, pose, place)), MASK)
    first = fit_track(body, seen, betas=betas, steps=1)
    threads = torch.get_num_threads()
    tracks = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            tracks.append(refine_with_masks(body, seen, first.track, stack, rounds=1).track)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(tracks[0].body_pose, tracks[1].body_pose)
    assert torch.equal(tracks[0].transl, tracks[1].transl)


def test_offsets_belong_to_the_outline(body):
    # Masks of a body in thick clothes: dressed, the pose is right already; nothing may move far.
    pose = relaxed(body, 1)
    place = torch.tensor([[0.0, 0.0, 3.0]])
    betas = torch.zeros(body.num_betas)
    identity = body.identity(betas)
    offsets = torch.zeros_like(identity.vertices)
    offsets[:, 0] = 0.03 * identity.vertices[:, 0].sign()
    vertices = body.vertices(identity, *body.expand_pose(pose), place, offsets=offsets)
    mask = rasterize(vertices, body.topology.faces, default_camera(MASK)).mask.float()
    seen = film(body, betas, pose, place, 0.0).keypoints
    first = fit_track(body, seen, betas=betas)
    stack = MaskStack.pack([mask[0].numpy()], MASK)
    second = refine_with_masks(body, seen, first.track, stack, offsets=offsets)
    assert (second.track.body_pose - first.track.body_pose).norm(dim=-1).max() < 0.15
    assert (second.track.transl - first.track.transl).norm() < 0.03


@pytest.mark.slow
def test_empty_masks_change_little(body):
    pose, place = relaxed(body, 2), torch.tensor([[0.0, 0.0, 3.0]]).repeat(2, 1)
    seen = film(body, torch.zeros(body.num_betas), pose, place, 24.0).keypoints
    first = fit_track(body, seen)
    second = refine_with_masks(body, seen, first.track, MaskStack.pack([None, np.zeros(SIZE, np.float32)], MASK))
    turned = axis_angle_to_matrix(second.track.body_pose) - axis_angle_to_matrix(first.track.body_pose)
    assert turned[:, JOINT["left_shoulder"] - 1].abs().max() < 0.1
    with pytest.raises(InputError, match="1 masks and 2 keypoints for 2 frames"):
        refine_with_masks(body, seen, first.track, MaskStack.pack([None], MASK))
