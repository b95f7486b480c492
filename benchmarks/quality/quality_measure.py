"""Run one pair of clips and measure every frame of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

import liquidwarp as lw
from liquidwarp.detect import detect_clip
from liquidwarp.media import open_video, to_uint8
from liquidwarp.methods import Method
from liquidwarp.metrics import flicker, haarpsi, iou, mean_ssim, person_region, psnr, ssim_map
from liquidwarp.metrics.pose import reprojection_errors

SETTINGS = ("cross", "same")
FLOORS = ("copy the photo", "background only")
METRICS = ("ssim", "person_ssim", "person_psnr", "haarpsi", "iou", "flicker")
WORST = 6
EQUAL_PSNR = 100.0  # stands for the infinite ratio of equal pictures, which no mean and no JSON can hold


@dataclass(frozen=True)
class Pair:
    """Two clips of one person in the same clothes: a calm one to take the photo from, and the one to imitate."""

    name: str
    photo_clip: Path
    motion_clip: Path


@dataclass(frozen=True)
class Tile:
    """A frame to look at, by column: `shown` on the sheet of all pairs, or else kept because it is bad."""

    label: str
    score: float
    shown: bool
    pictures: dict[str, np.ndarray]


@dataclass
class Result:
    """What one pair gave in one setting; `scores[method][metric]` is a list over frames."""

    pair: str
    setting: str
    renderers: tuple[str, ...]
    clip_frames: int
    asked: int
    answered: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    reprojection: list[float] = field(default_factory=list)
    scores: dict[str, dict[str, list[float]]] = field(init=False)
    tiles: list[Tile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scores = {method: {metric: [] for metric in METRICS} for method in (*self.renderers, *FLOORS)}


@dataclass(frozen=True)
class Picture:
    """A picture and who is in it."""

    rgb: np.ndarray
    mask: np.ndarray


class RecoveredClip:
    """A clip, what the detector saw in it, the body through time, and the seconds each stage took."""

    def __init__(self, path: Path, *, regressor: str | None = None) -> None:
        clip = open_video(path)
        start = perf_counter()
        self.found = detect_clip(iter(clip), fps=clip.fps, size=clip.size, mask_size=max(clip.size), source=str(path))
        middle = perf_counter()
        self.motion: lw.BodyTrack = lw.recover(self.found, regressor=regressor)
        self.seconds = {"detect": middle - start, "fit": perf_counter() - middle}
        self._path = path
        self._frames = iter(clip)
        self._next = 0

    def frame(self, index: int) -> np.ndarray:
        """Return a frame; read in order, from the start again where the order goes back."""
        if index < self._next:
            self._frames, self._next = iter(open_video(self._path)), 0
        skipped = index - self._next
        self._next = index + 1
        return next(islice(self._frames, skipped, None))


def find_pairs(folder: Path, names: list[str] | None = None) -> list[Pair]:
    """Return the pairs NAME_A.mp4 / NAME_random.mp4 of a folder, by name.

    Raises:
        InputError: there is none, or one that was asked for is missing.
    """
    found = {
        path.name.removesuffix("_A.mp4"): Pair(path.name.removesuffix("_A.mp4"), path, other)
        for path in sorted(folder.glob("*_A.mp4"))
        if (other := path.with_name(path.name.removesuffix("_A.mp4") + "_random.mp4")).exists()
    }
    if not found:
        raise lw.InputError(f"{folder}: no pair NAME_A.mp4, NAME_random.mp4; give the folder of the clips by --data")
    missing = [name for name in names or [] if name not in found]
    if missing:
        raise lw.InputError(f"{folder}: no pair {missing[0]}; there are {', '.join(found)}")
    return [found[name] for name in names or found]


def chosen_frames(total: int, frames: int | None, first: int = 1) -> list[int]:
    """Return `frames` evenly spread frames from `first` on (all if None); frame 0 may be the source photo."""
    if frames is None or frames >= total - first:
        return list(range(first, total))
    return sorted({round(index) for index in np.linspace(first - 1, total - 1, frames + 1)[1:]})


def first_frame(path: Path) -> np.ndarray:
    """Return frame 0 of a clip."""
    return next(iter(open_video(path)))


def evaluate(
    pair: Pair,
    setting: str,
    clip: RecoveredClip,
    *,
    frames: int | None,
    size: int,
    renderers: Sequence[str] | Mapping[str, str | Method],
    first: int = 1,
) -> Result:
    """Put the person of the source photo into the clip's motion and compare with the clip, frame by frame.

    Args:
        pair: where the photo is from.
        setting: one of `SETTINGS`.
        clip: of the motion.
        frames: how many are scored; None for all.
        size: longer side at which everything is compared.
        renderers: names of methods; or what they are to be called, and methods.
        first: no frame before this one is scored.
    """
    methods = renderers if isinstance(renderers, Mapping) else {name: name for name in renderers}
    renderers = tuple(methods)
    scored = chosen_frames(len(clip.motion), frames, first)
    wanted = sorted({index for frame in scored for index in (frame - 1, frame)})  # flicker needs the frame before
    result = Result(pair.name, setting, renderers, len(clip.motion), len(wanted) * len(renderers))
    result.seconds, result.frames = dict(clip.seconds), dict.fromkeys(clip.seconds, len(clip.motion))
    errors = reprojection_errors(clip.motion, clip.found.keypoints)
    result.reprojection = errors[np.isfinite(errors)].tolist()

    photo = first_frame(pair.photo_clip if setting == "cross" else pair.motion_clip)
    start = perf_counter()
    person = lw.encode_source(photo)
    result.seconds["encode"], result.frames["encode"] = perf_counter() - start, 1

    motion = clip.motion[wanted]
    gaps = {number for number in range(1, len(wanted)) if wanted[number] > wanted[number - 1] + 1}
    motion = replace(
        motion, cuts=tuple(sorted(gaps | set(motion.cuts)))
    )  # a foot does not stand across what is left out
    answers = {
        renderer: timed(lw.imitate(person, motion, camera="copy", size=size, method=method), renderer, result)
        for renderer, method in methods.items()
    }
    shown = set(scored[len(scored) // 8 :: max(1, len(scored) // 4)][:4])
    last: dict[str, Picture] = {}
    for index, *ours in zip(wanted, *answers.values(), strict=True):
        shape = ours[0].mask.shape
        now = {
            "copy the photo": Picture(resized(photo, shape), resized(person.alpha, shape) > 0.5),
            "real": real_picture(clip, index, shape),
            **dict(zip(renderers, ours, strict=True)),
            "background only": Picture(resized(person.background, shape), np.zeros(shape, dtype=bool)),
        }
        if index in scored:
            add_scores(result, now, last)
            label = f"{pair.name} {setting} frame {index}"
            score = result.scores[renderers[0]]["person_ssim"][-1]
            result.tiles.append(Tile(label, score, index in shown, {name: now[name].rgb for name in now}))
            forget_all_but_the_worst(result.tiles)
        last = now
    return result


def timed(answers: Iterator[lw.Synthesis], renderer: str, result: Result) -> Iterator[Picture]:
    """Count a renderer's answers and the seconds spent on them."""
    stage = f"render {renderer}"
    result.seconds[stage], result.frames[stage] = 0.0, 0
    while True:
        start = perf_counter()
        answer = next(answers, None)
        result.seconds[stage] += perf_counter() - start
        if answer is None:
            return
        result.frames[stage] += 1
        result.answered += 1
        yield Picture(to_uint8(answer.image), answer.alpha.cpu().numpy() > 0.5)


