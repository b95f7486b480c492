"""The seam: a method turns a learnt person into pictures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.person import SourceState
from liquidwarp.types import Camera, Pose


@dataclass(frozen=True, eq=False)
class BackgroundPicture:
    """What is to be seen behind the person.

    Attributes:
        picture: in [0, 1], of the size of the pictures.
        kept: whether it is the photo's own, without the person; a method that completes the photo's background by
            itself shows its own instead.
        place: whether it shows a place, whose floor a person stands on and whose light there is; not so a plain colour.
    """

    picture: Float[np.ndarray, "H W 3"]
    kept: bool
    place: bool = True

    def tensor(self, device: torch.device | str) -> Float[Tensor, "3 H W"]:
        """Return the picture on a device."""
        return torch.from_numpy(self.picture).to(device).permute(2, 0, 1)


@dataclass(frozen=True, eq=False)
class Synthesis:
    """One synthesised picture, on the device on which it was made.

    Attributes:
        image: RGB in [0, 1].
        alpha: 1 = person.
        coverage: per pixel 0 background, 1 seen in a photo, 2 mirrored, 3 invented.

    Examples:
        >>> from liquidwarp.tasks import novel_view
        >>> front, back = novel_view(person, frames=2)
        >>> front.image.shape[1:] == front.alpha.shape == front.coverage.shape
        True
        >>> float((back.coverage == 1).sum()) < 0.1 * float((front.coverage == 1).sum())  # no photo shows the back
        True
    """

    image: Float[Tensor, "3 H W"]
    alpha: Float[Tensor, "H W"]
    coverage: UInt8[Tensor, "H W"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture to make; its tensors lie where the person's do.

    Attributes:
        index: its number in the clip, from 0.
        vertices: the clothed body as it is posed.
        camera: who looks; of the size of all pictures.
        pose: how the body stands, for drawings of its skeleton and maps of its parts; the shape is the person's.
        previous: the frame before and what was made of it; None for the first frame, and for methods that are not
            recurrent.
        hanging: where the person's drapes are (`DrapeMotion.follow`); None without any.
        floor: where the floor is, Y in metres; None where that is not known.
        face: where the points of the person's face are in its photo (`face.PhotoFace.carried`), for methods that move
            it; None for a still face.
    """

    index: int
    vertices: Float[Tensor, "V 3"]
    camera: Camera
    pose: Pose
    previous: "PreviousFrame | None" = None
    hanging: Float[Tensor, "P 3"] | None = None
    floor: float | None = None
    face: Float[np.ndarray, "M 3"] | None = None


@dataclass(frozen=True, eq=False)
class PreviousFrame:
    """The frame before, for a recurrent method.

    Attributes:
        frame: how the body stood and who looked; knows no frame before itself, so that no history is kept.
        picture: what the session made of it; a session may return a `Synthesis` of its own kind that holds more.
    """

    frame: Frame
    picture: Synthesis


@runtime_checkable
class Session(Protocol):
    """One person before one background, ready to be drawn; what all frames share is computed once.

    The same frame gives the same picture. Unless the method is recurrent, several threads may draw at once.
    """

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture."""
        ...


@runtime_checkable
class ClipSession(Session, Protocol):
    """A session that draws frames together, as networks over time do."""

    def draw_clip(self, frames: Iterator[Frame]) -> Iterator[Synthesis]:
        """Yield one picture per frame, in their order; no more frames should be read ahead than are drawn together."""
        ...


@runtime_checkable
class Method(Protocol):
    """A way to turn a learnt person into pictures, such as a renderer, or a network with its weights."""

    @property
    def name(self) -> str:
        """What it is called, on the command line too."""
        ...

    @property
    def recurrent(self) -> bool:
        """Whether a picture depends on other frames: each is then given the one before, or all are drawn together."""
        ...

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> Session:
        """Learn all that the frames share.

        Args:
            state: who; a session draws where its tensors lie (`SourceState.device`), with a copy of the network there.
            size: (height, width) of the pictures.
            background: what is behind the person, of that size.

        Raises:
            InputError: the method cannot draw this person.
        """
        ...


@dataclass(frozen=True, eq=False)
class DrivingClip:
    """A clip that drives pictures as it is, without a body between.

    Attributes:
        frames: RGB pictures of one size; read once.
        fps: frames per second.
        size: (height, width).
        name: for messages.
    """

    frames: Iterable[UInt8[np.ndarray, "H W 3"]]
    fps: float
    size: tuple[int, int]
    name: str


@runtime_checkable
class DrivenMethod(Protocol):
    """A method that needs no body: photos and a clip in, pictures out, such as one of talking faces."""

    @property
    def name(self) -> str:
        """What it is called, on the command line too."""
        ...

    def drive(
        self,
        photos: Sequence[UInt8[np.ndarray, "H W 3"]],
        clip: DrivingClip,
        *,
        size: int | None = None,
        device: torch.device | str = "cpu",
        progress: bool = False,
    ) -> Iterator[Synthesis]:
        """Yield a picture per frame of the clip.

        Args:
            photos: whom or what to show.
            clip: what it has to do.
            size: longer side of the pictures; by default the method's own.
            device: where they are made.
            progress: show progress bars.

        Raises:
            InputError: the photos or the clip cannot be used.
        """
        ...
