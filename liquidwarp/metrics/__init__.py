"""How close a picture or a clip is to the real one."""

from liquidwarp.metrics.haarpsi import haarpsi
from liquidwarp.metrics.image import mean_ssim, psnr, ssim, ssim_map
from liquidwarp.metrics.silhouette import iou, person_region
from liquidwarp.metrics.video import flicker

__all__ = ["flicker", "haarpsi", "iou", "mean_ssim", "person_region", "psnr", "ssim", "ssim_map"]
