"""The surface renderer as a method."""

from dataclasses import dataclass
from typing import ClassVar

from liquidwarp.checks import check_choice
from liquidwarp.methods.drawn_surface import DrawnSurface
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.person import SourceState

LIGHTS = ("off", "photo")
"""What lights surface that turns: the light that it had in the photo turns with it, or the photo's light stands still."""


class SurfaceSession:
    """Draws one person before one background, where the person's tensors lie.

    Args:
        state: the person.
        background: what is behind.
        light: one of `LIGHTS`.
    """

    def __init__(self, state: SourceState, background: BackgroundPicture, *, light: str = "off") -> None:
        self._surface = DrawnSurface(state, light=light == "photo")
        self._background = background.tensor(state.device)

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture."""
        drawn = self._surface.draw(frame)
        return Synthesis(drawn.over(self._background), drawn.alpha, drawn.coverage)


@dataclass(frozen=True)
class SurfaceMethod:
    """Shows what the photos show of the surface, and continues it where they do not.

    Attributes:
        light: one of `LIGHTS`.
    """

    name: ClassVar[str] = "surface"
    recurrent: ClassVar[bool] = False
    light: str = "off"

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> SurfaceSession:
        """Learn all that the frames share."""
        return SurfaceSession(state, background, light=self.light)


def build(*, light: str = "off") -> SurfaceMethod:
    """Make the method.

    Args:
        light: see `LIGHTS`.

    Raises:
        InputError: no such light.
    """
    check_choice("light", light, LIGHTS)
    return SurfaceMethod(light)
