"""The methods that Liquid Warping GAN was measured against: their networks in PyTorch.

PG2 (Ma et al., NIPS 2017), DSC (Siarohin et al., CVPR 2018) and SHUP (Balakrishnan et al., CVPR 2018), each with the
geometry of its input; `pose_transfer` asks all three alike. The parameters bear names of our own: the originals' are
those of TensorFlow and Keras graphs.
"""

from liquidwarp.nn.baselines.dsc import DSC_MARKET_WIDTHS, DSC_WIDTHS, DscDiscriminator, DscGenerator
from liquidwarp.nn.baselines.dsc_geometry import DSC_PARTS, dsc_heatmaps, dsc_masks, dsc_transforms
from liquidwarp.nn.baselines.layers import glorot_
from liquidwarp.nn.baselines.pg2 import Pg2Discriminator, Pg2Generator, Pg2Synthesis
from liquidwarp.nn.baselines.pg2_geometry import pg2_body_mask, pg2_heatmaps
from liquidwarp.nn.baselines.pose_transfer import (
    TRANSFER_WIDTHS,
    PoseTransferCritic,
    PoseTransferGenerator,
    TransferShape,
    TransferSynthesis,
    pose_region,
)
from liquidwarp.nn.baselines.shup import ShupDiscriminator, ShupGenerator, ShupSynthesis
from liquidwarp.nn.baselines.shup_geometry import (
    shup_heatmaps,
    shup_limb_masks,
    shup_prior,
    shup_transforms,
    shup_warp,
)
from liquidwarp.nn.baselines.weights import load_pose_transfer, save_pose_transfer

__all__ = [
    "DSC_MARKET_WIDTHS",
    "DSC_PARTS",
    "DSC_WIDTHS",
    "TRANSFER_WIDTHS",
    "DscDiscriminator",
    "DscGenerator",
    "Pg2Discriminator",
    "Pg2Generator",
    "Pg2Synthesis",
    "PoseTransferCritic",
    "PoseTransferGenerator",
    "ShupDiscriminator",
    "ShupGenerator",
    "ShupSynthesis",
    "TransferShape",
    "TransferSynthesis",
    "dsc_heatmaps",
    "dsc_masks",
    "dsc_transforms",
    "glorot_",
    "load_pose_transfer",
    "pg2_body_mask",
    "pg2_heatmaps",
    "pose_region",
    "save_pose_transfer",
    "shup_heatmaps",
    "shup_limb_masks",
    "shup_prior",
    "shup_transforms",
    "shup_warp",
]
