"""The first repository's face refiner: a small network that paints the face again, closely."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.methods.few_shot_vid2vid.finetune import Example
from liquidwarp.methods.few_shot_vid2vid.inputs import LabelledView
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.nn.few_shot_vid2vid.losses import LabelledPicture

_MARGIN = 4  # pixels by which the face's box is smaller on each side
_DRAWING = slice(3, 6)  # channels of a label that the refiner is told


class FaceRefiner:
    """Paints faces again.

    Args:
        network: a "face-refiner" of `nn.few_shot_vid2vid.published`.
        example: whose face it looks at.
    """

    def __init__(self, network: FewShotGenerator, example: Example) -> None:
        self._network = network
        box = _box(example.view, example.picture)
        side = example.picture.shape[1] // 4
        whole = (0, 0, *example.picture.shape[1:]) if box is None else box
        self._label = _cut(example.view.label[_DRAWING], whole, side)
        self._picture = _cut(example.picture, whole, side)

    def __call__(self, drawn: Float[Tensor, "3 H W"], view: LabelledView) -> Float[Tensor, "3 H W"]:
        """Return a picture with its face refined; as it is where no head is seen.

        What the network says is added to the face.
        """
        box = _box(view, drawn)
        if box is None:
            return drawn
        side = drawn.shape[1] // 4
        coarse, label = _cut(drawn, box, side), _cut(view.label[_DRAWING], box, side)
        with torch.no_grad():
            encoding = self._network.encode(
                self._label[None, None], self._picture[None, None], label[None], coarse=coarse[None]
            )
            change = self._network(label[None], encoding).image
        top, left, bottom, right = box
        better = (coarse[None] + change).clamp(-1, 1)
        whole = drawn.clone()
        whole[:, top:bottom, left:right] = interpolate(
            better, size=(bottom - top, right - left), mode="bilinear", align_corners=False
        )[0]
        return whole


def _box(view: LabelledView, picture: Tensor) -> tuple[int, int, int, int] | None:
    """Return top, left, bottom and right of the face; None where there is none, or one too small."""
    shown = LabelledPicture(view.label[None], view.parts[None], picture[None])
    if not shown.head.any():
        return None
    left, top, right, bottom = (round(side) for side in shown.face_boxes()[0].tolist())
    box = (top + _MARGIN, left + _MARGIN, bottom - _MARGIN, right - _MARGIN)
    return box if box[2] > box[0] and box[3] > box[1] else None


def _cut(picture: Float[Tensor, "C H W"], box: tuple[int, ...], side: int) -> Float[Tensor, "C S S"]:
    top, left, bottom, right = box
    return interpolate(picture[None, :, top:bottom, left:right], size=(side, side))[0]
