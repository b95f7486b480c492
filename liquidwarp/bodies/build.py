"""Bodies by name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from liquidwarp.bodies.protocol import BodyModel
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError

_FILE_ENDINGS = (".npz", ".pkl", ".pickle")


def _anny() -> BodyModel:
    from liquidwarp.bodies.anny import anny_body

    return anny_body()


def _smpl(family: str, gender: str = "neutral") -> BodyModel:
    from liquidwarp.bodies.smpl import smpl_body

    return smpl_body(family, gender=gender)


def _file(path: str) -> BodyModel:
    from liquidwarp.bodies.smpl import body_from_file
    from liquidwarp.bodies.smpl_files import read_smpl_file

    return body_from_file(path, read_smpl_file(Path(path)))


BODIES: dict[str, Callable[[], BodyModel]] = {
    "anny": _anny,
    **{family: partial(_smpl, family) for family in ("smpl", "smplh", "smplx")},
    **{
        f"{family}-{gender}": partial(_smpl, family, gender)
        for family in ("smpl", "smplh", "smplx")
        for gender in ("female", "male")
    },
}
"""Builders of the bodies that `load_body` knows."""


def load_body(name: str = "anny") -> BodyModel:
    """Build a body by its name, or from a file.

    Args:
        name: "anny" (the default, part of the package), "smpl", "smplh" or "smplx" (need a file that the user puts into
            `body_models/`; see the README there), with "-female" or "-male" for those bodies, or the path of a model
            file of the SMPL family (.npz, .pkl).

    Raises:
        InputError: the name is not known, or the body's file is missing, damaged or of another family.

    Examples:
        >>> from liquidwarp.bodies import load_body
        >>> body = load_body()
        >>> body.name, body.num_betas, len(body.joint_names), len(body.topology.faces)
        ('anny', 20, 106, 27420)
    """
    if Path(name).suffix.lower() in _FILE_ENDINGS:
        return _file(name)
    try:
        check_choice("body", name, BODIES)
    except InputError as error:
        raise InputError(f"{error}, or give a model file ({', '.join(_FILE_ENDINGS)})") from error
    return BODIES[name]()
