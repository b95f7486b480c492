"""The landmark network of the body: one look at a region."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect.answers import TWIN
from liquidwarp.detect.litert.network import Network
from liquidwarp.detect.litert.regions import SquareRegion

_COUNT = len(MEDIAPIPE)
_MARGIN = 1.25  # of the network's square around the circle that the body fits into
_BODY = slice(11, _COUNT)  # all but the face
_WINDOW = 3  # cells of the heat map on either side of a landmark
_NEAR_MASK = 0.02  # of the body's longer side: how close to the mask a landmark must lie to be covered
_MASKED = 0.3  # mask from which on it is
_SURE = 0.5  # of a heat map that is to be believed


@dataclass(frozen=True, eq=False)
class PoseLook:
    """What the network says of a region, in the picture's pixels, left and right being the person's own.

    Attributes:
        image: landmarks in pixels.
        confidence: visibility, 0 to 1.
        world: landmarks in metres around the middle of the hips.
        presence: how sure the network is that there is somebody, 0 to 1.
        mask: the person in the region.
        region: where it looked.
        anchors: the middle of the hips and the top of the circle that the body fits into, in pixels.
    """

    image: Float[np.ndarray, "33 2"]
    confidence: Float[np.ndarray, "33"]
    world: Float[np.ndarray, "33 3"]
    presence: float
    mask: Float[np.ndarray, "S S"]
    region: SquareRegion
    anchors: Float[np.ndarray, "2 2"]

    @property
    def following(self) -> SquareRegion:
        """Where to look in the next frame."""
        return body_region(self.anchors, mirrored=self.region.mirrored)

    @cached_property
    def score(self) -> float:
        """How far landmarks and mask speak for a person: mean visibility times the part of the body inside the mask."""
        size = len(self.mask)
        inside = (self.image - np.array([self.region.x, self.region.y])) @ self.region.axes / self.region.side + 0.5
        x, y = np.floor(inside[_BODY] * size).astype(int).clip(0, size - 1).T
        reach = 2 * round(_NEAR_MASK * max(float(np.ptp(inside, axis=0).max()) * size, 1)) + 1
        near = cv2.dilate(self.mask, np.ones((reach, reach), np.uint8))
        return float(self.confidence.mean() * (near[y, x] > _MASKED).mean())


class PoseNetwork:
    """The landmark network.

    Args:
        size: "lite", "full" or "heavy".
        folder: where models are looked for first.
    """

    def __init__(self, size: str, folder: str | Path | None = None) -> None:
        self._network = Network(f"pose_{size}", folder)

    def look(self, frame: UInt8[np.ndarray, "H W 3"], region: SquareRegion) -> PoseLook:
        """Look at a region of an RGB picture, whoever is in it."""
        crop = region.crop(frame, self._network.size)
        values, presence, logits, heat, world = self._network.run(crop)
        raw = values.reshape(-1, 5)[: _COUNT + 2]
        points = refine(raw[:, :2] / self._network.size, heat[..., : _COUNT + 2])
        image = region.to_picture(points.astype(np.float64))
        order = TWIN if region.mirrored else np.arange(_COUNT)
        space = region.turn_back(world.reshape(-1, 3)[:_COUNT].astype(np.float64))
        return PoseLook(
            image[:_COUNT][order].astype(np.float32),
            sigmoid(raw[:_COUNT, 3])[order],
            space[order].astype(np.float32),
            float(presence[0]),
            sigmoid(logits[..., 0]),
            region,
            image[_COUNT:],
        )


def body_region(anchors: Float[np.ndarray, "2 2"], *, mirrored: bool = False) -> SquareRegion:
    """Return where the network should look, from the hips and the top of the body's circle in the picture."""
    return SquareRegion.spanned(anchors[0], anchors[1], _MARGIN, mirrored=mirrored)


def refine(points: Float[np.ndarray, "L 2"], heat: Float[np.ndarray, "S S L"]) -> Float[np.ndarray, "L 2"]:
    """Move landmarks to the middle of the heat around them, where the heat map is sure.

    Args:
        points: landmarks in the unit square.
        heat: logits of one heat map per landmark.
    """
    size = len(heat)
    cells = np.trunc(points * size).astype(int)
    steps = np.arange(-_WINDOW, _WINDOW + 1)
    columns, rows = cells[:, 0, None] + steps, cells[:, 1, None] + steps
    inside = ((rows >= 0) & (rows < size))[:, :, None] & ((columns >= 0) & (columns < size))[:, None]
    at = np.arange(len(points))[:, None, None]
    warm = sigmoid(heat[rows.clip(0, size - 1)[:, :, None], columns.clip(0, size - 1)[:, None], at]) * inside
    total = warm.sum((1, 2))
    centre = np.stack([(warm * columns[:, None]).sum((1, 2)), (warm * rows[:, :, None]).sum((1, 2))], 1)
    here = ((cells >= 0) & (cells < size)).all(1)
    sure = here & (warm.max((1, 2)) >= _SURE)
    return np.where(sure[:, None], centre / np.maximum(total, 1e-9)[:, None] / size, points).astype(np.float32)


def sigmoid(values: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Return 1 / (1 + exp(-values)) without overflow."""
    return 1 / (1 + np.exp(-values.clip(-80, 80)))
