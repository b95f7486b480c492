"""The surface renderer as a method."""

from dataclasses import dataclass
from typing import ClassVar

from liquidwarp.methods.drawn_surface import DrawnSurface
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.person import SourceState


class SurfaceSession:
    """Draws one person before one background, where the person's tensors lie.

    Args:
        state: the person.
        background: what is behind.
    """

    def __init__(self, state: SourceState, background: BackgroundPicture) -> None:
        self._surface = DrawnSurface(state)
        self._background = background.tensor(state.device)

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture."""
        drawn = self._surface.draw(frame)
        return Synthesis(drawn.over(self._background), drawn.alpha, drawn.coverage)


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
