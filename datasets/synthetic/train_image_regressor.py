"""Train the image regressor: pictures of synthetic people, and what the real detector says of them.

    python datasets/synthetic/train_image_regressor.py -o outputs/image.safetensors [--people outputs/people]
                                                       [--clips 2600] [--steps 5000]

People whose files (`make_people.py`) are not there yet are made first: a second a clip. The landmark network stays as
it is; what it answers for the detector's landmarks is corrected. A third of the time landmarks are the simulated
detector's, so that more errors are seen than the detector makes on these people. Some forty minutes of one thread.
The same seed and the same machine give the same file. `--blank` shows grey pictures: what is gained then is not the
pictures' merit.
"""

import argparse
import math
import platform
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from time import process_time

import numpy as np
import torch
from make_people import FRAMES, SIZE, make_people
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm
from train_regressor import MIRROR, MIRROR_MARKS

import liquidwarp as lw
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.regress.image import load_image_network, save_image_network
from liquidwarp.regress.image_network import ImageNetwork, crop_windows
from liquidwarp.regress.landmark_network import Estimate, estimate_of
from liquidwarp.regress.landmarks import (
    answer_frames,
    first_poses,
    load_landmark_network,
    regressor_start,
)
from liquidwarp.regress.observed import Observed, look_at_person, observe
from liquidwarp.regress.pose_noise import simulate_detector
from liquidwarp.types import Camera, Keypoints

BATCH, STRETCH = 32, 2  # clips, and frames of each
VARIANTS = 3  # of the landmarks: the detector's, and simulated ones
REAL = 0.67  # of the clips are seen by the detector
ROUND_WEIGHTS = (0.5, 1.0)  # of the rounds in the loss
STATURE = 1.68
SLOWEST = 6.0  # frames a second: of those that follow each other slower, steps say nothing


@dataclass(frozen=True)
class People:
    """Clips in memory: N clips, V variants of landmarks, T frames."""

    crops: Tensor  # N T 3 S S, uint8
    depth: Tensor  # N T C C, nan where there is nobody
    rotations: Tensor  # N V T J 3 3, true, in the axes of the camera that looks at the person
    place: Tensor  # N V T 3
    betas: Tensor  # N K
    start: Tensor  # N V T J 3 3
    shapes: Tensor  # N V T K, as the landmark network answers them
    window: Tensor  # N V T 3 3
    observed: Observed  # N V T ...
    fps: Tensor  # N


@dataclass(frozen=True)
class Batch:
    """Frames in one row, a clip's behind each other."""

    crops: Tensor
    depth: Tensor
    window: Tensor
    observed: Observed
    start: Estimate
    truth: Estimate
    follows: Tensor  # B: whether a clip's frames follow each other quickly


def main(arguments: list[str] | None = None) -> int:
    """Train and write; 0 when done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--people", type=Path, default=Path("outputs/people"), help="folder of make_people.py")
    parser.add_argument("--clips", type=int, default=2600)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="of learning, at the start")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, metavar="WEIGHTS", help="go on from here")
    parser.add_argument("--blank", action="store_true", help="show grey pictures")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    make_people(options.people, range(options.clips))
    people = load_people(options.people, options.clips, generator)
    network = ImageNetwork(regressor_start()[0])
    if options.start:
        network.load_state_dict(load_image_network(options.start).state_dict())
    network = network.to(memory_format=torch.channels_last)
    started = process_time()
    losses = train(network, people, options.steps, options.rate, generator, blank=options.blank)
    card = {
        "trained_on": f"{len(people.crops)} synthetic people, {FRAMES} pictures each, with the detector's landmarks",
        "steps": options.steps,
        "frames_a_step": BATCH * STRETCH,
        "start": options.start.name if options.start else "",
        "seed": options.seed,
        "loss": round(float(np.mean(losses[-200:])), 4),
        "cpu_minutes": round((process_time() - started) / 60, 1),
        "hardware": f"one thread of {platform.processor() or platform.machine()}",
        "body": "anny",
        "corrects": "the bundled landmark network",
        "blank": options.blank,
        "version": lw.__version__,
    }
    save_image_network(network.to(memory_format=torch.contiguous_format), options.output, card)
    print(options.output, card)
    return 0


def train(
    network: ImageNetwork, people: People, steps: int, rate: float, generator: torch.Generator, *, blank: bool = False
) -> list[float]:
    """Train in place; what is left in the network is the mean of the last steps' weights. Return the losses."""
    network.train()
    told = nn.Conv2d(network.read.in_features, 2, 1)  # what pixels show: how far away, and whether it is the person
    optimizer = torch.optim.AdamW([*network.parameters(), *told.parameters()], lr=rate, weight_decay=1e-3)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    losses = []
    bar = tqdm(range(steps), unit="step", mininterval=5)
    for step in bar:
        batch = make_batch(people, network, generator, blank=blank)
        for group in optimizer.param_groups:
            warm, left = min(1.0, (step + 1) / 100), 0.5 + 0.5 * math.cos(math.pi * step / steps)
            group["lr"] = rate * warm * max(left, 0.005)
        local, overall = network.look(batch.crops)
        rounds = network.answer(local, overall, batch.window, batch.observed, batch.start)
        loss = torch.stack([weight * loss_of(rounds[i], batch) for i, weight in enumerate(ROUND_WEIGHTS)]).sum()
        whole = loss + loss_of_pixels(told(local), batch.depth)
        optimizer.zero_grad()
        whole.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1 - keep)
        losses.append(float(loss.detach()))
        if step % 50 == 49:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}")
    network.load_state_dict(average)
    network.eval()
    return losses


