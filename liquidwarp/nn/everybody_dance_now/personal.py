"""One person's generator, frame after frame, with the face refined; and its file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from liquidwarp.cards import filled_network, load_with_card, save_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.everybody_dance_now.generators import EdnFaceGenerator, EdnGlobalGenerator

EDN_CONFIGURATION = "edn"
"""As cards name it."""


@dataclass(frozen=True)
class EdnShape:
    """What a generator is made from.

    Attributes:
        size: (height, width) of the pictures.
        width: channels of the first stage.
        halvings: of the picture.
        blocks: residual blocks at the smallest size.
        face_width: channels of the face generator's first stage; 0 leaves faces as they are.
        face_halvings: of the face.
        face_blocks: residual blocks of the face generator.

    Raises:
        InputError: a picture or a face that cannot be halved as often.
    """

    size: tuple[int, int]
    width: int = 64
    halvings: int = 4
    blocks: int = 9
    face_width: int = 64
    face_halvings: int = 3
    face_blocks: int = 5

    def __post_init__(self) -> None:
        step = max(2**self.halvings, 4 * 2**self.face_halvings)
        if any(side % step for side in self.size):
            raise InputError(f"size={list(self.size)}: Everybody Dance Now wants multiples of {step} here")

    @property
    def face_side(self) -> int:
        """Pixels of the square around a face: a quarter of the height, as published."""
        return self.size[0] // 4


class EdnGenerator(nn.Module):
    """Draws frames of one person, each from its pose and the frame before.

    Args:
        shape: of the networks.
    """

    def __init__(self, shape: EdnShape) -> None:
        super().__init__()
        self.shape = shape
        self.main = EdnGlobalGenerator(shape.width, shape.halvings, shape.blocks)
        self.face: EdnFaceGenerator | None = None
        if shape.face_width:
            self.face = EdnFaceGenerator(shape.face_width, shape.face_halvings, shape.face_blocks)

    def forward(
        self, poses: Float[Tensor, "B T 3 H W"], previous: Float[Tensor, "B 3 H W"] | None = None
    ) -> Float[Tensor, "B T 3 H W"]:
        """Return frames in [-1, 1], their faces not refined; gradients flow through all frames before.

        Args:
            poses: drawings in [0, 1].
            previous: the frame made before the first one; zeros by default.
        """
        frames = []
        for pose in poses.unbind(1):
            before = torch.zeros_like(pose) if previous is None else previous
            previous = self.main(torch.cat([pose, before], 1))
            frames.append(previous)
        return torch.stack(frames, 1)

    def refined(
        self, pose: Float[Tensor, "B 3 H W"], frame: Float[Tensor, "B 3 H W"], corners: Int[Tensor, "B 2"]
    ) -> Float[Tensor, "B 3 H W"]:
        """Return frames with their faces refined; as they are without a face generator.

        Args:
            pose: the drawing, in [0, 1].
            frame: in [-1, 1].
            corners: top and left of the faces' squares; negative for a face that is not seen.
        """
        if self.face is None:
            return frame
        side, whole = self.shape.face_side, frame.clone()
        for number, (top, left) in enumerate(corners.tolist()):
            if top >= 0:
                box = slice(number, number + 1), slice(None), slice(top, top + side), slice(left, left + side)
                whole[box] = self.face(pose[box], frame[box])
        return whole


def save_edn(generator: EdnGenerator, path: str | Path, card: Mapping[str, object]) -> None:
    """Write weights with a card.

    Args:
        generator: the network.
        path: a safetensors file.
        card: what else there is to say.

    Raises:
        OutputError: the file cannot be written.
    """
    own = {"configuration": EDN_CONFIGURATION, "shape": asdict(generator.shape), "pictures": "RGB in [-1, 1]"}
    save_with_card(generator.state_dict(), path, dict(card) | own)


def load_edn(path: str | Path) -> EdnGenerator:
    """Read a file that a training wrote, ready to answer.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    if Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; give one that 'liquidwarp train' wrote")
    card, tensors = load_with_card(path, EDN_CONFIGURATION)
    try:
        told = dict(card["shape"])
        height, width = (int(side) for side in told.pop("size"))
        shape = EdnShape((height, width), **told)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its card does not tell the network's shape ({error}); train it anew") from error
    return filled_network(lambda: EdnGenerator(shape), card["shape"], tensors, path, name=EDN_CONFIGURATION)
