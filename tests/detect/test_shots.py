import cv2
import numpy as np
import pytest

from liquidwarp.demo import asset
from liquidwarp.detect.shots import mark_cuts
from liquidwarp.media import open_video

SIZE = (54, 72)


def find_cuts(frames: list[np.ndarray]) -> list[int]:
    return [index for index, (_, cut) in enumerate(mark_cuts(frames)) if cut]


def place(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A backdrop of soft blots."""
    noise = np.random.default_rng(seed).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    return cv2.resize(noise, (size[1], size[0]), interpolation=cv2.INTER_CUBIC).clip(0, 255)


def scene(seed: int, count: int, *, speed: float = 0.06, wide: float = 0.12, pan: int = 0) -> list[np.ndarray]:
    """Somebody who throws themselves about before a backdrop; `speed` and `wide` are parts of the picture's width."""
    height, width = SIZE
    ground = place(seed, (height, 3 * width))
    y, x = np.mgrid[:height, :width] + 0.5
    frames = []
    for index in range(count):
        frame = ground[:, pan * index : pan * index + width].copy()
        middle = width * (0.5 + 0.3 * np.sin(speed / 0.3 * index + seed))
        inside = ((x - middle) / (wide * width)) ** 2 + ((y - 0.55 * height) / (0.4 * height)) ** 2 < 1
        frame[inside] = (30, 60, 200)
        frames.append(frame.astype(np.uint8))
    return frames


def closer(frames: list[np.ndarray]) -> list[np.ndarray]:
    height, width = SIZE
    inner = [frame[height // 4 : -height // 4, width // 4 : -width // 4] for frame in frames]
    return [cv2.resize(frame, (width, height)) for frame in inner]


def mixed(a: list[np.ndarray], b: list[np.ndarray]) -> list[np.ndarray]:
    """A dissolve from one to the other, of all their frames."""
    parts = np.linspace(0, 1, len(a) + 2)[1:-1]
    return [((1 - t) * x + t * y).astype(np.uint8) for t, x, y in zip(parts, a, b, strict=True)]


A, B = scene(1, 30), scene(2, 30)
BLACK = [np.zeros_like(A[0])]
CLIPS = {
    "another place": (A[:12] + B[:12] + A[12:], [12, 24]),
    "nearer": (A[:15] + closer(A)[15:], [15]),
    "over a frame that is both": (A[:15] + mixed(A[15:16], B[15:16]) + B[16:], [16]),
    "shots of five frames": (A[:12] + B[:5] + A[12:], [12, 17]),
    "dissolve of five frames": (A[:12] + mixed(A[12:17], B[12:17]) + B[17:], []),
    "dissolve of twelve": (A[:8] + mixed(A[8:20], B[8:20]) + B[20:], []),
    "fade to black and back": (A[:8] + mixed(A[8:18], BLACK * 10) + mixed(BLACK * 10, B[:10]) + B[10:], []),
    "flash": ([*A[:12], np.full_like(A[0], 250), *A[13:]], []),
    "lamp": (A[:12] + [np.clip(1.3 * frame + 12.0, 0, 255).astype(np.uint8) for frame in A[12:]], []),
    "fast dance": (scene(3, 40, speed=0.2, wide=0.2), []),
    "fast dance, every fifth frame": (scene(3, 100, speed=0.1, wide=0.2)[::5], []),
    "pan": (scene(4, 40, pan=3), []),
    "every frame twice": ([frame for frame in scene(5, 20) for _ in range(2)], []),
    "one frame": (A[:1], []),
}


@pytest.mark.parametrize("name", CLIPS)
def test_cuts_are_found_and_nothing_else_is(name: str) -> None:
    frames, cuts = CLIPS[name]
    assert find_cuts(frames) == cuts


def test_frames_pass_unchanged_a_few_ahead() -> None:
    read = []
    marked = mark_cuts(frame for frame in A if not read.append(0))
    first = next(marked)
    assert first.frame is A[0]
    assert len(read) <= 6
    assert [id(item.frame) for item in marked] == [id(frame) for frame in A[1:]]


def test_the_demo_is_one_shot() -> None:
    frames = [cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA) for frame in open_video(asset("motion.mp4"))]
    assert find_cuts(frames) == []
    nearer = [cv2.resize(frame[8:40, 16:48], (64, 64)) for frame in frames[50:]]
    assert find_cuts(frames[:50] + nearer) == [50]
