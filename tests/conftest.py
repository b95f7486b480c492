from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liquidwarp.bodies import BODIES
from liquidwarp.testing import toy_body

BODIES["toy"] = toy_body  # so that files may name it


@pytest.fixture
def generator() -> torch.Generator:
    """A random generator with a fixed seed, fresh for every test."""
    return torch.Generator().manual_seed(0)


@dataclass(frozen=True)
class Sources:
    """Small files made of the demo's: quick to work with, and never written to."""

    folder: Path
    photo: Path
    two: Path
    nobody: Path
    motion: Path
    track: Path


@pytest.fixture(scope="session")
def dance() -> list[np.ndarray]:
    """The first frames of the demo's motion."""
    from liquidwarp.demo import asset
    from liquidwarp.media import open_video

    return [frame for _, frame in zip(range(6), open_video(asset("motion.mp4")), strict=False)]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory, dance: list[np.ndarray]) -> Sources:
    """A photo of one person, one of two, one of nobody, a motion and its true track."""
    from liquidwarp.demo import asset
    from liquidwarp.media import write_image, write_video
    from liquidwarp.types import BodyTrack

    folder = tmp_path_factory.mktemp("sources")
    names = ("photo.png", "two.png", "nobody.png", "motion.mp4", "track.npz")
    found = Sources(folder, *(folder / name for name in names))
    woman, man = (
        np.array(Image.open(asset(f"{name}.jpg")).resize((256, 320))) for name in ("woman_stripes", "man_jacket")
    )
    write_image(found.photo, woman)
    write_image(found.two, np.hstack([man[:, 30:-30], woman]))
    write_image(found.nobody, np.full((200, 160, 3), (90, 120, 90), np.uint8))
    write_video(dance, found.motion, fps=25)
    BodyTrack.load(asset("motion_truth.npz"))[: len(dance)].save(found.track)
    return found


@pytest.fixture(scope="session")
def encoded(sources: Sources) -> object:
    """The person of `sources.photo`."""
    from liquidwarp.tasks import encode_source

    return encode_source(sources.photo)
