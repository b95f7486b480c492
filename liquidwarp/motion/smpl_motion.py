"""Motion in the parameters of the SMPL family: AMASS's npz files and the pickles of published results."""

import zipfile
import zlib
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel, load_body
from liquidwarp.bodies.pickles import read_pickle, read_pickled
from liquidwarp.bodies.smpl_files import family_of
from liquidwarp.errors import InputError
from liquidwarp.files import check_archive, write_arrays
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.motion.retarget import align_turns
from liquidwarp.motion.skeleton import (
    SkeletonMotion,
    canonical_rest,
    global_turns,
    joint_places,
    level_rest,
    local_turns,
    skeleton_of,
)
from liquidwarp.motion.smpl_layouts import SmplPerson, Values, find_people, holds_poses, plain_name, read_person
from liquidwarp.motion.standing import WORLDS, ever_upright, world_up
from liquidwarp.types import BodyTrack

_JOINTS = len(CANONICAL_JOINTS)
_HALF_TURN = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))  # SMPL's axes to the camera's
_Z_UP = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)  # AMASS's world to the camera's
_Z_AXIS = (0, 0, 1)
_UPS = ((0, 1, 0), _Z_AXIS, (0, -1, 0))  # axes that point up in one program or another
_PLACES_ONLY = {"joints3d", "joints", "jointpositions", "positions", "keypoints3d", "keypoints", "kp3d", "markers"}
_TRACK = "make a track with 'liquidwarp recover'"
_DAMAGE = (OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
_MOST_LISTED = 30
_MOST_BRIDGED = 100  # frames for each that the file has
_PELVIS_UP = -0.22  # metres: the pelvis's height over SMPL's origin, for who does not have its file
_FARTHEST = 1e9  # metres
_FOCAL = 2.0  # of published crops, in half pictures: their weak perspective says nothing about it


@dataclass(frozen=True, eq=False)
class SmplMotion:
    """What a file of the SMPL family holds.

    Attributes:
        motion: of one person.
        observed: False in frames where the file has nothing and the motion was bridged.
        seen: whether the person stands where a camera saw it, in the picture of a weak perspective.
        words: what a user should know, one line each.
    """

    motion: SkeletonMotion
    observed: Bool[Tensor, "T"]
    seen: bool
    words: tuple[str, ...]


def read_amass(path: Path, body: BodyModel | None = None, *, person: int | None = None) -> SkeletonMotion:
    """Read an npz of the SMPL family, such as AMASS's; see `read_smpl`."""
    return read_smpl(path, body, person=person).motion


def read_published(path: Path, body: BodyModel | None = None, *, person: int | None = None) -> SkeletonMotion:
    """Read a pickle of the SMPL family, such as iPER's or VIBE's, without running it; see `read_smpl`."""
    return read_smpl(path, body, person=person).motion


def read_smpl(path: Path, body: BodyModel | None = None, *, person: int | None = None) -> SmplMotion:
    """Read a motion of the SMPL family from an npz or a pickle; nothing in either is executed.

    Rotations are axis-angle, matrices or six numbers, whole (`poses`, `smpl_poses`, `pose`) or apart (`global_orient`
    and `body_pose`, `root_orient` and `pose_body`). Places are `trans`, `transl`, `smpl_trans` over `smpl_scaling` or
    `global_t`, or follow from `cams`, the (scale, x, y) of a weak perspective: depth from the scale for an assumed
    lens, right up to a factor. Which axis points up says the file (`up_axis`), its layout (AMASS: z; cameras: y points
    down), or else how the people in it stand.

    Args:
        path: the file.
        body: the body that is to move; if it is of SMPL's family, it says where the joints lie at rest. Otherwise the
            family's own file says so, or where there is none a person with level arms.
        person: number of the person, where the file has several; by default the one with most frames.

    Raises:
        InputError: the file is damaged, asks to run something, is no such motion, or has no such person.
    """
    values = read_pickle(path) if path.suffix.lower() in (".pkl", ".pickle") else _read_npz(path)
    try:
        people = find_people(values)
        if not people:
            raise _no_motion(path, values)
        chosen, words = _choose(path, people, person)
        filled, observed = _bridged(chosen)
    except InputError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}; check the file") from error
    if filled.fps is None:
        words.append(f"{path}: says no frame rate; taking {filled.usual_fps:g} a second")
    rest = _rest(filled.family, filled.betas, filled.gender, body)
    motion = _in_file(filled, rest)
    if not bool(torch.isfinite(motion.turns).all() and (motion.root.abs() < _FARTHEST).all()):
        raise InputError(f"{path}: its motion holds NaN, infinity or places out of this world; check the file")
    places = joint_places(motion).numpy()
    up = filled.up or world_up(places, filled.usual, _UPS)
    if up == _Z_AXIS and filled.up is not None and not ever_upright(places, up):
        words.append(f"{path}: nobody stands in it, with z up as in AMASS; if y points up, add up_axis='y' to the file")
    world = torch.from_numpy(WORLDS[up])
    motion = replace(motion, turns=world @ motion.turns, root=motion.root @ world.T)
    return SmplMotion(motion, observed, filled.cams is not None, tuple(words))


