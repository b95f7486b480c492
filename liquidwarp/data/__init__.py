"""Prepared data sets: synthetic people, filmed clips."""

from liquidwarp.data.clip import Clip, Frames, Truth
from liquidwarp.data.folder import Analysis, ClipFolder, Prepared, load_clips, prepare_footage, read_clip, save_clip
from liquidwarp.data.iper import IperFolder, list_frames, load_iper, missing_videos
from liquidwarp.data.protocols import Protocol, Run, load_protocol, protocol_runs
from liquidwarp.data.rough import roughen
from liquidwarp.data.synthetic.engine import synthetic_clip
from liquidwarp.data.synthetic.stream import SyntheticClips, synthetic_stream

__all__ = [
    "Analysis",
    "Clip",
    "ClipFolder",
    "Frames",
    "IperFolder",
    "Prepared",
    "Protocol",
    "Run",
    "SyntheticClips",
    "Truth",
    "list_frames",
    "load_clips",
    "load_iper",
    "load_protocol",
    "missing_videos",
    "prepare_footage",
    "protocol_runs",
    "read_clip",
    "roughen",
    "save_clip",
    "synthetic_clip",
    "synthetic_stream",
]
