"""True tracks made as rough as recovered ones."""

import numpy as np
import torch

from liquidwarp.bodies import load_body
from liquidwarp.data import roughen
from liquidwarp.geometry import project
from liquidwarp.synth import synthetic_clip
from liquidwarp.types import BodyTrack


def test_rough_tracks_are_near_the_true_ones() -> None:
    body, track = load_body(), synthetic_clip(9, 6, (64, 64), kind="dance", fps=8.0, truth=False).track
    rng = np.random.default_rng(0)
    assert torch.equal(roughen(body, track, rng, amount=0.0).transl, track.transl)
    names = ("left_wrist", "right_ankle", "nose")

    def points(of: BodyTrack) -> torch.Tensor:
        return project(track.camera, body.landmarks(names, of.betas, of.global_orient, of.body_pose, of.transl))

    rough = roughen(body, track, rng)
    apart = (points(rough) - points(track))[..., :2].norm(dim=-1)
    assert 0.05 < apart.median() < 4  # of 64 pixels
    again = roughen(body, track, np.random.default_rng(0))
    first = roughen(body, track, np.random.default_rng(0))
    assert torch.equal(again.body_pose, first.body_pose)
