"""Motion from files of many kinds."""

from pathlib import Path

import numpy as np

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.errors import InputError
from liquidwarp.motion.bvh import read_bvh
from liquidwarp.motion.retarget import bring_into_view, pose_body, retarget
from liquidwarp.motion.smpl_motion import read_amass, read_published
from liquidwarp.types import BodyTrack

MOTION_ENDINGS = (".npz", ".bvh", ".pkl", ".pickle")
"""Endings of files that `read_motion` knows."""


def read_motion(path: str | Path, body: BodyModel | None = None) -> BodyTrack:
    """Read a motion and let a body do it.

    Args:
        path: a track (npz), a motion in AMASS's format (npz), BVH, or the pickle of a published result
            (`cams, pose, shape`), which is read without running it.
        body: the body that is to move; the open body by default.

    Raises:
        InputError: the file is missing, damaged, or no motion of a person; or it is a track of a body whose file is
            missing, or that does not fit its body.
    """
    path, body = Path(path), body or load_body()
    ending = path.suffix.lower()
    if ending == ".bvh":
        return bring_into_view(pose_body(body, read_bvh(path)))
    if ending in (".pkl", ".pickle"):
        return pose_body(body, read_published(path, body))
    if ending != ".npz":
        raise InputError(f"{path}: not a motion; give a file that ends in {', '.join(MOTION_ENDINGS)}")
    if not _is_track(path):
        return bring_into_view(pose_body(body, read_amass(path, body)))
    track = BodyTrack.load(path)
    try:
        return retarget(track, body)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _is_track(path: Path) -> bool:
    """Tell tracks, damaged ones too, from other npz files by the names of their arrays."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return not {"poses", "smpl_poses", "fullpose", "trans"} & set(archive.files)
    except Exception:  # missing or damaged in any way: the track's own reader says so
        return True
