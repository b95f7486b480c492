"""Motion imitation while the driver moves: no frame waits for later ones."""

import time
from collections import deque
from collections.abc import Generator as Generates
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.appearance import DrapeMotion
from liquidwarp.bodies import BodyModel, same_body
from liquidwarp.checks import check_choice
from liquidwarp.detect import (
    ClipFollower,
    Detection,
    Detector,
    LiteRtDetector,
    collect_keypoints,
    legs_shown,
    profile_of,
)
from liquidwarp.detect.litert.models import find_model
from liquidwarp.devices import find_device, moved
from liquidwarp.errors import InputError
from liquidwarp.fit import hang_legs, keep_apart
from liquidwarp.fit.filters import SteadyPose
from liquidwarp.geometry import default_camera
from liquidwarp.methods import Frame, Method, PreviousFrame, Session, Synthesis
from liquidwarp.nn.weights import Generator
from liquidwarp.parallel import one_thread, prefetch
from liquidwarp.person import SourceState
from liquidwarp.regress import LandmarkNetwork, LiveRegressor
from liquidwarp.tasks.synthesize import BackgroundChoice, choose_method, open_session
from liquidwarp.tasks.target import CAMERAS, body_height, feet_level, resized, standing_level
from liquidwarp.types import BodyTrack, Camera, Keypoints, Pose

_FLOOR_SECONDS = 3.0  # over which the floor is where feet come down to
_FLOOR_QUANTILE = 0.8  # of those frames have their lower foot above it
_TRAVEL_SECONDS = 1.5  # what is slower than that is travel, which "source" leaves out


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """One picture of a live imitation.

    Attributes:
        synthesis: the picture.
        driver: the frame that it imitates.
        delay: seconds from when that frame was there to when the picture was done.

    Examples:
        >>> from liquidwarp.tasks import LiveFrame, novel_view
        >>> (picture,) = novel_view(person, frames=1)
        >>> frame = LiveFrame(picture, driver=person.photo, delay=0.04)
        >>> f"{frame.driver.shape[1]}x{frame.driver.shape[0]}, {1000 * frame.delay:.0f} ms behind"
        '73x97, 40 ms behind'
    """

    synthesis: Synthesis
    driver: UInt8[np.ndarray, "H W 3"]
    delay: float


class _SeenDriver(NamedTuple):
    frame: np.ndarray
    arrived: float
    person: Detection | None


def imitate_live(
    person: SourceState,
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    *,
    fps: float,
    camera: str = "smooth",
    size: int | None = None,
    background: BackgroundChoice = "keep",
    method: str | Method | None = None,
    renderer: str = "surface",
    generator: Generator | None = None,
    detector: Detector | None = None,
    network: LandmarkNetwork | None = None,
    motion_person: int = 0,
    device: str | torch.device | None = None,
) -> Generates[LiveFrame, None, None]:
    """Yield the person doing what the driver does, a picture per frame, as frames come.

    A thread reads and detects while the frame before is painted. Bodies come from the landmark regressor, steadied
    without a look ahead; there is no fit. Until the driver is seen the person stands as in the photo; while it is lost
    it keeps still. As long as the driver's legs were not seen, the person's stand on the photo's floor.

    Args:
        person: from `encode_source` or `transfer_appearance`, on the open body.
        frames: of the driver, all of one size, such as `media.open_video` or `media.Webcam`.
        fps: rate at which they were taken.
        camera: as in `imitate`; "source" takes slow travel out.
        size: longer side of the pictures; by default the photo's (`copy`: the driver's).
        background: see `synthesize`.
        method: see `synthesize`; one that draws frames together is given them one at a time.
        renderer: see `synthesize`.
        generator: see `synthesize`.
        detector: what finds the driver; by default `live_detector`.
        network: the landmark regressor; by default the one that comes with liquidwarp.
        motion_person: which person to follow, 0 is the largest.
        device: see `synthesize`; the driver is found and its pose is read on the CPU.

    Raises:
        InputError: another body, no rate, or an argument that cannot be used.

    Examples:
        >>> from itertools import islice
        >>> from liquidwarp.demo import asset
        >>> from liquidwarp.media import open_video
        >>> from liquidwarp.tasks import encode_source, imitate_live
        >>> person = encode_source(asset("woman_stripes.jpg"))
        >>> pictures = imitate_live(person, islice(open_video(asset("motion.mp4")), 3), fps=25.0, size=256)
        >>> [max(frame.synthesis.alpha.shape) for frame in pictures]
        [256, 256, 256]
    """
    check_choice("camera", camera, CAMERAS)
    if not fps > 0:
        raise InputError(f"fps={fps} is no rate; give the driver's frames per second")
    person = person.to(find_device(person.device if device is None else device))
    regressor = LiveRegressor(fps, network=network)
    if not same_body(person.body, regressor.body):
        raise InputError(f"live imitation needs the open body, this person is of {person.body.name!r}; encode anew")
    follower = ClipFollower(detector or live_detector(), motion_person, fps, "the driver")
    chosen = choose_method(method, renderer, generator)
    stage = _LiveStage(person.to("cpu"), camera, fps, size)
    return _frames(person, frames, follower, regressor, stage, chosen, background)


