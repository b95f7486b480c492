"""Mesh and camera to fragments: which face a pixel sees, where on it and how deep."""

from liquidwarp.raster.interpolate import interpolate, interpolate_at, pixel_normals
from liquidwarp.raster.rasterize import BACKENDS, rasterize
from liquidwarp.raster.silhouette import soft_silhouette

__all__ = ["BACKENDS", "interpolate", "interpolate_at", "pixel_normals", "rasterize", "soft_silhouette"]
