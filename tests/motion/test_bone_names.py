"""Bones by the names of other programs, out and in again."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from test_glb import parse
from test_retarget import bone_angles, random_track

from liquidwarp.bodies import CANONICAL_JOINTS, load_body
from liquidwarp.cli import main
from liquidwarp.errors import InputError
from liquidwarp.motion import BONE_NAMES, body_bones, canonical_bones, read_motion, write_motion
from liquidwarp.motion.joint_search import JointTree, canonical_picks, find_joints
from liquidwarp.options import make_parser
from liquidwarp.testing import toy_body

# The required bones of a VRM 1.0 humanoid (VRMC_vrm-1.0, humanoid), each with the nearest required one above it.
VRM_NEEDED = {
    "spine": "hips", "head": "spine", "leftUpperLeg": "hips", "leftLowerLeg": "leftUpperLeg",
    "leftFoot": "leftLowerLeg", "rightUpperLeg": "hips", "rightLowerLeg": "rightUpperLeg", "rightFoot": "rightLowerLeg",
    "leftUpperArm": "spine", "leftLowerArm": "leftUpperArm", "leftHand": "leftLowerArm", "rightUpperArm": "spine",
    "rightLowerArm": "rightUpperArm", "rightHand": "rightLowerArm",
}  # fmt: skip


@pytest.mark.parametrize("names", BONE_NAMES)
def test_a_skeleton_is_read_back_by_any_names(names: str, tmp_path: Path) -> None:
    body = load_body("anny")
    track = random_track(body)
    write_motion(track, tmp_path / "a.bvh", body, names=names)
    again = read_motion(tmp_path / "a.bvh", body)
    assert float(bone_angles(track, body, again, body).max()) < 6
    for name in canonical_bones(names):
        assert f" {name}\n" in (tmp_path / "a.bvh").read_text()
    write_motion(track, tmp_path / "plain.bvh", body)
    plain = read_motion(tmp_path / "plain.bvh", body)
    assert torch.equal(again.body_pose, plain.body_pose), "names change nothing but names"


@pytest.mark.parametrize("names", BONE_NAMES)
def test_our_search_finds_the_joints_of_a_glb(names: str, tmp_path: Path) -> None:
    body = load_body("anny")
    write_motion(random_track(body, 1), tmp_path / "a.glb", body, names=names)
    document, _ = parse(tmp_path / "a.glb")
    nodes = document["nodes"][2:]
    assert tuple(node["name"] for node in nodes) == body_bones(body, names)
    offsets = np.array([node["translation"] for node in nodes])
    places = np.zeros_like(offsets)
    for joint, parent in enumerate(body.parents):
        places[joint] = offsets[joint] + (places[parent] if parent >= 0 else 0)
    tree = JointTree(body_bones(body, names), body.parents, offsets, np.zeros(len(nodes), bool), places[None])
    picks = canonical_picks(tree, find_joints(tree))
    for name, place in zip(CANONICAL_JOINTS, picks, strict=True):
        if not name.startswith("spine"):
            assert place == body.canonical(name), name


def test_every_name_is_there_once_and_hangs_where_it_must() -> None:
    body = load_body("anny")
    for names in BONE_NAMES:
        called = body_bones(body, names)
        assert len(set(called)) == len(called) == len(body.joint_names)
    called = body_bones(body, "vrm")

    def above(name: str) -> list[str]:
        found, joint = [], body.parents[called.index(name)]
        while joint >= 0:
            found.append(called[joint])
            joint = body.parents[joint]
        return found

    for bone, parent in VRM_NEEDED.items():
        assert next(name for name in above(bone) if name in {*VRM_NEEDED, "hips"}) == parent, bone
    for first, second in pairwise(("leftHand", "leftIndexProximal", "leftIndexIntermediate", "leftIndexDistal")):
        assert first in above(second)
    mixamo = body_bones(body, "mixamo")
    assert {"mixamorig:Hips", "mixamorig:LeftForeArm", "mixamorig:RightHandThumb1", "mixamorig:LeftHandPinky3"} <= set(
        mixamo
    )
    assert body_bones(toy_body(), "mixamo")[0] == "mixamorig:Hips", "a body without fingers"


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = toy_body()
    track = random_track(body)
    with pytest.raises(InputError, match=r"names='mixamo': .*a.npz has no names of bones"):
        write_motion(track, tmp_path / "a.npz", body, names="mixamo")
    with pytest.raises(InputError, match=r"names='maya'"):
        write_motion(track, tmp_path / "a.bvh", body, names="maya")
    track.save(tmp_path / "t.npz")
    assert main(["export", str(tmp_path / "t.npz"), "--names", "vrm", "-o", str(tmp_path / "b.npz")]) == 2
    assert "leave --names out" in capsys.readouterr().err
    for names in BONE_NAMES:
        make_parser().parse_args(["export", "a.npz", "-o", "a.bvh", "--names", names])
