"""How programs lay out motions of the SMPL family in npz files and pickles: names of arrays, people by number."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.motion.smpl_rotations import joint_count, rotations
from liquidwarp.motion.standing import Axis

Values = Mapping[str, Any]
"""Arrays, numbers, texts, lists and dictionaries of a file, by name."""

# Names are compared without capitals and underscores; of several the first that is there.
_POSES = ("poseworld", "poses", "smplposes", "smplthetas", "thetas", "theta", "fullpose", "pose", "predpose")
_ROOTS = ("globalorient", "rootorient", "rootpose", "globalorientation")
_BODIES = ("bodypose", "posebody")
_PLACES = ("transworld", "trans", "transl", "smpltrans", "translation", "roottranslation", "globalt", "camtrans")
_CAMERAS = ("origcam", "cams", "cam", "predcam")
_SHAPES = ("betas", "smplbetas", "shape", "shapes", "beta", "predbetas")
_SEEN = ("globalt", "camtrans", "phalpcamera")  # places before a camera, which looks along z at a y that points down
_SCALES = ("smplscaling", "scaling")
_RATES = ("mocapframerate", "mocapfps", "mocaprate", "framerate", "fps", "videofps", "framespersecond")
_NUMBERS = ("frameids", "frameid", "frames", "frameidx")
_UPS = ("upaxis", "up", "worldup", "upvector")
_UP = re.compile(r"([+-]?)([xyz])(?:[-_ ]?(?:up|axis))*")
_KINDS = {22: "smplx", 24: "smpl", 52: "smplh", 53: "smplx", 55: "smplx"}
_FACES = ("jawpose", "posejaw", "expression", "leyepose", "poseeye")
_WORLDS = ("world", "global", "sequence")  # of several motions of one person the one in the world, not in the camera
_AIST_RATE, _EDGE_RATE, _STILL_RATE = 60.0, 30.0, 25.0  # frames per second of AIST++, EDGE and others, which never say
_HUMAN_FOCAL = 2 * 5000 / 256  # in half pictures: of the camera that HMR2 and PHALP assume
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True, eq=False)
class SmplPerson:
    """The motion of one person as a file says it, in the axes of the file.

    Attributes:
        turns: of the 22 canonical joints against their parents.
        place: SMPL's translation, metres; None where the file has none.
        cams: (scale, x, y) of a weak perspective; None where the file has none.
        betas: shape coefficients; None where the file has none.
        family: "smpl", "smplh" or "smplx".
        gender: "neutral", "female" or "male".
        up: the axis of the file's world that points up; None where nothing says so but the motion.
        usual: the axis that points up in files of this layout, mostly.
        fps: frames per second; None where the file does not say.
        usual_fps: frames per second in files of this layout, mostly.
        frames: numbers of the frames; None where they follow each other.
    """

    turns: Float[Tensor, "T 22 3 3"]
    place: Float[np.ndarray, "T 3"] | None
    cams: Float[np.ndarray, "T 3"] | None
    betas: Float[np.ndarray, "K"] | None
    family: str
    gender: str
    up: Axis | None
    usual: Axis
    fps: float | None
    usual_fps: float
    frames: Int[np.ndarray, "T"] | None


def plain_name(name: str) -> str:
    """Return a name without capitals and marks: `mocap_frameRate` and `mocap_framerate` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_people(values: Values) -> dict[int, Values]:
    """Find the people of a file, by the file's own numbers; {} where there is no motion.

    Known are people by number (VIBE, WHAM), frames with lists of people (PHALP and 4D-Humans, ROMP), arrays that hold
    several people, one after another or frame by frame (CLIFF), and any of it one level down.
    """
    values = _renamed(values)
    found = _people(values)
    if not found:
        inner = sorted(values.items(), key=lambda item: -any(word in item[0] for word in _WORLDS))
        found = next((people for _, value in inner if isinstance(value, dict) and (people := find_people(value))), {})
    shared = {name: values[name] for name in (*_RATES, *_UPS) if name in values}
    return {number: {**shared, **person} for number, person in found.items()}


def holds_poses(values: Values) -> bool:
    """Tell whether there are poses of a body right among some values."""
    return _has_motion(_renamed(values))


def _renamed(values: Values) -> dict[str, Any]:
    return {plain_name(name): value for name, value in values.items()}


def _people(values: Values) -> dict[int, Values]:
    if "smplthetas" in values and "frameid" not in values:  # ROMP's answer for one picture
        return _from_frames([values])
    if _has_motion(values):
        return _apart(values)
    listed: list[Any] = next((values[name] for name in (*_POSES, *_BODIES) if isinstance(values.get(name), list)), [])
    if listed and all(isinstance(one, np.ndarray) for one in listed):  # 3DPW's lists, an array for each person
        own = {name: value for name, value in values.items() if np.ndim(value) and len(value) == len(listed)}
        return {person: {name: value[person] for name, value in own.items()} for person in range(len(listed))}
    inner = {name: _renamed(value) for name, value in values.items() if isinstance(value, dict)}
    people: dict[int, Values] = {
        int(name): value for name, value in inner.items() if name.isdecimal() and _has_motion(value)
    }
    return people or _from_frames([value for value in values.values() if isinstance(value, dict | list)])


