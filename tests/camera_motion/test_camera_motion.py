"""Cameras that stand, turn, zoom, or show nothing that tells."""

from collections.abc import Callable

import numpy as np
import pytest
from moving_views import SIZE, film, fov, place, turn, wander

from liquidwarp.camera_motion import BackgroundWatcher, CameraKind, CameraMotion, find_fov, judge
from liquidwarp.types import CameraPath

STANDING = np.tile(np.eye(3), (12, 1, 1)), np.ones(12)
PERSON = (60.0, 20.0, 100.0, 118.0)


def watch(frames: list[np.ndarray], cuts: tuple[int, ...] = (), mask: np.ndarray | None = None) -> CameraMotion:
    watcher = BackgroundWatcher(SIZE, 12.0)
    for number, frame in enumerate(frames):
        watcher.watch(frame, mask, PERSON, cut=number in cuts)
    return judge(watcher, cuts)


def off(path: CameraPath, rotations: np.ndarray) -> np.ndarray:
    """Return by how many degrees the turns beside the first frame's are wrong."""
    found = path.rotation.double().numpy()
    apart = (found @ found[0].T) @ (rotations @ rotations[0].T).transpose(0, 2, 1)
    return np.degrees(np.arccos(((np.trace(apart, axis1=1, axis2=2) - 1) / 2).clip(-1, 1)))


def with_walker(frames: list[np.ndarray], seed: int = 5) -> list[np.ndarray]:
    """Let something full of corners walk through the middle, where the person is."""
    busy = place(seed, (98, 40))
    out = [frame.copy() for frame in frames]
    for number, frame in enumerate(out):
        frame[20:118, 60:100] = np.roll(busy, 3 * number, axis=1)
    return out


def test_pan_zoom_and_shake_are_found_behind_somebody_who_moves() -> None:
    rotations, zooms = wander()
    motion = watch(with_walker(film(place(), rotations, zooms)))
    assert motion.kind is CameraKind.MOVING
    path, _ = motion.path(fov=fov())
    assert off(path, rotations).max() < 0.25
    assert np.abs(path.zoom.numpy() / (zooms / zooms[0]) - 1).max() < 0.005


def test_the_lens_shows_in_the_turning() -> None:
    rotations, zooms = wander()
    motion = watch(film(place(), rotations, zooms))
    path, found = motion.path()
    assert find_fov(motion) == (found, True)
    assert found == pytest.approx(fov(), rel=0.08)
    assert np.median(off(path, rotations)) < 0.5


def test_a_zoom_alone_tells_no_lens() -> None:
    motion = watch(film(place(), STANDING[0], np.linspace(1, 1.3, 12)))
    assert motion.kind is CameraKind.MOVING
    assert not find_fov(motion)[1]


@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_a_camera_that_stands_is_still_whoever_moves(noise: float) -> None:
    assert watch(with_walker(film(place(), *STANDING, noise=noise))).kind is CameraKind.STILL


def crowd() -> list[np.ndarray]:
    """Strips of an audience, each of which sways by itself."""
    rng, busy = np.random.default_rng(3), place(4, SIZE)
    sway = rng.integers(-14, 15, (12, 8))
    strips = [busy[:, 20 * part : 20 * part + 20] for part in range(8)]
    return [np.concatenate([np.roll(one, by, axis=0) for one, by in zip(strips, row, strict=True)], 1) for row in sway]


@pytest.mark.parametrize(
    ("frames", "blank"),
    [(lambda: [np.full((*SIZE, 3), (40, 180, 60), np.uint8)] * 12, True), (crowd, False)],
    ids=["a green screen", "an audience"],
)
def test_what_holds_nothing_is_unknown(frames: Callable[[], list[np.ndarray]], blank: bool) -> None:
    motion = watch(frames())
    assert motion.kind is CameraKind.UNKNOWN
    assert motion.blank == blank


def test_each_shot_is_beside_itself_and_lost_frames_lie_between() -> None:
    first = np.stack([turn(step) for step in np.linspace(-4, 4, 10)])
    frames = film(place(), first, np.ones(10))
    frames[5] = np.zeros_like(frames[5])
    motion = watch([*frames, *film(place(7), first[::-1], np.ones(10))], cuts=(10,))
    path, _ = motion.path(fov=fov())
    assert off(path[:10], first).max() < 0.3
    assert off(path[10:], first[::-1]).max() < 0.3


def test_the_same_clip_gives_the_same_path() -> None:
    rotations, zooms = wander(8)
    frames = film(place(), rotations, zooms)
    one, other = (watch(frames).path()[0] for _ in range(2))
    assert one.rotation.equal(other.rotation)
    assert one.zoom.equal(other.zoom)
