"""Samples for few-shot vid2vid: sequences of a clip, to be made of other frames of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow, PartChart
from liquidwarp.methods.few_shot_vid2vid.inputs import LabelledView, Labeller, picture_flow
from liquidwarp.nn.few_shot_vid2vid.losses import LabelledPicture
from liquidwarp.nn.few_shot_vid2vid.sequence import SequenceFlow
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow, warp
from liquidwarp.train.batch import TargetTruth
from liquidwarp.train.clip_samples import KEPT, ClipSamples, DrawnClip, look_at_drawn
from liquidwarp.train.pairs import find_boxes
from liquidwarp.types import BodyTrack, Clip

_SCALES = (1.4 / 1.5, 1.6 / 1.5)  # of a window, beside what it is at test time
_SHIFT = 0.05 / 2  # of a window's sides
_STEPS = 4  # frames from one of a sequence to the next, at most


@dataclass(frozen=True)
class LengthSchedule:
    """How long sequences are at each step: single frames first, then two, which double.

    Attributes:
        single: steps on single frames.
        doubling: steps after which sequences double.
        longest: no sequence is longer.
    """

    single: int
    doubling: int
    longest: int

    def __call__(self, step: int) -> int:
        """Return the frames of a sequence."""
        if step < self.single:
            return 1
        doublings = min((step - self.single) // self.doubling, self.longest.bit_length())
        return min(self.longest, 2 ** (1 + doublings))


@dataclass(frozen=True, eq=False)
class FewShotBatch:
    """Sequences to draw, of examples.

    Attributes:
        labels: what the network is told of each frame.
        parts: DensePose's part of each pixel, head and all.
        pictures: what the frames should be, in [-1, 1].
        example_labels: of the examples.
        example_parts: of the same.
        examples: in [-1, 1].
        flow: the mesh's, between them.
        warped: the first example, warped by the mesh to the last frame, in [0, 1].
        truth: of the last frame.
    """

    labels: Float[Tensor, "B T L H W"]
    parts: Float[Tensor, "B T H W"]
    pictures: Float[Tensor, "B T 3 H W"]
    example_labels: Float[Tensor, "B K L H W"]
    example_parts: Float[Tensor, "B K H W"]
    examples: Float[Tensor, "B K 3 H W"]
    flow: SequenceFlow
    warped: Float[Tensor, "B 3 H W"]
    truth: TargetTruth

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 H W"]:
        """The first example, warped by the mesh."""
        return self.warped

    @property
    def plain_alpha(self) -> Float[Tensor, "B H W"]:
        """Where the body's mesh is in the last frame."""
        return (self.parts[:, -1] > 0).to(self.warped)

    @property
    def body_map(self) -> Float[Tensor, "B 3 H W"]:
        """The map of parts of the last frame."""
        return self.labels[:, -1, :3]

    def frame(self, number: int) -> LabelledPicture:
        """Return a frame as it should be."""
        return LabelledPicture(self.labels[:, number], self.parts[:, number], self.pictures[:, number])

    def example(self, chosen: Tensor) -> LabelledPicture:
        """Return one example of each sample, by its number."""
        index = torch.arange(len(chosen), device=chosen.device), chosen
        return LabelledPicture(self.example_labels[index], self.example_parts[index], self.examples[index])

    def flow_into(self, frame: int, chosen: Tensor) -> GivenFlow:
        """Return the mesh's flow from a frame into one example of each sample."""
        index = torch.arange(len(chosen), device=chosen.device), frame, chosen
        return GivenFlow(self.flow.reference[index], self.flow.reference_valid[index])

    def mirrored(self, *, enriched: bool) -> "FewShotBatch":
        """Return the same in a world mirrored left to right; labels are mirrored as pictures, as published.

        Args:
            enriched: whether labels hold normals, which turn.
        """
        flipped = {
            name: getattr(self, name).flip(-1)
            for name in ("labels", "parts", "pictures", "example_labels", "example_parts", "examples", "warped")
        }
        if enriched:
            for name in ("labels", "example_labels"):
                flipped[name][..., 3, :, :] *= -1
        turn = torch.tensor([-1.0, 1.0], dtype=torch.float32)[:, None, None]
        flow = SequenceFlow(
            self.flow.reference.flip(-1) * turn,
            self.flow.reference_valid.flip(-1),
            self.flow.previous.flip(-1) * turn,
            self.flow.previous_valid.flip(-1),
        )
        return FewShotBatch(**flipped, flow=flow, truth=self.truth.mirrored())

    def tinted(self, gains: Float[Tensor, "3"]) -> "FewShotBatch":
        """Return all pictures in another light: each colour channel times its gain."""
        own = gains[:, None, None]
        signed = {name: (getattr(self, name) + 1) * own - 1 for name in ("pictures", "examples")}
        return replace(self, **signed, warped=self.warped * own, truth=self.truth.tinted(gains))


