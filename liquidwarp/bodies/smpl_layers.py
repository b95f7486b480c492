"""Bodies of whoever holds a layer of the package smplx; the package itself is not needed here."""

from typing import TypeGuard

import numpy as np
from torch import Tensor, nn

from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.bodies.smpl import body_from_file
from liquidwarp.bodies.smpl_files import GENDERS, check_smpl_arrays

_BUFFERS = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "parents", "faces_tensor")
_SAME_NAMES = ("v_template", "shapedirs", "J_regressor", "lmk_faces_idx", "lmk_bary_coords")


def is_smpl_layer(given: object) -> TypeGuard[nn.Module]:
    """Tell whether something is a layer as `smplx.create` makes it."""
    return isinstance(given, nn.Module) and all(isinstance(getattr(given, name, None), Tensor) for name in _BUFFERS)


def body_from_layer(layer: nn.Module) -> RiggedBody:
    """Make the body of a layer of the package smplx: SMPL, SMPL-H or SMPL-X of any gender, with its shape coefficients.

    The body takes the layer's template, shape space (all of its `num_betas`), regressor, weights and pose corrections;
    it lies on the CPU and shares nothing with the layer, whose own pose and shape parameters do not count. Poses are
    whole rotations of joints: no principal components of hands, and no mean hand is added to them.

    Convention: the layer's axes (+X left, +Y up, +Z front) become camera axes, see `BodyModel`.

    Args:
        layer: what `smplx.create(...)` returned.

    Raises:
        InputError: a layer of another body (MANO, FLAME), or with numbers that are no body.
    """
    given = {name: value.detach().cpu().numpy() for name, value in layer.named_buffers() if value is not None}
    arrays = {name: given[name] for name in _SAME_NAMES if name in given}
    count = len(given["v_template"])
    arrays |= {
        "weights": given["lbs_weights"],
        "f": given["faces_tensor"],
        "kintree_table": np.stack([given["parents"], np.arange(len(given["parents"]))]),
        "posedirs": given["posedirs"].T.reshape(count, 3, -1),
    }
    arrays |= {f"hands_mean{side[0]}": given[f"{side}_hand_mean"] for side in ("left", "right") if "pose_mean" in given}
    model = check_smpl_arrays("the smplx layer", arrays, str(getattr(layer, "gender", "")).lower())
    gender = model.gender if model.gender in GENDERS[1:] else ""
    name = f"{model.family}-{gender}" if gender else model.family
    return body_from_file(name, model, num_betas=model.arrays["shapedirs"].shape[2])
