"""Which body is which, by what it is made of and not by its name."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from liquidwarp.bodies.protocol import BodyModel

_SAME = 1e-5  # metres by which two constructions of one body may differ


def fingerprint(body: BodyModel) -> str:
    """Return a hash of what poses, shapes, offsets and surfaces are counted by: joints, coefficients, vertices, faces.

    Bodies with the same hash have the same skeleton and mesh; they may still differ in looks, as SMPL's female and male
    ones do (`same_body`).

    Examples:
        >>> from liquidwarp.bodies import fingerprint
        >>> from liquidwarp.testing import toy_body
        >>> one, other = toy_body(), toy_body()
        >>> other.name = "of another name"
        >>> fingerprint(one)[:8], fingerprint(one) == fingerprint(other)
        ('e494743a', True)
    """
    topology = body.topology
    sizes = (body.num_betas, len(topology.vertex_part), *body.parents)
    digest = hashlib.sha256(np.array(sizes, "<i8").tobytes())
    digest.update(topology.faces.cpu().numpy().astype("<i4").tobytes())
    return digest.hexdigest()


def same_body(one: BodyModel, other: BodyModel) -> bool:
    """Return whether parameters of one body mean the same for the other, whatever the two are called.

    Examples:
        >>> from liquidwarp.bodies import load_body, same_body
        >>> from liquidwarp.testing import toy_body
        >>> same_body(toy_body(), toy_body()), same_body(toy_body(), load_body())
        (True, False)
    """
    if one is other:
        return True
    if fingerprint(one) != fingerprint(other):
        return False
    return all(
        _near(one.identity(betas).vertices, other.identity(betas).vertices)
        and _near(one.rest_joints(betas), other.rest_joints(betas))
        for betas in (torch.zeros(one.num_betas, dtype=torch.float32), torch.ones(one.num_betas, dtype=torch.float32))
    )


def same_mesh(one: BodyModel, other: BodyModel) -> bool:
    """Return whether vertices and faces of one body are those of the other, so that surfaces can be exchanged.

    Examples:
        >>> from liquidwarp.bodies import load_body, same_mesh
        >>> from liquidwarp.testing import toy_body
        >>> same_mesh(toy_body(), toy_body()), same_mesh(toy_body(), load_body())
        (True, False)
    """
    mine, theirs = one.topology, other.topology
    return len(mine.vertex_part) == len(theirs.vertex_part) and torch.equal(mine.faces, theirs.faces)


def _near(one: Tensor, other: Tensor) -> bool:
    return bool(((one - other).abs() <= _SAME).all())
