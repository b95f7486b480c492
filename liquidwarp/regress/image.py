"""Landmarks and pictures to one track: the landmark network's answer, corrected by what crops show."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from liquidwarp.cards import filled_network, halved, load_with_card, save_with_card
from liquidwarp.errors import InputError
from liquidwarp.regress.clip import crop_square, square_boxes
from liquidwarp.regress.image_network import ENLARGE, SIDE, ImageNetwork, crop_windows
from liquidwarp.regress.landmark_network import Estimate, LandmarkNetwork
from liquidwarp.regress.landmarks import MISSED, missed_by, regress_with, regressor_start
from liquidwarp.regress.observed import Observed
from liquidwarp.types import BodyTrack, Camera, Keypoints

BUNDLED = Path(__file__).parent / "assets" / "image.safetensors"
_CONFIGURATION = "image"
_BATCH = 16


def regress_pictures(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    keypoints: Keypoints,
    *,
    camera: Camera | None = None,
    network: ImageNetwork | None = None,
    landmarks: LandmarkNetwork | None = None,
    progress: bool = False,
) -> BodyTrack:
    """Answer a track of the open body for a clip's landmarks and pictures, without fitting.

    The landmark network answers as in `regress_landmarks`; then the image network looks at a crop of every frame that
    shows the person. Frames in which its answer misses the landmarks by far keep the landmark network's.

    Convention: as `regress_landmarks`.

    Args:
        frames: RGB pictures, those of `keypoints`; read once, in order.
        keypoints: what a detector saw in them.
        camera: the clip's camera; by default `geometry.default_camera`.
        network: by default the one that comes with liquidwarp.
        landmarks: the landmark network; by default the one that comes with liquidwarp.
        progress: show a progress bar.

    Raises:
        NoPersonError: no frame shows a person.
        InputError: there are fewer frames than keypoints tell of, or a camera that `regress_landmarks` refuses.
    """
    from liquidwarp.console import progress_bar

    network = network or load_image_network()

    def correct(observed: Observed, answers: Estimate, camera: Camera) -> Estimate:
        boxes = square_boxes(keypoints, ENLARGE)
        windows = crop_windows(boxes.float(), camera, observed.ray)
        crops = _crops(frames, boxes, keypoints.present)
        found: list[Estimate] = []
        total = int(keypoints.present.sum())
        with progress_bar(total=total, desc="look", unit="frame", shown=progress) as bar:
            for rows in keypoints.present.nonzero()[:, 0].split(_BATCH):
                batch = list(islice(crops, len(rows)))
                if len(batch) < len(rows):
                    raise InputError(
                        f"{len(found) * _BATCH + len(batch)} pictures with a person, but keypoints of {total}; "
                        "give those of the clip"
                    )
                start = Estimate(*(value[rows] for value in answers))
                found.append(network(torch.stack(batch), windows[rows], _rows(observed, rows), start)[-1])
                bar.update(len(rows))
        return _better(observed, answers, _put_back(answers, found, keypoints.present))

    return regress_with(keypoints, camera, landmarks, correct)


def _crops(frames: Iterable[UInt8[np.ndarray, "H W 3"]], boxes: Tensor, present: Bool[Tensor, "T"]) -> Iterator[Tensor]:
    """Yield crops of the frames that show the person."""
    for frame, box, seen in zip(frames, boxes, present.tolist(), strict=False):
        if seen:
            yield crop_square(frame, box, SIDE)


def _rows(observed: Observed, rows: Tensor) -> Observed:
    parts = (observed.picture, observed.weight, observed.world, observed.guessed, observed.ray)
    return Observed(*(part[rows] for part in parts))


def _put_back(answers: Estimate, found: list[Estimate], present: Bool[Tensor, "T"]) -> Estimate:
    whole = []
    for before, *after in zip(answers, *found, strict=True):
        value = before.clone()
        value[present] = torch.cat(after)
        whole.append(value)
    return Estimate(*whole)


def _better(observed: Observed, before: Estimate, after: Estimate) -> Estimate:
    """Take what the pictures say, but where it misses the landmarks by far and what landmarks say does not."""
    missed = [missed_by(one.points, one.place, observed) for one in (before, after)]
    kept = (missed[1] > MISSED) & (missed[0] < missed[1])
    pairs = zip(before, after, strict=True)
    return Estimate(*(torch.where(kept.view(-1, *[1] * (old.dim() - 1)), old, new) for old, new in pairs))


def save_image_network(network: ImageNetwork, path: str | Path, card: dict[str, object]) -> None:
    """Write weights as float16 safetensors with a card: what they were trained on, and what they reach.

    Raises:
        OutputError: the file cannot be written.
    """
    made_of = {"widths": network.widths, "inner": network.inner, "local": network.local}
    save_with_card(halved(network), path, card | made_of | {"configuration": _CONFIGURATION})


@lru_cache(maxsize=2)
def load_image_network(path: Path = BUNDLED) -> ImageNetwork:
    """Read a network, ready to answer; the bundled one by default.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    card, tensors = load_with_card(path, _CONFIGURATION)
    try:
        widths, inner, local = tuple(int(width) for width in card["widths"]), int(card["inner"]), int(card["local"])
        half, quarter, eighth, sixteenth = widths
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its card does not tell how large the network is ({error}); train it anew") from error
    skeleton = regressor_start()[0]  # before: what is made inside has no memory at first
    return filled_network(
        lambda: ImageNetwork(skeleton, (half, quarter, eighth, sixteenth), inner, local),
        (*widths, inner, local),
        tensors,
        path,
    )
