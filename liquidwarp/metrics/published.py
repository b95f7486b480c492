"""The released evaluator's recipes, faults included; numbers of this kind never stand beside corrected ones."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.nn.functional import interpolate

from liquidwarp.metrics import recipes
from liquidwarp.metrics.backbones import osnet, pcb
from liquidwarp.metrics.backbones.inception import SIDE, inception_features
from liquidwarp.metrics.backbones.lpips import ALEXNET
from liquidwarp.metrics.crops import cut, face_box, mask_box, normalised, to_signed
from liquidwarp.metrics.distributions import frechet_distance, inception_score
from liquidwarp.metrics.frames import Region, ScoredFrame
from liquidwarp.metrics.identity import (
    Embed,
    Look,
    distance,
    embed_face,
    load_face,
    load_osnet,
    load_pcb,
    similarity,
)
from liquidwarp.metrics.image import WINDOW, mean_ssim, similarity_map
from liquidwarp.metrics.scorers import Comparison, FrameScorer, Scorer, ScoreSetting, SetScorer
from liquidwarp.metrics.weights import load_weights

SIZE = 512
"""Side of the square that all pictures are squeezed into, whatever their shape; 256 for the first paper's script."""

BATCH = 16
"""Frames whose mean is taken before the mean of the means, so that the last, shorter batch weighs more."""


_DETECTOR = 416  # pixels that the evaluator believes its detector sees


def squeezed(rgb: UInt8[np.ndarray, "H W 3"], size: int) -> UInt8[np.ndarray, "h w 3"]:
    """Resample to a square by OpenCV's bilinear rule, which skips pixels when it shrinks."""
    import cv2

    return cv2.resize(rgb, (size, size))


def pooled(scores: Sequence[float]) -> float:
    """Return the mean of the means of batches."""
    return float(np.mean([np.mean(scores[start : start + BATCH]) for start in range(0, len(scores), BATCH)]))


def make_ssim(setting: ScoreSetting) -> Scorer:
    """SSIM of pictures in [-1, 1]: grey has a mean of zero there, so the luminance term is another one."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        similarity = similarity_map(_signed(made.rgb), _signed(real.rgb), peak=2.0)
        return lambda region: mean_ssim(similarity)

    return FrameScorer(compare, WINDOW)


def make_psnr(setting: ScoreSetting) -> Scorer:
    """PSNR of pictures in [-1, 1], whose peak is taken to be 1 where the real one has no dark pixel, else 2."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        x, y = _signed(made.rgb), _signed(real.rgb)
        error, peak = float(((x - y) ** 2).mean()), 1.0 if y.min() >= 0 else 2.0
        score = recipes.EQUAL_PSNR if error == 0 else 10 * float(np.log10(peak**2 / error))
        return lambda region: min(score, recipes.EQUAL_PSNR)

    return FrameScorer(compare)


make_lpips = recipes.lpips_maker("alexnet", "lpips-alex", ALEXNET)


def _inception_maker(
    score: Callable[[np.ndarray, np.ndarray], float], *, alone: bool
) -> Callable[[ScoreSetting], Scorer]:
    """Return the maker of a score of the features of torchvision's Inception, resized without antialiasing."""

    def make(setting: ScoreSetting) -> Scorer:
        net = load_weights(setting.weights, "inception", device=setting.device)

        def look(frame: ScoredFrame) -> torch.Tensor:
            picture = to_signed(frame.rgb, setting.device)
            small = interpolate(picture, (SIDE, SIDE), mode="bilinear", align_corners=False)
            return inception_features(net, small, original=False)

        def features(frames: Sequence[ScoredFrame], regions: Sequence[Region]) -> np.ndarray:
            return frames[0].once("inception", lambda: look(frames[0]))[0].cpu().numpy()

        return SetScorer(features, score, least=1 if alone else 2, alone=alone)

    return make


def _person_look(embed: Embed, name: str, size: tuple[int, int], setting: ScoreSetting) -> Look:
    """Return features of the person in a box that is too large or too small, as boxes were scaled for 416 pixels.

    The box comes from a mask, where the evaluator asks YOLOv3; without a mask it is the whole picture, as without an
    answer there.
    """

    def features(frame: ScoredFrame) -> np.ndarray:
        height, width = frame.rgb.shape[:2]
        box = None if frame.place is None else mask_box(frame.place)
        if box is not None:
            wrong = [side * scale / _DETECTOR for side, scale in zip(box, (width, height) * 2, strict=True)]
            box = (max(0.0, wrong[0]), max(0.0, wrong[1]), min(float(width), wrong[2]), min(float(height), wrong[3]))
            box = tuple(float(int(side)) for side in box)  # type: ignore[assignment]
        part = normalised(cut(frame.rgb, box), setting.device)
        return embed(interpolate(part, size, mode="bilinear", align_corners=True))[0].cpu().numpy()

    return lambda frame, region: frame.once(name, lambda: features(frame))


def _face_look(setting: ScoreSetting) -> Look:
    """Return features of the face, by landmarks where the evaluator asks MTCNN.

    Frames whose real one shows no face are left out; where only the one made shows none, all of it is looked at.
    """
    embed = load_face(setting)

    def look(frame: ScoredFrame, region: Region) -> np.ndarray | None:
        if face_box((frame.real or frame).person(setting.detector)) is None:
            return None
        box = face_box(frame.person(setting.detector))
        return frame.once("face", lambda: embed_face(embed, frame, box, setting.device))

    return look


def make_osnet(setting: ScoreSetting) -> Scorer:
    """OS-CS-reid, with weights from ImageNet, not from people."""
    return similarity(_person_look(load_osnet(setting, "osnet-imagenet"), "osnet", osnet.SIZE, setting))


def make_osnet_fd(setting: ScoreSetting) -> Scorer:
    """OS-freid, with weights from ImageNet, not from people."""
    return distance(_person_look(load_osnet(setting, "osnet-imagenet"), "osnet", osnet.SIZE, setting))


def make_pcb(setting: ScoreSetting) -> Scorer:
    """PCB-CS-reid."""
    return similarity(_person_look(load_pcb(setting), "pcb", pcb.SIZE, setting))


def make_pcb_fd(setting: ScoreSetting) -> Scorer:
    """PCB-freid."""
    return distance(_person_look(load_pcb(setting), "pcb", pcb.SIZE, setting))


def make_face(setting: ScoreSetting) -> Scorer:
    """face-CS of paired frames."""
    return similarity(_face_look(setting))


def make_face_fd(setting: ScoreSetting) -> Scorer:
    """face-FD."""
    return distance(_face_look(setting))


make_fid = _inception_maker(frechet_distance, alone=False)
# The softmax runs over the 2048 features, not over classes.
make_is = _inception_maker(lambda made, real: inception_score(made), alone=True)


def _signed(rgb: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
    return rgb.astype(np.float64) / 127.5 - 1
