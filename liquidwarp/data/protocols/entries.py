"""What a protocol says about each video."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FrameWindow:
    """Consecutive frames of a video; both ends belong to it.

    Attributes:
        video: whose frames.
        first: the first of them, counted from 0 in the video's sorted listing.
        last: the last of them.
    """

    video: str
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def frames(self) -> range:
        """Their numbers."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Entry:
    """What a protocol says about one video. Frames are numbers in the video's sorted listing.

    Attributes:
        video: its name.
        views: frames that show the person from around.
        angles: the degrees from which `views` do, as far as is known; 0 also stands for "any".
        sources: for each number of source photos, which frames they are, the best first.
        masked: frames whose outlines the authors drew by hand.
        novel_view: whether novel views are judged on it.
        real: frames that stand for the real person where pictures are compared as sets.
        own: frames of itself to be imitated; None where a protocol has no such task.
        other: frames of another video to be imitated; None where a protocol has no such task.
    """

    video: str
    views: tuple[int, ...]
    angles: tuple[int, ...]
    sources: Mapping[int, tuple[int, ...]]
    masked: tuple[int, ...]
    novel_view: bool
    real: FrameWindow
    own: FrameWindow | None = None
    other: FrameWindow | None = None


@dataclass(frozen=True)
class Protocol:
    """An evaluation: videos, and who is dressed like whom.

    Attributes:
        name: of the protocol.
        entries: by video, in the protocol's order.
        pairs: (video of a person, video of the same person in other clothes) of appearance transfer.
    """

    name: str
    entries: Mapping[str, Entry]
    pairs: tuple[tuple[str, str], ...] = ()

    def needs(self) -> dict[str, int]:
        """Return how many frames each video must have at least."""
        most: dict[str, int] = {}
        for entry in self.entries.values():
            windows = [window for window in (entry.real, entry.own, entry.other) if window]
            frames = [*entry.views, *(frame for chosen in entry.sources.values() for frame in chosen)]
            windows += [FrameWindow(entry.video, frame, frame) for frame in frames]
            for window in windows:
                most[window.video] = max(most.get(window.video, 0), window.last + 1)
        return most
