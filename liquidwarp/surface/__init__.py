"""What the photo tells about the person's surface and what is behind it."""

from liquidwarp.surface.inpaint import inpaint

__all__ = ["inpaint"]
