"""Appearance transfer."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from liquidwarp.appearance import Drape, dress, fit_drape
from liquidwarp.bodies import BodyModel, same_mesh
from liquidwarp.bodies.parts import PARTS, part_labels
from liquidwarp.checks import check_type
from liquidwarp.errors import InputError
from liquidwarp.media import ClipLike
from liquidwarp.mesh import smooth_over_surface
from liquidwarp.person import SourceState
from liquidwarp.tasks.source import encode_source

_HANGS_FROM = {"skirt": PARTS.index("left_upper_leg"), "hair": PARTS.index("hair")}
"""The part of the body with which each kind of drape goes."""


def transfer_appearance(person: SourceState, wear: Mapping[str, SourceState | ClipLike]) -> SourceState:
    """Dress a person in parts of others: their pictures and the shape of their clothes, on the person's own body.

    It is done on the CPU; who is dressed ends where `person` was.

    Args:
        person: who is dressed; gives body shape, pose, place, background and all parts that are not named.
        wear: part or group name (`head upper lower shoes body all`, or a single part such as `torso`) to the wearer it
            comes from: a `SourceState`, or photos of who is then learnt (`encode_source`) on the body of `person`. A
            later entry wins where two overlap.

    Raises:
        InputError: nothing to wear, an unknown part, people on bodies of different meshes, or a photo that cannot be
            read.
        TypeError: a wearer is neither a person nor a photo, or `person` is a photo.

    Examples:
        >>> from liquidwarp.tasks import transfer_appearance
        >>> dressed = transfer_appearance(person, {"upper": other})
        >>> len(dressed.views), dressed.track is person.track  # in clothes of another photo, as they stood
        (2, True)
    """
    check_type("person", person, SourceState, "learn one with encode_source(photo)")
    if not wear:
        raise InputError("wear is empty; name at least one part, such as {'upper': other}")
    for name in wear:
        part_labels(name)
    wearers = {
        name: other if isinstance(other, SourceState) else encode_source(other, body=person.body)
        for name, other in wear.items()
    }
    for name, other in wearers.items():
        if not same_mesh(other.body, person.body):
            raise InputError(
                f"wear[{name!r}] is of body {other.body.name!r}, the person of {person.body.name!r}, which has another "
                "mesh; encode both on one body"
            )
    device, person = person.device, person.to("cpu")
    wearers = {name: other.to("cpu") for name, other in wearers.items()}
    body = person.body
    track, offsets, views, drapes = person.track, person.offsets, person.views, person.drapes
    for name, other in wearers.items():
        weight = _weight(body, name)
        offsets = weight[:, None] * other.offsets + (1 - weight[:, None]) * offsets
        worn = (weight > 0.5)[body.topology.faces.long()].all(1)
        views = tuple(replace(view, faces=view.faces & ~worn) for view in views)
        views += tuple(replace(view, faces=view.faces & worn) for view in other.views)
        drapes = _exchanged(person, drapes, other, name)
        if PARTS.index("face") in part_labels(name) and other.track.face is not track.face:
            track = replace(track, face=other.track.face)
    looks = {name: other.appearance for name, other in wearers.items()}
    heights = body.identity(person.track.betas).vertices[:, 1].double().numpy()
    appearance = dress(body.topology, person.appearance, looks, heights=heights)
    return replace(person, track=track, offsets=offsets, appearance=appearance, views=views, drapes=drapes).to(device)


def _exchanged(person: SourceState, drapes: tuple[Drape, ...], other: SourceState, name: str) -> tuple[Drape, ...]:
    """Return what hangs from a person who takes a part from another: skirts go with thighs, hair with the scalp."""
    taken = [kind for kind, part in _HANGS_FROM.items() if part in part_labels(name)]
    wearer, identity = (one.body.identity(one.track.betas) for one in (other, person))
    worn = (fit_drape(person.body, drape, wearer, identity) for drape in other.drapes if drape.kind in taken)
    return (*(drape for drape in drapes if drape.kind not in taken), *worn)


def _weight(body: BodyModel, name: str) -> Tensor:
    """Return how much of each vertex belongs to a part, with a soft border."""
    inside = np.isin(body.topology.vertex_part.numpy(), part_labels(name)).astype(np.float64)
    return torch.from_numpy(smooth_over_surface(inside, body.topology.faces.numpy(), steps=4)).float()
