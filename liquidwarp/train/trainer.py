"""One step after the other: gradients, averaged weights, and a state that can be saved and taken up again."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from liquidwarp.errors import InputError
from liquidwarp.train.batch import Batch
from liquidwarp.train.config import TrainConfig
from liquidwarp.train.objective import Attempt, Objective
from liquidwarp.train.processes import Processes


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        step: number of steps done.
        seconds: spent on them, over all runs.
    """

    step: int
    seconds: float


class Trainer:
    """Networks, optimisers and averaged weights of a training.

    Args:
        objective: what is trained, and towards what.
        config: how.
        adversary_from: fraction of the training after which the discriminator joins.
        processes: that share the work.
    """

    def __init__(
        self, objective: Objective, config: TrainConfig, *, adversary_from: float, processes: Processes
    ) -> None:
        self.objective = objective
        self._config, self._adversary_from, self._processes = config, adversary_from, processes
        objective.to(processes.device)
        if config.channels_last:
            for module in self._networks().values():
                if not _has_frozen_norms(module):  # PyTorch 2.13 crashes on their gradients in this layout
                    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = deepcopy(objective.generator).eval().requires_grad_(False)
        objective.generator.train()
        self._generator = processes.wrap(objective.generator)
        self._discriminator = processes.wrap(objective.discriminator) if objective.discriminator else None
        rates = {"generator": config.lr, "discriminator": config.lr_discriminator}
        self._optimisers = {
            name: torch.optim.AdamW(module.parameters(), lr=rates[name], betas=config.betas, weight_decay=config.decay)
            for name, module in self._networks().items()
        }

    def step(self, batch: Batch, progress: Progress) -> dict[str, float]:
        """Take one step on a batch that lies on this process's device; return losses, rate and gradient norms.

        Raises:
            InputError: a loss is not a number any more.
        """
        done = self.done(progress)
        rate = rate_factor(self._config, progress.step, done)
        adversary = self._discriminator is not None and done >= self._adversary_from
        discriminator = self.objective.discriminator
        if discriminator is not None:
            discriminator.requires_grad_(False)
        with self._autocast():
            attempt = self.objective.attempt(self._generator, batch)
        losses = self.objective.generator_losses(attempt, batch, adversary=adversary)
        told = self._descend("generator", losses, rate)
        self._follow()
        if adversary and discriminator is not None and self._discriminator is not None:
            discriminator.requires_grad_(True)
            with self._autocast():
                losses = self.objective.discriminator_losses(self._discriminator, attempt, batch)
            told |= self._descend("discriminator", losses, rate)
        return told | {"lr": rate * self._config.lr}

    def look(self, batch: Batch) -> Attempt:
        """Let the averaged weights answer."""
        with torch.no_grad(), self._autocast():
            return self.objective.attempt(self.averaged, batch)

    def done(self, progress: Progress) -> float:
        """Return how much of the training is done, 0 to 1."""
        done = progress.step / self._config.steps
        if self._config.paced and self._config.minutes:
            done = max(done, progress.seconds / (60 * self._config.minutes))
        return min(1.0, done)

    def state(self) -> dict[str, Any]:
        """Return everything that the next steps depend on."""
        return {
            "networks": {name: module.state_dict() for name, module in self._networks().items()},
            "optimisers": {name: each.state_dict() for name, each in self._optimisers.items()},
            "averaged": self.averaged.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state again.

        Raises:
            InputError: it is of other networks.
        """
        try:
            for name, module in self._networks().items():
                module.load_state_dict(state["networks"][name])
                self._optimisers[name].load_state_dict(state["optimisers"][name])
            self.averaged.load_state_dict(state["averaged"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                "the checkpoint is of other networks than the configuration's; resume with the run's own "
                "configuration, or choose another folder"
            ) from error

    def _networks(self) -> dict[str, nn.Module]:
        pairs = {"generator": self.objective.generator, "discriminator": self.objective.discriminator}
        return {name: module for name, module in pairs.items() if module is not None}

    def _autocast(self) -> torch.autocast:
        half = self._config.precision == "bfloat16"
        return torch.autocast(self._processes.device.type, torch.bfloat16, enabled=half)

    def _descend(self, name: str, losses: dict[str, Tensor], rate: float) -> dict[str, float]:
        """Lower the sum of some losses."""
        optimiser = self._optimisers[name]
        base = self._config.lr if name == "generator" else self._config.lr_discriminator
        for group in optimiser.param_groups:
            group["lr"] = rate * base
        optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(losses.values())).sum()
        total.backward()
        norm = clip_grad_norm_(self._networks()[name].parameters(), self._config.clip)
        told = {**{key: float(value.detach()) for key, value in losses.items()}, f"norm_{name}": float(norm)}
        if not math.isfinite(sum(told.values())):
            raise InputError(f"the training diverged ({name}: {told}); resume with a lower train.lr or train.clip")
        optimiser.step()
        return told

    def _follow(self) -> None:
        with torch.no_grad():
            generator = self.objective.generator
            for slow, fast in zip(self.averaged.parameters(), generator.parameters(), strict=True):
                slow.lerp_(fast.detach(), 1 - self._config.ema)
            for kept, own in zip(self.averaged.buffers(), generator.buffers(), strict=True):
                kept.copy_(own)  # statistics, and what spectral norms are found by: an average of them means nothing


def _has_frozen_norms(network: nn.Module) -> bool:
    norms = [module for module in network.modules() if isinstance(module, nn.GroupNorm) and module.affine]
    return not all(parameter.requires_grad for norm in norms for parameter in norm.parameters())


def rate_factor(config: TrainConfig, step: int, done: float) -> float:
    """Return the learning rate of a step as a fraction of the full one: a straight rise, then the schedule.

    Args:
        config: warmup, schedule and final fraction.
        step: number of steps done before.
        done: of the training that is done, 0 to 1.
    """
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    falls: dict[str, Callable[[float], float]] = {
        "constant": lambda _: 1.0,
        "linear": lambda done: 1 - done,
        "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    }
    left = falls[config.schedule](done)
    return warm * (left if config.schedule == "constant" else config.final + (1 - config.final) * left)
