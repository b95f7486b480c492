"""Personalisation: a generator fitted to one person's photos and to the camera of the driving clip."""

import hashlib
import logging
import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from liquidwarp import __version__
from liquidwarp.bodies import BodyModel
from liquidwarp.console import progress_bar
from liquidwarp.detect import Detector, default_detector, profile_of
from liquidwarp.errors import InputError, OutputError
from liquidwarp.media import is_video, open_video
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import load_compact, save_compact
from liquidwarp.nn.planes import joined
from liquidwarp.person import SourceState
from liquidwarp.train.config import DataConfig, LossConfig
from liquidwarp.train.objective import CompactObjective
from liquidwarp.train.pairs import PairClip, make_pairs, photo_pairs
from liquidwarp.train.samples import PairSamples

_log = logging.getLogger(__name__)

_BATCH = 2
# Steps and rate, chosen on real clips: a clip of somebody else made pictures better by 0.06 to 0.16 dB, and more steps
# made them worse; the photo alone is worth little.
_ON_CLIP, _ON_PHOTO = (60, 5e-5), (40, 2e-5)
_CLIP_FRAMES = 16
_CROP = (192, 192)
_LOSSES = LossConfig(pixel=1.0, person=5.0, ssim=2.0, perceptual=2.0, mask=0.5, overlap=0.5, face=0.3, identity=0.2)


def personalize(
    person: SourceState,
    *,
    clip: str | Path | None = None,
    generator: CompactGenerator | None = None,
    detector: Detector | None = None,
    cache: str | Path | None = None,
    progress: bool = False,
) -> CompactGenerator:
    """Fine-tune the compact generator on a driving clip's own frames, or without a clip on the person's photo.

    A clip teaches its camera and light: one of its frames serves as the photo of whoever is in it, the others as the
    truth. The photo teaches the person's outline: it is set beside pictures of the person in poses that are a little
    wrong. The result is kept, named by the content of everything that goes in; of a detector by its name, version and
    profile.

    The fitting runs on the CPU.

    Args:
        person: from `encode_source`.
        clip: a video, usually the driving one.
        generator: to start from; the bundled one by default.
        detector: what finds people in the clip; see `detect.default_detector`.
        cache: folder for results; `LIQUIDWARP_CACHE` or `~/.cache/liquidwarp` by default. Where the default cannot be
            written, the result is not kept, and the log says so.
        progress: show a progress bar.

    Raises:
        InputError: the clip cannot be read, or the default generator is missing.
        OutputError: the folder given cannot be written.
        NoPersonError: nobody in the clip.
    """
    person, start = person.to("cpu"), generator or load_compact()
    if clip is not None and not is_video(clip):
        raise InputError(f"{clip}: not a video; give the driving clip, or nothing")
    steps, rate = _ON_PHOTO if clip is None else _ON_CLIP
    detector = detector or default_detector()
    folder, name = _folder(cache), f"{_fingerprint(person, clip, detector, start)}.safetensors"
    if folder is not None and (folder / name).exists():
        return load_compact(folder / name)
    pairs = photo_pairs(person) if clip is None else _clip_pairs(clip, person.body, detector)
    network = fine_tune(start, pairs, steps=steps, rate=rate, progress=progress)
    card = {"personal": True, "steps": steps, "version": __version__}
    try:
        if folder is None:
            raise OutputError("there is no home folder")
        save_compact(network, folder / name, card)
        return load_compact(folder / name)
    except OutputError as error:
        if cache is not None:
            raise
        _log.warning(
            "the fitted generator is not kept: %s; set LIQUIDWARP_CACHE to a folder that can be written", error
        )
    with TemporaryDirectory() as scratch:  # weights are rounded in files
        save_compact(network, Path(scratch) / name, card)
        return load_compact(Path(scratch) / name)


def fine_tune(
    start: CompactGenerator, pairs: PairClip, *, steps: int, rate: float, progress: bool = False
) -> CompactGenerator:
    """Return a copy of a generator, trained on pairs; the same input gives the same result.

    Args:
        start: is not changed.
        pairs: to train on.
        steps: of Adam, falling linearly to zero.
        rate: of learning at the beginning.
        progress: show a progress bar.
    """
    network = CompactGenerator(start.widths).float()
    network.load_state_dict(start.state_dict())
    objective = CompactObjective(network, _LOSSES)
    samples = PairSamples(
        [pairs], DataConfig(size=_CROP, source_size=(pairs.source.shape[0], pairs.source.shape[1])), seed=0
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    for step in progress_bar(range(steps), desc="personalise", unit="step", shown=progress):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        drawn = [samples.sample(step * _BATCH + number) for number in range(_BATCH)]
        batch = joined(drawn)
        with torch.autocast("cpu", torch.bfloat16):
            attempt = objective.attempt(network, batch)
        loss = _sum(objective.generator_losses(attempt, batch, adversary=False))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    return network.eval().requires_grad_(False)


def _sum(losses: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def _clip_pairs(path: str | Path, body: BodyModel, detector: Detector) -> PairClip:
    """Take frames spread over a clip; the first of them is the photo."""
    video = open_video(path)
    count = sum(1 for _ in open_video(path))
    chosen = {round(at) for at in np.linspace(0, count - 1, min(count, _CLIP_FRAMES))}
    frames = np.stack([frame for number, frame in enumerate(islice(video, count)) if number in chosen])
    return make_pairs(frames, fps=max(1.0, video.fps * len(frames) / count), body=body, detector=detector)


def _folder(cache: str | Path | None) -> Path | None:
    """Return where results are kept; None for a user without a home."""
    named = cache or os.environ.get("LIQUIDWARP_CACHE")
    try:
        return (Path(named) if named else Path.home() / ".cache" / "liquidwarp") / "personal"
    except RuntimeError:
        return None


def _fingerprint(person: SourceState, clip: str | Path | None, detector: Detector, start: CompactGenerator) -> str:
    """Return a name that depends on everything the result depends on."""
    settings = (__version__, _ON_CLIP, _ON_PHOTO, _BATCH, _CLIP_FRAMES, _CROP, _LOSSES)
    digest = hashlib.sha256(f"{settings} {person.digest()}".encode())
    for name, tensor in start.state_dict().items():
        digest.update(f" {name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    if clip is not None:
        digest.update(f" {detector.name} {profile_of(detector)} ".encode())
        with open(clip, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
