"""What feet wear: whether they are bare, and what shoes look like where the photo does not show them."""

from collections.abc import Sequence

import cv2
import numpy as np

from liquidwarp.appearance.appearance import Observation
from liquidwarp.appearance.tuning import SHOE_LOOK_TUNING, ShoeLookTuning
from liquidwarp.bodies.parts import part_labels
from liquidwarp.bodies.protocol import Topology
from liquidwarp.geometry import bounded_size, shrunk
from liquidwarp.raster import rasterize

_SKIN = ("face", "left_hand", "right_hand")


def wears_shoes(
    topology: Topology, observations: Sequence[Observation], *, tuning: ShoeLookTuning = SHOE_LOOK_TUNING
) -> bool:
    """Tell whether somebody's feet have another colour than the skin of face or hands.

    Feet that no photo shows are taken to be in shoes.

    Args:
        topology: of the body.
        observations: photos of the person, and the body in them.
        tuning: what is like skin.
    """
    skin, feet = [], []
    for item in observations:
        size = bounded_size(item.camera.size, tuning.most_pixels)
        index = rasterize(item.vertices[None], topology.faces, item.camera.resized(size)).face_index[0].numpy()
        part = np.where(index >= 0, topology.face_part.numpy()[index.clip(0)], -1)
        lab = cv2.cvtColor(shrunk(item.rgb, size).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        shown = shrunk(item.alpha, size) > tuning.person
        skin.append([lab[shown & np.isin(part, part_labels(name))] for name in _SKIN])
        feet.append(lab[shown & np.isin(part, part_labels("shoes"))])
    known = next((colors for colors in map(np.concatenate, zip(*skin, strict=True)) if len(colors) >= tuning.few), None)
    worn = np.concatenate(feet)
    if known is None or len(worn) < tuning.few:
        return True
    low, high = np.percentile(known[:, 0], tuning.lit)
    lit = np.median(known[(known[:, 0] >= low) & (known[:, 0] <= high)], 0)
    alike = np.linalg.norm(worn[:, 1:] - lit[1:], axis=1) < tuning.chroma
    return bool((alike & (worn[:, 0] > tuning.dark * lit[0])).mean() < tuning.bare)
