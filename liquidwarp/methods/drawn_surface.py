"""A person's surface with what hangs from it, as methods draw it."""

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import DeviceRendering, LitSurface, dress_in_drapes, render_on_device
from liquidwarp.methods.protocol import Frame
from liquidwarp.person import SourceState


class DrawnSurface:
    """Draws the body and the drapes of one person with one depth, where the person's tensors lie.

    Args:
        state: the person.
        lit: the light that it is drawn in (`person_light`); by default it keeps the light that it had in the photo.

    Attributes:
        topology: of body and drapes together.
    """

    def __init__(self, state: SourceState, lit: LitSurface | None = None) -> None:
        self.topology, appearance = dress_in_drapes(state.body.topology, state.appearance, state.drapes)
        self._texture = appearance.tensors(state.device)
        self._count = sum(len(drape.rest) for drape in state.drapes)
        self._lit = lit

    def vertices(self, frame: Frame) -> Float[Tensor, "V 3"]:
        """Return the vertices of `topology` in a frame; its `hanging` says where the drapes are."""
        if not self._count:
            return frame.vertices
        assert frame.hanging is not None, "a frame of this person says where the drapes are"
        return torch.cat([frame.vertices, frame.hanging])

    def draw(self, frame: Frame) -> DeviceRendering:
        """Return the person of a frame."""
        return render_on_device(self._texture, self.topology, self.vertices(frame), frame.camera, lit=self._lit)
