"""Several people in one picture."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, ToyPhoto, toy_photo

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import Detection
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.geometry import default_camera, project
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize
from liquidwarp.tasks import draw_together, encode_everyone, encode_source, imitate, imitate_together
from liquidwarp.tasks.moving_plate import turned_plate
from liquidwarp.tasks.target import Target
from liquidwarp.tasks.together import Performer
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, CameraPath

SIZE = (97, 110)
COLOURS = ((200, 40, 40), (40, 40, 200))
CAMERA = default_camera(SIZE)


class TwoPeople:
    """A detector that knows where two toys stand."""

    name = "toy"

    def __init__(self, found: list[Detection]) -> None:
        self.found, self.asked = found, 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        self.asked += 1
        return self.found


@pytest.fixture(scope="module")
def photo() -> tuple[np.ndarray, TwoPeople]:
    """Return a photo of a red and a blue toy side by side, and who finds them."""
    body = toy_body()
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    rgb = np.stack([90 + rows // 2, 140 + 0 * rows, 160 - columns // 2], -1).astype(np.uint8)
    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    betas, found = torch.zeros(body.num_betas), []
    for side, colour in zip((-0.55, 0.55), COLOURS, strict=True):
        place = torch.tensor([[side, 0.1, 3.2]])
        vertices = body.vertices(body.identity(betas), orient, pose, place)
        mask = rasterize(vertices, body.topology.faces, CAMERA).mask[0].numpy()
        rgb[mask] = colour
        points = body.landmarks(MEDIAPIPE, betas, orient, pose, place)[0]
        hips = points[[MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(0)
        seen = project(CAMERA, points)[:, :2].numpy(), np.ones(len(MEDIAPIPE), np.float32), (points - hips).numpy()
        found.append(Detection(MEDIAPIPE, *seen, mask.astype(np.float32), 1.0))
    return rgb, TwoPeople(found)


@pytest.fixture(scope="module")
def people(photo: tuple[np.ndarray, TwoPeople]) -> list[SourceState]:
    rgb, detector = photo
    detector.asked = 0
    both = encode_everyone(rgb, body=toy_body(), detector=detector)
    assert detector.asked == 1
    return both


def at(person: SourceState, places: list[tuple[float, float]]) -> Target:
    """Let somebody stand at (x, z), metres."""
    frames = len(places)
    track = person.track
    transl = torch.tensor([[x, 0.1, z] for x, z in places])
    pose = track.global_orient.expand(frames, -1), track.body_pose.expand(frames, -1, -1)
    return Target(*pose, transl, (CAMERA,))


def test_everyone_of_a_photo_is_learnt_and_nobody_is_left_behind(people: list[SourceState]) -> None:
    assert people[0].background is people[1].background
    middles = [float((state.alpha.sum(0) * np.arange(SIZE[1])).sum() / state.alpha.sum()) for state in people]
    assert middles[0] < SIZE[1] / 2 < middles[1]
    behind = people[0].background.astype(int)
    for colour in COLOURS:
        assert np.abs(behind - colour).sum(-1).min() > 60


@pytest.mark.parametrize("nearer", [0, 1])
@pytest.mark.parametrize("turned", [False, True])
def test_who_is_nearer_covers_who_is_farther_whatever_their_order(people, nearer: int, turned: bool) -> None:
    depths = [3.2, 3.8] if nearer == 0 else [3.8, 3.2]
    performers = [Performer(person, at(person, [(0.0, depth)])) for person, depth in zip(people, depths, strict=True)]
    (made,) = draw_together(performers[::-1] if turned else performers)
    alone = [next(draw_together([performer])) for performer in performers]
    front = alone[nearer].alpha > 0.9
    assert (made.image[:, front] - alone[nearer].image[:, front]).abs().max() < 0.11
    behind = (alone[1 - nearer].alpha > 0.9) & (alone[nearer].alpha == 0)
    assert made.image[:, behind].equal(alone[1 - nearer].image[:, behind])
    torch.testing.assert_close(made.alpha, 1 - (1 - alone[0].alpha) * (1 - alone[1].alpha))


def test_parts_of_one_body_are_in_front_and_behind_another(people) -> None:
    """Two who stand in each other: each pixel shows who is nearer there."""
    targets = [at(person, [(x, 3.2)]) for person, x in zip(people, (-0.08, 0.08), strict=True)]
    targets[1] = replace(targets[1], global_orient=torch.tensor([[0.0, 0.9, 0.0]]))
    (made,) = draw_together([Performer(person, target) for person, target in zip(people, targets, strict=True)])
    depths = []
    for person, target in zip(people, targets, strict=True):
        pose = target.global_orient, target.body_pose, target.transl
        shape = person.body.identity(person.track.betas)
        vertices = person.body.vertices(shape, *pose, offsets=person.offsets)
        depths.append(rasterize(vertices, person.body.topology.faces, CAMERA).depth[0])
    both = depths[0].isfinite() & depths[1].isfinite()
    red = made.image[0] > made.image[2]
    agree = red[both] == (depths[0] < depths[1])[both]
    assert agree.float().mean() >= 0.9
    assert 0.05 < red[both].float().mean() < 0.95


def test_one_motion_for_all_or_one_each(people) -> None:
    track = people[0].track
    frames = 3
    transl = track.transl + torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0]])
    motion = replace(
        track, global_orient=track.global_orient.expand(frames, -1), body_pose=track.body_pose.expand(frames, -1, -1),
        transl=transl, fps=25.0, confidence=torch.ones(frames), observed=torch.ones(frames, dtype=torch.bool),
    )  # fmt: skip
    assert len(list(imitate_together(people, [motion], size=64))) == 3
    assert len(list(imitate_together(people, [motion, motion[:2]], size=64))) == 3
    with pytest.raises(InputError, match="2 people and 3 motions"):
        imitate_together(people, [motion] * 3)
    path = CameraPath(torch.eye(3).expand(3, 3, 3).clone(), torch.tensor([1.0, 1.2, 1.4]))
    zooming = replace(motion, path=path)
    wide, _, close = imitate(people[0], zooming, camera="copy")
    assert close.alpha.sum() > 1.5 * wide.alpha.sum()
    (alone,) = imitate(people[0], zooming[2:], camera="copy")
    free = (alone.alpha == 0) & (close.alpha == 0)
    assert alone.image[:, free].equal(close.image[:, free])  # a single frame has the background of its camera, too
    grown = turned_plate(wide.image, motion.camera, path.camera(motion.camera, 2))
    assert grown.shape == wide.image.shape


def test_who_starts_later_stands_until_then(people) -> None:
    first = Performer(people[0], at(people[0], [(-0.5, 3.2)] * 4))
    second = Performer(people[1], at(people[1], [(0.3, 3.2), (0.6, 3.2)]), start=2)
    made = [picture.image for picture in draw_together([first, second])]
    assert made[0].equal(made[1])
    assert made[1].equal(made[2])
    assert not made[2].equal(made[3])


def test_what_cannot_be_is_said(people, photo) -> None:
    rgb, detector = photo
    with pytest.raises(InputError, match="there is no person 2, only 2 found"):
        encode_everyone(rgb, people=[2], body=toy_body(), detector=detector)
    with pytest.raises(InputError, match="somebody twice"):
        encode_everyone(rgb, people=[1, 1], body=toy_body(), detector=detector)
    with pytest.raises(NoPersonError, match="no person found"):
        encode_everyone(np.zeros((64, 64, 3), np.uint8), body=toy_body(), detector=ToyDetector())
    with pytest.raises(InputError, match="nobody to draw"):
        draw_together([])
    other = replace(at(people[1], [(0.0, 3.0)]), cameras=(CAMERA.resized((48, 55)),))
    with pytest.raises(InputError, match="pictures of sizes"):
        draw_together([Performer(people[0], at(people[0], [(0.0, 3.0)])), Performer(people[1], other)])


def test_a_known_background_is_taken_as_it_is() -> None:
    body = toy_body()
    made: ToyPhoto = toy_photo(body, np.full((64, 3), 120, np.uint8))
    plate = np.full_like(made.rgb, 17)
    state = encode_source(made.rgb, body=body, detector=ToyDetector(made), background=plate)
    assert np.array_equal(state.background, plate)
    assert isinstance(state.track, BodyTrack)
