"""Few-shot vid2vid on maps of classes, such as streets: examples with their maps, and a clip of maps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.labels import one_hot
from liquidwarp.methods.few_shot_vid2vid.drawing import draw_labels, whole_picture
from liquidwarp.methods.few_shot_vid2vid.method import check_kind, network_of
from liquidwarp.methods.protocol import BackgroundPicture, Synthesis
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.person import SourceState

_LABELS = ("fsvid2vid-labels", "fsvid2vid-imaginaire-labels")


@dataclass(frozen=True, eq=False)
class ClassExample:
    """A picture and the class of each of its pixels.

    Attributes:
        picture: sRGB.
        classes: of the same size.
        name: for messages.
    """

    picture: UInt8[np.ndarray, "H W 3"]
    classes: UInt8[np.ndarray, "h w"]
    name: str

    def __post_init__(self) -> None:
        if self.picture.shape[:2] != self.classes.shape:
            (height, width), (rows, columns) = self.picture.shape[:2], self.classes.shape
            raise InputError(
                f"{self.name}: the picture is {width}x{height}, its labels {columns}x{rows}; give labels of its size"
            )


@dataclass(frozen=True, eq=False)
class FewShotLabelsMethod:
    """Paints maps of classes in the look of examples.

    Attributes:
        generator: of maps with one channel for each class.
        size: (height, width) that it was trained on.

    Raises:
        InputError: a network of another kind of label.
    """

    name: ClassVar[str] = "few-shot-vid2vid-labels"
    recurrent: ClassVar[bool] = True
    generator: FewShotGenerator
    size: tuple[int, int]

    def __post_init__(self) -> None:
        check_kind(self.generator, self.name, _LABELS)

    @property
    def classes(self) -> int:
        """How many classes it knows."""
        return self.generator.shape.labels

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> NoReturn:
        """Raise `InputError`: this method draws no bodies."""
        raise InputError(f"method {self.name!r} paints maps of classes, not bodies; use 'liquidwarp labels'")

    def paint(
        self,
        examples: Sequence[ClassExample],
        labels: Iterable[UInt8[np.ndarray, "H W"]],
        *,
        size: tuple[int, int] | None = None,
        device: torch.device | str = "cpu",
    ) -> Iterator[Synthesis]:
        """Yield a picture for each map.

        Args:
            examples: pictures with their maps; a network without attention looks at one.
            labels: maps of one size.
            size: (height, width) of the pictures; by default the network's.
            device: where the network runs.

        Raises:
            InputError: no example, or several for a network that looks at one.
        """
        if not examples:
            raise InputError("no example; give at least one picture with its labels (--example PICTURE LABELS)")
        self.generator.check_references(len(examples))
        pictures = torch.stack([self._picture(example.picture) for example in examples]).to(device)
        known = torch.stack([self._planes(example.classes) for example in examples]).to(device)
        planes = (self._planes(each).to(device) for each in labels)
        for made in draw_labels(moved(self.generator, torch.device(device)), known, pictures, planes):
            yield whole_picture(made, size or self.size)

    def _planes(self, classes: np.ndarray) -> Float[Tensor, "L H W"]:
        return one_hot(classes, self.classes, self.size)

    def _picture(self, picture: np.ndarray) -> Float[Tensor, "3 H W"]:
        tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        return interpolate(tensor, size=self.size, mode="bicubic", antialias=True, align_corners=False)[0].clamp(-1, 1)


def build_labels(
    *, weights: str | Path | None = None, generator: FewShotGenerator | None = None
) -> FewShotLabelsMethod:
    """Make the method.

    Args:
        weights: a file from `liquidwarp weights import`.
        generator: the network itself, in place of a file.

    Raises:
        InputError: no weights, or damaged ones, or those of another network.
    """
    return FewShotLabelsMethod(*network_of(weights, generator, FewShotLabelsMethod.name))
