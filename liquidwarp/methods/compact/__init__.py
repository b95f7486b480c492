"""The compact generator over the surface renderer's pictures."""

from liquidwarp.methods.compact.inputs import NETWORK_SIZE, cropped_camera, source_input, transfer_input, working_size
from liquidwarp.methods.compact.method import CompactMethod, CompactSession, build, export

__all__ = [
    "NETWORK_SIZE",
    "CompactMethod",
    "CompactSession",
    "build",
    "cropped_camera",
    "export",
    "source_input",
    "transfer_input",
    "working_size",
]
