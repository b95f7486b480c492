"""A person with their clothes and their motion as a GLB."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from liquidwarp.appearance import Appearance, dress_in_drapes
from liquidwarp.bodies import Topology
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.checks import check_type
from liquidwarp.motion import SkinnedSurface, Texture, retarget, write_glb
from liquidwarp.person import SourceState
from liquidwarp.types import BodyTrack

_GAP = 2  # pixels between the pictures of an atlas


def export_glb(person: SourceState, motion: BodyTrack, path: str | Path, *, names: str = "own") -> None:
    """Write the person doing a motion as a GLB: clothed mesh, photo as texture, skeleton and animation.

    Skirts and long hair follow the skeleton; they do not swing.

    Args:
        person: from `encode_source` or `transfer_appearance`.
        motion: of any body at hand (see `retarget`); bones stay as long as the person's, places are the motion's.
        path: a name that ends in .glb.
        names: what bones are called, one of `motion.BONE_NAMES`.

    Raises:
        InputError: the motion is of a body that is not at hand, or there is no such naming.
        TypeError: a file's name in place of a person or a motion.
        OutputError: the file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from liquidwarp.tasks import export_glb
        >>> export_glb(person, motion, "dance.glb")
        >>> Path("dance.glb").read_bytes()[:4]
        b'glTF'
    """
    check_type("person", person, SourceState, "learn one with encode_source(photo)")
    check_type("motion", motion, BodyTrack, "recover(video), read_motion(file) or BodyTrack.load(file)")
    person, motion = person.to("cpu"), motion.to("cpu")
    body = person.body
    moved = replace(retarget(motion, body), betas=person.track.betas)
    if not person.drapes:
        texture = make_texture(person.appearance)
        return write_glb(path, moved, body, offsets=person.offsets, texture=texture, names=names)
    topology, appearance = dress_in_drapes(body.topology, person.appearance, person.drapes)
    surface = _skinned(person, topology)
    return write_glb(path, moved, body, texture=make_texture(appearance), surface=surface, names=names)


def _skinned(person: SourceState, topology: Topology) -> SkinnedSurface | None:
    """Return the person's surface with what hangs from it; None of a body without weights, which nothing can carry."""
    if not isinstance(person.body, RiggedBody):
        return None
    own = person.body.weights.dense
    rest, weights = [person.body.identity(person.track.betas).vertices + person.offsets], [own]
    for drape in person.drapes:
        rest.append(drape.rest)
        weights.append(own.new_zeros(len(drape.rest), own.shape[1]).scatter_add(1, drape.joints, drape.weights.to(own)))
    return SkinnedSurface(torch.cat(rest), topology.faces, torch.cat(weights))


def make_texture(appearance: Appearance) -> Texture:
    """Lay the pictures of a surface side by side; each face looks into the one that shows it best."""
    rows = np.arange(len(appearance.slot_layer))
    weight = np.where(appearance.slot_layer >= 0, appearance.slot_weight.mean(-1), -1.0)
    best = weight.argmax(1)
    layer = appearance.slot_layer[rows, best]
    origin, size = _shelves(appearance.table[:, 2] + _GAP, appearance.table[:, 1] + _GAP)
    atlas = np.full((size[1], size[0], 3), 178, dtype=np.uint8)
    for (start, height, width), (x, y) in zip(appearance.table.tolist(), origin.tolist(), strict=True):
        picture = appearance.texels[start : start + height * width, :3].reshape(height, width, 3)
        atlas[y : y + height, x : x + width] = picture
    inside = np.clip(appearance.slot_xy[rows, best], 0.5, (appearance.table[layer][:, None, :0:-1]) - 0.5)
    return Texture(atlas, ((inside + origin[layer][:, None]) / size).astype(np.float32))


def _shelves(widths: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place boxes in rows, the highest first; return their top left corners (x, y) and the size of the whole."""
    limit = max(int(widths.max()), math.ceil(math.sqrt(float((widths * heights).sum()) * 1.1)))
    origin = np.zeros((len(widths), 2), dtype=np.int64)
    x = y = row = right = 0
    for box in np.lexsort((np.arange(len(widths)), -heights)):
        if x + widths[box] > limit:
            x, y, row = 0, y + row, 0
        origin[box] = x, y
        x, row = x + int(widths[box]), max(row, int(heights[box]))
        right = max(right, x)
    return origin, np.array([right, y + row])
