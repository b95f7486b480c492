"""PG2, DSC and SHUP: counts, golden geometry, and what must hold before anything is learned."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
import torch
from published_samples import FOLDER, wave
from torch import Tensor, nn

from liquidwarp.errors import InputError
from liquidwarp.nn.baselines import (
    DSC_PARTS,
    DscDiscriminator,
    DscGenerator,
    Pg2Discriminator,
    Pg2Generator,
    ShupDiscriminator,
    ShupGenerator,
    dsc_heatmaps,
    dsc_masks,
    dsc_transforms,
    glorot_,
    pg2_body_mask,
    pg2_heatmaps,
    shup_heatmaps,
    shup_limb_masks,
    shup_prior,
    shup_transforms,
    shup_warp,
)
from liquidwarp.nn.baselines.dsc import SampleNorm, deform, move_part
from liquidwarp.nn.baselines.layers import ChannelsLast, SameConv2d
from liquidwarp.nn.baselines.pg2 import Pg2CoarseStage, Pg2FineStage
from liquidwarp.nn.baselines.shup import doubled

Network = TypeVar("Network", bound=nn.Module)

SIZE = (256, 256)
COUNTS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "PG2 coarse": (Pg2CoarseStage, 122_103_235),
    "PG2 fine": (Pg2FineStage, 12_696_067),
    "PG2 discriminator": (Pg2Discriminator, 10_896_257),
    "PG2 coarse, Market": (lambda: Pg2CoarseStage((128, 64)), 70_795_075),
    "PG2 fine, Market": (lambda: Pg2FineStage((128, 64), skip_first=False), 6_058_883),
    "DSC": (DscGenerator, 82_080_611),
    "DSC discriminator": (DscDiscriminator, 2_803_782),
    "SHUP": (ShupGenerator, 7_863_314),
    "SHUP discriminator": (ShupDiscriminator, 6_625_409),
}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(FOLDER / "baselines_geometry.npz"))


def shup_joints(golden: dict[str, np.ndarray], name: str) -> Tensor:
    return torch.from_numpy(golden[f"shup_joints_{name}"])[None]


def dsc_joints(golden: dict[str, np.ndarray], name: str) -> tuple[Tensor, Tensor]:
    rows = torch.from_numpy(golden[f"dsc_keypoints_{name}"])
    return rows.flip(1).double(), (rows >= 0).all(1)


def filled(network: Network) -> Network:
    glorot_(network, generator=torch.Generator().manual_seed(0))
    return network.eval().requires_grad_(False)


def silence_(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.zero_()


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    make, count = COUNTS[name]
    with torch.device("meta"):
        network = make()
    assert sum(parameter.numel() for parameter in network.parameters()) == count


# Layers


@pytest.mark.parametrize(("kernel", "before", "after"), [(3, 0, 1), (5, 1, 2)])
def test_a_stride_of_two_pads_after(kernel: int, before: int, after: int) -> None:
    layer = filled(SameConv2d(2, 3, kernel, 2))
    x = wave((1, 2, 8, 6))
    padded = nn.functional.pad(x, (before, after, before, after))
    torch.testing.assert_close(layer(x), nn.functional.conv2d(padded, layer.weight, layer.bias, 2), rtol=0, atol=0)


@pytest.mark.parametrize("size", [(7, 5), (8, 6)])
def test_a_stride_of_one_pads_evenly(size: tuple[int, int]) -> None:
    layer, x = filled(SameConv2d(2, 3, 3)), wave((1, 2, *size))
    torch.testing.assert_close(layer(x), nn.functional.conv2d(x, layer.weight, layer.bias, 1, 1), rtol=0, atol=0)


def test_channels_vary_fastest_for_a_dense_layer() -> None:
    x = wave((2, 3, 4, 5))
    assert torch.equal(ChannelsLast()(x)[1, 5 * 3 * 2 + 3 * 4 + 1], x[1, 1, 2, 4])


def test_weights_are_uniform_within_glorots_bound() -> None:
    layer = filled(SameConv2d(16, 32, 3))
    bound = (6 / (9 * (16 + 32))) ** 0.5
    assert layer.weight.abs().max() <= bound
    assert layer.weight.abs().max() > 0.99 * bound
    assert not layer.bias.any()


# SHUP


def test_shup_limbs_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    joints = shup_joints(golden, "source")
    masks = shup_limb_masks(joints, size=SIZE)[0, :, ::8, ::8].permute(1, 2, 0)
    np.testing.assert_allclose(masks.numpy(), golden["shup_limb_masks"], atol=1e-7, rtol=0)
    maps = shup_heatmaps(joints, size=SIZE)[0, :, ::4, ::4].permute(1, 2, 0)
    np.testing.assert_allclose(maps.numpy(), golden["shup_heatmaps"], atol=1e-7, rtol=0)


def test_shup_transforms_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    transforms = shup_transforms(shup_joints(golden, "source"), shup_joints(golden, "target"))
    np.testing.assert_allclose(transforms[0].permute(1, 2, 0).numpy(), golden["shup_limb_transforms"], atol=1e-9)


def test_a_joint_outside_has_an_empty_map(golden: dict[str, np.ndarray]) -> None:
    joints = shup_joints(golden, "source").clone()
    joints[0, 3] = torch.tensor([-1.0, 20.0])
    maps = shup_heatmaps(joints, size=SIZE)
    assert not maps[0, 3].any()
    assert maps[0, 4].max() > 0.9


def test_limbs_of_one_point_stay_finite() -> None:
    joints = torch.full((1, 14, 2), 20.0)
    assert shup_transforms(joints, joints).isfinite().all()
    assert shup_prior(joints, size=(64, 64)).isfinite().all()


def test_shup_masks_sum_to_one(golden: dict[str, np.ndarray]) -> None:
    network = filled(ShupGenerator(8))
    source, target = (shup_joints(golden, name).float() / 4 for name in ("source", "target"))
    masks = network(wave((1, 3, 64, 64)), source, target).masks
    torch.testing.assert_close(masks.sum(1), torch.ones(1, 64, 64), rtol=0, atol=1e-6)


def test_the_prior_alone_cuts_the_source_and_its_own_pose_puts_it_back(golden: dict[str, np.ndarray]) -> None:
    network = filled(ShupGenerator(8))
    silence_(network.delta)
    joints, picture = shup_joints(golden, "source").float() / 4, wave((1, 3, 64, 64))
    made = network(picture, joints, joints)
    torch.testing.assert_close(made.masks, torch.softmax(shup_prior(joints, size=(64, 64)), 1), rtol=0, atol=0)
    whole = made.limbs.sum(1) + made.masks[:, :1] * picture
    torch.testing.assert_close(whole, picture, rtol=0, atol=1e-6)


def test_the_picture_is_a_composite(golden: dict[str, np.ndarray]) -> None:
    network = filled(ShupGenerator(8))
    source, target = (shup_joints(golden, name).float() / 4 for name in ("source", "target"))
    made = network(wave((1, 3, 64, 64)), source, target)
    torch.testing.assert_close(made.picture, made.mask * made.foreground + (1 - made.mask) * made.background)
    assert made.picture.abs().max() <= 1


def test_the_shup_background_does_not_know_the_target(golden: dict[str, np.ndarray]) -> None:
    network = filled(ShupGenerator(8))
    source, target = (shup_joints(golden, name).float() / 4 for name in ("source", "target"))
    picture = wave((1, 3, 64, 64))
    torch.testing.assert_close(
        network(picture, source, target).background, network(picture, source, source).background, rtol=0, atol=0
    )


def test_the_warp_shifts_and_repeats_the_reflected_pixel() -> None:
    picture = wave((1, 1, 2, 6, 7))
    shift = torch.tensor([[[[1.0, 0.0, 2.0], [0.0, 1.0, -3.0]]]])
    moved = shup_warp(picture, shift)
    torch.testing.assert_close(moved[..., 3:, :5], picture[..., :3, 2:], rtol=0, atol=0)
    torch.testing.assert_close(moved[..., :2, :5], picture[..., 1:2, 2:].expand(1, 1, 2, 2, 5), rtol=0, atol=0)


def test_the_warp_is_linear_between_pixels() -> None:
    picture = torch.arange(6.0).expand(1, 1, 1, 5, 6)
    moved = shup_warp(picture, torch.tensor([[[[1.0, 0.0, 0.25], [0.0, 1.0, 0.5]]]]))
    torch.testing.assert_close(moved[0, 0, 0, 2, :5], torch.arange(5.0) + 0.25)


def test_doubling_reflects_past_the_end() -> None:
    x = torch.tensor([1.0, 3.0, 7.0]).expand(1, 1, 3, 3)
    torch.testing.assert_close(doubled(x)[0, 0, 0], torch.tensor([1.0, 2.0, 3.0, 5.0, 7.0, 5.0]), rtol=0, atol=0)


def test_the_shup_discriminator_answers_with_a_probability() -> None:
    network = filled(ShupDiscriminator((64, 64), 4))
    score = network(wave((2, 3, 64, 64)), wave((2, 14, 32, 32)), wave((2, 14, 32, 32), 0.3))
    assert score.shape == (2, 1)
    assert ((score > 0) & (score < 1)).all()


# DSC


def test_dsc_transforms_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    found = dsc_transforms(*dsc_joints(golden, "source"), *dsc_joints(golden, "target"))
    np.testing.assert_allclose(found.reshape(10, 6).numpy(), golden["dsc_transforms"][:, :6], atol=1e-9)


def test_dsc_masks_equal_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    masks = dsc_masks(*dsc_joints(golden, "target"), size=SIZE)[:, ::4, ::4]
    assert np.array_equal(masks.numpy(), np.unpackbits(golden["dsc_masks"]).reshape(10, 64, 64).astype(bool))


def test_the_same_pose_is_the_identity(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    identity = torch.eye(2, 3, dtype=torch.float64).expand(10, 2, 3)
    torch.testing.assert_close(dsc_transforms(joints, seen, joints, seen), identity, rtol=0, atol=1e-9)


def test_without_a_torso_there_is_nothing(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    hidden = seen.clone()
    hidden[8] = False
    features = wave((1, 2, 64, 64))
    for poses in ((seen, hidden), (hidden, seen)):
        transforms = dsc_transforms(joints, poses[0], joints, poses[1])[None].float()
        assert not any(move_part(features, transform).any() for transform in transforms.unbind(1))
    assert not dsc_masks(joints, hidden, size=SIZE).any()


def test_a_limb_seen_end_on_is_absent(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    flat = joints.clone()
    flat[13] = flat[12]  # the left ankle lies on the knee
    part = DSC_PARTS.index("left shank")
    assert not dsc_masks(flat, seen, size=SIZE)[part].any()
    transforms = dsc_transforms(joints, seen, flat, seen)
    assert transforms.isfinite().all()
    assert not move_part(wave((1, 2, 256, 256)), transforms[None, part].float()).any()


def test_a_limb_that_the_source_hides_comes_from_its_other_side(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    hidden = seen.clone()
    hidden[[6, 7]] = False  # the left elbow and wrist
    right, left = DSC_PARTS.index("right forearm"), DSC_PARTS.index("left forearm")
    transforms = dsc_transforms(joints, hidden, joints, seen)
    ends = transforms[left] @ torch.cat([joints[[6, 7]], torch.ones(2, 1).double()], 1).T
    torch.testing.assert_close(ends.T, joints[[3, 4]])
    torch.testing.assert_close(transforms[right], torch.eye(2, 3).double(), rtol=0, atol=1e-9)


def test_a_limb_that_the_target_hides_is_absent(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    hidden = seen.clone()
    hidden[13] = False  # the left ankle
    part = DSC_PARTS.index("left shank")
    masks = dsc_masks(joints, hidden, size=SIZE)
    assert masks.flatten(1).any(1).tolist() == [number != part for number in range(10)]
    transforms = dsc_transforms(joints, seen, joints, hidden)
    assert not move_part(wave((1, 2, 256, 256)), transforms[None, part].float()).any()


def test_the_same_pose_returns_the_torsos_skip_and_zeros_for_absent_limbs(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    features = wave((1, 5, 64, 64)).double()
    transforms, masks = dsc_transforms(joints, seen, joints, seen)[None], dsc_masks(joints, seen, size=SIZE)[None]
    torso = slice(0, 1)
    torch.testing.assert_close(deform(features, transforms[:, torso], masks[:, torso]), features, rtol=0, atol=0)
    absent = torch.zeros_like(masks)
    assert not deform(features, transforms, absent).any()
    # With all ten, nine are zero somewhere, and the largest value is kept.
    torch.testing.assert_close(deform(features, transforms, masks), features.clamp(min=0), rtol=0, atol=0)


def test_a_part_moves_to_the_nearest_pixel() -> None:
    features = wave((1, 2, 6, 7))
    moved = move_part(features, torch.tensor([[[1.0, 0.0, 1.6], [0.0, 1.0, 0.4]]]))
    torch.testing.assert_close(moved[..., :5], features[..., 2:], rtol=0, atol=0)
    assert not moved[..., 5:].any()


def test_dsc_normalises_a_whole_sample() -> None:
    x = wave((2, 3, 8, 8)) * torch.tensor([1.0, 5.0])[:, None, None, None]
    made = SampleNorm()(x)
    torch.testing.assert_close(made.mean((1, 2, 3)), torch.zeros(2), rtol=0, atol=1e-6)
    std = x.std((1, 2, 3), correction=0)
    torch.testing.assert_close(made.std((1, 2, 3), correction=0), std / (std + 1e-3))
    assert made.mean((2, 3)).abs().max() > 0.01  # channels keep their own levels


def test_dsc_maps_of_hidden_joints_are_empty(golden: dict[str, np.ndarray]) -> None:
    maps = dsc_heatmaps(*dsc_joints(golden, "source"), size=SIZE)
    assert not maps[9].any()
    assert maps[10, 224, 100] == 1
    torch.testing.assert_close(maps[10, 224, 106].item(), float(np.exp(-0.5)))


def test_the_dsc_networks_run(golden: dict[str, np.ndarray]) -> None:
    source, target = (dsc_joints(golden, name) for name in ("source", "target"))
    small = [(joints / 4, seen) for joints, seen in (source, target)]
    maps = [dsc_heatmaps(*pose, size=(64, 64))[None].float() for pose in small]
    transforms, masks = dsc_transforms(*small[0], *small[1])[None].float(), dsc_masks(*small[1], size=(64, 64))[None]
    network = filled(DscGenerator((4, 8, 16, 16, 16, 16)))
    made = network(wave((1, 3, 64, 64)), *maps, transforms, masks)
    assert made.shape == (1, 3, 64, 64)
    assert made.abs().max() <= 1
    score = filled(DscDiscriminator(4))(wave((1, 3, 64, 64)), maps[0], made, maps[1])
    assert score.shape == (1, 1)
    assert ((score > 0) & (score < 1)).all()


# PG2


@pytest.mark.parametrize(("size", "skip_first"), [((64, 64), True), ((128, 64), False)])
def test_a_silent_second_stage_leaves_the_first(size: tuple[int, int], skip_first: bool) -> None:
    network = filled(Pg2Generator(size, 4, skip_first=skip_first))
    source, pose = wave((1, 3, *size)), wave((1, 18, *size), 0.3).sign()
    made = network(source, pose)
    assert made.picture.shape == source.shape
    torch.testing.assert_close(made.picture, made.coarse + made.difference, rtol=0, atol=0)
    assert made.difference.any()
    silence_(network.fine.color)
    torch.testing.assert_close(network(source, pose).picture, made.coarse, rtol=0, atol=0)


@pytest.mark.parametrize("size", [(96, 96), (16, 16), (128, 60)])
def test_pictures_that_cannot_be_halved_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"power of two.*scale the pictures"):
        Pg2Generator(size, 4)


def test_pg2_discriminates_with_the_statistics_of_the_batch() -> None:
    network = filled(Pg2Discriminator((64, 64), 4, stages=4))
    pictures = torch.cat([wave((1, 3, 64, 64)), wave((1, 3, 64, 64), 0.5)])
    assert network(pictures).shape == (2, 1)
    torch.testing.assert_close(network(pictures), network.train()(pictures), rtol=0, atol=0)


def test_pg2_draws_discs_of_four_pixels(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "source")
    maps = pg2_heatmaps(joints + 0.9, seen, size=SIZE)
    assert maps.unique().tolist() == [-1, 1]
    assert (maps[9] == -1).all()
    disc = (maps[10] == 1).nonzero()
    assert disc.min(0).values.tolist() == [220, 96]
    assert disc.max(0).values.tolist() == [228, 104]
    assert len(disc) == 49  # points of the grid in a circle of radius 4


def test_the_pg2_mask_covers_joints_and_limbs(golden: dict[str, np.ndarray]) -> None:
    joints, seen = dsc_joints(golden, "target")
    mask = pg2_body_mask(joints, seen, size=SIZE)
    discs = (pg2_heatmaps(joints, seen, size=SIZE) == 1).any(0)
    assert mask[discs].all()
    shin = (joints[12] + joints[13]) / 2
    assert mask[int(shin[1]), int(shin[0])]
    hidden = seen.clone()
    hidden[13] = False
    assert not pg2_body_mask(joints, hidden, size=SIZE)[int(shin[1]), int(shin[0])]
    assert not pg2_body_mask(joints, torch.zeros_like(seen), size=SIZE).any()
