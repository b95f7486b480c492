"""DisCo computes what the published one computes, and its three inputs reach the picture apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from disco_samples import TINY, TINY_TEMPORAL, needs_diffusers
from published_samples import FOLDER, filled_b, shapes, wave

from liquidwarp import checks
from liquidwarp.cards import read_card
from liquidwarp.errors import InputError
from liquidwarp.methods import METHODS
from liquidwarp.nn.checkpoints import import_weights
from liquidwarp.nn.disco.network import BACKGROUND, POSE, DiscoNetwork, clip_picture, initialize_branches_
from liquidwarp.nn.disco.sampling import (
    Conditions,
    add_noise,
    ddim_step,
    ddim_timesteps,
    guided_noise,
    no_foreground,
    sample_pictures,
    signal_fractions,
)
from liquidwarp.nn.disco.shape import SHAPES
from liquidwarp.nn.disco.weights import (
    PUBLISHED_FILE,
    WEIGHTS_FILE,
    count_parameters,
    load_disco,
    read_published,
    renamed,
    save_disco,
)

pytestmark = needs_diffusers

NOISE, RESIDUALS = 1e-4, 1e-3  # tolerances, absolute
WHEN = torch.tensor([781])


def published_tiny() -> dict[str, torch.Tensor]:
    """Return what a published file of the tiny network would hold."""
    return filled_b(shapes("disco_tiny"))


def tiny_network() -> DiscoNetwork:
    """Return the tiny image model of the golden numbers."""
    network = DiscoNetwork(TINY).eval()
    network.load_state_dict(renamed(published_tiny()))
    return network


def close(ours: torch.Tensor, wanted: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), wanted, atol=tolerance, rtol=0)


def test_image_model_equals_the_published_one() -> None:
    wanted, network = np.load(FOLDER / "disco_tiny.npz"), tiny_network()
    network.clip_image_encoder.vision_model.embeddings.position_ids.zero_()  # as the rule filled it
    with torch.no_grad():
        latent, pose = wave((1, 4, 16, 16)), wave((1, 3, 32, 32), 0.9)
        tokens = network.tokens(wave((1, 3, 32, 32), 0.3))
        background = network.latent(wave((1, 3, 32, 32), 0.6))
        conditions = Conditions(tokens, no_foreground(network, tokens, empty=True), background, pose)
        close(tokens, wanted["tokens"], NOISE)
        close(conditions.no_tokens, wanted["tokens_uncond"], NOISE)
        close(background, wanted["background_latent"], NOISE)
        added = network.control(latent, WHEN, tokens, background, pose)
        close(added.middle, wanted["mid_residual"], RESIDUALS)
        for number, residual in enumerate(added.down):
            close(residual[:, ::4] if number < 2 else residual, wanted[f"residual_{number}"], RESIDUALS)
        close(network(latent, WHEN, conditions.no_tokens, background, pose), wanted["noise_uncond"], NOISE)
        close(network(latent, WHEN, tokens, background, pose), wanted["noise_cond"], NOISE)
        guided = guided_noise(network, latent, WHEN, conditions, scale=1.5)
        close(guided, wanted["noise_guided"], NOISE)
        after = ddim_step(latent, guided, 781, 50)
        close(after, wanted["latent_next"], NOISE)
        close(network.picture(after)[..., ::2, ::2], wanted["decoded"], NOISE)


def test_temporal_model_equals_the_published_one() -> None:
    wanted, network = np.load(FOLDER / "disco_tiny_temporal.npz"), DiscoNetwork(TINY_TEMPORAL).eval()
    tensors = filled_b(shapes("disco_tiny_temporal"))
    kept = {key for key in network.state_dict() if key.startswith(("unet.", "controlnet."))}
    assert kept == tensors.keys()
    network.load_state_dict(network.state_dict() | tensors)

    def frames(clip: torch.Tensor) -> torch.Tensor:
        return clip.transpose(1, 2).flatten(0, 1)

    def clip(folded: torch.Tensor) -> torch.Tensor:
        return folded.view(1, 3, *folded.shape[1:]).transpose(1, 2)

    tokens = wave((1, 17, 32), 0.3).expand(3, -1, -1)
    given = (
        frames(wave((1, 4, 3, 16, 16))),
        WHEN.expand(3),
        tokens,
        frames(0.2 * wave((1, 4, 3, 16, 16), 0.6)),
        frames(wave((1, 3, 3, 32, 32), 0.9)),
    )
    with torch.no_grad():
        added = network.control(*given, frames=3)
        close(clip(network(*given, frames=3)), wanted["noise"], NOISE)
    close(clip(added.middle), wanted["mid_residual"], RESIDUALS)
    close(clip(added.down[0])[:, ::4], wanted["residual_0"], RESIDUALS)
    for number in (3, 7):
        close(clip(added.down[number]), wanted[f"residual_{number}"], RESIDUALS)


def parts(network: DiscoNetwork) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    tokens = network.tokens(wave((1, 3, 32, 32), 0.3))
    return wave((1, 4, 16, 16)), tokens, wave((1, 4, 16, 16), 0.6), wave((1, 3, 32, 32), 0.9)


def test_inputs_are_disentangled() -> None:
    network = tiny_network()
    with torch.no_grad():
        latent, tokens, background, pose = parts(network)
        both = network.control(latent, WHEN, tokens, background, pose)
        alone = {
            name: network.controlnet(latent, WHEN, tokens, {name: condition})
            for name, condition in ((POSE, pose), (BACKGROUND, background))
        }
        summed = alone[POSE] + alone[BACKGROUND]
        torch.testing.assert_close(both.middle, summed.middle)
        for ours, wanted in zip(both.down, summed.down, strict=True):
            torch.testing.assert_close(ours, wanted)
        elsewhere = network.control(latent, WHEN, tokens, background.flip(3), pose)
        assert not torch.allclose(elsewhere.middle, both.middle)


def test_untrained_branches_change_nothing() -> None:
    network = tiny_network()
    initialize_branches_(network)
    with torch.no_grad():
        latent, tokens, background, pose = parts(network)
        bare = network.unet(latent, WHEN, encoder_hidden_states=tokens).sample
        torch.testing.assert_close(network(latent, WHEN, tokens, background, pose), bare)


def test_untrained_temporal_module_changes_nothing_of_single_frames() -> None:
    flat = tiny_network()
    deep = DiscoNetwork(replace(TINY, temporal=True)).eval()
    deep.load_state_dict(deep.state_dict() | flat.state_dict())
    with torch.no_grad():
        given = parts(flat)
        latent, tokens, background, pose = given
        wanted = flat(latent, WHEN, tokens, background, pose)
        torch.testing.assert_close(deep(latent, WHEN, tokens, background, pose), wanted, rtol=1e-4, atol=1e-4)


def test_sampling_takes_the_noise_out() -> None:
    assert ddim_timesteps(50)[:2] == [981, 961]
    assert ddim_timesteps(50)[-1] == 1
    clean, noise = wave((1, 4, 16, 16), 0.2), wave((1, 4, 16, 16), 0.7)
    latent = add_noise(clean, noise, torch.tensor([981]))
    for timestep in ddim_timesteps(50):
        latent = ddim_step(latent, noise, timestep, 50)  # an oracle
    least = float(signal_fractions()[0])
    torch.testing.assert_close(latent, least**0.5 * clean + (1 - least) ** 0.5 * noise, rtol=1e-3, atol=1e-3)


def test_same_conditions_give_the_same_picture() -> None:
    network = tiny_network()
    _, tokens, background, pose = parts(network)
    conditions = Conditions(tokens, torch.zeros_like(tokens), background, pose)
    one, other = (sample_pictures(network, conditions, steps=2, scale=1.5) for _ in range(2))
    assert one.shape == (1, 3, 32, 32)
    assert one.equal(other)
    unguided = sample_pictures(network, conditions, steps=2, scale=1.0)
    assert not unguided.equal(one)


def test_foreground_is_nothing_around_the_mask() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    seen = clip_picture(torch.full((1, 3, 64, 64), 0.7), mask, 32)
    assert (seen[..., 17:] == 0).all()
    assert (seen[..., :15] != 0).all()


def test_published_layout_goes_through_a_file(tmp_path) -> None:
    shape, own = read_published("x.pt", published_tiny(), base=TINY)
    assert shape == TINY
    network = tiny_network()
    save_disco(network, tmp_path / "disco.safetensors", {}, drops_foreground=False)
    found = load_disco(tmp_path)  # the folder
    assert (found.configuration, found.drops_foreground, found.network.shape) == ("disco", False, TINY)
    for key, value in found.network.state_dict().items():
        assert value.equal(own[key])
    picture = wave((1, 3, 32, 32), 0.3)
    assert found.network.tokens(picture).equal(network.tokens(picture))


def test_a_published_file_is_imported_without_running_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(SHAPES, "disco", TINY)
    halves = {key: value.half() if value.is_floating_point() else value for key, value in published_tiny().items()}
    torch.save({"module": halves, "global_steps": 20}, tmp_path / PUBLISHED_FILE)
    with pytest.raises(InputError, match="not imported yet; 'liquidwarp weights import"):
        load_disco(tmp_path)
    where = import_weights(tmp_path / PUBLISHED_FILE, tmp_path / WEIGHTS_FILE)
    found = load_disco(tmp_path)
    assert read_card(where)["source"] == PUBLISHED_FILE
    assert found.drops_foreground
    assert found.network.unet.conv_in.weight.equal(published_tiny()["unet.conv_in.weight"].half().float())

    torch.save({"module": halves, "optimiser": print}, tmp_path / PUBLISHED_FILE)
    with pytest.raises(InputError, match="could run code; refused"):
        import_weights(tmp_path / PUBLISHED_FILE, tmp_path / WEIGHTS_FILE)


def test_too_little_memory_is_said_before_it_is_read(tmp_path, monkeypatch) -> None:
    save_disco(tiny_network(), tmp_path / WEIGHTS_FILE, {})
    monkeypatch.setattr(checks, "free_memory", lambda: 2**20)
    with pytest.raises(InputError, match=r"GiB of memory, and 0\.0 GiB are free"):
        load_disco(tmp_path)


def test_pretraining_has_the_background_branch_alone() -> None:
    tensors = {
        key.replace("controlnet.nets.1.", "controlnet."): value
        for key, value in published_tiny().items()
        if not key.startswith("controlnet.nets.0.")
    }
    shape, own = read_published("x.pt", tensors, base=TINY)
    assert shape == replace(TINY, pose=False)
    assert "controlnet.nets.1.conv_in.weight" in own


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tensors: tensors.pop("unet.conv_in.weight"), "1 missing .unet.conv_in.weight"),
        (lambda tensors: tensors.update({"unet.lora": torch.zeros(2)}), "1 not known .unet.lora"),
        (
            lambda tensors: tensors.update({"unet.conv_in.bias": torch.zeros(2)}),
            "another shape .unet.conv_in.bias",
        ),
    ],
)
def test_other_files_are_named(spoil, message) -> None:
    tensors = published_tiny()
    spoil(tensors)
    with pytest.raises(InputError, match=message):
        read_published("x.pt", tensors, base=TINY)


@pytest.mark.slow
def test_parameters_are_counted_right() -> None:
    with torch.device("meta"):
        counts = {name: count_parameters(DiscoNetwork(shape)) for name, shape in SHAPES.items()}
        temporal = DiscoNetwork(SHAPES["disco-temporal"])
    assert METHODS["disco"].configurations == counts
    added = [count_parameters(part) for part in (temporal.unet, temporal.controlnet)]
    assert added == [859_520_964 + 116_321_920, 721_483_600 + 2 * 56_366_080]
