"""DreamPose is a configuration of the same parts: counts, what it begins as, and its guidance."""

import pytest
import torch
from disco_samples import needs_diffusers, tiny_dreampose
from published_samples import wave

from liquidwarp.methods import METHODS
from liquidwarp.nn.disco.weights import count_parameters
from liquidwarp.nn.dreampose.network import (
    Adapter,
    DreamPoseNetwork,
    DreamPoseShape,
    dual_guided_noise,
    noise_error,
    sample_picture,
    widened,
)

pytestmark = needs_diffusers

WHEN = torch.tensor([500])


@pytest.fixture(scope="module")
def network() -> DreamPoseNetwork:
    return tiny_dreampose()


@pytest.mark.slow
def test_parameters_are_the_published_ones() -> None:
    with torch.device("meta"):
        whole = DreamPoseNetwork(DreamPoseShape())
        adapter = Adapter(50, 768, 1280)
    assert count_parameters(adapter) == count_parameters(whole.adapter) == 986_558
    assert METHODS["dreampose"].configurations == {"dreampose": count_parameters(whole)}
    assert count_parameters(whole.unet) == 859_520_964 + 28_800
    assert widened(torch.ones(320, 4, 3, 3)).numel() == 320 * 4 * 9 + 28_800


def test_the_adapter_begins_as_clip_alone(network: DreamPoseNetwork) -> None:
    tokens, latent = wave((1, 17, 32), 0.3), wave((1, 4, 16, 16))
    torch.testing.assert_close(network.adapter(tokens, latent), tokens)


def test_widened_kernels_begin_without_poses() -> None:
    kernel, latent, maps = wave((8, 4, 3, 3)), wave((1, 4, 16, 16)), wave((1, 10, 16, 16), 0.4)
    both = torch.nn.functional.conv2d(torch.cat([latent, maps], 1), widened(kernel))
    torch.testing.assert_close(both, torch.nn.functional.conv2d(latent, kernel))


def test_guidance_has_two_scales(network: DreamPoseNetwork) -> None:
    latent, tokens, maps = wave((1, 4, 16, 16)), wave((1, 17, 32), 0.3), wave((1, 10, 16, 16), 0.4)
    given = (network, latent, WHEN, tokens, maps)
    full = network(latent, WHEN, tokens, maps)
    torch.testing.assert_close(dual_guided_noise(*given, photo=1.0, pose=1.0), full, rtol=1e-4, atol=1e-5)
    nothing = network(latent, WHEN, torch.zeros_like(tokens), torch.zeros_like(maps))
    torch.testing.assert_close(dual_guided_noise(*given, photo=0.0, pose=0.0), nothing)


def test_the_same_photo_and_poses_give_the_same_picture(network: DreamPoseNetwork) -> None:
    tokens, maps = wave((1, 17, 32), 0.3), wave((1, 10, 16, 16), 0.4)
    one, other, still = (
        sample_picture(network, tokens, each, steps=3, photo=8.0, pose=3.0) for each in (maps, maps, 0 * maps)
    )
    assert one.shape == (1, 3, 32, 32)
    assert one.equal(other)
    assert not one.equal(still)


def test_denoiser_and_adapter_learn_from_the_noise(network: DreamPoseNetwork) -> None:
    network.unet.requires_grad_(True)
    network.adapter.requires_grad_(True)
    picture = wave((1, 3, 32, 32))
    error = noise_error(network, picture, picture, wave((1, 10, 16, 16), 0.4), wave((1, 4, 16, 16), 0.9), WHEN)
    error.backward()
    assert network.adapter.latent.weight.grad is not None
    assert float(network.unet.conv_in.weight.grad[:, 4:].abs().sum()) > 0
    assert all(parameter.grad is None for parameter in network.vae.parameters())
    network.requires_grad_(False)
