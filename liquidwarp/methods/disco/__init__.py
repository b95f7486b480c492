"""DisCo over our own bodies and photos: who, before what and in which pose come from three different places."""

from liquidwarp.methods.disco.inputs import Foreground, holed_background
from liquidwarp.methods.disco.method import DiscoClipSession, DiscoMethod, DiscoSession, DiscoSynthesis, build, export

__all__ = [
    "DiscoClipSession",
    "DiscoMethod",
    "DiscoSession",
    "DiscoSynthesis",
    "Foreground",
    "build",
    "export",
    "holed_background",
]
