"""Losses: 0 for equal inputs, right gradients, equal to independent twins, sensible about toy distortions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import avg_pool2d, interpolate
from vgg_samples import vgg_weights

import liquidwarp as lw
from liquidwarp.nn import losses
from liquidwarp.nn.baselines.vgg_losses import NearestFeatures, StandardFeatures
from liquidwarp.nn.perceptual import TexturePerceptual, VggPerceptual, read_tensors


def pictures(count: int = 2, size: tuple[int, int] = (48, 40), seed: int = 0) -> torch.Tensor:
    """Smooth noise of several sizes: something with texture."""
    random = torch.Generator().manual_seed(seed)
    layers = [
        interpolate(torch.rand(count, 3, *[max(2, s // k) for s in size], generator=random), size=size, mode="bilinear")
        for k in (2, 4, 12)
    ]
    return torch.stack(layers).mean(0)


PAIR_LOSSES = {
    "charbonnier": losses.charbonnier,
    "ms_ssim": losses.ms_ssim_loss,
    "texture": TexturePerceptual(),
}


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_equal_pictures_cost_nothing_and_others_do(name: str) -> None:
    a, b = pictures(), pictures(seed=1)
    torch.testing.assert_close(PAIR_LOSSES[name](a, a), torch.zeros(2), atol=1e-5, rtol=0)
    assert bool((PAIR_LOSSES[name](a, b) > 0.01).all())


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_samples_do_not_touch_each_other(name: str) -> None:
    a, b = pictures(3), pictures(3, seed=1)
    alone = torch.cat([PAIR_LOSSES[name](a[[i]], b[[i]]) for i in range(3)])
    torch.testing.assert_close(PAIR_LOSSES[name](a, b), alone)


@pytest.mark.parametrize("name", ["charbonnier", "ms_ssim"])
def test_gradients(name: str) -> None:
    a, b = pictures(1, (14, 16)).double().requires_grad_(), pictures(1, (14, 16), seed=1).double()
    assert torch.autograd.gradcheck(lambda x: PAIR_LOSSES[name](x, b), (a,), fast_mode=True)


def test_gradients_of_texture() -> None:
    loss = TexturePerceptual().double()
    a, b = pictures(1, (12, 12)).double().requires_grad_(), pictures(1, (12, 12), seed=1).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, b), (a,), fast_mode=True)


def test_ssim_equals_scikit_image() -> None:
    from skimage.metrics import structural_similarity

    a, b = pictures(1)[0].double(), pictures(1, seed=1)[0].double()
    expected = structural_similarity(a.numpy(), b.numpy(), channel_axis=0, data_range=1.0)
    assert float(losses.ssim_maps(a[None], b[None])[0].mean()) == pytest.approx(expected, abs=1e-9)


def test_charbonnier_without_rounding_is_l1() -> None:
    a, b = pictures(), pictures(seed=1)
    torch.testing.assert_close(losses.charbonnier(a, b, eps=0.0), (a - b).abs().mean((1, 2, 3)))
    half = torch.zeros(2, 48, 40)
    half[:, :24] = 1
    expected = (a - b)[:, :, :24].abs().mean((1, 2, 3)) / 2
    torch.testing.assert_close(losses.charbonnier(a, b, half, eps=0.0), expected)


def blurred(x: torch.Tensor, times: int) -> torch.Tensor:
    for _ in range(times):
        x = avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return x


@pytest.mark.parametrize("kind", ["blur", "shift", "noise"])
def test_texture_grows_with_a_distortion(kind: str) -> None:
    x, noise = pictures(4, (96, 96)), torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(2))
    distort = {
        "blur": lambda n: blurred(x, n),
        "shift": lambda n: x.roll(n, -1),
        "noise": lambda n: x + 0.01 * n * noise,
    }[kind]
    costs = [float(TexturePerceptual()(distort(n), x).mean()) for n in range(4)]
    assert costs == sorted(costs)
    assert costs[1] > costs[0] + 1e-4


def test_texture_forgives_a_shift_rather_than_a_blur_where_l1_does_not() -> None:
    x = pictures(4, (96, 96))
    shifted, soft = x.roll(1, -1), blurred(x, 1)
    texture = TexturePerceptual()
    assert float(losses.charbonnier(shifted, x).mean()) > 1.1 * float(losses.charbonnier(soft, x).mean())
    assert float(texture(shifted, x).mean()) < float(texture(soft, x).mean())


def test_masks_equal_and_apart() -> None:
    mask = torch.rand(2, 8, 8)
    assert float(losses.mask_cross_entropy(mask, mask).abs().max()) < 1e-3
    assert float(losses.mask_iou_loss(mask, mask).abs().max()) < 1e-6
    left, right = torch.zeros(1, 8, 8), torch.zeros(1, 8, 8)
    left[..., :4], right[..., 4:] = 1, 1
    assert float(losses.mask_iou_loss(left, right)) == pytest.approx(1, abs=1e-5)
    assert float(losses.mask_cross_entropy(left, right)) > 5
    assert float(losses.mask_iou_loss(torch.zeros(1, 8, 8), torch.zeros(1, 8, 8))) == 0


def test_boxes() -> None:
    boxes = torch.tensor([[2.0, 3.0, 6.0, 5.0], [0.0, 0.0, 0.0, 0.0]])
    weight = losses.box_weight(boxes, (8, 10))
    assert weight.sum((1, 2)).tolist() == [8, 0]
    assert weight[0, 3:5, 2:6].min() == 1
    assert losses.is_present(boxes).tolist() == [1, 0]
    picture = torch.rand(2, 3, 8, 10)
    torch.testing.assert_close(losses.crop_boxes(picture, boxes, (2, 4))[0], picture[0, :, 3:5, 2:6], atol=1e-5, rtol=0)


def test_games() -> None:
    sure, fooled = [torch.full((1, 1, 2, 2), 1.0)], [torch.full((1, 1, 2, 2), -1.0)]
    for game in ("lsgan", "hinge"):
        assert float(losses.real_or_fake_loss(sure, fooled, game=game)) == 0
        assert float(losses.real_or_fake_loss(fooled, sure, game=game)) > 1
    assert float(losses.fooling_loss([torch.zeros(1, 1, 2, 2)], game="lsgan")) == 0
    assert float(losses.fooling_loss(sure, game="hinge")) == -1


def test_what_is_not_shown_does_not_count() -> None:
    random = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(2, 1, 3, 3, generator=random) for _ in range(2))
    weights = [torch.tensor([1.0, 0.0])]
    for game in ("lsgan", "hinge"):
        both = [losses.real_or_fake_loss([real], [fake], game=game, weights=each) for each in (weights, None)]
        alone = losses.real_or_fake_loss([real[:1]], [fake[:1]], game=game)
        torch.testing.assert_close(both[0], alone / 2)  # of the two samples one counts
        torch.testing.assert_close(
            losses.real_or_fake_loss([real], [fake], game=game, weights=[torch.ones(2)]), both[1]
        )
        torch.testing.assert_close(
            losses.fooling_loss([fake], game=game, weights=weights), losses.fooling_loss([fake[:1]], game=game) / 2
        )


def test_feature_matching_leaves_the_truth_alone() -> None:
    real, fake = torch.rand(2, 3, requires_grad=True), torch.rand(2, 3, requires_grad=True)
    losses.feature_matching_loss([real], [fake]).backward()
    assert real.grad is None
    assert fake.grad is not None


def test_vgg_reads_both_kinds_of_files(tmp_path: Path) -> None:
    torch.save(vgg_weights(), tmp_path / "vgg.pth")
    save_file(vgg_weights(), tmp_path / "vgg.safetensors")
    a, b = pictures(), pictures(seed=1)
    first, second = VggPerceptual.load(tmp_path / "vgg.pth"), VggPerceptual.load(tmp_path / "vgg.safetensors")
    assert torch.equal(first(a, b), second(a, b))
    assert float(first(a, b).min()) > 0
    assert float(first(a, a).max()) == 0
    assert [f.shape[-1] for f in first.features(a)] == [40, 20, 10, 5, 2]
    assert not any(parameter.requires_grad for parameter in first.parameters())


def test_vgg_is_the_plain_sequence() -> None:
    weights = vgg_weights()
    layers: list[torch.nn.Module] = []
    for index in range(30):
        if f"features.{index}.weight" in weights:
            layer = torch.nn.Conv2d(3 if index == 0 else 4, 4, 3, padding=1)
            layer.load_state_dict({k: weights[f"features.{index}.{k}"] for k in ("weight", "bias")})
            layers.append(layer)
        else:
            layers.append(torch.nn.MaxPool2d(2) if index in (4, 9, 18, 27) else torch.nn.ReLU())
    x = pictures()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = (x - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(VggPerceptual(weights).features(x)[-1], torch.nn.Sequential(*layers)(normal))


def test_nearest_neighbours_are_found_as_a_plain_search_finds_them() -> None:
    vgg, (made, truth) = VggPerceptual(vgg_weights()), (pictures()[:1, :, :12, :10], pictures(seed=1)[:1, :, :12, :10])
    made.requires_grad_()
    (found,), (wanted,) = vgg.answers(made, [3]), vgg.answers(truth, [3])
    around = torch.nn.functional.pad(wanted, (1, 1, 1, 1), value=-1e4).unfold(2, 3, 1).unfold(3, 3, 1)
    apart = (found[..., None, None] - around).abs().sum(1).flatten(3)
    plain = apart.min(-1).values.mean((1, 2))
    ours = NearestFeatures(vgg, side=3)(made, truth)
    torch.testing.assert_close(ours, plain)
    gradients = [torch.autograd.grad(each.sum(), made)[0] for each in (ours, plain)]
    torch.testing.assert_close(*gradients)
    assert float(NearestFeatures(vgg)(truth, truth)) == 0


def test_a_shift_costs_nearest_neighbours_nothing_inside() -> None:
    vgg, plain = VggPerceptual(vgg_weights()), pictures()[:, :, :24, :24]
    shifted = plain.roll(2, -1)
    assert float(NearestFeatures(vgg)(shifted, plain).max()) < 0.4 * float(
        NearestFeatures(vgg, 3)(shifted, plain).min()
    )


def test_twelve_layers_count_in_parts_of_their_deviation() -> None:
    vgg, (a, b) = VggPerceptual(vgg_weights()), (pictures(), pictures(seed=1))
    loss = StandardFeatures(vgg)
    assert float(loss(a, a).max()) == 0
    taps = [1, 3, 6, 8, 11, 13, 15, 17, 20, 22, 24, 26]
    pairs = list(zip(vgg.answers(a, taps, average=True), vgg.answers(b, taps, average=True), strict=True))
    assert [one.shape[-1] for one, _ in pairs] == [40] * 2 + [20] * 2 + [10] * 4 + [5] * 4
    plain = [(one - other).abs() / (other.std((0, 2, 3)) + 0.1)[:, None, None] for one, other in pairs]
    torch.testing.assert_close(loss(a, b), torch.stack([each.mean((1, 2, 3)) for each in plain]).mean(0))
    torch.testing.assert_close(vgg.answers(a, [4], average=True)[0], avg_pool2d(vgg.answers(a, [3])[0], 2))


class Code:
    def __reduce__(self) -> tuple:
        return (print, ("run",))


def test_other_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"a": Code()}, tmp_path / "code.pth")
    with pytest.raises(lw.InputError, match=r"code\.pth: cannot be read as weights"):
        read_tensors(tmp_path / "code.pth")
    assert capsys.readouterr().out == ""
    (tmp_path / "cut.safetensors").write_bytes(b"\x08")
    with pytest.raises(lw.InputError, match=r"cut\.safetensors: cannot be read"):
        VggPerceptual.load(tmp_path / "cut.safetensors")
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(lw.InputError, match=r"other\.pth: no VGG-19 .*features\.0\.bias is missing"):
        VggPerceptual.load(tmp_path / "other.pth")
    torch.save(vgg_weights() | {"features.5.weight": torch.zeros(2, 2, 3, 3)}, tmp_path / "odd.pth")
    with pytest.raises(lw.InputError, match=r"odd\.pth: no VGG-19 \(features\.5\.weight has shape"):
        VggPerceptual.load(tmp_path / "odd.pth")
    torch.save([np.float64(1)][:0], tmp_path / "list.pth")
    with pytest.raises(lw.InputError, match=r"list\.pth: holds no named tensors"):
        read_tensors(tmp_path / "list.pth")
