import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from liquidwarp.bodies.landmarks import COCO
from liquidwarp.detect import Detection, collect_keypoints, describe_gaps, detect_clip, detect_people
from liquidwarp.detect.following import pick_person
from liquidwarp.detect.protocol import box_distance, box_iou, drop_outside
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.media import open_video

SIZE = (60, 100)
FRAME = np.zeros((*SIZE, 3), np.uint8)


def person_at(x: float, y: float = 30.0, height: float = 40.0, mask: bool = True) -> Detection:
    spread = np.linspace(-0.5, 0.5, len(COCO), dtype=np.float32)
    image = np.stack([x + spread * height / 4, y + spread * height], 1).astype(np.float32)
    cover = np.zeros(SIZE, np.float32)
    cover[max(0, int(y - height / 2)) : int(y + height / 2), max(0, int(x - 5)) : int(x + 5)] = 1
    sure = np.full(len(COCO), 0.9, np.float32)
    return Detection(COCO, image, sure, None, cover if mask else None, 0.9)


class ScriptedDetector:
    """Plays back who is where; a frame's number is written into its first pixel."""

    name = "scripted"

    def __init__(self, script: list[list[Detection]]) -> None:
        self.script = script

    def detect(self, frame: np.ndarray) -> list[Detection]:
        return self.script[int(frame[0, 0, 0])]


class ScriptedFollowing(ScriptedDetector):
    """Like it, with a follower that knows nobody but the person given, and loses them in the frames `blind`."""

    def __init__(self, script: list[list[Detection]], blind: tuple[int, ...] = ()) -> None:
        super().__init__(script)
        self.blind = blind
        self.started: list[int] = []

    def follow(self, frame: np.ndarray, person: Detection) -> "ScriptedFollower":
        self.started.append(int(frame[0, 0, 0]))
        return ScriptedFollower(self, person)


class ScriptedFollower:
    def __init__(self, detector: ScriptedFollowing, person: Detection) -> None:
        self.detector, self.last = detector, person

    def next(self, frame: np.ndarray) -> Detection | None:
        index = int(frame[0, 0, 0])
        if index in self.detector.blind:
            return None
        found = pick_person(self.detector.script[index], self.last.box)
        self.last = found or self.last
        return found


def clip(count: int) -> list[np.ndarray]:
    frames = []
    for index in range(count):
        frame = FRAME.copy()
        frame[0, 0, 0] = index
        frames.append(frame)
    return frames


def run(script: list[list[Detection]], *, person: int = 0, detector: ScriptedDetector | None = None):
    used = detector or ScriptedDetector(script)
    return detect_clip(
        clip(len(script)), fps=10.0, size=SIZE, detector=used, person=person, mask_size=50, source="a.mp4"
    )


def middle(result) -> list[float]:
    return ((result.boxes[:, 0] + result.boxes[:, 2]) / 2).tolist()


def test_follows_through_a_crossing_of_order():
    script = [[person_at(20 + i), person_at(80 - i)][:: 1 if i % 2 else -1] for i in range(20)]
    result = run(script)
    assert middle(result) == pytest.approx([80 - i for i in range(20)], abs=1e-3)
    assert result.others == 1


def test_second_person_can_be_chosen():
    result = run([[person_at(20), person_at(80, height=30)]] * 3, person=1)
    assert middle(result) == pytest.approx([80] * 3, abs=1e-3)


def test_no_such_person_names_the_remedy():
    with pytest.raises(InputError, match=r"a\.mp4: there is no person 2, only 2 found; choose --person 0 to 1"):
        run([[person_at(20), person_at(80)]], person=2)


def test_gaps_are_flagged_and_reported(caplog):
    script = [[], [person_at(30)], [], [], [person_at(32)], []]
    with caplog.at_level(logging.WARNING):
        result = run(script)
    assert result.keypoints.present.tolist() == [False, True, False, False, True, False]
    assert (result.keypoints.confidence[~result.keypoints.present] == 0).all()
    assert (result.boxes[~result.keypoints.present] == 0).all()
    assert "a.mp4: frames 0, 2-3 (0.2 s) and 5 without a person (bridged)" in caplog.text


def test_someone_else_does_not_step_in_at_once():
    script = [[person_at(20)]] + [[person_at(85)]] * 3 + [[person_at(21), person_at(85)]]
    result = run(script)
    assert result.keypoints.present.tolist() == [True, False, False, False, True]


def test_person_is_taken_up_elsewhere_after_half_a_second():
    script = [[person_at(20)]] + [[]] * 5 + [[person_at(85)]]
    assert run(script).keypoints.present.tolist() == [True] + [False] * 5 + [True]


