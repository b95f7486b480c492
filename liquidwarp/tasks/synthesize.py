"""The one loop behind imitation, appearance transfer and novel views."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.appearance import DrapeMotion
from liquidwarp.checks import check_choice
from liquidwarp.devices import find_device, moved
from liquidwarp.errors import InputError
from liquidwarp.inpaint import background_from
from liquidwarp.media import PictureLike, read_picture
from liquidwarp.methods import (
    BackgroundPicture,
    ClipSession,
    Frame,
    Method,
    PreviousFrame,
    Session,
    Synthesis,
    make_method,
)
from liquidwarp.nn.weights import Generator
from liquidwarp.parallel import one_thread, pool_map, prefetch, thread_count, use_threads
from liquidwarp.person import SourceState
from liquidwarp.tasks.moving_plate import before_plate
from liquidwarp.tasks.target import Target
from liquidwarp.types import Pose

RENDERERS = ("surface", "gan")

BEFORE_PLATES = ("surface", "compact")
"""Methods that lay the person over the background's picture; others paint a background of their own."""

BackgroundChoice = PictureLike | tuple[int, int, int]

_CPU = torch.device("cpu")
_PLAIN = (225, 225, 225)
_CHUNK = 16  # frames posed together: bounds memory, amortises skinning


def synthesize(
    state: SourceState,
    target: Target,
    *,
    background: BackgroundChoice = "keep",
    method: str | Method | None = None,
    renderer: str = "surface",
    generator: Generator | None = None,
    device: str | torch.device | None = None,
) -> Iterator[Synthesis]:
    """Yield the person of `state` in every pose of `target`, lazily.

    Args:
        state: who.
        target: how, and seen from where.
        background: "keep" (the photo without the person), "plain" (light grey), an (r, g, b) colour in 0..255, a
            picture: its path, or as `media.read_picture` takes it.
        method: what makes the pictures: a name, as `liquidwarp methods` lists them, or a `methods.Method`; by default
            `renderer` says.
        renderer: "surface" shows what the photos show; "gan" has a generator finish or make the picture.
        generator: the network of the method: from `nn.weights.load_generator` or `train.personalize`; the bundled one
            by default.
        device: where the pictures are made, and stay until they are written: "cpu", "cuda", "mps", "auto"
            (`devices.find_device`) or PyTorch's own; by default where the person is.

    Raises:
        InputError: unknown method or renderer, a background that cannot be read, or a device that is not there.

    Examples:
        >>> from liquidwarp.tasks import imitate, synthesize
        >>> from liquidwarp.tasks.target import imitation_target
        >>> target = imitation_target(person.body, person.track, motion)
        >>> one, other = next(synthesize(person, target)), next(imitate(person, motion))
        >>> one.image.equal(other.image)  # that is what imitation does
        True
    """
    state = state.to(find_device(state.device if device is None else device))
    chosen = choose_method(method, renderer, generator)
    session = open_session(chosen, state, target.camera(0).size, background)
    there = moved(target, state.device)
    pictures = draw_frames(chosen, session, posed_frames(state, there), state.device)
    return before_turning(pictures, chosen, state, there, background)


def before_turning(
    pictures: Iterator[Synthesis], method: Method, state: SourceState, target: Target, background: BackgroundChoice
) -> Iterator[Synthesis]:
    """Yield pictures before a background that turns with the target's cameras, if they do; some paint their own.

    Args:
        pictures: of the target, before a background that stands still.
        method: that made them.
        state: the person, on the device of the pictures.
        target: on the same device.
        background: see `synthesize`.
    """
    if target.plate is None or method.name not in BEFORE_PLATES:
        return pictures
    plate = read_background(state, background, target.camera(0).size).tensor(state.device)
    return before_plate(pictures, plate, target)


def choose_method(method: str | Method | None, renderer: str = "surface", generator: Generator | None = None) -> Method:
    """Return the method that the arguments of `synthesize` mean.

    Raises:
        InputError: unknown method or renderer, arguments that contradict each other, or weights that cannot be read.

    Examples:
        >>> from liquidwarp.tasks import choose_method
        >>> choose_method(None).name, choose_method("compact").name
        ('surface', 'compact')
        >>> choose_method(choose_method("surface")).recurrent
        False
    """
    check_choice("renderer", renderer, RENDERERS)
    if method is None:
        return make_method(renderer, generator=generator if renderer == "gan" else None)
    if renderer != "surface":
        raise InputError(f"renderer={renderer!r} and method={_name(method)!r} say different things; give one of them")
    if isinstance(method, str):
        return make_method(method, generator=generator)
    if generator is not None:
        raise InputError(f"generator goes with the name of a method; {method.name!r} was given with its network")
    return method


