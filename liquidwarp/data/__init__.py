"""Prepared data sets: synthetic people, filmed clips."""

from liquidwarp.data.clip import Clip, Frames, Truth
from liquidwarp.data.synthetic.engine import synthetic_clip
from liquidwarp.data.synthetic.stream import SyntheticClips, synthetic_stream

__all__ = ["Clip", "Frames", "SyntheticClips", "Truth", "synthetic_clip", "synthetic_stream"]
