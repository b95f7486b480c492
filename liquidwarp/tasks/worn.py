"""What hangs from somebody in a photo, found and made into drapes."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.appearance import Drape, HairTuning, SkirtTuning
from liquidwarp.appearance.hair import HairShape, hair_drape, hair_shape, without_hair
from liquidwarp.appearance.hair_outline import find_hair, find_head
from liquidwarp.appearance.skirt import SkirtShape, skirt_drape, skirt_shape, without_skirt
from liquidwarp.appearance.skirt_outline import PhotoPose, find_skirt, find_standing
from liquidwarp.bodies import BodyModel, Identity
from liquidwarp.geometry import bounded_size, enlarged, shrunk
from liquidwarp.types import BodyTrack


@dataclass(frozen=True)
class WornTuning:
    """The numbers of what hangs."""

    skirts: SkirtTuning = field(default_factory=SkirtTuning)
    """Of skirts, dresses and coats."""

    hair: HairTuning = field(default_factory=HairTuning)
    """Of long hair."""

    most_pixels: int = 2**20
    """Pixels of a photo above which both are looked for in a smaller one: their outlines are smooth."""


WORN_TUNING = WornTuning()
"""As tuned."""


@dataclass(frozen=True, eq=False)
class Worn:
    """What hangs from somebody in a photo.

    Attributes:
        body: that it hangs from.
        alpha: of the photo.
        skirt: its shape, if there is one.
        hair: its shape, if it is long.
        tuning: what both were found by.
    """

    body: BodyModel
    alpha: Float[np.ndarray, "H W"]
    skirt: SkirtShape | None
    hair: HairShape | None
    tuning: WornTuning

    @property
    def draped(self) -> Bool[np.ndarray, "H W"] | None:
        """Where the photo shows something that hangs; None for nowhere."""
        shown = [shape.shown for shape in (self.skirt, self.hair) if shape is not None]
        return np.any(shown, axis=0) if shown else None

    @property
    def outline(self) -> Float[np.ndarray, "H W"]:
        """The alpha without what stands off from the body because it hangs."""
        alpha, topology = self.alpha, self.body.topology
        if self.skirt is not None:
            alpha = without_skirt(topology, self.skirt, alpha, tuning=self.tuning.skirts)
        if self.hair is not None:
            alpha = without_hair(topology, self.hair, alpha, tuning=self.tuning.hair)
        return alpha

    def drapes(self, colors: UInt8[np.ndarray, "H W 3"]) -> tuple[Drape, ...]:
        """Return the drapes, painted from the person's own colours in the photo."""
        made = []
        if self.skirt is not None:
            made.append(skirt_drape(self.body, self.skirt, colors, self.alpha, tuning=self.tuning.skirts))
        if self.hair is not None:
            made.append(hair_drape(self.body, self.hair, colors, self.alpha, tuning=self.tuning.hair))
        return tuple(made)


@torch.no_grad()
def find_worn(
    body: BodyModel,
    identity: Identity,
    track: BodyTrack,
    offsets: Float[Tensor, "V 3"],
    rgb: UInt8[np.ndarray, "H W 3"],
    alpha: Float[np.ndarray, "H W"],
    *,
    tuning: WornTuning = WORN_TUNING,
) -> Worn:
    """Find what hangs from somebody in a photo.

    Args:
        body: the body.
        identity: whose.
        track: how they stand in the photo; one frame.
        offsets: of their clothes, as fitted to the outline.
        rgb: the photo.
        alpha: the person in it, 1 = person.
        tuning: what a skirt and long hair are.
    """
    pose, topology = PhotoPose(track.global_orient, track.body_pose, track.transl), body.topology
    size = bounded_size(track.camera.size, tuning.most_pixels)
    camera, colors, cover = track.camera.resized(size), shrunk(rgb, size), shrunk(alpha, size)
    skirt = hair = None
    clothed = body.vertices(identity, *pose, offsets=offsets)[0]
    standing = find_standing(body, identity, pose, track.camera, tuning=tuning.skirts)
    if standing is not None:
        cloth = find_skirt(replace(standing, camera=camera), topology, colors, cover, tuning=tuning.skirts)
        if cloth is not None:
            skirt = skirt_shape(body, identity, standing, cloth, pose, clothed, tuning=tuning.skirts)
    head = find_head(body, identity, pose, track.camera, tuning=tuning.hair)
    if head is not None:
        seen = find_hair(replace(head, camera=camera), topology, colors, cover, tuning=tuning.hair)
        if seen is not None:
            seen = replace(seen, shown=enlarged(seen.shown, track.camera.size))
            hair = hair_shape(body, identity, head, seen, pose, clothed, tuning=tuning.hair)
    return Worn(body, alpha, skirt, hair, tuning)
