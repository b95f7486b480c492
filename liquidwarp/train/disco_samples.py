"""Samples for DisCo: frames of a clip, to be made of who is in another frame, of the background, and of drawings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow, SkeletonPoints, limb_map, person_window
from liquidwarp.nn.disco.network import clip_picture
from liquidwarp.nn.disco.sampling import TIMESTEPS
from liquidwarp.nn.disco.shape import LATENT_CHANNELS, DiscoShape
from liquidwarp.nn.disco.stages import DROPPED
from liquidwarp.train.batch import TargetTruth
from liquidwarp.train.clip_samples import KEPT, ClipSamples, DrawnClip

_SCALES = (0.9, 1.0)  # of the window, beside what it is at test time
_SINGLE_SCALES = (0.5, 1.0)  # the same where the reference is the target


@dataclass(frozen=True, eq=False)
class DiscoBatch:
    """Clips to denoise, and what they are made of.

    Attributes:
        foreground: who, as the encoder looks at it; zeros where it is left out.
        background: in [-1, 1], 0 where the person is.
        pose: drawings, in [0, 1].
        target: what the frames should be, in [-1, 1].
        noise: see `nn.disco.stages.DenoisingPass`; after the batch.
        timestep: how noisy.
        truth: of the last frame.
    """

    foreground: Float[Tensor, "B 3 P P"]
    background: Float[Tensor, "B 3 S S"]
    pose: Float[Tensor, "B T 3 S S"]
    target: Float[Tensor, "B T 3 S S"]
    noise: Float[Tensor, "B 3 T 4 h w"]
    timestep: Int[Tensor, " B"]
    truth: TargetTruth

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 S S"]:
        """The background, with its hole."""
        return self.background / 2 + 0.5

    @property
    def plain_alpha(self) -> Float[Tensor, "B S S"]:
        """Where the person is."""
        return self.truth.alpha

    @property
    def body_map(self) -> Float[Tensor, "B 3 S S"]:
        """The drawing of the last frame."""
        return self.pose[:, -1]


class DiscoSamples(ClipSamples[DrawnClip, DiscoBatch]):
    """Random frames of clips as tasks: made of the clip's first frame, as published, or of themselves.

    Args:
        count: how many clips there are.
        look: returns one by number.
        shape: of the network.
        frames: made together.
        single: whether the reference is the target itself, as in human-attribute pretraining.
        batch: samples a step; the foreground is left out of whole batches.
        varied: False leaves windows as they are and foregrounds in, for validation.
        seed: of the choice, of the noise too.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], DrawnClip],
        *,
        shape: DiscoShape,
        frames: int = 1,
        single: bool = False,
        batch: int = 1,
        varied: bool = True,
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        super().__init__(count, look, self._task, seed=seed, kept=kept)
        self._shape, self._frames, self._single = shape, frames, single
        self._batch, self._varied = batch, varied

    def _task(self, clip: DrawnClip, index: int, rng: np.random.Generator) -> DiscoBatch:
        if len(clip) < self._frames:
            raise InputError(f"it has {len(clip)} frames; {self._frames} are made together")
        first = int(rng.integers(len(clip) - self._frames + 1))
        frames = range(first, first + self._frames)
        reference = first if self._single else 0
        skeletons = [clip.skeleton(frame) for frame in frames]
        window = self._window(skeletons[0], clip.track.camera.size, rng)
        side, latent = self._shape.side, self._shape.latent_side
        foreground, background = self._reference(clip, reference, window)
        step = np.random.default_rng((self._seed, index // self._batch, 2))
        if self._varied and step.random() < DROPPED:
            foreground = torch.zeros_like(foreground)
        pictures = [window.cut(clip.picture(frame), (side, side)).clamp(0, 1) for frame in frames]
        noise = rng.standard_normal((1, 3, self._frames, LATENT_CHANNELS, latent, latent), np.float32)
        alpha = window.cut(clip.alpha(frames[-1]), (side, side)).clamp(0, 1)
        return DiscoBatch(
            foreground,
            background,
            torch.stack([limb_map(skeleton, window, side) for skeleton in skeletons])[None],
            2 * torch.stack(pictures)[None] - 1,
            torch.from_numpy(noise),
            torch.from_numpy(rng.integers(0, TIMESTEPS, 1)),
            TargetTruth.without_boxes(pictures[-1][None], alpha),
        )

    def _window(self, skeleton: SkeletonPoints, size: tuple[int, int], rng: np.random.Generator) -> CropWindow:
        whole = person_window(skeleton, size, 1.0)
        if not self._varied:
            return whole
        scale = rng.uniform(*(_SINGLE_SCALES if self._single else _SCALES))
        side = max(1, round(whole.height * scale))
        left, top = (int(rng.integers(whole.height - side + 1)) for _ in range(2))
        return CropWindow(whole.left + left, whole.top + top, side, side)

    def _reference(self, clip: DrawnClip, frame: int, window: CropWindow) -> tuple[Tensor, Tensor]:
        """Return foreground and background of a frame, seen through the target's window."""
        side = self._shape.side
        planes = torch.cat([clip.picture(frame), clip.alpha(frame)])
        whole = window.cut(planes, (window.height, window.width))[None]
        foreground = clip_picture(whole[:, :3], whole[:, 3:], self._shape.vision.side)
        seen = window.cut(planes, (side, side)).clamp(0, 1)[None]
        return foreground, (2 * seen[:, :3] - 1) * (1 - seen[:, 3:])
