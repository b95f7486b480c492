"""Everybody Dance Now as a method: one person's generator draws whole pictures, from a pose and the picture before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.labels import body_skeleton
from liquidwarp.methods.edn.inputs import face_corner, pose_drawing
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator, load_edn, save_edn
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize

_PERSON = 0.5  # alpha from which a pixel is the person's


@dataclass(frozen=True, eq=False)
class EdnSynthesis(Synthesis):
    """A picture, and what the next one is made from.

    Attributes:
        drawn: as it came from the network, in [-1, 1], its face refined.
    """

    drawn: Float[Tensor, "3 h w"]


class EdnSession:
    """Draws the person that the network was trained on; the photo says how they are built and where they stand.

    Args:
        generator: in evaluation mode.
        state: the person.
        background: what is behind; where it is the photo's own, the network's is shown.
    """

    def __init__(self, generator: EdnGenerator, state: SourceState, background: BackgroundPicture) -> None:
        self._body, self._betas = state.body, state.track.betas
        self._kept, self._background = background.kept, background.tensor(state.device)
        self._generator, self._shape = moved(generator, state.device), generator.shape

    def draw(self, frame: Frame) -> EdnSynthesis:
        """Return one picture; its coverage is 3 on the person."""
        size, whole = self._shape.size, frame.camera.size
        skeleton = body_skeleton(self._body, self._betas, frame.pose, frame.camera)
        pose = pose_drawing(skeleton, whole, size).to(frame.vertices.device)[None]
        before = None
        if frame.previous is not None:
            assert isinstance(frame.previous.picture, EdnSynthesis)
            before = frame.previous.picture.drawn[None]
        corner = torch.tensor([face_corner(skeleton, whole, size, self._shape.face_side)])
        with torch.no_grad():
            coarse = self._generator(pose[:, None], before)[:, 0]
            drawn = self._generator.refined(pose, coarse, corner)
        color = interpolate(drawn / 2 + 0.5, size=whole, mode="bilinear", antialias=True, align_corners=False)[0]
        alpha = rasterize(frame.vertices[None], self._body.topology.faces, frame.camera).mask[0].to(color)
        color = color.clamp(0, 1)
        image = color if self._kept else alpha * color + (1 - alpha) * self._background
        coverage = torch.where(alpha < _PERSON, 0, 3).to(torch.uint8)
        return EdnSynthesis(image, alpha, coverage, drawn[0].clamp(-1, 1))


@dataclass(frozen=True, eq=False)
class EdnMethod:
    """Draws the one person that a network was trained on.

    Attributes:
        generator: of that person.
    """

    name: ClassVar[str] = "edn"
    recurrent: ClassVar[bool] = True
    generator: EdnGenerator

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> EdnSession:
        """Learn all that the frames share."""
        return EdnSession(self.generator, state, background)


def build(*, weights: str | Path | None = None, generator: EdnGenerator | None = None) -> EdnMethod:
    """Make the method.

    Args:
        weights: a file from a training on the person.
        generator: the network itself, in place of a file.

    Raises:
        InputError: no weights, or damaged ones, or those of another network.
    """
    if generator is None:
        if weights is None:
            raise InputError(
                "method 'edn' comes without weights: it is trained on one person's clip; give the file that "
                "'liquidwarp train' made of it"
            )
        generator = load_edn(weights)
    return EdnMethod(generator)


def export(
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, width: float
) -> None:
    """Write trained weights; see `registry.MethodEntry.export`."""
    assert isinstance(generator, EdnGenerator)
    save_edn(generator, path, card)
