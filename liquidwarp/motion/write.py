"""Motion into files of many kinds."""

from pathlib import Path

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import OutputError
from liquidwarp.motion.bvh import write_bvh
from liquidwarp.motion.glb import write_glb
from liquidwarp.motion.retarget import body_of, retarget
from liquidwarp.motion.smpl_motion import write_amass
from liquidwarp.types import BodyTrack

_WRITERS = {".npz": write_amass, ".bvh": write_bvh, ".glb": write_glb}
WRITTEN_ENDINGS = tuple(_WRITERS)
"""Endings of files that `write_motion` knows."""


def write_motion(track: BodyTrack, path: str | Path, body: BodyModel | None = None) -> None:
    """Write a motion for other programs, atomically; `BodyTrack.save` keeps it for liquidwarp.

    Args:
        track: the motion.
        path: ends in .npz (AMASS's format), .bvh (the skeleton), or .glb (the body without clothes or photo, with
            skeleton and animation; `export_glb` writes a person).
        body: the body that does the motion; by default that of the track.

    Raises:
        InputError: the track's body is not at hand, or does not fit the track.
        OutputError: the ending is not known, or the file cannot be written.
    """
    write = _WRITERS.get(Path(path).suffix.lower())
    if write is None:
        raise OutputError(f"cannot write {path}: give a name that ends in {', '.join(WRITTEN_ENDINGS)}")
    body = body or body_of(track)
    write(path, retarget(track, body), body)
