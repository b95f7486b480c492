"""Put a person in motion from a single photo, through a 3D body mesh.

import liquidwarp as lw

person = lw.encode_source("me.jpg")
motion = lw.recover("dance.mp4")
frames = lw.imitate(person, motion)
lw.write_video(frames, "out.mp4", fps=motion.fps, sound="dance.mp4")
"""

import importlib
from typing import TYPE_CHECKING

from liquidwarp.errors import InputError, LiquidwarpError, NoPersonError, OutputError

if TYPE_CHECKING:
    from liquidwarp.bodies import load_body
    from liquidwarp.methods import Synthesis
    from liquidwarp.motion import read_motion, retarget, write_motion
    from liquidwarp.tasks import (
        SourceState,
        encode_source,
        export_glb,
        imitate,
        novel_view,
        recover,
        synthesize,
        transfer_appearance,
        write_video,
    )
    from liquidwarp.types import BodyTrack, Camera, Flow, Fragments, Keypoints

__version__ = "0.1.0"

_HOMES = {
    "BodyTrack": "types",
    "Camera": "types",
    "Flow": "types",
    "Fragments": "types",
    "Keypoints": "types",
    "SourceState": "person",
    "Synthesis": "methods",
    "encode_source": "tasks",
    "export_glb": "tasks",
    "imitate": "tasks",
    "load_body": "bodies",
    "novel_view": "tasks",
    "read_motion": "motion",
    "recover": "tasks",
    "retarget": "motion",
    "synthesize": "tasks",
    "transfer_appearance": "tasks",
    "write_motion": "motion",
    "write_video": "tasks",
}

__all__ = [
    "BodyTrack",
    "Camera",
    "Flow",
    "Fragments",
    "InputError",
    "Keypoints",
    "LiquidwarpError",
    "NoPersonError",
    "OutputError",
    "SourceState",
    "Synthesis",
    "__version__",
    "encode_source",
    "export_glb",
    "imitate",
    "load_body",
    "novel_view",
    "read_motion",
    "recover",
    "retarget",
    "synthesize",
    "transfer_appearance",
    "write_motion",
    "write_video",
]


def __getattr__(name: str) -> object:
    # Rooms are loaded when first asked for, so that `import liquidwarp` stays quick.
    if name not in _HOMES:
        raise AttributeError(f"module 'liquidwarp' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"liquidwarp.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
