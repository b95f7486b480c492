"""Samples for PG2, DSC and SHUP: a frame of a clip, to be made of another one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.methods.pose_transfer.inputs import pose_joints, shared_window, transfer_window
from liquidwarp.nn.baselines.pose_transfer import pose_region
from liquidwarp.train.batch import TargetTruth
from liquidwarp.train.clip_samples import KEPT, ClipSamples, DrawnClip

_SCALES = (0.95, 1.1)  # of a window, beside what it is at test time
_TURNED = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16, 18]  # joints of a mirrored body


@dataclass(frozen=True, eq=False)
class PoseTransferBatch:
    """Photos, and the poses to show their people in.

    Attributes:
        source: the photos, in [-1, 1].
        source_joints: see `nn.baselines.pose_transfer`.
        target_joints: of the wanted poses.
        region: where PG2's loss looks twice.
        chance: what dropout is drawn from, so that a resumed training draws the same.
        truth: what the pictures should be.
    """

    source: Float[Tensor, "B 3 H W"]
    source_joints: Float[Tensor, "B 19 3"]
    target_joints: Float[Tensor, "B 19 3"]
    region: Float[Tensor, "B H W"]
    chance: Int[Tensor, " B"]
    truth: TargetTruth

    @property
    def plain_picture(self) -> Float[Tensor, "B 3 H W"]:
        """The photo as it is."""
        return self.source / 2 + 0.5

    @property
    def plain_alpha(self) -> Float[Tensor, "B H W"]:
        """Where the person is."""
        return self.truth.alpha

    @property
    def body_map(self) -> Float[Tensor, "B 3 H W"]:
        """Where the wanted pose's limbs are."""
        return self.region[:, None].expand(-1, 3, -1, -1)

    def mirrored(self) -> "PoseTransferBatch":
        """Return the same in a world mirrored left to right; the left hand becomes the right one."""
        return replace(
            self,
            source=self.source.flip(-1),
            source_joints=self._turned(self.source_joints),
            target_joints=self._turned(self.target_joints),
            region=self.region.flip(-1),
            truth=self.truth.mirrored(),
        )

    def tinted(self, gains: Float[Tensor, "3"]) -> "PoseTransferBatch":
        """Return all pictures in another light: each colour channel times its gain."""
        source = (self.source + 1) * gains[:, None, None] - 1
        return replace(self, source=source, truth=self.truth.tinted(gains))

    def _turned(self, joints: Float[Tensor, "B 19 3"]) -> Float[Tensor, "B 19 3"]:
        turned = joints[:, _TURNED].clone()
        turned[..., 0] = self.source.shape[-1] - 1 - turned[..., 0]
        return turned


class PoseTransferSamples(ClipSamples[DrawnClip, PoseTransferBatch]):
    """Random pairs of a clip's frames as tasks.

    Args:
        count: how many clips there are.
        look: returns one by number.
        size: (height, width) of the pictures.
        mirror: whether to mirror half of the samples.
        tint: strongest darkening of a colour channel.
        varied: False leaves windows, sides and light as they are, for validation.
        seed: of the choice.
        kept: how many clips stay in memory.
    """

    def __init__(
        self,
        count: int,
        look: Callable[[int], DrawnClip],
        *,
        size: tuple[int, int],
        mirror: bool = True,
        tint: float = 0.2,
        varied: bool = True,
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        super().__init__(count, look, self._task, seed=seed, kept=kept)
        self._size, self._mirror, self._tint, self._varied = size, mirror, tint, varied

    def _task(self, clip: DrawnClip, index: int, rng: np.random.Generator) -> PoseTransferBatch:
        if len(clip) < 2:
            raise InputError("it has a single frame; one is made of another")
        source, target = rng.permutation(len(clip))[:2].tolist()
        camera, betas, aspect = clip.track.camera, clip.track.betas, self._size[1] / self._size[0]
        skeletons = [clip.skeleton(frame) for frame in (source, target)]
        home = transfer_window(skeletons[0], camera.size, aspect)
        if self._varied:
            home = home.scaled(rng.uniform(*_SCALES))
        windows = home, shared_window(home, camera.size, skeletons[1], camera.size, aspect)
        joints, pictures = [], []
        for frame, window in zip((source, target), windows, strict=True):
            near = window.camera(camera, self._size)
            joints.append(pose_joints(clip.body, betas, clip.pose(frame), near)[None])
            pictures.append(window.cut(clip.picture(frame), self._size).clamp(0, 1)[None])
        batch = PoseTransferBatch(
            2 * pictures[0] - 1,
            joints[0],
            joints[1],
            pose_region(joints[1], size=self._size),
            torch.tensor([index]),
            TargetTruth.without_boxes(pictures[1], windows[1].cut(clip.alpha(target), self._size).clamp(0, 1)),
        )
        if not self._varied:
            return batch
        if self._mirror and rng.random() < 0.5:
            batch = batch.mirrored()
        return batch.tinted(torch.from_numpy(1 - self._tint * rng.random(3).astype(np.float32)))
