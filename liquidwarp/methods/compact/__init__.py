"""The compact generator over the surface renderer's pictures."""

from liquidwarp.methods.compact.inputs import NETWORK_SIZE, source_input, transfer_input, working_size
from liquidwarp.methods.compact.method import CompactMethod, CompactSession, build, export

__all__ = [
    "NETWORK_SIZE",
    "CompactMethod",
    "CompactSession",
    "build",
    "export",
    "source_input",
    "transfer_input",
    "working_size",
]
