"""The light of a learnt person's photos, on the surface that is drawn."""

import torch
from jaxtyping import Int
from torch import Tensor

from liquidwarp.appearance import LitSurface, LitView, dress_in_drapes, find_light, lit_surface
from liquidwarp.bodies.parts import PARTS
from liquidwarp.methods.drawn_surface import hanging_in_photo
from liquidwarp.person import SourceState


def person_light(state: SourceState) -> LitSurface:
    """Find the light in a person's photos, and what of it the colours of the surface hold, drapes last.

    Args:
        state: the person; the light ends where its tensors lie.
    """
    device, state = state.device, state.to("cpu")
    body = state.body.topology
    hanging = hanging_in_photo(state)
    hanging = state.offsets.new_zeros(0, 3) if hanging is None else hanging
    faces = dress_in_drapes(body, state.appearance, state.drapes)[0].faces
    views = []
    for number, view in enumerate(state.views):
        light = find_light(body, view.picture, view.camera, view.vertices, view.faces)
        told = torch.zeros(len(view.vertices) + len(hanging), dtype=torch.bool)
        told[body.faces[view.faces].long()] = True
        told[len(view.vertices) :] = number == 0
        views.append(LitView(torch.cat([view.vertices, hanging]), view.camera, told, light))
    return lit_surface(faces, _regions(state), views).to(device)


def _regions(state: SourceState) -> Int[Tensor, "V"]:
    """Return the part of the body of each vertex, left and right alike, and a number beyond them for each drape."""
    alike = [PARTS.index(name.replace("right_", "left_")) for name in PARTS]
    body = torch.tensor(alike)[state.body.topology.vertex_part.long()]
    drapes = [body.new_full((len(drape.rest),), len(PARTS) + n) for n, drape in enumerate(state.drapes)]
    return torch.cat([body, *drapes])
