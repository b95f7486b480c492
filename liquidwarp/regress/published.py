"""HMR and SPIN with the published weights that a user has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, load_body
from liquidwarp.bodies.smpl_files import family_of
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.files import read_checkpoint
from liquidwarp.geometry import axis_angle_to_matrix
from liquidwarp.regress.hmr import HmrNetwork, SmplAnswer, SpinNetwork
from liquidwarp.regress.landmark_network import matrices_of_columns
from liquidwarp.regress.protocol import (
    BodyPieces,
    from_smpl_axes,
    place_by_weak_perspective,
    smpl_pelvis,
)
from liquidwarp.types import Camera

_SIDE = 224
_NAMED = 3  # parameters that an error message names


@dataclass(frozen=True)
class _RegressorKind:
    """How a published network wants its pictures: mean and spread of channels, and how much room around a person."""

    network: Callable[[], nn.Module]
    mean: tuple[float, float, float]
    spread: tuple[float, float, float]
    enlarge: float


_KINDS = {
    "hmr": _RegressorKind(HmrNetwork, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.5),
    "spin": _RegressorKind(SpinNetwork, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.2),
}
PUBLISHED_REGRESSORS = tuple(_KINDS)
"""Names that `load_regressor` knows."""


class PublishedRegressor:
    """A published network behind `Regressor`.

    Args:
        name: one of `PUBLISHED_REGRESSORS`.
        network: with its weights.
        smpl: an SMPL body, which says where the pelvis lies; without one it is about right.
    """

    side = _SIDE

    def __init__(self, name: str, network: nn.Module, smpl: BodyModel | None) -> None:
        self.name, self.enlarge, self.body = name, _KINDS[name].enlarge, smpl
        self._network = network.eval().requires_grad_(False)
        self._mean, self._spread = (
            torch.tensor(v, dtype=torch.float32).view(3, 1, 1) for v in (_KINDS[name].mean, _KINDS[name].spread)
        )

    def regress(self, crops: Float[Tensor, "B 3 S S"], boxes: Float[Tensor, "B 3"], camera: Camera) -> BodyPieces:
        """Answer a body per crop (see `Regressor`); the hands' own joints are left out."""
        with torch.no_grad():
            answer: SmplAnswer = self._network((crops - self._mean.to(crops)) / self._spread.to(crops))
        rotations = from_smpl_axes(pose_matrices(answer.pose))[:, : len(CANONICAL_JOINTS)]
        weak = answer.camera.clone()
        weak[:, 1:] += smpl_pelvis(self.body, answer.shape.mean(0)).to(weak)[:2]
        turned, place = place_by_weak_perspective(weak, rotations, boxes, camera)
        return BodyPieces(turned, place, answer.shape)


def pose_matrices(pose: Float[Tensor, "B P"]) -> Float[Tensor, "B 24 3 3"]:
    """Turn 24 axis-angles (72 numbers), or the first two columns of 24 matrices (144), into matrices."""
    if pose.shape[1] == 72:
        return axis_angle_to_matrix(pose.view(-1, 24, 3))
    return matrices_of_columns(pose.view(-1, 24, 3, 2))


def load_regressor(name: str, weights: str | Path, *, body: BodyModel | None = None) -> PublishedRegressor:
    """Read a published network with its weights; nothing in the file is executed.

    Args:
        name: "hmr" or "spin".
        weights: the published checkpoint.
        body: the body of the track; if it is no SMPL body, the user's own serves, if it lies where `load_body("smpl")`
            looks.

    Raises:
        InputError: the file is missing, damaged, holds code, or belongs to another network.
    """
    check_choice("regressor", name, PUBLISHED_REGRESSORS)
    tensors = read_checkpoint(weights)
    with torch.device("meta"):
        network = _KINDS[name].network()
    wanted = {key: value.shape for key, value in network.state_dict().items() if value.is_floating_point()}
    missing = sorted(wanted.keys() - tensors.keys())
    other = sorted(key for key in wanted.keys() & tensors.keys() if tensors[key].shape != wanted[key])
    for keys, what in ((missing, "it lacks"), (other, "of another shape are")):
        if keys:
            told = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
            rest = [kind for kind in PUBLISHED_REGRESSORS if kind != name and _fits(kind, tensors)]
            remedy = f"use --regressor {rest[0]}" if rest else "give its published checkpoint"
            raise InputError(f"{weights}: not the weights of {name}: {what} {told}; {remedy}")
    network.to_empty(device="cpu").float()
    state = network.state_dict()
    network.load_state_dict({key: tensors.get(key, torch.zeros_like(value)).to(value) for key, value in state.items()})
    if not all(bool(torch.isfinite(value).all()) for value in network.state_dict().values()):
        raise InputError(f"{weights}: holds NaN or infinity; fetch it again")
    own = body is not None and family_of(body) == "smpl"
    return PublishedRegressor(name, network, body if own else _user_smpl())


def _fits(kind: str, tensors: dict[str, Tensor]) -> bool:
    with torch.device("meta"):
        wanted = _KINDS[kind].network().state_dict()
    return all(key in tensors and tensors[key].shape == v.shape for key, v in wanted.items() if v.is_floating_point())


def _user_smpl() -> BodyModel | None:
    try:
        return load_body("smpl")
    except InputError:
        return None
