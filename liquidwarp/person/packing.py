"""A person's parts as arrays, and back: whatever a file says is checked before a compiled loop may follow it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from liquidwarp.appearance import DRAPES, Appearance, Drape
from liquidwarp.bodies import BODIES, BodyModel, fingerprint, load_body
from liquidwarp.errors import InputError
from liquidwarp.person.files import Card, PersonArrays, not_a_person
from liquidwarp.types import FACE_POINTS, BodyTrack, Camera, FaceTrack, Pose

Arrays = dict[str, np.ndarray]

_TRACK = {
    "betas": ("float32", "K"),
    "global_orient": ("float32", "1 3"),
    "body_pose": ("float32", "1 J 3"),
    "transl": ("float32", "1 3"),
    "confidence": ("float32", "1"),
    "observed": ("bool", "1"),
}
_FACE = {
    "shape": ("float32", "1 M 3"),
    "center": ("float32", "1 2"),
    "size": ("float32", "1"),
    "presence": ("float32", "1"),
}
_POSE = {"global_orient": ("float32", "3"), "body_pose": ("float32", "J 3"), "transl": ("float32", "3")}
_CAMERA = {
    "focal": ("float32", "2"),
    "center": ("float32", "2"),
    "rotation": ("float32", "3 3"),
    "translation": ("float32", "3"),
    "orthographic": ("bool", ""),
}
_APPEARANCE = {
    "texels": ("uint8", "N 4"),
    "kinds": ("uint8", "N"),
    "table": ("int64", "L 3"),
    "slot_layer": ("int32", "F S"),
    "slot_xy": ("float32", "F S 3 2"),
    "slot_weight": ("float32", "F S 3"),
    "slot_mirrored": ("bool", "F S"),
}
_DRAPE = {
    "rest": ("float32", "P 3"),
    "joints": ("int64", "P 5"),
    "weights": ("float32", "P 5"),
    "loose": ("float32", "P"),
    "faces": ("int32", "Q 3"),
    "hides": ("bool", "F"),
}
_LOOK_OF_DRAPE = {  # lengths of one drape's own
    name: (
        kind,
        " ".join({"N": "N{}", "L": "L{}", "F": "Q{}", "S": "S{}"}.get(letter, letter) for letter in shape.split()),
    )
    for name, (kind, shape) in _APPEARANCE.items()
}
_FARTHEST = 1e9  # pixels: what a compiled loop can still turn into whole numbers
_WIDEST_FACE = 100.0  # of its own size
_MOST_TEXELS = 2**31
_SAME_SHAPE = 1e-3  # metres by which a body may differ from the one that a person was learnt on


@dataclass(frozen=True)
class BodyCard:
    """What a file tells of a body.

    Attributes:
        name: what `load_body` calls it, or its owner.
        fingerprint: see `bodies.fingerprint`.
        vertices: how many it has, as all that follows.
        faces: of the mesh.
        joints: of the skeleton.
        shapes: coefficients.
    """

    name: str
    fingerprint: str
    vertices: int
    faces: int
    joints: int
    shapes: int

    @staticmethod
    def of(body: BodyModel) -> "BodyCard":
        """Describe a body."""
        vertices, faces = len(body.topology.vertex_part), len(body.topology.faces)
        return BodyCard(body.name, fingerprint(body), vertices, faces, len(body.parents), body.num_betas)

    def __str__(self) -> str:
        return (
            f"body {self.name!r} ({self.vertices} vertices, {self.faces} faces, {self.joints} joints, "
            f"{self.shapes} shape coefficients)"
        )


def pack_body(body: BodyModel, betas: Tensor) -> tuple[Card, Arrays]:
    """Describe a body, with the person at rest, by which another of the same mesh is known."""
    return {"body": asdict(BodyCard.of(body))}, {"rest": plain(body.identity(betas).vertices, "float32")}


def find_body(path: str | Path, card: Card, body: BodyModel | None) -> BodyModel:
    """Return the body that a file is of.

    Args:
        path: of the file, for messages.
        card: of the file.
        body: the one that is at hand; `load_body` is asked if there is none.

    Raises:
        InputError: it is not at hand, or another one.
    """
    try:
        told = card["body"]
        counts = (int(told[name]) for name in ("vertices", "faces", "joints", "shapes"))
        known = BodyCard(str(told["name"]), str(told["fingerprint"]), *counts)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise not_a_person(path, f"it does not tell its body: {error}") from error
    remedy = "give that body with --body, in Python as SourceState.load(path, body)"
    if body is None:
        if known.name not in BODIES:
            raise InputError(f"{path}: learnt on {known}, which load_body does not know by this name; {remedy}")
        try:
            body = load_body(known.name)
        except InputError as error:
            raise InputError(f"{path}: learnt on {known}, which is not at hand: {error}; or {remedy}") from error
    if fingerprint(body) != known.fingerprint:
        raise InputError(f"{path}: learnt on {known}, not on {BodyCard.of(body)}; {remedy}, or learn the person anew")
    return body


def check_rest(path: str | Path, body: BodyModel, betas: Tensor, rest: Tensor) -> None:
    """Raise `InputError` unless the person at rest, on this body, is as it was when learnt."""
    apart = float((body.identity(betas).vertices - rest).abs().amax())
    if not apart <= _SAME_SHAPE:
        raise InputError(
            f"{path}: learnt on a body of the same mesh as {body.name!r} and another shape "
            f"({1000 * apart:.0f} mm apart); "
            "give that body with --body, in Python as SourceState.load(path, body)"
        )


def pack_track(track: BodyTrack) -> tuple[Card, Arrays]:
    """Pack a track of one frame; its body's name is left out."""
    told = {"fps": track.fps, "detector": track.detector, "version": track.version}
    arrays = _pack(track, _TRACK, "track.") | pack_camera(track.camera, "track.camera.")
    if track.face is None:
        return {"track": told}, arrays
    return {"track": told, "face": FACE_POINTS}, arrays | _pack(track.face, _FACE, "track.face.")


