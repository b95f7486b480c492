"""What Blender itself makes of our files: its package `bpy` does the import."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from liquidwarp.bodies import CANONICAL_JOINTS, load_body
from liquidwarp.demo import asset
from liquidwarp.motion import BONE_NAMES, Texture, body_bones, canonical_bones, joint_places, skeleton_of, write_glb
from liquidwarp.motion import write_bvh as write_skeleton
from liquidwarp.types import BodyTrack

PYTHON = os.environ.get("LIQUIDWARP_BLENDER_PYTHON") or (sys.executable if find_spec("bpy") else None)
"""A Python that has `bpy`, which may be another than that of the tests: it asks for numpy < 2."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="no bpy here; LIQUIDWARP_BLENDER_PYTHON may name a Python that has it"),
]
RATE = 25
FRAMES = slice(0, 120, 20)


@pytest.fixture(scope="module")
def track() -> BodyTrack:
    return BodyTrack.load(asset("motion_truth.npz"))[FRAMES]


@pytest.fixture(scope="module")
def seen(track: BodyTrack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What Blender holds of each file, by its name."""
    folder, body = tmp_path_factory.mktemp("blender"), load_body("anny")
    faces = len(body.topology.faces)
    texture = Texture(np.full((8, 8, 3), 90, np.uint8), np.full((faces, 3, 2), 0.5, np.float32))
    for names in BONE_NAMES:
        write_glb(folder / f"{names}.glb", track, body, texture=texture, names=names)
        write_skeleton(folder / f"{names}.bvh", track, body, names=names)
    files = sorted(folder.iterdir())
    script = Path(__file__).with_name("blender_look.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(PYTHON), str(script), str(RATE), *map(str, files)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return {path.name: look for path, look in zip(files, json.loads(done.stdout), strict=True)}


def in_blender(places: torch.Tensor) -> np.ndarray:
    """Turn our axes (x to the left, y down, z away) into Blender's (x to the left, y back, z up)."""
    return places.double().numpy()[..., [0, 2, 1]] * (1, 1, -1)


@pytest.mark.parametrize("names", BONE_NAMES)
def test_a_glb_stands_in_blender_as_it_does_here(names: str, seen: dict[str, Any], track: BodyTrack) -> None:
    body, look = load_body("anny"), seen[f"{names}.glb"]
    called = body_bones(body, names)
    parents = [None if parent < 0 else called[parent] for parent in body.parents]
    assert {tuple(pair) for pair in look["bones"]} == set(zip(called, parents, strict=True))
    assert (look["frames"], look["textures"]) == (len(track), [[8, 8]])
    rest = body.rest_joints(track.betas)
    turns, shifts = body.transforms(rest, track.global_orient, track.body_pose)
    wanted = in_blender((turns @ rest[:, :, None])[..., 0] + shifts + track.transl[:, None])
    with torch.no_grad():
        skin = in_blender(body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl))
    for frame, places in enumerate(look["places"]):
        found = np.array([places[name] for name in called])
        np.testing.assert_allclose(found, wanted[frame], atol=1e-3)  # a millimetre
        (box,) = (value for name, value in places.items() if name.startswith("mesh "))
        np.testing.assert_allclose(box, [skin[frame].min(0), skin[frame].max(0)], atol=3e-3)


@pytest.mark.parametrize("names", BONE_NAMES)
def test_a_bvh_moves_in_blender_as_it_does_here(names: str, seen: dict[str, Any], track: BodyTrack) -> None:
    look = seen[f"{names}.bvh"]
    assert {name for name, _ in look["bones"]} == set(canonical_bones(names))
    assert (look["frames"], look["rate"]) == (len(track), RATE)
    wanted = in_blender(joint_places(skeleton_of(load_body("anny"), track)))
    assert wanted.shape[1] == len(CANONICAL_JOINTS)
    for frame, places in enumerate(look["places"]):
        found = np.array([places[name] for name in canonical_bones(names)])
        np.testing.assert_allclose(found, wanted[frame], atol=1e-3)
