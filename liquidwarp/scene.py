"""Scenes from a file: several people and motions on one floor, one camera path, one background."""

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.camera_motion import BackgroundWatcher, CameraKind, judge
from liquidwarp.detect import Detector
from liquidwarp.errors import InputError
from liquidwarp.geometry import axis_angle_to_matrix, field_of_view, matrix_to_axis_angle, orbit_camera
from liquidwarp.media import open_video
from liquidwarp.methods import Method, Synthesis
from liquidwarp.motion import is_motion_file, read_motion, retarget
from liquidwarp.person import SourceState, is_person_file
from liquidwarp.tasks import encode_everyone, encode_source, recover
from liquidwarp.tasks.target import Target, imitation_target, standing_level
from liquidwarp.tasks.together import Performer, draw_together
from liquidwarp.types import BodyTrack, Camera

CAMERA_PATHS = ("still", "orbit", "dolly", "clip")

_BESIDE = 0.9  # metres between people of whom the scene does not say where they stand
_LONGEST = 86400.0  # seconds of a scene
_HUGE = 1e30  # numbers from here on mean nothing


@dataclass(frozen=True)
class SceneCast:
    """Somebody in a scene: a table `[[performer]]`.

    Attributes:
        source: a photo or a .person.
        motion: a video, a track, or another motion.
        person: which person of the photo.
        motion_person: which person of the motion.
        start: seconds after which they begin; they stand until then.
        place: metres to the right and away from where the first one stands in the photo; by default
            their own place in that photo, or beside the last one.
        turn: degrees by which they and their way are turned to their right.
    """

    source: str
    motion: str
    person: int = 0
    motion_person: int = 0
    start: float = 0.0
    place: tuple[float, float] | None = None
    turn: float = 0.0


@dataclass(frozen=True)
class SceneCamera:
    """Who looks: the table `[camera]`.

    Attributes:
        path: "still" (the first photo's), "orbit" (around the people), "dolly" (evenly along a line) or "clip" (turns
            and zooms as the camera of a filmed clip did).
        degrees: of the orbit, over the whole scene.
        elevation: of the orbit, degrees.
        by: of the dolly: metres to the right, down and ahead, over the whole scene.
        clip: a video, or a track that `liquidwarp recover` made of one.
    """

    path: str = "still"
    degrees: float = 360.0
    elevation: float = 0.0
    by: tuple[float, float, float] = (0.0, 0.0, 0.0)
    clip: str = ""


@dataclass(frozen=True)
class Scene:
    """What a scene file says.

    Attributes:
        cast: who does what, at least one.
        camera: who looks.
        size: longer side of the pictures; by default that of the first photo.
        seconds: how long; by default until all motions end.
        background: "keep" (the first photo without its people), "plain" or a picture.
    """

    cast: tuple[SceneCast, ...]
    camera: SceneCamera = SceneCamera()
    size: int | None = None
    seconds: float | None = None
    background: str = "keep"


def read_scene(path: str | Path) -> Scene:
    """Read a scene file; files that it names are looked for beside it.

    Args:
        path: of a TOML file: tables `[scene]`, `[camera]` and `[[performer]]` with the keys of `Scene`, `SceneCamera`
            and `SceneCast`.

    Raises:
        InputError: no such file, no TOML, or a key or value that means nothing; a key that is misspelt is named with
            the one that was probably meant.
    """
    path = Path(path)
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give a scene file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML ({error}); see docs/howto/scenes.md") from error
    _check_keys(path, "", told, ("scene", "camera", "performer"))
    cast, camera, scene = told.get("performer", []), told.get("camera", {}), told.get("scene", {})
    if not isinstance(cast, list) or not cast or not all(isinstance(one, dict) for one in (*cast, camera, scene)):
        raise InputError(f"{path}: it has no [[performer]]; write one per person, [camera] and [scene] as tables")
    performers = tuple(SceneCast(**_values(path, "[[performer]]", one, SceneCast)) for one in cast)
    seen = SceneCamera(**_values(path, "[camera]", camera, SceneCamera))
    if seen.path not in CAMERA_PATHS:
        near = _meant(seen.path, CAMERA_PATHS)
        raise InputError(f"{path}: [camera] path = {seen.path!r} is none of {', '.join(CAMERA_PATHS)}{near}")
    if (seen.path == "clip") != bool(seen.clip):
        raise InputError(f'{path}: [camera] clip goes with path = "clip"; give both or neither')
    for seconds in (*(one.start for one in performers), scene.get("seconds", 0)):
        if not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST:
            raise InputError(f"{path}: {seconds!r} seconds; give 0 to {_LONGEST:g}, a day")
    whole = Scene(performers, seen, **_values(path, "[scene]", scene, Scene, without=("cast", "camera")))
    return _beside(whole, path.parent)


