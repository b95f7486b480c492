"""What a term of the fit is, and what it looks at.

The fit minimises, over pose and place of every frame, a sum of terms

    sum over spans s and groups g of   weight[s, g] * rho(|residual[s, g]|^2)

A residual is measured in standard deviations. It looks at one frame, or at two or three in a row (a span), and is a
vector of D numbers whose length the robust kernel `rho` sees; G of them per span share one kernel. The solver
(`fit.solve`) knows nothing else of a term.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.errors import InputError
from liquidwarp.fit.robust import Kernel
from liquidwarp.fit.skeleton import (
    STATE,
    Posed,
    Skeleton,
    State,
    joint_jacobian,
    joint_shape_jacobian,
    landmark_jacobian,
    pose_skeleton,
    shape_jacobian,
)
from liquidwarp.geometry import matrix_to_axis_angle

LONGEST_SPAN = 3
"""Most frames in a row that a residual may look at."""


@dataclass(frozen=True, eq=False)
class Window:
    """Frames in a row, posed: what terms look at. What follows from the state is worked out when first asked for.

    Convention: camera axes, the camera at the origin; metres. The unknowns of a frame are `STATE` numbers: a turn of
    each canonical joint, on the right of its rotation (`fit.skeleton`), then the place of the pelvis. With `with_shape`
    the body's shape coefficients follow.

    Attributes:
        skeleton: the body, with the landmarks that the fit compares.
        state: pose and place per frame.
        fps: frames per second; 0 where frames are unrelated.
        with_shape: whether derivatives go by the shape too.
    """

    skeleton: Skeleton
    state: State
    fps: float = 0.0
    with_shape: bool = False

    def __len__(self) -> int:
        return len(self.state)

    @property
    def unknowns(self) -> int:
        """Number of unknowns of a frame."""
        return STATE + (len(self.skeleton.betas) if self.with_shape else 0)

    @cached_property
    def posed(self) -> Posed:
        """Joints with their turns, and landmarks."""
        return pose_skeleton(self.skeleton, self.state.rotations, self.state.place)

    @property
    def landmarks(self) -> Float[Tensor, "T L 3"]:
        """Place of each landmark."""
        return self.posed.points

    @property
    def joints(self) -> Float[Tensor, "T J 3"]:
        """Place of each canonical joint."""
        return self.posed.joints

    @cached_property
    def landmark_jacobian(self) -> Float[Tensor, "T L 3 P"]:
        """Derivative of each landmark by the unknowns of its frame."""
        pose = landmark_jacobian(self.skeleton, self.posed)
        return torch.cat([pose, shape_jacobian(self.skeleton, self.posed)], dim=-1) if self.with_shape else pose

    @cached_property
    def joint_jacobian(self) -> Float[Tensor, "T J 3 P"]:
        """Derivative of each joint by the unknowns of its frame."""
        pose = joint_jacobian(self.skeleton, self.posed)
        return torch.cat([pose, joint_shape_jacobian(self.skeleton, self.posed)], dim=-1) if self.with_shape else pose

    @cached_property
    def turns_between(self) -> Float[Tensor, "S J 3 3"]:
        """Rotation of each joint from every frame to the next, in the joint's own axes."""
        return self.state.rotations[:-1].transpose(-1, -2) @ self.state.rotations[1:]

    @cached_property
    def velocity(self) -> Float[Tensor, "S U 3"]:
        """Speeds between frames: turns of the joints in rad/s, then of the pelvis in m/s."""
        way = self.state.place[1:] - self.state.place[:-1]
        return torch.cat([matrix_to_axis_angle(self.turns_between), way[:, None]], dim=1) * self.fps

    def landmark(self, name: str) -> int:
        """Return the index of a landmark.

        Raises:
            InputError: the fit does not compare it.
        """
        return index_of("landmark", name, self.skeleton.names)

    def joint(self, name: str) -> int:
        """Return the index of a canonical joint.

        Raises:
            InputError: there is no such joint.
        """
        return index_of("joint", name, CANONICAL_JOINTS)


def index_of(kind: str, name: str, names: tuple[str, ...]) -> int:
    """Return the index of a landmark or joint.

    Raises:
        InputError: there is none of that name.
    """
    if name not in names:
        raise InputError(
            f"a term asks for the {kind} {name!r}, which the fit does not know; there are {', '.join(names)}"
        )
    return names.index(name)


@runtime_checkable
class Term(Protocol):
    """One kind of evidence or of knowledge that the fit adds to its cost.

    Any object with these attributes and methods will do. `autodiff_term` makes one of a function.
    """

    @property
    def kernel(self) -> Kernel:
        """What a squared residual costs (`fit.robust`)."""
        ...

    @property
    def span(self) -> int:
        """How many frames in a row a residual looks at: 1, 2 or 3. Unrelated frames see terms of one frame only."""
        ...

    @property
    def weight(self) -> float | Float[Tensor, "..."]:
        """How much each residual counts: one number, or a tensor that broadcasts to (S, G)."""
        ...

    def __getitem__(self, frames: slice | Int[Tensor, "N"]) -> "Term":
        """Return the term of some frames of the clip, by their numbers."""
        ...

    def residual(self, window: Window) -> Float[Tensor, "S G D"]:
        """Return the residuals in standard deviations; span s begins at frame s of the window."""
        ...

    def jacobian(self, window: Window) -> tuple[Float[Tensor, "S G D P"], ...]:
        """Return their derivatives by the unknowns of each frame of the span, the first frame's first.

        The last axis holds all unknowns of the frame (`Window.landmark_jacobian`). If group g depends on nothing but
        the turn of canonical joint g, it may hold that turn's three alone; the group after the last joint is then the
        place of the pelvis.
        """
        ...
