"""The jobs people come for: learn a person, recover a motion, imitate, transfer, view.

In the examples `person` and `other` are people as `encode_source` learns them, `motion` is one that `recover` found.
"""

from liquidwarp.methods import Synthesis
from liquidwarp.person import SourceState
from liquidwarp.tasks.drive import drive, paint_labels
from liquidwarp.tasks.export import export_glb
from liquidwarp.tasks.foreground import follow_drawings, read_foreground
from liquidwarp.tasks.imitate import imitate
from liquidwarp.tasks.learn_and_recover import recover_meanwhile
from liquidwarp.tasks.live import LiveFrame, imitate_live
from liquidwarp.tasks.recover import recover
from liquidwarp.tasks.source import SourceTuning, encode_source, source_from_tracks
from liquidwarp.tasks.synthesize import choose_method, synthesize
from liquidwarp.tasks.talk import talk
from liquidwarp.tasks.together import draw_together, encode_everyone, imitate_together
from liquidwarp.tasks.transfer import transfer_appearance
from liquidwarp.tasks.video import write_video
from liquidwarp.tasks.view import novel_view

__all__ = [
    "LiveFrame",
    "SourceState",
    "SourceTuning",
    "Synthesis",
    "choose_method",
    "draw_together",
    "drive",
    "encode_everyone",
    "encode_source",
    "export_glb",
    "follow_drawings",
    "imitate",
    "imitate_live",
    "imitate_together",
    "novel_view",
    "paint_labels",
    "read_foreground",
    "recover",
    "recover_meanwhile",
    "source_from_tracks",
    "synthesize",
    "talk",
    "transfer_appearance",
    "write_video",
]
