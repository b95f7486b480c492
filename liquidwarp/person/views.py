"""Which photos of a person a generator looks at."""

import torch

from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import Topology
from liquidwarp.person.state import SourceView

_ENOUGH = 0.3  # of what all photos show of a part: more of it is no more than more of the body
_PARTS_FIRST = 4.0  # what a part that is shown is worth beside the whole surface of the body


def choose_views(topology: Topology, views: tuple[SourceView, ...], most: int) -> tuple[SourceView, ...]:
    """Choose the photos that a generator of so many inputs looks at, in their order; all of them if they are no more.

    One by one, that photo is taken that adds most to what is shown: first of the parts of the body of which little is
    shown yet, then of the whole. What comes from another person is seen in that person's photos alone, so everything
    that is worn is looked at while there is room.

    Args:
        topology: of the body that all share.
        views: of `SourceState`.
        most: how many a generator takes.
    """
    if len(views) <= most:
        return views
    shown = torch.stack([view.faces for view in views])
    of_part = torch.nn.functional.one_hot(topology.face_part.long(), len(PARTS)).float()
    enough = (_ENOUGH * (shown.any(0).float() @ of_part)).clamp(min=1)
    covered = torch.zeros_like(shown[0])
    chosen: list[int] = []
    for _ in range(most):
        after = (shown | covered).float()
        worth = _PARTS_FIRST * (after @ of_part / enough).clamp(max=1).sum(1) + after.mean(1)
        worth[chosen] = -1
        chosen.append(int(worth.argmax()))
        covered = covered | shown[chosen[-1]]
    return tuple(views[index] for index in sorted(chosen))
