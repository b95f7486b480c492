"""A generator that draws sequences, as it is trained: no gradient is taken of the frame before."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from liquidwarp.nn.few_shot_vid2vid.generator import DrawnFrame, FewShotGenerator, Previous
from liquidwarp.nn.few_shot_vid2vid.warping import GivenFlow


@dataclass(frozen=True, eq=False)
class SequenceFlow:
    """Flow of a mesh between the pictures of a sequence; see `warping.GivenFlow`.

    Attributes:
        reference: from each frame into each reference, in pixels.
        reference_valid: where to believe it.
        previous: from each frame into the one before; the first frame's means nothing.
        previous_valid: where to believe it.
    """

    reference: Float[Tensor, "B T K 2 H W"]
    reference_valid: Float[Tensor, "B T K 1 H W"]
    previous: Float[Tensor, "B T 2 H W"]
    previous_valid: Float[Tensor, "B T 1 H W"]

    def into_references(self, frame: int) -> GivenFlow:
        """Return the flow of one frame into all references, those of a sample one after the other."""
        return GivenFlow(self.reference[:, frame].flatten(0, 1), self.reference_valid[:, frame].flatten(0, 1))

    def into_previous(self, frame: int) -> GivenFlow:
        """Return the flow of one frame into the one before."""
        return GivenFlow(self.previous[:, frame], self.previous_valid[:, frame])


class SequenceGenerator(nn.Module):
    """Draws sequences.

    When the first sequence of several frames comes in training, the embedding of previous frames begins as a copy of
    the references', as published.

    Args:
        network: draws the frames.
    """

    began: Bool[Tensor, ""]

    def __init__(self, network: FewShotGenerator) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("began", torch.zeros((), dtype=torch.bool))

    def forward(
        self,
        labels: Float[Tensor, "B T L H W"],
        example_labels: Float[Tensor, "B K L H W"],
        examples: Float[Tensor, "B K 3 H W"],
        flow: SequenceFlow,
    ) -> list[DrawnFrame]:
        """Return the frames of labels.

        Args:
            labels: of the targets; the first frame has none before.
            example_labels: of the references.
            examples: the references.
            flow: of the mesh; only a network that is given flow looks at it.
        """
        if self.training and labels.shape[1] > 1:
            self._begin()
        given, frames = self.network.shape.given_flow, list[DrawnFrame]()
        for number, label in enumerate(labels.unbind(1)):
            encoding = self.network.encode(example_labels, examples, label)
            previous = None
            if number:
                into = flow.into_previous(number) if given else None
                previous = Previous(labels[:, number - 1], frames[-1].image.detach(), into)
            references = flow.into_references(number) if given else None
            frames.append(self.network(label, encoding, previous, flow=references))
        return frames

    @torch.no_grad()
    def _begin(self) -> None:
        if self.began or self.network.previous is None or self.network.reference is None:
            return
        for own, other in zip(self.network.previous.parameters(), self.network.reference.parameters(), strict=True):
            own.copy_(other)
        self.began.fill_(True)
