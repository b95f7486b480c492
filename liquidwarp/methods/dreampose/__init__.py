"""DreamPose over our own bodies: a photo, and the (u, v) maps of five frames."""

from liquidwarp.methods.dreampose.method import DreamPoseMethod, DreamPoseSession, build

__all__ = ["DreamPoseMethod", "DreamPoseSession", "build"]
