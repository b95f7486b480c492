"""Samples for DisCo: frames of a clip, to be made of who is in another frame, of the background, and of drawings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow, body_skeleton, limb_map, person_window
from liquidwarp.nn.disco.network import clip_picture
from liquidwarp.nn.disco.sampling import TIMESTEPS
from liquidwarp.nn.disco.shape import LATENT_CHANNELS, DiscoShape
from liquidwarp.nn.disco.stages import DROPPED
from liquidwarp.train.batch import BOXES, TargetTruth
from liquidwarp.train.clip_samples import KEPT, ClipSamples
from liquidwarp.types import BodyTrack, Clip, Pose

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


@dataclass(frozen=True, eq=False)
class DrawnClip:
    """Frames of a clip, and how the body stands in each.

    Attributes:
        images: the frames.
        alphas: how much of each pixel is the person, 0 to 255.
        track: of the frames.
        body: of the track.
    """

    images: UInt8[np.ndarray, "T H W 3"]
    alphas: UInt8[np.ndarray, "T H W"]
    track: BodyTrack
    body: BodyModel

    def __len__(self) -> int:
        return len(self.images)

    def pose(self, frame: int) -> Pose:
        """Return how the body stands in a frame."""
        track = self.track
        return Pose(track.global_orient[frame], track.body_pose[frame], track.transl[frame])


def look_at_drawn(
    clip: Clip, frames: int, *, track: BodyTrack | None = None, body: BodyModel | None = None
) -> DrawnClip:
    """Take frames of a clip.

    Args:
        clip: the clip.
        frames: how many, evenly spaced.
        track: the body as a product would know it; the clip's own by default.
        body: the body of the track; by default `load_body(track.body)`.
    """
    track = track or clip.track
    chosen = np.linspace(0, len(clip) - 1, min(frames, len(clip))).round().astype(int).tolist()
    images, alphas = (np.stack([of[frame] for frame in chosen]) for of in (clip.images, clip.alphas))
    return DrawnClip(images, alphas, track[chosen], body or load_body(track.body))


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
        self._batch, self._varied, self._start = batch, varied, seed

    def _task(self, clip: DrawnClip, index: int, rng: np.random.Generator) -> DiscoBatch:
        if len(clip) < self._frames:
            raise InputError(f"it has {len(clip)} frames; {self._frames} are made together")
        first = int(rng.integers(len(clip) - self._frames + 1))
        frames = range(first, first + self._frames)
        reference = first if self._single else 0
        window = self._window(clip, frames, rng)
        side, latent = self._shape.side, self._shape.latent_side
        foreground, background = self._reference(clip, reference, window)
        step = np.random.default_rng((self._start, index // self._batch, 2))
        if self._varied and step.random() < DROPPED:
            foreground = torch.zeros_like(foreground)
        poses = [self._drawing(clip, frame, window) for frame in frames]
        pictures = [window.cut(_planes(clip.images[frame]), (side, side)).clamp(0, 1) for frame in frames]
        noise = rng.standard_normal((1, 3, self._frames, LATENT_CHANNELS, latent, latent), np.float32)
        alpha = window.cut(_planes(clip.alphas[frames[-1]][..., None]), (side, side)).clamp(0, 1)
        return DiscoBatch(
            foreground,
            background,
            torch.stack(poses)[None],
            2 * torch.stack(pictures)[None] - 1,
            torch.from_numpy(noise),
            torch.from_numpy(rng.integers(0, TIMESTEPS, 1)),
            TargetTruth(pictures[-1][None], alpha, torch.zeros(1, len(BOXES), 4, dtype=torch.float32)),
        )

    def _window(self, clip: DrawnClip, frames: Sequence[int], rng: np.random.Generator) -> CropWindow:
        camera = clip.track.camera
        whole = person_window(
            body_skeleton(clip.body, clip.track.betas, clip.pose(frames[0]), camera), camera.size, 1.0
        )
        if not self._varied:
            return whole
        scale = rng.uniform(*(_SINGLE_SCALES if self._single else _SCALES))
        side = max(1, round(whole.height * scale))
        left, top = (int(rng.integers(whole.height - side + 1)) for _ in range(2))
        return CropWindow(whole.left + left, whole.top + top, side, side)

    def _reference(self, clip: DrawnClip, frame: int, window: CropWindow) -> tuple[Tensor, Tensor]:
        """Return foreground and background of a frame, seen through the target's window."""
        side = self._shape.side
        planes = torch.cat([_planes(clip.images[frame]), _planes(clip.alphas[frame][..., None])])
        whole = window.cut(planes, (window.height, window.width))[None]
        foreground = clip_picture(whole[:, :3], whole[:, 3:], self._shape.vision.side)
        seen = window.cut(planes, (side, side)).clamp(0, 1)[None]
        return foreground, (2 * seen[:, :3] - 1) * (1 - seen[:, 3:])

    def _drawing(self, clip: DrawnClip, frame: int, window: CropWindow) -> Tensor:
        skeleton = body_skeleton(clip.body, clip.track.betas, clip.pose(frame), clip.track.camera)
        return limb_map(skeleton, window, self._shape.side)


def _planes(picture: UInt8[np.ndarray, "H W C"]) -> Float[Tensor, "C H W"]:
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255
