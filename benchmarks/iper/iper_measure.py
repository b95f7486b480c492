"""Make and measure the pictures of one run, frame by frame, so that a killed run goes on where it stopped."""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from iper_metrics import Features, as_frames, scores_of
from PIL import Image, ImageDraw

import liquidwarp as lw
from liquidwarp.data import IperFolder, Run
from liquidwarp.files import atomic_path
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.media import to_uint8, write_image
from liquidwarp.methods import Method, make_method
from liquidwarp.metrics import ScoredFrame, Stream, flicker, haarpsi, iou, mean_ssim, person_region, psnr, ssim_map
from liquidwarp.tasks import source_from_tracks
from liquidwarp.tasks.target import Target, imitation_target, orbit_target
from liquidwarp.types import Clip

METRICS = ("ssim", "person_ssim", "person_psnr", "haarpsi", "iou", "flicker", "seen")
PAIRED = METRICS[:-1]
COPY = "copy"
PUBLISHED = "published:"
WEIGHTS = "weights="
EQUAL_PSNR = 100.0  # stands for the infinite ratio of equal pictures, which no mean and no JSON can hold
_CHUNK = 16  # frames posed together by `synthesize`; going on elsewhere could differ in the last bit
_SHOWN = 3  # frames of a run on the contact sheet
_LABEL = 14


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, who is in it, the fraction of the person that a photo shows, and where; None: not known."""

    rgb: np.ndarray
    mask: np.ndarray
    seen: float | None = None
    coverage: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Renderer:
    """A way to make pictures: its name in results, the method, and what tells it from others; no method copies."""

    name: str
    method: Method | None
    identity: str


def make_renderer(name: str) -> Renderer:
    """Return a way to make pictures by its name.

    Args:
        name: copy (the photo as every frame), gan, published:FILE, or a method as `liquidwarp methods` lists them, with
            its options, such as liquid:temporal=true,weights=FILE.

    Raises:
        InputError: an unknown name, or weights that cannot be read.
    """
    if name == COPY:
        return Renderer(name, None, name)
    if name.startswith(PUBLISHED):
        path = Path(name.removeprefix(PUBLISHED))
        method = make_method("gan", weights=path)
        return Renderer(f"{PUBLISHED}{path.name}", method, hashlib.sha256(path.read_bytes()).hexdigest())
    method = make_method(name)
    files = [Path(part.removeprefix(WEIGHTS)) for part in re.split("[:,]", name) if part.startswith(WEIGHTS)]
    for path in files:
        name = name.replace(str(path), path.name)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return Renderer(name, method, " ".join([name, *digests]))


def run_folder(out: Path, run: Run, renderer: Renderer) -> Path:
    """Return where a run keeps what it has."""
    return out / "runs" / folder_name(renderer) / run.name


def folder_name(renderer: Renderer) -> str:
    """Return the name of a renderer as a folder's."""
    return re.sub("[:,=]", "-", renderer.name)


def settings_of(
    run: Run, renderer: Renderer, size: int | None, limit: int | None, stream: Stream | None = None
) -> dict[str, object]:
    """Return all that the scores of a run depend on, besides the data."""
    return {
        "task": run.task,
        "video": run.video,
        "sources": list(run.sources),
        "wear": [run.wear[0], list(run.wear[1])] if run.wear else None,
        "motion": [run.motion.video, run.motion.first, run.motion.last],
        "real": [run.real.video, run.real.first, run.real.last],
        "paired": run.paired,
        "judged": list(judged(run, limit)) if run.frames or limit else None,
        "renderer": renderer.name,
        "weights": renderer.identity,
        "size": size,
    } | ({} if stream is None else {"metrics": [*stream.frame_keys, *stream.set_keys]})


def judged(run: Run, limit: int | None) -> tuple[int, ...]:
    """Return the frames that are made: all of the protocol's, or the first few for a quick look."""
    return run.judged[:limit]


def read_rows(folder: Path) -> list[dict[str, float | None]]:
    """Return the scores of the frames that are finished; a line that a kill cut short is not."""
    path = folder / "frames.jsonl"
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []:
        if not line.endswith("\n"):
            break
        rows.append(json.loads(line))
    return rows


