"""Everything known of a person from photos, as a value."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from liquidwarp.appearance import Appearance, Drape
from liquidwarp.bodies import BodyModel
from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.person.files import Card, PersonArrays, digest_of, not_a_person, read_person_file, write_person_file
from liquidwarp.person.packing import (
    Arrays,
    check_rest,
    find_body,
    pack_appearance,
    pack_body,
    pack_camera,
    pack_drape,
    pack_pose,
    pack_track,
    plain,
    take_appearance,
    take_camera,
    take_drape,
    take_pose,
    take_tensor,
    take_track,
)
from liquidwarp.types import BodyTrack, Camera, Pose

_WITHOUT_POSES = 1  # the format before views had poses


@dataclass(frozen=True, eq=False)
class SourceView:
    """A photo as the generator sees it.

    Attributes:
        picture: colours of the person, free of the background, and the alpha.
        camera: the photo's camera; its size is the photo's.
        vertices: the clothed body as it stands in the photo.
        faces: which faces of the body the photo shows, and may be asked for.
        pose: how the body stands in the photo.
    """

    picture: UInt8[np.ndarray, "H W 4"]
    camera: Camera
    vertices: Float[Tensor, "V 3"]
    faces: Bool[Tensor, "F"]
    pose: Pose

    def to(self, device: torch.device | str) -> "SourceView":
        """Return the view with its tensors on another device; the picture stays an array."""
        return moved(self, device)


@dataclass(frozen=True, eq=False)
class SourceState:
    """A person, ready to be put in motion; a value, made by `encode_source`.

    Attributes:
        body: the body that all of it is of.
        track: one frame: shape, pose, place and camera in the first photo.
        offsets: clothes and hair, metres from the rest body.
        appearance: what the surface looks like.
        background: the first photo without the person.
        photo: the first photo.
        alpha: the person in the first photo, 1 = person.
        views: the photos, for the generator.
        drapes: what hangs from the body: skirts, long hair.

    Examples:
        >>> from liquidwarp.person import SourceState
        >>> person.save("me.person")
        >>> again = SourceState.load("me.person", person.body)
        >>> again.track.betas.equal(person.track.betas), again.offsets.equal(person.offsets)
        (True, True)
    """

    body: BodyModel
    track: BodyTrack
    offsets: Float[Tensor, "V 3"]
    appearance: Appearance
    background: UInt8[np.ndarray, "H W 3"]
    photo: UInt8[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    views: tuple[SourceView, ...]
    drapes: tuple[Drape, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the person's tensors lie."""
        return self.offsets.device

    def to(self, device: torch.device | str) -> "SourceState":
        """Return the person with its tensors and its body on another device.

        Pictures stay arrays: who draws puts what is drawn from on the device once (`Appearance.tensors`).
        """
        return moved(self, device)

    def save(self, path: str | Path) -> None:
        """Write all of it to one file, atomically; the same person gives the same bytes.

        The body itself is not written: the file says by name and fingerprint which one it is. The photos are, so treat
        the file as you treat them.

        Args:
            path: of the file; ends in .person by convention.

        Raises:
            OutputError: the file cannot be written.
        """
        write_person_file(path, *_pack(self))

    @staticmethod
    def load(path: str | Path, body: BodyModel | None = None) -> "SourceState":
        """Read what `save` wrote; nothing in the file is executed.

        Args:
            path: of the file.
            body: the body that the person was learnt on; by default `load_body` of the name in the file.

        Raises:
            InputError: the file is missing, damaged or of a newer liquidwarp, or the person was learnt on a body that
                is not at hand, or on another one than `body`.
        """
        card, arrays = read_person_file(path)
        body = find_body(path, card, body)
        try:
            state = _take(card, arrays, body)
            rest = take_tensor(arrays, "rest", "float32", "V 3")
            arrays.check_empty()
        except (InputError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise not_a_person(path, error) from error
        check_rest(path, body, state.track.betas, rest)
        return state

    def digest(self) -> str:
        """Return a hash of all that is known of the person, the body included."""
        return digest_of(*_pack(self))


def _pack(state: SourceState) -> tuple[Card, Arrays]:
    state = state.to("cpu")
    card, arrays = pack_body(state.body, state.track.betas)
    told, packed = pack_track(state.track)
    arrays |= packed | pack_appearance(state.appearance)
    for name, dtype in (("offsets", "float32"), ("background", "uint8"), ("photo", "uint8"), ("alpha", "float32")):
        arrays[name] = plain(getattr(state, name), dtype)
    for number, view in enumerate(state.views):
        prefix = f"views.{number}."
        arrays |= pack_camera(view.camera, f"{prefix}camera.") | pack_pose(view.pose, f"{prefix}pose.")
        for name, dtype in (("picture", "uint8"), ("vertices", "float32"), ("faces", "bool")):
            arrays[prefix + name] = plain(getattr(view, name), dtype)
    whole = card | told | {"views": len(state.views)}
    if not state.drapes:
        return whole, arrays
    hanging = []
    for number, drape in enumerate(state.drapes):
        told, packed = pack_drape(drape, f"drapes.{number}.")
        hanging.append(told)
        arrays |= packed
    return whole | {"drapes": hanging}, arrays


def _take(card: Card, arrays: PersonArrays, body: BodyModel) -> SourceState:
    """Put a person together; InputError, KeyError, TypeError or ValueError where the file holds no such thing."""
    arrays.know(V=len(body.topology.vertex_part), F=len(body.topology.faces), K=body.num_betas, J=len(body.parents) - 1)
    photo = arrays.take("photo", "uint8", "H W 3")
    views = int(card["views"])
    if views < 1:
        raise InputError("it shows no photo to the generator")
    track = take_track(card, arrays, body, (photo.shape[0], photo.shape[1]))
    known = _only_pose(track, views) if card["format"] <= _WITHOUT_POSES else None
    return SourceState(
        body=body,
        track=track,
        offsets=take_tensor(arrays, "offsets", "float32", "V 3"),
        appearance=take_appearance(arrays),
        background=arrays.take("background", "uint8", "H W 3"),
        photo=photo,
        alpha=arrays.take("alpha", "float32", "H W"),
        views=tuple(_take_view(arrays, f"views.{number}.", number, known) for number in range(views)),
        drapes=tuple(
            take_drape(told, arrays, f"drapes.{number}.", number, len(body.parents))
            for number, told in enumerate(card.get("drapes", ()))
        ),
    )


def _only_pose(track: BodyTrack, views: int) -> Pose:
    """Return the pose of the only photo, which is the track's."""
    if views > 1:
        raise InputError(
            "an older liquidwarp wrote it, which did not keep how the person stands in each of several photos"
        )
    return track.pose(0)


def _take_view(arrays: PersonArrays, prefix: str, number: int, known: Pose | None) -> SourceView:
    picture = arrays.take(f"{prefix}picture", "uint8", f"H{number} W{number} 4")
    return SourceView(
        picture,
        take_camera(arrays, f"{prefix}camera.", (picture.shape[0], picture.shape[1])),
        take_tensor(arrays, f"{prefix}vertices", "float32", "V 3"),
        take_tensor(arrays, f"{prefix}faces", "bool", "F"),
        take_pose(arrays, f"{prefix}pose.") if known is None else known,
    )
