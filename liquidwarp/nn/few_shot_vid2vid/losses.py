"""The losses of few-shot vid2vid on people, as published; a mesh's flow is the teacher in place of FlowNet2's.

Convention: pictures are in [-1, 1]; a mask is 1 where pixels are *generated*.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from liquidwarp.labels.parts import PART_GROUPS, foreground_of
from liquidwarp.nn.few_shot_vid2vid.discriminators import DiscriminatorShape, MultiScaleDiscriminator
from liquidwarp.nn.few_shot_vid2vid.generator import DrawnFrame
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow, Warped, warp
from liquidwarp.nn.losses import crop_boxes

Scores = dict[str, list[list[Tensor]]]
"""By what was looked at: at every scale what each stage sees, the scores last."""

_BLUR = 15  # pixels over which the face's border is softened
_FACE_HIGHER = 1.25  # the face's box in heights of what is seen of the head
_LEAST_FACE = 32  # pixels of a side, of pictures that are so wide


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses; 0 leaves one out.

    Attributes:
        adversarial: fooling the discriminators.
        matching: of the discriminators' features.
        perceptual: how different pictures look.
        face: all of these and L1, in the face's box.
        flow: difference from the teacher's flow.
        warp: of warped pictures, and of the warped parts of the body.
        trust: of masks, which should trust what was warped well.
        pixel: L1 of the picture; not published, but a perceptual loss without VGG-19 knows no colours.
    """

    adversarial: float = 1.0
    matching: float = 10.0
    perceptual: float = 10.0
    face: float = 10.0
    flow: float = 10.0
    warp: float = 10.0
    trust: float = 10.0
    pixel: float = 0.0


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """A picture and what it shows, which is found when it is first asked for.

    Attributes:
        label: as the generator is told.
        parts: DensePose's part of each pixel, head and all; 0 for the background.
        picture: in [-1, 1].
    """

    label: Float[Tensor, "B L H W"]
    parts: Float[Tensor, "B H W"]
    picture: Float[Tensor, "B 3 H W"]

    @cached_property
    def head(self) -> Float[Tensor, "B 1 H W"]:
        """1 on the head."""
        return self._on(PART_GROUPS[-1])[:, None]

    @cached_property
    def foreground(self) -> Float[Tensor, "B 1 H W"]:
        """1 on the body and some pixels around it."""
        return foreground_of(self.parts)

    @cached_property
    def groups(self) -> Float[Tensor, "B G H W"]:
        """1 on each group of parts."""
        return torch.stack([self._on(group) for group in PART_GROUPS], 1)

    def face_boxes(self) -> Float[Tensor, "B 4"]:
        """Return squares around the heads, x0 y0 x1 y1; where the head should be, if there is none."""
        height, width = self.picture.shape[2:]
        boxes = []
        for head in self.head[:, 0]:
            rows, columns = (head.amax(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
            if rows:
                side = min(max(_FACE_HIGHER * (rows[-1] + 1 - rows[0]), min(_LEAST_FACE, width)), width)
                x, y = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
            else:
                side, x, y = height // 32 * 8, width / 2, height / 4
            left = min(max(x - side / 2, 0), width - side)
            top = min(max(y - side / 2, 0), height - side)
            boxes.append([left, top, left + side, top + side])
        return self.picture.new_tensor(boxes)

    def _on(self, numbers: tuple[int, ...]) -> Float[Tensor, "B H W"]:
        return torch.stack([self.parts == number for number in numbers]).any(0).to(self.picture)


class PersonCritic(nn.Module):
    """Judges a whole picture beside its example, and the face beside the example's face.

    Args:
        labels: channels of a label.
        width: of the discriminators' first stage.
    """

    def __init__(self, labels: int = 6, width: int = 32) -> None:
        super().__init__()
        self.whole = MultiScaleDiscriminator(DiscriminatorShape(2 * (labels + 4), width))
        self.face = MultiScaleDiscriminator(DiscriminatorShape(6, width))

    def forward(
        self, whole: Float[Tensor, "B C H W"], face: Float[Tensor, "B 6 h w"]
    ) -> dict[str, list[list[Float[Tensor, "B _ _ _"]]]]:
        """Return what each discriminator sees."""
        return {"whole": self.whole(whole), "face": self.face(face)}


def judged(
    picture: Float[Tensor, "B 3 H W"], target: LabelledPicture, example: LabelledPicture
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B 6 h w"]]:
    """Return what the discriminators are shown of a picture: the example first."""
    planes = [
        plane
        for shown, own in ((example, example.picture), (target, picture))
        for plane in (shown.label, shown.foreground, own)
    ]
    faces = [face_crop(example.picture, example), face_crop(picture, target)]
    return torch.cat(planes, 1), torch.cat(faces, 1)


def face_crop(picture: Float[Tensor, "B 3 H W"], shown: LabelledPicture) -> Float[Tensor, "B 3 h w"]:
    """Return the face of a picture, a quarter of its height large."""
    side = picture.shape[2] // 4
    return crop_boxes(picture, shown.face_boxes(), (side, side))


def generator_losses(
    drawn: DrawnFrame,
    target: LabelledPicture,
    example: LabelledPicture,
    previous: LabelledPicture | None,
    *,
    weights: LossWeights,
    perceptual: Callable[[Tensor, Tensor], Tensor],
    critic: Callable[..., Scores] | None,
    teacher: GivenFlow | None = None,
    teacher_previous: GivenFlow | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Return weighted losses of a frame, whose sum the generator lowers.

    Args:
        drawn: what the generator made.
        target: what it should be.
        example: the reference that was warped.
        previous: the frame before; None for the first.
        weights: of the losses.
        perceptual: compares pictures in [0, 1], one number a sample.
        critic: a `PersonCritic`; None leaves it out.
        teacher: the true flow into the example.
        teacher_previous: the true flow into the frame before.
    """
    losses: dict[str, Tensor] = {}
    made, true = drawn.image.float(), target.picture
    if weights.pixel:
        losses["pixel"] = weights.pixel * _l1(made, true)
    if weights.perceptual:
        losses["perceptual"] = weights.perceptual * _looks(perceptual, made, true)
    if weights.face:
        face, wanted = face_crop(made, target), face_crop(true, target)
        losses["face"] = weights.face * (_l1(face, wanted) + _looks(perceptual, face, wanted))
    if critic is not None:
        losses |= _adversarial(critic, made, target, example, weights)
    pairs = ((drawn.reference, example, teacher), (drawn.previous, previous, teacher_previous))
    for warped, source, known in pairs:
        if warped is None or source is None:
            continue
        terms = _warping(warped, target, source, known, weights)
        if source is example and weights.trust:
            terms["trust"] = terms["trust"] + weights.trust * _of_reference(drawn, warped, target, example)
        for name, term in terms.items():
            losses[name] = losses[name] + term if name in losses else term
    return losses


def critic_loss(
    critic: Callable[..., Scores],
    picture: Float[Tensor, "B 3 H W"],
    target: LabelledPicture,
    example: LabelledPicture,
    face: float,
) -> Float[Tensor, ""]:
    """Return the hinge loss of telling the true picture from a made one; faces count `face` times."""
    total = picture.new_zeros(())
    real, fake = (critic(*judged(image, target, example)) for image in (target.picture, picture.detach()))
    for name, weight in (("whole", 1.0), ("face", face)):
        for true, made in zip(real[name], fake[name], strict=True):
            total = total + weight * (relu(1 - true[-1]).mean() + relu(1 + made[-1]).mean()) / len(real[name])
    return total


def _adversarial(
    critic: Callable[..., Scores], made: Tensor, target: LabelledPicture, example: LabelledPicture, weights: LossWeights
) -> dict[str, Tensor]:
    fake = critic(*judged(made, target, example))
    with torch.no_grad():
        real = critic(*judged(target.picture, target, example))
    losses = {"adversarial": made.new_zeros(()), "matching": made.new_zeros(())}
    known = {"whole": (weights.adversarial, weights.matching), "face": (weights.face, weights.face)}
    for name, (fooling, matching) in known.items():
        count = len(fake[name])
        for own, true in zip(fake[name], real[name], strict=True):
            alike = [_l1(a, b) for a, b in zip(own[:-1], true[:-1], strict=True)]
            losses["adversarial"] = losses["adversarial"] - fooling * own[-1].mean() / count
            losses["matching"] = losses["matching"] + matching * torch.stack(alike).sum() / count
    return {name: loss for name, loss in losses.items() if getattr(weights, name)}


def _warping(
    warped: Warped, target: LabelledPicture, source: LabelledPicture, known: GivenFlow | None, weights: LossWeights
) -> dict[str, Tensor]:
    terms: dict[str, Tensor] = {}
    if weights.flow and known is not None:
        terms["flow"] = weights.flow * _masked(warped.flow, known.flow, known.valid * target.foreground)
    if weights.warp:
        parts = _l1(warp(source.groups, warped.flow), target.groups)
        bodies = _l1(warp(source.foreground, warped.flow), target.foreground)
        terms["warp"] = weights.warp * (_l1(warped.image, target.picture) + parts + bodies)
    if weights.trust:
        sure = (1 - (warped.image - target.picture).abs().sum(1, keepdim=True)).clamp(0, 1).detach()
        trusting = _masked(warped.mask, 0, sure) + _masked(warped.mask, 1, 1 - sure)
        terms["trust"] = weights.trust * trusting
    return terms


def _of_reference(drawn: DrawnFrame, warped: Warped, target: LabelledPicture, example: LabelledPicture) -> Tensor:
    """Trust the example on the face, and nowhere that another part of the body lies now."""
    face = avg_pool2d(target.head, _BLUR, 1, _BLUR // 2)
    moved = warp(example.groups, warped.flow).detach()
    uncovered = ((warp(example.foreground, warped.flow).detach() > 0) & (target.foreground == 0)).to(face)
    other = (moved - target.groups).abs().sum(1, keepdim=True)
    kept = _masked(drawn.image, warped.image.detach(), face)
    return _masked(warped.mask, 0, face) + kept + _masked(warped.mask, 1, uncovered) + _masked(warped.mask, 1, other)


def _looks(perceptual: Callable[[Tensor, Tensor], Tensor], made: Tensor, true: Tensor) -> Tensor:
    return perceptual(made / 2 + 0.5, true / 2 + 0.5).mean()


def _l1(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()


def _masked(a: Tensor, b: Tensor | int, mask: Tensor) -> Tensor:
    """Compute the masked L1 over *all* pixels, as published."""
    return ((a - b) * mask).abs().mean()