def _choose(path: Path, people: Mapping[int, Values], person: int | None) -> tuple[SmplPerson, list[str]]:
    """Read the person asked for, or the one with most frames with a word about the others."""
    if person is not None and person not in people:
        there = ", ".join(map(str, people))
        raise InputError(f"{path}: no person {person} in it, only {there}; choose one of these with --motion-person")
    if person is not None or len(people) == 1:
        return read_person(people[next(iter(people)) if person is None else person]), []
    known: dict[int, SmplPerson] = {}
    for number, values in people.items():
        with suppress(ValueError):
            known[number] = read_person(values)
    if not known:
        return read_person(next(iter(people.values()))), []  # which says what is wrong
    chosen = max(known, key=lambda number: len(known[number].turns))
    listed = ", ".join(f"{number} ({len(one.turns)} frames)" for number, one in list(known.items())[:_MOST_LISTED])
    word = f"{path}: people {listed}; taking number {chosen}, choose another with --motion-person N"
    return known[chosen], [word] if len(known) > 1 else []


def _bridged(person: SmplPerson) -> tuple[SmplPerson, Bool[Tensor, "T"]]:
    """Fill in the frames that are left out, from their neighbours; say which frames are the file's own."""
    if person.frames is None or len(person.frames) < 2:
        return person, torch.ones(len(person.turns), dtype=torch.bool)
    step = int(np.gcd.reduce(np.diff(person.frames)))
    own = (person.frames - person.frames[0]) // step
    count = int(own[-1]) + 1
    if count == len(own):
        return person, torch.ones(count, dtype=torch.bool)
    if count > _MOST_BRIDGED * len(own):
        raise ValueError(f"{len(own)} frames that are spread over {count}")
    wanted = np.arange(count)
    before = np.clip(np.searchsorted(own, wanted, side="right") - 1, 0, len(own) - 2)
    fraction = (wanted - own[before]) / (own[before + 1] - own[before])
    start, end = person.turns[before], person.turns[before + 1]
    part = matrix_to_axis_angle(start.transpose(-1, -2) @ end) * torch.from_numpy(fraction)[:, None, None]

    def between(values: Float[np.ndarray, "N 3"] | None) -> Float[np.ndarray, "T 3"] | None:
        return None if values is None else np.stack([np.interp(wanted, own, column) for column in values.T], axis=1)

    filled = replace(
        person,
        turns=start @ axis_angle_to_matrix(part),
        place=between(person.place),
        cams=between(person.cams),
        frames=None,
    )
    return filled, torch.from_numpy(np.isin(wanted, own))


def _in_file(person: SmplPerson, rest: Float[Tensor, "C 3"] | None) -> SkeletonMotion:
    """Return a motion in the axes of its file; only at rest the person is upright before a camera, as everywhere."""
    pelvis = torch.tensor([0.0, _PELVIS_UP, 0.0], dtype=torch.float64) if rest is None else _HALF_TURN @ rest[0]
    if person.cams is not None:
        scale, x, y = torch.from_numpy(person.cams).unbind(1)
        place = torch.stack([x, y, _FOCAL / scale], dim=1)
    elif person.place is not None:
        place = torch.from_numpy(np.ascontiguousarray(person.place))
    else:
        place = torch.zeros(len(person.turns), 3, dtype=torch.float64)
    local = torch.cat([person.turns[:, :1] @ _HALF_TURN, _HALF_TURN @ person.turns[:, 1:] @ _HALF_TURN], dim=1)
    return SkeletonMotion(
        level_rest() if rest is None else rest, global_turns(local), place + pelvis, person.fps or person.usual_fps
    )


