"""Subject fine-tuning: a copy of the network learns to draw the person of a photo, as published."""

from copy import deepcopy

import torch
from torch import Tensor

from liquidwarp.labels import body_skeleton, limb_map, person_window
from liquidwarp.methods.disco.inputs import Foreground, holed_background
from liquidwarp.methods.photos import shown_photo
from liquidwarp.nn.disco.network import DiscoNetwork
from liquidwarp.nn.disco.sampling import TIMESTEPS
from liquidwarp.nn.disco.stages import DROPPED, STAGES, DenoisingPass, choose_trained_
from liquidwarp.parallel import checkpoint
from liquidwarp.person import SourceState

ITERATIONS = 500
"""As published."""

_RATE = STAGES["person"].rate
_BETAS = (0.9, 0.98)
_DECAY = 1e-3
_WARM = 0.1  # of the iterations, over which the rate rises before it falls to zero


def fitted(network: DiscoNetwork, state: SourceState, foreground: Foreground, *, iterations: int) -> DiscoNetwork:
    """Return a copy of a network that was fitted to a person's first photo; the same inputs give the same one.

    Args:
        network: on the person's device.
        state: whose photo, and how they stand in it.
        foreground: who is shown in it.
        iterations: of the fit.
    """
    model = DenoisingPass(deepcopy(network))
    choose_trained_(model.network, "person")
    target, background, pose = _photo(state, network.shape.side)
    seen = foreground.seen(network.shape.vision.side).to(state.device)
    rng = torch.Generator().manual_seed(0)
    side = network.shape.latent_side
    optimiser = torch.optim.AdamW(
        [each for each in model.parameters() if each.requires_grad], lr=_RATE, betas=_BETAS, weight_decay=_DECAY
    )
    with torch.enable_grad():
        for step in range(iterations):
            checkpoint()
            done = (step + 1) / iterations
            for group in optimiser.param_groups:
                group["lr"] = _RATE * min(done / _WARM, (1 - done) / (1 - _WARM))
            noise = torch.randn(3, 1, 1, 4, side, side, generator=rng, dtype=torch.float32).to(state.device)
            timestep = torch.randint(TIMESTEPS, (1,), generator=rng).to(state.device)
            shown = seen * float(torch.rand((), generator=rng, dtype=torch.float32) >= DROPPED)
            found = model(shown, background, pose, target, noise, timestep)
            loss = (found - noise[0]).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    return model.network.eval().requires_grad_(False)


def _photo(state: SourceState, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the photo shows, its background and its drawing; the first and the last as clips of a frame."""
    seen = shown_photo(state)
    skeleton = body_skeleton(state.body, state.track.betas, seen.pose, seen.camera)
    window = person_window(skeleton, seen.camera.size, 1.0)

    def cut(whole: Tensor) -> Tensor:
        return window.cut(2 * whole - 1, (side, side)).clamp(-1, 1)[None].to(state.device)

    drawing = limb_map(skeleton, window, side)[None, None].to(state.device)
    behind = torch.from_numpy(holed_background(state)).permute(2, 0, 1).float() / 255
    return cut(seen.picture)[:, None], cut(behind), drawing
