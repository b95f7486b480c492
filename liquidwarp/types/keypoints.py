"""What a detector saw in a clip."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.devices import moved
from liquidwarp.types.profile import DetectorProfile


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Landmarks of one followed person in T frames.

    Attributes:
        names: landmark names, in the vocabulary of `liquidwarp.bodies.landmarks`.
        image: pixels; origin at the top-left corner of the picture.
        confidence: 0 (unseen) to 1.
        world: metres in camera axes (+X right, +Y down, +Z away), relative to the middle of the hips; None if unknown.
        present: False where no person was found (all confidences are then 0).
        size: (height, width) of the pictures.
        fps: frames per second; 0 for unrelated pictures.
        detector: name and version of what made them, for files and messages alone.
        profile: how to read them.
        cuts: first frame of each shot but the first; empty for a clip without cuts.
    """

    names: tuple[str, ...]
    image: Float[Tensor, "T L 2"]
    confidence: Float[Tensor, "T L"]
    world: Float[Tensor, "T L 3"] | None
    present: Bool[Tensor, "T"]
    size: tuple[int, int]
    fps: float
    detector: str
    profile: DetectorProfile = field(default_factory=DetectorProfile)
    cuts: tuple[int, ...] = ()

    def __getitem__(self, frames: slice) -> "Keypoints":
        """Return the keypoints of some frames in a row."""
        first, last, _ = frames.indices(len(self.present))
        return replace(
            self,
            image=self.image[first:last],
            confidence=self.confidence[first:last],
            world=None if self.world is None else self.world[first:last],
            present=self.present[first:last],
            cuts=tuple(cut - first for cut in self.cuts if first < cut < last),
        )

    def to(self, device: torch.device | str) -> "Keypoints":
        """Return the keypoints on another device."""
        return moved(self, device)
