"""Write what MediaPipe 0.10.21 says of the demo's own frames and photos; needs the extra `mediapipe`.

python tests/golden/mediapipe/make.py
"""

from pathlib import Path
from typing import Any

import numpy as np
from mediapipe.python.solutions.face_mesh import FaceMesh
from mediapipe.python.solutions.hands import Hands

from liquidwarp.demo import asset
from liquidwarp.detect import detect_clip
from liquidwarp.detect.litert.regions import SquareRegion
from liquidwarp.detect.mediapipe_detector import MediaPipeDetector
from liquidwarp.media import open_video, read_image
from liquidwarp.types import FACE_POINTS

FRAMES = 32
PHOTOS = ("man_jacket", "woman_stripes", "woman_checks")
AROUND_HAND, AROUND_FACE = 6.0, 3.0  # squares that MediaPipe gets to see, in lengths of the palm and of the head
CLOSE = 448


def main() -> None:
    """Follow the dancer through the first frames, and keep numbers only."""
    video = open_video(asset("motion.mp4"))
    frames = [frame for _, frame in zip(range(FRAMES), video, strict=False)]
    seen = detect_clip(frames, fps=video.fps, size=video.size, detector=MediaPipeDetector(), mask_size=96)
    assert seen.masks is not None
    assert seen.keypoints.world is not None
    np.savez_compressed(
        Path(__file__).with_name("demo.npz"),
        image=seen.keypoints.image.numpy(),
        confidence=seen.keypoints.confidence.numpy(),
        world=seen.keypoints.world.numpy(),
        masks=np.packbits(seen.masks.stack().numpy() > 0.5, axis=-1),
    )
    close = {}
    for name in PHOTOS:
        photo = read_image(asset(f"{name}.jpg")).rgb
        person = MediaPipeDetector().detect(photo)[0]
        at = dict(zip(person.names, person.image.astype(float), strict=True))
        for side in ("left", "right"):
            wrist, knuckles = at[f"{side}_wrist"], (at[f"{side}_index"] + at[f"{side}_pinky"]) / 2
            around = square(wrist, AROUND_HAND * np.linalg.norm(knuckles - wrist))
            with Hands(static_image_mode=True, max_num_hands=1, min_detection_confidence=0.3) as graph:
                answer = graph.process(around.crop(photo, CLOSE))
            if answer.multi_hand_landmarks:
                close[f"{name}_{side}"] = points_of(answer.multi_hand_landmarks[0], around)
                world = answer.multi_hand_world_landmarks[0].landmark
                close[f"{name}_{side}_world"] = np.array([[mark.x, mark.y, mark.z] for mark in world], np.float32)
        around = square(at["nose"], AROUND_FACE * np.linalg.norm(at["left_shoulder"] - at["right_shoulder"]) / 2)
        with FaceMesh(static_image_mode=True, min_detection_confidence=0.3) as graph:
            answer = graph.process(around.crop(photo, CLOSE))
        close[f"{name}_face"] = points_of(answer.multi_face_landmarks[0], around)[:FACE_POINTS]
    np.savez_compressed(Path(__file__).with_name("close.npz"), **close)


def square(middle: np.ndarray, side: float) -> SquareRegion:
    """Return an upright square."""
    return SquareRegion(float(middle[0]), float(middle[1]), float(side))


def points_of(marks: Any, around: SquareRegion) -> np.ndarray:
    """Return landmarks in the photo's pixels."""
    return around.to_picture(np.array([[mark.x, mark.y] for mark in marks.landmark])).astype(np.float32)


if __name__ == "__main__":
    main()
