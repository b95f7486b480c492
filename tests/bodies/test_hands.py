"""Hands: joints of fingers in every body that has them, and the hand that nobody moves."""

import pytest
import torch
from fit_samples import relaxed

from liquidwarp.bodies import BodyModel, load_body, relax_hands
from liquidwarp.bodies.hands import FINGERS, SIDES, find_hand, finger_joints, rest_hand, with_fingers_of, with_hands_of
from liquidwarp.bodies.smpl import smpl_body
from liquidwarp.testing import toy_body, write_stand_in

BODIES = ("anny", "smplh", "smplx")


@pytest.fixture(scope="module", params=BODIES)
def body(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BodyModel:
    if request.param == "anny":
        return load_body()
    folder = tmp_path_factory.mktemp("bodies")
    return smpl_body(request.param, write_stand_in(folder / "stand_in.npz", request.param))


def posed_hand(body: BodyModel, pose: torch.Tensor, side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return knuckles and tips of a posed hand in the axes of its palm."""
    person = body.identity(torch.zeros(body.num_betas))
    hand = find_hand(body, side)
    rest = rest_hand(hand, side, person.joints, person.vertices)
    turn, shift = body.transforms(person.joints, torch.zeros(1, 3), pose)
    last = hand.joints[:, 2]
    tips = (turn[0, last] @ rest.tips[..., None])[..., 0] + shift[0, last]
    return (rest.joints[:, 0] - rest.wrist) @ rest.palm.T, (tips - rest.wrist) @ rest.palm.T


def test_hands_are_found_by_the_names_of_their_joints(body: BodyModel) -> None:
    assert len(finger_joints(body).unique()) == 30
    for side in SIDES:
        hand = find_hand(body, side)
        parents = torch.tensor(body.parents)
        assert torch.equal(parents[hand.joints[:, 1:]], hand.joints[:, :2])
        assert len(hand.tips.unique()) == 5


def test_a_relaxed_hand_is_narrower_than_one_at_rest_and_curls_into_the_palm(body: BodyModel) -> None:
    _, flat = body.expand_pose(torch.zeros(1, 22, 3))
    soft = relax_hands(body, flat)
    for side in SIDES:
        (_, before), (_, after) = posed_hand(body, flat, side), posed_hand(body, soft, side)
        fingers = slice(1, 5)
        assert after[fingers, 1].max() - after[fingers, 1].min() < before[fingers, 1].max() - before[fingers, 1].min()
        assert (after[fingers, 2] > before[fingers, 2]).all()
        assert (after[1:4, 1] > after[2:5, 1]).all()  # from index to little finger still side by side
        thumb = FINGERS.index("thumb")
        assert after[thumb, 1] < before[thumb, 1]


def test_both_hands_relax_alike(body: BodyModel) -> None:
    soft = relax_hands(body, body.expand_pose(torch.zeros(1, 22, 3))[1])
    left, right = (posed_hand(body, soft, side)[1] for side in SIDES)
    torch.testing.assert_close(left, right, atol=2e-3, rtol=0)


def test_relaxing_turns_fingers_alone_and_forgets_what_they_did(body: BodyModel) -> None:
    _, pose = body.expand_pose(relaxed(body, 2))
    wild = pose.clone()
    rows = finger_joints(body) - 1
    wild[:, rows] = 0.3
    assert torch.equal(relax_hands(body, wild), relax_hands(body, pose))
    others = torch.ones(pose.shape[1], dtype=torch.bool)
    others[rows] = False
    assert torch.equal(relax_hands(body, wild)[:, others], pose[:, others])
    assert torch.equal(with_hands_of(body, pose, wild), wild)


def test_a_body_without_fingers_stays_as_it_is() -> None:
    body = toy_body()
    _, pose = body.expand_pose(torch.zeros(1, 22, 3))
    assert find_hand(body, "left") is None
    assert relax_hands(body, pose) is pose


def test_fingers_go_from_body_to_body_and_back(body: BodyModel) -> None:
    anny = load_body()
    _, flat = anny.expand_pose(torch.zeros(2, 22, 3))
    pose = relax_hands(anny, flat)
    rows = finger_joints(anny) - 1
    pose[1, rows] += 0.3 * torch.randn(len(rows), 3, generator=torch.Generator().manual_seed(0))
    _, theirs = body.expand_pose(torch.zeros(2, 22, 3))
    carried = with_fingers_of(body, theirs, anny, pose)
    torch.testing.assert_close(carried[:1], relax_hands(body, theirs)[:1], atol=1e-5, rtol=0)
    back = with_fingers_of(anny, flat, body, carried)
    torch.testing.assert_close(back, pose, atol=1e-4, rtol=0)


def test_a_hand_bends_as_that_of_another_body_does(body: BodyModel) -> None:
    anny = load_body()
    _, flat = anny.expand_pose(torch.zeros(1, 22, 3))
    carried = with_fingers_of(body, body.expand_pose(torch.zeros(1, 22, 3))[1], anny, flat)
    for side in SIDES:
        (_, spread), (_, soft) = posed_hand(body, carried, side), posed_hand(body, relax_hands(body, carried), side)
        assert spread[1, 1] - spread[4, 1] > soft[1, 1] - soft[4, 1]
    assert torch.equal(with_fingers_of(body, carried, toy_body(), torch.zeros(1, 21, 3)), relax_hands(body, carried))
