"""Kinds of data that a training can draw its samples from."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import distributed

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.checks import check_choice
from liquidwarp.console import progress_bar
from liquidwarp.data import load_clips, load_iper, roughen
from liquidwarp.errors import InputError
from liquidwarp.labels import PartChart, part_chart
from liquidwarp.nn.disco.stages import STAGES
from liquidwarp.nn.disco.weights import load_disco_shape
from liquidwarp.synth import synthetic_clip
from liquidwarp.train.build import trained_method
from liquidwarp.train.clip_samples import look_at_drawn
from liquidwarp.train.config import Config
from liquidwarp.train.disco_objective import FRAMES, OF_KINDS
from liquidwarp.train.disco_samples import DiscoSamples
from liquidwarp.train.edn_samples import EdnSamples
from liquidwarp.train.few_shot_samples import FewShotSamples, LengthSchedule, SequenceClip, look_at_sequence
from liquidwarp.train.filmed import FilmedClip
from liquidwarp.train.liquid_samples import LiquidSamples, look_at_clip
from liquidwarp.train.pairs import PairClip, PairFile, make_pairs
from liquidwarp.train.pose_transfer_samples import PoseTransferSamples
from liquidwarp.train.samples import PairSamples, Samples, open_pairs
from liquidwarp.types import BodyTrack, Clip

_log = logging.getLogger(__name__)

C = TypeVar("C")


@dataclass(frozen=True, eq=False)
class Sources:
    """What a training draws from.

    Attributes:
        training: samples to learn from.
        held_out: samples of other clips, to measure on; None if none are kept.
        clips: how many clips the training samples come from.
        broken: what could not be read, and why.
    """

    training: Samples
    held_out: Samples | None
    clips: int
    broken: dict[str, str]


def open_sources(config: Config, folder: Path) -> Sources:
    """Open the data of a configuration; damaged clips are left out and listed.

    Args:
        config: the configuration.
        folder: of the run, for what has to be made first.

    Raises:
        InputError: an unknown kind of data, or no usable clip.
    """
    check_choice("data.kind", config.data.kind, KINDS)
    by_objective = {
        "liquid": _liquid,
        "few-shot-vid2vid": _few_shot,
        "disco": _disco,
        "pose-transfer": _pose_transfer,
        "edn": _edn,
    }
    of_clips = by_objective.get(str(trained_method(config.model.kind).objective))
    sources = of_clips(config) if of_clips else KINDS[config.data.kind](config, folder)
    for name, reason in sources.broken.items():
        _log.warning("%s left out: %s", name, reason)
    return sources


def _pairs(config: Config, _: Path) -> Sources:
    files, broken = open_pairs(_path(config))
    return split(files, broken, config)


def split(files: list[PairFile], broken: dict[str, str], config: Config) -> Sources:
    """Keep every so many-th clip for validation."""
    every = config.data.held_out
    kept = [file for index, file in enumerate(files) if every and index % every == every - 1]
    used = [file for index, file in enumerate(files) if not (every and index % every == every - 1)]
    seed = config.train.seed
    held_out = PairSamples(kept, config.data, seed=seed, varied=False) if kept else None
    return Sources(PairSamples(used, config.data, seed=seed), held_out, len(used), broken)


def _made_pairs(config: Config, folder: Path) -> Sources:
    return _made(_open_clips(config), config, folder)


def _open_clips(config: Config) -> "_Clips":
    if config.data.kind == "synthetic":
        return _Engine(config)
    openers: dict[str, Callable[[Path], _Clips]] = {"clips": load_clips, "iper": load_iper, "video": FilmedClip}
    return openers[config.data.kind](_path(config))


def _liquid(config: Config) -> Sources:
    """Open clips for a Liquid Warping GAN."""
    data = config.data

    def samples(clips: _Clips, own: Sequence[int], _: bool) -> Samples:
        look = _Look(clips, own, config, partial(look_at_clip, size=data.size, frames=data.frames))
        return LiquidSamples(
            len(own), look, photos=config.model.photos, neighbours=data.neighbours, seed=config.train.seed
        )

    return _whole_pictures(config, samples)


def _few_shot(config: Config) -> Sources:
    """Open clips for few-shot vid2vid."""
    data = config.data

    def samples(clips: _Clips, own: Sequence[int], training: bool) -> Samples:
        lengths = LengthSchedule(data.single if training else 0, data.doubling, data.longest)
        return FewShotSamples(
            len(own),
            _Look(clips, own, config, _SequenceLook(data.frames)),
            size=data.size,
            photos=config.model.photos,
            enriched=config.model.kind == "fsvid2vid-mesh",
            heads=config.model.kind == "fsvid2vid-imaginaire-pose",
            length=lengths,
            batch=config.train.batch,
            mirror=data.mirror,
            tint=data.tint,
            varied=training,
            seed=config.train.seed,
        )

    return _whole_pictures(config, samples)


def _disco(config: Config) -> Sources:
    """Open clips for DisCo."""
    kind, data = config.model.kind, config.data
    stage = config.model.stage or OF_KINDS[kind][0]
    shape = load_disco_shape(config.model.start)

    def samples(clips: _Clips, own: Sequence[int], training: bool) -> Samples:
        return DiscoSamples(
            len(own),
            _Look(clips, own, config, partial(look_at_drawn, frames=data.frames)),
            shape=shape,
            frames=min(FRAMES, data.frames) if kind == "disco-temporal" else 1,
            single=STAGES[stage].single,
            batch=config.train.batch,
            varied=training,
            seed=config.train.seed,
        )

    return _whole_pictures(config, samples)


def _pose_transfer(config: Config) -> Sources:
    """Open clips for PG2, DSC or SHUP."""
    data = config.data

    def samples(clips: _Clips, own: Sequence[int], training: bool) -> Samples:
        return PoseTransferSamples(
            len(own),
            _Look(clips, own, config, partial(look_at_drawn, frames=data.frames)),
            size=data.size,
            mirror=data.mirror,
            tint=data.tint,
            varied=training,
            seed=config.train.seed,
        )

    return _whole_pictures(config, samples)


def _edn(config: Config) -> Sources:
    """Open the clips of one person for Everybody Dance Now."""

    def samples(clips: _Clips, own: Sequence[int], _: bool) -> Samples:
        look = _Look(clips, own, config, partial(look_at_drawn, frames=config.data.frames))
        return EdnSamples(len(own), look, size=config.data.size, seed=config.train.seed)

    return _whole_pictures(config, samples)


def _whole_pictures(config: Config, make: "Callable[[_Clips, Sequence[int], bool], Samples]") -> Sources:
    """Open clips for a network that learns from whole pictures.

    Args:
        config: the configuration.
        make: returns samples of some of the clips, which are to be learnt from or only measured on.
    """
    data = config.data
    if data.kind == "pairs":
        raise InputError(
            f"data.kind=pairs is for the compact generator; model.kind={config.model.kind} learns from data.kind="
            "clips, iper, synthetic or video"
        )
    clips = _open_clips(config)
    numbers, every = range(len(clips.names)), data.held_out
    kept = [number for number in numbers if every and number % every == every - 1]
    used = [number for number in numbers if number not in kept]
    training, held_out = (
        make(clips, own, learning) if own else None for own, learning in ((used, True), (kept, False))
    )
    if training is None:
        raise InputError(f"no clip to train on ({len(kept)} held out); give more, or data.held_out=0")
    return Sources(training, held_out, len(used), dict(clips.skipped))


class _Look(Generic[C]):
    """Looks at a clip by its number among some; synthetic people's bodies are known roughly, as filmed ones' are."""

    def __init__(self, clips: "_Clips", own: Sequence[int], config: Config, look: Callable[..., C]) -> None:
        self._clips, self._own, self._config, self._look = clips, own, config, look

    def __call__(self, number: int) -> C:
        clip = self._clips[self._own[number]]
        track, body = clip.track, load_body(clip.track.body)
        if self._config.data.kind == "synthetic":
            rng = np.random.default_rng((self._config.train.seed, self._own[number]))
            track = roughen(body, track, rng)
        return self._look(clip, track=track, body=body)


class _SequenceLook:
    """Looks at a clip as few-shot vid2vid does; bodies are cut into parts once."""

    def __init__(self, frames: int) -> None:
        self._frames, self._charts = frames, dict[str, PartChart]()

    def __call__(self, clip: Clip, *, track: BodyTrack, body: BodyModel) -> SequenceClip:
        if body.name not in self._charts:
            self._charts[body.name] = part_chart(body)
        return look_at_sequence(clip, self._frames, chart=self._charts[body.name], track=track, body=body)


class _Engine:
    """Synthetic people by number."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.names = [f"synthetic{number:06d}" for number in range(config.data.clips)]
        self.skipped: dict[str, str] = {}

    def __getitem__(self, index: int) -> Clip:
        data = self._config.data
        return synthetic_clip((self._config.train.seed, index), data.frames, data.source_size, truth=False)


