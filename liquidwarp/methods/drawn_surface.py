"""A person's surface with what hangs from it, as methods draw it."""

import threading
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import (
    AppearanceTensors,
    DeviceRendering,
    DrapeMotion,
    LitSurface,
    dress_in_drapes,
    render_on_device,
)
from liquidwarp.appearance.rims import outline_softness, softness_for
from liquidwarp.bodies.parts import PARTS
from liquidwarp.face import FacePainter
from liquidwarp.geometry import length_in_pixels, project
from liquidwarp.methods.protocol import Frame
from liquidwarp.person import SourceState, find_face
from liquidwarp.types import Camera

_FEW = 64  # vertices that tell how far away a body is


class DrawnSurface:
    """Draws the body and the drapes of one person with one depth, where the person's tensors lie.

    The face moves where a frame says how; several threads may draw at once.

    Args:
        state: the person.
        lit: the light that it is drawn in (`person_light`); by default it keeps the light that it had in the photo.

    Attributes:
        topology: of body and drapes together.
    """

    def __init__(self, state: SourceState, lit: LitSurface | None = None) -> None:
        self.topology, appearance = dress_in_drapes(state.body.topology, state.appearance, state.drapes)
        self._texture = appearance.tensors(state.device)
        self._softness = outline_softness(state.alpha)
        rows = np.flatnonzero((state.alpha > 0.5).any(1))
        self._height = float(np.ptp(rows)) if len(rows) else 0.0
        self._photo_scale = _pixels_per_metre(state.track.camera, state.views[0].vertices)
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
        self._lit = lit

    def vertices(self, frame: Frame) -> Float[Tensor, "V 3"]:
        """Return the vertices of `topology` in a frame; its `hanging` says where the drapes are."""
        if not self._count:
            return frame.vertices
        assert frame.hanging is not None, "a frame of this person says where the drapes are"
        return torch.cat([frame.vertices, frame.hanging])

    def draw(self, frame: Frame) -> DeviceRendering:
        """Return the person of a frame."""
        scale = _pixels_per_metre(frame.camera, frame.vertices) / self._photo_scale
        soft = softness_for(self._softness, scale, self._height)
        texture, vertices = self._made_up(frame), self.vertices(frame)
        return render_on_device(texture, self.topology, vertices, frame.camera, soft=soft, lit=self._lit)

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


@torch.no_grad()
def hanging_in_photo(state: SourceState) -> Float[Tensor, "P 3"] | None:
    """Return where a person's drapes are in the first photo; None without any."""
    if not state.drapes:
        return None
    pose = state.track.pose(0)
    motion = DrapeMotion(state.body, state.body.identity(state.track.betas), state.drapes)
    return motion.follow(pose.global_orient[None], pose.body_pose[None], pose.transl[None])[0]


def _pixels_per_metre(camera: Camera, vertices: Float[Tensor, "V 3"]) -> float:
    """Return how large a metre is in a picture where a body is."""
    depth = project(camera, vertices[:: max(1, len(vertices) // _FEW)])[:, 2].mean()
    return float(length_in_pixels(camera, 1.0, depth))
