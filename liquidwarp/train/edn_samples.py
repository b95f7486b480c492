"""Samples for Everybody Dance Now: two successive frames of a clip, and their drawings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.errors import InputError
from liquidwarp.methods.edn.inputs import face_corner, pose_drawing
from liquidwarp.train.batch import TargetTruth
from liquidwarp.train.clip_samples import KEPT, ClipSamples, DrawnClip


@dataclass(frozen=True, eq=False)
class EdnBatch:
    """Pairs of successive frames.

    Attributes:
        poses: drawings in [0, 1].
        pictures: what the frames should be, in [-1, 1].
        corners: top and left of the first frames' faces, which stand for both frames, as published; negative for none.
        truth: of the second frames.
    """

    poses: Float[Tensor, "B 2 3 H W"]
    pictures: Float[Tensor, "B 2 3 H W"]
    corners: Int[Tensor, "B 2"]
    truth: TargetTruth

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 H W"]:
        """The drawing."""
        return self.poses[:, 1]

    @property
    def plain_alpha(self) -> Float[Tensor, "B H W"]:
        """Where the person is."""
        return self.truth.alpha

    @property
    def body_map(self) -> Float[Tensor, "B 3 H W"]:
        """The drawing."""
        return self.poses[:, 1]


class EdnSamples(ClipSamples[DrawnClip, EdnBatch]):
    """Random pairs of successive frames, as whole pictures and as they are: nothing is varied in one person's clip.

    Args:
        count: how many clips there are.
        look: returns one by number.
        size: (height, width) of the pictures.
        seed: of the choice.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], DrawnClip],
        *,
        size: tuple[int, int],
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        super().__init__(count, look, self._task, seed=seed, kept=kept)
        self._size = size

    def _task(self, clip: DrawnClip, index: int, rng: np.random.Generator) -> EdnBatch:
        if len(clip) < 2:
            raise InputError("it has a single frame; two that follow each other are needed")
        first = int(rng.integers(len(clip) - 1))
        camera, size = clip.track.camera, self._size
        skeletons = [clip.skeleton(frame) for frame in (first, first + 1)]
        planes = torch.from_numpy(clip.images[first : first + 2]).permute(0, 3, 1, 2).float() / 255
        alphas = torch.from_numpy(clip.alphas[first + 1])[None, None].float() / 255
        pictures, alpha = (
            interpolate(each, size=size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
            for each in (planes, alphas)
        )
        return EdnBatch(
            torch.stack([pose_drawing(skeleton, camera.size, size) for skeleton in skeletons])[None],
            2 * pictures[None] - 1,
            torch.tensor([face_corner(skeletons[0], camera.size, size, size[0] // 4)]),
            TargetTruth.without_boxes(pictures[1:], alpha[0]),
        )
