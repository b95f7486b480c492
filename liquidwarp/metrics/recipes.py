"""How each metric is computed, in the form of our own ("corrected"): one function per metric or family."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from liquidwarp.metrics.backbones.inception import SIDE, inception_features, inception_logits
from liquidwarp.metrics.backbones.lpips import Trunk, lpips_distance, lpips_features
from liquidwarp.metrics.crops import grey_outside, resized_finely, to_signed
from liquidwarp.metrics.distributions import frechet_distance, inception_score, kernel_distance
from liquidwarp.metrics.frames import Region, ScoredFrame, own_pixels
from liquidwarp.metrics.haarpsi import haarpsi
from liquidwarp.metrics.image import WINDOW, mean_ssim, psnr, ssim_map
from liquidwarp.metrics.landmarks import landmark_distance, missing_fraction
from liquidwarp.metrics.ms_ssim import SMALLEST, ms_ssim
from liquidwarp.metrics.scorers import Comparison, FrameScorer, Scorer, ScoreSetting, SetScorer, StepScorer
from liquidwarp.metrics.silhouette import iou
from liquidwarp.metrics.video import SMALLEST_FLOW, change_error, find_motion, warp_errors
from liquidwarp.metrics.weights import load_weights

EQUAL_PSNR = 100.0
"""Stands for the infinite ratio of equal pictures, which no mean and no JSON can hold."""


def make_psnr(setting: ScoreSetting) -> Scorer:
    """PSNR of a frame."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        return lambda region: min(psnr(made.rgb, real.rgb, region.pixels), EQUAL_PSNR)

    return FrameScorer(compare)


def make_ssim(setting: ScoreSetting) -> Scorer:
    """SSIM of a frame; one map serves all regions."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        similarity = ssim_map(made.rgb, real.rgb)
        return lambda region: mean_ssim(similarity, region.pixels)

    return FrameScorer(compare, WINDOW)


def make_ms_ssim(setting: ScoreSetting) -> Scorer:
    """MS-SSIM of a frame."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        return lambda region: ms_ssim(made.rgb, real.rgb, region.pixels)

    return FrameScorer(compare, SMALLEST)


def make_haarpsi(setting: ScoreSetting) -> Scorer:
    """HaarPSI of a frame."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        return lambda region: haarpsi(made.rgb, real.rgb, region.pixels)

    return FrameScorer(compare)


def lpips_maker(net: str, head: str, trunk: Trunk) -> Callable[[ScoreSetting], Scorer]:
    """Return the maker of LPIPS through one network."""

    def make(setting: ScoreSetting) -> Scorer:
        body = load_weights(setting.weights, net, device=setting.device)
        linear = load_weights(setting.weights, head, device=setting.device)

        def layers(frame: ScoredFrame) -> list[torch.Tensor]:
            return lpips_features(body, trunk, to_signed(frame.rgb, setting.device))

        def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
            first, second = layers(made), layers(real)

            def score(region: Region) -> float | None:
                pixels = None if region.pixels is None else torch.from_numpy(region.pixels).to(setting.device)
                return float(lpips_distance(linear, first, second, pixels))

            return score

        return FrameScorer(compare, trunk.smallest)

    return make


def inception_maker(
    score: Callable[[np.ndarray, np.ndarray], float], *, logits: bool = False
) -> Callable[[ScoreSetting], Scorer]:
    """Return the maker of a score of Inception features, resized as clean-fid does; outside a region all is grey."""

    def make(setting: ScoreSetting) -> Scorer:
        net = load_weights(setting.weights, "inception-fid", device=setting.device)

        def look(frame: ScoredFrame, region: Region) -> torch.Tensor:
            pixels = resized_finely(grey_outside(frame.rgb, own_pixels(frame, region)), SIDE)
            picture = torch.from_numpy((pixels - 128) / 128).permute(2, 0, 1)[None]
            return inception_features(net, picture.to(setting.device), original=True)

        def features(frames: Sequence[ScoredFrame], regions: Sequence[Region]) -> np.ndarray:
            found = frames[0].once(f"inception-fid {regions[0].name}", lambda: look(frames[0], regions[0]))
            return (inception_logits(net, found) if logits else found)[0].cpu().numpy()

        return SetScorer(features, score, least=1 if logits else 2, alone=logits)

    return make


make_fid = inception_maker(frechet_distance)
make_kid = inception_maker(kernel_distance)
make_is = inception_maker(lambda made, real: inception_score(made), logits=True)


def make_iou(setting: ScoreSetting) -> Scorer:
    """Overlap of the person's masks."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        return lambda region: None if made.mask is None or real.mask is None else iou(made.mask, real.mask)

    return FrameScorer(compare)


def make_flicker(setting: ScoreSetting) -> Scorer:
    """Difference of the changes from frame to frame."""

    def compare(before: tuple[ScoredFrame, ScoredFrame], now: tuple[ScoredFrame, ScoredFrame]) -> Comparison:
        error = change_error((before[0].rgb, now[0].rgb), (before[1].rgb, now[1].rgb))
        return lambda region: float(error.mean() if region.pixels is None else error[region.pixels].mean())

    return StepScorer(compare)


def make_warp_error(setting: ScoreSetting) -> Scorer:
    """Difference of a frame from the one before it, moved as the real clip moves."""

    def compare(before: tuple[ScoredFrame, ScoredFrame], now: tuple[ScoredFrame, ScoredFrame]) -> Comparison:
        motion, told = now[1].once("motion", lambda: find_motion(before[1].rgb, now[1].rgb))
        errors = warp_errors(before[0].rgb, now[0].rgb, motion)

        def score(region: Region) -> float | None:
            pixels = told if region.pixels is None else told & region.pixels
            return float(errors[pixels].mean()) if pixels.any() else None

        return score

    return StepScorer(compare, SMALLEST_FLOW)


def make_landmarks(setting: ScoreSetting) -> Scorer:
    """Distance of the landmarks found in both frames."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        return lambda region: landmark_distance(made.person(setting.detector), real.person(setting.detector))

    return FrameScorer(compare)


def make_missing(setting: ScoreSetting) -> Scorer:
    """Fraction of landmarks that the frame made lacks."""

    def compare(made: ScoredFrame, real: ScoredFrame) -> Comparison:
        return lambda region: missing_fraction(made.person(setting.detector), real.person(setting.detector))

    return FrameScorer(compare)
