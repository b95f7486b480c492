"""What few-shot vid2vid is told of a person: labels of photos and targets, and the mesh's flow between them.

There are two kinds, which are never mixed. Weights as published are told what they were trained on: the map of the
body's parts and the drawing of the skeleton; flow they compute. Mesh-enriched ones are told the map of parts, head and
all, and the body's normals, and are given the mesh's flow.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import grid_sample

from liquidwarp.bodies import BodyModel
from liquidwarp.flow import mesh_flow, project_normalized, visibility
from liquidwarp.geometry import same_view
from liquidwarp.labels import (
    CropWindow,
    PartChart,
    SkeletonPoints,
    body_skeleton,
    draw_skeleton,
    foreground_of,
    mesh_label,
    part_chart,
    part_map,
    person_window,
    strict_label,
)
from liquidwarp.labels.parts import AROUND
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera, Fragments, Pose

_HIGH = 512  # pixels of the windows that `AROUND` is of


@dataclass(frozen=True, eq=False)
class LabelledView:
    """A window of a picture and what it shows of the body.

    Attributes:
        window: of the picture.
        full: the camera of the whole picture.
        camera: of the window, at the network's size.
        label: what the network is told.
        parts: DensePose's part of each pixel, head and all; 0 for the background.
        fragments: of the body in the window.
        vertices: of the body.
        faces: of the mesh, the same for all views.
    """

    window: CropWindow
    full: Camera
    camera: Camera
    label: Float[Tensor, "6 H W"]
    parts: Float[Tensor, "H W"]
    fragments: Fragments
    vertices: Float[Tensor, "V 3"]
    faces: Tensor

    @cached_property
    def shown(self) -> Bool[Tensor, "F"]:
        """Which faces of the body the window shows; found when it is first asked for."""
        return visibility(self.vertices[None], self.faces, self.camera).face[0]

    @cached_property
    def places(self) -> Float[Tensor, "1 V 2"]:
        """Where the window shows the vertices, normalised; found when it is first asked for."""
        return project_normalized(self.camera, self.vertices[None])[0]

    @cached_property
    def covered(self) -> Float[Tensor, "1 1 H W"]:
        """1 on the body and some pixels around it; found when it is first asked for."""
        around = 2 * round(AROUND * self.parts.shape[0] / _HIGH / 2) + 1
        return foreground_of(self.parts[None], around=around)


class Labeller:
    """Labels pictures of one body.

    Args:
        body: whose; on the device where labels are wanted.
        betas: the person's shape.
        size: (height, width) that the network looks at.
        enriched: whether labels are the mesh-enriched ones.
        chart: of the body; computed by default.
    """

    def __init__(
        self,
        body: BodyModel,
        betas: Float[Tensor, "K"],
        size: tuple[int, int],
        *,
        enriched: bool,
        chart: PartChart | None = None,
    ) -> None:
        self._body, self._betas, self.size, self.enriched = body, betas, size, enriched
        self._chart = (chart or part_chart(body.to("cpu"))).to(betas.device)

    def skeleton(self, pose: Pose, camera: Camera) -> SkeletonPoints:
        """Return the skeleton as a camera sees it."""
        return body_skeleton(self._body, self._betas, pose, camera)

    def window(self, pose: Pose, camera: Camera) -> CropWindow:
        """Return the window around the person in a camera's picture; in its middle where nobody is in it."""
        return person_window(self.skeleton(pose, camera), camera.size, self.size[1] / self.size[0])

    def look(
        self, pose: Pose, vertices: Float[Tensor, "V 3"], camera: Camera, window: CropWindow, *, face: bool = False
    ) -> LabelledView:
        """Return what a window of a camera's picture shows.

        Args:
            pose: how the body stands.
            vertices: the same, clothed.
            camera: of the whole picture.
            window: of it.
            face: leave the head in the map of parts; mesh-enriched labels always do.
        """
        near = window.camera(camera, self.size)
        fragments = rasterize(vertices[None], self._body.topology.faces, near)
        parts = part_map(self._chart, fragments)
        if self.enriched:
            label = mesh_label(parts, fragments, vertices, self._body.topology.faces, near)
        else:
            drawn = draw_skeleton(self.skeleton(pose, near), self.size)
            drawing = torch.from_numpy(drawn).to(vertices.device).permute(2, 0, 1).float()
            label = strict_label(parts, drawing, face=face)
        return LabelledView(window, camera, near, label, parts[2], fragments, vertices, self._body.topology.faces)


def picture_flow(target: LabelledView, source: LabelledView) -> GivenFlow:
    """Return where the pixels of a target lie in a source: on the body by the mesh; where the same camera looks, beside
    it by the place.
    """
    flow = mesh_flow(target.fragments, target.faces, source.places, face_visible=source.shown[None])
    body = target.fragments.mask[0]
    grid, valid = flow.grid[0], flow.valid[0]
    if same_view(target.full, source.full):
        beside = _window_grid(target, source)
        inside = (beside.abs() <= 1).all(-1)
        free = grid_sample(source.covered, beside[None], mode="nearest", align_corners=False)[0, 0] == 0
        grid = torch.where(body[..., None], grid, beside)
        valid = torch.where(body, valid, inside & free)
    else:
        valid = valid & body
    height, width = body.shape
    rows, columns = (torch.arange(side, device=grid.device, dtype=grid.dtype) for side in (height, width))
    x = (grid[..., 0] + 1) * width / 2 - 0.5 - columns
    y = (grid[..., 1] + 1) * height / 2 - 0.5 - rows[:, None]
    moved = torch.where(valid, torch.stack([x, y]), 0.0)
    return GivenFlow(moved[None], valid[None, None].to(moved))


def _window_grid(target: LabelledView, source: LabelledView) -> Float[Tensor, "H W 2"]:
    """Return the place of each pixel of the target's window in the source's window, normalised."""
    height, width = target.fragments.mask.shape[1:]
    scale = np.array(source.full.size) / np.array(target.full.size)
    here, there, device = target.window, source.window, target.vertices.device
    columns = (here.left + (torch.arange(width, device=device) + 0.5) * (here.width / width)) * float(scale[1])
    rows = (here.top + (torch.arange(height, device=device) + 0.5) * (here.height / height)) * float(scale[0])
    x, y = 2 * (columns - there.left) / there.width - 1, 2 * (rows - there.top) / there.height - 1
    return torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)], -1).float()
