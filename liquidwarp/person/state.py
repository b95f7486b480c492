"""Everything known of a person from photos, as a value."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.appearance import Appearance
from liquidwarp.bodies import BodyModel
from liquidwarp.devices import moved
from liquidwarp.types import BodyTrack, Camera


@dataclass(frozen=True, eq=False)
class SourceView:
    """A photo as the generator sees it.

    Attributes:
        picture: colours of the person, free of the background, and the matte.
        camera: the photo's camera; its size is the photo's.
        vertices: the clothed body as it stands in the photo.
        faces: which faces of the body the photo shows, and may be asked for.
    """

    picture: UInt8[np.ndarray, "H W 4"]
    camera: Camera
    vertices: Float[Tensor, "V 3"]
    faces: Bool[Tensor, "F"]

    def to(self, device: torch.device | str) -> "SourceView":
        """Return the view with its tensors on another device; the picture stays an array."""
        return moved(self, device)


@dataclass(frozen=True, eq=False)
class SourceState:
    """A person, ready to be put in motion; a value, made by `encode_source`.

    Attributes:
        body: the body that all of it is of.
        track: one frame: shape, pose, place and camera in the first photo.
        offsets: clothes and hair, metres from the rest body.
        appearance: what the surface looks like.
        background: the first photo without the person.
        photo: the first photo.
        alpha: the person in the first photo, 1 = person.
        views: the photos, for the generator.
    """

    body: BodyModel
    track: BodyTrack
    offsets: Float[Tensor, "V 3"]
    appearance: Appearance
    background: UInt8[np.ndarray, "H W 3"]
    photo: UInt8[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    views: tuple[SourceView, ...]

    def to(self, device: torch.device | str) -> "SourceState":
        """Return the person with its tensors and its body on another device.

        Pictures stay arrays: who draws puts what is drawn from on the device once (`Appearance.tensors`).
        """
        return moved(self, device)
