"""Train the landmark regressor on synthetic motion: landmarks of posed bodies, simulated or really detected.

    python datasets/synthetic/train_regressor.py -o outputs/landmarks.safetensors [--steps 6000] [--start FILE]
                                                 [--people outputs/people]

Motions are the data engine's, with every joint bent further at random; bodies, headings, distances and the detector's
errors (`regress.pose_noise`) are new in every batch. With `--people`, the folder of make_people.py, half of every
batch is what the real detector said of pictures. About twenty minutes of one thread. The same seed and the same machine
give the same file.
"""

import argparse
import math
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from time import process_time

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import liquidwarp as lw
from liquidwarp.bodies import CANONICAL_JOINTS, load_body
from liquidwarp.bodies.landmarks import COCO, MEDIAPIPE, opposite
from liquidwarp.fit.prior import PosePrior, make_prior
from liquidwarp.fit.skeleton import Skeleton
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.regress.landmark_network import Estimate, LandmarkNetwork
from liquidwarp.regress.landmarks import (
    first_poses,
    load_landmark_network,
    regressor_skeleton,
    save_landmark_network,
)
from liquidwarp.regress.observed import Observed, look_at_person
from liquidwarp.regress.pose_noise import simulate_detector
from liquidwarp.synth import BareBody, animate, random_appearance, random_motion

SET = 83  # number of this data set, so that no other use of the engine meets the same motions
LENGTH, RATE = 48, 25.0
BATCH, FRAMES = 28, 20
STATURE = 1.68
ROUND_WEIGHTS = (0.3, 0.6, 1.0)  # of the rounds in the loss
BLIND = 0.15  # of the clips come from a detector that guesses no places
STILL = 0.15  # of the clips are single pictures
BOWING, CROUCHING = 0.2, 0.25  # of the clips
UPPER = torch.tensor([not any(part in name for part in ("hip", "knee", "ankle", "heel", "foot")) for name in MEDIAPIPE])
SEEN = 320  # frames of pictures in a batch
QUICK = 12.0  # frames a second from which on a clip's frames follow each other
LENSES = (1.0, 0.8, 1.0, 1.25)  # the true focal length over the one that is assumed
ALONE = 0.6  # of the batches show single pictures
MIRROR = [CANONICAL_JOINTS.index(opposite(name)) for name in CANONICAL_JOINTS]
MIRROR_MARKS = [MEDIAPIPE.index(opposite(name)) for name in MEDIAPIPE]
TOLD = ("image", "confidence", "world", "rotations", "place", "betas", "focal", "center", "fps")  # of a seen clip
TRUTH = ("rotations", "betas", "joints", "points", "picture", "depth")  # of a batch


@dataclass(frozen=True)
class Pool:
    """Motions (N, LENGTH, J, 3, 3) and people's shapes (P, K)."""

    rotations: Tensor
    betas: Tensor


@dataclass(frozen=True)
class Batch:
    """What was seen, where it starts, and the truth, in the axes of the camera that looks at the person."""

    observed: Observed
    start: Tensor
    rotations: Tensor
    betas: Tensor
    joints: Tensor
    points: Tensor
    picture: Tensor
    depth: Tensor


