"""The surface renderer as a method."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from liquidwarp.appearance import render_surface
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.person import SourceState


@dataclass(frozen=True, eq=False)
class SurfaceSession:
    """Draws one person before one background.

    Attributes:
        state: the person.
        background: what is behind.
    """

    state: SourceState
    background: BackgroundPicture

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture."""
        drawn = render_surface(self.state.appearance, self.state.body.topology, frame.vertices, frame.camera)
        image = torch.from_numpy(drawn.over(self.background.picture)).permute(2, 0, 1)
        return Synthesis(image, torch.from_numpy(drawn.alpha), torch.from_numpy(drawn.coverage))


@dataclass(frozen=True)
class SurfaceMethod:
    """Shows what the photos show of the surface, and continues it where they do not."""

    name: ClassVar[str] = "surface"
    recurrent: ClassVar[bool] = False

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> SurfaceSession:
        """Learn all that the frames share."""
        return SurfaceSession(state, background)


def build() -> SurfaceMethod:
    """Make the method."""
    return SurfaceMethod()
