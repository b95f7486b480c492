"""A term of the fit from a function: its derivatives come by automatic differentiation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.errors import InputError
from liquidwarp.fit.robust import LEAST_SQUARES, Kernel
from liquidwarp.fit.term import LONGEST_SPAN, Window, index_of


@dataclass(frozen=True, eq=False)
class BodyPoints:
    """A body in one frame, as the function of a term sees it.

    Convention: camera axes, the camera at the origin; +X right, +Y down, +Z away; metres.

    Attributes:
        names: landmarks that the fit compares.
        landmarks: their places.
        joints: places of the canonical joints (`liquidwarp.bodies.CANONICAL_JOINTS`).
    """

    names: tuple[str, ...]
    landmarks: Float[Tensor, "L 3"]
    joints: Float[Tensor, "J 3"]

    def landmark(self, name: str) -> Float[Tensor, "3"]:
        """Return the place of a landmark.

        Raises:
            InputError: the fit does not compare it.
        """
        return self.landmarks[index_of("landmark", name, self.names)]

    def joint(self, name: str) -> Float[Tensor, "3"]:
        """Return the place of a canonical joint.

        Raises:
            InputError: there is none of that name.
        """
        return self.joints[index_of("joint", name, CANONICAL_JOINTS)]


def autodiff_term(
    function: Callable[..., Tensor],
    *,
    kernel: Kernel = LEAST_SQUARES,
    weight: float = 1.0,
    span: int = 1,
    per_frame: Sequence[Tensor] = (),
) -> "AutodiffTerm":
    """Make a term of the fit of a function that says how far a body is from what is wanted.

    The function gets the body in one frame (`BodyPoints`), or in `span` frames in a row, and returns residuals in
    standard deviations: one number; a vector, of which the robust kernel sees the length; or a matrix, one vector a
    row. It is written for one frame; `torch.func.vmap` runs it over all of them, so it may not branch on values: not
    `if point[1] > 0`, but `torch.where` or `clamp`. `torch.func.jacrev` gives the derivatives by the points, the
    skeleton those of the points by the pose.

        def hands_together(body):
            return (body.landmark("left_wrist") - body.landmark("right_wrist")) / 0.05  # 5 cm

        fit_track(body, keypoints, terms=[autodiff_term(hands_together)])

    Args:
        function: `function(body, ...)`, with one body per frame of the span and one row of each of `per_frame`.
        kernel: what a squared residual costs (`fit.robust`); least squares by default.
        weight: how much the whole counts.
        span: frames in a row that the function looks at: 1, 2 or 3. Clips only, if more than 1.
        per_frame: tensors with a row for every frame of the clip, for what differs from frame to frame; the function
            gets the rows of the span's first frame.

    Raises:
        InputError: `span` or `weight` is out of range.
    """
    if span not in range(1, LONGEST_SPAN + 1):
        raise InputError(f"span={span}; a term looks at 1 to {LONGEST_SPAN} frames in a row")
    if not 0 <= weight < math.inf:
        raise InputError(f"weight={weight} is no number from 0 on")
    return AutodiffTerm(function, kernel, weight, span, tuple(per_frame))


@dataclass(frozen=True, eq=False)
class AutodiffTerm:
    """A term made by `autodiff_term`, which says what its attributes are."""

    function: Callable[..., Tensor]
    kernel: Kernel
    weight: float
    span: int
    per_frame: tuple[Tensor, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __getitem__(self, frames: slice | Tensor) -> "AutodiffTerm":
        """Return some frames.

        Raises:
            InputError: `per_frame` has no rows for them.
        """
        if isinstance(frames, Tensor):
            for rows in self.per_frame:
                if len(rows) <= int(frames.max()):
                    raise InputError(
                        f"per_frame of {self.name} has {len(rows)} rows, none for frame {int(frames.max())}"
                    )
        return replace(self, per_frame=tuple(rows[frames] for rows in self.per_frame))

    def residual(self, window: Window) -> Float[Tensor, "S G D"]:
        """Run the function over all spans."""
        return torch.func.vmap(self._of(window))(*self._points(window), *self._rows(window))

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "S G D P"], ...]:
        """Differentiate it."""
        by_points = torch.func.jacrev(self._of(window), argnums=tuple(range(self.span)))
        slopes = torch.func.vmap(by_points)(*self._points(window), *self._rows(window))
        moved = torch.cat([window.landmark_jacobian, window.joint_jacobian], dim=1).flatten(1, 2)
        ends = range(len(window) - self.span + 1, len(window) + 1)
        return tuple(
            (slope.flatten(3).flatten(1, 2) @ moved[first:end]).unflatten(1, slope.shape[1:3])
            for slope, first, end in zip(slopes, range(self.span), ends, strict=True)
        )

    def _points(self, window: Window) -> list[Float[Tensor, "S N 3"]]:
        points = torch.cat([window.landmarks, window.joints], dim=1)
        return [points[first : len(points) - self.span + 1 + first] for first in range(self.span)]

    def _rows(self, window: Window) -> list[Tensor]:
        spans = len(window) - self.span + 1
        for rows in self.per_frame:
            if len(rows) != len(window):
                raise InputError(f"per_frame of {self.name} has {len(rows)} rows, wanted one per frame ({len(window)})")
        return [rows[:spans] for rows in self.per_frame]

    def _of(self, window: Window) -> Callable[..., Tensor]:
        names = window.skeleton.names

        def of_one(*arguments: Tensor) -> Tensor:
            bodies = [BodyPoints(names, part[: len(names)], part[len(names) :]) for part in arguments[: self.span]]
            answer = self.function(*bodies, *arguments[self.span :])
            if not isinstance(answer, Tensor) or answer.dim() > 2:
                what = f"shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else type(answer).__name__
                raise InputError(f"{self.name} gave {what}; wanted a number, a vector or a matrix of residuals")
            return answer.reshape(1, -1) if answer.dim() < 2 else answer

        return of_one
