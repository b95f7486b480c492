"""The image network: crops, what it reads where, and that rows know nothing of each other."""

import pytest
import torch
from landmark_samples import moving_person, seen_by_detector

from liquidwarp.bodies import load_body
from liquidwarp.fit.skeleton import JOINTS
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, project
from liquidwarp.regress.image import _rows
from liquidwarp.regress.image_network import ImageNetwork, crop_windows
from liquidwarp.regress.landmark_network import Estimate, estimate_of
from liquidwarp.regress.landmarks import first_poses, regressor_start
from liquidwarp.regress.observed import Observed, observe

SIDE = 32


@pytest.fixture(scope="module")
def seen() -> tuple[Observed, Estimate, torch.Tensor]:
    """Return what was seen in five frames, what was estimated, and the boxes of the crops."""
    keypoints = seen_by_detector(moving_person(load_body(), 0.2)[1], level=1.0)
    observed = observe(keypoints, default_camera(keypoints.size))
    skeleton, prior = regressor_start()
    network = small_network()
    columns = first_poses(skeleton, prior, observed)[..., :2].flatten(1)
    estimate = estimate_of(network.kinematics, columns, torch.zeros(len(columns), len(skeleton.betas)), observed)
    low, high = keypoints.image.amin(1), keypoints.image.amax(1)
    side = 1.2 * (high - low).amax(1, keepdim=True)
    return observed, estimate, torch.cat([(low + high - side) / 2, side], dim=1)


def small_network(seed: int = 0) -> ImageNetwork:
    torch.manual_seed(seed)
    network = ImageNetwork(regressor_start()[0], (4, 6, 6, 8), 16, 3)
    for layer in network.modules():  # as if it had seen something
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
    return network.eval().requires_grad_(False)


def windows_of(observed: Observed, boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return crop_windows(boxes, default_camera(size), observed.ray)


def test_a_window_is_the_camera_and_the_crop_in_one() -> None:
    camera = default_camera((300, 200))
    ray = axis_angle_to_matrix(torch.tensor([[0.1, 0.2, 0.0], [-0.2, 0.05, 0.1]]))
    boxes = torch.tensor([[-20.0, 31.0, 150.0], [80.0, 10.0, 64.0]])
    points = torch.rand(2, 7, 3) + torch.tensor([-0.5, -0.5, 2.0])
    window = crop_windows(boxes, camera, ray)
    seen_points = points @ window.transpose(1, 2)
    pixels = project(camera, points @ ray.transpose(1, 2))[..., :2]
    wanted = 2 * (pixels - boxes[:, None, :2]) / boxes[:, None, 2:] - 1
    torch.testing.assert_close(seen_points[..., :2] / seen_points[..., 2:], wanted, atol=1e-4, rtol=0)


def test_rows_know_nothing_of_each_other(seen) -> None:
    observed, estimate, boxes = seen
    network, window = small_network(), windows_of(observed, boxes, (512, 512))
    crops = torch.rand(len(boxes), 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    together = network(crops, window, observed, estimate)[-1]
    order = torch.tensor([3, 0, 4, 1, 2])
    shuffled = network(
        crops[order], window[order], _rows(observed, order), Estimate(*(value[order] for value in estimate))
    )[-1]
    alone = network(crops[2:3], window[2:3], _rows(observed, torch.tensor([2])), Estimate(*(v[2:3] for v in estimate)))
    for whole, other, one in zip(together, shuffled, alone[-1], strict=True):
        torch.testing.assert_close(whole[order], other, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(whole[2:3], one, atol=1e-5, rtol=1e-4)


def test_the_picture_is_read_where_the_body_is(seen) -> None:
    observed, estimate, boxes = seen
    network, window = small_network(), windows_of(observed, boxes, (512, 512))
    local, overall = network.look(torch.rand(len(boxes), 3, SIDE, SIDE))
    local.requires_grad_(True)
    network.answer(local, overall, window, observed, estimate)[0].joints.sum().backward()
    places = (estimate.joints + estimate.place[:, None]) @ window.transpose(1, 2)
    cells = (((places[..., :2] / places[..., 2:] + 1) / 2) * local.shape[-1]).long().clamp(0, local.shape[-1] - 1)
    assert local.grad is not None
    asked = local.grad.abs().sum(1)
    wrist = cells[torch.arange(len(boxes)), -1]
    assert bool((asked[torch.arange(len(boxes)), wrist[:, 1], wrist[:, 0]] > 0).all())
    assert float((asked > 0).float().mean()) < 0.9  # and nowhere else


def test_a_network_that_changes_nothing(seen) -> None:
    observed, estimate, boxes = seen
    network = small_network()
    last = network.correct[-1]
    last.weight.zero_()
    found = network(torch.rand(len(boxes), 3, SIDE, SIDE), windows_of(observed, boxes, (512, 512)), observed, estimate)
    for before, after in zip(estimate, found[-1], strict=True):
        torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
    assert found[-1].rotations.shape == (len(boxes), JOINTS, 3, 3)
