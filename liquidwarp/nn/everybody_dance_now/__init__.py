"""Everybody Dance Now: one person's generator, made from minutes of video (Chan et al., ICCV 2019).

Every parameter of the networks bears the name that it was published under; `personal` puts them together.
"""

from liquidwarp.nn.everybody_dance_now.discriminators import EdnFaceDiscriminator, EdnPairDiscriminator
from liquidwarp.nn.everybody_dance_now.generators import (
    EdnFaceGenerator,
    EdnGlobalGenerator,
    EdnLocalGenerator,
    load_global,
)

__all__ = [
    "EdnFaceDiscriminator",
    "EdnFaceGenerator",
    "EdnGlobalGenerator",
    "EdnLocalGenerator",
    "EdnPairDiscriminator",
    "load_global",
]
