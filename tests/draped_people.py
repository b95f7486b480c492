"""Toy people in skirts and with long hair, in photos that are painted."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.geometry import default_camera, project
from liquidwarp.inpaint import BackgroundTuning
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize
from liquidwarp.tasks import SourceTuning, source_from_tracks
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

SKIN, SHIRT, CLOTH, HAIR = (220, 170, 140), (60, 60, 200), (40, 150, 60), (60, 35, 20)
TOP = (50, 35, 30)  # hardly another colour than hair
SIZE = (256, 200)
PLACE = (0.0, 0.05, 3.4)
HEM = 0.55  # metres below the pelvis


@dataclass(frozen=True)
class PaintedPhoto:
    """A photo of a toy person, the person in it, and its body."""

    rgb: np.ndarray
    alpha: np.ndarray
    track: BodyTrack
    body: RiggedBody


def paint(
    *,
    skirt: float = 0.0,
    trousers: float = 0.0,
    shorts: bool = False,
    hair: float = 0.0,
    neck: float | None = None,
    spread: float = 0.06,
) -> PaintedPhoto:
    """Paint somebody who stands with legs a little apart.

    Args:
        skirt: half width of a skirt's hem, metres; 0 for none.
        trousers: how much wider than legs trousers are, metres; 0 for none.
        shorts: whether trousers end above the knees.
        hair: how far hair hangs below the head's joint, metres; 0 for short hair.
        neck: how far above the pelvis a top in the colour of hair ends, onto which locks fall, metres; None for a shirt
            in its own colour.
        spread: turn of the legs, radians.
    """
    body = toy_body()
    canonical = torch.zeros(1, 22, 3)
    canonical[0, 1, 2], canonical[0, 2, 2] = -spread, spread
    orient, pose = body.expand_pose(canonical)
    camera = default_camera(SIZE)
    place = torch.tensor([PLACE])
    betas = torch.zeros(body.num_betas)
    sure = torch.ones(1)
    track = BodyTrack(body.name, betas, orient, pose, place, camera, 0.0, sure, sure > 0)
    index = (
        rasterize(body.vertices(body.identity(betas), orient, pose, place), body.topology.faces, camera)
        .face_index[0]
        .numpy()
    )
    part = np.where(index >= 0, body.topology.face_part.numpy()[index.clip(0)], -1)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    rgb = np.stack([150 + rows // 4, 190 + 0 * rows, 230 - columns // 4], -1).astype(np.uint8)

    def polygon(*corners: tuple[float, float]) -> np.ndarray:
        flat = torch.tensor([(x, y, 0.0) for x, y in corners]) + place
        mask = np.zeros(SIZE, np.uint8)
        cv2.fillPoly(mask, [np.round(project(camera, flat)[:, :2].numpy()).astype(np.int32)], 1)
        return mask > 0

    def is_part(*names: str) -> np.ndarray:
        return np.isin(part, [number for number, name in enumerate(PARTS) if any(word in name for word in names)])

    alpha = part >= 0
    if hair:
        behind = polygon((-0.15, -0.8), (0.15, -0.8), (0.17, hair - 0.6), (-0.17, hair - 0.6)) & ~is_part(
            "torso", "arm"
        )
        alpha = alpha | behind
        rgb[behind] = HAIR
    rgb[part >= 0] = SKIN
    rgb[is_part("torso", "upper_arm")] = SHIRT
    rgb[is_part("hair")] = HAIR
    if neck is not None:
        rgb[is_part("torso")] = SKIN
        for x in (-0.11, 0.11):
            lock = polygon((x - 0.04, -0.8), (x + 0.04, -0.8), (x + 0.04, 0.02 - neck), (x - 0.04, 0.02 - neck))
            rgb[is_part("torso") & lock] = HAIR
        rgb[is_part("torso") & polygon((-1, -neck), (1, -neck), (1, 1), (-1, 1))] = TOP
    if trousers:
        legs = is_part("upper_leg") if shorts else is_part("leg")
        width = max(1, round(trousers * 100))
        legs = cv2.dilate(legs.astype(np.uint8), np.ones((1, 2 * width + 1))) > 0
        alpha = alpha | legs
        rgb[legs] = CLOTH
    if skirt:
        cloth = polygon((-0.15, 0.0), (0.15, 0.0), (skirt, HEM), (-skirt, HEM)) & ~is_part("lower_arm", "hand")
        alpha = alpha | cloth
        rgb[cloth] = CLOTH
    return PaintedPhoto(rgb, alpha.astype(np.float32), track, body)


def learnt(photo: PaintedPhoto) -> SourceState:
    """Learn the person of a painted photo, before a small background."""
    tuning = SourceTuning(background=BackgroundTuning(most_pixels=1000))
    return source_from_tracks([photo.rgb], [photo.alpha], [photo.track], body=photo.body, tuning=tuning)