def draw_scene(
    scene: Scene,
    *,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    method: str | Method | None = None,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> tuple[Iterator[Synthesis], int, float]:
    """Learn the people, recover the motions, and yield the pictures of a scene, lazily.

    Args:
        scene: from `read_scene`, or made.
        body: the body to fit; the open body by default.
        detector: what finds people.
        method: see `synthesize`; one that lays people over the background.
        device: see `synthesize`.
        progress: show progress bars.

    Returns:
        The pictures, how many there are, and how many a second.

    Raises:
        InputError: a file cannot be read, or motions of different frame rates.
        NoPersonError: nobody in one of them.
    """
    body = body or load_body()
    people = _people(scene, body, detector)
    motions = _motions(scene, body, detector, progress)
    rates = sorted({motion.fps or 25.0 for motion in motions})
    if rates[-1] - rates[0] > 0.01 * rates[0]:
        raise InputError(
            f"motions of {', '.join(f'{rate:g}' for rate in rates)} frames a second; give one rate for all"
        )
    fps = rates[0]
    performers = _placed(scene, people, motions, fps)
    frames = max(performer.end for performer in performers)
    if scene.seconds is not None:
        frames = max(1, round(scene.seconds * fps))
    cameras, plate = _cameras(scene, performers, frames)
    seen = [Performer(one.person, replace(one.over(frames), cameras=cameras, plate=plate)) for one in performers]
    drawn = draw_together(seen, background=scene.background, method=method, device=device)
    return drawn, frames, fps


def _people(scene: Scene, body: BodyModel, detector: Detector | None) -> list[SourceState]:
    """Learn each person once; people of one photo share its background."""
    known: dict[tuple[str, int], SourceState] = {}
    for source in dict.fromkeys(one.source for one in scene.cast):
        numbers = list(dict.fromkeys(one.person for one in scene.cast if one.source == source))
        if len(numbers) > 1 and not is_person_file(source):
            found = encode_everyone(source, people=numbers, body=body, detector=detector)
            known |= {(source, number): state for number, state in zip(numbers, found, strict=True)}
        else:
            known |= {
                (source, number): encode_source(source, body=body, detector=detector, person=number)
                for number in numbers
            }
    return [known[one.source, one.person] for one in scene.cast]


def _motions(scene: Scene, body: BodyModel, detector: Detector | None, progress: bool) -> list[BodyTrack]:
    known: dict[tuple[str, int], BodyTrack] = {}
    for one in scene.cast:
        key = one.motion, one.motion_person
        if key in known:
            continue
        if is_motion_file(one.motion):
            known[key] = read_motion(one.motion, body, person=one.motion_person or None)
        else:
            known[key] = recover(
                one.motion,
                body=body,
                detector=detector,
                person=one.motion_person,
                regressor="landmarks",
                progress=progress,
            )
    return [known[one.motion, one.motion_person] for one in scene.cast]


def _placed(scene: Scene, people: list[SourceState], motions: list[BodyTrack], fps: float) -> list[Performer]:
    """Put everybody on the first one's floor."""
    first = people[0].to("cpu")
    floor = standing_level(first.body, first.track)
    origin = first.track.transl[0] + first.body.rest_joints(first.track.betas)[0]
    performers, beside = [], 0.0
    for number, (one, person, motion) in enumerate(zip(scene.cast, people, motions, strict=True)):
        here = person.to("cpu")
        target = imitation_target(here.body, here.track, retarget(motion.to("cpu"), here.body), size=scene.size)
        pelvis = here.body.rest_joints(here.track.betas)[0]
        root = target.transl + pelvis
        own = standing_level(here.body, here.track)
        if one.place is not None:
            beside = one.place[0]
            spot = origin[[0, 2]] + torch.tensor(one.place, dtype=torch.float32)
        elif number and one.source == scene.cast[0].source:
            spot = root[0, [0, 2]]
        else:
            beside = beside + _BESIDE if number else 0.0
            spot = origin[[0, 2]] + torch.tensor([beside, 0.0], dtype=torch.float32)
        turned, root = _turned(target, root, one.turn)
        shift = torch.stack([spot[0] - root[0, 0], floor - own, spot[1] - root[0, 2]])
        ground = None if target.floor is None else target.floor + shift[1]
        target = replace(target, global_orient=turned, transl=root + shift - pelvis, floor=ground)
        performers.append(Performer(person, target, max(0, round(one.start * fps))))
    return performers


def _turned(
    target: Target, root: Float[Tensor, "T 3"], degrees: float
) -> tuple[Float[Tensor, "T 3"], Float[Tensor, "T 3"]]:
    """Turn poses and ways about the vertical, around where they begin."""
    if not degrees:
        return target.global_orient, root
    turn = axis_angle_to_matrix(torch.tensor([0.0, math.radians(degrees), 0.0], dtype=torch.float32))
    orient = matrix_to_axis_angle(turn @ axis_angle_to_matrix(target.global_orient))
    return orient, root[:1] + (root - root[:1]) @ turn.T


def _cameras(scene: Scene, performers: list[Performer], frames: int) -> tuple[tuple[Camera, ...], Camera | None]:
    """Return the camera of each frame, and that of the background if it turns with them."""
    base = performers[0].target.camera(0)
    told = scene.camera
    if told.path == "still":
        return (base,), None
    if told.path == "clip":
        cameras = _clip_cameras(told.clip, base)
        return tuple(cameras[min(frame, len(cameras) - 1)] for frame in range(frames)), base
    parts = [frame / max(1, frames - 1) for frame in range(frames)]
    if told.path == "dolly":
        way = torch.tensor(told.by, dtype=torch.float32)
        return tuple(replace(base, translation=base.translation - part * way) for part in parts), None
    middle = torch.stack([one.target.transl[0] for one in performers]).mean(0)
    return tuple(
        orbit_camera(base, middle, azimuth=math.radians(part * told.degrees), elevation=math.radians(told.elevation))
        for part in parts
    ), None


def _clip_cameras(clip: str, base: Camera) -> tuple[Camera, ...]:
    """Return a camera that turns and zooms as that of a clip did, and begins as `base`."""
    if Path(clip).suffix.lower() == ".npz":
        path = BodyTrack.load(clip).path
    else:
        video = open_video(clip)
        watcher = BackgroundWatcher((int(video.size[0]), int(video.size[1])), video.fps)
        for frame in video:
            watcher.watch(frame, None, None)
        motion = judge(watcher)
        path = motion.path(fov=field_of_view(base))[0] if motion.kind is CameraKind.MOVING else None
    if path is None:
        raise InputError(f"{clip}: its camera stands still, or shows nothing that tells; choose another camera path")
    begin = replace(path, rotation=path.rotation @ path.rotation[0].T, zoom=path.zoom / path.zoom[0])
    return begin.cameras(base)


def _check_keys(path: Path, where: str, told: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key in told:
        if key not in known:
            place = f"{where} " if where else ""
            near = _meant(key, known)
            raise InputError(f"{path}: {place}there is no {key!r}{near}; known are {', '.join(known)}")


def _meant(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _values(
    path: Path, where: str, told: Mapping[str, object], kind: type, *, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the values of a table as the fields of a dataclass want them."""
    wanted = {field.name: _kind(field.type) for field in fields(kind) if field.name not in without}
    _check_keys(path, where, told, tuple(wanted))
    values: dict[str, Any] = {}
    for key, value in told.items():
        values[key] = _as(value, wanted[key])
        if values[key] is None:
            raise InputError(f"{path}: {where} {key} = {value!r} is not of its kind ({wanted[key]})")
    for needed in ("source", "motion"):
        if needed in wanted and not values.get(needed):
            raise InputError(f"{path}: {where} has no {needed}; each person needs a source and a motion")
    return values


def _kind(named: object) -> str:
    return named.__name__ if isinstance(named, type) and named in (str, int, float) else str(named)


def _as(value: object, kind: str) -> object:
    """Return a value of a TOML file as a field's kind, or None."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE
    if kind.startswith("str"):
        return value if isinstance(value, str) and value else None
    if kind.startswith("int"):
        return value if number and isinstance(value, int) and value >= 0 else None
    if kind.startswith("float"):
        return float(value) if number else None  # type: ignore[arg-type]
    count = 3 if "float, float, float" in kind else 2
    numbers = isinstance(value, list) and len(value) == count and all(_as(one, "float") is not None for one in value)
    return tuple(float(one) for one in value) if numbers else None  # type: ignore[attr-defined]


def _beside(scene: Scene, folder: Path) -> Scene:
    """Look for files beside the scene's own."""
    cast = tuple(replace(one, source=str(folder / one.source), motion=str(folder / one.motion)) for one in scene.cast)
    clip = str(folder / scene.camera.clip) if scene.camera.clip else ""
    kept = scene.background in ("keep", "plain")
    background = scene.background if kept else str(folder / scene.background)
    return replace(scene, cast=cast, camera=replace(scene.camera, clip=clip), background=background)
