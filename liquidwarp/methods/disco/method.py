"""DisCo as a method."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from liquidwarp.checks import check_positive
from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.inpaint import background_from
from liquidwarp.labels import CropWindow, body_skeleton, limb_map, person_window
from liquidwarp.methods.disco.inputs import Foreground, centre_window, holed_background
from liquidwarp.methods.disco.personal import ITERATIONS, fitted
from liquidwarp.methods.protocol import BackgroundPicture, Frame, PreviousFrame, Synthesis
from liquidwarp.nn.disco.network import DiscoNetwork
from liquidwarp.nn.disco.sampling import SEED, TIMESTEPS, Conditions, no_foreground, sample_pictures
from liquidwarp.nn.disco.shape import SHAPES
from liquidwarp.nn.disco.stages import DenoisingPass
from liquidwarp.nn.disco.weights import load_disco, save_disco
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize

_CLIP = 16  # frames that the temporal module makes together
_STEPS = 50
_GUIDANCE = {True: 1.5, False: 3.0}  # by whether the foreground was left out now and then in training
_PERSON = 0.5  # alpha from which a pixel is the person's


@dataclass(frozen=True, eq=False)
class DiscoSynthesis(Synthesis):
    """A picture, and which part of it the network drew.

    Attributes:
        window: of the picture.
    """

    window: CropWindow


class DiscoSession:
    """Draws one person, where the person's tensors lie.

    The network draws a square around the person, background and all. The window of the first frame is kept; who is
    about to leave it is followed.

    Args:
        method: network and options.
        state: whose body is posed; the person shown too, unless the method has a foreground of its own.
        background: what is behind.
        size: (height, width) of the pictures.
    """

    def __init__(
        self, method: "DiscoMethod", state: SourceState, background: BackgroundPicture, size: tuple[int, int]
    ) -> None:
        self._method, self._state = method, state
        self._network = moved(method.network, state.device)
        self._behind = background.tensor(state.device)
        self._told = self._behind
        if background.kept:
            holed = background_from(holed_background(state), size).astype(np.float32) / 255
            self._told = torch.from_numpy(holed).to(state.device).permute(2, 0, 1)
        foreground = method.foreground or Foreground.of(state)
        if method.finetune:
            self._network = fitted(self._network, state, foreground, iterations=method.finetune)
        self._tokens = _tokens(self._network, foreground, method.drops_foreground)
        self._latents: dict[CropWindow, Tensor] = {}

    def draw(self, frame: Frame) -> DiscoSynthesis:
        """Return one picture; its coverage is 3, invented, on the person."""
        return self._made([frame], [self._window(frame, frame.previous)])[0]

    def _made(self, frames: list[Frame], windows: list[CropWindow]) -> list[DiscoSynthesis]:
        poses = [self._drawing(frame, window) for frame, window in zip(frames, windows, strict=True)]
        made = _sampled(
            self._method,
            self._network,
            self._tokens,
            torch.cat([self._latent(window) for window in windows]),
            torch.stack(poses),
        )
        return [self._whole(*three) for three in zip(frames, windows, made, strict=True)]

    def _whole(self, frame: Frame, window: CropWindow, part: Tensor) -> DiscoSynthesis:
        picture = window.paste(part, self._behind)
        alpha = rasterize(frame.vertices[None], self._state.body.topology.faces, frame.camera).mask[0].float()
        coverage = torch.where(alpha < _PERSON, 0, 3).to(torch.uint8)
        return DiscoSynthesis(picture.clamp(0, 1), alpha, coverage, window)

    def _window(self, frame: Frame, previous: PreviousFrame | None) -> CropWindow:
        skeleton = body_skeleton(self._state.body, self._state.track.betas, frame.pose, frame.camera)
        if previous is not None and previous.frame.camera.size == frame.camera.size:
            assert isinstance(previous.picture, DiscoSynthesis)
            if previous.picture.window.holds(skeleton.body[skeleton.body[:, 2] > 0, :2]):
                return previous.picture.window
        if not skeleton.body.any():
            return centre_window(frame.camera.size)
        return person_window(skeleton, frame.camera.size, 1.0)

    def _drawing(self, frame: Frame, window: CropWindow) -> Float[Tensor, "3 S S"]:
        skeleton = body_skeleton(self._state.body, self._state.track.betas, frame.pose, frame.camera)
        return limb_map(skeleton, window, self._network.shape.side).to(self._state.device)

    def _latent(self, window: CropWindow) -> Float[Tensor, "1 4 h w"]:
        if window not in self._latents:
            self._latents = {window: _background_latent(self._network, self._told, window)}
        return self._latents[window]


class DiscoClipSession(DiscoSession):
    """Draws frames together, with the temporal module."""

    def draw_clip(self, frames: Iterator[Frame]) -> Iterator[DiscoSynthesis]:
        """Yield one picture per frame, in their order."""
        previous: PreviousFrame | None = None
        while together := list(islice(frames, _CLIP)):
            window = self._window(together[0], previous)
            made = self._made(together, [window] * len(together))
            yield from made
            previous = PreviousFrame(replace(together[-1], previous=None), made[-1])


@dataclass(frozen=True, eq=False)
class DiscoMethod:
    """Draws people with DisCo.

    Attributes:
        network: with a pose branch.
        drops_foreground: whether an empty picture, not zeros, stands for no foreground.
        steps: of the sampling.
        guidance: how much the foreground counts; 1 is none.
        foreground: who is shown, in place of the person whose body is posed.
        finetune: iterations by which a copy of the network is fitted to the person first; 500 as published.

    Raises:
        InputError: a network without a pose branch, or an option out of range.
    """

    name: ClassVar[str] = "disco"
    recurrent: ClassVar[bool] = True  # a picture is given the window of the one before
    network: DiscoNetwork
    drops_foreground: bool = True
    steps: int = _STEPS
    guidance: float = _GUIDANCE[True]
    foreground: Foreground | None = None
    finetune: int = 0

    def __post_init__(self) -> None:
        check_positive("steps", self.steps)
        if self.steps >= TIMESTEPS:
            raise InputError(f"steps={self.steps} must be less than {TIMESTEPS}")
        check_positive("guidance", self.guidance)
        if not self.network.shape.pose:
            raise InputError(
                "these weights are 'disco-pretrained', which know no poses; go on training from them "
                "(model.kind=disco, model.start=FILE), or give weights of 'disco'"
            )
        if self.finetune and self.network.shape.temporal:
            raise InputError("finetune is for weights of 'disco', not of 'disco-temporal'; leave one of them out")

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> DiscoSession:
        """Learn all that the frames share."""
        session = DiscoClipSession if self.network.shape.temporal else DiscoSession
        return session(self, state, background, size)

    def showing(self, foreground: Foreground) -> "DiscoMethod":
        """Return the method with another person shown."""
        return replace(self, foreground=foreground)

    def follow(
        self,
        foreground: Foreground,
        background: UInt8[np.ndarray, "H W 3"],
        drawings: Iterable[UInt8[np.ndarray, "h w 3"]],
        *,
        size: int | None = None,
        device: torch.device | str = "cpu",
    ) -> Iterator[Synthesis]:
        """Yield a square picture for each drawing of a skeleton, without a body between.

        Args:
            foreground: who.
            background: before what; with mid grey where somebody was.
            drawings: with OpenPose's 18 points and tapering limbs, as `labels.draw_limbs` makes them.
            size: side of the pictures; by default the network's.
            device: where the network runs.
        """
        network = moved(self.network, torch.device(device))
        told = torch.from_numpy(background).to(device).permute(2, 0, 1).float() / 255
        latent = _background_latent(network, told, centre_window((told.shape[1], told.shape[2])))
        tokens = _tokens(network, self.foreground or foreground, self.drops_foreground)
        side = network.shape.side
        drawn = iter(drawings)
        while together := list(islice(drawn, _CLIP if network.shape.temporal else 1)):
            planes = [torch.from_numpy(each).permute(2, 0, 1).float().to(device) / 255 for each in together]
            poses = [centre_window((each.shape[1], each.shape[2])).cut(each, (side, side)) for each in planes]
            repeated = latent.expand(len(poses), -1, -1, -1)
            for part in _sampled(self, network, tokens, repeated, torch.stack(poses).clamp(0, 1)):
                wanted = size or side
                image = CropWindow(0, 0, wanted, wanted).paste(part, part.new_zeros(3, wanted, wanted)).clamp(0, 1)
                whole = torch.ones_like(image[0])
                yield Synthesis(image, whole, torch.full_like(whole, 3, dtype=torch.uint8))


def build(
    *,
    weights: str | Path | None = None,
    generator: DiscoNetwork | None = None,
    steps: int = _STEPS,
    guidance: float | None = None,
    drops: bool | None = None,
    finetune: bool = False,
) -> DiscoMethod:
    """Make the method.

    Args:
        weights: a file from `liquidwarp weights import` or from a training, or a folder that holds `disco.safetensors`.
        generator: the network itself, in place of a file.
        steps: of the sampling; fewer are quicker and coarser.
        guidance: how much the foreground counts; by default as published: 1.5, or 3 if the foreground was never left
            out in training.
        drops: whether the foreground was left out now and then in training; by default the file says, and of published
            ones it is taken to be so.
        finetune: fit a copy of the network to the person first, by the published number of iterations.

    Raises:
        InputError: no weights, or damaged ones, or those of another network; packages or memory are missing.
    """
    told = True
    if generator is None:
        if weights is None:
            raise InputError(
                f"method {DiscoMethod.name!r} comes without weights; give a file or folder of them "
                "(see 'liquidwarp weights import --help')"
            )
        found = load_disco(weights)
        generator, told = found.network, found.drops_foreground
    drops = told if drops is None else drops
    scale = _GUIDANCE[drops] if guidance is None else guidance
    return DiscoMethod(generator, drops, steps, scale, finetune=ITERATIONS if finetune else 0)


def export(
    generator: nn.Module, path: str | Path, card: Mapping[str, object], *, configuration: str, width: float
) -> None:
    """Write trained weights; see `registry.MethodEntry.export`."""
    assert isinstance(generator, DenoisingPass)
    assert configuration in SHAPES
    save_disco(generator.network, path, card)


def _tokens(network: DiscoNetwork, foreground: Foreground, drops: bool) -> tuple[Tensor, Tensor]:
    """Return the foreground's tokens, and those that stand for none."""
    with torch.no_grad():
        seen = foreground.seen(network.shape.vision.side).to(network.device)
        tokens = network.tokens(seen)
    return tokens, no_foreground(network, tokens, empty=drops)


def _background_latent(network: DiscoNetwork, picture: Tensor, window: CropWindow) -> Float[Tensor, "1 4 h w"]:
    side = network.shape.side
    part = window.cut(picture, (side, side)).clamp(0, 1)
    with torch.no_grad():
        return network.latent(2 * part[None] - 1, torch.Generator().manual_seed(SEED))


def _sampled(
    method: DiscoMethod,
    network: DiscoNetwork,
    tokens: tuple[Tensor, Tensor],
    background: Float[Tensor, "T 4 h w"],
    poses: Float[Tensor, "T 3 S S"],
) -> Float[Tensor, "T 3 S S"]:
    """Return the pictures of a foreground (its tokens, and those for none) in poses."""
    count = len(poses)
    shown, nobody = (each.expand(count, -1, -1) for each in tokens)
    return sample_pictures(
        network,
        Conditions(shown, nobody, background, poses),
        steps=method.steps,
        scale=method.guidance,
        frames=count if network.shape.temporal else 1,
    )
