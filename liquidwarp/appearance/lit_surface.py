"""A surface in light: how much brighter or darker it gets where it turns away from how a photo showed it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from liquidwarp.appearance.light import Light, level_axes
from liquidwarp.appearance.light_tuning import LIGHT_TUNING, LightTuning
from liquidwarp.devices import moved
from liquidwarp.mesh import smooth_over_surface, vertex_normals
from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.types import Camera


@dataclass(frozen=True, eq=False)
class LitView:
    """A photo of a surface, and its light.

    Attributes:
        vertices: as they stood in it.
        camera: that took it.
        seen: the vertices that it shows, and is asked for.
        light: in it.
    """

    vertices: Float[Tensor, "V 3"]
    camera: Camera
    seen: Bool[Tensor, "V"]
    light: Light


@dataclass(frozen=True, eq=False)
class LitSurface:
    """What is known of the light that a surface's pictures were taken in, and of the light that it is shown in.

    Attributes:
        normals: of its vertices in their photos, in level axes.
        taken: the light that their colours hold, as in `Light.at`.
        light: what it is shown in.
        most: logarithm of the most that light may add or take.
        still: cosine to which a vertex may turn from `normals` without a change; None where there is no such.
        turned: cosine from which all of the change shows.
    """

    normals: Float[Tensor, "V 3"]
    taken: Float[Tensor, "V 1"]
    light: Light
    most: float
    still: float | None
    turned: float

    def to(self, device: torch.device | str) -> "LitSurface":
        """Return it on another device."""
        return moved(self, device)

    def gain(self, normals: Float[Tensor, "V 3"], camera: Camera) -> Float[Tensor, "V C"]:
        """Return how much is added to the colours of each vertex, as a part of them; one for all colours, or three.

        It is exactly 0 for surface that looks at the camera as it did in its photo.

        Args:
            normals: of the vertices, in the world.
            camera: that looks at them.
        """
        now = normals @ level_axes(camera).T
        change = self.light.at(now) - self.taken
        if self.still is not None:
            alike = (now * self.normals).sum(-1, keepdim=True)
            part = ((self.still - alike) / (self.still - self.turned)).clamp(0, 1)
            change = change * (part * part * (3 - 2 * part))
        return change.clamp(-self.most, self.most).expm1()

    def shown_in(self, light: Light, most: float) -> "LitSurface":
        """Return the surface in another light, in which no vertex has to look as it did in its photo."""
        return replace(self, light=light, most=most, still=None)


def lit_surface(
    faces: Int[Tensor, "F 3"],
    regions: Int[Tensor, "V"],
    views: Sequence[LitView],
    *,
    tuning: LightTuning = LIGHT_TUNING,
) -> LitSurface:
    """Find in what light the colours of a surface were taken.

    What no photo shows has colours from all around its part of the body, so it is in that part's usual light; between
    both the light changes as slowly as those colours do.

    Args:
        faces: of the surface.
        regions: part of the body, or drape, of each vertex.
        views: its photos; the light of the first one is that of the room.
        tuning: how far light reaches.
    """
    normals, facing, taken = [], [], []
    for view in views:
        own = vertex_normals(view.vertices, faces)
        squarely = vertex_facing(view.vertices[None], faces, view.camera)[0]
        told = view.seen & (squarely > tuning.facing)
        normals.append(own @ level_axes(view.camera).T)
        facing.append(torch.where(told, squarely, -1.0))
        taken.append(view.light.at(normals[-1]))
    best = torch.stack(facing).argmax(0)
    rows = torch.arange(len(best))
    seen = torch.stack(facing)[best, rows] > 0
    found = torch.stack(taken)[best, rows]
    weight = torch.where(seen, torch.stack(facing)[best, rows], 0.0)
    usual = (weight[:, None] * found).sum(0) / weight.sum().clamp(min=1e-6)
    for region in regions.unique().tolist():
        own = regions == region
        total = weight[own].sum()
        mean = (weight[own, None] * found[own]).sum(0) / total if bool(total > 0) else usual
        found = torch.where((own & ~seen)[:, None], mean, found)
    smooth = smooth_over_surface(found.double().numpy(), faces.numpy(), steps=tuning.spread, fixed=seen.numpy())
    even = torch.from_numpy(smooth).to(found)
    return LitSurface(torch.stack(normals)[best, rows], even, views[0].light, tuning.most, tuning.still, tuning.turned)
