"""Endless synthetic clips, in parallel, the same whatever the number of processes."""

from collections.abc import Iterator, Sequence

from torch.utils.data import IterableDataset, get_worker_info

from liquidwarp.errors import InputError
from liquidwarp.synth.clips import synthetic_clip
from liquidwarp.types import BodyTrack, Clip


class SyntheticClips(IterableDataset[Clip]):
    """Clips number `start`, `start + 1`, ... of a data set, for a `torch.utils.data.DataLoader`.

    Clip i is `synthetic_clip((seed, i), ...)`, whoever makes it. Workers of a loader take turns, so with
    `batch_size=None` the order is that of the numbers for any number of workers; with `world` processes, process
    `rank` gets every `world`-th.
    """

    def __init__(
        self,
        seed: int,
        size: tuple[int, int] = (256, 256),
        *,
        frames: int = 24,
        start: int = 0,
        stop: int | None = None,
        rank: int = 0,
        world: int = 1,
        motions: Sequence[BodyTrack] = (),
        truth: bool = True,
    ) -> None:
        """Describe the clips.

        Args:
            seed: of the data set.
            size: (height, width) of the frames.
            frames: per clip.
            start: number of the first clip; to resume, give the number of the next one.
            stop: number after the last clip; None goes on for ever.
            rank: which of the processes this is.
            world: how many processes share the clips.
            motions: tracks to move like (`synthetic_clip`).
            truth: whether clips carry their true flow; without it they travel faster between processes.

        Raises:
            InputError: a number is out of range.
        """
        if min(seed, start) < 0:
            raise InputError(f"seed={seed}, start={start}; neither may be negative")
        if not 0 <= rank < world:
            raise InputError(f"rank={rank} of world={world}; ranks count from 0 to world - 1")
        self.seed = seed
        self.size = size
        self.frames = frames
        self.start = start
        self.stop = stop
        self.rank = rank
        self.world = world
        self.motions = tuple(motions)
        self.truth = truth

    def __iter__(self) -> Iterator[Clip]:
        info = get_worker_info()
        turn, turns = (info.id, info.num_workers) if info is not None else (0, 1)
        number = self.start + self.rank + self.world * turn
        while self.stop is None or number < self.stop:
            yield synthetic_clip((self.seed, number), self.frames, self.size, motions=self.motions, truth=self.truth)
            number += self.world * turns
