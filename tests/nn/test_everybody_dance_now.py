"""Everybody Dance Now: published names and counts, golden outputs, and what a frame may depend on."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from published_samples import FOLDER, filled_b, shapes, wave

from liquidwarp.nn.everybody_dance_now import (
    EdnFaceDiscriminator,
    EdnFaceGenerator,
    EdnGlobalGenerator,
    EdnLocalGenerator,
    EdnPairDiscriminator,
    load_global,
)

PUBLISHED = {
    "edn_global": (EdnGlobalGenerator, 182_452_675),
    "edn_local": (EdnLocalGenerator, 182_715_939),
    "edn_face_generator": (EdnFaceGenerator, 26_724_291),
    "edn_discriminator": (EdnPairDiscriminator, 5_547_906),
    "edn_face_discriminator": (EdnFaceDiscriminator, 2_769_601),
}
SMALL = {
    "edn_global_ngf8_blocks2": lambda: EdnGlobalGenerator(8, blocks=2),
    "edn_local_ngf8_down3_blocks2_local2": lambda: EdnLocalGenerator(8, halvings=3, blocks=2, local_blocks=2),
}
TOLERANCE = 1e-4


def shapes_of(network: torch.nn.Module) -> dict[str, list[int]]:
    return {key: list(value.shape) for key, value in network.state_dict().items()}


def filled_network(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    network = make().eval().requires_grad_(False)
    network.load_state_dict(filled_b({key: list(value.shape) for key, value in network.state_dict().items()}))
    return network


def assert_golden(value: torch.Tensor, name: str) -> None:
    golden = np.load(FOLDER / "edn_small.npz")[name]
    np.testing.assert_allclose(value.numpy(), golden, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_shapes_and_counts(name: str) -> None:
    make, count = PUBLISHED[name]
    with torch.device("meta"):
        network = make()
    assert shapes_of(network) == shapes(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_the_enhancers_discriminator_has_three_scales() -> None:
    with torch.device("meta"):
        network = EdnPairDiscriminator(scales=3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 8_321_859


@pytest.mark.parametrize("name", SMALL)
def test_generators_equal_the_golden_ones(name: str) -> None:
    network = filled_network(SMALL[name])
    assert shapes_of(network) == shapes(name)
    assert_golden(network(wave((1, 6, 64, 96))), name.removeprefix("edn_"))


def test_the_face_generator_equals_the_golden_one() -> None:
    network = filled_network(lambda: EdnFaceGenerator(8))
    assert_golden(network.residual(wave((1, 6, 32, 32), 0.3)), "face_ngf8")


def test_the_pair_discriminator_equals_the_golden_one() -> None:
    network = filled_network(lambda: EdnPairDiscriminator(width=16))
    for scale, stages in enumerate(network.features(wave((1, 12, 64, 96)))):
        assert_golden(stages[-1], f"disc_ndf16_logits_{scale}")
        assert_golden(torch.stack([stage.std(correction=0) for stage in stages]), f"disc_ndf16_std_{scale}")


def test_scores_are_the_last_features() -> None:
    network = filled_network(lambda: EdnPairDiscriminator(width=4))
    x = wave((1, 12, 32, 32))
    for score, stages in zip(network(x), network.features(x), strict=True):
        torch.testing.assert_close(score, stages[-1], rtol=0, atol=0)


def test_the_face_discriminator_equals_the_golden_one() -> None:
    assert_golden(filled_network(lambda: EdnFaceDiscriminator(width=16))(wave((1, 6, 32, 32))), "face_disc_ndf16")


def test_the_face_generator_adds_to_the_coarse_face() -> None:
    network = filled_network(lambda: EdnFaceGenerator(8))
    pose, coarse = wave((1, 3, 32, 32)), wave((1, 3, 32, 32), 0.9)
    last = network.model[-2]
    last.load_state_dict({name: torch.zeros_like(value) for name, value in last.state_dict().items()})
    torch.testing.assert_close(network(pose, coarse), coarse, rtol=0, atol=0)


def test_a_frame_depends_on_the_one_before_only_through_the_picture() -> None:
    network = filled_network(SMALL["edn_global_ngf8_blocks2"])
    poses = [wave((1, 3, 32, 32), phase) for phase in (0.1, 0.2)]
    start = torch.zeros(1, 3, 32, 32)
    first = network(torch.cat([poses[0], start], 1))
    network(torch.cat([wave((1, 3, 32, 32), 2.0), start], 1))  # another clip in between leaves no trace
    again = network(torch.cat([poses[1], first], 1))
    torch.testing.assert_close(network(torch.cat([poses[1], first.clone()], 1)), again, rtol=0, atol=0)
    assert not torch.equal(network(torch.cat([poses[1], start], 1)), again)


def test_the_global_generator_goes_into_the_enhancer() -> None:
    trained = filled_network(lambda: EdnGlobalGenerator(16, halvings=3, blocks=2))
    enhancer = EdnLocalGenerator(8, halvings=3, blocks=2, local_blocks=2)
    own = enhancer.model1_1[1].weight.clone()
    load_global(enhancer, trained.state_dict())
    for name, value in enhancer.model.state_dict().items():
        torch.testing.assert_close(value, trained.state_dict()[f"model.{name}"], rtol=0, atol=0)
    torch.testing.assert_close(enhancer.model1_1[1].weight, own, rtol=0, atol=0)


def test_a_global_generator_of_another_width_is_refused() -> None:
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_global(
            EdnLocalGenerator(8, halvings=3, blocks=2), EdnGlobalGenerator(8, halvings=3, blocks=2).state_dict()
        )