@runtime_checkable
class _Clips(Protocol):
    @property
    def names(self) -> Sequence[str]: ...

    @property
    def skipped(self) -> Mapping[str, str]: ...

    def __getitem__(self, index: int, /) -> Clip: ...


def _made(clips: _Clips, config: Config, folder: Path) -> Sources:
    """Put clips through the product, once; what is there already is kept, and clips that fail are listed."""
    cache = Path(config.data.cache) if config.data.cache else folder / "pairs"
    files, broken = [], dict(clips.skipped)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    for index in progress_bar(range(len(clips.names)), desc="pairs", unit="clip", shown=rank == 0):
        name = clips.names[index]
        path = cache / f"{name.replace('/', '_')}.safetensors"
        try:
            if not path.exists() and index % world == rank:
                _pair_clip(clips[index], config.data.frames).save(path)
        except InputError as error:
            broken[name] = str(error)
    if world > 1:
        distributed.barrier()  # until all processes have made theirs
    for name in clips.names:
        path = cache / f"{name.replace('/', '_')}.safetensors"
        try:
            files.append(PairFile.open(path))
        except InputError as error:
            broken.setdefault(name, str(error))
    if not files:
        raise InputError(f"no usable clip of {len(broken)}; the first: {next(iter(broken.items()), 'none')}")
    return split(files, broken, config)


def _pair_clip(clip: Clip, frames: int) -> PairClip:
    """Make pairs of some frames of a clip, evenly spaced; the first one is the photo."""
    if len(clip) < 2:
        raise InputError(f"{clip.name} has a single frame; give clips of two or more")
    count = min(frames, len(clip))
    chosen = [round(place * (len(clip) - 1) / (count - 1)) for place in range(count)]
    images = np.stack([clip.images[index] for index in chosen])
    alphas = np.stack([clip.alphas[index] for index in chosen]).astype(np.float32) / 255
    fps = max(clip.track.fps * (count - 1) / (len(clip) - 1), 1.0)
    return make_pairs(images, alphas, photo=0, fps=fps)


def _path(config: Config) -> Path:
    if not config.data.path:
        raise InputError(f"data.path is empty; give the folder of data.kind={config.data.kind}")
    return Path(config.data.path)


KINDS: dict[str, Callable[[Config, Path], Sources]] = {
    "pairs": _pairs,
    "clips": _made_pairs,
    "iper": _made_pairs,
    "synthetic": _made_pairs,
    "video": _made_pairs,
}
"""How each kind of data is opened."""
