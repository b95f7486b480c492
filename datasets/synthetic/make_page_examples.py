"""Write the dances and the results that `liquidwarp web` shows before anything is given.

python datasets/synthetic/make_page_examples.py --out liquidwarp/web/examples
"""

import argparse
import math
from pathlib import Path

import numpy as np

from liquidwarp import encode_source, imitate, media, recover
from liquidwarp.synth.demo import FPS, dance_frames
from liquidwarp.synth.motion.stances import Stance, blend_stances
from liquidwarp.web.examples import DANCES, PEOPLE, motion_of, photo_of

_VIDEO = (384, 384)
_RESULT = 400  # longer side of a result
_SECONDS = 3.0
_COMMENT = "no real person; made by liquidwarp.data.synthetic; CC0-1.0"
_DOWN_LEFT, _DOWN_RIGHT = {"left_arm": (0.42, 0.9, 0.0)}, {"right_arm": (-0.42, 0.9, 0.0)}


def waves() -> list[tuple[float, Stance]]:
    """Return one hand that waves, then both."""
    out = Stance(left_arm=(0.8, -0.5, -0.1), left_forearm=(0.75, -0.65, -0.1), **_DOWN_RIGHT)
    back = Stance(left_arm=(0.8, -0.5, -0.1), left_forearm=(-0.2, -0.97, -0.15), lean=(0.0, 0.08), **_DOWN_RIGHT)
    up = {"left_arm": (0.55, -0.8, -0.1), "right_arm": (-0.55, -0.8, -0.1)}
    both = Stance(left_forearm=(0.6, -0.8, -0.1), right_forearm=(0.35, -0.93, -0.1), lean=(0.0, 0.12), **up)
    other = Stance(left_forearm=(-0.35, -0.93, -0.1), right_forearm=(-0.6, -0.8, -0.1), lean=(0.0, -0.12), **up)
    still = Stance(**_DOWN_LEFT, **_DOWN_RIGHT)
    return list(zip(np.linspace(0, _SECONDS, 9), [still, out, back, out, both, other, both, other, still], strict=True))


def turns() -> list[tuple[float, Stance]]:
    """Return somebody who opens their arms and turns once on the spot."""
    still = Stance(**_DOWN_LEFT, **_DOWN_RIGHT)
    keys = [(0.0, still)]
    for step in range(9):
        lifted = 0.03 * (step % 2)
        keys.append(
            (
                0.35 + 0.28 * step,
                Stance(
                    turn=step * math.pi / 4,
                    pelvis=(0.0, 0.02, 0.0),
                    left_foot=(0.02, lifted, 0.0, 0.2),
                    right_foot=(-0.02, 0.03 - lifted, 0.0, -0.2),
                    left_arm=(0.93, 0.25, -0.1),
                    left_forearm=(0.9, 0.1, -0.3),
                    right_arm=(-0.93, 0.25, -0.1),
                    right_forearm=(-0.9, 0.1, -0.3),
                ),
            )
        )
    last = Stance(turn=2 * math.pi, **_DOWN_LEFT, **_DOWN_RIGHT)
    return [*keys, (_SECONDS, last)]


def main() -> None:
    """Write what is named."""
    parser = argparse.ArgumentParser(description="Write the page's examples.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--only", nargs="*", default=list(DANCES), help="names of dances")
    parser.add_argument("--results", action=argparse.BooleanOptionalAction, default=True, help="the results, too")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(_SECONDS * FPS)) / FPS
    for name, keys in (("wave", waves), ("spin", turns)):
        if name in options.only:
            times, stances = zip(*keys(), strict=True)
            stood = blend_stances(list(times), list(stances), at)
            frames = (each.rgb for each in dance_frames(_VIDEO, stances=stood))
            media.write_video(frames, options.out / f"{name}.mp4", fps=FPS, crf=22, comment=_COMMENT)
    if not options.results:
        return
    people = {name: encode_source(photo_of(name)) for name in PEOPLE}
    for dance in options.only:
        motion = recover(motion_of(dance), regressor="landmarks")
        for name, person in people.items():
            frames = (media.to_uint8(each.image) for each in imitate(person, motion, size=_RESULT))
            path = options.out / f"{name}_{dance}.mp4"
            media.write_video(frames, path, fps=motion.fps, crf=24, comment=_COMMENT)
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
