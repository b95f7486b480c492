"""The face: a finder around the head, and the network of the face's mesh."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.details import Face
from liquidwarp.detect.litert.finder import FACE, Finder, Found
from liquidwarp.detect.litert.network import Network
from liquidwarp.detect.litert.pose import sigmoid
from liquidwarp.detect.litert.regions import SquareRegion, upright
from liquidwarp.detect.protocol import Detection
from liquidwarp.detect.tuning import FaceTuning

_EYES = (33, 263)  # outer corners in the mesh, the one on the picture's left first
_SCALE = 1.5  # from the face's box to the square that the network wants (MediaPipe's number)
_HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "mouth_left", "mouth_right")


class FaceNetworks:
    """Finds the face of a person whose body landmarks are known.

    Args:
        folder: where models are looked for first.
        tuning: when a face is large enough, and sure enough.
    """

    def __init__(self, folder: str | Path | None, tuning: FaceTuning) -> None:
        self._finder = Finder(FACE, folder)
        self._network = Network("face", folder)
        self._tuning = tuning

    def find(self, frame: UInt8[np.ndarray, "H W 3"], person: Detection, last: Face | None = None) -> Face | None:
        """Return the face, or None where it is too small, or turned away.

        Args:
            frame: an RGB picture.
            person: whose landmarks lead to the face.
            last: the face a frame ago; where it is still there, nobody has to search.
        """
        area = self._area(person)
        if area is None:
            return None
        if last is not None:
            face = self._look(frame, face_region(last.points[:, :2]))
            if face is not None and self._is_near(face, area):
                return face
        found = self._finder.find(frame, area, least=self._tuning.least_found)
        if not found:
            return None
        face = self._look(frame, found_region(found[0], area))
        return face if face is not None and self._is_near(face, area) else None

    def _area(self, person: Detection) -> SquareRegion | None:
        """Return where to search: a square around the head; None for a head too small."""
        points = person.image.astype(np.float64)
        head = points[[person.names.index(name) for name in _HEAD]]
        shoulders = points[person.names.index("left_shoulder")] - points[person.names.index("right_shoulder")]
        known = self._tuning
        size = max(float(np.ptp(head, axis=0).max()), known.head_fraction * float(np.linalg.norm(shoulders)))
        if size < known.least_size:
            return None
        x, y = head.mean(0)
        return SquareRegion(float(x), float(y), known.search * size)

    def _is_near(self, face: Face, area: SquareRegion) -> bool:
        """Return whether a face belongs to the head that was asked for."""
        apart = float(np.linalg.norm(face.points[:, :2].mean(0) - np.array([area.x, area.y])))
        return apart < self._tuning.most_apart * area.side / self._tuning.search

    def _look(self, frame: np.ndarray, region: SquareRegion) -> Face | None:
        values, flag = self._network.run(region.crop(frame, self._network.size))
        presence = float(sigmoid(flag.reshape(-1))[0])
        if presence < self._tuning.least_presence:
            return None
        mesh = values.reshape(-1, 3).astype(np.float64) / self._network.size
        places = np.column_stack([region.to_picture(mesh[:, :2]), mesh[:, 2] * region.side])
        return Face(places.astype(np.float32), presence)


def found_region(found: Found, area: SquareRegion) -> SquareRegion:
    """Return the square that the network wants, from a face that was found in an area."""
    across = found.points[1] - found.points[0]
    return (
        area.inside(found.box.astype(np.float64))
        .turned(area.angle + float(np.arctan2(across[1], across[0])))
        .scaled(_SCALE)
    )


def face_region(image: Float[np.ndarray, "468 2"]) -> SquareRegion:
    """Return the square that the network wants, from the mesh of a frame ago."""
    across = image[_EYES[1]] - image[_EYES[0]]
    box = upright(image.astype(np.float64), 0.0)
    return box.turned(float(np.arctan2(across[1], across[0]))).scaled(_SCALE)
