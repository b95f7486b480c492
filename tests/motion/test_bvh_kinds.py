"""BVH of every kind gives the motion that it was made of."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from bvh_samples import (
    HELPERS,
    INDEX,
    MIXAMO,
    SCHEMES,
    Y_UP,
    Z_UP,
    Style,
    along_bones,
    dance,
    lying,
    posed,
    write,
)
from scipy.spatial.transform import Rotation

from liquidwarp.bodies import load_body
from liquidwarp.errors import InputError
from liquidwarp.geometry import matrix_to_axis_angle
from liquidwarp.motion import SkeletonMotion, joint_places, read_bvh, read_joint_map, read_motion

CASES = Path(__file__).parents[1] / "cases"
LIMBS = [
    (INDEX[f"{side}_{one}"], INDEX[f"{side}_{other}"])
    for side in ("left", "right")
    for one, other in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
]
TRUNK = [INDEX[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head", "left_foot", "right_foot")]


def given(tmp_path: Path, style: Style, motion: SkeletonMotion | None = None) -> SkeletonMotion:
    path = tmp_path / "a.bvh"
    path.write_bytes(write(motion or dance(), style).encode())
    return read_bvh(path)


def same_places(read: SkeletonMotion, wanted: SkeletonMotion, atol: float = 1e-4) -> None:
    """Every joint is where it was, but for the place of the whole."""
    ours, theirs = joint_places(read), joint_places(wanted)
    torch.testing.assert_close(ours - ours[:1, :1], theirs - theirs[:1, :1], atol=atol, rtol=0)


def apart(read: SkeletonMotion, wanted: SkeletonMotion, joints: list[int]) -> float:
    """Return the largest angle between how joints are turned, in degrees."""
    between = read.turns[:, joints].transpose(-1, -2) @ wanted.turns[:, joints]
    return float(torch.rad2deg(matrix_to_axis_angle(between).norm(dim=-1)).max())


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("XYZ")])
def test_every_order_of_rotations(tmp_path: Path, order: str) -> None:
    read = given(tmp_path, Style(order=order))
    same_places(read, dance())
    assert apart(read, dance(), list(range(22))) < 0.01


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("case", [str, str.lower, str.upper])
def test_every_scheme_of_names(tmp_path: Path, scheme: str, case) -> None:
    """Whatever joints are called, they are found: each is where it was."""
    names = [case(name) for name in SCHEMES[scheme]]
    helpers = {joint: case(name) for joint, name in HELPERS.get(scheme, {}).items()}
    motion, there = dance(20), [joint for joint in range(22) if names[joint]]
    for joint in (INDEX["left_collar"], INDEX["right_collar"]):  # where there are none they do not move
        if joint not in there:
            turns = motion.turns.clone()
            turns[:, joint] = turns[:, INDEX["spine3"]]
            motion = replace(motion, turns=turns)
    read = given(tmp_path, Style(names=names, helpers=helpers), motion)
    ours, theirs = joint_places(read)[:, there], joint_places(motion)[:, there]
    torch.testing.assert_close(ours - ours[:1, :1], theirs - theirs[:1, :1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("scheme", ["3ds Max Biped", "Mixamo", "numbers"])
def test_every_way_that_joints_hang_together(tmp_path: Path, scheme: str) -> None:
    """A biped's thighs hang on its spine and its collars on its neck; above the pelvis there may be more joints."""
    hang = {"left_hip": "spine1", "right_hip": "spine1", "left_collar": "neck", "right_collar": "neck"}
    motion = dance(20)
    turns = motion.turns.clone()
    turns[:, INDEX["spine1"]], turns[:, INDEX["neck"]] = turns[:, 0], turns[:, INDEX["spine3"]]
    motion = replace(motion, turns=turns)
    style = Style(names=SCHEMES[scheme], hang=hang, above=("Reference", "Root"))
    limbs = sorted({joint for bone in LIMBS for joint in bone})  # without names the pelvis is where the thighs hang
    for frames in (Style().frames, along_bones(motion)):
        read = given(tmp_path, replace(style, frames=frames), motion)
        ours, theirs = joint_places(read)[:, limbs], joint_places(motion)[:, limbs]
        torch.testing.assert_close(ours - ours[:1, :1], theirs - theirs[:1, :1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.0254, 0.001, 0.0569])
def test_every_unit(tmp_path: Path, unit: float) -> None:
    """Metres, centimetres, inches and millimetres are known; of any other unit a usual person is made."""
    read = given(tmp_path, Style(unit=unit))
    if unit == 0.0569:
        legs = [float((read.rest[a] - read.rest[b]).norm()) for a, b in LIMBS[:2]]
        assert sum(legs) == pytest.approx(0.82)
    else:
        same_places(read, dance(), atol=2e-4)


