"""DreamPose as a method."""

from collections import deque
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from liquidwarp.checks import check_positive
from liquidwarp.devices import moved
from liquidwarp.errors import InputError
from liquidwarp.labels import CropWindow, body_skeleton, part_chart, part_map, person_window
from liquidwarp.methods.photos import shown_photo
from liquidwarp.methods.protocol import BackgroundPicture, Frame, Synthesis
from liquidwarp.nn.disco.network import clip_picture
from liquidwarp.nn.disco.sampling import TIMESTEPS
from liquidwarp.nn.dreampose.network import FRAMES, SEED, DreamPoseNetwork, noise_error, sample_picture
from liquidwarp.nn.dreampose.weights import load_dreampose
from liquidwarp.parallel import checkpoint
from liquidwarp.person import SourceState
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

_AROUND = FRAMES // 2
_STEPS = 100
_PHOTO, _POSE = 8.0, 3.0  # scales of the guidance, of the published demonstration
_ITERATIONS, _DECODER_ITERATIONS = 500, 1500  # of the two stages of a subject's fine-tuning
_RATE, _DECODER_RATE = 1e-5, 5e-5
_PERSON = 0.5  # alpha from which a pixel is the person's


class DreamPoseSession:
    """Draws one person, where the person's tensors lie.

    The network draws a window around the person as they stand in the photo, which stays where it is: its training knew
    plain backgrounds and a camera that does not move. Inside of the window all is the network's, the background too.

    Args:
        method: network and options.
        state: the person.
        background: what is around the window.
    """

    def __init__(self, method: "DreamPoseMethod", state: SourceState, background: BackgroundPicture) -> None:
        self._method, self._state = method, state
        self._network = moved(method.network, state.device)
        self._behind = background.tensor(state.device)
        self._chart = part_chart(state.body.to("cpu")).to(state.device)
        photo = shown_photo(state)
        height, width = method.network.shape.size
        skeleton = body_skeleton(state.body, state.track.betas, photo.pose, photo.camera)
        window = person_window(skeleton, photo.camera.size, width / height)
        whole = window.cut(photo.picture, (window.height, window.width))[None].clamp(0, 1)
        side = method.network.shape.vision.side
        seen = clip_picture(whole, torch.ones_like(whole[:, :1]), side)
        target = 2 * window.cut(photo.picture, (height, width))[None].clamp(0, 1) - 1
        if method.finetune:
            maps = self._map(photo.vertices, photo.camera, window).repeat(FRAMES, 1, 1)[None]
            self._network = _fitted(self._network, seen, target, maps, method.finetune)
        with torch.no_grad():
            self._tokens = self._network.tokens(seen, self._network.latent(target))

    def draw(self, frame: Frame) -> Synthesis:
        """Return one picture, as if the person stood still before and after."""
        return self._made([frame] * FRAMES)

    def draw_clip(self, frames: Iterator[Frame]) -> Iterator[Synthesis]:
        """Yield one picture per frame; two frames are read ahead, and a clip's ends last."""
        around: deque[Frame] = deque(maxlen=FRAMES)
        for frame in _held(frames):
            around.append(frame)
            if len(around) == FRAMES:
                yield self._made(list(around))

    def _made(self, frames: Sequence[Frame]) -> Synthesis:
        method, middle = self._method, frames[_AROUND]
        height, width = method.network.shape.size
        skeleton = body_skeleton(self._state.body, self._state.track.betas, middle.pose, middle.camera)
        window = person_window(skeleton, middle.camera.size, width / height)
        maps = torch.cat([self._map(frame.vertices, frame.camera, window) for frame in frames])[None]
        part = sample_picture(
            self._network, self._tokens, maps, steps=method.steps, photo=method.photo, pose=method.pose
        )[0]
        picture = window.paste(part, self._behind).clamp(0, 1)
        alpha = rasterize(middle.vertices[None], self._state.body.topology.faces, middle.camera).mask[0].float()
        return Synthesis(picture, alpha, torch.where(alpha < _PERSON, 0, 3).to(torch.uint8))

    def _map(self, vertices: Tensor, camera: Camera, window: CropWindow) -> Float[Tensor, "2 h w"]:
        """Return u and v in a window, in [0, 1], at the latent's size."""
        near = window.camera(camera, self._method.network.shape.size)
        v, u, _ = part_map(self._chart, rasterize(vertices[None], self._state.body.topology.faces, near)) / 255
        size = self._method.network.shape.latent_size
        return interpolate(torch.stack([u, v])[None], size=size, mode="bilinear", align_corners=False)[0]


