"""Samples for the published generators: pictures of one clip, one of them made of others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import InputError
from liquidwarp.flow import mesh_flow, project_normalized, visibility, warp
from liquidwarp.methods.liquid import background_input, body_chart, texture_code
from liquidwarp.nn.liquid import BackgroundInput, ChartedPicture
from liquidwarp.nn.planes import PhotoFlow, joined
from liquidwarp.raster import rasterize
from liquidwarp.train.batch import TargetTruth
from liquidwarp.train.clip_samples import KEPT, ClipFrames, ClipSamples, look_at_drawn
from liquidwarp.train.pairs import find_boxes
from liquidwarp.types import BodyTrack, Clip, Fragments


@dataclass(frozen=True, eq=False)
class LiquidBatch:
    """Pictures to make of others: what a published generator takes, and what it should answer.

    Attributes:
        background: the first photo without the person, axes B and M of one.
        source: the photos' person and the map of the body, axes B and N.
        transfer: photos warped to the target and the map there, axes B and T of one.
        flow: from each target into its photos.
        photo: the photos as they are, in [0, 1].
        photo_alpha: where the person is in them.
        warped: the warped photos, in [0, 1]; 0 where no photo shows the surface.
        body_mask: 1 where the body's mesh is.
        truth: what the targets should be.
    """

    background: BackgroundInput
    source: ChartedPicture
    transfer: ChartedPicture
    flow: PhotoFlow
    photo: Float[Tensor, "B N 3 H W"]
    photo_alpha: Float[Tensor, "B N H W"]
    warped: Float[Tensor, "B 3 H W"]
    body_mask: Float[Tensor, "B H W"]
    truth: TargetTruth

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 H W"]:
        """The warped photos over the first photo as it is."""
        return self.warped + (1 - self.body_mask[:, None]) * self.photo[:, 0]

    @property
    def plain_alpha(self) -> Float[Tensor, "B H W"]:
        """Where the body's mesh is."""
        return self.body_mask

    @property
    def body_map(self) -> Float[Tensor, "B 3 H W"]:
        """Each visible face's texture coordinates, and 1 where there is no body."""
        return self.transfer.chart[:, 0]


@dataclass(frozen=True, eq=False)
class SeenClip(ClipFrames):
    """A clip and what each of its frames shows of the body.

    Attributes:
        fragments: of the body, a batch of all frames.
        xy: places of the vertices, source normalised coordinates.
        shown: faces that each frame shows.
        faces: the mesh.
        code: of each face in the body's map.
        boxes: around parts of the body, as `train.batch.BOXES` names them.
    """

    fragments: Fragments
    xy: Float[Tensor, "T V 2"]
    shown: Bool[Tensor, "T F"]
    faces: Int[Tensor, "F 3"]
    code: Float[Tensor, "F 2"]
    boxes: Float[Tensor, "T K 4"]

    def sample(self, target: int, sources: Sequence[int]) -> LiquidBatch:
        """Return the task to make one frame of others, as a batch of one."""
        own = _one(self.fragments, target)
        colors, charts, flows = [], [], []
        for frame in sources:
            colors.append((2 * self.picture(frame) - 1) * self.alpha(frame))
            charts.append(body_chart(self.code, _one(self.fragments, frame)))
            where = self.xy[frame : frame + 1]
            flows.append(mesh_flow(own, self.faces, where, face_visible=self.shown[frame : frame + 1]))
        warped, rendered = (
            torch.zeros(3, *own.mask.shape[1:], dtype=torch.float32),
            torch.zeros(3, *own.mask.shape[1:], dtype=torch.float32),
        )
        for color, flow in reversed(list(zip(colors, flows, strict=True))):  # the first photo wins
            moved = warp(color[None], flow)[0]
            warped = torch.where(flow.valid, moved, warped)
            rendered = torch.where(flow.valid, (moved + 1) / 2, rendered)
        first = self.picture(sources[0])
        chart = body_chart(self.code, own)
        return LiquidBatch(
            background_input(2 * first - 1, self.alpha(sources[0])),
            ChartedPicture(torch.stack(colors)[None], torch.stack(charts)[None]),
            ChartedPicture(warped[None, None], chart[None, None]),
            PhotoFlow(
                torch.stack([flow.grid[0] for flow in flows])[None],
                torch.stack([flow.valid[0] for flow in flows])[None],
            ),
            torch.stack([self.picture(frame) for frame in sources])[None],
            torch.cat([self.alpha(frame) for frame in sources])[None],
            rendered[None],
            own.mask.float(),
            TargetTruth(self.picture(target)[None], self.alpha(target), self.boxes[target : target + 1]),
        )


def look_at_clip(
    clip: Clip,
    size: tuple[int, int],
    frames: int,
    *,
    track: BodyTrack | None = None,
    body: BodyModel | None = None,
) -> SeenClip:
    """Find out what frames of a clip show of the body.

    Args:
        clip: the clip.
        size: (height, width) to work at; whole frames are brought to it.
        frames: how many, evenly spaced.
        track: the body as a product would know it; the clip's own by default.
        body: the body of the track; by default `load_body(track.body)`.

    Raises:
        InputError: a body without texture coordinates.
    """
    seen = look_at_drawn(clip, frames, track=track, body=body)
    part, body = seen.track, seen.body
    camera = part.camera.resized(size)
    with torch.no_grad():
        vertices = body.vertices(body.identity(part.betas), part.global_orient, part.body_pose, part.transl)
    faces = body.topology.faces
    return SeenClip(
        _resized(seen.images, size),
        _resized(seen.alphas[..., None], size)[..., 0],
        rasterize(vertices, faces, camera),
        project_normalized(camera, vertices)[0],
        visibility(vertices, faces, camera).face,
        faces,
        texture_code(body),
        find_boxes(body, vertices, camera),
    )


class LiquidSamples(ClipSamples[SeenClip, LiquidBatch]):
    """Random frames of clips as tasks.

    Args:
        count: how many clips there are.
        look: returns one by number.
        photos: sources of each sample.
        neighbours: let each sample be two successive frames made of the same sources.
        seed: of the choice.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], SeenClip],
        *,
        photos: int = 1,
        neighbours: bool = False,
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        super().__init__(count, look, self._task, seed=seed, kept=kept)
        self._photos, self._neighbours = photos, neighbours

    def _task(self, clip: SeenClip, index: int, rng: np.random.Generator) -> LiquidBatch:
        if len(clip) <= self._photos:
            raise InputError(f"it has {len(clip)} frames; {self._photos + 1} are needed")
        if self._neighbours:
            return _neighbours(clip, self._photos, rng)
        target, *sources = rng.permutation(len(clip))[: 1 + self._photos].tolist()
        return clip.sample(target, sources)


def _neighbours(clip: SeenClip, photos: int, rng: np.random.Generator) -> LiquidBatch:
    target = int(rng.integers(len(clip) - 1))
    others = [frame for frame in range(len(clip)) if frame not in (target, target + 1)] or [target]
    sources = rng.choice(others, photos, replace=len(others) < photos).tolist()
    return joined([clip.sample(frame, sources) for frame in (target, target + 1)])


def _one(fragments: Fragments, frame: int) -> Fragments:
    only = slice(frame, frame + 1)
    return Fragments(fragments.face_index[only], fragments.bary[only], fragments.depth[only])


def _resized(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if pictures.shape[1:3] == size:
        return pictures
    planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    smaller = interpolate(planes, size=size, mode="bilinear", align_corners=False, antialias=True)
    return smaller.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
