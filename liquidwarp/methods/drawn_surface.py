"""A person's surface with what hangs from it, as methods draw it."""

import threading
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import AppearanceTensors, DeviceRendering, dress_in_drapes, render_on_device
from liquidwarp.bodies.parts import PARTS
from liquidwarp.face import FacePainter
from liquidwarp.methods.protocol import Frame
from liquidwarp.person import SourceState, find_face


class DrawnSurface:
    """Draws the body and the drapes of one person with one depth, where the person's tensors lie.

    The face moves where a frame says how; several threads may draw at once.

    Args:
        state: the person.

    Attributes:
        topology: of body and drapes together.
    """

    def __init__(self, state: SourceState) -> None:
        self.topology, appearance = dress_in_drapes(state.body.topology, state.appearance, state.drapes)
        self._texture = appearance.tensors(state.device)
        found = find_face(state)
        self._painter: FacePainter | None = None
        if found is not None:
            self._start, height, width = (int(number) for number in appearance.table[found.layer])
            self._layer = (height, width)
            texels = appearance.texels[self._start : self._start + height * width].reshape(height, width, 4)
            self._painter = FacePainter(found.face, texels, found.origin)
            shows = self.topology.face_part == PARTS.index("face")
            shows = shows & (self._texture.slot_weight[:, 0].amin(1) > 0)
            weight = self._texture.slot_weight.clone()
            weight[shows, found.slots :] = 0
            self._moving = replace(self._texture, slot_weight=weight)
        self._own = threading.local()  # texels of each thread: the face's are another in each frame
        self._count = sum(len(drape.rest) for drape in state.drapes)

    def vertices(self, frame: Frame) -> Float[Tensor, "V 3"]:
        """Return the vertices of `topology` in a frame; its `hanging` says where the drapes are."""
        if not self._count:
            return frame.vertices
        assert frame.hanging is not None, "a frame of this person says where the drapes are"
        return torch.cat([frame.vertices, frame.hanging])

    def draw(self, frame: Frame) -> DeviceRendering:
        """Return the person of a frame."""
        return render_on_device(self._made_up(frame), self.topology, self.vertices(frame), frame.camera)

    def _made_up(self, frame: Frame) -> AppearanceTensors:
        """Return what the surface looks like in a frame."""
        if frame.face is None or self._painter is None:
            return self._texture
        if not hasattr(self._own, "texels"):
            self._own.texels = self._texture.texels.clone()
        texels: Tensor = self._own.texels
        height, width = self._layer
        layer = texels[self._start : self._start + height * width].view(height, width, 4)
        layer[self._painter.window] = torch.from_numpy(self._painter.paint(frame.face)).to(texels.device)
        return replace(self._moving, texels=texels)
