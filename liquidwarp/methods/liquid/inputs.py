"""What the published generators are told of targets, photos and backgrounds.

Inputs as Liu et al. describe them: the photo without the person and where the background is seen; the person without
the background beside a map of the body; the photo warped to the target beside the map there. The map holds, per pixel,
the texture coordinates of the visible face and a third channel that is 1 where there is no body.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import InputError
from liquidwarp.nn.liquid import BackgroundInput
from liquidwarp.types import Fragments

_AROUND = 15  # pixels by which the person is widened before the photo is shown to the background stream


def texture_code(body: BodyModel) -> Float[Tensor, "F 2"]:
    """Return the texture coordinates that stand for each face: the middle of its first edge, as published.

    Raises:
        InputError: the body has none.
    """
    if body.topology.uv is None or body.topology.face_uv is None:
        raise InputError(
            f"body {body.name!r} has no texture coordinates, which published generators look at; "
            "use the open body, or a body file that holds them (vt and ft)"
        )
    return body.topology.uv[body.topology.face_uv.long()][:, :2].mean(1)


def body_chart(code: Float[Tensor, "F 2"], fragments: Fragments) -> Float[Tensor, "3 H W"]:
    """Return the map of the body in a picture: each visible face's code, and 1 where there is no body."""
    face, hit = fragments.face_index[0].long(), fragments.mask[0]
    codes = torch.where(hit, code[face.clamp(min=0)].permute(2, 0, 1), 0.0)
    return torch.cat([codes, (~hit)[None].to(code)])


def background_input(photo: Float[Tensor, "3 H W"], alpha: Float[Tensor, "1 H W"]) -> BackgroundInput:
    """Return a photo in [-1, 1] without the person and a rim, axes B and M of one each."""
    known = 1 - max_pool2d(alpha[None], _AROUND, 1, _AROUND // 2)[0].round()
    return BackgroundInput((photo * known)[None, None], known[None, None])
