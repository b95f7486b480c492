"""Write what MediaPipe 0.10.21 says of the demo's own frames; needs the extra `mediapipe`.

python tests/golden/mediapipe/make.py
"""

from pathlib import Path

import numpy as np

from liquidwarp.demo import asset
from liquidwarp.detect import detect_clip
from liquidwarp.detect.mediapipe_detector import MediaPipeDetector
from liquidwarp.media import open_video

FRAMES = 32


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


if __name__ == "__main__":
    main()
