"""All metrics: what each means, and what it is made with."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from liquidwarp.checks import check_choice
from liquidwarp.metrics import published, recipes
from liquidwarp.metrics.backbones.lpips import ALEXNET, VGG16
from liquidwarp.metrics.frames import REGIONS
from liquidwarp.metrics.scorers import Scorer, Setting
from liquidwarp.metrics.weights import MissingWeightsError, load_weights

MODES = ("corrected", "published")
"""Our own recipe; that of the evaluator released with the Liquid Warping GAN, faults included."""

_CODES = "RGB, sRGB code values 0..255"
_ANY, _WHOLE, _PERSON = REGIONS, ("full", "person"), ("person",)


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Attributes:
        name: as on the command line.
        title: head of a column.
        better: "higher" or "lower".
        low: end of the range.
        high: other end of the range.
        colour: colour space it is computed in.
        window: windows, sizes and constants.
        unit: what it is of: a "frame", a "step" between neighbouring frames, or a "set" of frames or windows.
        regions: those it can be taken over.
        source: paper.
        corrected: builds it after our own recipe.
        published: builds it after the released evaluator's; None where that has none.
        weights: names in `WEIGHTS` that the corrected recipe looks through.
        needs: what else: "masks made", "landmarks".
        decimals: how many a table shows.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    low: float
    high: float
    colour: str
    window: str
    unit: Literal["frame", "step", "set"]
    regions: tuple[str, ...]
    source: str
    corrected: Callable[[Setting], Scorer]
    published: Callable[[Setting], Scorer] | None = None
    weights: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    decimals: int = 3

    @property
    def modes(self) -> tuple[str, ...]:
        """The recipes there are."""
        return MODES if self.published else MODES[:1]

    def build(self, mode: str, setting: Setting) -> Scorer:
        """Return what scores clips.

        Raises:
            MissingWeightsError: a file it needs is not there.
            InputError: no such recipe, or a file is damaged.
        """
        check_choice("mode", mode, self.modes)
        recipe = self.corrected if mode == "corrected" or self.published is None else self.published
        return recipe(setting)


_ALL = (
    Metric(
        "psnr",
        "PSNR (dB)",
        "higher",
        0.0,
        recipes.EQUAL_PSNR,
        _CODES,
        "none; one mean squared error over pixels and channels; equal pictures count as 100 dB",
        "frame",
        _ANY,
        "",
        recipes.make_psnr,
        published.make_psnr,
        decimals=2,
    ),
    Metric(
        "ssim",
        "SSIM",
        "higher",
        -1.0,
        1.0,
        _CODES + ", per channel",
        "7x7, uniform, sample covariance; K1 0.01, K2 0.03",
        "frame",
        _ANY,
        "Wang et al. 2004",
        recipes.make_ssim,
        published.make_ssim,
    ),
    Metric(
        "ms-ssim",
        "MS-SSIM",
        "higher",
        0.0,
        1.0,
        _CODES + ", per channel",
        "11x11 Gaussian, deviation 1.5, five scales; sides of 176 pixels at least",
        "frame",
        _ANY,
        "Wang et al. 2003",
        recipes.make_ms_ssim,
    ),
    Metric(
        "haarpsi",
        "HaarPSI",
        "higher",
        0.0,
        1.0,
        "YIQ of sRGB code values",
        "Haar wavelets of 2, 4 and 8 pixels on the halved picture; C 30, alpha 4.2",
        "frame",
        _ANY,
        "Reisenhofer et al. 2018",
        recipes.make_haarpsi,
    ),
    Metric(
        "lpips-alex",
        "LPIPS (Alex)",
        "lower",
        0.0,
        math.inf,
        "RGB in [-1, 1], LPIPS's own scaling",
        "AlexNet, five layers, v0.1 weights; no resizing",
        "frame",
        _ANY,
        "Zhang et al. 2018",
        recipes.lpips_maker("alexnet", "lpips-alex", ALEXNET),
        published.make_lpips,
        ("alexnet", "lpips-alex"),
    ),
    Metric(
        "lpips-vgg",
        "LPIPS (VGG)",
        "lower",
        0.0,
        math.inf,
        "RGB in [-1, 1], LPIPS's own scaling",
        "VGG-16, five layers, v0.1 weights; no resizing",
        "frame",
        _ANY,
        "Zhang et al. 2018",
        recipes.lpips_maker("vgg16", "lpips-vgg", VGG16),
        None,
        ("vgg16", "lpips-vgg"),
    ),
    Metric(
        "fid",
        "FID",
        "lower",
        0.0,
        math.inf,
        "RGB, (code value - 128) / 128",
        "299x299, bicubic with antialiasing (clean-fid); 2048 features of TensorFlow's Inception",
        "set",
        _WHOLE,
        "Heusel et al. 2017; Parmar et al. 2022",
        recipes.make_fid,
        published.make_fid,
        ("inception-fid",),
        decimals=2,
    ),
    Metric(
        "kid",
        "KID",
        "lower",
        -math.inf,
        math.inf,
        "RGB, (code value - 128) / 128",
        "as FID; cubic kernel, unbiased, all pictures at once",
        "set",
        _WHOLE,
        "Binkowski et al. 2018",
        recipes.make_kid,
        None,
        ("inception-fid",),
        decimals=4,
    ),
    Metric(
        "is",
        "IS",
        "higher",
        1.0,
        1008.0,
        "RGB, (code value - 128) / 128",
        "as FID; classes without bias, one split; does not look at the real pictures",
        "set",
        _WHOLE,
        "Salimans et al. 2016",
        recipes.make_is,
        published.make_is,
        ("inception-fid",),
    ),
    Metric(
        "landmarks",
        "landmark distance (% of height)",
        "lower",
        0.0,
        math.inf,
        "positions",
        "landmarks with confidence from 0.5 in both",
        "frame",
        _PERSON,
        "Siarohin et al. 2019 (AKD)",
        recipes.make_landmarks,
        needs=("landmarks",),
        decimals=2,
    ),
    Metric(
        "landmarks-missing",
        "missing landmarks",
        "lower",
        0.0,
        1.0,
        "positions",
        "landmarks with confidence from 0.5 in the real frame",
        "frame",
        _PERSON,
        "Siarohin et al. 2021 (MKR)",
        recipes.make_missing,
        needs=("landmarks",),
    ),
    Metric(
        "iou",
        "silhouette IoU",
        "higher",
        0.0,
        1.0,
        "masks",
        "none",
        "frame",
        _PERSON,
        "",
        recipes.make_iou,
        needs=("masks made",),
    ),
    Metric(
        "flicker",
        "flicker",
        "lower",
        0.0,
        510.0,
        _CODES,
        "neighbouring frames",
        "step",
        _ANY,
        "",
        recipes.make_flicker,
        decimals=2,
    ),
    Metric(
        "warp-error",
        "temporal warp error",
        "lower",
        0.0,
        1.0,
        "RGB in [0, 1], squared",
        "neighbouring frames, moved by the real clip's optical flow (DIS), hidden pixels left out",
        "step",
        _ANY,
        "Lai et al. 2018",
        recipes.make_warp_error,
        decimals=5,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""By name."""


def available(weights: str | None = None) -> dict[str, str]:
    """Return for every metric why it cannot be computed with the weights in a folder; nothing where it can be.

    Raises:
        InputError: a file in the folder is damaged or of another network.
    """
    return {name: _lacking(metric, weights) for name, metric in METRICS.items()}


def _lacking(metric: Metric, weights: str | None) -> str:
    try:
        for name in metric.weights:
            load_weights(weights, name)
    except MissingWeightsError as error:
        return str(error)
    return ""
