"""Bodies by name."""

from collections.abc import Callable

from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.checks import check_choice


def _anny() -> BodyModel:
    from liquidwarp.bodies.anny import anny_body

    return anny_body()


def _toy() -> BodyModel:
    from liquidwarp.bodies.toy import toy_body

    return toy_body()


def _smpl_family(name: str) -> Callable[[], BodyModel]:
    def build() -> BodyModel:
        from liquidwarp.bodies.smpl import smpl_body

        return smpl_body(name)

    return build


BODIES: dict[str, Callable[[], BodyModel]] = {
    "anny": _anny,
    "toy": _toy,
    "smpl": _smpl_family("smpl"),
    "smplh": _smpl_family("smplh"),
    "smplx": _smpl_family("smplx"),
}
"""Builders of the bodies that `load_body` knows."""


def load_body(name: str = "anny") -> BodyModel:
    """Build a body by its name.

    Args:
        name: "anny" (the default, part of the package), "toy" (for tests), "smpl", "smplh" or "smplx" (need a file that
            the user puts into `body_models/`; see the README there).

    Raises:
        InputError: the name is not known or the body's file is missing.
    """
    check_choice("body", name, BODIES)
    return BODIES[name]()