def load_people(folder: Path, clips: int, generator: torch.Generator) -> People:
    """Read the clips, let simulated detectors look too, and let the landmark network answer.

    Raises:
        InputError: there are none.
    """
    paths = [path for number in range(clips) if (path := folder / f"clip{number:06d}.npz").exists()]
    if not paths:
        raise lw.InputError(f"{folder}: no people; make some by make_people.py")
    rows = [load_clip(path) for path in tqdm(paths, desc="load", unit="clip")]
    values = {name: torch.stack([row[name] for row, _ in rows]) for name in rows[0][0]}
    kinematics = load_landmark_network().kinematics
    shapes = values["rotations"].shape[:2]
    betas = values["betas"][:, None].expand(*shapes, -1).flatten(0, 1)
    points = kinematics(values["rotations"].flatten(0, 1), betas)[1].unflatten(0, shapes)
    points = points + values["place"][:, :, None]
    seen = [joined([one for _, one in rows])] + [simulated(points, generator) for _ in range(VARIANTS - 1)]
    answers = [answered(one, values["fps"]) for one in seen]
    observed = joined(seen, 1)
    turned = values["rotations"][:, None].expand(-1, VARIANTS, -1, -1, -1, -1).clone()
    turned[:, :, :, 0] = observed.ray.transpose(-1, -2) @ turned[:, :, :, 0]
    return People(
        crops=values["crops"],
        depth=values["depth"],
        rotations=turned,
        place=(values["place"][:, None, :, None] @ observed.ray)[..., 0, :],
        betas=values["betas"],
        start=torch.stack([rotations for rotations, _ in answers], dim=1),
        shapes=torch.stack([shape for _, shape in answers], dim=1),
        window=values["window"][:, None] @ observed.ray,
        observed=observed,
        fps=values["fps"],
    )


def load_clip(path: Path) -> tuple[dict[str, Tensor], Observed]:
    """Read one clip; `window` is into crops from the camera's axes."""
    with np.load(path) as file:
        values = {name: torch.from_numpy(np.asarray(file[name])) for name in file.files}
    camera = Camera(values.pop("focal"), values.pop("center"), (SIZE, SIZE), torch.eye(3), torch.zeros(3))
    spots = (values.pop("image"), values.pop("confidence"), values.pop("world"))
    present = torch.ones(len(spots[0]), dtype=torch.bool)
    seen = observe(Keypoints(MEDIAPIPE, *spots, present, camera.size, float(values["fps"]), "mediapipe"), camera)
    straight = torch.eye(3).expand(len(present), -1, -1)
    values["window"] = crop_windows(values.pop("boxes").float(), camera, straight)
    return values, seen