def _has_motion(values: Values) -> bool:
    return _first_name(values, (*_POSES, *_BODIES)) != ""


def _first_name(values: Values, names: Iterable[str]) -> str:
    """Return the name of the first array of numbers that is there; "" where there is none."""
    arrays = ((name, values[name]) for name in names if isinstance(values.get(name), np.ndarray))
    return next((name for name, array in arrays if array.ndim and array.dtype.kind in "fiu"), "")


def _first(values: Values, names: Iterable[str]) -> np.ndarray | None:
    return values.get(_first_name(values, names))


def _apart(values: Values) -> dict[int, Values]:
    """Take people apart whose arrays are (people, frames, ...), or whose frames hold several of them."""
    shape = values[_first_name(values, (*_POSES, *_BODIES))].shape
    joints = {count - missing for count in _KINDS for missing in (0, 1)}
    many = {
        3: len(shape) == 3 and shape[1] > 1 and shape[2] in {count * n for count in joints for n in (3, 6, 9)},
        4: len(shape) == 4 and shape[2] in joints and shape[3] in (3, 6, 9),
        5: True,
    }.get(len(shape), False)
    boxes = _first(values, ("detectionall",))
    if many:
        return {person: _rows(values, shape[0], person) for person in range(shape[0])}
    if boxes is not None and boxes.ndim == 2 and len(boxes) == shape[0] and boxes.shape[1] >= 5:
        return _by_size(values, np.nan_to_num(boxes))
    return {0: values}


def _rows(values: Values, count: int, rows: int | Int[np.ndarray, "N"]) -> dict[str, Any]:
    """Take some rows of those arrays that have so many."""
    return {
        name: value[rows] if isinstance(value, np.ndarray) and value.shape[:1] == (count,) else value
        for name, value in values.items()
    }


def _by_size(values: Values, boxes: Float[np.ndarray, "N B"]) -> dict[int, Values]:
    """Take CLIFF's rows apart, which are the people of each frame: number 0 is the largest of every frame."""
    frames = boxes[:, 0].astype(np.int64)
    areas = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2])
    order = np.lexsort((-areas, frames))
    rank = np.arange(len(order)) - np.searchsorted(frames[order], frames[order])
    chosen = {person: order[rank == person] for person in range(int(rank.max()) + 1)}
    return {person: {**_rows(values, len(boxes), rows), "frameids": frames[rows]} for person, rows in chosen.items()}


def _from_frames(frames: Sequence[Values | list[Any]]) -> dict[int, Values]:
    """Gather people from frames, each with several of them."""
    gathered: dict[int, list[dict[str, Any]]] = {}
    for number, frame in enumerate(frames):
        for person, values in _people_of_frame(frame):
            gathered.setdefault(person, []).append({**values, "frameids": number})
    people: dict[int, Values] = {}
    for person, rows in sorted(gathered.items()):
        shared = [name for name in rows[0] if len({np.shape(row.get(name, ())) for row in rows}) == 1]
        people[person] = {name: np.array([row[name] for row in rows]) for name in shared}
    return {person: values for person, values in people.items() if _has_motion(values)}


def _people_of_frame(frame: Values | list[Any]) -> Iterable[tuple[int, Values]]:
    """Yield the people of a frame: a list of them, ROMP's arrays of them, or PHALP's lists `tid` and `smpl`."""
    if isinstance(frame, list):
        yield from ((row, _arrays(person)) for row, person in enumerate(frame) if isinstance(person, dict))
        return
    frame = _renamed(frame)
    thetas, models = frame.get("smplthetas"), frame.get("smpl")
    if isinstance(thetas, np.ndarray) and thetas.ndim == 2:
        numbers = np.ravel(frame.get("trackids", range(len(thetas))))
        for row, number in enumerate(numbers[: len(thetas)].tolist()):
            yield int(number), _rows(_arrays(frame), len(thetas), row)
    elif isinstance(models, list):
        numbers, cameras = np.ravel(frame.get("tid", ())), frame.get("camera", ())
        waited = np.ravel(frame.get("trackedtime", ()))
        for row, (model, number) in enumerate(zip(models, numbers.tolist(), strict=False)):
            carried_on = row < len(waited) and waited[row] > 0  # nobody was seen there
            if isinstance(model, dict) and not carried_on:
                camera = {"phalpcamera": np.ravel(cameras[row])} if len(cameras) > row else {}
                yield int(number), {**_arrays(model), **camera}


def _arrays(values: Values) -> dict[str, Any]:
    return {name: value for name, value in _renamed(values).items() if isinstance(value, np.ndarray)}


