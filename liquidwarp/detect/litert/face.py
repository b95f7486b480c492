"""The face: a finder around the head, and the network of the face's mesh."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.details import Face
from liquidwarp.detect.litert.finder import FACE, Finder, Found
from liquidwarp.detect.litert.network import Network
from liquidwarp.detect.litert.pose import sigmoid
from liquidwarp.detect.litert.regions import SquareRegion, upright
from liquidwarp.detect.litert.search import part_middles
from liquidwarp.detect.protocol import Detection
from liquidwarp.detect.tuning import FaceTuning

_EYES = (33, 263)  # outer corners in the mesh, the one on the picture's left first
_EYE_CORNERS = ((33, 133), (362, 263))
_EYE_SIZE, _EYE_UP = 24, 0.1  # pixels of a cut; its middle above the corners
_SCALE = 1.5  # from the face's box to the square that the network wants (MediaPipe's number)
_SAME_FACE = 0.25  # of the square's side: middles of two faces are farther apart
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

    def find_all(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Face]:
        """Return the faces of a picture, the largest first, whether or not bodies are seen.

        The whole picture is looked at, and its parts, half as long; where that shows none, parts of a quarter.

        Args:
            frame: an RGB picture.
        """
        faces: list[Face] = []
        height, width = frame.shape[:2]
        for parts in self._tuning.parts:
            side = max(height, width) / parts
            if faces and parts > self._tuning.surely_looked:
                break
            for y in part_middles(height, side):
                for x in part_middles(width, side):
                    area = SquareRegion(x, y, side)
                    for found in self._finder.find(frame, area, least=self._tuning.least_alone, blank=True):
                        region = found_region(found, area)
                        if region.side >= self._tuning.least_size and not any(_shows(face, region) for face in faces):
                            face = self._look(frame, region)
                            if face is not None and not any(
                                _shows(other, face_region(face.points[:, :2])) for other in faces
                            ):
                                faces.append(face)
        return sorted(faces, key=lambda face: -_extent(face))

    def follow(self, frame: UInt8[np.ndarray, "H W 3"], last: Face) -> Face | None:
        """Return a face that was seen a frame ago; None where it is lost.

        Args:
            frame: an RGB picture.
            last: the face in the frame before.
        """
        region = face_region(last.points[:, :2])
        face = self._look(frame, region)
        if face is not None and _shows(face, region):
            return face
        return next((face for face in self.find_all(frame) if _shows(face, region)), None)

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
        return Face(places.astype(np.float32), presence, eye_cuts(frame, places))


def eye_cuts(frame: UInt8[np.ndarray, "H W 3"], points: Float[np.ndarray, "468 3"]) -> UInt8[np.ndarray, "2 24 24"]:
    """Return the brightness of both eyes: squares as wide as the eye, its corners at 0.6 of the height."""
    cuts = []
    for right, left in _EYE_CORNERS:
        start, end = points[right, :2], points[left, :2]
        across = end - start
        side, angle = max(float(np.linalg.norm(across)), 1.0), float(np.arctan2(across[1], across[0]))
        middle = (start + end) / 2
        square = SquareRegion(float(middle[0]), float(middle[1]), side, angle).moved_up(_EYE_UP)
        cuts.append(square.crop(frame, _EYE_SIZE).mean(-1))
    return np.rint(np.stack(cuts)).astype(np.uint8)


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


def _extent(face: Face) -> float:
    return float(np.ptp(face.points[:, :2], axis=0).max())


def _shows(face: Face, region: SquareRegion) -> bool:
    """Return whether a face is the one in a square."""
    apart = np.hypot(*(face.points[:, :2].mean(0) - np.array([region.x, region.y])))
    return float(apart) < _SAME_FACE * region.side
