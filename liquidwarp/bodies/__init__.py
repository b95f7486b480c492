"""Bodies: shape and pose parameters to vertices, joints and landmarks."""

from liquidwarp.bodies.build import BODIES, load_body
from liquidwarp.bodies.fingerprint import fingerprint, same_body, same_mesh
from liquidwarp.bodies.hands import relax_hands
from liquidwarp.bodies.parts import GROUPS, PARTS, part_labels
from liquidwarp.bodies.protocol import CANONICAL_JOINTS, BodyModel, Identity, Topology

__all__ = [
    "BODIES",
    "CANONICAL_JOINTS",
    "GROUPS",
    "PARTS",
    "BodyModel",
    "Identity",
    "Topology",
    "fingerprint",
    "load_body",
    "part_labels",
    "relax_hands",
    "same_body",
    "same_mesh",
]
