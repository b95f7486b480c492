"""The surface renderer as a method."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import LitSurface, floor_shadow, light_of_place
from liquidwarp.appearance.light_tuning import RELIGHT_TUNING
from liquidwarp.bodies.parts import part_labels
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError
from liquidwarp.methods.drawn_surface import DrawnSurface
from liquidwarp.methods.person_light import person_light
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.person import SourceState

LIGHTS = ("photo", "off")
"""What lights surface that turns: the photo's light, which stands still, or what it had there, which turns with it."""


class SurfaceSession:
    """Draws one person before one background, where the person's tensors lie.

    Args:
        state: the person.
        background: what is behind.
        lit: the light that the person is drawn in, see `DrawnSurface`.
        shadow: whether feet throw a shadow on the floor, where it is known.
    """

    def __init__(
        self, state: SourceState, background: BackgroundPicture, *, lit: LitSurface | None = None, shadow: bool = False
    ) -> None:
        self._surface = DrawnSurface(state, lit)
        self._background = background.tensor(state.device)
        part = state.body.topology.vertex_part
        self._feet = [(part == foot).nonzero()[:, 0] for foot in part_labels("shoes")] if shadow else []

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture."""
        drawn = self._surface.draw(frame)
        return Synthesis(drawn.over(self._behind(frame)), drawn.alpha, drawn.coverage)

    def _behind(self, frame: Frame) -> Float[Tensor, "3 H W"]:
        """Return the background, with the shadow of who stands on it."""
        if not self._feet or frame.floor is None:
            return self._background
        found = floor_shadow([frame.vertices[foot] for foot in self._feet], frame.floor, frame.camera)
        if found is None:
            return self._background
        (rows, columns), dark = found
        picture = self._background.clone()
        picture[:, rows, columns] *= 1 - dark
        return picture


@dataclass(frozen=True)
class SurfaceMethod:
    """Shows what the photos show of the surface, and continues it where they do not.

    Attributes:
        light: one of `LIGHTS`.
        shadow: whether feet throw a soft shadow on the floor of a background that is a picture.
        relight: whether the person is lit as another background looks, in place of the photo's light.
    """

    name: ClassVar[str] = "surface"
    recurrent: ClassVar[bool] = False
    light: str = "photo"
    shadow: bool = False
    relight: bool = False

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> SurfaceSession:
        """Learn all that the frames share.

        Raises:
            InputError: it is to be lit as another background, and there is none.
        """
        shadow = self.shadow and background.place
        return SurfaceSession(state, background, lit=self._lit(state, background), shadow=shadow)

    def _lit(self, state: SourceState, background: BackgroundPicture) -> LitSurface | None:
        if self.relight and background.kept:
            raise InputError(
                "relight takes the light of another background than the photo's; give one, or leave it out"
            )
        if not self.relight:
            return person_light(state) if self.light == "photo" else None
        lit = person_light(state)
        own = state.background.astype(np.float32) / 255
        return lit.shown_in(light_of_place(background.picture, own, lit.light), RELIGHT_TUNING.most)


def build(*, light: str = "photo", shadow: bool = False, relight: bool = False) -> SurfaceMethod:
    """Make the method.

    Args:
        light: what lights surface that turns: "photo", the photo's light, which stands still; or "off", what it had in
            the photo, which turns with it.
        shadow: see `SurfaceMethod`.
        relight: see `SurfaceMethod`.

    Raises:
        InputError: no such light.
    """
    check_choice("light", light, LIGHTS)
    return SurfaceMethod(light, shadow, relight)
