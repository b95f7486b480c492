"""Motion from files of many kinds."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.errors import InputError
from liquidwarp.motion.bvh import read_bvh
from liquidwarp.motion.retarget import bring_into_view, pose_body, retarget
from liquidwarp.motion.smpl_motion import read_smpl
from liquidwarp.types import BodyTrack

_LOG = logging.getLogger(__name__)

MOTION_ENDINGS = (".npz", ".bvh", ".pkl", ".pickle")
"""Endings of files that `read_motion` knows."""

_BLENDER = "in Blender: import it, then File > Export > Motion Capture (.bvh)"
OTHER_MOTIONS = {
    ".fbx": f"FBX is not read; export its animation as .bvh ({_BLENDER})",
    ".glb": f"glTF is written, not read; export its animation as .bvh ({_BLENDER})",
    ".gltf": f"glTF is not read; export its animation as .bvh ({_BLENDER})",
    ".dae": f"Collada is not read; export its animation as .bvh ({_BLENDER})",
    ".usd": f"USD is not read; export its animation as .bvh ({_BLENDER})",
    ".blend": "a scene of Blender; export its armature: File > Export > Motion Capture (.bvh)",
    ".vmd": "MikuMikuDance's motions are not read; load it in Blender with its model, and export .bvh",
    ".amc": "ASF and AMC are not read; convert the pair to .bvh",
    ".asf": "ASF and AMC are not read; convert the pair to .bvh",
    ".c3d": "places of markers, not a motion; solve them for a skeleton, and export that as .bvh",
    ".trc": "places of markers, not a motion; solve them for a skeleton, and export that as .bvh",
    ".npy": "a single array without names; write numpy.savez('motion.npz', poses=..., trans=..., mocap_framerate=...)",
    ".pt": "PyTorch's files are not read; write the arrays in it: numpy.savez('motion.npz', poses=..., trans=...)",
    ".pth": "PyTorch's files are not read; write the arrays in it: numpy.savez('motion.npz', poses=..., trans=...)",
    ".json": "JSON is not read as a motion; write numpy.savez('motion.npz', poses=..., trans=..., mocap_framerate=...)",
}
"""Endings of motions that `read_motion` knows of but does not read, and what to export instead."""


def is_motion_file(path: str | Path) -> bool:
    """Tell by its name whether a file is a motion, of those that `read_motion` reads or knows of, and no video."""
    return Path(path).suffix.lower() in (*MOTION_ENDINGS, *OTHER_MOTIONS)


def read_motion(
    path: str | Path,
    body: BodyModel | None = None,
    *,
    person: int | None = None,
    joint_map: Mapping[str, str] | None = None,
) -> BodyTrack:
    """Read a motion and let a body do it.

    Args:
        path: a track, BVH, or an npz or pickle of the SMPL family, which is read without running it (see
            docs/howto/motions.md).
        body: the body that is to move; the open body by default.
        person: number of the person, where a file has several; by default the one with most frames.
        joint_map: of a BVH file, names of its joints by ours (`left_hip`), where they are not found; see
            `read_joint_map`.

    Raises:
        InputError: the file is missing, damaged, or no motion of a person; it has no such person; or it is a track of a
            body whose file is missing, or that does not fit its body.
    """
    path, body = Path(path), body or load_body()
    ending = path.suffix.lower()
    if ending in OTHER_MOTIONS:
        raise InputError(f"{path}: {OTHER_MOTIONS[ending]}")
    if ending not in MOTION_ENDINGS:
        raise InputError(f"{path}: not a motion; give a file that ends in {', '.join(MOTION_ENDINGS)}")
    if joint_map and ending != ".bvh":
        raise InputError(f"{path}: --joint-map is for .bvh; leave it out")
    if ending == ".bvh":
        _check_only(path, person)
        return bring_into_view(pose_body(body, read_bvh(path, joint_map)))
    if ending == ".npz" and _is_track(path):
        _check_only(path, person)
        return _read_track(path, body)
    found = read_smpl(path, body, person=person)
    for word in found.words:
        _LOG.warning("%s", word)
    track = replace(pose_body(body, found.motion), observed=found.observed)
    return track if found.seen else bring_into_view(track)


def _check_only(path: Path, person: int | None) -> None:
    if person:
        raise InputError(f"{path}: holds one person, so there is no number {person}; leave --motion-person out")


def _read_track(path: Path, body: BodyModel) -> BodyTrack:
    track = BodyTrack.load(path)
    try:
        return retarget(track, body)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _is_track(path: Path) -> bool:
    """Tell tracks, damaged ones too, from other npz files: they say so."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {"format", "body"} <= set(archive.files)
    except Exception:  # missing or damaged in any way: the reader of motions says so
        return False
