"""What hangs from somebody in a photo, found and made into drapes."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.appearance import Drape, SkirtTuning
from liquidwarp.appearance.drape_tuning import SKIRT_TUNING
from liquidwarp.appearance.skirt import SkirtShape, skirt_drape, skirt_shape, without_skirt
from liquidwarp.appearance.skirt_outline import Pose, find_skirt, find_standing
from liquidwarp.bodies import BodyModel, Identity
from liquidwarp.types import BodyTrack


@dataclass(frozen=True, eq=False)
class Worn:
    """What hangs from somebody in a photo.

    Attributes:
        outline: the alpha without what stands off from the body because it hangs.
        draped: where the photo shows a drape; None for nowhere.
        shapes: of the drapes.
        alpha: of the photo.
        body: whose topology the drapes hang from.
    """

    outline: Float[np.ndarray, "H W"]
    draped: Bool[np.ndarray, "H W"] | None
    shapes: tuple[SkirtShape, ...]
    alpha: Float[np.ndarray, "H W"]
    body: BodyModel

    def drapes(self, colors: UInt8[np.ndarray, "H W 3"]) -> tuple[Drape, ...]:
        """Return the drapes, painted from the person's own colours in the photo."""
        return tuple(skirt_drape(self.body, shape, colors, self.alpha) for shape in self.shapes)


def find_worn(
    body: BodyModel,
    identity: Identity,
    track: BodyTrack,
    offsets: Float[Tensor, "V 3"],
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    skirts: SkirtTuning = SKIRT_TUNING,
) -> Worn:
    """Find what hangs from somebody in a photo.

    Args:
        body: the body.
        identity: whose.
        track: how they stand in the photo; one frame.
        offsets: of their clothes, as fitted to the outline.
        rgb: the photo.
        alpha: the person in it, 1 = person.
        skirts: what a skirt is.
    """
    pose = Pose(track.global_orient, track.body_pose, track.transl)
    topology = body.topology
    with torch.no_grad():
        standing = find_standing(body, identity, pose, track.camera, tuning=skirts)
        if standing is None:
            return Worn(alpha, None, (), alpha, body)
        found = find_skirt(standing, topology, rgb, alpha, tuning=skirts)
        if found is None:
            return Worn(alpha, None, (), alpha, body)
        clothed = body.vertices(identity, *pose, offsets=offsets)[0]
        shape = skirt_shape(body, identity, standing, found, pose, clothed, tuning=skirts)
    return Worn(without_skirt(topology, shape, alpha, tuning=skirts), shape.shown, (shape,), alpha, body)
