"""A page on the user's own machine: imitate, turn, dress, fix, live."""

from liquidwarp.web.server import serve

__all__ = ["serve"]