def measure(
    run: Run,
    renderer: Renderer,
    data: IperFolder,
    out: Path,
    *,
    size: int | None,
    limit: int | None,
    stream: Stream | None = None,
    keep: bool = False,
) -> None:
    """Make what is still missing of a run; score it by the metrics of `stream` too, and keep the pictures if asked to.

    Raises:
        InputError: the folder has a run with other settings, or the data cannot be read.
    """
    folder = run_folder(out, run, renderer)
    settings = settings_of(run, renderer, size, limit, stream)
    card = folder / "run.json"
    if card.exists() and json.loads(card.read_text(encoding="utf-8")) != settings:
        raise lw.InputError(f"{folder}: made with other settings; choose another folder with -o, or remove it")
    if not card.exists():
        write_text(card, json.dumps(settings) + "\n")
    rows = read_rows(folder)
    write_text(folder / "frames.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    frames = judged(run, limit)
    if len(rows) >= len(frames):
        return
    start = max(0, (len(rows) - 1) // _CHUNK * _CHUNK)  # flicker needs the frame before
    if renderer.method is not None and renderer.method.recurrent:
        start = 0  # pictures depend on those before
    last: tuple[Picture, Picture] | None = None
    last_frames: tuple[ScoredFrame, ScoredFrame] | None = None
    real = data.clip(run.real.video)
    features = None if stream is None else Features(folder, stream.set_keys, rows[-1] if rows else None)
    with open(folder / "frames.jsonl", "a", encoding="utf-8") as lines:
        for index, ours in enumerate(_pictures(run, renderer, data, frames, start, size), start):
            truth = _real(real, run.real.first + frames[index] - run.motion.first, ours.rgb.shape[:2])
            now, frames_now = (ours, truth), as_frames(ours, truth)
            if index >= len(rows):
                rows.append(_scores(run, now, last))
                if stream is not None and features is not None:
                    before = None if run.frames else last_frames
                    rows[-1] |= scores_of(stream, frames_now, before, paired=run.paired)
                    rows[-1] |= {"features": features.add(stream.features(*frames_now))}
                _keep_tiles(folder, run, index, now, rows, len(frames))
                if keep:
                    _keep_pictures(out, run, renderer, index, now)
                lines.write(json.dumps(rows[-1]) + "\n")
                lines.flush()
            last, last_frames = now, frames_now


def _scores(run: Run, now: tuple[Picture, Picture], last: tuple[Picture, Picture] | None) -> dict[str, float | None]:
    ours, real = now
    scores: dict[str, float | None] = dict.fromkeys(METRICS)
    scores["seen"] = ours.seen
    if not run.paired:  # the two show different poses: nothing to hold against each other, pixel by pixel
        return scores
    similarity = ssim_map(ours.rgb, real.rgb)
    scores["ssim"], scores["haarpsi"] = mean_ssim(similarity), haarpsi(ours.rgb, real.rgb)
    if last is not None and not run.frames:
        scores["flicker"] = flicker([last[0].rgb, ours.rgb], [last[1].rgb, real.rgb])
    region = person_region(real.mask.astype(np.float32))
    if region.any():
        scores["person_ssim"] = mean_ssim(similarity, region)
        scores["person_psnr"] = min(psnr(ours.rgb, real.rgb, region), EQUAL_PSNR)
        scores["iou"] = iou(ours.mask, real.mask)
    return scores


def _pictures(
    run: Run, renderer: Renderer, data: IperFolder, frames: tuple[int, ...], start: int, size: int | None
) -> Iterator[Picture]:
    clip = data.clip(run.video)
    sources = tuple(dict.fromkeys(run.sources))
    if renderer.method is None:
        shape = _shape(data.clip(run.real.video).size, size)
        photo = Picture(resized(_frame(clip, sources[0]), shape), resized(_mask(clip, sources[0]), shape) > 0.5)
        yield from [photo] * (len(frames) - start)
        return
    person = _person(clip, sources)
    if run.wear is not None:
        outfit = _person(data.clip(run.wear[0]), tuple(dict.fromkeys(run.wear[1])))
        person = lw.transfer_appearance(person, {"body": outfit})
    target = _target(run, person, data, size)
    chosen = [frame - run.motion.first for frame in frames] if not run.frames else list(range(len(frames)))
    part = target[chosen[start:]]
    for answer in lw.synthesize(person, part, method=renderer.method):
        mask = answer.alpha.numpy() > 0.5
        person_pixels = answer.coverage > 0
        seen = float((answer.coverage == 1).sum() / person_pixels.sum()) if bool(person_pixels.any()) else None
        yield Picture(to_uint8(answer.image), mask, seen, answer.coverage.numpy())


def _target(run: Run, person: lw.SourceState, data: IperFolder, size: int | None) -> Target:
    """Return all poses of the run: the window as a whole decides how it is carried over, whatever is made of it."""
    body = person.body
    track = data.clip(run.motion.video).track
    if run.task == "view":
        turns = [turn_between(track, run.sources[0], frame) for frame in run.frames]
        views = [orbit_target(body, person.track, degrees=0.0, frames=1, start=turn, size=size) for turn in turns]
        cameras = tuple(view.cameras[0] for view in views)
        one, count = views[0], len(views)
        return Target(
            one.global_orient.expand(count, -1),
            one.body_pose.expand(count, -1, -1),
            one.transl.expand(count, -1),
            cameras,
        )
    camera = "smooth" if run.task == "cross" else "copy"
    return imitation_target(body, person.track, track[run.motion.first : run.motion.last + 1], camera=camera, size=size)


def turn_between(track: lw.BodyTrack, first: int, second: int) -> float:
    """Return by how many degrees a camera has to walk around frame `first` to see the side that `second` shows.

    The protocol's "view angle" is a label by eye; who turns on the spot is measured by the track instead.
    """
    turns = axis_angle_to_matrix(track.global_orient[[first, second]].double())
    between = turns[1] @ turns[0].T
    return math.degrees(math.atan2(float(between[0, 2] - between[2, 0]), float(between[0, 0] + between[2, 2])))


def _person(clip: Clip, frames: tuple[int, ...]) -> lw.SourceState:
    for frame in frames:
        _check_frame(clip, frame)
    return source_from_tracks(
        [clip.images[frame] for frame in frames],
        [_mask(clip, frame) for frame in frames],
        [clip.track[frame] for frame in frames],
    )


def _frame(clip: Clip, index: int) -> np.ndarray:
    _check_frame(clip, index)
    return clip.images[index]


def _mask(clip: Clip, index: int) -> np.ndarray:
    return clip.alphas[index].astype(np.float32) / 255


def _check_frame(clip: Clip, index: int) -> None:
    if index >= len(clip):
        raise lw.InputError(f"{clip.name}: the protocol wants frame {index} of {len(clip)}; get the whole video")


def _real(clip: Clip, index: int, shape: tuple[int, ...]) -> Picture:
    return Picture(resized(_frame(clip, index), shape), resized(_mask(clip, index), shape) > 0.5)


def _shape(whole: tuple[int, int], size: int | None) -> tuple[int, int]:
    scale = 1.0 if size is None else size / max(whole)
    return max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale))


