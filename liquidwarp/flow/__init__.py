"""Fragments and a source mesh to flow: where in the source picture a target pixel looks, and whether to believe it."""

from liquidwarp.flow.mesh import mesh_flow, project_normalized, rasterize_flow
from liquidwarp.flow.resize import compose, identity_flow, resize_flow
from liquidwarp.flow.visibility import Visibility, visibility
from liquidwarp.flow.warp import warp

__all__ = [
    "Visibility",
    "compose",
    "identity_flow",
    "mesh_flow",
    "project_normalized",
    "rasterize_flow",
    "resize_flow",
    "visibility",
    "warp",
]
