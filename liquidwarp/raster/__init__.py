"""Mesh and camera to fragments: which face a pixel sees, where on it and how deep."""

from liquidwarp.raster.rasterize import BACKENDS, rasterize

__all__ = ["BACKENDS", "rasterize"]