def resized(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resample a uint8 picture or a float mask to (height, width); unchanged where it fits."""
    if picture.shape[:2] == tuple(shape[:2]):
        return picture
    return np.asarray(Image.fromarray(picture).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def _keep_tiles(
    folder: Path,
    run: Run,
    index: int,
    now: tuple[Picture, Picture],
    rows: list[dict[str, float | None]],
    count: int,
) -> None:
    score = rows[-1]["person_ssim"]
    others = [row["person_ssim"] for row in rows[:-1] if row["person_ssim"] is not None]
    label = f"{run.task} {run.video} frame {index}" + ("" if score is None else f"  {score:.3f}")
    if index in {round(value) for value in np.linspace(0, count - 1, min(_SHOWN, count))}:
        write_image(folder / f"shown_{index:06d}.png", _tile(now, label))
    if score is not None and score < min(others, default=math.inf):
        write_image(folder / "worst.png", _tile(now, label))


def _keep_pictures(out: Path, run: Run, renderer: Renderer, index: int, now: tuple[Picture, Picture]) -> None:
    """Write both pictures and the real mask, in folders that `liquidwarp evaluate` can pair."""
    place = Path(run.task) / folder_name(renderer) / run.name
    mask = np.repeat(now[1].mask[..., None].astype(np.uint8) * 255, 3, 2)
    for kind, picture in (("made", now[0].rgb), ("real", now[1].rgb), ("masks", mask)):
        write_image(out / "pictures" / kind / place / f"{index:06d}.png", picture)


def _tile(now: tuple[Picture, Picture], label: str) -> np.ndarray:
    """Return ours and the real one side by side under a label."""
    height, width = now[0].rgb.shape[:2]
    tile = Image.new("RGB", (2 * width, height + _LABEL), "white")
    ImageDraw.Draw(tile).text((2, 1), label, fill="black")
    for column, picture in enumerate(now):
        tile.paste(Image.fromarray(picture.rgb), (column * width, _LABEL))
    return np.asarray(tile)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
