"""Our configurations compute what the published networks compute, under the published names."""

import numpy as np
import pytest
import torch
from published_samples import FOLDER, bent_grid, filled, shapes, wave

from liquidwarp.nn.discriminators import PatchDiscriminator
from liquidwarp.nn.liquid import BackgroundInput, ChartedPicture
from liquidwarp.nn.published import GENERATORS, from_published, make_generator, published_name

TOLERANCE = 1e-4
COUNTS = {
    "ICCV": 97_452_736,
    "AddLWB": 27_971_520,
    "AvgLWB": 27_971_520,
    "SoftGateAddLWB": 36_601_664,
    "SoftGateAvgLWB": 36_601_664,
    "AttLWB-SPADE": 36_276_992,
    "TextureWarping": 17_701_376,
    "InputConcat": 17_713_472,
}


def file_of(name: str) -> str:
    return "impersonator_generator" if name == "ICCV" else f"ipercore_{name}"


def inputs(name: str) -> tuple[object, ...]:
    sources = 1 if name == "ICCV" else 2
    grid = bent_grid().expand(1, 1, sources, 64, 64, 2)
    valid = torch.ones(1, 1, sources, 64, 64, dtype=torch.bool)
    if name == "ICCV":  # its inputs were made without the axis of sources, which shifts the wave
        waves = [wave((1, 4, 64, 64)), wave((1, 6, 64, 64), 0.3), wave((1, 6, 64, 64), 0.6)]
        background, source, transfer = (picture[:, None] for picture in waves)
    else:
        background, source = wave((1, 2, 4, 64, 64)), wave((1, 2, 6, 64, 64), 0.3)
        transfer = wave((1, 1, 6, 64, 64), 0.6)
    told = [ChartedPicture(*stack.split(3, 2)) for stack in (source, transfer)]
    return BackgroundInput(*background.split([3, 1], 2)), *told, grid, valid


def test_every_published_generator_is_there() -> None:
    assert set(GENERATORS) == set(COUNTS)


@pytest.mark.parametrize("name", GENERATORS)
def test_names_shapes_and_counts(name: str) -> None:
    with torch.device("meta"):
        network = make_generator(name)
    mine = {published_name(name, key): list(value.shape) for key, value in network.state_dict().items()}
    assert mine == shapes(file_of(name))
    assert sum(parameter.numel() for parameter in network.parameters()) == COUNTS[name]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in ("ICCV", "SoftGateAvgLWB") else ()) for n in GENERATORS]
)
def test_outputs_equal_the_golden_ones(name: str) -> None:
    network = make_generator(name).eval()
    network.load_state_dict(from_published(name, filled(file_of(name))))
    with torch.no_grad():
        answer = network(*inputs(name))
    golden = np.load(FOLDER / f"{file_of(name)}.npz")
    for key in golden.files:
        ours = getattr(answer, key).numpy()
        np.testing.assert_allclose(ours[:, 0] if name == "ICCV" else ours, golden[key], atol=TOLERANCE, rtol=0)


def test_the_discriminator_equals_the_golden_one() -> None:
    network = PatchDiscriminator().eval()
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == shapes(
        "impersonator_discriminator"
    )
    assert sum(parameter.numel() for parameter in network.parameters()) == 6_962_625
    network.load_state_dict(filled("impersonator_discriminator"))
    with torch.no_grad():
        score = network(wave((1, 6, 128, 128)))
    golden = np.load(FOLDER / "impersonator_discriminator.npz")["score"]
    np.testing.assert_allclose(score.numpy(), golden, atol=TOLERANCE, rtol=0)
