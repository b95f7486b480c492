"""Bodies by name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

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


def _layer(given: object) -> BodyModel:
    from liquidwarp.bodies.smpl_layers import body_from_layer, is_smpl_layer

    if not is_smpl_layer(given):
        raise TypeError(
            f"body is a {type(given).__name__}; wanted a name ({', '.join(BODIES)}), a model file "
            f"({', '.join(_FILE_ENDINGS)}) or a layer from smplx.create(...)"
        )
    return body_from_layer(given)


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


def load_body(name: str | Path | nn.Module = "anny") -> BodyModel:
    """Build a body by its name, from a file, or from a layer of the package smplx.

    Args:
        name: "anny" (the default, part of the package), "smpl", "smplh" or "smplx" (need a file that the user puts into
            `body_models/`; see the README there), with "-female" or "-male" for those bodies, or the path of a model
            file of the SMPL family (.npz, .pkl); or what `smplx.create(...)` returned (`body_from_layer`).

    Raises:
        InputError: the name is not known, the body's file is missing, damaged or of another family, or the layer is
            of another body.
        TypeError: neither a name nor a layer.

    Examples:
        >>> from liquidwarp.bodies import load_body
        >>> body = load_body()
        >>> body.name, body.num_betas, len(body.joint_names), len(body.topology.faces)
        ('anny', 20, 106, 27420)
    """
    if not isinstance(name, str | Path):
        return _layer(name)
    if Path(name).suffix.lower() in _FILE_ENDINGS:
        return _file(str(name))
    name = str(name)
    try:
        check_choice("body", name, BODIES)
    except InputError as error:
        raise InputError(f"{error}, or give a model file ({', '.join(_FILE_ENDINGS)})") from error
    return BODIES[name]()
