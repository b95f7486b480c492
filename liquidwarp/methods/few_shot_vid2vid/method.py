"""Few-shot vid2vid as a method: people put in motion by what a network makes of labels and photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow
from liquidwarp.methods.few_shot_vid2vid.finetune import Example, fine_tuned
from liquidwarp.methods.few_shot_vid2vid.inputs import LabelledView, Labeller, picture_flow
from liquidwarp.methods.few_shot_vid2vid.refiner import FaceRefiner
from liquidwarp.methods.photos import is_dressed, photo_picture, shown_photo
from liquidwarp.methods.protocol import BackgroundPicture, Frame, PreviousFrame, Synthesis
from liquidwarp.nn.few_shot_vid2vid.generator import Encoding, FewShotGenerator, Previous
from liquidwarp.nn.few_shot_vid2vid.sequence import SequenceGenerator
from liquidwarp.nn.few_shot_vid2vid.shape import IMAGINAIRE
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow
from liquidwarp.nn.few_shot_vid2vid.weights import (
    PUBLISHED_SIZES,
    configuration_of,
    load_few_shot,
    save_few_shot,
)
from liquidwarp.person import SourceState, choose_views
from liquidwarp.types import Camera, Pose

_EXAMPLES = 4  # photos that attention is spread over
_TRUSTED = 0.5  # mask below which a pixel is the warped photo's
_PERSON = 0.5  # alpha from which a pixel is the person's
_ENRICHED_SIZE = (256, 128)
_POSE = ("fsvid2vid-pose", "fsvid2vid-imaginaire-pose", "fsvid2vid-mesh")


@dataclass(frozen=True, eq=False)
class FewShotSynthesis(Synthesis):
    """A picture, and what the next one is made from.

    Attributes:
        view: the window that the network drew, with its label.
        drawn: the window's picture as it came from the network, in [-1, 1].
    """

    view: LabelledView
    drawn: Float[Tensor, "3 h w"]


class FewShotSession:
    """Draws one person, where the person's tensors lie.

    The network draws a window around the person, background and all. The window of the first frame is kept, as
    published; who is about to leave it is followed.

    Args:
        generator: in evaluation mode.
        state: the person.
        background: what is behind; where it is the photo's own, the network's is shown inside of the window.
        size: (height, width) that the network looks at.
        finetune: iterations by which a copy of the network is fitted to the photos first.
        refiner: paints faces again.
    """

    def __init__(
        self,
        generator: FewShotGenerator,
        state: SourceState,
        background: BackgroundPicture,
        size: tuple[int, int],
        finetune: int,
        refiner: FewShotGenerator | None = None,
    ) -> None:
        shape = generator.shape
        self._kept, self._background = background.kept, background.tensor(state.device)
        self._labeller = Labeller(state.body, state.track.betas, size, enriched=shape.given_flow)
        examples = _examples(state, self._labeller, shape.attention, face=shape.layout == IMAGINAIRE)
        self._views = [example.view for example in examples]
        self._labels = torch.stack([view.label for view in self._views])[None]
        self._pictures = torch.stack([example.picture for example in examples])[None]
        self._generator = moved(generator, state.device)
        if finetune:
            self._generator = fine_tuned(self._generator, examples, iterations=finetune)
        self._refine = None if refiner is None else FaceRefiner(moved(refiner, state.device), examples[0])
        with torch.no_grad():
            alone = None if shape.attention else self._encode(self._labels[:, 0])
        self._encoding = alone  # of a single example it is the same for every frame

    def draw(self, frame: Frame) -> FewShotSynthesis:
        """Return one picture; its coverage is 1 where the network trusts a warped photo, 3 elsewhere on the person."""
        view = self._labeller.look(frame.pose, frame.vertices, frame.camera, self._window(frame))
        label, given = view.label[None], self._labeller.enriched
        with torch.no_grad():
            encoding = self._encoding or self._encode(label)
            flow = self._flow(view) if given else None
            previous = self._previous(view, frame.previous)
            made = self._generator(label, encoding, previous, flow=flow)
        drawn = made.image[0] if self._refine is None else self._refine(made.image[0], view)
        planes = [drawn / 2 + 0.5, view.fragments.mask.float()]
        planes.append(torch.zeros_like(planes[1]) if made.reference is None else made.reference.mask[0])
        empty = torch.cat([self._background, torch.zeros_like(self._background[:2])])
        whole = view.window.paste(torch.cat(planes), empty).clamp(0, 1)
        color, alpha, mask = whole[:3], whole[3], whole[4]
        image = color if self._kept else alpha * color + (1 - alpha) * self._background
        coverage = torch.where(alpha < _PERSON, 0, torch.where(mask < _TRUSTED, 1, 3)).to(torch.uint8)
        return FewShotSynthesis(image, alpha, coverage, view, drawn)

    def _encode(self, label: Tensor) -> Encoding:
        return self._generator.encode(self._labels, self._pictures, label)

    def _flow(self, view: LabelledView) -> GivenFlow:
        flows = [picture_flow(view, source) for source in self._views]
        return GivenFlow(torch.cat([flow.flow for flow in flows]), torch.cat([flow.valid for flow in flows]))

    def _window(self, frame: Frame) -> CropWindow:
        if frame.previous is not None:
            before = _made(frame.previous).view.window
            points = self._labeller.skeleton(frame.pose, frame.camera).body
            if before.holds(points[points[:, 2] > 0, :2]):
                return before
        return self._labeller.window(frame.pose, frame.camera)

    def _previous(self, view: LabelledView, previous: PreviousFrame | None) -> Previous | None:
        """Return the frame before, seen through the window of this one; None for a network that takes none."""
        if previous is None or not self._generator.shape.warp_previous:
            return None
        made, frame = _made(previous), previous.frame
        seen, drawn = made.view, made.drawn
        if seen.window != view.window:
            seen = self._labeller.look(frame.pose, frame.vertices, frame.camera, view.window)
            drawn = 2 * view.window.cut(made.image, self._labeller.size) - 1
        flow = picture_flow(view, seen) if self._labeller.enriched else None
        return Previous(seen.label[None], drawn[None], flow)


@dataclass(frozen=True, eq=False)
class FewShotMethod:
    """Draws people with a few-shot vid2vid network.

    Attributes:
        generator: of labels of people.
        size: (height, width) that it was trained on.
        finetune: iterations by which a copy is fitted to the photos before the first frame; 100 as published.
        refiner: paints faces again.

    Raises:
        InputError: a network of another kind of label, or a refiner beside mesh-enriched labels.
    """

    name: ClassVar[str] = "few-shot-vid2vid"
    recurrent: ClassVar[bool] = True  # a picture is given the one before, its window at least
    generator: FewShotGenerator
    size: tuple[int, int]
    finetune: int = 0
    refiner: FewShotGenerator | None = None

    def __post_init__(self) -> None:
        check_kind(self.generator, self.name, _POSE)
        if self.refiner is None:
            return
        check_kind(self.refiner, f"{self.name}:refiner", ("fsvid2vid-face-refiner",))
        if self.generator.shape.given_flow:
            raise InputError("a refiner looks at the skeleton's drawing, which mesh-enriched labels lack; leave it out")

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> FewShotSession:
        """Learn all that the frames share."""
        return FewShotSession(self.generator, state, background, self.size, self.finetune, self.refiner)


def build(
    *,
    weights: str | Path | None = None,
    generator: FewShotGenerator | None = None,
    finetune: bool = False,
    refiner: str | Path | None = None,
) -> FewShotMethod:
    """Make the method.

    Args:
        weights: a file from `liquidwarp weights import` or from a training.
        generator: the network itself, in place of a file.
        finetune: fit a copy of the network to the photos first, by the published number of iterations.
        refiner: a file of the first repository's face refiner, imported likewise.

    Raises:
        InputError: no weights, or damaged ones, or those of another network.
    """
    network, size = network_of(weights, generator, FewShotMethod.name)
    faces = None if refiner is None else load_few_shot(refiner).generator
    return FewShotMethod(network, size, ITERATIONS if finetune else 0, faces)


ITERATIONS = 100
"""Of fine-tuning, as published."""


def network_of(
    weights: str | Path | None, generator: FewShotGenerator | None, method: str
) -> tuple[FewShotGenerator, tuple[int, int]]:
    """Return the network of a method's options and the size of its pictures.

    Raises:
        InputError: none was given, or its file cannot be used.
    """
    if generator is not None:
        return generator, PUBLISHED_SIZES.get(configuration_of(generator.shape), _ENRICHED_SIZE)
    if weights is None:
        raise InputError(
            f"method {method!r} comes without weights; give a file of them (see 'liquidwarp weights import --help')"
        )
    found = load_few_shot(weights)
    return found.generator, found.size


def check_kind(generator: FewShotGenerator, method: str, wanted: Sequence[str]) -> None:
    """Raise `InputError` unless a network is of a kind that a method draws with."""
    kind = configuration_of(generator.shape)
    if kind not in wanted:
        raise InputError(
            f"method {method!r} draws with {', '.join(wanted)}; these weights are {kind!r}, of another kind of label"
        )


def export(
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, width: float
) -> None:
    """Write trained weights; see `registry.MethodEntry.export`."""
    assert isinstance(generator, SequenceGenerator)
    size = card["size"]
    assert isinstance(size, list)
    save_few_shot(generator.network, path, card, size=(size[0], size[1]))


def _made(previous: PreviousFrame) -> FewShotSynthesis:
    assert isinstance(previous.picture, FewShotSynthesis)
    return previous.picture


def _examples(state: SourceState, labeller: Labeller, several: bool, *, face: bool) -> list[Example]:
    """Return the photos as the network looks at them; of who wears another's clothes, a picture of it."""
    if is_dressed(state):
        seen = shown_photo(state)
        return [_example(labeller, seen.pose, seen.vertices, seen.camera, seen.picture, face=face)]
    views = choose_views(state.body.topology, state.views, _EXAMPLES if several else 1)
    return [
        _example(labeller, view.pose, view.vertices, view.camera, photo_picture(state, view), face=face)
        for view in views
    ]


def _example(
    labeller: Labeller, pose: Pose, vertices: Tensor, camera: Camera, picture: Tensor, *, face: bool
) -> Example:
    window = labeller.window(pose, camera)
    view = labeller.look(pose, vertices, camera, window, face=face)
    return Example(view, 2 * window.cut(picture, labeller.size).clamp(0, 1) - 1)
