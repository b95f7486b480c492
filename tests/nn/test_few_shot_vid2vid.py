"""Few-shot vid2vid's networks compute what the published networks compute, under the published names."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from published_samples import FOLDER, filled_b, shapes, wave

from liquidwarp.errors import InputError
from liquidwarp.nn.few_shot_vid2vid.discriminators import DiscriminatorShape, MultiScaleDiscriminator
from liquidwarp.nn.few_shot_vid2vid.generator import DrawnFrame, Encoding, FewShotGenerator, Previous
from liquidwarp.nn.few_shot_vid2vid.published import (
    DISCRIMINATORS,
    SHAPES,
    critic_from_published,
    from_published,
    make_discriminator,
    published_critic_name,
    published_names,
    without_wrappers,
)
from liquidwarp.nn.few_shot_vid2vid.shape import IMAGINAIRE, GeneratorShape

TOLERANCE = 1e-4
FLOW_TOLERANCE = 1e-3  # pixels
SMALL = replace(SHAPES["pose"], width=8, flow_width=8, attention=True)

FILES = {
    "fsvid2vid_pose_ngf8_k2": SMALL,
    "fsvid2vid_pose": replace(SHAPES["pose"], attention=True),
    "fsvid2vid_face": SHAPES["face"],
    "fsvid2vid_street": SHAPES["street"],
    "fsvid2vid_pose_face_refiner": SHAPES["face-refiner"],
    "fsvid2vid_imaginaire_pose": SHAPES["imaginaire-pose"],
    "fsvid2vid_imaginaire_face": SHAPES["imaginaire-face"],
}

# parameters of (one reference, several) of single frames, then of (one, several) with the temporal part
COUNTS = {
    ("pose", 32): (97_960_382, 98_149_502, 112_101_886, 112_291_006),
    ("face", 32): (97_954_622, 98_140_862, 112_096_126, 112_282_366),
    ("street", 32): (75_854_779, 76_051_963, 83_730_686, 83_927_870),
    ("pose", 16): (24_509_422, 24_557_902, 28_045_838, 28_094_318),
    ("face", 16): (24_506_542, 24_553_582, 28_042_958, 28_089_998),
    ("street", 16): (18_979_563, 19_032_075, 20_954_510, 21_007_022),
    ("pose", 8): (6_137_030, 6_149_750, 7_021_654, 7_034_374),
}

CRITICS = {
    "fsvid2vid_disc_pose": ("pose", (96, 64), ""),
    "fsvid2vid_disc_face_512": ("face-512", (128, 128), ""),
    "fsvid2vid_imaginaire_disc_face": ("imaginaire-face", (128, 128), "net_D."),
    "fsvid2vid_imaginaire_disc_pose": ("imaginaire-pose", (128, 128), "net_D."),
}


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tiny(**changes: object) -> FewShotGenerator:
    network = FewShotGenerator(replace(SMALL, width=2, flow_width=2, **changes)).eval()
    network.load_state_dict(filled_b({key: list(value.shape) for key, value in network.state_dict().items()}))
    return network


def filled_generator(shape: GeneratorShape, tensors: dict[str, list[int]]) -> FewShotGenerator:
    network = FewShotGenerator(shape).eval()
    network.load_state_dict(from_published(shape, filled_b(tensors)))
    return network


def inputs(labels: int, size: tuple[int, int], count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Previous]:
    references = wave((1, count, labels, *size), 0.3)
    images = wave((1, count, 3, *size), 0.6)
    return (
        wave((1, labels, *size)),
        references,
        images,
        Previous(wave((1, labels, *size), 0.2), wave((1, 3, *size), 0.9)),
    )


def street_label(shift: int) -> torch.Tensor:
    y, x = np.indices((64, 128))
    classes = torch.from_numpy((3 * (y // 8) + 5 * (x // 8) + shift) % 20)
    return torch.nn.functional.one_hot(classes, 20).permute(2, 0, 1)[None].float()


def compare(first: DrawnFrame, following: DrawnFrame, golden: str) -> None:
    ours: dict[str, torch.Tensor] = {
        "image_first": first.image,
        "image_next": following.image,
        "image_raw_next": following.raw[..., ::2, ::2],
    }
    for name, warped in (("ref", following.reference), ("prev", following.previous)):
        if warped is not None:
            ours |= {f"flow_{name}": warped.flow[..., ::2, ::2], f"mask_{name}": warped.mask[..., ::2, ::2]}
    wanted = np.load(FOLDER / f"{golden}.npz")
    names = [name for name in wanted.files if name.startswith(("image", "flow", "mask"))]
    assert names
    for name in names:
        tolerance = FLOW_TOLERANCE if name.startswith("flow") else TOLERANCE
        np.testing.assert_allclose(ours[name].numpy(), wanted[name], atol=tolerance, rtol=0, err_msg=name)


def intermediates(encoding: Encoding) -> dict[str, torch.Tensor]:
    assert encoding.pooled.attention is not None
    ours = {"bottleneck": encoding.pooled.bottleneck, "attention_column_sum": encoding.pooled.attention}
    ours |= {f"pooled_{level}": encoding.pooled.matrices[level] for level in (0, 1, 4)}
    for level in (0, 3):
        kernel = encoding.kernels[level].embedding
        ours |= {f"embed_weight_{level}": kernel.weight, f"embed_bias_{level}": kernel.bias}
    layers = {"0": encoding.kernels[1].first, "1": encoding.kernels[1].second, "s": encoding.kernels[1].shortcut}
    for name, kernel in layers.items():
        for part, weight, bias in zip(
            ("gamma", "beta"), kernel.weight.chunk(2, 1), kernel.bias.chunk(2, 1), strict=True
        ):
            ours |= {f"spade1_{name}_{part}_weight": weight, f"spade1_{name}_{part}_bias": bias}
    return ours


@pytest.mark.parametrize("file", FILES)
def test_names_and_shapes_are_those_published(file: str) -> None:
    shape = FILES[file]
    with torch.device("meta"):
        network = FewShotGenerator(shape)
    mine = {
        name: list(value.shape) for key, value in network.state_dict().items() for name in published_names(shape, key)
    }
    assert mine == shapes(file)


@pytest.mark.parametrize(
    ("name", "width"), [pytest.param(*key, marks=pytest.mark.slow if key[1] > 8 else ()) for key in COUNTS]
)
def test_counts_of_every_configuration(name: str, width: int) -> None:
    shape = replace(SHAPES[name], width=width, flow_width=width)
    counts = []
    for temporal in (False, True):
        for attention in (False, True):
            with torch.device("meta"):
                counts.append(parameters(FewShotGenerator(replace(shape, warp_previous=temporal, attention=attention))))
    assert tuple(counts) == COUNTS[name, width]


@pytest.mark.parametrize(
    ("name", "count"),
    [("imaginaire-face", 91_145_502), ("imaginaire-pose", 91_149_982), ("face-refiner", 19_038_197)],
)
def test_counts_of_the_others(name: str, count: int) -> None:
    with torch.device("meta"):
        assert parameters(FewShotGenerator(SHAPES[name])) == count


def test_two_references_small() -> None:
    network = filled_generator(SMALL, shapes("fsvid2vid_pose_ngf8_k2"))
    label, references, images, previous = inputs(6, (96, 64), 2)
    with torch.no_grad():
        encoding = network.encode(references, images, label)
        features = network.labels.embed(label, [kernels.embedding for kernels in encoding.kernels])
        compare(network(label, encoding), network(label, encoding, previous), "fsvid2vid_pose_ngf8_k2")
    golden = np.load(FOLDER / "fsvid2vid_pose_ngf8_k2.npz")
    ours = intermediates(encoding) | {f"label_feature_{level}": features[level] for level in (1, 3, 5)}
    ours["ref_index"] = encoding.pooled.chosen
    assert set(golden.files) - set(ours) == {
        "image_first",
        "image_next",
        "flow_ref",
        "mask_ref",
        "flow_prev",
        "mask_prev",
    }
    for name, value in ours.items():
        reach = 1e-5 * np.abs(golden[name]).max()
        np.testing.assert_allclose(value.numpy(), golden[name], atol=reach, rtol=0, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_pose(count: int) -> None:
    shape, tensors = replace(SHAPES["pose"], attention=count > 1), shapes("fsvid2vid_pose")
    if count == 1:
        tensors = {key: value for key, value in tensors.items() if not key.startswith("atn_")}
    network = filled_generator(shape, tensors)
    label, references, images, previous = inputs(6, (96, 64), count)
    with torch.no_grad():
        encoding = network.encode(references, images, label)
        compare(network(label, encoding), network(label, encoding, previous), f"fsvid2vid_pose_k{count}")
    if count > 1:
        assert encoding.pooled.chosen.tolist() == np.load(FOLDER / "fsvid2vid_pose_k2.npz")["ref_index"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["face", "imaginaire-face"])
def test_face(name: str) -> None:
    file = f"fsvid2vid_{name.replace('-', '_')}"
    network = filled_generator(SHAPES[name], shapes(file))
    label, references, images, previous = inputs(1, (64, 64), 1)
    with torch.no_grad():
        encoding = network.encode(references, images, label)
        compare(network(label, encoding), network(label, encoding, previous), file)


@pytest.mark.slow
def test_street_blends_the_previous_frame() -> None:
    network = filled_generator(SHAPES["street"], shapes("fsvid2vid_street"))
    label, reference, before = (street_label(shift) for shift in (0, 4, 2))
    _, _, images, previous = inputs(20, (64, 128), 1)
    with torch.no_grad():
        encoding = network.encode(reference[:, None], images, label)
        following = network(label, encoding, Previous(before, previous.image))
        compare(network(label, encoding), following, "fsvid2vid_street")


@pytest.mark.slow
def test_face_refiner_starts_from_the_coarse_face() -> None:
    network = filled_generator(SHAPES["face-refiner"], shapes("fsvid2vid_pose_face_refiner"))
    label, references, images, previous = inputs(3, (64, 64), 1)
    with torch.no_grad():
        frame = network(label, network.encode(references, images, label, coarse=previous.image))
    golden = np.load(FOLDER / "fsvid2vid_pose_face_refiner.npz")["image"]
    np.testing.assert_allclose(frame.image.numpy(), golden, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("file", CRITICS)
def test_names_of_discriminators_are_those_published(file: str) -> None:
    name, _, prefix = CRITICS[file]
    with torch.device("meta"):
        networks = {prefix: make_discriminator(name)}
        if name == "imaginaire-pose":
            networks["net_D_face."] = make_discriminator("imaginaire-crop")
    mine = {}
    for before, network in networks.items():
        shape = DISCRIMINATORS["imaginaire-crop" if before == "net_D_face." else name]
        for key, value in network.state_dict().items():
            mine[before + published_critic_name(shape, key)] = list(value.shape)
    assert mine == shapes(file)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("pose", 2_805_665),
        ("face", 2_799_521),
        ("face-512", 5_599_042),
        ("street", 2_818_977),
        ("crop", 2_798_497),
        ("imaginaire-face", 5_593_922),
    ],
)
def test_counts_of_discriminators(name: str, count: int) -> None:
    with torch.device("meta"):
        assert parameters(make_discriminator(name)) == count


def test_counts_of_the_imaginaire_pair() -> None:
    with torch.device("meta"):
        pair = [make_discriminator(name) for name in ("imaginaire-pose", "imaginaire-crop")]
    assert sum(map(parameters, pair)) == 6_299_107


@pytest.mark.parametrize("file", CRITICS)
def test_scores_equal_the_golden_ones(file: str) -> None:
    name, size, prefix = CRITICS[file]
    tensors = filled_b(shapes(file))
    golden = np.load(FOLDER / f"{file}.npz")
    judged = [("", name, prefix, size)]
    if "face_logits_0" in golden.files:
        judged.append(("face_", "imaginaire-crop", "net_D_face.", (64, 64)))
    for start, configuration, before, extent in judged:
        shape = DISCRIMINATORS[configuration]
        network = MultiScaleDiscriminator(shape).eval()
        own = {key.removeprefix(before): value for key, value in tensors.items() if key.startswith(before)}
        network.load_state_dict(critic_from_published(shape, own))
        with torch.no_grad():
            seen = network(wave((1, shape.inputs, *extent)))
        for number, features in enumerate(seen):
            scores = {f"{start}logits_{number}": features[-1]}
            if f"mean_{number}" in golden.files:
                scores[f"mean_{number}"] = torch.stack([feature.mean() for feature in features])
                scores[f"std_{number}"] = torch.stack([feature.std(correction=0) for feature in features])
            for key, value in scores.items():
                np.testing.assert_allclose(value.numpy(), golden[key], atol=TOLERANCE, rtol=0, err_msg=key)


def test_a_clip_of_another_batch_keeps_its_samples_apart() -> None:
    network = tiny().double()
    generator = torch.Generator().manual_seed(1)
    label, previous = (torch.randn(2, 6, 64, 32, generator=generator, dtype=torch.float64) for _ in range(2))
    labels = torch.randn(2, 2, 6, 64, 32, generator=generator, dtype=torch.float64)
    images = torch.randn(2, 2, 3, 64, 32, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        both = network(label, network.encode(labels, images, label), Previous(previous, images[:, 0]))
        for one in (slice(0, 1), slice(1, 2)):
            alone = network(
                label[one],
                network.encode(labels[one], images[one], label[one]),
                Previous(previous[one], images[one, 0]),
            )
            torch.testing.assert_close(both.image[one], alone.image, atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("changes", "count", "size", "words"),
    [
        ({}, 0, (64, 32), "no reference"),
        ({"attention": False}, 2, (64, 32), "one reference, got 2"),
        ({}, 1, (60, 32), "multiples of 32"),
        ({"labels": 20}, 1, (64, 32), "labels has shape"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], count: int, size: tuple[int, int], words: str) -> None:
    label, references, images, _ = inputs(6, size, count)
    with pytest.raises(InputError, match=words):
        tiny(**changes).encode(references, images, label)


def test_pictures_too_small_for_instance_normalisation_are_named() -> None:
    label, references, images, _ = inputs(6, (32, 32), 1)
    with pytest.raises(InputError, match="32x32 are too small"):
        tiny(layout=IMAGINAIRE).encode(references, images, label)


def test_a_label_of_another_size_than_the_reference_is_named() -> None:
    label, references, images, _ = inputs(6, (64, 32), 1)
    network = tiny()
    with torch.no_grad(), pytest.raises(InputError, match="label has shape"):
        network(label[..., :32, :], network.encode(references, images, label))


@pytest.mark.parametrize("prefix", ["module.averaged_model.", "module.module.", "module.", ""])
def test_an_averaged_model_without_spectral_norm_is_the_same(prefix: str) -> None:
    network = tiny(layout=IMAGINAIRE, attention=False)
    label, references, images, previous = inputs(6, (64, 64), 1)
    with torch.no_grad():
        wanted = network(label, network.encode(references, images, label), previous)
    file = {}
    for key, value in network.state_dict().items():
        for name in published_names(network.shape, key):
            if prefix == "module.averaged_model." and name.endswith("weight_orig"):
                module = network.get_submodule(key.removesuffix(".weight_orig"))
                file[prefix + name.removesuffix("_orig")] = module.weight.detach()
            elif prefix != "module.averaged_model." or not name.endswith(("weight_u", "weight_v")):
                file[prefix + name] = value
    if prefix == "module.averaged_model.":
        file |= {"module.module.conv_img.layers.conv.bias": torch.full((3,), 9.0)}
    again = FewShotGenerator(network.shape).eval()
    again.load_state_dict(from_published(network.shape, without_wrappers(file)))
    with torch.no_grad():
        frame = again(label, again.encode(references, images, label), previous)
    torch.testing.assert_close(frame.image, wanted.image, atol=1e-4, rtol=0)


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(KeyError, match="ref_img_first"):
        from_published(SMALL, {})


def test_a_network_of_single_frames_takes_no_previous_one() -> None:
    network = tiny(warp_previous=False)
    label, references, images, previous = inputs(6, (64, 32), 1)
    with torch.no_grad(), pytest.raises(InputError, match="takes no previous frame"):
        network(label, network.encode(references, images, label), previous)


def test_training_reaches_every_parameter_but_those_known_to_be_dead() -> None:
    network = tiny().train()
    label, references, images, previous = inputs(6, (64, 64), 2)
    network(label, network.encode(references, images, label), previous).image.square().mean().backward()
    unreached = {key for key, value in network.named_parameters() if value.grad is None}
    assert unreached
    assert all(key.startswith(("references.image.ups.0.", "references.label.ups.0.")) for key in unreached)


def test_too_wide_a_network_is_refused() -> None:
    with pytest.raises(InputError, match="width=128"):
        GeneratorShape(6, width=128)


def test_the_discriminator_of_one_scale_is_the_first_of_two() -> None:
    pair = MultiScaleDiscriminator(DiscriminatorShape(8, width=4, scales=2)).eval()
    single = MultiScaleDiscriminator(DiscriminatorShape(8, width=4)).eval()
    single.load_state_dict({key: value for key, value in pair.state_dict().items() if key.startswith("scales.0")})
    with torch.no_grad():
        torch.testing.assert_close(pair(wave((1, 8, 64, 64)))[0][-1], single(wave((1, 8, 64, 64)))[0][-1])
