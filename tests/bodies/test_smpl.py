from pathlib import Path

import numpy as np
import pytest
import torch

from liquidwarp.bodies import CANONICAL_JOINTS, PARTS
from liquidwarp.bodies.smpl import smpl_body
from liquidwarp.bodies.toy import toy_body
from liquidwarp.errors import InputError

UP = np.array([1, -1, -1])


def write_smpl(path: Path, **changes: np.ndarray) -> Path:
    """Write the toy body in SMPL's format and axes (y up, facing +z), with SMPL's 24 joints."""
    toy = toy_body()
    rest = toy.identity(torch.zeros(toy.num_betas))
    vertices = rest.vertices.numpy().astype(np.float64) * UP
    joints = rest.joints.numpy() * UP
    parents = [*toy.parents, CANONICAL_JOINTS.index("left_wrist"), CANONICAL_JOINTS.index("right_wrist")]
    joints = np.concatenate([joints, joints[-2:] * 1.05])
    regressor = np.linalg.lstsq(np.c_[vertices, np.ones(len(vertices))].T, np.c_[joints, np.ones(24)].T, rcond=None)[
        0
    ].T
    shapes = np.stack([vertices * 0.03, vertices * (0.05, 0, 0.05)], axis=-1)
    arrays = {
        "v_template": vertices,
        "shapedirs": shapes,
        "J_regressor": regressor,
        "weights": np.pad(toy.weights.dense.numpy(), ((0, 0), (0, 2))),
        "kintree_table": np.array([[2**32 - 1, *parents[1:]], range(24)], dtype=np.int64),
        "f": toy.topology.faces.numpy().astype(np.uint32),
    }
    np.savez(path, **{**arrays, **changes})
    return path


def test_an_official_file_becomes_a_body(tmp_path: Path):
    body, toy = smpl_body("smpl", write_smpl(tmp_path / "SMPL_NEUTRAL.npz")), toy_body()
    assert (body.num_betas, len(body.joint_names), body.joint_names[22]) == (2, 24, "left_hand")
    ours, theirs = toy.identity(torch.zeros(4)), body.identity(torch.zeros(2))
    torch.testing.assert_close(theirs.vertices, ours.vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(theirs.joints[:22], ours.joints, atol=1e-5, rtol=0)
    assert torch.equal(body.topology.mirror[body.topology.mirror], torch.arange(len(ours.vertices)))
    limbs = [PARTS.index(part) for part in PARTS if part not in ("head", "face", "hair", "torso")]
    for label in limbs:
        shared = (toy.topology.vertex_part == label) & (body.topology.vertex_part == label)
        assert shared.sum() > 0.6 * (toy.topology.vertex_part == label).sum()
    pose = torch.randn(2, 22, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    still = torch.zeros(2, 3)
    moved = body.vertices(theirs, *body.expand_pose(pose), still)
    torch.testing.assert_close(moved, toy.vertices(ours, *toy.expand_pose(pose), still), atol=1e-5, rtol=0)
    assert {"left_elbow", "neck", "mid_hip"} <= set(body.landmark_names)


def test_a_missing_file_is_asked_for():
    with pytest.raises(InputError, match=r"body_models.smplx.SMPLX_NEUTRAL.npz: no such file.*README.md"):
        smpl_body("smplx")


def test_a_wrong_file_is_refused(tmp_path: Path):
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"text.npz: not a plain npz"):
        smpl_body("smpl", tmp_path / "text.npz")
    with pytest.raises(InputError, match=r"save the official arrays as npz without pickles"):
        smpl_body("smpl", write_smpl(tmp_path / "pickled.npz", weights=np.array([{}], dtype=object)))
    np.savez(tmp_path / "lacking.npz", f=np.zeros((1, 3)))
    with pytest.raises(InputError, match=r"lacking.npz: not a body of the SMPL family.*v_template"):
        smpl_body("smpl", tmp_path / "lacking.npz")
    with pytest.raises(InputError, match="the smplh file has 24 joints, wanted 52"):
        smpl_body("smplh", write_smpl(tmp_path / "SMPL_NEUTRAL.npz"))
