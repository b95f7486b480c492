"""Rotations, cameras and pixel grids: the only place that knows the pixel convention."""

from liquidwarp.geometry.cameras import default_camera, look_at_camera, project, view_normals
from liquidwarp.geometry.pixels import denormalize_pixels, normalize_pixels, pixel_centers
from liquidwarp.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

__all__ = [
    "axis_angle_to_matrix",
    "default_camera",
    "denormalize_pixels",
    "look_at_camera",
    "matrix_to_axis_angle",
    "normalize_pixels",
    "pixel_centers",
    "project",
    "view_normals",
]
