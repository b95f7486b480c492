"""PG2, DSC and SHUP as methods: each frame is made of the first photo, its pose and the wanted pose."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow, body_skeleton
from liquidwarp.methods.photos import shown_photo
from liquidwarp.methods.pose_transfer.inputs import pose_joints, shared_window, transfer_window
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.nn.baselines.pose_transfer import PoseTransferGenerator
from liquidwarp.nn.baselines.weights import load_pose_transfer, save_pose_transfer
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize

_PERSON = 0.5  # alpha from which a pixel is the person's


class PoseTransferSession:
    """Draws one person, where the person's tensors lie.

    The network draws a window, background and all: the photo's own as long as the person stays in it, so that photo
    and picture show the same place, and one around the person where they do not.

    Args:
        generator: in evaluation mode.
        state: the person.
        background: what is behind; where it is the photo's own, the network's is shown inside of the window.
    """

    def __init__(self, generator: PoseTransferGenerator, state: SourceState, background: BackgroundPicture) -> None:
        self._body, self._betas, self._size = state.body, state.track.betas, generator.shape.size
        self._kept, self._background = background.kept, background.tensor(state.device)
        self._generator = moved(generator, state.device)
        photo = shown_photo(state)
        skeleton = body_skeleton(self._body, self._betas, photo.pose, photo.camera)
        self._photo_size = photo.camera.size
        self._home = transfer_window(skeleton, self._photo_size, self._size[1] / self._size[0])
        self._source = 2 * self._home.cut(photo.picture, self._size).clamp(0, 1)[None] - 1
        near = self._home.camera(photo.camera, self._size)
        self._joints = pose_joints(self._body, self._betas, photo.pose, near)[None]

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture; its coverage is 3 on the person."""
        window = self._window(frame)
        near = window.camera(frame.camera, self._size)
        joints = pose_joints(self._body, self._betas, frame.pose, near)[None]
        with torch.no_grad():
            made = self._generator(self._source, self._joints, joints)
        if made.mask is None:
            alpha = rasterize(frame.vertices[None], self._body.topology.faces, near).mask[0].to(made.picture)
        else:
            alpha = made.mask[0, 0]
        alone = made.picture if self._kept or made.foreground is None else made.foreground
        empty = torch.cat([self._background, torch.zeros_like(self._background[:1])])
        whole = window.paste(torch.cat([alone[0] / 2 + 0.5, alpha[None]]), empty).clamp(0, 1)
        color, alpha = whole[:3], whole[3]
        image = color if self._kept else alpha * color + (1 - alpha) * self._background
        return Synthesis(image, alpha, torch.where(alpha < _PERSON, 0, 3).to(torch.uint8))

    def _window(self, frame: Frame) -> CropWindow:
        skeleton = body_skeleton(self._body, self._betas, frame.pose, frame.camera)
        return shared_window(self._home, self._photo_size, skeleton, frame.camera.size, self._size[1] / self._size[0])


@dataclass(frozen=True, eq=False)
class PoseTransferMethod:
    """Draws people with PG2, DSC or SHUP, frame by frame.

    Attributes:
        generator: the network, which says which of them it is.
    """

    recurrent: ClassVar[bool] = False
    generator: PoseTransferGenerator

    @property
    def name(self) -> str:
        """What it is called, on the command line too."""
        return self.generator.shape.kind

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> PoseTransferSession:
        """Learn all that the frames share."""
        return PoseTransferSession(self.generator, state, background)


def build_pg2(
    *, weights: str | Path | None = None, generator: PoseTransferGenerator | None = None
) -> PoseTransferMethod:
    """Make PG2.

    Args:
        weights: a file from a training.
        generator: the network itself, in place of a file.

    Raises:
        InputError: no weights, or damaged ones, or those of another network.
    """
    return _build("pg2", weights, generator)


def build_dsc(
    *, weights: str | Path | None = None, generator: PoseTransferGenerator | None = None
) -> PoseTransferMethod:
    """Make DSC; see `build_pg2`."""
    return _build("dsc", weights, generator)


def build_shup(
    *, weights: str | Path | None = None, generator: PoseTransferGenerator | None = None
) -> PoseTransferMethod:
    """Make SHUP; see `build_pg2`."""
    return _build("shup", weights, generator)


def export(
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, width: float
) -> None:
    """Write trained weights; see `registry.MethodEntry.export`."""
    assert isinstance(generator, PoseTransferGenerator)
    save_pose_transfer(generator, path, card)


def _build(kind: str, weights: str | Path | None, generator: PoseTransferGenerator | None) -> PoseTransferMethod:
    if generator is None:
        if weights is None:
            raise InputError(
                f"method {kind!r} comes without weights; give a file of them ('liquidwarp train' makes one)"
            )
        generator = load_pose_transfer(weights, kind)
    elif generator.shape.kind != kind:
        raise InputError(f"method {kind!r} was given a network of {generator.shape.kind!r}")
    return PoseTransferMethod(generator)