@dataclass(frozen=True, eq=False)
class DreamPoseMethod:
    """Draws people with DreamPose.

    Attributes:
        network: the network.
        steps: of the sampling.
        photo: how much the photo counts.
        pose: how much the pose counts.
        finetune: iterations by which copies are fitted to the photo first: of denoiser and adapter, and of the decoder.

    Raises:
        InputError: an option out of range.
    """

    name: ClassVar[str] = "dreampose"
    recurrent: ClassVar[bool] = True
    network: DreamPoseNetwork
    steps: int = _STEPS
    photo: float = _PHOTO
    pose: float = _POSE
    finetune: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_positive("steps", self.steps)
        if self.steps >= TIMESTEPS:
            raise InputError(f"steps={self.steps} must be less than {TIMESTEPS}")

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> DreamPoseSession:
        """Learn all that the frames share."""
        return DreamPoseSession(self, state, background)


def build(
    *,
    weights: str | Path | None = None,
    generator: DreamPoseNetwork | None = None,
    steps: int = _STEPS,
    photo: float = _PHOTO,
    pose: float = _POSE,
    finetune: bool = False,
) -> DreamPoseMethod:
    """Make the method.

    Args:
        weights: a file that `nn.dreampose.weights.save_dreampose` wrote.
        generator: the network itself, in place of a file.
        steps: of the sampling; fewer are quicker and coarser.
        photo: how much the photo counts.
        pose: how much the pose counts.
        finetune: fit copies to the photo first, by the published numbers of iterations; without it the method is not
            what was published.

    Raises:
        InputError: no weights, or damaged ones, or those of another network; packages or memory are missing.
    """
    if generator is None:
        if weights is None:
            raise InputError(f"method {DreamPoseMethod.name!r} comes without weights; give a file of them")
        generator = load_dreampose(weights)
    return DreamPoseMethod(
        generator, steps, photo, pose, finetune=(_ITERATIONS, _DECODER_ITERATIONS) if finetune else None
    )


def _held(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield a clip whose first and last frames last as long as a window reaches beyond them."""
    last = next(frames, None)
    if last is None:
        return
    yield from [last] * (_AROUND + 1)
    for last in frames:
        yield last
    yield from [last] * _AROUND


def _fitted(
    network: DreamPoseNetwork, seen: Tensor, target: Tensor, maps: Tensor, iterations: tuple[int, int]
) -> DreamPoseNetwork:
    """Return a copy fitted to a photo in two stages: denoiser and adapter by the noise, then the decoder by pixels."""
    own = deepcopy(network)
    rng = torch.Generator().manual_seed(SEED)

    def noise() -> Tensor:
        drawn = torch.randn(1, 4, *own.shape.latent_size, generator=rng, dtype=torch.float32).to(target)
        timestep = torch.randint(TIMESTEPS, (1,), generator=rng).to(target.device)
        return noise_error(own, seen, target, maps, drawn, timestep)

    def pixels() -> Tensor:
        with torch.no_grad():
            latent = own.latent(target)
        return (own.picture(latent) - target).square().mean()

    stages = (
        ((own.unet, own.adapter), noise, _RATE, iterations[0]),
        ((own.vae.decoder, own.vae.post_quant_conv), pixels, _DECODER_RATE, iterations[1]),
    )
    with torch.enable_grad():
        for parts, error, rate, count in stages:
            trained = [parameter.requires_grad_(True) for part in parts for parameter in part.parameters()]
            optimiser = torch.optim.AdamW(trained, lr=rate)
            for _ in range(count):
                checkpoint()
                optimiser.zero_grad(set_to_none=True)
                error().backward()
                optimiser.step()
            own.requires_grad_(False)
    return own