def answered(observed: Observed, fps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the landmark network's rotations (N, T, J, 3, 3) and shapes (N, T, K)."""
    network, (skeleton, prior) = load_landmark_network(), regressor_start()
    found = []
    with torch.no_grad():
        for clip, rate in enumerate(tqdm(fps.tolist(), desc="landmarks", unit="clip", leave=False)):
            rows = Observed(*(getattr(observed, field.name)[clip] for field in fields(Observed)))
            present = torch.ones(len(rows.weight), dtype=torch.bool)
            found.append(answer_frames(network, rows, first_poses(skeleton, prior, rows), present, rate))
    return torch.stack([one.rotations for one in found]), torch.stack([one.betas for one in found])


def simulated(points: Tensor, generator: torch.Generator) -> Observed:
    """Look at true landmarks (N, T, L, 3) as the simulated detector does."""
    found = simulate_detector(points, STATURE, generator)
    weight = ((found.confidence - 0.15) / 0.5).clamp(0, 1) * found.confidence
    picture, ray = look_at_person(found.flat, weight)
    return Observed(picture, weight, found.world, torch.ones_like(weight[..., :1]), ray)


def joined(parts: list[Observed], axis: int = 0) -> Observed:
    """Stack."""
    return Observed(*(torch.stack([getattr(part, field.name) for part in parts], axis) for field in fields(Observed)))


def make_batch(people: People, network: ImageNetwork, generator: torch.Generator, *, blank: bool) -> Batch:
    """Draw stretches of clips, seen by one of the detectors, in a light of their own, half of them mirrored."""
    clip = torch.randint(len(people.crops), (BATCH, 1), generator=generator)
    first = torch.randint(people.crops.shape[1] - STRETCH + 1, (BATCH, 1), generator=generator)
    frame = first + torch.arange(STRETCH)
    real = torch.rand(BATCH, 1, generator=generator) < REAL
    which = torch.where(real, 0, torch.randint(1, VARIANTS, (BATCH, 1), generator=generator))
    index = (clip.expand_as(frame).flatten(), which.expand_as(frame).flatten(), frame.flatten())
    observed = Observed(*(getattr(people.observed, field.name)[index] for field in fields(Observed)))
    mirrored = (torch.rand(BATCH, 1, generator=generator) < 0.5).expand(-1, STRETCH).flatten()
    crops, shift = disturbed(people.crops[index[0], index[2]], generator)
    depth = people.depth[index[0], index[2]].float()[:, None]
    moved = functional.affine_grid(shift[:, :2], list(depth.shape), align_corners=False)
    depth = functional.grid_sample(depth, moved, mode="nearest", padding_mode="border", align_corners=False)[:, 0]
    window = torch.linalg.inv(shift) @ people.window[index]
    betas = people.betas[index[0]]
    marks = (observed, window, people.start[index], people.rotations[index], people.place[index])
    if bool(mirrored.any()):
        marks = tuple(mix(mirrored, one, other) for one, other in zip(marks, mirror(*marks), strict=True))
        crops, depth = (torch.where(mirrored.view(-1, *[1] * (x.dim() - 1)), x.flip(-1), x) for x in (crops, depth))
    observed, window, start, rotations, place = marks
    with torch.no_grad():
        begun = estimate_of(network.kinematics, start[..., :2].flatten(1), people.shapes[index], observed)
        joints, points = network.kinematics(rotations, betas)
    if blank:  # small ones show as little in less time
        crops, depth = torch.full_like(crops[..., ::8, ::8], 0.5), depth[..., ::8, ::8]
    truth = Estimate(rotations, betas, joints, points, place)
    return Batch(crops, depth, window, observed, begun, truth, people.fps[clip[:, 0]] >= SLOWEST)


def disturbed(crops: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return crops (uint8) in [0, 1] in other light, moved, zoomed and in part covered; and what moved them (B, 3, 3).

    Frames of one clip are treated alike, but for noise. The map takes places of the new crop to places of the old one.
    """

    def drawn(*shape: int) -> Tensor:
        return torch.rand(BATCH, *shape, generator=generator).repeat_interleave(STRETCH, 0)

    zoom, shift = 0.86 + 0.24 * drawn(), 0.16 * drawn(2) - 0.08
    move = torch.eye(3).repeat(len(crops), 1, 1)
    move[:, 0, 0], move[:, 1, 1], move[:, :2, 2] = zoom, zoom, shift
    x = crops.to(memory_format=torch.channels_last).float() / 255
    grid = functional.affine_grid(move[:, :2], list(x.shape), align_corners=False)
    x = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    grey = x.mean(1, keepdim=True)
    colourful = torch.where(drawn(1, 1, 1) < 0.1, 0.0, 0.5 + drawn(1, 1, 1))
    x = grey + colourful * (x - grey)
    gain, lift, bent = 0.6 + 0.8 * drawn(3, 1, 1), 0.3 * drawn(1, 1, 1) - 0.15, (1.2 * drawn(1, 1, 1) - 0.6).exp()
    x = (x.clamp_min(1e-3) ** bent - 0.5) * gain * (0.7 + 0.6 * drawn(1, 1, 1)) + 0.5 + lift
    x = x + 0.06 * drawn(1, 1, 1) * torch.randn(x.shape, generator=generator)
    side = x.shape[-1]
    low, size = drawn(2) * side, (0.1 + 0.3 * drawn(2)) * side * (drawn(1) < 0.3)
    along = torch.arange(side)
    covered = [(along >= low[:, [i]]) & (along < (low + size)[:, [i]]) for i in (0, 1)]
    patch = covered[0][:, None, :, None] & covered[1][:, None, None, :]
    return torch.where(patch, drawn(3, 1, 1), x).clamp(0, 1), move


def mirror(
    observed: Observed, window: Tensor, start: Tensor, rotations: Tensor, place: Tensor
) -> tuple[Observed, Tensor, Tensor, Tensor, Tensor]:
    """Return everything as it is in a mirror, the crop's left being its right."""
    flip = torch.diag(torch.tensor([-1.0, 1, 1]))
    seen = Observed(
        observed.picture[:, MIRROR_MARKS] * torch.tensor([-1.0, 1]),
        observed.weight[:, MIRROR_MARKS],
        observed.world[:, MIRROR_MARKS] @ flip,
        observed.guessed,
        flip @ observed.ray @ flip,
    )
    turned = [flip @ turns[:, MIRROR] @ flip for turns in (start, rotations)]
    return seen, flip @ window @ flip, turned[0], turned[1], place @ flip


def mix(mirrored: Tensor, one: Observed | Tensor, other: Observed | Tensor) -> Observed | Tensor:
    """Return rows of `other` where `mirrored`, else of `one`."""
    if isinstance(one, Observed):
        return Observed(*(mix(mirrored, getattr(one, f.name), getattr(other, f.name)) for f in fields(Observed)))
    assert isinstance(other, Tensor)
    return torch.where(mirrored.view(-1, *[1] * (one.dim() - 1)), other, one)


def loss_of(estimate: Estimate, batch: Batch) -> Tensor:
    """Compare places, turns, shape, and where landmarks fall in the picture; steps where frames follow quickly."""
    truth = batch.truth
    joints, points = estimate.joints - truth.joints, estimate.points - truth.points
    spots, true_spots = estimate.points + estimate.place[:, None], truth.points + truth.place[:, None]
    depth = true_spots[..., 2:]
    picture = (spots[..., :2] / spots[..., 2:].clamp_min(0.1) - true_spots[..., :2] / depth) * depth
    speed = points.view(BATCH, STRETCH, -1, 3).diff(dim=1)[batch.follows]
    return (
        10 * joints.norm(dim=-1).mean()
        + 10 * points.norm(dim=-1).mean()
        + 10 * picture.norm(dim=-1).clamp(max=1).mean()
        + (estimate.rotations - truth.rotations).abs().mean()
        + 5 * speed.norm(dim=-1).sum() / (BATCH * (STRETCH - 1) * points.shape[1])
        + 0.02 * (estimate.betas - truth.betas).square().mean()
    )


def loss_of_pixels(told: Tensor, depth: Tensor) -> Tensor:
    """Compare how far away pixels are, and whether they show the person."""
    person = ~depth.isnan()
    away = (told[:, 0] - 2 * depth.nan_to_num()).abs() * person
    return away.sum() / person.sum().clamp_min(1) + 0.5 * functional.binary_cross_entropy_with_logits(
        told[:, 1], person.float()
    )


if __name__ == "__main__":
    sys.exit(main())