@pytest.mark.parametrize(
    "text",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace("{", " {\n").replace("\n{", "{"),
        lambda text: text.replace("Frames:", "Frames: ").replace("Frame Time:", "Frame Time:\t"),
        lambda text: (
            text.replace("Xrotation", "XRotation").replace("OFFSET", "Offset").replace("HIERARCHY", "Hierarchy")
        ),
        lambda text: text.replace("MOTION", "Motion").replace("JOINT", "Joint").replace("End Site", "END SITE"),
        lambda text: text.replace("Spine1", "MotionSpine"),
        lambda text: text + "\n\n  \n",
        lambda text: text.replace(".", ","),
    ],
    ids=["mark", "crlf", "cr", "tabs", "braces", "counts", "case", "case2", "motion in a name", "end", "decimal comma"],
)
def test_every_way_to_write_text(tmp_path: Path, text) -> None:
    same_places(given(tmp_path, Style(text=text)), dance())


def test_text_in_16_bits(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_bytes(write(dance(), Style()).encode("utf-16"))
    same_places(read_bvh(tmp_path / "a.bvh"), dance())


@pytest.mark.parametrize("positions", ["all", "added"])
@pytest.mark.parametrize("ends", [True, False])
def test_position_channels_and_missing_ends(tmp_path: Path, positions: str, ends: bool) -> None:
    same_places(given(tmp_path, Style(positions=positions, ends=ends)), dance())


RESTS = {
    "T": posed({"left_shoulder": (0, 0, -45), "right_shoulder": (0, 0, 45)}),
    "arms to the front": posed({"left_shoulder": (0, 90, 0), "right_shoulder": (0, -90, 0)}),
    "arms up": posed({"left_shoulder": (0, 0, -130), "right_shoulder": (0, 0, 130)}),
    "sitting": posed(
        {f"{side}_{joint}": (turn, 0, 0) for side in ("left", "right") for joint, turn in (("hip", -80), ("knee", 80))}
    ),
    "z up, in a world with y up": posed({}, Z_UP),
    "turned by 40 degrees": posed(
        {}, Y_UP @ np.array([[np.cos(0.7), 0, np.sin(0.7)], [0, 1, 0], [-np.sin(0.7), 0, np.cos(0.7)]])
    ),
    "joints along their bones": along_bones(dance()),
    "toes down": posed({"left_ankle": (70, 0, 0), "right_ankle": (70, 0, 0)}),
    "any axes": along_bones(dance(), 0),
    "any other axes": along_bones(dance(), 1),
}


@pytest.mark.parametrize("world", [Y_UP, Z_UP], ids=["y up", "z up"])
@pytest.mark.parametrize("rest", RESTS)
def test_every_rest_pose(tmp_path: Path, rest: str, world: np.ndarray) -> None:
    """Places of joints do not depend on the rest pose, and trunk, head and feet turn as they did, to a few degrees."""
    read = given(tmp_path, Style(frames=RESTS[rest], world=world))
    same_places(read, dance())
    assert apart(read, dance(), TRUNK) < 4


@pytest.mark.parametrize("world", [Y_UP, Z_UP], ids=["y up", "z up"])
def test_who_lies_down_lies(tmp_path: Path, world: np.ndarray) -> None:
    """Eight frames of standing and 33 of lying: the world does not turn over, whatever the rest pose."""
    for head in ("away", "near", "left", "right"):
        motion = lying(part(dance(), 8), 33, head)
        for frames in (RESTS["T"], RESTS["joints along their bones"], posed({}, Z_UP)):
            same_places(given(tmp_path, Style(frames=frames, world=world), motion), motion)


def test_climbing_and_jumping_do_not_turn_the_world_over(tmp_path: Path) -> None:
    for height in (0.05, 0.3):
        root = dance().root.clone()
        root[:, 1] -= height * torch.arange(len(dance()))
        root[::2, 1] -= 0.5
        climbing = replace(dance(), root=root)
        for world in (Y_UP, Z_UP):
            same_places(given(tmp_path, Style(world=world), climbing), climbing)


def part(motion: SkeletonMotion, count: int) -> SkeletonMotion:
    return replace(motion, turns=motion.turns[:count], root=motion.root[:count])


def test_one_motion_written_twice_is_one(tmp_path: Path) -> None:
    """Limbs point the same way to 0.1 degrees; trunk, head and feet, whose rest is not known, to 4; places 1.5 cm."""
    body = load_body("anny")
    plain, odd = (read_motion(CASES / f"case02_made_{name}.bvh", body) for name in ("plain_control", "lafan_like"))
    from liquidwarp.motion import skeleton_of

    one, other = skeleton_of(body, plain), skeleton_of(body, odd)
    ours, theirs = joint_places(one), joint_places(other)
    for start, end in LIMBS:
        cosine = torch.nn.functional.cosine_similarity(
            ours[:, end] - ours[:, start], theirs[:, end] - theirs[:, start], -1
        )
        assert torch.rad2deg(torch.acos(cosine.clamp(-1, 1))).max() < 0.1
    assert apart(one, other, TRUNK) < 4
    assert (ours - theirs).norm(dim=-1).max() < 0.015
    assert plain.fps == odd.fps == 5


@pytest.mark.parametrize("case", sorted(CASES.glob("case19*.bvh")), ids=lambda path: path.stem)
def test_cases_of_names_and_marks(case: Path) -> None:
    same_places(read_bvh(case), part(dance(1), 3), atol=2e-4)


def test_a_skeleton_that_never_stands_is_refused(tmp_path: Path) -> None:
    """Somebody lies on the floor and turns there, and the rest pose is a straight line: nothing tells how to stand."""
    flat = lying(part(dance(), 1), 11)
    spin = torch.from_numpy(Rotation.from_euler("y", [[37 * frame] for frame in range(12)], degrees=True).as_matrix())
    flat = replace(flat, turns=(spin[:, None] @ flat.turns)[1:], root=flat.root[1:])
    with pytest.raises(InputError, match="at rest its legs and its spine point the same way, and in no frame") as error:
        given(tmp_path, Style(frames=along_bones(flat)), flat)
    assert "export it with a standing rest pose, such as a T" in str(error.value)
    same_places(given(tmp_path, Style(frames=RESTS["T"]), flat), flat)


ODD = ["gamma", "x1", "x2", *(f"n{number}" for number in range(3, 22))]


def test_a_map_of_joints(tmp_path: Path) -> None:
    """Joints that neither names nor the tree tell are told by the user; those that are known need no telling."""
    names = [*MIXAMO]
    for joint in ("left_elbow", "left_wrist", "right_elbow"):
        names[INDEX[joint]] = f"odd thing {INDEX[joint]}"
    lopsided = replace(dance(20), rest=dance(20).rest.clone())
    lopsided.rest[[INDEX[f"left_{name}"] for name in ("elbow", "wrist")]] += torch.tensor([0.3, 0, 0])
    path, given_map = tmp_path / "a.bvh", tmp_path / "map.txt"
    path.write_text(write(lopsided, Style(names=names, helpers={"left_elbow": "tentacle"})))
    given_map.write_text(
        "\ufeff# the left arm\nleft_elbow = odd thing 18\nleft_wrist='odd thing 20'  # the hand\n\n"
        "right_elbow = ODD THING 19\n"
    )
    joints = read_joint_map(given_map)
    assert joints == {"left_elbow": "odd thing 18", "left_wrist": "odd thing 20", "right_elbow": "ODD THING 19"}
    same_places(read_bvh(path, joints), lopsided)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left_hip", "line 1 is not ours = theirs, such as left_hip = Thigh.L"),
        ("\nleft_thigh = a", "line 2: no joint 'left_thigh'; there are pelvis, left_hip"),
        ("left_hip = a\nleft_hip = b", "line 2: left_hip a second time"),
        ("left_hip = LeftArm", "joints that do not hang together"),
        ("left_hip = Leg", "no joint 'Leg' in it, to be the left_hip; it has Hips, LeftUpLeg"),
    ],
)
def test_maps_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "map.txt").write_text(text)
    (tmp_path / "a.bvh").write_text(write(dance(20), Style()))
    with pytest.raises(InputError, match=message) as error:
        read_bvh(tmp_path / "a.bvh", read_joint_map(tmp_path / "map.txt"))
    assert "\n" not in str(error.value)


def test_a_skeleton_without_names_and_shape_says_what_was_found(tmp_path: Path) -> None:
    names = [*ODD]
    names[INDEX["left_hip"]], names[INDEX["right_elbow"]] = "LeftUpLeg", "RightForeArm"
    motion = dance(20)
    rest = motion.rest.clone()
    rest[INDEX["left_knee"]] += torch.tensor([0.5, 0, 0], dtype=torch.float64)
    rest[INDEX["left_wrist"]] += torch.tensor([0.9, 0, 0], dtype=torch.float64)
    with pytest.raises(InputError, match=r"an unknown skeleton: found left_hip .LeftUpLeg.") as error:
        given(tmp_path, Style(names=names), replace(motion, rest=rest))
    assert "missing right_hip (such as RightUpLeg or RightThigh or RightHip)" in str(error.value)
    assert "it has gamma, LeftUpLeg, n4" in str(error.value)
    assert "--joint-map" in str(error.value)
