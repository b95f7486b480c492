"""What people look like, and dressing them: skin, garments and hair as layers over a body."""

from dataclasses import dataclass, replace

import numpy as np

from liquidwarp.synth.people.body_layers import BareBody, MeshLayer, surface_points
from liquidwarp.synth.people.garment_meshes import SkinnedMesh
from liquidwarp.synth.people.garments import Garment, garment_layers
from liquidwarp.synth.people.hair import HairStyle, hair_layers
from liquidwarp.synth.people.skin import Complexion, skin_layer


@dataclass(frozen=True)
class PersonAppearance:
    """Everything that makes up a person's appearance.

    Attributes:
        shape: attributes of the body (`RiggedBody.phenotype`).
        complexion: colours of skin and face.
        hair: hair style; None is bald.
        garments: what is worn, inner things first.
    """

    shape: dict[str, float]
    complexion: Complexion
    hair: HairStyle | None
    garments: tuple[Garment, ...]


@dataclass(frozen=True, eq=False)
class DressedPerson:
    """A dressed person, ready to be posed.

    Attributes:
        bare: the body.
        layers: skin, garments and hair, inner ones first.
    """

    bare: BareBody
    layers: tuple[MeshLayer, ...]


def dress_person(appearance: PersonAppearance, *, fine: bool = True) -> DressedPerson:
    """Make a dressed person; faces that lie well under another layer are left out.

    Args:
        appearance: what the person looks like.
        fine: whether the skin is subdivided too, for close views.
    """
    bare = BareBody.create(appearance.shape)
    worn = [skin_layer(bare, appearance.complexion, fine=fine)]
    for garment in appearance.garments:
        worn += garment_layers(bare, garment)
    if appearance.hair is not None:
        worn += hair_layers(bare, appearance.hair)
    layers = []
    for number, layer in enumerate(worn):
        points = surface_points(layer.mesh, bare.body)
        hidden = np.zeros(len(layer.mesh.rest), bool)
        for over in worn[number + 1 :]:
            if over.cover is not None and over.cover > 0:
                hidden |= (over.border(points) > over.cover) & _reached(layer, over)
        drawn = layer.border(points)[layer.mesh.faces].max(1) > -0.004
        mesh: SkinnedMesh = layer.mesh.cut(drawn & ~hidden[layer.mesh.faces].all(1))
        layers.append(replace(layer, mesh=mesh))
    return DressedPerson(bare, tuple(layers))


def _reached(layer: MeshLayer, over: MeshLayer) -> np.ndarray:
    """Return which vertices of a layer lie within the extent of another one on the average body."""
    low, high = over.mesh.template.min(0) - 0.01, over.mesh.template.max(0) + 0.01
    return ((layer.mesh.template >= low) & (layer.mesh.template <= high)).all(1)
