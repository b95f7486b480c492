"""A tiny generator, made-up pairs and a made-up clip, for tests of training."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from liquidwarp.geometry import default_camera
from liquidwarp.nn.compact import SourceInput, TransferInput
from liquidwarp.nn.planes import PhotoFlow
from liquidwarp.testing import toy_body
from liquidwarp.train.clip_samples import DrawnClip
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.objective import CompactObjective, build_discriminator
from liquidwarp.train.pairs import PairClip
from liquidwarp.types import BodyTrack

SIZE = (48, 32)
BOXES = np.float32([[10, 10, 20, 22], [8, 8, 24, 40], [10, 8, 20, 24], [8, 24, 12, 30], [0, 0, 0, 0]])


def pair_clip(seed: int = 0, *, frames: int = 3, size: tuple[int, int] = SIZE) -> PairClip:
    """A clip of noise in the shape of a box; the truth is half as bright as the renderer's picture."""
    rng = np.random.default_rng(seed)
    height, width = size

    def noise(*shape: int) -> np.ndarray:
        return rng.integers(0, 256, shape, dtype=np.uint8)

    outline = np.zeros((frames, height, width), np.uint8)
    outline[:, 8:-8, 8:-8] = 255
    rendered = np.concatenate([noise(frames, height, width, 3), outline[..., None]], -1)
    rendered[..., :3] = rendered[..., :3] * (outline[..., None] // 255)
    background = noise(height, width, 3)
    darker = np.where(outline[..., None] > 0, rendered[..., :3] // 2, background)
    return PairClip(
        rendered=rendered,
        background=background,
        target=np.concatenate([darker, outline[..., None]], -1),
        normals=rng.integers(-127, 128, (frames, height, width, 3)).astype(np.int8),
        kinds=np.where(outline > 0, 5, 0).astype(np.uint8),
        grid=rng.uniform(-1, 1, (frames, height, width, 2)).astype(np.float16),
        source=noise(height, height, 4),
        source_normals=rng.integers(-127, 128, (height, height, 3)).astype(np.int8),
        boxes=np.tile(BOXES, (frames, 1, 1)),
    )


def pair_folder(folder: Path, clips: int = 4) -> Path:
    """Write clips of pairs."""
    for number in range(clips):
        pair_clip(number).save(folder / f"clip{number}.safetensors")
    return folder


def turning_clip(frames: int, turn: float) -> DrawnClip:
    """A toy person who turns by so many radians a frame, before noise; the pictures show nothing of it."""
    body, size = toy_body(), (96, 96)
    canonical = torch.zeros(frames, 22, 3)
    canonical[:, 0, 1] = turn * torch.arange(frames)
    orient, pose = body.expand_pose(canonical)
    track = BodyTrack(
        "toy",
        betas=torch.zeros(body.num_betas),
        global_orient=orient,
        body_pose=pose,
        transl=torch.tensor([[0.0, 0.1, 3.2]]).repeat(frames, 1),
        camera=default_camera(size),
        fps=25.0,
        confidence=torch.ones(frames),
        observed=torch.ones(frames, dtype=torch.bool),
        detector="toy",
        version="0",
    )
    images = np.random.default_rng(0).integers(0, 256, (frames, 12, 12, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    return DrawnClip(images, np.full((frames, *size), 255, np.uint8), track, body)


def tiny_config(folder: Path | str = "", *more: str) -> Config:
    """A configuration that trains in milliseconds."""
    settings = [
        f"data.path='{folder}'",
        "data.size=[48, 32]",
        "data.source_size=[32, 32]",
        "data.held_out=4",
        "data.workers=0",
        "model.widths=[8, 8, 8, 8]",
        "model.discriminator_width=4",
        "train.steps=6",
        "train.batch=2",
        "train.warmup=2",
        "train.device=cpu",
        "train.precision=float32",
        "log.every=1",
        "log.pictures=3",
        "log.samples=2",
    ]
    return load_config(None, [*settings, *more])


class TinyGenerator(nn.Module):
    """One convolution."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layer = nn.Conv2d(13, 4, 3, padding=1)

    def forward(self, transfer: TransferInput, source: SourceInput, flow: PhotoFlow) -> tuple[Tensor, Tensor]:
        answer = self.layer(transfer.stacked())
        return transfer.rendered + 0.1 * answer[:, :3], torch.sigmoid(answer[:, 3] + 4 * transfer.alpha - 2)


def tiny_objective(config: Config) -> CompactObjective:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        critic = build_discriminator(config)
    return CompactObjective(TinyGenerator(), config.loss, critic)
