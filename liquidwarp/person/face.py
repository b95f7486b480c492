"""The face of a learnt person: where its photo shows it, and where the surface looks for it."""

from dataclasses import dataclass

import numpy as np
import torch

from liquidwarp.bodies.parts import PARTS
from liquidwarp.face import FaceMotionTuning, HeadFrame, PhotoFace, mouth_is_covered
from liquidwarp.face.tuning import FACE_MOTION_TUNING
from liquidwarp.geometry import project
from liquidwarp.person.state import SourceState

_SAME = 0.02  # pixels by which places in one layer may differ from the photo's, beside a shift
_LEAST = 20  # faces of the body's face that look squarely into the photo


@dataclass(frozen=True, eq=False)
class PersonFace:
    """A face that can move.

    Attributes:
        face: of the photo.
        layer: of the person's appearance that shows it.
        origin: where the layer's corner lies in the photo, pixels.
        slots: how many of the appearance's slots belong to that photo, from the first; those of others show the face
            as it was in them.
    """

    face: PhotoFace
    layer: int
    origin: tuple[float, float]
    slots: int


def find_face(state: SourceState, *, tuning: FaceMotionTuning = FACE_MOTION_TUNING) -> PersonFace | None:
    """Return the face of a person; None if no photo shows it well enough to move.

    Args:
        state: the person.
        tuning: how large a face has to be, and how far turned it may be.
    """
    track = state.track.face
    if track is None or not bool(track.presence[0] > 0):
        return None
    points = track.points[0].cpu().numpy()
    stand = HeadFrame.of(points)
    if stand.unit < tuning.least_eyes or stand.yaw > tuning.most_turned[0]:
        return None
    faces = (state.body.topology.face_part == PARTS.index("face")).cpu().numpy()
    corners_of = state.body.topology.faces.cpu().numpy()[faces]
    layers = state.appearance.slot_layer[faces, 0]
    own = (
        (layers >= 0) & ~state.appearance.slot_mirrored[faces, 0] & (state.appearance.slot_weight[faces, 0].min(1) > 0)
    )
    places = state.appearance.slot_xy[faces, 0]
    for view in state.views:
        with torch.no_grad():
            xy = project(view.camera, view.vertices)[:, :2].cpu().numpy()
        shift = xy[corners_of] - places
        for layer in np.unique(layers[own]):
            there = own & (layers == layer)
            origin = np.median(shift[there].reshape(-1, 2), 0)
            if there.sum() < _LEAST or np.abs(shift[there] - origin).max((1, 2)).mean() > _SAME:
                continue
            height, width = state.appearance.table[layer, 1:]
            middle = points[:, :2].mean(0) - origin
            if not ((middle > 0) & (middle < (width, height))).all():
                continue
            picture = np.ascontiguousarray(view.picture[..., :3])
            if mouth_is_covered(picture, points):
                return None
            face = PhotoFace.of(picture, points)
            slots = state.appearance.slot_layer.shape[1]
            slots = slots // len(state.views) if slots % len(state.views) == 0 else slots
            return PersonFace(face, int(layer), (float(np.rint(origin[0])), float(np.rint(origin[1]))), slots)
    return None