def take_track(card: Card, arrays: PersonArrays, body: BodyModel, size: tuple[int, int]) -> BodyTrack:
    """Return the track of a file, before a camera of a photo's size (height, width)."""
    told, found = card["track"], _take(arrays, _TRACK, "track.")
    fps = float(told["fps"])
    if not 0 <= fps < math.inf:
        raise InputError(f"its track has {fps} frames a second")
    tensors = {name: torch.from_numpy(array) for name, array in found.items()}
    camera = take_camera(arrays, "track.camera.", size)
    face = _take_face(arrays) if "face" in card else None
    return BodyTrack(
        body=body.name,
        betas=tensors["betas"],
        global_orient=tensors["global_orient"],
        body_pose=tensors["body_pose"],
        transl=tensors["transl"],
        camera=camera,
        fps=fps,
        confidence=tensors["confidence"],
        observed=tensors["observed"],
        detector=str(told["detector"]),
        version=str(told["version"]),
        face=face,
    )


def _take_face(arrays: PersonArrays) -> FaceTrack:
    arrays.know(M=FACE_POINTS)
    tensors = {name: torch.from_numpy(array) for name, array in _take(arrays, _FACE, "track.face.").items()}
    known = tensors["size"], tensors["presence"], tensors["center"].abs().amax(), tensors["shape"].abs().amax()
    size, presence, far, wide = (float(value) for value in known)
    if not (0 < size < _FARTHEST and 0 <= presence <= 1 and far < _FARTHEST and wide < _WIDEST_FACE):
        raise InputError("its face lies nowhere in a photo")
    return FaceTrack(tensors["shape"].half(), tensors["center"], tensors["size"], tensors["presence"])


def pack_camera(camera: Camera, prefix: str) -> Arrays:
    """Pack a camera; its size is that of its picture."""
    return _pack(camera, _CAMERA, prefix)


def take_camera(arrays: PersonArrays, prefix: str, size: tuple[int, int]) -> Camera:
    """Return a camera for pictures of (height, width)."""
    found = _take(arrays, _CAMERA, prefix)
    flat = bool(found.pop("orthographic"))
    if not (found["focal"] > 0).all() or min(size) < 1:
        raise InputError(f"{prefix}focal is {found['focal'].tolist()}, of a picture of {size[1]}x{size[0]}")
    tensors = {name: torch.from_numpy(array) for name, array in found.items()}
    return Camera(size=size, orthographic=flat, **tensors)


def pack_pose(pose: Pose, prefix: str) -> Arrays:
    """Pack how a body stands."""
    return _pack(pose, _POSE, prefix)


