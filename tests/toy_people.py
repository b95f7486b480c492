"""A toy person in a synthetic photo, and a detector that knows where it stands."""

from dataclasses import dataclass

import numpy as np
import torch

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.detect import Detection
from liquidwarp.geometry import default_camera, project
from liquidwarp.raster import rasterize

PLACE = torch.tensor([[0.0, 0.1, 3.2]])


@dataclass(frozen=True)
class ToyPhoto:
    """A photo, the person in it (1 = person), and what a detector would say of it."""

    rgb: np.ndarray
    mask: np.ndarray
    found: Detection


class ToyDetector:
    """Knows some photos by their pixels; finds nobody in others."""

    name = "toy"

    def __init__(self, *photos: ToyPhoto) -> None:
        self._photos = photos

    def detect(self, frame: np.ndarray) -> list[Detection]:
        return [photo.found for photo in self._photos if np.array_equal(photo.rgb, frame)]


def toy_photo(
    body: BodyModel, colours: np.ndarray, *, size: tuple[int, int] = (97, 73), turn: float = 0.0, masked: bool = True
) -> ToyPhoto:
    """Paint each part of the body in its colour before a gradient; `turn` is the person's, about the vertical."""
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 0, 1] = turn
    orient, pose = body.expand_pose(canonical)
    betas = torch.zeros(body.num_betas)
    vertices = body.vertices(body.identity(betas), orient, pose, PLACE)[0]
    camera = default_camera(size)
    index = rasterize(vertices[None], body.topology.faces, camera).face_index[0].numpy()
    rows, columns = np.mgrid[: size[0], : size[1]]
    rgb = np.stack([90 + rows // 2, 140 + 0 * rows, 160 - columns // 2], -1).astype(np.uint8)
    rgb[index >= 0] = colours[body.topology.face_part.numpy()[index[index >= 0]]]
    mask = (index >= 0).astype(np.float32)
    points = body.landmarks(MEDIAPIPE, betas, orient, pose, PLACE)[0]
    hips = points[[MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(0)
    found = Detection(
        MEDIAPIPE,
        project(camera, points)[:, :2].numpy(),
        np.ones(len(MEDIAPIPE), np.float32),
        (points - hips).numpy(),
        mask if masked else None,
        1.0,
    )
    return ToyPhoto(rgb, mask, found)