def test_follower_is_used_and_restarted():
    detector = ScriptedFollowing([[person_at(20 + i), person_at(80)] for i in range(6)], blind=(3,))
    result = run(detector.script, detector=detector)
    assert middle(result) == pytest.approx([20 + i for i in range(6)], abs=1e-3)
    assert detector.started == [0, 3]


def test_nobody_at_all():
    with pytest.raises(NoPersonError, match=r"no person found in a\.mp4 \(in none of 3 frames\); try"):
        run([[]] * 3)


def test_no_frames():
    with pytest.raises(InputError, match=r"a\.mp4: no frames"):
        run([])


def test_frames_of_another_size():
    with pytest.raises(InputError, match="frame 0 is 100x60, wanted 100x50"):
        detect_clip(clip(1), fps=10.0, size=(50, 100), detector=ScriptedDetector([[person_at(20)]]))


def test_masks_are_kept_small_and_complete():
    result = run([[person_at(20)], [], [person_at(25)]])
    assert result.masks is not None
    assert result.masks.size == (30, 50)
    assert len(result.masks) == 3
    full = result.masks.frame(2, SIZE)
    assert full.shape == SIZE
    assert full[30, 25] > 0.9
    assert full[30, 60] == 0
    assert result.masks.frame(1).sum() == 0
    assert result.masks.stack().shape == (3, 30, 50)


def test_no_masks_without_a_detector_that_makes_them():
    assert run([[person_at(20, mask=False)]]).masks is None


def test_detect_people_uses_the_detector_given():
    people = [person_at(20), person_at(80)]
    assert detect_people(FRAME, detector=ScriptedDetector([people])) == people


def test_landmarks_outside_lose_their_confidence():
    image = np.array([[50, 30], [-4, 30], [-6, 30], [106, 30], [50, 64], [50, 62]], np.float32)
    got = drop_outside(image, np.ones(6, np.float32), SIZE)
    assert got.tolist() == [1, 1, 0, 0, 0, 1]


def test_collect_keeps_world_landmarks():
    one = person_at(20)
    world = np.arange(51, dtype=np.float32).reshape(17, 3)
    known = Detection(one.names, one.image, one.confidence, world, None, 1.0)
    got = collect_keypoints([None, known], size=SIZE, fps=5.0, detector="x")
    assert got.world is not None
    assert torch.equal(got.world[1], torch.from_numpy(world))
    assert (got.world[0] == 0).all()


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ([], ""),
        ([80], "frame 80 without a person (bridged)"),
        ([*range(12, 18), 80], "frames 12-17 (0.6 s) and 80 without a person (bridged)"),
        (list(range(0, 100, 10)), "10 of 100 frames without a person (bridged)"),
    ],
)
def test_describe_gaps(missing, text):
    present = torch.ones(100, dtype=torch.bool)
    present[missing] = False
    assert describe_gaps(present, 10.0) == text


def test_boxes():
    assert box_iou((0.0, 0.0, 2.0, 2.0), (1.0, 0.0, 3.0, 2.0)) == pytest.approx(1 / 3)
    assert box_iou((0.0, 0.0, 1.0, 1.0), (5.0, 5.0, 6.0, 6.0)) == 0
    assert box_distance((0.0, 0.0, 2.0, 4.0), (4.0, 0.0, 6.0, 4.0)) == pytest.approx(1)


RED, BLUE, GREEN = (200, 40, 40), (40, 60, 200), (40, 170, 60)


class Dressed(ScriptedFollowing):
    """People in clothes of one colour each; whoever is followed swaps with the next one in the frame `swap`."""

    def __init__(self, script: list[list[Detection]], swap: int) -> None:
        super().__init__(script)
        self.swap = swap

    def follow(self, frame: np.ndarray, person: Detection) -> "Swapping":
        self.started.append(int(frame[0, 0, 0]))
        here = self.script[int(frame[0, 0, 0])]
        return Swapping(self, next(number for number, other in enumerate(here) if other is person))


class Swapping:
    def __init__(self, detector: Dressed, number: int) -> None:
        self.detector, self.number = detector, number

    def next(self, frame: np.ndarray) -> Detection | None:
        index = int(frame[0, 0, 0])
        people = self.detector.script[index]
        if index == self.detector.swap:
            self.number = 1 - self.number
        return people[self.number] if self.number < len(people) else None


def painted(script: list[list[Detection]], colours: list[list[tuple[int, int, int]]]) -> list[np.ndarray]:
    frames = clip(len(script))
    for frame, people, clothes in zip(frames, script, colours, strict=True):
        for person, colour in zip(people, clothes, strict=True):
            assert person.mask is not None
            frame[1:][person.mask[1:] > 0.5] = colour
    return frames


