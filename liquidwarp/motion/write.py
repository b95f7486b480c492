"""Motion into files of many kinds."""

from pathlib import Path

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import InputError, OutputError
from liquidwarp.motion.bvh import write_bvh
from liquidwarp.motion.glb import write_glb
from liquidwarp.motion.retarget import body_of, retarget
from liquidwarp.motion.smpl_motion import write_amass
from liquidwarp.types import BodyTrack

WRITTEN_ENDINGS = (".npz", ".bvh", ".glb")
"""Endings of files that `write_motion` knows."""


def write_motion(track: BodyTrack, path: str | Path, body: BodyModel | None = None, *, names: str = "own") -> None:
    """Write a motion for other programs, atomically; `BodyTrack.save` keeps it for liquidwarp.

    Args:
        track: the motion.
        path: ends in .npz (AMASS's format), .bvh (the skeleton), or .glb (the body without clothes or photo, with
            skeleton and animation; `export_glb` writes a person).
        body: the body that does the motion; by default that of the track.
        names: what bones are called in .bvh and .glb, one of `BONE_NAMES`.

    Raises:
        InputError: the track's body is not at hand, or does not fit the track; or there is no such naming.
        OutputError: the ending is not known, or the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in WRITTEN_ENDINGS:
        raise OutputError(f"cannot write {path}: give a name that ends in {', '.join(WRITTEN_ENDINGS)}")
    if ending == ".npz" and names != "own":
        raise InputError(f"names={names!r}: {path} has no names of bones; write .bvh or .glb, or leave names out")
    body = body or body_of(track)
    moves = retarget(track, body)
    if ending == ".npz":
        write_amass(path, moves, body)
    else:
        (write_bvh if ending == ".bvh" else write_glb)(path, moves, body, names=names)
