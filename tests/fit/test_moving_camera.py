"""What a moving camera saw, as one that stood would have."""

from dataclasses import replace

import numpy as np
import torch
from moving_views import wander

from liquidwarp.camera_motion import CameraKind, CameraMotion
from liquidwarp.detect import ClipDetection, Face, Hand, Hands, MaskStack
from liquidwarp.fit import hold_still
from liquidwarp.geometry import default_camera, project
from liquidwarp.types import BodyTrack, CameraPath, Keypoints

SIZE, FRAMES = (96, 128), 24
CAMERA = default_camera(SIZE, fov=50.0)


class KnownMotion(CameraMotion):
    """The motion of a camera that is known."""

    def path(self, *, fov=None, tuning=None):
        rotations, zooms = wander(FRAMES)
        return CameraPath(torch.from_numpy(rotations).float(), torch.from_numpy(zooms).float()), 50.0


MOTION = KnownMotion(CameraKind.MOVING, False, SIZE, (), (), FRAMES)


def points() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(FRAMES, 33, 3, generator=generator) * 0.3 + torch.tensor([0.0, 0.0, 4.0])


def seen(spots: torch.Tensor) -> ClipDetection:
    """Return landmarks at points of the world, as each frame's camera shows them."""
    path, _ = MOTION.path()
    image = torch.stack([project(path.camera(CAMERA, t), spots[t])[:, :2] for t in range(FRAMES)])
    every = torch.ones(FRAMES, dtype=torch.bool)
    keypoints = Keypoints(
        tuple(f"p{n}" for n in range(33)), image, torch.ones(FRAMES, 33), None, every, SIZE, 12.0, "made"
    )
    return ClipDetection(keypoints, None, torch.zeros(FRAMES, 4), 0, motion=MOTION)


def test_landmarks_hands_and_faces_lie_where_a_standing_camera_shows_them() -> None:
    spots = points()
    found = seen(spots)
    mesh = np.concatenate([found.keypoints.image[0].numpy(), np.zeros((33, 1))], 1)[np.arange(468) % 33]
    hand = Hand(found.keypoints.image[0, :21].numpy(), np.zeros((21, 3), np.float32), 1.0, 1.0)
    none = (None,) * (FRAMES - 1)
    found = replace(found, hands=(Hands(hand, None), *none), faces=(Face(mesh, 1.0), *none))
    steady = hold_still(found, MOTION)
    there = project(steady.canvas, spots)[..., :2]
    torch.testing.assert_close(steady.found.keypoints.image, there, atol=2e-3, rtol=0)
    np.testing.assert_allclose(steady.found.hands[0].left.image, there[0, :21], atol=2e-3)
    middle = steady.found.faces[0].points[:, :2].mean(0)
    np.testing.assert_allclose(middle, there[0][torch.arange(468) % 33].mean(0), atol=0.5)
    assert steady.found.keypoints.size == steady.canvas.size
    inside = (steady.found.keypoints.image > 0) & (
        steady.found.keypoints.image < torch.tensor(steady.canvas.size[::-1])
    )
    assert inside.all()
    assert steady.found.motion is None


def test_masks_are_turned_with_the_frames() -> None:
    spots = torch.tensor([[-0.2, -0.1, 4.0], [0.2, -0.1, 4.0], [0.2, 0.1, 4.0], [-0.2, 0.1, 4.0]])
    import cv2

    path, _ = MOTION.path()
    masks = []
    for t in range(FRAMES):
        corners = project(path.camera(CAMERA, t), spots)[:, :2].numpy()
        masks.append(cv2.fillConvexPoly(np.zeros(SIZE, np.float32), np.rint(corners - 0.5).astype(np.int32), 1.0))
    found = replace(seen(points()), masks=MaskStack.pack(masks, SIZE))
    steady = hold_still(found, MOTION)
    areas = steady.found.masks.stack(size=steady.canvas.size)
    center = (areas * torch.arange(areas.shape[2])).sum((1, 2)) / areas.sum((1, 2)) + 0.5
    wanted = project(steady.canvas, spots)[:, 0].mean()
    torch.testing.assert_close(center, wanted.expand(FRAMES), atol=0.8, rtol=0)


def test_a_track_of_the_canvas_becomes_one_of_the_clip() -> None:
    steady = hold_still(seen(points()), MOTION)
    frames = torch.zeros(FRAMES, 3)
    fitted = BodyTrack(
        "toy", torch.zeros(2), frames, torch.zeros(FRAMES, 4, 3), frames, steady.canvas, 12.0,
        torch.ones(FRAMES), torch.ones(FRAMES, dtype=torch.bool),
    )  # fmt: skip
    track = steady.finish(fitted)
    spot = torch.tensor([[0.3, -0.2, 4.0]])
    torch.testing.assert_close(project(track.camera, spot), project(CAMERA, spot), atol=1e-3, rtol=1e-5)
    assert track.camera.size == SIZE
    path, _ = MOTION.path()
    for frame in (0, 7):
        wanted = project(path.camera(CAMERA, frame), spot)
        torch.testing.assert_close(project(track.camera_of(frame), spot), wanted, atol=1e-3, rtol=1e-5)
        still = track.still(frame)
        assert (len(still), still.path) == (1, None)
        torch.testing.assert_close(project(still.camera, spot), wanted, atol=1e-3, rtol=1e-5)
