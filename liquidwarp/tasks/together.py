"""Several people in one picture: who is in front covers who is behind."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import tee

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.detect import Detection, Detector, default_detector, detect_people, profile_of
from liquidwarp.devices import find_device, moved
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.geometry import bounded_size, project, shrunk
from liquidwarp.inpaint import photo_background
from liquidwarp.inpaint.tuning import BACKGROUND_TUNING
from liquidwarp.media import PictureLike, given_name, read_picture
from liquidwarp.methods import Frame, Method, Synthesis
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize
from liquidwarp.tasks.imitate import imitated
from liquidwarp.tasks.moving_plate import before_plate
from liquidwarp.tasks.source import encode_source
from liquidwarp.tasks.synthesize import (
    BEFORE_PLATES,
    BackgroundChoice,
    choose_method,
    draw_frames,
    open_session,
    posed_frames,
    read_background,
)
from liquidwarp.tasks.target import Target
from liquidwarp.types import BodyTrack, DetectorProfile


def encode_everyone(
    photo: PictureLike,
    *,
    people: Sequence[int] | None = None,
    body: BodyModel | None = None,
    detector: Detector | None = None,
    fov: float | None = None,
) -> list[SourceState]:
    """Learn several people of one photo; they share its background, from which all of them are taken.

    The photo is searched for people once, and what is behind them is worked out once.

    Args:
        photo: as for `encode_source`.
        people: their numbers, 0 is the largest; all by default. Others stay in the background.
        body: the body to fit; the open body by default.
        detector: what finds people; see `detect.default_detector`.
        fov: see `encode_source`.

    Raises:
        InputError: the photo cannot be read, or shows no person of such a number.
        NoPersonError: nobody in it.

    Examples:
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.tasks import encode_everyone
        >>> [person.body.name for person in encode_everyone(asset("woman_stripes.jpg"))]
        ['anny']
    """
    detector = detector or default_detector()
    rgb = read_picture(photo, "photo").rgb
    found = detect_people(rgb, detector=detector)
    name = given_name(photo)
    if not found:
        raise NoPersonError(f"no person found in {name}; try a picture that shows whole people, well lit")
    numbers = list(range(len(found))) if people is None else list(people)
    for number in numbers:
        if not 0 <= number < len(found):
            raise InputError(f"{name}: there is no person {number}, only {len(found)} found; choose from 0 on")
    if len(set(numbers)) < len(numbers) or not numbers:
        raise InputError(f"people={numbers} names nobody, or somebody twice; give each number once")
    states = [
        encode_source(photo, body=body, detector=_Known(found[number], detector), fov=fov, background=rgb)
        for number in numbers
    ]
    size = bounded_size((rgb.shape[0], rgb.shape[1]), BACKGROUND_TUNING.most_pixels)
    taken = np.max([np.maximum(shrunk(state.alpha, size), _covered(state, size)) for state in states], axis=0)
    plate = photo_background(rgb, taken)
    return [replace(state, background=plate) for state in states]


class _Known:
    """A detector that knows who is in a photo.

    Args:
        person: who.
        detector: what found them.
    """

    def __init__(self, person: Detection, detector: Detector) -> None:
        self.name = detector.name
        self.profile: DetectorProfile = profile_of(detector)
        self._person = person

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Detection]:
        """Return the person."""
        return [self._person]


def _covered(state: SourceState, size: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """Return where the body is: it also covers what the alpha missed."""
    view = state.views[0]
    seen = rasterize(view.vertices[None], state.body.topology.faces, view.camera.resized(size))
    return seen.mask[0].numpy().astype(np.float32)


@dataclass(frozen=True, eq=False)
class Performer:
    """Somebody in a picture of several.

    Attributes:
        person: who.
        target: how they stand, and who looks.
        start: frame in which they begin; before it they stand as they will then, at the end as they did last.
    """

    person: SourceState
    target: Target
    start: int = 0

    @property
    def end(self) -> int:
        """The frame after their last."""
        return self.start + len(self.target)

    def over(self, frames: int) -> Target:
        """Return the target of frames from the first on."""
        return self.target[[min(max(frame - self.start, 0), len(self.target) - 1) for frame in range(frames)]]


def imitate_together(
    people: Sequence[SourceState],
    motions: Sequence[BodyTrack],
    *,
    camera: str = "smooth",
    size: int | None = None,
    smooth: Mapping[str, float] | None = None,
    face: str = "move",
    background: BackgroundChoice = "keep",
    method: str | Method | None = None,
    device: str | torch.device | None = None,
) -> Iterator[Synthesis]:
    """Yield several people doing motions in one picture, lazily; who is nearer covers who is farther away.

    Args:
        people: from `encode_everyone`, or one by one from photos of one size.
        motions: one that all do, or one for each; who has no frames left stands.
        camera: see `imitate`.
        size: see `imitate`.
        smooth: see `imitate`.
        face: see `imitate`.
        background: see `synthesize`; "keep" is the first person's.
        method: see `synthesize`.
        device: see `synthesize`.

    Raises:
        InputError: nobody, not a motion for each, pictures of different sizes, or as `imitate`.

    Examples:
        >>> from liquidwarp.tasks import imitate_together
        >>> both = list(imitate_together([person, other], [motion], size=64))
        >>> len(both) == len(motion)
        True
    """
    if not people or len(motions) not in (1, len(people)):
        raise InputError(f"{len(people)} people and {len(motions)} motions; give one motion for all, or one for each")
    each = list(motions) if len(motions) == len(people) else list(motions) * len(people)
    performers = [
        Performer(person, imitated(person, motion, camera=camera, size=size, smooth=smooth, face=face))
        for person, motion in zip(people, each, strict=True)
    ]
    return draw_together(performers, background=background, method=method, device=device)


def draw_together(
    performers: Sequence[Performer],
    *,
    background: BackgroundChoice = "keep",
    method: str | Method | None = None,
    device: str | torch.device | None = None,
) -> Iterator[Synthesis]:
    """Yield pictures of several people, lazily; see `imitate_together`.

    Args:
        performers: who does what, and when, each seen by their own cameras; the first one's background counts.
        background: see `synthesize`.
        method: see `synthesize`.
        device: see `synthesize`.

    Raises:
        InputError: pictures of different sizes, a method that paints backgrounds of its own, or as `synthesize`.

    Examples:
        >>> from liquidwarp.tasks.target import imitation_target
        >>> from liquidwarp.tasks.together import Performer, draw_together
        >>> target = imitation_target(person.body, person.track, motion, size=64)
        >>> pictures = draw_together([Performer(person, target), Performer(other, target, start=1)])
        >>> len(list(pictures)) == len(motion) + 1
        True
    """
    if not performers:
        raise InputError("nobody to draw; give one performer or more")
    chosen = choose_method(method)
    if chosen.name not in BEFORE_PLATES:
        names = " or ".join(BEFORE_PLATES)
        raise InputError(f"method {chosen.name!r} paints a background of its own; several people need {names}")
    sizes = {performer.target.camera(0).size for performer in performers}
    if len(sizes) > 1:
        raise InputError(f"pictures of sizes {sorted(sizes)}; give people of one photo, or the same size for all")
    first, size = performers[0], sizes.pop()
    place = find_device(first.person.device if device is None else device)
    frames = max(performer.end for performer in performers)
    plate = read_background(first.person, background, size).tensor(place)
    targets = [moved(performer.over(frames), place) for performer in performers]
    drawn = [
        _drawn(chosen, replace(performer.person, background=first.person.background).to(place), target, background)
        for performer, target in zip(performers, targets, strict=True)
    ]
    pictures = (_composed(layers, plate) for layers in zip(*drawn, strict=True))
    return pictures if targets[0].plate is None else before_plate(pictures, plate, targets[0])


@dataclass(frozen=True, eq=False)
class _Layer:
    """One person of a picture, before the plate."""

    person: SourceState
    frame: Frame
    picture: Synthesis


def _drawn(method: Method, state: SourceState, target: Target, background: BackgroundChoice) -> Iterator[_Layer]:
    session = open_session(method, state, target.camera(0).size, background)
    posed, again = tee(posed_frames(state, target))
    made = draw_frames(method, session, posed, state.device)
    return (_Layer(state, frame, picture) for frame, picture in zip(again, made, strict=True))


def _composed(layers: Sequence[_Layer], plate: Float[Tensor, "3 H W"]) -> Synthesis:
    """Lay people over the plate, pixel by pixel the farthest first."""
    if len(layers) == 1:
        return layers[0].picture
    alphas = torch.stack([layer.picture.alpha for layer in layers])
    if bool(((alphas > 0).sum(0) > 1).any()):
        depths = torch.stack([_depth(layer) for layer in layers])
        order = torch.where(alphas > 0, depths, torch.inf).argsort(dim=0, descending=True, stable=True)
    else:
        order = torch.arange(len(layers), device=alphas.device)[:, None, None].expand_as(alphas)
    own = torch.stack([layer.picture.image - (1 - layer.picture.alpha) * plate for layer in layers])
    kinds = torch.stack([layer.picture.coverage for layer in layers])
    image, free, kind = plate, torch.ones_like(alphas[0]), torch.zeros_like(kinds[0])
    for rank in range(len(layers)):
        now = order[rank][None]
        alpha = alphas.gather(0, now)[0]
        image = own.gather(0, now[:, None].expand(1, *plate.shape))[0] + (1 - alpha) * image
        seen = kinds.gather(0, now)[0]
        kind = torch.where(seen > 0, seen, kind)
        free = free * (1 - alpha)
    return Synthesis(image.clamp(0, 1), 1 - free, kind)


@torch.no_grad()
def _depth(layer: _Layer) -> Float[Tensor, "H W"]:
    """Return how far a person is in each pixel; where the body is not, as far as its middle."""
    camera, vertices = layer.frame.camera, layer.frame.vertices
    middle = project(camera, vertices)[:, 2].median()
    seen = rasterize(vertices[None], layer.person.body.topology.faces, camera).depth[0]
    return torch.where(seen.isfinite(), seen, middle)
