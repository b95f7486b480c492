"""Does a camera that moves spoil the motion?

    python benchmarks/recovery/moving_cameras.py [--clips 2] [--seconds 10] [--regressor landmarks|none]
                                                 [-o outputs/moving_cameras]

Made people dance before made places, filmed by a camera that stands; the same is filmed once more by cameras that turn
and zoom about the same point: a pan, a wide pan with zoom, a shake, a zoom. Written: the camera's turn and zoom against
the truth, how the recovered feet drift from the first fifth of the clip to the last against the true ones (percent of
the height, across the view, down and along it), beside the clip filmed by the camera that stands and the moving one
taken to stand. The lens is unknown. One line of JSON a clip and camera.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

import liquidwarp as lw
from liquidwarp.camera_motion import CameraKind
from liquidwarp.detect import ClipDetection, detect_clip
from liquidwarp.fit import foot_points
from liquidwarp.geometry import turn_homography
from liquidwarp.synth.clips import render_clip
from liquidwarp.synth.motion.animation import animate
from liquidwarp.synth.motion.generators import random_motion
from liquidwarp.synth.people.body_layers import BareBody
from liquidwarp.synth.people.dressed_person import dress_person
from liquidwarp.synth.people.mesh_colors import bake_person
from liquidwarp.synth.people.random_people import random_appearance
from liquidwarp.synth.render.camera_sensor import random_sensor
from liquidwarp.synth.scenes.backgrounds import render_background
from liquidwarp.synth.scenes.framing import choose_shot
from liquidwarp.types import BodyTrack, Clip

FPS = 10.0
SIDE = 400  # pixels of the pictures
KINDS = ("dance", "walk")
PLACES = (14, 15, 13, 10)  # seeds of scenes with something on the walls
CAMERAS = {  # degrees of pan, tilt and roll; zoom; degrees of shake; field of view
    "stands": (0.0, 0.0, 0.0, 0.0, 0.0, 45.0),
    "pan": (6.0, 1.5, 1.0, 0.15, 0.3, 45.0),
    "wide pan": (9.0, 1.5, 1.0, 0.2, 0.25, 38.0),
    "shake": (0.0, 0.0, 0.0, 0.0, 0.4, 45.0),
    "zoom": (0.0, 0.0, 0.0, 0.25, 0.0, 45.0),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--regressor", choices=("landmarks", "none"), default="landmarks")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/moving_cameras"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.output.mkdir(parents=True, exist_ok=True)
    regressor = None if options.regressor == "none" else options.regressor
    with open(options.output / "moving_cameras.jsonl", "w", encoding="utf-8") as out:
        for number in range(options.clips):
            clip = make(number, round(options.seconds * FPS))
            for row in measure(clip, regressor):
                print(json.dumps({"clip": number} | row), flush=True)
                out.write(json.dumps({"clip": number} | row) + "\n")
    return 0


def make(number: int, frames: int) -> Clip:
    """Make a clip of somebody before a place that reaches far to all sides."""
    chances = np.random.default_rng(3 + 2 * number).spawn(5)
    dressed = dress_person(random_appearance(chances[0], chances[1]), fine=False)
    bare: BareBody = dressed.bare
    poses = animate(bare, random_motion(chances[3], frames, FPS, kind=KINDS[number % len(KINDS)]))
    shot = choose_shot(np.random.default_rng(PLACES[number % len(PLACES)]), bare, poses, (300, 300))
    camera = shot.camera.cropped((-170, -110), (520, 640))
    place = torch.tensor([[shot.across, shot.floor, shot.distance]], dtype=torch.float32)
    every = torch.ones(frames)
    track = BodyTrack(
        bare.body.name, bare.betas, poses.global_orient, poses.body_pose, poses.transl + place, camera, FPS, every,
        every.bool(), "synthetic",
    )  # fmt: skip
    background = render_background(shot.scene, camera, shot.floor, shot.distance)
    baked = bake_person(dressed, texel=1.2 / 300)
    return render_clip(baked, track, background, random_sensor(chances[4]), chances[4])


def move(name: str, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the turns and zooms of a camera."""
    pan, tilt, roll, zoom, shake, _ = CAMERAS[name]
    rng, seconds = np.random.default_rng(0), np.arange(frames) / FPS
    kernel = np.exp(-(np.arange(-6, 7) ** 2) / 2 / 1.5**2)
    jitter = [np.convolve(row, kernel / np.linalg.norm(kernel), "same") for row in rng.normal(0, shake, (3, frames))]
    waves = (tilt, 5, 1), (pan, 8, 0), (roll, 6, 0)  # about x, y and z
    angles = [size * np.sin(2 * math.pi * seconds / period + phase) for size, period, phase in waves]
    turns = np.radians(np.stack(angles) + np.stack(jitter)).T
    rotations = np.stack(
        [cv2.Rodrigues(np.array([0, 0, c]))[0] @ cv2.Rodrigues(np.array([a, 0, 0]))[0]
         @ cv2.Rodrigues(np.array([0, b, 0]))[0] for a, b, c in turns]
    )  # fmt: skip
    return rotations, 1 + zoom * np.sin(2 * math.pi * seconds / 7 + 2)


