"""Two people in the same clothes who walk past each other, rendered and followed with the real detector."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from liquidwarp.detect import detect_clip
from liquidwarp.geometry import default_camera
from liquidwarp.synth.clips import Clip, render_clip
from liquidwarp.synth.motion.animation import animate
from liquidwarp.synth.motion.generators import random_motion
from liquidwarp.synth.people.dressed_person import dress_person
from liquidwarp.synth.people.mesh_colors import bake_person
from liquidwarp.synth.people.random_people import random_appearance
from liquidwarp.synth.render.camera_sensor import random_sensor
from liquidwarp.synth.scenes.backgrounds import render_background
from liquidwarp.synth.scenes.random_scenes import random_scene
from liquidwarp.types import BodyTrack

SIZE, FRAMES, FPS = (216, 384), 28, 12.5


def walks_past(side: int, away: float, seed: int) -> Clip:
    """Render somebody who walks across the picture, from the left if `side` is -1; all wear the same."""
    rng = np.random.default_rng(5)
    who = random_appearance(np.random.default_rng(seed), np.random.default_rng(1))
    worn = random_appearance(np.random.default_rng(0), np.random.default_rng(1)).garments
    dressed = dress_person(replace(who, garments=worn), fine=False)
    walk = random_motion(np.random.default_rng(seed), FRAMES, FPS, kind="walk")
    spots = side * 1.2 * np.linspace(1, -1, FRAMES)
    moments = [
        replace(moment, heading=-side * np.pi / 2, across=float(x), away=0.0)
        for moment, x in zip(walk, spots, strict=True)
    ]
    poses, camera = animate(dressed.bare, moments), default_camera(SIZE)
    ones = torch.ones(FRAMES)
    place = poses.transl + torch.tensor([[0.0, 1.0, away]])
    track = BodyTrack(
        "anny", dressed.bare.betas, poses.global_orient, poses.body_pose, place, camera, FPS, ones, ones.bool()
    )
    behind = render_background(random_scene(rng), camera, 1.0, 6.0, blur=0.6)
    sensor = random_sensor(rng)
    return render_clip(bake_person(dressed, texel=0.012), track, behind, sensor, rng, shadows=False)


@pytest.mark.slow
def test_each_keeps_to_who_it_is() -> None:
    near, far = walks_past(-1, 4.2, 1), walks_past(1, 4.8, 2)
    cover = [alpha[..., None] / 255 for alpha in near.alphas]
    frames = [
        (front * over + back * (1 - over)).astype(np.uint8)
        for front, back, over in zip(near.images, far.images, cover, strict=True)
    ]
    ways = {}
    for person in (0, 1):
        found = detect_clip(iter(frames), fps=FPS, size=SIZE, person=person)
        x = ((found.boxes[:, 0] + found.boxes[:, 2]) / 2).numpy()
        seen = found.keypoints.present.nonzero()[:, 0].tolist()
        assert len(seen) > 0.8 * FRAMES
        ways[person] = np.sign(x[seen[0]] - SIZE[1] / 2), np.sign(x[seen[-1]] - SIZE[1] / 2)
    assert sorted(ways.values()) == [(-1, 1), (1, -1)], "each walks through to the other side"
