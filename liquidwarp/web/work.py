"""What jobs do: functions called in a process of their own (`worker.serve`), in the job's folder, with plain values.

Files have names of their own there: `photo.*`, `motion.*`, `me.person`, `motion.npz`, `out.mp4`, and so on.
"""

import hashlib
import json
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from liquidwarp import media
from liquidwarp.appearance import dress_in_drapes
from liquidwarp.geometry import shrunk
from liquidwarp.motion import read_motion, write_motion
from liquidwarp.person import SourceState, is_person_file
from liquidwarp.tasks import (
    Synthesis,
    encode_source,
    export_glb,
    imitate,
    imitate_live,
    novel_view,
    recover_meanwhile,
    transfer_appearance,
    write_video,
)
from liquidwarp.types import BodyTrack
from liquidwarp.web.checks import check_motion, check_photo
from liquidwarp.web.examples import photo_of
from liquidwarp.web.handles import DraggedDetector, handles_of
from liquidwarp.web.worker import Teller

T = TypeVar("T")

PERSON, MOTION, RESULT, REFERENCE = "me.person", "motion.npz", "out.mp4", "reference.mp4"
_KEPT = 3  # people, and motions, that a process remembers
_PREVIEW_EVERY = 3  # frames
_REFERENCE_HEIGHT = 720
_STILL_RATE = 25.0
_PICTURES = 8  # that are kept for who looks at an earlier one
_BLACK = (0, 0, 0)

Moved = Mapping[str, Sequence[float]]
"""Landmarks that somebody put right: where they are in the photo, pixels."""

_people: OrderedDict[str, SourceState] = OrderedDict()
_motions: OrderedDict[str, BodyTrack] = OrderedDict()


def prepare() -> None:
    """Load and compile what every job needs."""
    photo = media.read_image(photo_of("woman_stripes")).rgb[::2, ::2]
    next(novel_view(encode_source(photo), frames=1, size=64))


def learn(tell: Teller, *, photo: str, person: int = 0, moved: Moved | None = None) -> dict[str, Any]:
    """Learn a person, and write what the page turns: `turn.glb`, and a byte of coverage for each of its faces."""
    check_photo(photo)
    tell("looking at the photo")
    who = _person(photo, person, moved)
    tell("making the mesh")
    export_glb(who, who.track, "turn.glb")
    look = dress_in_drapes(who.body.topology, who.appearance, who.drapes)[1]
    coverage = look.face_coverage()
    Path("coverage.bin").write_bytes(coverage.tobytes())
    who.save(PERSON)
    shares = np.bincount(coverage, minlength=4)[1:] / len(coverage)
    return {"seen": float(shares[0]), "mirrored": float(shares[1]), "invented": float(shares[2])}


def dance(
    tell: Teller,
    *,
    photo: str,
    motion: str,
    person: int = 0,
    motion_person: int = 0,
    **look: Any,
) -> dict[str, Any]:
    """Let a person do a motion: `out.mp4`, and `reference.mp4` where the motion is a video.

    Args:
        tell: see `worker.serve`.
        photo: name of the photo, or of a learnt person.
        motion: name of the video or motion.
        person: which person of the photo.
        motion_person: which person of the motion.
        look: options of `imitate`.
    """
    check_photo(photo)
    filmed = check_motion(motion)
    tell("looking at the photo and the motion")
    who, moves = _person_and_motion(photo, person, motion, filmed, motion_person)
    who.save(PERSON)
    moves.save(MOTION)
    Path("look.json").write_text(json.dumps(look), encoding="utf-8")
    frames = _watched(imitate(who, moves, **look), len(moves), tell)
    write_video(frames, RESULT, fps=moves.fps or _STILL_RATE, sound=motion if filmed else None)
    if filmed:
        tell("copying the reference")
        clip = media.open_video(motion)
        media.write_video(map(_small, clip), REFERENCE, fps=clip.fps, quick=True)
    return {"filmed": filmed}


