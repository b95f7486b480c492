"""Train a system, or take up what is trained already; all get the same number of samples of the same people."""

import argparse
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from methods_autoencoder import start_weights
from methods_systems import System
from quality_measure import RecoveredClip

import liquidwarp as lw
from liquidwarp.methods import METHODS, Method, make_method
from liquidwarp.train.build import build_objective
from liquidwarp.train.checkpoint import load_checkpoint
from liquidwarp.train.clip_samples import look_at_drawn
from liquidwarp.train.config import Config, find_recipe, load_config
from liquidwarp.train.edn_samples import EdnSamples
from liquidwarp.train.run import WEIGHTS, train
from liquidwarp.train.sources import Sources
from liquidwarp.types import Clip

_SINGLE = 0.6  # fraction of few-shot vid2vid's training that is on single frames
_DISCO_STEPS = 20  # of sampling
_CRITIC_RATE = 2e-4  # of learning, as published


@dataclass(frozen=True, eq=False)
class Trained:
    """A system that is ready to be measured.

    Attributes:
        system: which.
        made: the method.
        parameters: of its network.
        steps: of its training.
        samples: that it saw.
        seconds: of training.
    """

    system: System
    made: Method
    parameters: int = 0
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0


def as_it_comes(system: System) -> Trained:
    """Return a system that needs no training here."""
    parameters = sum(METHODS[system.method].configurations.values())
    return Trained(system, make_method(system.method), parameters)


def train_system(system: System, clips: Path, options: argparse.Namespace) -> Trained:
    """Train on synthetic people, or go on with what the folder holds."""
    folder = options.output / "runs" / system.slug
    start = start_weights(clips, options) if system.method == "disco" else None
    return _trained(system, configuration(system, clips, options, start), folder, None)


def train_on_person(system: System, name: str, clip: RecoveredClip, options: argparse.Namespace) -> Trained:
    """Train on the first half of one person's clip, of which the second half is measured."""
    folder = options.output / "runs" / f"{system.slug}_{name}"
    config = configuration(system, Path(name), options, None)
    half = len(clip.motion) // 2
    size = clip.motion.camera.size
    masks = np.stack([clip.found.masks.frame(frame, size).numpy() for frame in range(half)])
    images = np.stack([clip.frame(frame) for frame in range(half)])
    own = Clip(name, images, (255 * masks).round().astype(np.uint8), clip.motion[:half])
    look = partial(look_at_drawn, own, half)
    samples = EdnSamples(1, lambda _: look(), size=config.data.size, seed=options.seed)
    return _trained(system, config, folder, Sources(samples, None, 1, {}))


def configuration(system: System, clips: Path, options: argparse.Namespace, start: Path | None) -> Config:
    """Return the configuration of a training: what all have, then what is the system's own."""
    steps = options.samples // options.batch
    settings: dict[str, object] = {
        "data.kind": "clips",
        "data.path": str(clips),
        "data.size": [options.size, options.size],
        "data.frames": options.frames,
        "data.held_out": max(2, options.clips // 4),
        "data.single": round(_SINGLE * steps),
        "data.workers": 0,
        "model.kind": system.kind,
        "train.steps": steps,
        "train.batch": options.batch,
        "train.lr": options.lr,
        "train.lr_discriminator": _CRITIC_RATE,
        "train.warmup": min(20, steps // 4),
        "train.schedule": "cosine",
        "train.clip": 1.0,
        "train.ema": 0.97,
        "train.precision": "float32",
        "train.device": "cpu",
        "train.seed": options.seed,
        "log.pictures": steps,
        "log.samples": 8,
        "log.checkpoint": max(1, steps // 8),
        **({} if start is None else {"model.start": str(start)}),
        **system.settings,
    }
    recipe = find_recipe(system.method) if system.recipe else None
    return load_config(recipe, [f"{key}={json.dumps(value)}" for key, value in settings.items()])


def _trained(system: System, config: Config, folder: Path, sources: Sources | None) -> Trained:
    objective = build_objective(config)
    parameters = sum(parameter.numel() for parameter in objective.generator.parameters())
    state = load_checkpoint(folder)
    if state is None or state["step"] < config.train.steps or not (folder / WEIGHTS).exists():
        outcome = train(config, folder, objective=objective, sources=sources)
        if outcome.reason == "interrupted":
            raise KeyboardInterrupt  # an unfinished system must not be measured beside finished ones
        state = load_checkpoint(folder)
    assert state is not None
    options = {"steps": _DISCO_STEPS} if system.method == "disco" else {}
    made = make_method(system.method, weights=folder / WEIGHTS, options=options)
    steps = int(state["step"])
    return Trained(system, made, parameters, steps, steps * config.train.batch, float(state["seconds"]))


def missing_extra(system: System) -> str:
    """Return why a system cannot be had here; nothing if it can."""
    if not system.extra:
        return ""
    from liquidwarp.nn.disco.extra import check_packages

    try:
        check_packages()
    except lw.InputError as error:
        return str(error)
    return ""