def open_session(
    method: Method, state: SourceState, size: tuple[int, int], background: BackgroundChoice = "keep"
) -> Session:
    """Let a method learn all that pictures of a person share; by one thread, as the pictures are drawn.

    Args:
        method: the method.
        state: who; the session draws where its tensors lie.
        size: (height, width) of the pictures.
        background: see `synthesize`.

    Raises:
        InputError: the method cannot draw this person, or the background cannot be read.
    """
    behind = read_background(state, background, size)
    with one_thread():
        return method.prepare(state, size, behind)


def draw_frames(
    method: Method, session: Session, frames: Iterator[Frame], device: torch.device = _CPU
) -> Iterator[Synthesis]:
    """Yield the pictures of frames, in their order.

    One thread makes the same bytes on every machine, and two pictures at once take less than each by two threads. So
    frames of which none needs another are drawn as many at once as torch may use threads, each by one thread; others
    one after the other, beside whatever is done with the last. Another device than the CPU is given one frame after the
    other by the caller's thread: it works side by side by itself.

    Args:
        method: says whether each frame is given the one before.
        session: of that method.
        frames: the first has the number 0.
        device: where the session draws.
    """
    if isinstance(session, ClipSession):
        made = session.draw_clip(frames)
    elif method.recurrent:
        made = _in_turn(session, frames)
    elif device.type == "cpu":
        return pool_map(session.draw, frames, workers=thread_count())
    else:
        return map(session.draw, frames)
    return prefetch(_by_one_thread(made), depth=1) if device.type == "cpu" else made


def read_background(state: SourceState, background: BackgroundChoice, size: tuple[int, int]) -> BackgroundPicture:
    """Return the background that was asked for.

    Args:
        state: whose own background "keep" means.
        background: see `synthesize`.
        size: (height, width) of the pictures.

    Raises:
        InputError: it cannot be read.
    """
    kept = isinstance(background, str) and background == "keep"
    chosen: np.ndarray | tuple[int, int, int]
    if kept:
        chosen = state.background
    elif isinstance(background, str) and background == "plain":
        chosen = _PLAIN
    elif isinstance(background, tuple):
        chosen = background
    else:
        chosen = read_picture(background, "background").rgb
    return BackgroundPicture(
        background_from(chosen, size).astype(np.float32) / 255, kept, place=not isinstance(chosen, tuple)
    )


def _in_turn(session: Session, frames: Iterator[Frame]) -> Iterator[Synthesis]:
    previous: PreviousFrame | None = None
    for frame in frames:
        picture = session.draw(replace(frame, previous=previous))
        previous = PreviousFrame(frame, picture)
        yield picture


def _by_one_thread(pictures: Iterator[Synthesis]) -> Iterator[Synthesis]:
    """Pass pictures on that are made by the thread that begins to ask for them, which is nobody else's."""
    use_threads(1)
    yield from pictures


def posed_frames(state: SourceState, target: Target) -> Iterator[Frame]:
    """Yield the clothed body in every pose of `target`, lazily, on the person's device."""
    body = state.body
    identity = body.identity(state.track.betas)
    poses = [Pose(*pose) for pose in zip(target.global_orient, target.body_pose, target.transl, strict=True)]
    floors = None if target.floor is None else target.floor.tolist()
    motion = DrapeMotion(body, identity, state.drapes, fps=target.fps) if state.drapes else None

    @torch.no_grad()  # each thread has a switch of its own
    def pose(start: int) -> tuple[Float[Tensor, "T V 3"], Float[Tensor, "T P 3"] | None]:
        window = slice(start, start + _CHUNK)
        orient, turns, transl = target.global_orient[window], target.body_pose[window], target.transl[window]
        vertices = body.vertices(identity, orient, turns, transl, offsets=state.offsets)
        return vertices, None if motion is None else motion.follow(orient, turns, transl)

    starts = range(0, len(target), _CHUNK)
    posed = pool_map(pose, starts, workers=1) if state.device.type == "cpu" else map(pose, starts)
    for start, (vertices, hanging) in zip(starts, posed, strict=True):
        for number, points in enumerate(vertices):
            index = start + number
            drapes = None if hanging is None else hanging[number]
            floor = None if floors is None else floors[index]
            face = None if target.faces is None else target.faces.vertices(index)
            seen = target.camera(index)
            yield Frame(index, points, seen, poses[index], hanging=drapes, floor=floor, face=face)


def _name(method: str | Method) -> str:
    return method if isinstance(method, str) else method.name