def main(arguments: list[str] | None = None) -> int:
    """Train and write; 0 when done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--clips", type=int, default=360, help="motions of the data engine")
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at the start")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--start", type=Path, metavar="WEIGHTS", help="go on from here; layers it lacks add nothing yet"
    )
    parser.add_argument("--people", type=Path, metavar="FOLDER", help="of make_people.py: pictures really looked at")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    skeleton = regressor_skeleton(load_body())
    prior = make_prior(skeleton.joints)
    pool = make_pool(options.clips)
    network = LandmarkNetwork(skeleton)
    if options.start:
        known = load_landmark_network(options.start).state_dict()
        nothing = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
        network.load_state_dict(nothing | known)
    people = SeenPeople(options.people, skeleton, prior, network) if options.people else None
    started, losses = process_time(), []
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    bar = tqdm(range(options.steps), unit="step", mininterval=5)
    for step in bar:
        batch = make_batch(pool, skeleton, prior, network, generator)
        for group in optimizer.param_groups:
            warm, left = min(1.0, (step + 1) / 100), 0.5 + 0.5 * math.cos(math.pi * step / options.steps)
            group["lr"] = options.rate * warm * max(left, 0.01)
        loss = rounds_loss(network, batch)
        if people is not None:
            loss = loss + rounds_loss(network, people.draw(generator))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        losses.append(float(loss.detach()))
        if step % 50 == 49:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}")
    network.load_state_dict(average)
    card = {
        "trained_on": f"{options.clips} synthetic motions, joints bent at random, simulated MediaPipe landmarks"
        + (f"; {len(people.variants[0].start)} clips of synthetic pictures, MediaPipe's landmarks" if people else ""),
        "steps": options.steps,
        "start": options.start.name if options.start else "",
        "seed": options.seed,
        "loss": round(float(np.mean(losses[-200:])), 4),
        "cpu_minutes": round((process_time() - started) / 60, 1),
        "body": "anny",
        "landmarks": "MediaPipe's 33, image and world",
        "version": lw.__version__,
    }
    save_landmark_network(network, options.output, card)
    print(options.output, card)
    return 0


def make_pool(clips: int) -> Pool:
    """Let synthetic people move; the body's own joints beyond the 22 canonical ones rest."""
    body = load_body()
    picks = [body.canonical(name) for name in CANONICAL_JOINTS]
    motions, shapes = [], []
    for number in tqdm(range(clips), desc="motions", unit="clip"):
        rng = np.random.default_rng([SET, number])
        if number % 6 == 0:
            bare = BareBody.create(random_appearance(rng).shape)
            shapes.append(bare.betas)
        poses = animate(bare, random_motion(rng, LENGTH, RATE * rng.uniform(0.7, 1.4)))
        turns = axis_angle_to_matrix(torch.cat([poses.global_orient[:, None], poses.body_pose], dim=1))
        motions.append(turns[:, picks])
    return Pool(torch.stack(motions), torch.stack(shapes))


def make_batch(
    pool: Pool, skeleton: Skeleton, prior: PosePrior, network: LandmarkNetwork, generator: torch.Generator
) -> Batch:
    """Draw people, motions, views and errors."""
    still = torch.rand(BATCH, 1, generator=generator) < STILL
    rotations, bowed = draw_poses(pool, prior, still, generator)
    rotations = torch.cat([(draw_views(generator) @ rotations[:, :, 0])[:, :, None], rotations[:, :, 1:]], dim=2)
    who = torch.randint(len(pool.betas), (2, BATCH), generator=generator)
    fraction = torch.rand(BATCH, 1, generator=generator)
    betas = pool.betas[who[0]] + fraction * (pool.betas[who[1]] - pool.betas[who[0]])
    betas = betas[:, None].expand(BATCH, FRAMES, -1).flatten(0, 1)
    with torch.no_grad():
        joints, points = network.kinematics(rotations.flatten(0, 1), betas)
    placed = draw_places(points.unflatten(0, (BATCH, FRAMES)), generator)
    observed = look(placed, still, bowed, generator)
    return batch_of(observed, rotations.flatten(0, 1), betas, joints, points, placed.flatten(0, 1), skeleton, prior)


def batch_of(
    observed: Observed,
    rotations: Tensor,
    betas: Tensor,
    joints: Tensor,
    points: Tensor,
    placed: Tensor,
    skeleton: Skeleton,
    prior: PosePrior,
) -> Batch:
    """Turn the truth of all frames in one row, in camera axes, into those of the camera that looks at the person.

    Args:
        observed: clips (B, T, ...).
        rotations: of the joints.
        betas: shapes.
        joints: places of the joints, the pelvis at 0.
        points: places of the landmarks, the pelvis at 0.
        placed: landmarks before the camera.
        skeleton: to start from.
        prior: to start from.
    """
    rows = Observed(*(getattr(observed, field.name).flatten(0, 1) for field in fields(Observed)))
    start = first_poses(skeleton, prior, rows).unflatten(0, observed.weight.shape[:2])
    truth, turned = placed @ rows.ray, rotations.clone()
    turned[:, 0] = rows.ray.transpose(1, 2) @ turned[:, 0]
    picture, depth = truth[..., :2] / truth[..., 2:], truth[..., 2:]
    return Batch(observed, start, turned, betas, joints @ rows.ray, points @ rows.ray, picture, depth)


