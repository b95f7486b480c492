"""The variants, the synthetic people, and the measures on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from ablation_trained import Trained

from liquidwarp.bodies import load_body
from liquidwarp.data import roughen
from liquidwarp.media import to_uint8
from liquidwarp.metrics import haarpsi, iou, mean_ssim, person_region, psnr, ssim_map
from liquidwarp.synth import synthetic_clip
from liquidwarp.train.config import LossConfig
from liquidwarp.train.liquid_objective import make_liquid_objective
from liquidwarp.train.liquid_samples import LiquidBatch, LiquidSamples, SeenClip, look_at_clip
from liquidwarp.types import Clip

VARIANTS = {
    "W_C": "InputConcat",
    "W_T": "TextureWarping",
    "W_F": "W_F",
    "add": "AddLWB",
    "mean": "AvgLWB",
    "gate": "SoftGateAddLWB",
    "attention": "AttLWB-SPADE",
}
"""Name here to name of the configuration."""

FLOORS = ("copy the photo", "warp the photo")
METRICS = ("seen_psnr", "unseen_psnr", "person_psnr", "person_ssim", "haarpsi", "iou")
EQUAL_PSNR = 100.0  # stands for the infinite ratio of equal pictures
_LEAST = 20  # pixels of a kind of surface that a picture needs to be measured on it
_SET = 83  # number of this data set, so that no other use of the engine meets the same people
_HELD_OUT = 1_000_000  # number of the first held-out person
_SHOWN = 5  # tasks on the sheet


@dataclass(frozen=True, eq=False)
class People:
    """Synthetic people by number, looked at once and kept."""

    seen: tuple[SeenClip, ...]

    def samples(self, *, photos: int, seed: int) -> LiquidSamples:
        """Return samples to train on."""
        return LiquidSamples(len(self.seen), self.seen.__getitem__, photos=photos, seed=seed, kept=len(self.seen))


@dataclass(frozen=True, eq=False)
class Task:
    """A held-out picture to make, and which of its surface the photos show."""

    label: str
    batch: LiquidBatch
    seen: np.ndarray
    unseen: np.ndarray


@dataclass
class Result:
    """What one method gave; `scores[kind][metric]` is a list over pictures, kind is synthetic or real."""

    method: str
    seed: int | None
    parameters: int = 0
    seconds: float | None = None
    steps: int = 0
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    tiles: dict[str, list[tuple[str, dict[str, np.ndarray]]]] = field(default_factory=dict)

    def add(self, kind: str, measured: dict[str, float]) -> None:
        """Note the measures of one picture."""
        scores = self.scores.setdefault(kind, {metric: [] for metric in METRICS})
        for metric, value in measured.items():
            scores[metric].append(value)

    def show(self, kind: str, label: str, pictures: dict[str, np.ndarray]) -> None:
        """Keep pictures for the sheet."""
        self.tiles.setdefault(kind, []).append((label, pictures))


def people(count: int, frames: int, size: tuple[int, int], *, first: int) -> People:
    """Make synthetic people whose bodies are known as roughly as a product knows them."""
    return People(tuple(_person(first + number, frames, size)[1] for number in range(count)))


def held_out_tasks(count: int, frames: int, size: tuple[int, int], *, photos: int) -> list[Task]:
    """Make two tasks of each of `count` people that no training meets."""
    tasks = []
    for number in range(count):
        clip, seen = _person(_HELD_OUT + number, frames, size)
        sources = list(range(photos))
        for target in (frames - 1, frames - 2)[: max(1, frames - photos)]:
            tasks.append(_task(f"person {number}", clip, seen, target, sources))
    return tasks


def measure_floors(tasks: Sequence[Task]) -> list[Result]:
    """Measure the photo itself, and the warped photo over the plain photo's background."""
    results = [Result(name, None) for name in FLOORS]
    for number, task in enumerate(tasks):
        batch = task.batch
        copied = batch.photo[0, 0], batch.photo_alpha[0, 0]
        shown = batch.flow.valid[0].any(0).float()
        warped = batch.warped[0] * shown + batch.background.picture[0, 0].add(1).div(2) * (1 - shown)
        for result, (picture, alpha) in zip(results, (copied, (warped, batch.body_mask[0])), strict=True):
            _note(result, task, picture, alpha, number)
        truth = {"photo": to_uint8(copied[0]), "truth": to_uint8(batch.truth.picture[0])}
        if number < 2 * _SHOWN and number % 2 == 0:
            label, pictures = results[0].tiles["synthetic"][-1]
            results[0].tiles["synthetic"][-1] = (label, truth)
            assert pictures
    return results


def measure_variant(done: Trained, tasks: Sequence[Task]) -> Result:
    """Measure a trained variant on held-out people."""
    count = sum(parameter.numel() for parameter in done.generator.parameters())
    result = Result(done.variant, done.seed, count, done.seconds, done.steps)
    objective = make_liquid_objective(VARIANTS[done.variant], 0.1, LossConfig())
    for number, task in enumerate(tasks):
        with torch.no_grad():
            attempt = objective.attempt(done.generator, task.batch)
        _note(result, task, attempt.picture[0].clamp(0, 1), attempt.alpha[0], number)
    return result


def measures(made: np.ndarray, mask: np.ndarray, real: np.ndarray, real_mask: np.ndarray) -> dict[str, float]:
    """Compare two uint8 pictures and outlines; without person measures where nobody is."""
    region = person_region(real_mask.astype(np.float32))
    found = {"haarpsi": haarpsi(made, real)}
    if region.any():
        found["person_psnr"] = min(psnr(made, real, region), EQUAL_PSNR)
        found["person_ssim"] = mean_ssim(ssim_map(made, real), region)
        found["iou"] = iou(mask, real_mask)
    return found


def _note(result: Result, task: Task, picture: torch.Tensor, alpha: torch.Tensor, number: int) -> None:
    truth = task.batch.truth
    made, real = to_uint8(picture), to_uint8(truth.picture[0])
    found = measures(made, alpha.numpy() > 0.5, real, truth.alpha[0].numpy() > 0.5)
    for metric, where in (("seen_psnr", task.seen), ("unseen_psnr", task.unseen)):
        if where.sum() >= _LEAST:
            found[metric] = min(psnr(made, real, where), EQUAL_PSNR)
    result.add("synthetic", found)
    if number < 2 * _SHOWN and number % 2 == 0:
        result.show("synthetic", task.label, {result.method: made})


def _person(number: int, frames: int, size: tuple[int, int]) -> tuple[Clip, SeenClip]:
    clip = synthetic_clip((_SET, number), frames, size, fps=0.0)  # poses far from each other
    rough = roughen(load_body(clip.track.body), clip.track, np.random.default_rng((_SET, number)))
    return clip, look_at_clip(clip, size, frames, track=rough)


def _task(label: str, clip: Clip, seen: SeenClip, target: int, sources: list[int]) -> Task:
    assert clip.truth is not None
    person = clip.alphas[target] > 127
    shown = np.zeros_like(person)
    for source in sources:
        shown |= clip.truth.flow(target, source).valid[0].numpy()
    return Task(label, seen.sample(target, sources), person & shown, person & ~shown)
