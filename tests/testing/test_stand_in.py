"""The open body in the layout of an SMPL file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from liquidwarp.bodies import load_body
from liquidwarp.errors import InputError
from liquidwarp.raster import rasterize
from liquidwarp.testing import stand_in_arrays, write_stand_in
from liquidwarp.types import Camera

ONE_LEFT = torch.tensor([[-1.0], [1.0], [1.0]])


def test_a_stand_in_is_a_body_with_the_familys_counts(tmp_path: Path) -> None:
    path = write_stand_in(tmp_path / "neutral.npz")
    body = load_body(str(path))
    assert (len(body.joint_names), body.num_betas) == (24, 10)
    assert (len(body.topology.vertex_part), len(body.topology.faces)) == (6890, 13776)
    rest = body.identity(torch.zeros(10)).vertices
    assert 1.5 < float(rest[:, 1].max() - rest[:, 1].min()) < 2.0
    arms = body.rest_joints(torch.zeros(10))
    shoulder, wrist = (arms[body.canonical(f"left_{joint}")] for joint in ("shoulder", "wrist"))
    assert abs(float(wrist[1] - shoulder[1])) < 0.02, "arms are level, as in the family's templates"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["smpl", "smplx"])
def test_the_same_family_gives_the_same_bytes(family: str, tmp_path: Path) -> None:
    one, other = (write_stand_in(tmp_path / name, family) for name in ("one.npz", "other.npz"))
    assert one.read_bytes() == other.read_bytes()


def test_its_skin_has_no_holes_to_be_seen() -> None:
    """From the front, from behind and from the side, hardly a pixel looks through a hole at the inside of a face."""
    arrays = stand_in_arrays("smpl")
    faces = torch.from_numpy(arrays["f"].astype(np.int32))
    places = torch.from_numpy(arrays["v_template"] * [1, -1, -1]).float()
    for turn in (torch.eye(3), torch.diag(torch.tensor([-1.0, 1.0, -1.0])), torch.eye(3)[[2, 1, 0]] * ONE_LEFT):
        points = places @ turn.T + torch.tensor([0.0, 0.0, 3.0])
        index = rasterize(points[None], faces, Camera.create(140.0, (320, 320), orthographic=True)).face_index[0]
        corners = points[faces[index[index >= 0].long()].long()]
        outwards = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
        assert float((outwards >= 0).float().mean()) < 2e-3


def test_an_unknown_family_is_one_line() -> None:
    with pytest.raises(InputError, match="family"):
        stand_in_arrays("star")
