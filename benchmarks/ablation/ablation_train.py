"""Train one variant, or take up what is trained already."""

import argparse
from pathlib import Path

import torch
from ablation_measure import VARIANTS, People
from ablation_trained import Trained

from liquidwarp.nn.liquid import LiquidGenerator
from liquidwarp.train.checkpoint import load_checkpoint
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.liquid_objective import make_liquid_objective
from liquidwarp.train.run import train
from liquidwarp.train.sources import Sources


def train_variant(variant: str, seed: int, training: People, options: argparse.Namespace) -> Trained:
    """Train, or go on with what the folder holds; every variant gets the same samples, losses and steps."""
    folder = options.output / f"{variant}_seed{seed}"
    config = configuration(variant, seed, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        objective = make_liquid_objective(VARIANTS[variant], options.width, config.loss)
    samples = training.samples(photos=options.photos, seed=seed)
    outcome = train(config, folder, objective=objective, sources=Sources(samples, None, options.clips, {}))
    if outcome.reason == "interrupted":
        raise KeyboardInterrupt  # an unfinished variant must not be measured beside finished ones
    return read_back(variant, seed, folder, objective.generator)


def configuration(variant: str, seed: int, options: argparse.Namespace) -> Config:
    """Return the configuration of a training."""
    settings = {
        "data.kind": "synthetic",
        "data.size": [options.size, options.size],
        "data.clips": options.clips,
        "data.frames": options.frames,
        "data.workers": 0,
        "model.kind": VARIANTS[variant],
        "model.width": options.width,
        "model.photos": options.photos,
        "train.steps": options.steps,
        "train.batch": options.batch,
        "train.lr": options.lr,
        "train.warmup": min(20, options.steps // 4),
        "train.ema": 0.97,
        "train.precision": "float32",
        "train.device": "cpu",
        "train.seed": seed,
        "log.pictures": options.steps,
        "log.checkpoint": max(1, options.steps // 4),
    }
    return load_config(None, [f"{key}={_toml(value)}" for key, value in settings.items()])


def read_back(variant: str, seed: int, folder: Path, generator: torch.nn.Module) -> Trained:
    """Put the averaged weights of a run into a generator."""
    state = load_checkpoint(folder)
    assert state is not None
    assert isinstance(generator, LiquidGenerator)
    generator.load_state_dict(state["trainer"]["averaged"])
    return Trained(variant, seed, generator.eval().requires_grad_(False), float(state["seconds"]), int(state["step"]))


def _toml(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
