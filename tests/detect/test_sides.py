"""Left and right: leaps between a person and its mirror image are found and put right, true motion is left alone."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

import liquidwarp as lw
from liquidwarp.bodies.landmarks import opposite
from liquidwarp.detect import Hand, Hands, put_sides_right
from liquidwarp.detect.sides import find_exchanged
from liquidwarp.synth import MOVING_KINDS, moving_person, simulate_keypoints

FRAMES = 32


def seen(kind: str = "dance", number: int = 0, *, level: float = 0.0) -> lw.Keypoints:
    return simulate_keypoints(moving_person((5, number), FRAMES, kind=kind), number, level=level)


def confused(points: lw.Keypoints, frames: list[int]) -> lw.Keypoints:
    """Answer some frames as a detector does that takes a front for a back: other names, depth turned over."""
    order = [points.names.index(opposite(name)) for name in points.names]
    image, confidence, world = points.image.clone(), points.confidence.clone(), points.world.clone()
    image[frames] = points.image[frames][:, order]
    confidence[frames] = points.confidence[frames][:, order]
    world[frames] = points.world[frames][:, order] * torch.tensor([1.0, 1.0, -1.0])
    return replace(points, image=image, confidence=confidence, world=world)


@pytest.mark.parametrize("frames", [[9], [10, 11, 12, 20, 21], [*range(4, 13), *range(15, 19)]])
def test_confused_frames_are_put_right(frames: list[int]) -> None:
    points = seen()
    found = confused(points, frames)
    assert np.flatnonzero(find_exchanged(found).exchanged).tolist() == frames
    righted, _ = put_sides_right(found)
    assert torch.equal(righted.image, points.image)
    assert torch.equal(righted.world, points.world)
    near = torch.zeros(FRAMES, dtype=torch.bool)
    near[[at + by for at in frames for by in range(-3, 4)]] = True
    assert torch.equal(righted.confidence[~near], points.confidence[~near])
    assert float((righted.confidence == points.confidence).float().mean()) > 0.97


@pytest.mark.parametrize("kind", MOVING_KINDS)
def test_who_is_seen_rightly_is_left_alone(kind: str) -> None:
    points = seen(kind, 1, level=1.0)
    righted, hands = put_sides_right(points)
    assert righted is points
    assert hands == ()


@pytest.mark.parametrize("seed", range(4))
def test_who_leaps_in_any_case_tells_nothing(seed: int) -> None:
    """A spin that the detector cannot follow: every landmark is somewhere else in every frame."""
    points = seen()
    rng = torch.Generator().manual_seed(seed)
    image = points.image + 60 * torch.randn(points.image.shape, generator=rng)  # pixels of a picture of 512
    found = replace(points, image=image)
    assert put_sides_right(found)[0] is found


def test_a_mean_of_both_answers_loses_its_confidence_and_hides_no_leap() -> None:
    points = seen()
    found = confused(points, [*range(8, 14)])
    image = found.image.clone()
    image[14] = (points.image[14] + confused(points, [14]).image[14]) / 2
    found = replace(found, image=image)
    exchanged = find_exchanged(found).exchanged
    assert np.flatnonzero(np.delete(exchanged, 14)).tolist() == [*range(8, 14)]
    righted, _ = put_sides_right(found)
    wrists = [points.names.index(f"{side}_wrist") for side in ("left", "right")]
    assert float(righted.confidence[14, wrists].max()) == 0


def test_the_way_feet_point_tells_which_answer_is_right(caplog: pytest.LogCaptureFixture) -> None:
    """Most frames are wrong, but toes are below the heels of who faces a camera that looks down."""
    points = stepping()
    frames = [*range(6, 26)]
    found = confused(points, frames)
    with caplog.at_level(logging.INFO):
        assert torch.equal(put_sides_right(found, source="a.mp4")[0].image, points.image)
    assert caplog.messages == ["a.mp4: left and right were taken for each other in frames 6-25; exchanged"]
    assert caplog.records[0].levelno == logging.INFO


def test_hands_tell_too_and_change_their_names() -> None:
    points = without_feet(stepping())
    frames = [*range(6, 26)]
    found = confused(points, frames)
    hand = Hand(np.zeros((21, 2)), np.zeros((21, 3)), 1.0, 0.95)
    other = replace(hand, side=0.05)
    hands = [Hands(other, None) if frame in frames else Hands(None, hand) for frame in range(FRAMES)]
    righted, turned = put_sides_right(found, hands)
    assert torch.equal(righted.image, points.image)
    assert all(one.left is None and one.right.side == pytest.approx(0.95) for one in turned)


def test_where_nothing_tells_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    found = confused(without_feet(stepping()), [*range(8, 24)])
    assert find_exchanged(found).unsure.any()
    put_sides_right(found, source="a.mp4")
    assert "nothing tells for sure" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING


def test_pictures_that_are_unrelated_are_left_alone() -> None:
    found = replace(confused(seen(), [10, 11]), fps=0.0)
    assert put_sides_right(found)[0] is found


def stepping() -> lw.Keypoints:
    """Somebody who faces a camera that looks down, and shifts a little."""
    points = seen("reach", 2)
    image = points.image[:1] + torch.linspace(0, 20, FRAMES)[:, None, None]
    image = image.clone()
    for side, x in (("left", 40.0), ("right", -40.0)):
        for name in points.names:
            if name.startswith(side):
                image[:, points.names.index(name), 0] = 256 + x + torch.linspace(0, 20, FRAMES)
        heel, toe = (points.names.index(f"{side}_{name}") for name in ("heel", "foot_index"))
        image[:, toe, 1] = image[:, heel, 1] + 20
    return replace(points, image=image)


def without_feet(points: lw.Keypoints) -> lw.Keypoints:
    """Let the feet be seen from the side of the floor, so that they tell nothing."""
    image = points.image.clone()
    for side in ("left", "right"):
        heel, toe = (points.names.index(f"{side}_{name}") for name in ("heel", "foot_index"))
        image[:, toe, 1] = image[:, heel, 1]
    return replace(points, image=image)
