"""What is known of a detector's landmarks, beside the landmarks themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class DetectorProfile:
    """How to read a detector's landmarks; the default is for one of which nothing was measured.

    Convention: offsets in the axes of the resting body (+X the person's left, +Y down, +Z to the back), metres.

    Attributes:
        offsets: by landmark definition (`BodyModel.landmark_definition`) and landmark: where the detector puts it,
            relative to where bodies of that definition carry it.
        depth_sigma: what places in space are worth: one standard deviation of a limb's unit direction along the view,
            in a clip.
        leans: True where places in space are known to bend and lean people who stand straight.
    """

    offsets: Mapping[str, Mapping[str, tuple[float, float, float]]] = field(default_factory=dict, hash=False)
    depth_sigma: float = 0.2
    leans: bool = False

    def offsets_on(self, definition: str, names: tuple[str, ...]) -> Float[Tensor, "L 3"]:
        """Return the detector's landmarks relative to a body's, in metres on the resting body, in double precision.

        Args:
            definition: the body's landmark definition.
            names: landmarks; zeros for those that were not measured.
        """
        table = self.offsets.get(definition, {})
        return torch.tensor([table.get(name, (0.0, 0.0, 0.0)) for name in names], dtype=torch.float64).view(-1, 3)