@dataclass(frozen=True, eq=False)
class SequenceClip(DrawnClip):
    """Frames of a clip, and how the body stands in each.

    Attributes:
        chart: of the body.
        vertices: of the body in each frame.
    """

    chart: PartChart
    vertices: Float[Tensor, "T V 3"]

    def sample(
        self,
        frames: Sequence[int],
        examples: Sequence[int],
        size: tuple[int, int],
        *,
        enriched: bool,
        heads: bool = False,
        rng: np.random.Generator | None = None,
    ) -> FewShotBatch:
        """Return the task to draw frames in a row, of other frames, as a batch of one.

        Args:
            frames: to draw; all are seen through the first one's window.
            examples: others.
            size: (height, width) of the window's pictures.
            enriched: whether labels are the mesh-enriched ones.
            heads: leave heads in the examples' maps of parts.
            rng: varies the windows; None leaves them as they are.
        """
        labeller = Labeller(self.body, self.track.betas, size, enriched=enriched, chart=self.chart)
        window = self._window(labeller, frames[0], rng)
        shown = [self._view(labeller, frame, window) for frame in frames]
        given = [self._view(labeller, frame, self._window(labeller, frame, rng), heads) for frame in examples]
        known = [[picture_flow(view, source) for source in given] for view in shown]
        pictures = torch.stack([self._cut(frame, window, size) for frame in frames])
        sources = [self._cut(frame, view.window, size) for frame, view in zip(examples, given, strict=True)]
        last = known[-1][0]
        nothing = GivenFlow(torch.zeros_like(last.flow), torch.zeros_like(last.valid))
        before = [nothing, *(picture_flow(view, earlier) for earlier, view in pairwise(shown))]
        warped = (last.valid * (warp(sources[0][None], last.flow) + 1) / 2).clamp(0, 1)
        camera, vertices = shown[-1].camera, self.vertices[frames[-1]][None]
        truth = TargetTruth(
            pictures[-1:] / 2 + 0.5,
            window.cut(self.alpha(frames[-1]), size).clamp(0, 1),
            find_boxes(self.body, vertices, camera),
        )
        return FewShotBatch(
            torch.stack([view.label for view in shown])[None],
            torch.stack([view.parts for view in shown])[None],
            pictures[None],
            torch.stack([view.label for view in given])[None],
            torch.stack([view.parts for view in given])[None],
            torch.stack(sources)[None],
            SequenceFlow(
                torch.stack([torch.cat([flow.flow for flow in row]) for row in known])[None],
                torch.stack([torch.cat([flow.valid for flow in row]) for row in known])[None],
                torch.cat([flow.flow for flow in before])[None],
                torch.cat([flow.valid for flow in before])[None],
            ),
            warped,
            truth,
        )

    def _window(self, labeller: Labeller, frame: int, rng: np.random.Generator | None) -> CropWindow:
        window = labeller.window(self.pose(frame), self.track.camera)
        if rng is None:
            return window
        scale = rng.uniform(*_SCALES)
        right, down = rng.uniform(-_SHIFT, _SHIFT, 2).tolist()
        return window.scaled(scale, (right, down))

    def _view(self, labeller: Labeller, frame: int, window: CropWindow, head: bool = False) -> LabelledView:
        return labeller.look(self.pose(frame), self.vertices[frame], self.track.camera, window, face=head)

    def _cut(self, frame: int, window: CropWindow, size: tuple[int, int]) -> Float[Tensor, "3 H W"]:
        picture = torch.from_numpy(self.images[frame]).permute(2, 0, 1).float() / 127.5 - 1
        return window.cut(picture, size).clamp(-1, 1)