def export(tell: Teller, *, kind: str) -> dict[str, Any]:
    """Write another file of what `dance` or `learn` made in this folder.

    Args:
        tell: see `worker.serve`.
        kind: "webm", "png", "glb" or "bvh".
    """
    who = SourceState.load(PERSON)
    moves = BodyTrack.load(MOTION) if Path(MOTION).exists() else who.track
    name = {"webm": "transparent.webm", "png": "frames.zip", "glb": "person.glb", "bvh": "motion.bvh"}[kind]
    tell(f"writing {name}")
    if kind == "glb":
        export_glb(who, moves, name)
    elif kind == "bvh":
        write_motion(moves, name, who.body)
    else:
        look = json.loads(Path("look.json").read_text(encoding="utf-8")) if Path("look.json").exists() else {}
        pictures = map(_cut_out, imitate(who, moves, **look | {"background": _BLACK}))
        frames = _counted(pictures, len(moves), tell, f"writing {name}")
        if kind == "png":
            _zip_pictures(frames, name)
        else:
            media.write_video(frames, name, fps=moves.fps or _STILL_RATE)
    return {"file": name}


def dress(tell: Teller, *, photos: list[str], wear: Mapping[str, int], table: bool, size: int) -> dict[str, Any]:
    """Dress the first of several people in parts of others: `dressed.png`, or all in the clothes of all: `table.png`.

    Args:
        tell: see `worker.serve`.
        photos: names of the photos.
        wear: part to the number of the photo that it comes from.
        table: make the table: a row for each person, a column for whose clothes.
        size: longer side of a picture.
    """
    people = []
    for number, photo in enumerate(photos):
        check_photo(photo)
        tell("looking at the photos", number, len(photos))
        people.append(_person(photo))
    if table:
        rows = []
        for row, who in enumerate(people):
            tell("dressing", row * len(people), len(people) ** 2)
            others = [who if other is who else transfer_appearance(who, {"body": other}) for other in people]
            rows.append([_front(each, size) for each in others])
        _write_table(rows, "table.png")
    dressed = transfer_appearance(people[0], {part: people[n] for part, n in wear.items()}) if wear else people[0]
    dressed.save(PERSON)
    media.write_image("dressed.png", _front(dressed, size))
    return {}


def find(tell: Teller, *, photo: str) -> dict[str, Any]:
    """Find people in a photo: `upright.jpg`, and for each the handles that can be dragged."""
    from liquidwarp.detect import detect_people

    check_photo(photo)
    tell("looking at the photo")
    rgb = media.read_image(photo).rgb
    media.write_image("upright.jpg", _small(rgb, 1024))
    return {"size": list(rgb.shape[:2]), "people": [handles_of(each) for each in detect_people(rgb)]}


def fix(tell: Teller, *, photo: str, person: int, moved: Moved) -> dict[str, Any]:
    """Learn a person anew with joints where somebody dragged them: the fit over the photo in `fixed.jpg`."""
    from liquidwarp.viz import draw_overlay

    made = learn(tell, photo=photo, person=person, moved=moved)
    who = _person(photo, person, moved)
    draw_overlay(photo, who.track, "fixed.png", body=who.body)
    media.write_image("front.png", _front(who, 640))
    return made


def live(tell: Teller, *, photo: str, size: int) -> dict[str, Any]:
    """Let frames that are sent (JPEG, bytes) drive a person, until None comes: `live.jpg`, again and again."""
    check_photo(photo)
    tell("looking at the photo")
    who = _person(photo)
    tell("waiting for the camera")
    for number, frame in enumerate(imitate_live(who, _heard(tell), fps=10.0, size=size), 1):
        name = _picture_name(number)
        media.write_image(name, media.to_uint8(frame.synthesis.image))
        tell("live", number, picture=name)
    return {}


def _heard(tell: Teller) -> Iterator[np.ndarray]:
    """Yield the frames that are sent, all of the first one's size."""
    import cv2

    size: tuple[int, int] | None = None
    while (data := tell.hear()) is not None:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if frame is None:
            continue
        size = size or (frame.shape[1], frame.shape[0])
        if (frame.shape[1], frame.shape[0]) != size:
            frame = cv2.resize(frame, size)
        yield np.ascontiguousarray(frame[..., ::-1])


