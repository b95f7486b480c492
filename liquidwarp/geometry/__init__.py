"""Rotations, cameras and pixel grids: the only place that knows the pixel convention."""

from liquidwarp.geometry.cameras import (
    default_camera,
    distance_of_length,
    field_of_view,
    length_in_metres,
    length_in_pixels,
    look_at_camera,
    orbit_camera,
    pose_to_camera,
    pose_to_world,
    project,
    project_with_jacobian,
    same_view,
    with_lens,
)
from liquidwarp.geometry.pixels import (
    bounded_size,
    denormalize_pixels,
    enlarged,
    normalize_pixels,
    pixel_centers,
    shrunk,
)
from liquidwarp.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.geometry.turning import find_turn, turn_homography, turn_pixels

__all__ = [
    "axis_angle_to_matrix",
    "bounded_size",
    "default_camera",
    "denormalize_pixels",
    "distance_of_length",
    "enlarged",
    "field_of_view",
    "find_turn",
    "length_in_metres",
    "length_in_pixels",
    "look_at_camera",
    "matrix_to_axis_angle",
    "normalize_pixels",
    "orbit_camera",
    "pixel_centers",
    "pose_to_camera",
    "pose_to_world",
    "project",
    "project_with_jacobian",
    "same_view",
    "shrunk",
    "turn_homography",
    "turn_pixels",
    "with_lens",
]
