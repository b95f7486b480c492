"""GLB files hold what the specification wants, and move as the body does."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_retarget import random_track

from liquidwarp.bodies import load_body
from liquidwarp.motion import Texture, write_glb
from liquidwarp.motion.glb import four_joints, joints_together
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
TYPES = {5126: "<f4", 5123: "<u2", 5125: "<u4"}


def parse(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    data = path.read_bytes()
    magic, version, length, json_length, json_type = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, json_type) == (b"glTF", 2, len(data), b"JSON")
    document = json.loads(data[20 : 20 + json_length])
    binary_length, binary_type = struct.unpack("<I4s", data[20 + json_length : 28 + json_length])
    binary = data[28 + json_length :]
    assert (binary_type, binary_length) == (b"BIN\0", len(binary))
    assert json_length % 4 == binary_length % 4 == 0
    assert document["buffers"] == [{"byteLength": len(binary)}]
    arrays = []
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
        kind, width = np.dtype(TYPES[accessor["componentType"]]), SIZES[accessor["type"]]
        assert view["byteLength"] == accessor["count"] * width * kind.itemsize
        raw = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        array = np.frombuffer(raw, dtype=kind).reshape(accessor["count"], width)
        assert np.isfinite(array).all()
        if "min" in accessor:
            np.testing.assert_array_equal(array.min(0), np.float32(accessor["min"]))
            np.testing.assert_array_equal(array.max(0), np.float32(accessor["max"]))
        arrays.append(array)
    return document, arrays


def turn(quaternion: np.ndarray) -> np.ndarray:
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def posed(document: dict[str, Any], arrays: list[np.ndarray], frame: int) -> np.ndarray:
    """Pose the mesh as a viewer does."""
    nodes, skin = document["nodes"], document["skins"][0]
    local = {}
    for index, node in enumerate(nodes):
        local[index] = np.eye(4)
        local[index][:3, 3] = node.get("translation", (0, 0, 0))
    animation = document["animations"][0]
    for channel in animation["channels"]:
        value = arrays[animation["samplers"][channel["sampler"]]["output"]][frame]
        matrix = local[channel["target"]["node"]]
        if channel["target"]["path"] == "rotation":
            matrix[:3, :3] = turn(value)
        else:
            matrix[:3, 3] = value
    world = {0: local[0]}
    for index, node in enumerate(nodes):  # parents come first
        for child in node.get("children", ()):
            world[child] = world[index] @ local[child]
    inverse = arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4).transpose(0, 2, 1)
    matrices = np.stack([world[joint] for joint in skin["joints"]]) @ inverse
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    joints, weights = arrays[attributes["JOINTS_0"]], arrays[attributes["WEIGHTS_0"]]
    points = np.c_[arrays[attributes["POSITION"]], np.ones(len(joints))]
    blended = (weights[..., None, None] * matrices[joints]).sum(1)
    return (blended @ points[..., None])[:, :3, 0]


@pytest.mark.parametrize("textured", [False, True])
def test_a_viewer_sees_what_we_see(tmp_path: Path, textured: bool) -> None:
    body = toy_body()
    track = random_track(body)
    faces = body.topology.faces.numpy()
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 255, (16, 32, 3), dtype=np.uint8)
    texture = Texture(picture, generator.random((len(faces), 3, 2)).astype(np.float32)) if textured else None
    offsets = torch.full((len(body.topology.vertex_part), 3), 0.01)
    path = tmp_path / "dance.glb"
    write_glb(path, track, body, offsets=offsets, texture=texture)
    document, arrays = parse(path)
    with torch.no_grad():
        identity = body.identity(track.betas)
        wanted = body.vertices(identity, track.global_orient, track.body_pose, track.transl, offsets=offsets).numpy()
    primitive = document["meshes"][0]["primitives"][0]
    indices = arrays[primitive["indices"]].ravel()
    assert len(indices) == 3 * len(faces)
    for frame in (0, 5):
        seen = posed(document, arrays, frame) * (1, -1, -1)
        np.testing.assert_allclose(seen[indices], wanted[frame][faces.ravel()], atol=2e-5)
    assert np.allclose(arrays[primitive["attributes"]["WEIGHTS_0"]].sum(1), 1, atol=1e-6)
    times = arrays[document["animations"][0]["samplers"][0]["input"]].ravel()
    np.testing.assert_allclose(times, np.arange(6) / 30, rtol=1e-6)
    if textured:
        places = arrays[primitive["attributes"]["TEXCOORD_0"]]
        np.testing.assert_allclose(places[indices], texture.corners.reshape(-1, 2), atol=2e-5)
    first = path.read_bytes()
    write_glb(path, track, body, offsets=offsets, texture=texture)
    assert path.read_bytes() == first


def test_the_file_keeps_the_rules_of_gltf(tmp_path: Path) -> None:
    """Rules of the specification that viewers rely on, beside those that `parse` checks of every array."""
    body, track = toy_body(), random_track(toy_body())
    write_glb(tmp_path / "a.glb", track, body)
    document, arrays = parse(tmp_path / "a.glb")
    nodes, (skin,), (animation,) = document["nodes"], document["skins"], document["animations"]
    assert len(skin["joints"]) == len(body.joint_names) == document["accessors"][skin["inverseBindMatrices"]]["count"]
    assert [nodes[joint]["name"] for joint in skin["joints"]] == list(body.joint_names)
    children = [child for node in nodes for child in node.get("children", ())]
    assert sorted(children) == list(range(1, len(nodes))), "a tree with one root"
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    counts = {document["accessors"][index]["count"] for index in attributes.values()}
    assert len(counts) == 1
    assert "min" in document["accessors"][attributes["POSITION"]]
    assert arrays[attributes["JOINTS_0"]].max() < len(skin["joints"])
    assert not (arrays[attributes["JOINTS_0"]][arrays[attributes["WEIGHTS_0"]] == 0]).any()
    assert arrays[document["meshes"][0]["primitives"][0]["indices"]].max() < counts.pop()
    np.testing.assert_allclose(np.linalg.norm(arrays[attributes["NORMAL"]], axis=1), 1, atol=1e-5)
    targets = [(channel["target"]["node"], channel["target"]["path"]) for channel in animation["channels"]]
    assert len(set(targets)) == len(targets)
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        assert sampler["interpolation"] == "LINEAR"
        times, values = arrays[sampler["input"]], arrays[sampler["output"]]
        assert {"min", "max"} <= set(document["accessors"][sampler["input"]])
        assert len(times) == len(values) == len(track)
        assert (np.diff(times[:, 0]) > 0).all()
        if channel["target"]["path"] == "rotation":
            np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-6)
            assert ((values[1:] * values[:-1]).sum(1) >= 0).all(), "the short way round between frames"


@pytest.mark.slow
def test_the_open_body_moves_in_a_viewer_as_it_does_here(tmp_path: Path) -> None:
    """Up to nine joints move a vertex of it, viewers know four: nearly all of the mesh is right to a tenth of a mm."""
    from liquidwarp.demo import asset

    body, track = load_body("anny"), BodyTrack.load(asset("motion_truth.npz"))[::33]
    write_glb(tmp_path / "a.glb", track, body)
    document, arrays = parse(tmp_path / "a.glb")
    with torch.no_grad():
        wanted = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl).numpy()
    for frame in range(len(track)):
        apart = np.linalg.norm(posed(document, arrays, frame) * (1, -1, -1) - wanted[frame], axis=1)
        assert np.percentile(apart, 99) < 2e-4
        assert (apart < 1e-3).mean() > 0.995
        assert apart.max() < 2e-2, "some vertices under a raised arm"


def test_joints_that_move_as_one_stand_for_each_other() -> None:
    body, track = toy_body(), random_track(toy_body())
    track.body_pose[:, [2, 5]] = 0
    together = joints_together(body.parents, track)
    for joint, first in enumerate(together.tolist()):
        still = joint - 1 in (2, 5) or (joint > 0 and not bool(track.body_pose[:, joint - 1].any()))
        assert first == (together[body.parents[joint]] if still else joint)
    # Five joints, of which the last two move as one: the four kept move the vertex as all five did.
    weights = np.array([[0.3, 0.25, 0.2, 0.15, 0.1], [0.5, 0.5, 0, 0, 0]])
    joints, heaviest = four_joints(weights, np.array([0, 1, 2, 3, 3]))
    assert joints[0].tolist() == [0, 1, 3, 2]
    np.testing.assert_allclose(heaviest[0], [0.3, 0.25, 0.25, 0.2])
    np.testing.assert_allclose(heaviest[1], [0.5, 0.5, 0, 0])
    # None moves as another: the least is left out.
    joints, heaviest = four_joints(weights, np.arange(5))
    assert joints[0].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(heaviest[0], weights[0, :4] / 0.9)


def test_trimesh_opens_it(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    body = load_body("anny")
    write_glb(tmp_path / "a.glb", random_track(body), body)
    scene = trimesh.load(tmp_path / "a.glb")
    (mesh,) = scene.geometry.values()
    assert mesh.faces.shape == (27420, 3)