def _person(photo: str, person: int = 0, moved: Moved | None = None) -> SourceState:
    """Learn a person, or remember them."""

    def work() -> SourceState:
        if is_person_file(photo):
            return SourceState.load(photo)
        detector = DraggedDetector(person, moved) if moved else None
        return encode_source(photo, person=person, detector=detector)

    return _remembered(_people, f"{_digest(photo)} {person} {sorted((moved or {}).items())}", work)


def _person_and_motion(
    photo: str, person: int, motion: str, filmed: bool, motion_person: int
) -> tuple[SourceState, BodyTrack]:
    key = f"{_digest(motion)} {motion_person}"
    if not filmed:
        who = _person(photo, person)
        return who, read_motion(motion, who.body, person=motion_person or None)
    if key in _motions:
        return _person(photo, person), _motions[key]
    found = recover_meanwhile(
        lambda: _person(photo, person), motion, person=motion_person, regressor="landmarks", progress=True
    )
    return found[0], _remembered(_motions, key, lambda: found[1])


def _remembered(known: "OrderedDict[str, T]", key: str, work: Callable[[], T]) -> T:
    """Return what was made under a key, or make it; the oldest is let go."""
    value = known.pop(key) if key in known else work()
    known[key] = value
    while len(known) > _KEPT:
        known.popitem(last=False)
    return value


def _digest(name: str) -> str:
    with open(name, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _watched(frames: Iterable[Synthesis], total: int, tell: Teller) -> Iterator[Synthesis]:
    """Pass frames on; count them, and let some be looked at."""
    for number, frame in enumerate(frames, 1):
        if number % _PREVIEW_EVERY == 1:
            name = _picture_name(number // _PREVIEW_EVERY)
            media.write_image(name, _small(media.to_uint8(frame.image), 480))
            tell("painting", number, total, picture=name)
        yield frame
        tell("painting", number, total)


def _picture_name(number: int) -> str:
    """Return a name for a picture that is looked at meanwhile; none is written over while somebody may look at it."""
    return f"now{number % _PICTURES}.jpg"


def _counted(frames: Iterable[T], total: int, tell: Teller, stage: str) -> Iterator[T]:
    for number, frame in enumerate(frames, 1):
        tell(stage, number, total)
        yield frame


def _small(rgb: np.ndarray, height: int = _REFERENCE_HEIGHT) -> np.ndarray:
    """Return a picture of a bounded height."""
    if rgb.shape[0] <= height:
        return rgb
    return shrunk(rgb, (height, max(1, round(rgb.shape[1] * height / rgb.shape[0]))))


def _cut_out(frame: Synthesis) -> np.ndarray:
    """Return the person alone, (H, W, 4), from a picture on black."""
    alpha = frame.alpha.cpu().numpy()
    image = frame.image.cpu().numpy().transpose(1, 2, 0)
    colors = np.clip(image / np.maximum(alpha, 1 / 255)[..., None], 0, 1)
    return np.dstack([255 * colors + 0.5, 255 * alpha + 0.5]).astype(np.uint8)


def _zip_pictures(frames: Iterable[np.ndarray], name: str) -> None:
    with zipfile.ZipFile(name, "w", zipfile.ZIP_STORED) as archive:
        for number, frame in enumerate(frames):
            media.write_image("frame.png", frame[..., :3], alpha=frame[..., 3])
            archive.write("frame.png", f"{number:05d}.png")
    Path("frame.png").unlink()


def _front(who: SourceState, size: int) -> np.ndarray:
    return media.to_uint8(next(novel_view(who, degrees=0.0, frames=1, size=size)).image)


def _write_table(rows: Sequence[Sequence[np.ndarray]], name: str) -> None:
    from liquidwarp.viz import Row, contact_sheet

    captions = [f"person {number}, in the clothes of each" for number in range(1, len(rows) + 1)]
    sheet = [Row(list(row), caption) for row, caption in zip(rows, captions, strict=True)]
    media.write_image(name, contact_sheet(sheet, cell=(360, 270), crop=True))
