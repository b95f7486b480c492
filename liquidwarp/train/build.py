"""From the kind of a model to what trains it."""

from collections.abc import Callable

import torch

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.methods import METHODS, MethodEntry, entry_of
from liquidwarp.train.config import Config
from liquidwarp.train.disco_objective import build_disco
from liquidwarp.train.edn_objective import build_edn
from liquidwarp.train.few_shot_objective import build_few_shot
from liquidwarp.train.liquid_objective import build_liquid
from liquidwarp.train.objective import Objective, build_compact
from liquidwarp.train.pose_transfer_objective import build_pose_transfer

OBJECTIVES: dict[str, Callable[[Config], Objective]] = {
    "compact": build_compact,
    "disco": build_disco,
    "edn": build_edn,
    "few-shot-vid2vid": build_few_shot,
    "liquid": build_liquid,
    "pose-transfer": build_pose_transfer,
}
"""By the name that `methods.MethodEntry.objective` gives."""


def build_objective(config: Config) -> Objective:
    """Make the networks and losses of a configuration; first weights depend on `train.seed` alone.

    Raises:
        InputError: an unknown kind of model, or a file of weights that does not fit.
    """
    build = OBJECTIVES[str(trained_method(config.model.kind).objective)]
    if config.loss.temporal and not config.data.neighbours:
        raise InputError("loss.temporal compares successive frames; set data.neighbours = true")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.train.seed)
        return build(config)


def trained_method(kind: str) -> MethodEntry:
    """Return the method that a kind of model is of.

    Raises:
        InputError: there is none, or none that is trained.
    """
    trained = [entry for entry in METHODS.values() if entry.objective is not None]
    check_choice("model.kind", kind, [name for entry in trained for name in entry.configurations])
    entry = entry_of(kind)
    assert entry is not None
    return entry
