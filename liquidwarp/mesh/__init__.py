"""Normals, outlines, smoothing: operations on triangle meshes that know nothing of bodies."""

from liquidwarp.mesh.facing import vertex_facing
from liquidwarp.mesh.normals_kernels import look_up_normals
from liquidwarp.mesh.operations import vertex_normals
from liquidwarp.mesh.smoothing import smooth_over_surface

__all__ = ["look_up_normals", "smooth_over_surface", "vertex_facing", "vertex_normals"]
