"""Prepared data sets: filmed clips, the layout of iPER, protocols."""

from liquidwarp.data.folder import Analysis, ClipFolder, Prepared, load_clips, prepare_footage, read_clip, save_clip
from liquidwarp.data.iper import IperFolder, list_frames, load_iper, missing_videos
from liquidwarp.data.protocols import Protocol, Run, load_protocol, protocol_runs
from liquidwarp.data.rough import roughen

__all__ = [
    "Analysis",
    "ClipFolder",
    "IperFolder",
    "Prepared",
    "Protocol",
    "Run",
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
]