def look_at_sequence(
    clip: Clip,
    frames: int,
    *,
    chart: PartChart,
    track: BodyTrack | None = None,
    body: BodyModel | None = None,
) -> SequenceClip:
    """Find out how the body stands in frames of a clip.

    Args:
        clip: the clip.
        frames: how many, evenly spaced.
        chart: of the body.
        track: the body as a product would know it; the clip's own by default.
        body: the body of the track; by default `load_body(track.body)`.
    """
    seen = look_at_drawn(clip, frames, track=track, body=body)
    part, body = seen.track, seen.body
    with torch.no_grad():
        vertices = body.vertices(body.identity(part.betas), part.global_orient, part.body_pose, part.transl)
    return SequenceClip(seen.images, seen.alphas, part, body, chart, vertices)


class FewShotSamples(ClipSamples[SequenceClip, FewShotBatch]):
    """Random sequences of clips as tasks.

    Args:
        count: how many clips there are.
        look: returns one by number.
        size: (height, width) of the pictures.
        photos: examples of each sample.
        enriched: whether labels are the mesh-enriched ones.
        heads: leave heads in the examples' maps of parts, as imaginaire does.
        length: frames of the sequences of each step.
        batch: samples a step.
        mirror: whether to mirror half of the samples.
        tint: strongest darkening of a colour channel.
        varied: False leaves windows, sides and light as they are, for validation.
        seed: of the choice.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], SequenceClip],
        *,
        size: tuple[int, int],
        photos: int = 1,
        enriched: bool = False,
        heads: bool = False,
        length: Callable[[int], int] = lambda _: 1,
        batch: int = 1,
        mirror: bool = True,
        tint: float = 0.2,
        varied: bool = True,
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        super().__init__(count, look, self._task, seed=seed, kept=kept)
        self._size, self._photos, self._enriched, self._heads = size, photos, enriched, heads
        self._length, self._batch = length, batch
        self._mirror, self._tint, self._varied = mirror, tint, varied

    def _task(self, clip: SequenceClip, index: int, rng: np.random.Generator) -> FewShotBatch:
        length = self._length(index // self._batch)
        if len(clip) < length + self._photos:
            raise InputError(
                f"it has {len(clip)} frames; {length + self._photos} are needed, for a sequence of {length} and "
                f"{self._photos} examples"
            )
        most = _STEPS if length == 1 else min(_STEPS, (len(clip) - self._photos - 1) // (length - 1))
        step = int(rng.integers(1, max(most, 1) + 1))
        start = int(rng.integers(len(clip) - step * (length - 1)))
        frames = list(range(start, start + step * length, step))[:length]
        others = [frame for frame in range(len(clip)) if frame not in frames]
        examples = rng.choice(others, self._photos, replace=False).tolist()
        vary = rng if self._varied else None
        batch = clip.sample(frames, examples, self._size, enriched=self._enriched, heads=self._heads, rng=vary)
        if not self._varied:
            return batch
        if self._mirror and rng.random() < 0.5:
            batch = batch.mirrored(enriched=self._enriched)
        return batch.tinted(torch.from_numpy(1 - self._tint * rng.random(3).astype(np.float32)))
