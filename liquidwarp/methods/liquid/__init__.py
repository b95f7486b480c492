"""The published Liquid Warping generators over our own bodies, photos and targets."""

from liquidwarp.methods.liquid.inputs import background_input, body_chart, texture_code
from liquidwarp.methods.liquid.method import LiquidMethod, LiquidSession, build, export

__all__ = [
    "LiquidMethod",
    "LiquidSession",
    "background_input",
    "body_chart",
    "build",
    "export",
    "texture_code",
]
