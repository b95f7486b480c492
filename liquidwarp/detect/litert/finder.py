"""Single-shot finders: anchors, decoding, and overlapping answers melted into one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.litert.network import Network
from liquidwarp.detect.litert.regions import SquareRegion

_OVERLAP = 0.3


@dataclass(frozen=True, eq=False)
class Found:
    """Something that a finder found, in the unit square of what it looked at.

    Attributes:
        box: left, top, right, bottom.
        points: what the finder marks: hips, wrists, eyes, ...
        score: how sure it is, 0 to 1.
    """

    box: Float[np.ndarray, "4"]
    points: Float[np.ndarray, "K 2"]
    score: float


@dataclass(frozen=True)
class FinderKind:
    """What differs from finder to finder.

    Attributes:
        model: name in `litert.models.MODELS`.
        strides: pixels from anchor to anchor, layer by layer; layers of one stride are one grid.
        low: what a black pixel is for it.
    """

    model: str
    strides: tuple[int, ...]
    low: float


POSE = FinderKind("pose_finder", (8, 16, 32, 32, 32), -1.0)
PALM = FinderKind("palm_finder", (8, 16, 16, 16), 0.0)
FACE = FinderKind("face_finder", (8, 16, 16, 16), -1.0)


class Finder:
    """Finds people, palms or faces in a square of a picture.

    Args:
        kind: what it finds.
        folder: where models are looked for first.
    """

    def __init__(self, kind: FinderKind, folder: str | Path | None = None) -> None:
        self._network = Network(kind.model, folder, low=kind.low)
        self._anchors = anchor_points(self._network.size, kind.strides)

    def find(
        self, frame: UInt8[np.ndarray, "H W 3"], region: SquareRegion, *, least: float, blank: bool = False
    ) -> list[Found]:
        """Return what is in a region, the surest first.

        Args:
            frame: an RGB picture.
            region: where to look.
            least: the smallest score that counts.
            blank: black beyond the picture's border; otherwise the border's colours go on.
        """
        values, logits = self._network.run(region.crop(frame, self._network.size, blank=blank))
        return melt(*decode(values, logits[:, 0], self._anchors, self._network.size, least))


def anchor_points(size: int, strides: tuple[int, ...]) -> Float[np.ndarray, "A 2"]:
    """Return where a finder's anchors are in the unit square: two per layer in each cell of a grid, row by row."""
    parts = []
    for stride in sorted(set(strides)):
        cells = -(-size // stride)
        middles = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
        parts.append(np.repeat(grid, 2 * strides.count(stride), axis=0))
    return np.concatenate(parts).astype(np.float32)


def decode(
    values: Float[np.ndarray, "A D"],
    logits: Float[np.ndarray, "A"],
    anchors: Float[np.ndarray, "A 2"],
    size: int,
    least: float,
) -> tuple[Float[np.ndarray, "N 4"], Float[np.ndarray, "N K 2"], Float[np.ndarray, "N"]]:
    """Return boxes (left, top, right, bottom), points and scores of the answers that are sure enough.

    Args:
        values: per anchor the box's middle and size and the points, in pixels relative to the anchor.
        logits: of the scores.
        anchors: see `anchor_points`.
        size: side of the picture that the network looked at.
        least: the smallest score that counts.
    """
    scores = 1 / (1 + np.exp(-logits.clip(-80, 80)))
    sure = scores >= least
    values, at = values[sure] / size, anchors[sure]
    middle, half = values[:, :2] + at, values[:, 2:4] / 2
    points = values[:, 4:].reshape(len(values), (values.shape[1] - 4) // 2, 2) + at[:, None]
    return np.concatenate([middle - half, middle + half], 1), points, scores[sure]


def melt(
    boxes: Float[np.ndarray, "N 4"], points: Float[np.ndarray, "N K 2"], scores: Float[np.ndarray, "N"]
) -> list[Found]:
    """Return one answer for each heap of overlapping ones: their mean, weighted by score; the surest first."""
    left = np.argsort(-scores, kind="stable")
    found = []
    while len(left):
        near = _iou(boxes[left], boxes[left[0]]) > _OVERLAP
        near[0] = True  # an empty box overlaps nothing, not even itself
        heap = left[near]
        weights = (scores[heap] / scores[heap].sum())[:, None]
        mean_points = (weights[..., None] * points[heap]).sum(0)
        found.append(Found((weights * boxes[heap]).sum(0), mean_points, float(scores[heap[0]])))
        left = left[~near]
    return found


def _iou(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    inner = (np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])).clip(0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - inner
    return inner / np.maximum(areas, 1e-12)