def follow(frames: list[np.ndarray], detector: ScriptedDetector, *, fps: float = 10.0, person: int = 0):
    return detect_clip(frames, fps=fps, size=SIZE, detector=detector, person=person, source="a.mp4")


def seen_ways(found) -> list[float]:
    """Where the person is in all frames but number 10, in which one covers the other."""
    return [x for i, x in enumerate(middle(found)) if i != 10]


@pytest.mark.parametrize("person", [0, 1])
def test_people_who_cross_keep_who_they_are(person: int) -> None:
    script = [[person_at(20 + 3 * i), person_at(80 - 3 * i)] for i in range(20)]
    found = follow(painted(script, [[RED, BLUE]] * 20), Dressed(script, swap=11), person=person)
    ways = ([20 + 3 * i for i in range(20)], [80 - 3 * i for i in range(20)])
    assert seen_ways(found) == pytest.approx([x for i, x in enumerate(ways[person]) if i != 10], abs=1e-3)


def test_somebody_who_was_not_there_before_does_not_take_over() -> None:
    script = [[person_at(20 + 3 * i), *([person_at(80 - 3 * i)] if i > 4 else [])] for i in range(20)]
    found = follow(painted(script, [[RED, BLUE][: len(people)] for people in script]), Dressed(script, swap=11))
    assert seen_ways(found) == pytest.approx([20 + 3 * i for i in range(20) if i != 10], abs=1e-3)


def test_who_is_hidden_behind_another_is_nobody_until_seen_again() -> None:
    both = [[person_at(20 + 3 * i), person_at(80 - 3 * i)] for i in range(20)]
    script = [people if not 9 <= i < 12 else people[1:] for i, people in enumerate(both)]
    colours = [[RED, BLUE] if len(people) == 2 else [BLUE] for people in script]
    found = follow(painted(script, colours), ScriptedFollowing(script))
    assert found.keypoints.present.tolist() == [not 9 <= i < 12 for i in range(20)]
    here = [x for i, x in enumerate(middle(found)) if not 9 <= i < 12]
    assert here == pytest.approx([20 + 3 * i for i in range(20) if not 9 <= i < 12], abs=1e-3)


def test_who_changes_clothes_alone_stays_the_person() -> None:
    script = [[person_at(40)] for _ in range(20)]
    detector = ScriptedFollowing(script)
    found = follow(painted(script, [[RED if i < 8 else BLUE] for i in range(20)]), detector)
    assert bool(found.keypoints.present.all())


def test_after_a_cut_the_person_is_found_by_its_clothes(caplog) -> None:
    script = [[person_at(20)]] * 10 + [[person_at(30), person_at(80, height=36)]] * 10
    frames = painted(script, [[RED]] * 10 + [[BLUE, RED]] * 10)
    for frame in frames[10:]:
        frame[1:][frame[1:].sum(-1) == 0] = 180  # elsewhere
    with caplog.at_level(logging.WARNING):
        found = follow(frames, ScriptedFollowing(script))
    assert found.keypoints.cuts == (10,)
    assert "a.mp4: 1 cut, at 1.0 s; each of the 2 shots is taken by itself" in caplog.text
    assert middle(found) == pytest.approx([20] * 10 + [80] * 10, abs=1e-3)


def crossing(kind: str, *, taller: bool) -> tuple[list[list[Detection]], list[list[float]]]:
    """Two people in one dress who meet in frame 15 and go on or turn around; the ways of their middles too."""
    time = np.arange(30)
    left = 20 + 2.0 * time if kind == "on" else 48 - 2.0 * np.abs(time - 14.5)
    right = 78 - 2.0 * time if kind == "on" else 52 + 2.0 * np.abs(time - 14.5)
    heights = (44.0, 36.0) if taller else (40.0, 40.0)
    script = [
        [person_at(float(x), 50 - tall / 2, height=tall) for x, tall in zip(spots, heights, strict=True)]
        for spots in zip(left, right, strict=True)
    ]
    return script, [list(left), list(right)]


@pytest.mark.parametrize("person", [0, 1])
@pytest.mark.parametrize("kind", ["on", "back"])
def test_people_in_the_same_clothes_keep_who_they_are(kind: str, person: int, caplog) -> None:
    script, ways = crossing(kind, taller=True)
    for swap in (15, 99):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = follow(painted(script, [[RED, RED]] * 30), Dressed(script, swap=swap), person=person)
        assert middle(found)[:12] == pytest.approx(ways[person][:12], abs=1e-3)
        assert middle(found)[22:] == pytest.approx(ways[person][22:], abs=1e-3)
        assert "look alike" not in caplog.text


def told(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if "look alike" in record.getMessage()]


