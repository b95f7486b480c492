"""How far the body that was found agrees with the person's outline."""

import logging
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.clothing import SilhouetteView
from liquidwarp.raster import rasterize

_log = logging.getLogger(__name__)

_PERSON = 0.5  # alpha from which on a pixel is the person's


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
    covered = rasterize(vertices, body.topology.faces, view.camera).mask[0]
    person = view.alpha > _PERSON
    either = int((covered | person).sum())
    return int((covered & person).sum()) / max(either, 1)


def tell_of_misread(name: str, agreements: Sequence[float], least: float) -> None:
    """Say in the log that body and outline disagree, if they do in one of the pictures.

    Args:
        name: what the pictures are called.
        agreements: of each picture.
        least: what is usual at least.
    """
    worst = min(agreements)
    if worst >= least:
        return
    which = "" if len(agreements) == 1 else f" in photo {agreements.index(worst) + 1}"
    _log.warning(
        "%s: body and outline agree%s by only %s (%s or more is usual): the pose may be misread and the person "
        "look wrong; take a photo of somebody who stands, seen from the front",
        name,
        which,
        f"{worst:.0%}",
        f"{least:.0%}",
    )