class SeenPeople:
    """Clips of people who do not exist with what the real detector says of them, also mirrored and through any lens.

    Args:
        folder: of make_people.py.
        network: whose kinematics poses the truth.

    Raises:
        InputError: the folder holds none.
    """

    def __init__(self, folder: Path, skeleton: Skeleton, prior: PosePrior, network: LandmarkNetwork) -> None:
        clips = []
        for path in sorted(folder.glob("clip*.npz")):
            with np.load(path, allow_pickle=False) as file:
                clips.append({name: torch.from_numpy(np.asarray(file[name])).float() for name in TOLD})
        if not clips:
            raise lw.InputError(f"{folder}: no clips; make some with datasets/synthetic/make_people.py")
        told = {name: torch.stack([clip[name] for clip in clips]) for name in TOLD}
        self.quick = (told["fps"] >= QUICK).nonzero()[:, 0]
        flat = (told["image"] - told["center"][:, None, None]) / told["focal"][:, None, None]
        flip, mark = torch.diag(torch.tensor([-1.0, 1, 1])), torch.tensor([-1.0, 1, 1])
        self.variants = []
        for number, lens in enumerate(LENSES):
            seen, world, confidence = lens * flat, told["world"], told["confidence"]
            rotations, place = told["rotations"], told["place"] / torch.tensor([1.0, 1.0, lens])
            if number >= 2:
                seen, world = seen[:, :, MIRROR_MARKS] * mark[:2], world[:, :, MIRROR_MARKS] * mark
                confidence = confidence[:, :, MIRROR_MARKS]
                rotations, place = flip @ rotations[:, :, MIRROR] @ flip, place * mark
            weight = ((confidence - 0.15) / 0.5).clamp(0, 1) * confidence
            picture, ray = look_at_person(seen, weight)
            observed = Observed(picture, weight, world, torch.ones_like(weight[..., :1]), ray)
            rows = rotations.flatten(0, 1)
            betas = told["betas"].repeat_interleave(rotations.shape[1], 0)
            with torch.no_grad():
                joints, points = network.kinematics(rows, betas)
                placed = points + place.flatten(0, 1)[:, None]
                self.variants.append(batch_of(observed, rows, betas, joints, points, placed, skeleton, prior))

    def draw(self, generator: torch.Generator) -> Batch:
        """Draw single pictures, or stretches of quick clips."""
        variant = self.variants[int(torch.randint(len(LENSES), (1,), generator=generator))]
        frames = variant.observed.weight.shape[1]
        alone = float(torch.rand(1, generator=generator)) < ALONE
        if alone:
            clip = torch.randint(len(variant.start), (SEEN, 1), generator=generator)
            frame = torch.randint(frames, (SEEN, 1), generator=generator)
        else:
            clip = self.quick[torch.randint(len(self.quick), (SEEN // frames, 1), generator=generator)]
            frame = torch.arange(frames)[None]
        observed = Observed(*(getattr(variant.observed, field.name)[clip, frame] for field in fields(Observed)))
        row = (clip * frames + frame).flatten()
        rest = (getattr(variant, name)[row] for name in TRUTH)
        return Batch(observed, variant.start[clip, frame], *rest)


def draw_poses(pool: Pool, prior: PosePrior, still: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return poses (B, T, J, 3, 3), some mirrored, all bent further; and how deep people bow (B, T)."""
    clip = torch.randint(len(pool.rotations), (BATCH, 1), generator=generator)
    first = torch.randint(LENGTH - FRAMES + 1, (BATCH, 1), generator=generator)
    rotations = pool.rotations[clip, torch.where(still, first, first + torch.arange(FRAMES))]
    flip = torch.diag(torch.tensor([-1.0, 1, 1]))
    mirrored = torch.rand(BATCH, 1, 1, 1, 1, generator=generator) < 0.5
    rotations = torch.where(mirrored, flip @ rotations[:, :, MIRROR] @ flip, rotations)
    bow = held(BOWING, 2.2, still, FRAMES, generator)
    crouch = held(CROUCHING, 2.0, still, FRAMES, generator)
    return bend(stoop(rotations, bow, crouch, generator), prior, still, generator), bow


def held(chance: float, most: float, still: Tensor, frames: int, generator: torch.Generator) -> Tensor:
    """Return angles (B, T) that some clips hold, or go into and out of; 0 in the others."""
    clips = len(still)
    size = most * torch.rand(clips, 1, generator=generator)
    size = torch.where(torch.rand(clips, 1, generator=generator) < chance, size, torch.zeros(()))
    phase, pace = 2 * math.pi * torch.rand(clips, 1, generator=generator), torch.rand(clips, 1, generator=generator)
    wave = 0.5 - 0.5 * torch.cos(2 * math.pi * pace * torch.arange(frames) / RATE * ~still + phase)
    return size * torch.where(pace < 0.4, torch.ones(()), wave)


def stoop(rotations: Tensor, bow: Tensor, crouch: Tensor, generator: torch.Generator) -> Tensor:
    """Let people bow over standing legs, and bend hips and knees, each leg as far as it likes."""
    rotations, clips = rotations.clone(), len(rotations)

    def about_x(angle: Tensor) -> Tensor:
        return axis_angle_to_matrix(torch.stack([angle, 0 * angle, 0 * angle], dim=-1))

    joint = {name: index for index, name in enumerate(CANONICAL_JOINTS)}
    fraction = 0.3 + 0.7 * torch.rand(clips, 1, generator=generator)  # of the bow that hips take
    lean = 0.3 * torch.rand(clips, 1, generator=generator) * crouch
    rotations[:, :, 0] = rotations[:, :, 0] @ about_x(fraction * bow + lean)
    for name in ("spine1", "spine2", "spine3"):
        rotations[:, :, joint[name]] = about_x((1 - fraction) * bow / 3) @ rotations[:, :, joint[name]]
    for side in ("left", "right"):
        deep = crouch * torch.rand(clips, 1, generator=generator) ** 0.5
        shin = deep * (0.3 + torch.rand(clips, 1, generator=generator))  # knees bend further than hips, or less
        for name, angle in (("hip", -fraction * bow - lean - deep), ("knee", deep + shin), ("ankle", -0.5 * shin)):
            index = joint[f"{side}_{name}"]
            rotations[:, :, index] = about_x(angle.clamp(-2.4, 2.4)) @ rotations[:, :, index]
    return rotations


def draw_views(generator: torch.Generator) -> Tensor:
    """Return turns (B, T, 3, 3): half of the people face the camera about, a few lie or hang."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    heading = 2 * math.pi * torch.rand(BATCH, 1, generator=generator) + 0.02 * normal(BATCH, 1) * torch.arange(FRAMES)
    facing = torch.rand(BATCH, 1, generator=generator) < 0.5
    heading = torch.where(facing, 0.4 * normal(BATCH, 1).expand_as(heading), heading)
    tilt = torch.deg2rad(torch.tensor([7.0, 0, 2.5])) * normal(BATCH, 1, 3)
    tilt = torch.where(torch.rand(BATCH, 1, 1, generator=generator) < 0.05, 3 * normal(BATCH, 1, 3), tilt)
    zero = torch.zeros_like(heading)
    return axis_angle_to_matrix(tilt) @ axis_angle_to_matrix(torch.stack([zero, heading, zero], dim=-1))


def draw_places(points: Tensor, generator: torch.Generator) -> Tensor:
    """Put landmarks (B, T, L, 3) before the camera, none nearer than half a metre."""
    distance = 2.3 * (torch.rand(BATCH, 1, 1, generator=generator) * math.log(4)).exp()
    aside = 0.1 * torch.randn(BATCH, 1, 2, generator=generator)
    placed = points + (torch.cat([aside, torch.ones(BATCH, 1, 1)], dim=-1) * distance)[:, :, None]
    near = placed[..., 2].amin((1, 2))
    return placed + torch.nn.functional.pad((0.5 - near).clamp_min(0)[:, None, None, None], (2, 0))


def look(placed: Tensor, still: Tensor, bowed: Tensor, generator: torch.Generator) -> Observed:
    """Let a detector look; some know COCO's landmarks alone, or nothing of space; pictures are one frame repeated."""
    found = simulate_detector(placed, STATURE, generator)
    blind = torch.rand(BATCH, 1, generator=generator) < BLIND
    few = torch.tensor([name in COCO for name in MEDIAPIPE]) | (torch.rand(BATCH, 1, 1, generator=generator) < 0.5)
    confidence = torch.where(blind[..., None] & ~few, torch.zeros(()), found.confidence)
    # Who bows toward the camera is taken for somebody who stands: the trunk's depth is lost for the most part.
    lost = 1 - torch.rand(BATCH, 1, generator=generator) * (bowed / 1.2).clamp(0, 1)
    depth = torch.where(UPPER, lost[..., None], torch.ones(()))
    world = torch.cat([found.world[..., :2], found.world[..., 2:] * depth[..., None]], dim=-1)
    flat, confidence, world = (
        torch.where(still.view(-1, *[1] * (value.dim() - 1)), value[:, :1].expand_as(value), value)
        for value in (found.flat, confidence, world)
    )
    weight = ((confidence - 0.15) / 0.5).clamp(0, 1) * confidence
    picture, ray = look_at_person(flat, weight)
    guessed = (~blind).float().expand(BATCH, FRAMES)[..., None]
    return Observed(picture, weight, world * guessed[..., None], guessed, ray)


def bend(rotations: Tensor, prior: PosePrior, still: Tensor, generator: torch.Generator) -> Tensor:
    """Bend every joint further, steadily and in slow waves; hinges about their own axis only."""
    clips, frames, joints = rotations.shape[:3]
    spread = prior.spread.float().clamp(max=0.9).nan_to_num(posinf=0.0)
    spread[0] = 0
    strength = 0.8 * torch.rand(clips, 1, 1, 1, generator=generator) ** 1.5
    steady = torch.randn(clips, 1, joints, 3, generator=generator)
    time = torch.arange(frames)[None, :, None, None] / RATE * (~still).float()[..., None, None]
    pace = 0.2 + 1.3 * torch.rand(clips, 1, joints, 1, generator=generator)
    phase = 2 * math.pi * torch.rand(clips, 1, joints, 3, generator=generator)
    angles = strength * spread * (0.8 * steady + torch.sin(2 * math.pi * pace * time + phase))
    hinge = prior.hinge[None, None, :, None] & (torch.arange(3) == 1)
    angles = torch.where(hinge, angles.abs(), angles)
    vector = (prior.axes.float().transpose(1, 2) @ angles[..., None])[..., 0]
    return rotations @ axis_angle_to_matrix(vector)


def rounds_loss(network: LandmarkNetwork, batch: Batch) -> Tensor:
    """Weigh the losses of the rounds."""
    rounds = network(batch.observed, batch.start)
    return torch.stack([weight * loss_of(rounds[i], batch) for i, weight in enumerate(ROUND_WEIGHTS)]).sum()


def loss_of(estimate: Estimate, batch: Batch) -> Tensor:
    """Compare places, turns, shape, and where landmarks fall in the picture."""
    joints, points = estimate.joints - batch.joints, estimate.points - batch.points
    spots = estimate.points + estimate.place[:, None]
    picture = (spots[..., :2] / spots[..., 2:].clamp_min(0.1) - batch.picture) * batch.depth
    shapes = (*batch.observed.weight.shape[:2], -1, 3)
    speed = points.view(shapes).diff(dim=1)
    jolt = speed.diff(dim=1)
    return (
        10 * joints.norm(dim=-1).mean()
        + 10 * points.norm(dim=-1).mean()
        + 10 * picture.norm(dim=-1).clamp(max=1).mean()
        + (estimate.rotations - batch.rotations).abs().mean()
        + 5 * speed.norm(dim=-1).sum() / max(speed[..., 0].numel(), 1)
        + 5 * jolt.norm(dim=-1).sum() / max(jolt[..., 0].numel(), 1)
        + 0.02 * (estimate.betas - batch.betas).square().mean()
    )


if __name__ == "__main__":
    sys.exit(main())
