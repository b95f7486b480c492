"""Make pictures of synthetic people with what the real detector says of them, to train the image regressor.

    python datasets/synthetic/make_people.py --clips 1600 [--first 0] [--shard 0/2] -o outputs/people

A clip is a few frames of somebody who does not exist: square crops around the person, MediaPipe's landmarks, and the
truth (pose, shape, place, and how far away the crop's pixels are). Half of the people move as the data engine lets
them, half bend every joint further, bow or crouch. Files that are there already are kept, so a stopped run goes on;
several processes with different --shard share the work. The same clip number gives the same file.
"""

import argparse
import logging
import math
import sys
from pathlib import Path

import numpy as np
import torch
from make_pairs import shard
from torch import Tensor
from tqdm import tqdm
from train_regressor import BOWING, CROUCHING, bend, held, stoop

import liquidwarp as lw
from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.detect.following import collect_keypoints
from liquidwarp.detect.litert.detector import LiteRtDetector
from liquidwarp.files import atomic_path
from liquidwarp.fit.skeleton import pose_skeleton
from liquidwarp.fit.track import read_state
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, matrix_to_axis_angle, project
from liquidwarp.regress.clip import crop_square, square_boxes
from liquidwarp.regress.image_network import ENLARGE, SIDE
from liquidwarp.regress.landmarks import regressor_start
from liquidwarp.synth import BareBody, SurfaceTruth, animate, random_appearance, random_motion, synthetic_clip
from liquidwarp.types import Clip

SET, HELD_OUT = 101, 103  # numbers of these data sets, so that no other use of the engine meets the same people
FRAMES, SIZE = 8, 256
LENGTH, RATE = 32, 25.0
CELLS = 32  # the depth of the crop is kept at so many places by so many


def main(arguments: list[str] | None = None) -> int:
    """Make the clips; 0 when done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1600, help="how many clips over all shards")
    parser.add_argument("--first", type=int, default=0, help="number of the first clip")
    parser.add_argument("--held-out", action="store_true", help="people that no training meets")
    parser.add_argument("--shard", type=shard, default=(0, 1), help="i/n: this process makes every n-th clip from i")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/people"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    numbers = range(options.first + options.shard[0], options.first + options.clips, options.shard[1])
    make_people(options.output, numbers, HELD_OUT if options.held_out else SET)
    return 0


def make_people(folder: Path, numbers: range, data_set: int = SET) -> None:
    """Write the clips that are missing in a folder; those in which the detector finds nobody are left out."""
    detector = LiteRtDetector()
    for number in tqdm(numbers, desc="people", unit="clip"):
        path = folder / f"clip{number:06d}.npz"
        if not path.exists():
            write(make_clip((data_set, number)), detector, path)


def make_clip(seed: tuple[int, int]) -> Clip:
    """Make a clip of somebody who moves as the engine likes, or bends further."""
    return synthetic_clip(seed, FRAMES, (SIZE, SIZE), motions=[bent_motion((*seed, 1))])


def bent_motion(seed: tuple[int, ...]) -> lw.BodyTrack:
    """Invent a motion with every joint bent further, and some deep bows and crouches."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    bare = BareBody.create(random_appearance(rng).shape)
    poses = animate(bare, random_motion(rng, LENGTH, RATE))
    turns = axis_angle_to_matrix(torch.cat([poses.global_orient[:, None], poses.body_pose], dim=1))
    turns = turns[None][:, :, [bare.body.canonical(name) for name in CANONICAL_JOINTS]]
    still = torch.zeros(1, 1, dtype=torch.bool)
    bow = held(BOWING, 2.2, still, LENGTH, generator)
    turns = stoop(turns, bow, held(CROUCHING, 2.0, still, LENGTH, generator), generator)
    turns = bend(turns, regressor_start()[1], still, generator)[0]
    turns[:, 0] = _seen_from_above_or_below(rng) @ turns[:, 0]
    orient, pose = bare.body.expand_pose(matrix_to_axis_angle(turns))
    ones = torch.ones(LENGTH)
    camera = default_camera((SIZE, SIZE))
    return lw.BodyTrack(bare.body.name, bare.betas, orient, pose, poses.transl, camera, RATE, ones, ones.bool())


def _seen_from_above_or_below(rng: np.random.Generator) -> Tensor:
    """Return the turn of people before a camera that is not level; the engine's cameras all are."""
    pitch = float(rng.choice([0.0, rng.normal(0.0, 7.0), rng.uniform(0.0, 30.0)], p=[0.35, 0.45, 0.2]))
    roll = float(rng.choice([0.0, rng.normal(0.0, 5.0)]))
    about_x = axis_angle_to_matrix(torch.tensor([math.radians(pitch), 0.0, 0.0], dtype=torch.float32))
    return axis_angle_to_matrix(torch.tensor([0.0, 0.0, math.radians(roll)], dtype=torch.float32)) @ about_x


def write(clip: Clip, detector: LiteRtDetector, path: Path) -> bool:
    """Look at a clip with the detector and write it; False if it finds nobody in a frame."""
    body, track = lw.load_body(), clip.track
    state = read_state(body, track, track.camera)
    posed = pose_skeleton(regressor_start()[0].at(track.betas.double()), state.rotations, state.place)
    spots = project(track.camera, posed.points.float())[..., :2].numpy()
    boxes = [(*points.min(0).tolist(), *points.max(0).tolist()) for points in spots]
    answers = [detector.look_near(clip.images[frame], box) for frame, box in enumerate(boxes)]
    found = [answer for answer in answers if answer is not None]
    if len(found) < len(answers):
        return False
    keypoints = collect_keypoints(
        found, size=clip.size, fps=track.fps, detector=detector.name, profile=detector.profile
    )
    assert keypoints.world is not None
    squares = square_boxes(keypoints, ENLARGE)
    crops = torch.stack([crop_square(clip.images[frame], box, SIDE) for frame, box in enumerate(squares)])
    depth = (
        np.stack([depth_of(clip, frame, squares[frame]) for frame in range(FRAMES)])
        - state.place[:, 2, None, None].numpy()
    )
    arrays = {
        "crops": (crops * 255 + 0.5).byte().numpy(),
        "boxes": squares.numpy(),
        "depth": depth.astype(np.float16),
        "image": keypoints.image.numpy(),
        "confidence": keypoints.confidence.numpy(),
        "world": keypoints.world.numpy(),
        "rotations": state.rotations.float().numpy(),
        "place": state.place.float().numpy(),
        "betas": track.betas.numpy(),
        "focal": track.camera.focal.numpy(),
        "center": track.camera.center.numpy(),
        "fps": np.float32(track.fps),
    }
    with atomic_path(path) as partial, open(partial, "wb") as stream:
        np.savez(stream, **arrays)
    return True


def depth_of(clip: Clip, frame: int, box: Tensor) -> np.ndarray:
    """Return how far away the clothed person is at the middles of a crop's cells; nan where it shows something else."""
    truth = clip.truth
    assert isinstance(truth, SurfaceTruth)
    left, top, side = box.tolist()
    along = (np.arange(CELLS) + 0.5) * side / CELLS
    rows, columns = np.floor(top + along).astype(int), np.floor(left + along).astype(int)
    height, width = clip.size
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    face = truth.face_index[frame][np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    depth = truth.screen[frame][truth.faces[face], 2].mean(-1)
    return np.where(inside & (face >= 0), depth, np.nan)


if __name__ == "__main__":
    logging.getLogger("liquidwarp").setLevel(logging.ERROR)
    sys.exit(main())
