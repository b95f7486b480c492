"""A person's surface with what hangs from it, as methods draw it."""

import torch

from liquidwarp.appearance import DeviceRendering, dress_in_drapes, render_on_device
from liquidwarp.methods.protocol import Frame
from liquidwarp.person import SourceState


class DrawnSurface:
    """Draws the body and the drapes of one person with one depth, where the person's tensors lie.

    Args:
        state: the person.
    """

    def __init__(self, state: SourceState) -> None:
        self._topology, appearance = dress_in_drapes(state.body.topology, state.appearance, state.drapes)
        self._texture = appearance.tensors(state.device)
        self._count = sum(len(drape.rest) for drape in state.drapes)

    def draw(self, frame: Frame) -> DeviceRendering:
        """Return the person of a frame; its `hanging` says where the drapes are."""
        vertices = frame.vertices
        if self._count:
            assert frame.hanging is not None, "a frame of this person says where the drapes are"
            vertices = torch.cat([vertices, frame.hanging])
        return render_on_device(self._texture, self._topology, vertices, frame.camera)
