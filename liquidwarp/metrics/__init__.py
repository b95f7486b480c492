"""How close a picture or a clip is to the real one.

    from liquidwarp.metrics import compute

    print(compute("made.mp4", "real.mp4", ["psnr", "ssim"]).markdown())

`METRICS` says what each number means; docs/metrics.md says which files the networks need.
"""

from liquidwarp.metrics.distributions import frechet_distance, inception_score, kernel_distance
from liquidwarp.metrics.evaluate import ClipPair, compute, evaluate
from liquidwarp.metrics.frames import REGIONS, ScoredFrame
from liquidwarp.metrics.haarpsi import haarpsi
from liquidwarp.metrics.image import mean_ssim, psnr, ssim, ssim_map
from liquidwarp.metrics.landmarks import landmark_distance, missing_fraction
from liquidwarp.metrics.metric import MODES, Metric
from liquidwarp.metrics.ms_ssim import ms_ssim
from liquidwarp.metrics.registry import METRICS, available
from liquidwarp.metrics.silhouette import iou, person_region
from liquidwarp.metrics.stream import Stream
from liquidwarp.metrics.table import Score, Table
from liquidwarp.metrics.video import find_motion, flicker, warp_errors

__all__ = [
    "METRICS",
    "MODES",
    "REGIONS",
    "ClipPair",
    "Metric",
    "Score",
    "ScoredFrame",
    "Stream",
    "Table",
    "available",
    "compute",
    "evaluate",
    "find_motion",
    "flicker",
    "frechet_distance",
    "haarpsi",
    "inception_score",
    "iou",
    "kernel_distance",
    "landmark_distance",
    "mean_ssim",
    "missing_fraction",
    "ms_ssim",
    "person_region",
    "psnr",
    "ssim",
    "ssim_map",
    "warp_errors",
]
