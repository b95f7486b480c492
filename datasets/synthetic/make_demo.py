"""Write the pictures and the motion of the demo.

python datasets/synthetic/make_demo.py --out liquidwarp/demo_assets
"""

import argparse
from pathlib import Path

from liquidwarp.media import write_image, write_video
from liquidwarp.synth.demo import FPS, PORTRAITS, dance_frames, dance_track, photograph

_PICTURE = (640, 512)
_VIDEO = (384, 384)
_COMMENT = "no real person; made by liquidwarp.data.synthetic; CC0-1.0"  # written into files: other words, other bytes


def main() -> None:
    """Write everything, or what is named."""
    parser = argparse.ArgumentParser(description="Write the pictures and the motion of the demo.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--only", nargs="*", default=[*PORTRAITS, "motion"], help="names of pictures, or 'motion'")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        if name == "motion":
            frames = (picture.rgb for picture in dance_frames(_VIDEO))
            path = write_video(frames, options.out / "motion.mp4", fps=FPS, crf=20, comment=_COMMENT, progress=True)
            dance_track(_VIDEO).save(options.out / "motion_truth.npz")
        else:
            rgb = photograph(PORTRAITS[name], _PICTURE).rgb
            path = write_image(options.out / f"{name}.jpg", rgb, comment=_COMMENT)
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
