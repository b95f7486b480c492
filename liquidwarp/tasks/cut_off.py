"""Where on the body pictures end that do not show the whole person."""

import logging
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.parts import part_labels
from liquidwarp.bodies.protocol import Topology
from liquidwarp.geometry import project
from liquidwarp.types import BodyTrack, Camera

_log = logging.getLogger(__name__)

_FACE_SHOWN = 0.1  # part of a face's surface below which a picture shows none; half of it is seen from the front
_STEPS = 40  # places looked at along a bone

_Zones = tuple[tuple[float, str], ...]

# From, to, and the names of what lies between: each up to a fraction of the way. The last fifth of what has a free end
# (face, hand, foot) is not looked at: a fit may be that much off.
_MIDDLE: tuple[tuple[str, str, _Zones], ...] = (
    ("neck", "crown", ((0.25, "neck"), (0.8, "face"))),
    ("neck", "pelvis", ((0.15, "shoulders"), (0.55, "chest"), (0.9, "waist"), (1.0, "hips"))),
)
_SIDES: tuple[tuple[str, str, _Zones], ...] = (
    ("pelvis", "hip", ((1.0, "hip"),)),
    ("hip", "knee", ((0.2, "hip"), (0.8, "thigh"), (1.0, "knee"))),
    ("knee", "ankle", ((0.2, "knee"), (0.8, "shin"), (1.0, "ankle"))),
    ("ankle", "foot", ((0.3, "ankle"), (0.8, "foot"))),
    ("neck", "shoulder", ((1.0, "shoulder"),)),
    ("shoulder", "elbow", ((0.2, "shoulder"), (0.8, "upper arm"), (1.0, "elbow"))),
    ("elbow", "wrist", ((0.2, "elbow"), (0.8, "forearm"), (1.0, "wrist"))),
    ("wrist", "hand", ((0.3, "wrist"), (0.8, "hand"))),
)
_JOINTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_PLURAL = {"foot": "feet"}


def tell_of_cuts(name: str, body: BodyModel, tracks: Sequence[BodyTrack]) -> None:
    """Say in the log where on the body the pictures of a person end, if they do.

    Args:
        name: what the pictures are called.
        body: of the tracks.
        tracks: the body in each picture, one frame long.
    """
    places = where_pictures_end(body, tracks)
    if places:
        _log.warning("%s: the picture ends at the %s; what lies beyond is invented", name, " and the ".join(places))


def tell_of_face(name: str, topology: Topology, shown: Sequence[Bool[Tensor, "F"]]) -> None:
    """Say in the log that no picture shows a person's face, as from behind; it is bare skin then, and not invented.

    Args:
        name: what the pictures are called.
        topology: of the body.
        shown: the faces of the mesh that each picture shows.
    """
    face = topology.face_part == part_labels("face")[0]
    if bool(face.any()) and all(float(seen[face].float().mean()) < _FACE_SHOWN for seen in shown):
        _log.warning("%s: the face is not seen and stays blank; add a photo from the front", name)


def where_pictures_end(body: BodyModel, tracks: Sequence[BodyTrack]) -> list[str]:
    """Return the names of the places of the body beyond which no picture shows it; none if it is whole.

    Args:
        body: of the tracks.
        tracks: the body in each picture, one frame long, with the picture's camera.
    """
    places = [_places(body, track) for track in tracks]
    cameras = [track.camera for track in tracks]

    def cuts(start: str, end: str, zones: _Zones) -> set[str]:
        fraction = torch.linspace(0, zones[-1][0], _STEPS, dtype=torch.float32)
        within = torch.stack(
            [
                _inside(camera, torch.lerp(place[start], place[end], fraction[:, None]))
                for place, camera in zip(places, cameras, strict=True)
            ]
        ).any(0)
        changes = fraction[1:][within[1:] != within[:-1]].tolist()
        return {next(zone for until, zone in zones if change <= until + 1e-6) for change in changes}

    found = [zone for start, end, zones in _MIDDLE for zone in sorted(cuts(start, end, zones))]
    left, right = (
        {zone for start, end, zones in _SIDES for zone in cuts(_of_side(side, start), _of_side(side, end), zones)}
        for side in ("left", "right")
    )
    for zone in dict.fromkeys(zone for _, _, zones in _SIDES for _, zone in zones):
        if zone in left and zone in right:
            found.append(_PLURAL.get(zone, f"{zone}s"))
        else:
            found += [f"{side} {zone}" for side, ends in (("left", left), ("right", right)) if zone in ends]
    return list(dict.fromkeys(found))


def _of_side(side: str, name: str) -> str:
    return name if name in ("neck", "pelvis") else f"{side}_{name}"


def _inside(camera: Camera, points: Float[Tensor, "N 3"]) -> Tensor:
    x, y, depth = project(camera, points).unbind(-1)
    height, width = camera.size
    return (depth > 0) & (x >= 0) & (x <= width) & (y >= 0) & (y <= height)


@torch.no_grad()
def _places(body: BodyModel, track: BodyTrack) -> dict[str, Tensor]:
    """Return joints and the ends of head, hands and feet, in the world."""
    identity = body.identity(track.betas)
    turn, shift = body.transforms(identity.joints, track.global_orient, track.body_pose)
    joints = (turn[0] @ identity.joints[..., None])[..., 0] + shift[0] + track.transl[0]
    vertices = body.vertices(identity, track.global_orient, track.body_pose, track.transl)[0]
    names = ("neck", "pelvis", *(f"{side}_{joint}" for side in ("left", "right") for joint in _JOINTS))
    places = {name: joints[body.canonical(name)] for name in names}

    def farthest(part: str, joint: str) -> Tensor:
        of_part = vertices[torch.isin(body.topology.vertex_part.long(), torch.tensor(part_labels(part)))]
        return of_part[(of_part - places[joint]).norm(dim=-1).argmax()]

    places["crown"] = farthest("head", "neck")
    for side in ("left", "right"):
        places[f"{side}_hand"] = farthest(f"{side}_hand", f"{side}_wrist")
        places[f"{side}_foot"] = farthest(f"{side}_foot", f"{side}_ankle")
    return places
