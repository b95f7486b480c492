"""People: who they are, what they wear, how their hair is."""

from dataclasses import dataclass, replace

import numpy as np

from liquidwarp.data.synthetic.garments import Garment, wear
from liquidwarp.data.synthetic.hair import Hair, hair
from liquidwarp.data.synthetic.layers import Bare, Layer, spots_of
from liquidwarp.data.synthetic.pieces import Piece
from liquidwarp.data.synthetic.skin import Complexion, skin


@dataclass(frozen=True)
class Look:
    """Everything that makes up a person's appearance.

    Attributes:
        shape: attributes of the body (`RiggedBody.phenotype`).
        complexion: colours of skin and face.
        hair: hair style; None is bald.
        garments: what is worn, inner things first.
    """

    shape: dict[str, float]
    complexion: Complexion
    hair: Hair | None
    garments: tuple[Garment, ...]


@dataclass(frozen=True, eq=False)
class Person:
    """A dressed person, ready to be posed.

    Attributes:
        bare: the body.
        layers: skin, garments and hair, inner ones first.
    """

    bare: Bare
    layers: tuple[Layer, ...]


def dress_up(look: Look, *, fine: bool = True) -> Person:
    """Make a dressed person; faces that lie well under another layer are left out.

    Args:
        look: who.
        fine: whether the skin is subdivided too, for close views.
    """
    bare = Bare.create(look.shape)
    worn = [skin(bare, look.complexion, fine=fine)]
    for garment in look.garments:
        worn += wear(bare, garment)
    if look.hair is not None:
        worn += hair(bare, look.hair)
    layers = []
    for number, layer in enumerate(worn):
        spots = spots_of(layer.piece, bare.body)
        hidden = np.zeros(len(layer.piece.rest), bool)
        for over in worn[number + 1 :]:
            if over.cover is not None and over.cover > 0:
                hidden |= (over.border(spots) > over.cover) & _reached(layer, over)
        drawn = layer.border(spots)[layer.piece.faces].max(1) > -0.004
        piece: Piece = layer.piece.cut(drawn & ~hidden[layer.piece.faces].all(1))
        layers.append(replace(layer, piece=piece))
    return Person(bare, tuple(layers))


def _reached(layer: Layer, over: Layer) -> np.ndarray:
    """Return which vertices of a layer lie within the extent of another one on the average body."""
    low, high = over.piece.place.min(0) - 0.01, over.piece.place.max(0) + 0.01
    return ((layer.piece.place >= low) & (layer.piece.place <= high)).all(1)