def write_amass(path: str | Path, track: BodyTrack, body: BodyModel) -> None:
    """Write a track as an AMASS-style npz (SMPL-H's 52 joints, z up, fingers at rest), atomically.

    A track of an SMPL body keeps its pose, shape and place; any other is retargeted to a body with level arms, and
    `betas` are zeros.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = skeleton_of(body, track)
    own = family_of(body) is not None
    betas = np.zeros(16)
    if own:
        betas[: min(16, len(track.betas))] = track.betas.numpy()[:16]
        turns, pelvis = motion.turns, _HALF_TURN @ motion.rest[0]
    else:
        turns, pelvis = align_turns(motion, level_rest()), torch.tensor([0.0, _PELVIS_UP, 0.0], dtype=torch.float64)
    local = local_turns(turns)
    root = _Z_UP.T @ local[:, :1] @ _HALF_TURN
    local = torch.cat([root, _HALF_TURN @ local[:, 1:] @ _HALF_TURN], dim=1)
    poses = np.zeros((len(track), 52, 3))
    poses[:, :_JOINTS] = matrix_to_axis_angle(local).numpy()
    arrays = {
        "poses": poses.reshape(len(track), -1),
        "betas": betas,
        "trans": (motion.root @ _Z_UP - pelvis).numpy(),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(float(track.fps)),
    }
    write_arrays(path, arrays)


def _no_motion(path: Path, values: Mapping[str, Any]) -> InputError:
    found = ", ".join(sorted(values)[:_MOST_LISTED]) + (", ..." if len(values) > _MOST_LISTED else "") or "nothing"
    names = {plain_name(name) for name in values}
    if "vtemplate" in names:
        return InputError(f"{path}: a body model, not a motion; give it with --body")
    kind = " (places of joints are no motion of a body: fit SMPL to them first)" if names & _PLACES_ONLY else ""
    return InputError(
        f"{path}: no motion in it; looked for poses, smpl_poses, pose, or global_orient and body_pose, or root_orient "
        f"and pose_body, found {found}{kind}; write what there is so: numpy.savez('motion.npz', poses=..., trans=..., "
        f"mocap_framerate=...), poses (frames, 72) in radians, or {_TRACK}"
    )


def _rest(family: str, betas: Any, gender: str, body: BodyModel | None) -> Float[Tensor, "C 3"] | None:
    """Return the rest joints of the family's own body where its file is at hand."""
    name = family if gender not in ("female", "male") else f"{family}-{gender}"
    if body is None or family_of(body) is None:
        try:
            body = load_body(name)
        except InputError:
            return None
    shape = torch.zeros(body.num_betas, dtype=torch.float32)
    if betas is not None and np.ndim(betas) == 1 and np.isfinite(betas).all():
        count = min(len(betas), body.num_betas)
        shape[:count] = torch.from_numpy(np.asarray(betas, dtype=np.float32)[:count])
    return canonical_rest(body, shape).double()


def _read_npz(path: Path) -> Mapping[str, Any]:
    """Read the arrays of an npz; pickled ones, by the restricted reader, only where the plain ones are no motion."""
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(open(path, "rb"))
            check_archive(stream)
            archive = stack.enter_context(np.load(stream, allow_pickle=False))
            names = [name for name in archive.files if not name.startswith(("dmpls", "marker", "label"))]
            values, pickled = {}, []
            for name in names:
                try:
                    values[name] = archive[name]
                except ValueError:
                    pickled.append(name)
            if not holds_poses(values):
                for name in pickled:
                    values[name] = _pickled(path, archive, name)
            return values
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name, or {_TRACK}") from error
    except InputError:  # a ValueError too, but already in words
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a plain npz ({reason}); copy it again, or {_TRACK}") from error


def _pickled(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> Any:
    assert archive.zip is not None
    with archive.zip.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        header(stream)
        return read_pickled(path, stream.read())
