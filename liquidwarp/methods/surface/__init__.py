"""The surface renderer: what the photos show, moved; no network."""

from liquidwarp.methods.surface.method import SurfaceMethod, SurfaceSession, build

__all__ = ["SurfaceMethod", "SurfaceSession", "build"]