def add_scores(result: Result, now: dict[str, Picture], last: dict[str, Picture]) -> None:
    """Measure one frame of every method against the real one."""
    real = now["real"]
    region = person_region(real.mask.astype(np.float32))
    for method, scores in result.scores.items():
        picture = now[method]
        similarity = ssim_map(picture.rgb, real.rgb)
        scores["ssim"].append(mean_ssim(similarity))
        scores["haarpsi"].append(haarpsi(picture.rgb, real.rgb))
        scores["flicker"].append(flicker([last[method].rgb, picture.rgb], [last["real"].rgb, real.rgb]))
        if region.any():  # a frame where nobody is seen has no person to compare
            scores["person_ssim"].append(mean_ssim(similarity, region))
            scores["person_psnr"].append(min(psnr(picture.rgb, real.rgb, region), EQUAL_PSNR))
            scores["iou"].append(iou(picture.mask, real.mask))


def forget_all_but_the_worst(tiles: list[Tile]) -> None:
    """Keep the tiles that are shown anyway, and the worst ones: a long clip must fit into memory."""
    others = sorted((tile for tile in tiles if not tile.shown), key=lambda tile: tile.score)
    for tile in others[WORST:]:
        tiles.remove(tile)


def real_picture(clip: RecoveredClip, index: int, shape: tuple[int, int]) -> Picture:
    """Return a frame of the clip with the detector's alpha of it."""
    return Picture(resized(clip.frame(index), shape), clip.found.masks.frame(index, shape).numpy() > 0.5)


def resized(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample a uint8 picture or a float mask to (height, width); unchanged where it fits."""
    if picture.shape[:2] == shape:
        return picture
    return np.asarray(Image.fromarray(picture).resize(shape[::-1], Image.Resampling.BICUBIC))