def read_person(values: Values) -> SmplPerson:
    """Read the motion of one person.

    Args:
        values: of the person, from `find_people`.

    Raises:
        ValueError: arrays do not fit each other, or are no rotations.
    """
    named = _first_name(values, _POSES) or _first_name(values, _BODIES)
    root = _first(values, _ROOTS) if named in _BODIES else None
    if named in _BODIES and root is None:
        raise ValueError("a body_pose without its global_orient")
    try:
        turns = rotations(root, values[named], 22)
        joints = joint_count(values[named]) + (root is not None)
    except ValueError as error:
        raise ValueError(f"{named} of {error}") from error
    count = len(turns)
    if count > _MOST_FRAMES:
        raise ValueError(f"{count} frames, more than {_MOST_FRAMES}")
    place = _place(values, count)
    cams = _cams(values, count) if place is None else None
    up, usual = _world(values, named, joints, cams is not None or any(name in values for name in _SEEN))
    betas = _first(values, _SHAPES)
    gender = np.ravel(values.get("gender", ""))[:1].astype(str).tolist()
    return SmplPerson(
        turns=turns,
        place=place,
        cams=cams,
        betas=None if betas is None or not betas.size else np.reshape(betas, (-1, betas.shape[-1]))[0],
        family="smplx" if any(name in values for name in _FACES) else _KINDS.get(joints, "smpl"),
        gender=gender[0] if gender[0] in ("female", "male") else "neutral",
        up=up,
        usual=usual,
        fps=_rate(values),
        usual_fps=_usual_rate(values),
        frames=_frame_numbers(values, count),
    )


def _place(values: Values, count: int) -> Float[np.ndarray, "T 3"] | None:
    camera, place = values.get("phalpcamera"), _first(values, _PLACES)
    if isinstance(camera, np.ndarray):
        place = camera * np.array([1.0, 1.0, 2.0 / _HUMAN_FOCAL])  # its depth is that of a lens that nobody has
    if place is None:
        return None
    place = np.reshape(place, (len(place), -1)).astype(np.float64) if place.ndim > 1 else place[None].astype(np.float64)
    if place.shape != (count, 3):
        raise ValueError(f"trans has shape {place.shape}, wanted ({count}, 3)")
    scale = _first(values, _SCALES)
    if scale is not None and scale.size in (1, count):
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ValueError("a scaling that is not above 0")
        place = place / np.reshape(scale, (-1, 1))
    return place


def _cams(values: Values, count: int) -> Float[np.ndarray, "T 3"] | None:
    cams = _first(values, _CAMERAS)
    if cams is None:
        return None
    cams = np.reshape(cams, (len(cams), -1)).astype(np.float64)
    if cams.shape == (count, 4):  # VIBE's (scale x, scale y, x, y) in the whole picture
        cams = np.concatenate([cams[:, :2].min(1, keepdims=True), cams[:, 2:]], axis=1)
    if cams.shape != (count, 3) or not np.isfinite(cams).all() or (cams[:, 0] <= 0).any():
        raise ValueError(f"cams has shape {cams.shape}, wanted ({count}, 3) with scales above 0")
    return cams


def _world(values: Values, named: str, joints: int, seen: bool) -> tuple[Axis | None, Axis]:
    """Return the axis that points up, if the file or its layout says so, and the one that mostly does."""
    y, z, minus_y = (0, 1, 0), (0, 0, 1), (0, -1, 0)
    said = next((axis for name in _UPS if (axis := _axis(values.get(name))) is not None), None)
    if said is not None:
        return said, y
    if seen:
        return minus_y, minus_y
    like_amass = any(name in values for name in _RATES[:3]) or (named == "poses" and joints >= 52)
    usual = {"poses": z, "pose": minus_y, "predpose": minus_y, "theta": minus_y, "thetas": minus_y}
    return (z if like_amass else None), usual.get(named, y)


def _axis(said: Any) -> Axis | None:
    """Read an axis: `z`, `Y_UP`, `-y`, or three numbers; None where it is none."""
    axis = [0, 0, 0]
    if isinstance(said, np.ndarray) and said.size == 3 and said.dtype.kind in "fiu":
        axis = np.round(np.nan_to_num(np.ravel(said))).astype(int).tolist()
    elif found := _UP.fullmatch(str(said).strip().lower()):
        axis["xyz".index(found[2])] = -1 if found[1] == "-" else 1
    return (axis[0], axis[1], axis[2]) if sorted(map(abs, axis)) == [0, 0, 1] else None


def _rate(values: Values) -> float | None:
    """Return the first rate that is there, a number, a text or an array of them."""
    for name in _RATES:
        said = np.ravel(values[name]) if name in values else np.zeros(0)
        if said.size:
            try:
                rate = float(said[0])
            except (TypeError, ValueError):
                continue
            if not 0 < rate < 10_000:
                raise ValueError(f"{rate} frames a second")
            return rate
    return None


def _usual_rate(values: Values) -> float:
    if "smplposes" in values and any(name in values for name in _SCALES):
        return _AIST_RATE
    return _EDGE_RATE if {"smplposes", "fullpose"} <= set(values) else _STILL_RATE


def _frame_numbers(values: Values, count: int) -> Int[np.ndarray, "T"] | None:
    numbers = _first(values, _NUMBERS)
    if numbers is None or numbers.shape != (count,) or numbers.dtype.kind not in "iu":
        return None
    numbers = numbers.astype(np.int64)
    return numbers if (np.diff(numbers) > 0).all() else None
