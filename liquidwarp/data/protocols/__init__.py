"""Which frames of which videos an evaluation looks at."""

from liquidwarp.data.protocols.entries import Entry, FrameWindow, Protocol
from liquidwarp.data.protocols.files import PROTOCOLS, load_protocol, read_protocol
from liquidwarp.data.protocols.runs import ALONE, TASKS, Run, outfit_pairs, protocol_runs

__all__ = [
    "ALONE",
    "PROTOCOLS",
    "TASKS",
    "Entry",
    "FrameWindow",
    "Protocol",
    "Run",
    "load_protocol",
    "outfit_pairs",
    "protocol_runs",
    "read_protocol",
]
