"""How far the body that was found in a photo can be believed: by the outline, and by what the photo shows of it."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import PARTS, BodyModel
from liquidwarp.bodies.parts import part_labels
from liquidwarp.clothing import SilhouetteView
from liquidwarp.geometry import bounded_size, shrunk
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_log = logging.getLogger(__name__)

_PERSON = 0.5  # alpha from which on a pixel is the person's
_MOST_PIXELS = 2**17  # of the picture in which parts are counted
_LARGE = 2**21  # pixels of a photo above which outlines are compared in a smaller one
_LEAST_LEG = 0.01  # of a body's pixels: less of a leg in the picture says nothing


@dataclass(frozen=True)
class PoseDoubts:
    """What speaks against the pose that was found in a photo.

    Attributes:
        agreement: `outline_agreement`.
        hidden: `hidden_trunk`.
        slant: `slant`.
        astray: `leg_astray`.
    """

    agreement: float
    hidden: float = 0.0
    slant: float = 0.0
    astray: float = 0.0


@dataclass(frozen=True)
class DoubtTuning:
    """From when on something speaks against the pose that was found in a photo (`PoseDoubts`)."""

    least_agreement: float = 0.87
    """Intersection over union of clothed body and outline below which the pose may be misread: it is above 0.9 where
    somebody stands, dances, or does a handstand, in wide clothes too, and below 0.85 where limbs went astray."""

    most_hidden: float = 0.2
    """Fraction of the trunk that head and legs hide above which what they hide looks wrong on who stands: a tenth in
    dances, 0.15 behind a high kick, 0.23 and more where somebody sits, crouches or curls up."""

    most_slant: float = 45.0
    """Degrees by which trunk or thighs point at the camera above which the pose may be misread: less than 25 where
    somebody stands, up to 40 in bows and before cameras held high."""

    most_astray: float = 0.45
    """Fraction of a lower leg that lies beside the outline above which it is misread: up to 0.4 in fast dances, 0.85
    where somebody kneels before the camera and is taken to stand."""


DOUBT_TUNING = DoubtTuning()
"""As tuned."""


def pose_doubts(
    body: BodyModel, betas: Float[Tensor, "K"], offsets: Float[Tensor, "V 3"], view: SilhouetteView
) -> PoseDoubts:
    """Return what speaks against the pose that was found in a photo; arguments as of `outline_agreement`."""
    agreement = outline_agreement(body, betas, offsets, view)
    return PoseDoubts(
        agreement, hidden_trunk(body, betas, view), slant(body, betas, view), leg_astray(body, betas, view)
    )


def outline_agreement(
    body: BodyModel, betas: Float[Tensor, "K"], offsets: Float[Tensor, "V 3"], view: SilhouetteView
) -> float:
    """Return the intersection over union of the clothed body with the person's alpha, 0 to 1.

    Clothes are fitted to the same outline and swell a body that is right to more than nine tenths of it; they cannot
    bring limbs to where the fit did not see them.

    Args:
        body: the body.
        betas: the person's shape.
        offsets: the person's clothes.
        view: pose, camera and alpha.
    """
    identity = body.identity(betas)
    with torch.no_grad():
        vertices = body.vertices(identity, view.global_orient, view.body_pose, view.transl, offsets=offsets)
    size = bounded_size(view.camera.size, _LARGE)
    covered = rasterize(vertices, body.topology.faces, view.camera.resized(size)).mask[0]
    person = torch.from_numpy(shrunk(view.alpha.numpy(), size)) > _PERSON
    either = int((covered | person).sum())
    return int((covered & person).sum()) / max(either, 1)


def hidden_trunk(body: BodyModel, betas: Float[Tensor, "K"], view: SilhouetteView) -> float:
    """Return which fraction of the trunk's pixels legs and head hide, 0 to 1.

    They do where somebody crouches, sits, curls up, or is seen from straight above or below. What arms hide is not
    counted: they do so in ordinary poses, too.

    Args:
        body: the body.
        betas: the person's shape.
        view: pose and camera.
    """
    vertices, camera = _posed(body, betas, view)
    faces, part = body.topology.faces, body.topology.face_part
    trunk = rasterize(vertices, faces[part == PARTS.index("torso")], camera).mask[0]
    shown = rasterize(vertices, faces, camera).face_index[0][trunk].long()
    over = torch.tensor([label for group in ("head", "lower", "shoes") for label in part_labels(group)])
    return float(torch.isin(part[shown].long(), over).float().mean()) if len(shown) else 0.0


def leg_astray(body: BodyModel, betas: Float[Tensor, "K"], view: SilhouetteView) -> float:
    """Return which fraction of a lower leg lies beside the person's alpha, 0 to 1; of the leg of which more does.

    Args:
        body: the body.
        betas: the person's shape.
        view: pose, camera and alpha.
    """
    vertices, camera = _posed(body, betas, view)
    faces, part = body.topology.faces, body.topology.face_part
    person = torch.from_numpy(shrunk(view.alpha.numpy(), camera.size)) > _PERSON
    least = _LEAST_LEG * int(rasterize(vertices, faces, camera).mask.sum())
    beside = []
    for side in ("left", "right"):
        labels = torch.tensor([PARTS.index(f"{side}_lower_leg"), PARTS.index(f"{side}_foot")])
        leg = rasterize(vertices, faces[torch.isin(part.long(), labels)], camera).mask[0]
        beside.append(int((leg & ~person).sum()) / max(int(leg.sum()), least, 1))
    return max(beside)


@torch.no_grad()
def _posed(body: BodyModel, betas: Float[Tensor, "K"], view: SilhouetteView) -> tuple[Float[Tensor, "1 V 3"], Camera]:
    """Return the bare body, and a camera of not too many pixels to count in."""
    vertices = body.vertices(body.identity(betas), view.global_orient, view.body_pose, view.transl)
    return vertices, view.camera.resized(bounded_size(view.camera.size, _MOST_PIXELS))


@torch.no_grad()
def slant(body: BodyModel, betas: Float[Tensor, "K"], view: SilhouetteView) -> float:
    """Return by how much the body points at the camera or away from it, 0 to 90 degrees.

    It is the angle between trunk and picture plane, or that of the flatter thigh if that is more: who is seen from
    above or below, lies with the head or the feet towards the camera, or sits before it has little length in a picture.

    Args:
        body: the body.
        betas: the person's shape.
        view: pose and camera.
    """
    identity = body.identity(betas)
    turn, shift = body.transforms(identity.joints, view.global_orient, view.body_pose)
    joints = (turn[0] @ identity.joints[..., None])[..., 0] + shift[0] + view.transl[0]

    def along(start: str, end: str) -> float:
        first, last = joints[body.canonical(start)], joints[body.canonical(end)]
        ray = view.camera.toward((first + last)[None] / 2)[0]
        return abs(float(torch.nn.functional.cosine_similarity(last - first, ray, dim=0)))

    thighs = min(along(f"{side}_hip", f"{side}_knee") for side in ("left", "right"))
    return math.degrees(math.asin(min(max(along("pelvis", "neck"), thighs), 1.0)))


def tells_hands(
    body: BodyModel, betas: Float[Tensor, "K"], view: SilhouetteView, *, tuning: DoubtTuning = DOUBT_TUNING
) -> bool:
    """Return whether the body is seen well enough to tell a hand from a thing: not folded up, nor from one end."""
    return hidden_trunk(body, betas, view) <= tuning.most_hidden and slant(body, betas, view) <= tuning.most_slant


def reasons_to_doubt(photo: PoseDoubts, *, tuning: DoubtTuning = DOUBT_TUNING) -> list[str]:
    """Say what speaks against the pose that was found in a photo; nothing of what is usual."""
    found = []
    if photo.agreement < tuning.least_agreement:
        found.append(
            f"body and outline agree by only {photo.agreement:.0%} ({tuning.least_agreement:.0%} or more is usual)"
        )
    if photo.hidden > tuning.most_hidden:
        found.append(f"legs and head hide {photo.hidden:.0%} of the trunk ({tuning.most_hidden:.0%} or less is usual)")
    if photo.slant > tuning.most_slant:
        found.append(
            f"trunk or thighs point {photo.slant:.0f} degrees towards the camera or away from it "
            f"({tuning.most_slant:.0f} or less is usual)"
        )
    if photo.astray > tuning.most_astray:
        found.append(
            f"{photo.astray:.0%} of a lower leg lies beside the outline ({tuning.most_astray:.0%} or less is usual)"
        )
    return found


def tell_of_misread(name: str, photos: Sequence[PoseDoubts], *, tuning: DoubtTuning = DOUBT_TUNING) -> None:
    """Say once in the log that a photo's pose may be misread, and why; of several the one whose outline agrees least.

    Args:
        name: what the photos are called.
        photos: what speaks against the pose in each.
        tuning: what is usual.
    """
    doubtful = [number for number, photo in enumerate(photos) if reasons_to_doubt(photo, tuning=tuning)]
    if not doubtful:
        return
    worst = min(doubtful, key=lambda number: photos[number].agreement)
    _log.warning(
        "%s: %s%s: the pose may be misread and the person look wrong; take a photo of somebody who stands, seen from "
        "the front at the height of the hips",
        name,
        f"in photo {worst + 1} " if len(photos) > 1 else "",
        " and ".join(reasons_to_doubt(photos[worst], tuning=tuning)),
    )