def film(clip: Clip, name: str, rotations: np.ndarray, zooms: np.ndarray) -> np.ndarray:
    """Film a clip once more, from the same point."""
    height, width = clip.size
    focal = float(clip.track.camera.focal[0])
    near = SIDE / 2 / math.tan(math.radians(CAMERAS[name][-1]) / 2)
    there, here = (width / 2 - 0.5, height / 2 - 0.5), (SIDE / 2 - 0.5, SIDE / 2 - 0.5)
    shift = np.eye(3)
    shift[:2, 2] = np.subtract(here, there)
    pictures = []
    for index in range(len(clip)):
        matrix = turn_homography(here, (focal, near * zooms[index]), rotations[index]) @ shift
        seen = cv2.warpPerspective(
            clip.images[index], matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        pictures.append(seen)
    return np.stack(pictures)


def measure(clip: Clip, regressor: str | None) -> Iterator[dict[str, object]]:
    """Yield what each camera gives."""
    for name in CAMERAS:
        rotations, zooms = move(name, len(clip))
        frames = film(clip, name, rotations, zooms)
        start = time.process_time()
        found = detect_clip(iter(frames), fps=FPS, size=(SIDE, SIDE), watch_camera=True, source=name)
        row: dict[str, object] = {
            "camera": name,
            "kind": (CameraKind.MOVING if found.motion else CameraKind.STILL).value,
        }
        row |= {"drift": drift(found, clip.track, rotations, regressor)}
        row |= {"cpu_seconds": round(time.process_time() - start, 1)}
        if found.motion is not None:
            row |= camera_errors(found, name, rotations, zooms)
            row |= {"drift_if_taken_to_stand": drift(replace(found, motion=None), clip.track, rotations, regressor)}
        yield row


def camera_errors(found: ClipDetection, name: str, rotations: np.ndarray, zooms: np.ndarray) -> dict[str, object]:
    """Return how wrong turns (degrees), zooms and the field of view are, beside the first frame's."""
    assert found.motion is not None
    path, fov = found.motion.path()
    turned = path.rotation.double().numpy()
    apart = (turned @ turned[0].T) @ (rotations @ rotations[0].T).transpose(0, 2, 1)
    degrees = np.degrees(np.arccos(((np.trace(apart, axis1=1, axis2=2) - 1) / 2).clip(-1, 1)))
    zoomed = np.abs(path.zoom.double().numpy() / (zooms / zooms[0]) - 1)
    half = math.tan(math.radians(CAMERAS[name][-1]) / 2) / zooms[0]
    return {
        "turn_degrees": [round(float(np.median(degrees)), 3), round(float(degrees.max()), 3)],
        "zoom_percent": [round(100 * float(np.median(zoomed)), 2), round(100 * float(zoomed.max()), 2)],
        "fov": [round(fov, 1), round(2 * math.degrees(math.atan(half)), 1)],
    }


def drift(found: ClipDetection, truth: BodyTrack, rotations: np.ndarray, regressor: str | None) -> list[float]:
    """Return by how much the feet are farther off at the end than at the start, percent of the height."""
    body = lw.load_body()
    track = lw.recover(found, body=body, regressor=regressor)
    own = track.camera.to_camera(foot_points(body, track)).double().numpy()
    if track.path is not None:  # into the axes of the camera that stood
        own = own @ (track.path.rotation[0].double().numpy().T @ rotations[0])
    true = truth.camera.to_camera(foot_points(body, truth)).double().numpy()
    own *= true[..., 2].mean() / own[..., 2].mean()
    off = (own - true).mean(1)
    part = max(1, len(off) // 5)
    vertices = body.identity(truth.betas).vertices[:, 1]
    height = float(vertices.max() - vertices.min())
    return [round(float(value), 2) for value in 100 * (np.median(off[-part:], 0) - np.median(off[:part], 0)) / height]


if __name__ == "__main__":
    raise SystemExit(main())