def take_pose(arrays: PersonArrays, prefix: str) -> Pose:
    """Return how a body stands."""
    return Pose(**{name: torch.from_numpy(array) for name, array in _take(arrays, _POSE, prefix).items()})


def pack_drape(drape: Drape, prefix: str) -> tuple[Card, Arrays]:
    """Pack what hangs from a body."""
    arrays = _pack(drape, _DRAPE, prefix) | _pack(drape.look, _APPEARANCE, f"{prefix}appearance.")
    return {"kind": drape.kind, "ring": drape.ring}, arrays


def take_drape(told: Card, arrays: PersonArrays, prefix: str, number: int, joints: int) -> Drape:
    """Return what hangs from a body of so many joints, checked."""
    kinds = {
        name: (kind, shape.replace("P", f"P{number}").replace("Q", f"Q{number}"))
        for name, (kind, shape) in _DRAPE.items()
    }
    found = _take(arrays, kinds, prefix)
    kind, ring = str(told["kind"]), int(told["ring"])
    count = len(found["rest"])
    if kind not in DRAPES or not 0 < ring <= count or count % ring:
        raise InputError(f"{prefix}kind is {kind!r}, with rings of {ring} of its {count} vertices")
    for name, most in (("faces", count), ("joints", joints)):
        if not ((found[name] >= 0) & (found[name] < most)).all():
            raise InputError(f"{prefix}{name} has numbers beyond the {most} there are")
    for name in ("weights", "loose"):
        if not ((found[name] >= 0) & (found[name] <= 1)).all():
            raise InputError(f"{prefix}{name} is not between 0 and 1")
    looks = {
        name: (dtype, shape.format(*[number] * shape.count("{}"))) for name, (dtype, shape) in _LOOK_OF_DRAPE.items()
    }
    look = _checked(Appearance(**_take(arrays, looks, f"{prefix}appearance.")))
    tensors = {name: torch.from_numpy(array) for name, array in found.items()}
    return Drape(kind=kind, ring=ring, look=look, **tensors)


def pack_appearance(appearance: Appearance) -> Arrays:
    """Pack what a surface looks like."""
    return _pack(appearance, _APPEARANCE, "appearance.")


def take_appearance(arrays: PersonArrays) -> Appearance:
    """Return what a surface looks like, with every place in its pictures inside of them."""
    return _checked(Appearance(**_take(arrays, _APPEARANCE, "appearance.")))


def _checked(look: Appearance) -> Appearance:
    texels, (start, height, width) = len(look.texels), look.table.T
    if not 0 < texels < _MOST_TEXELS or not ((look.table[:, 1:] >= 1) & (look.table[:, 1:] <= texels)).all():
        raise InputError(f"appearance.table has layers that are no part of {texels} pixels")
    ends = np.cumsum(height * width)
    if not np.array_equal(start, np.concatenate([[0], ends[:-1]])) or ends[-1] != texels:
        raise InputError("appearance.table does not lay its layers one behind the other")
    if not ((look.kinds >= 1) & (look.kinds <= 3)).all():
        raise InputError("appearance.kinds is not 1, 2 or 3 everywhere")
    if not ((look.slot_layer >= -1) & (look.slot_layer < len(look.table))).all():
        raise InputError(f"appearance.slot_layer names layers beyond the {len(look.table)} there are")
    if not (np.abs(look.slot_xy) <= _FARTHEST).all():
        raise InputError("appearance.slot_xy lies too far outside of the pictures")
    if not ((look.slot_weight >= 0) & (look.slot_weight <= 1)).all():
        raise InputError("appearance.slot_weight is not between 0 and 1")
    return look


def take_tensor(arrays: PersonArrays, name: str, dtype: str, shape: str) -> Tensor:
    """Take an array as a tensor; see `PersonArrays.take`."""
    return torch.from_numpy(arrays.take(name, dtype, shape))


def _pack(value: object, kinds: Mapping[str, tuple[str, str]], prefix: str) -> Arrays:
    return {f"{prefix}{name}": plain(getattr(value, name), dtype) for name, (dtype, _) in kinds.items()}


def _take(arrays: PersonArrays, kinds: Mapping[str, tuple[str, str]], prefix: str) -> Arrays:
    return {name: arrays.take(f"{prefix}{name}", *kind) for name, kind in kinds.items()}


def plain(value: Any, dtype: str) -> np.ndarray:
    """Return a tensor or an array as an array of a type."""
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value, dtype)