def live_detector() -> LiteRtDetector:
    """Return a detector that looks once at each frame, and searches only now and then.

    Its network is the lite one where that is at hand: it is a quarter quicker, but no wheel holds it.
    """
    model = "full" if find_model("pose_lite") is None else "lite"
    return LiteRtDetector(model, mirror=False, search_every=12)


def _frames(
    person: SourceState,
    frames: Iterable[np.ndarray],
    follower: ClipFollower,
    regressor: LiveRegressor,
    stage: "_LiveStage",
    method: Method,
    background: BackgroundChoice,
) -> Generates[LiveFrame, None, None]:
    identity = person.body.identity(person.track.betas)
    motion = DrapeMotion(person.body, identity, person.drapes, fps=stage.fps) if person.drapes else None
    session: Session | None = None
    last: Keypoints | None = None
    previous: PreviousFrame | None = None
    with closing(prefetch(_seen(frames, follower), depth=1)) as seen:
        for index, (driver, arrived, found) in enumerate(seen):
            height, width = driver.shape[:2]
            if found is not None:
                used = follower.detector
                last = collect_keypoints(
                    [found], size=(height, width), fps=0.0, detector=used.name, profile=profile_of(used)
                )
                stage.legs_shown |= bool(legs_shown(last).any())
            elif last is not None:
                last = replace(last, present=torch.tensor([False]))
            with torch.no_grad(), one_thread():
                track = None if last is None else regressor.answer(last)
                orient, pose, transl, camera = moved(stage.place(track, (height, width)), person.device)
                vertices = person.body.vertices(identity, orient, pose, transl, offsets=person.offsets)[0]
                hanging = None if motion is None else motion.follow(orient, pose, transl)[0]
            if session is None:
                session = open_session(method, person, camera.size, background)
            frame = Frame(index, vertices, camera, Pose(orient[0], pose[0], transl[0]), hanging=hanging)
            picture = session.draw(replace(frame, previous=previous))
            previous = PreviousFrame(frame, picture) if method.recurrent else None
            yield LiveFrame(picture, driver, time.perf_counter() - arrived)


def _seen(frames: Iterable[np.ndarray], follower: ClipFollower) -> Iterator[_SeenDriver]:
    for frame in frames:
        arrived = time.perf_counter()
        yield _SeenDriver(frame, arrived, follower.next(frame))


class _LiveStage:
    """Where the person stands, from what was seen so far; the causal twin of `imitation_target`."""

    def __init__(self, person: SourceState, camera: str, fps: float, size: int | None) -> None:
        self.body: BodyModel = person.body
        self._source, self._camera, self._size = person.track, camera, size
        self.fps = fps
        self._steady = SteadyPose(fps)
        self._root = self.body.rest_joints(person.track.betas)[0]
        self._floor = float(standing_level(self.body, person.track))
        self._levels: deque[float] = deque(maxlen=max(1, round(_FLOOR_SECONDS * fps)))
        self._travel_weight = min(1.0, 1 / (_TRAVEL_SECONDS * fps))
        self._first: Tensor | None = None
        self.legs_shown = False
        """Whether the driver's legs were seen so far; until then the person's stand still."""
        self._travel = torch.zeros(3, dtype=torch.float32)

    def place(
        self, seen: BodyTrack | None, size: tuple[int, int]
    ) -> tuple[Float[Tensor, "1 3"], Float[Tensor, "1 J 3"], Float[Tensor, "1 3"], Camera]:
        """Return orientation, pose and place of the person, and who looks, through a camera of one size for all.

        Args:
            seen: the driver in this frame; None before it is seen at all.
            size: (height, width) of the driver's frames.
        """
        source = self._source
        if seen is None:
            camera = default_camera(size) if self._camera == "copy" else source.camera
            return source.global_orient, source.body_pose, source.transl, resized(camera, self._size)
        if not self.legs_shown:
            seen = hang_legs(self.body, seen)
        their_root = self.body.rest_joints(seen.betas)[0]
        ratio = body_height(self.body, source.betas) / body_height(self.body, seen.betas)
        turns, path = self._steady.follow(
            torch.cat([seen.global_orient, seen.body_pose[0]]), ratio * (seen.transl[0] + their_root)
        )
        orient = turns[:1]
        pose = keep_apart(self.body, replace(source, global_orient=orient, body_pose=turns[None, 1:])).body_pose
        if self._camera == "copy":
            return orient, pose, (path - self._root)[None], resized(seen.camera, self._size)
        level = path * torch.tensor([1.0, 0.0, 1.0], dtype=torch.float32)
        if self._first is None:
            self._first, self._travel = level, level
        self._travel = self._travel + self._travel_weight * (level - self._travel)
        start = self._travel if self._camera == "source" else self._first
        placed = source.transl + (level - start)
        placed = placed + torch.tensor([0.0, 1.0, 0.0], dtype=torch.float32) * path
        low = float(self._lowest(orient, pose, placed))
        if self.legs_shown:
            self._levels.append(low)
            low = float(np.quantile(np.array(self._levels), _FLOOR_QUANTILE))
        placed = placed + torch.tensor([0.0, self._floor - low, 0.0], dtype=torch.float32)
        return orient, pose, placed, resized(source.camera, self._size)

    def _lowest(self, orient: Tensor, pose: Tensor, transl: Tensor) -> Tensor:
        return feet_level(self.body, self._source.betas, orient, pose, transl).amax()