@pytest.mark.parametrize("kind", ["on", "back"])
def test_people_whom_nothing_tells_apart_are_said(kind: str, caplog) -> None:
    script, ways = crossing(kind, taller=False)
    with caplog.at_level(logging.WARNING):
        found = follow(painted(script, [[RED, RED]] * 30), Dressed(script, swap=99))
    assert len(told(caplog)) == 1
    where = {"on": "1.1 s (frame 11)", "back": "1.2 s (frame 12)"}[kind]
    assert f"a.mp4: people who look alike meet at {where}, and nothing tells who is who afterwards" in caplog.text
    if kind == "on":  # which is the better guess
        assert middle(found)[22:] == pytest.approx(ways[0][22:], abs=1e-3)


@pytest.mark.parametrize("person", [0, 1])
def test_whoever_is_told_by_clothes_is_not_doubted(person: int, caplog) -> None:
    kinds = {kind: crossing(kind, taller=False) for kind in ("on", "back")}
    stands = [[person_at(45), person_at(58)]] * 60  # side by side for longer than anybody takes to cross
    scripts = [*((script, ways[person]) for script, ways in kinds.values()), (stands, [(45.0, 58.0)[person]] * 60)]
    for script, way in scripts:
        with caplog.at_level(logging.WARNING):
            found = follow(painted(script, [[RED, BLUE]] * len(script)), Dressed(script, swap=99), person=person)
        assert middle(found)[22:] == pytest.approx(way[22:], abs=1e-3)
    assert not told(caplog)


def test_people_in_the_same_clothes_who_stay_apart_are_not_doubted(caplog) -> None:
    script = [[person_at(25 + 6 * np.sin(i / 3)), person_at(75 - 6 * np.sin(i / 3))] for i in range(30)]
    with caplog.at_level(logging.WARNING):
        follow(painted(script, [[RED, RED]] * 30), Dressed(script, swap=99))
    assert not told(caplog)


@pytest.mark.parametrize(("third", "doubted"), [(GREEN, False), (RED, True)])
def test_a_third_person_is_neither_of_two_who_cross(third: tuple[int, int, int], doubted: bool, caplog) -> None:
    script, ways = crossing("on", taller=False)
    script = [[*people, person_at(50)] for people in script]
    with caplog.at_level(logging.WARNING):
        found = follow(painted(script, [[RED, BLUE, third]] * 30), Dressed(script, swap=99))
    assert bool(told(caplog)) == doubted
    if not doubted:
        assert middle(found)[22:] == pytest.approx(ways[0][22:], abs=1e-3)


def test_what_cannot_be_told_in_a_shot_is_said_after_its_end(caplog) -> None:
    script, _ = crossing("on", taller=False)
    frames = painted(script + script, [[RED, RED]] * 60)
    for frame in frames[30:]:
        frame[1:][frame[1:].sum(-1) == 0] = 180  # elsewhere
    with caplog.at_level(logging.WARNING):
        follow(frames, Dressed(script + script, swap=99))
    assert "people who look alike meet at 1.1 s (frame 11) and 4.1 s (frame 41)" in caplog.text


def test_who_cannot_be_told_apart_is_said_once(caplog) -> None:
    away = 0.5 + 2.0 * np.abs(np.arange(60) - 14.5).clip(0) * (np.arange(60) < 15) + 2.0 * (np.arange(60) - 40).clip(0)
    script = [[person_at(49 - float(x)), person_at(49 + float(x))] for x in away]  # they stand together for 2.5 s
    with caplog.at_level(logging.WARNING):
        follow(painted(script, [[RED, RED]] * 60), Dressed(script, swap=99))
    (message,) = told(caplog)
    assert message.startswith("a.mp4: people who look alike meet at 1.1 s (frame 11), and nothing")
    for remedy in ("choose --person 0 to 1 (in a motion --motion-person)", "crop the picture", "trim the clip"):
        assert remedy in message


@pytest.mark.slow
@pytest.mark.parametrize("person", [0, 1])
def test_the_case_of_two_dancers(person: int) -> None:
    clip = open_video(Path(__file__).parents[1] / "cases" / "case18_two_dancers_cross.mp4")
    found = detect_clip(clip, fps=clip.fps, size=clip.size, person=person)
    seen = found.keypoints.present
    x = (found.boxes[:, 0] + found.boxes[:, 2]) / 2
    from_to = ((462, 170), (173, 470))[person]  # he walks to the left, she to the right
    assert float(seen.float().mean()) > 0.6
    assert x[0] == pytest.approx(from_to[0], abs=20)
    assert x[-1] == pytest.approx(from_to[1], abs=30)
    assert bool(seen[50:].all())
