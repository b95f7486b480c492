"""Motion imitation."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch

from liquidwarp.checks import check_choice, check_type
from liquidwarp.fit import smooth_limbs
from liquidwarp.methods import Method, Synthesis
from liquidwarp.motion import retarget
from liquidwarp.nn.weights import Generator
from liquidwarp.person import SourceState
from liquidwarp.tasks.faces import FACES, move_face
from liquidwarp.tasks.synthesize import BackgroundChoice, synthesize
from liquidwarp.tasks.target import Target, imitation_target
from liquidwarp.types import BodyTrack


def imitate(
    person: SourceState,
    motion: BodyTrack,
    *,
    camera: str = "smooth",
    size: int | None = None,
    smooth: Mapping[str, float] | None = None,
    face: str = "move",
    background: BackgroundChoice = "keep",
    method: str | Method | None = None,
    renderer: str = "surface",
    generator: Generator | None = None,
    device: str | torch.device | None = None,
) -> Iterator[Synthesis]:
    """Yield the person doing the motion, a picture per frame, lazily.

    Args:
        person: from `encode_source` or `transfer_appearance`.
        motion: from `recover`, `BodyTrack.load` or `read_motion`; of any body at hand (see `retarget`).
        camera: "smooth" carries the reference's movement, sideways and in depth too, into the photo; "copy" keeps the
            reference's camera and place; "source" keeps the person in place.
        size: longer side of the pictures; by default the photo's (`copy`: the reference's).
        smooth: seconds by limb, as in `recover`.
        face: "move" lets mouth, brows and eyelids follow the motion's face where both are seen well enough (see
            `move_face`), "still" keeps the photo's. Methods that draw the person's surface move it.
        background: see `synthesize`.
        method: see `synthesize`.
        renderer: see `synthesize`.
        generator: see `synthesize`.
        device: see `synthesize`; where the body stands in each frame is worked out on the CPU first.

    Raises:
        InputError: the motion is of a body that is not at hand, or an argument cannot be used.
        TypeError: a file's name in place of a person or a motion.

    Examples:
        >>> from liquidwarp.tasks import imitate
        >>> pictures = list(imitate(person, motion, size=64))
        >>> len(pictures) == len(motion), max(pictures[0].alpha.shape)
        (True, 64)
    """
    check_type("person", person, SourceState, "learn one with encode_source(photo)")
    check_type("motion", motion, BodyTrack, "recover(video), read_motion(file) or BodyTrack.load(file)")
    return synthesize(
        person,
        imitated(person, motion, camera=camera, size=size, smooth=smooth, face=face),
        background=background,
        method=method,
        renderer=renderer,
        generator=generator,
        device=device,
    )


def imitated(
    person: SourceState,
    motion: BodyTrack,
    *,
    camera: str = "smooth",
    size: int | None = None,
    smooth: Mapping[str, float] | None = None,
    face: str = "move",
) -> Target:
    """Return how a person stands and looks who does a motion; arguments as in `imitate`."""
    check_choice("face", face, FACES)
    here = person.to("cpu")
    moves = smooth_limbs(here.body, retarget(motion.to("cpu"), here.body), smooth or {})
    target = imitation_target(here.body, here.track, moves, camera=camera, size=size)
    return replace(target, faces=move_face(here, motion)) if face == "move" else target
