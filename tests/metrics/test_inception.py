"""Inception v3 from files under the published names, against plain modules; narrow, as widths are the file's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from liquidwarp.metrics import compute, frechet_distance, inception_score, kernel_distance, person_region
from liquidwarp.metrics.backbones.inception import inception_features
from liquidwarp.metrics.crops import grey_outside
from liquidwarp.metrics.weights import load_weights

W = 3  # channels of every unit
RGB = np.random.default_rng(3).integers(0, 256, (4, 40, 52, 3), dtype=np.uint8)


class Unit(nn.Module):
    def __init__(self, inner: int, size: tuple[int, int], stride: int, padding: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, W, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(W, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


def same(inner: int, height: int, width: int) -> Unit:
    return Unit(inner, (height, width), 1, (height // 2, width // 2))


def halving(inner: int) -> Unit:
    return Unit(inner, (3, 3), 2, (0, 0))


class Mixed(nn.Module):
    """Branches: their units' names and makers, and what is pooled."""

    def __init__(self, inner: int, chains: list[list[tuple[str, nn.Module]]], pool: str) -> None:
        super().__init__()
        self.chains = [[name for name, _ in chain] for chain in chains]
        for chain in chains:
            for name, unit in chain:
                setattr(self, name, unit)
        if pool != "shrink":
            self.branch_pool = same(inner, 1, 1)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        answers = []
        for chain in self.chains:
            y = x
            for name in chain:
                y = getattr(self, name)(y)
            answers.append(y)
        return torch.cat([*answers, self.pooled(x)], 1)

    def pooled(self, x: Tensor) -> Tensor:
        if self.pool == "shrink":
            return nn.functional.max_pool2d(x, 3, 2)
        if self.pool == "max":
            return self.branch_pool(nn.functional.max_pool2d(x, 3, 1, 1))
        return self.branch_pool(nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=self.pool == "padded mean"))


class Last(Mixed):
    """The block whose branches part at their ends."""

    def forward(self, x: Tensor) -> Tensor:
        short, long = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        ends = [self.branch3x3_2a(short), self.branch3x3_2b(short)]
        ends += [self.branch3x3dbl_3a(long), self.branch3x3dbl_3b(long)]
        return torch.cat([self.branch1x1(x), *ends, self.pooled(x)], 1)


class Twin(nn.Module):
    def __init__(self, *, original: bool) -> None:
        super().__init__()
        mean = "mean" if original else "padded mean"
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = halving(3), Unit(W, (3, 3), 1, (0, 0))
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = same(W, 3, 3), same(W, 1, 1)
        self.Conv2d_4a_3x3 = Unit(W, (3, 3), 1, (0, 0))
        inner = W
        for block in "bcd":
            setattr(self, f"Mixed_5{block}", self.block_35(inner, mean))
            inner = 4 * W
        self.Mixed_6a = Mixed(
            inner,
            [
                [("branch3x3", halving(inner))],
                [
                    ("branch3x3dbl_1", same(inner, 1, 1)),
                    ("branch3x3dbl_2", same(W, 3, 3)),
                    ("branch3x3dbl_3", halving(W)),
                ],
            ],
            "shrink",
        )
        inner += 2 * W
        for block in "bcde":
            setattr(self, f"Mixed_6{block}", self.block_17(inner, mean))
            inner = 4 * W
        self.Mixed_7a = Mixed(
            inner,
            [
                [("branch3x3_1", same(inner, 1, 1)), ("branch3x3_2", halving(W))],
                [
                    ("branch7x7x3_1", same(inner, 1, 1)),
                    ("branch7x7x3_2", same(W, 1, 7)),
                    ("branch7x7x3_3", same(W, 7, 1)),
                    ("branch7x7x3_4", halving(W)),
                ],
            ],
            "shrink",
        )
        self.Mixed_7b = self.block_8(inner + 2 * W, mean)
        self.Mixed_7c = self.block_8(6 * W, "max" if original else mean)
        self.fc = nn.Linear(6 * W, 9)

    def block_35(self, inner: int, pool: str) -> Mixed:
        return Mixed(
            inner,
            [
                [("branch1x1", same(inner, 1, 1))],
                [("branch5x5_1", same(inner, 1, 1)), ("branch5x5_2", same(W, 5, 5))],
                [
                    ("branch3x3dbl_1", same(inner, 1, 1)),
                    ("branch3x3dbl_2", same(W, 3, 3)),
                    ("branch3x3dbl_3", same(W, 3, 3)),
                ],
            ],
            pool,
        )

    def block_17(self, inner: int, pool: str) -> Mixed:
        return Mixed(
            inner,
            [
                [("branch1x1", same(inner, 1, 1))],
                [("branch7x7_1", same(inner, 1, 1)), ("branch7x7_2", same(W, 1, 7)), ("branch7x7_3", same(W, 7, 1))],
                [
                    ("branch7x7dbl_1", same(inner, 1, 1)),
                    ("branch7x7dbl_2", same(W, 7, 1)),
                    ("branch7x7dbl_3", same(W, 1, 7)),
                    ("branch7x7dbl_4", same(W, 7, 1)),
                    ("branch7x7dbl_5", same(W, 1, 7)),
                ],
            ],
            pool,
        )

    def block_8(self, inner: int, pool: str) -> Last:
        return Last(
            inner,
            [
                [("branch1x1", same(inner, 1, 1))],
                [("branch3x3_1", same(inner, 1, 1)), ("branch3x3_2a", same(W, 1, 3)), ("branch3x3_2b", same(W, 3, 1))],
                [("branch3x3dbl_1", same(inner, 1, 1)), ("branch3x3dbl_2", same(W, 3, 3))],
                [("branch3x3dbl_3a", same(W, 1, 3)), ("branch3x3dbl_3b", same(W, 3, 1))],
            ],
            pool,
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(nn.functional.max_pool2d(x, 3, 2)))
        x = nn.functional.max_pool2d(x, 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):
            x = getattr(self, f"Mixed_{name}")(x)
        return x.mean((2, 3))


def lively(network: nn.Module) -> nn.Module:
    """Give every layer the statistics of some pictures, so that answers neither vanish nor explode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 139, 139))
    return network.eval()


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Twin]]:
    torch.manual_seed(1)
    folder, made = tmp_path_factory.mktemp("inception"), {}
    for name, file in (
        ("inception-fid", "pt_inception-2015-12-05-6726825d.pth"),
        ("inception", "inception_v3_google-0cc3c7bd.pth"),
    ):
        made[name] = lively(Twin(original=name == "inception-fid"))
        extra = {} if name == "inception-fid" else {"AuxLogits.fc.bias": torch.zeros(2)}  # torchvision's has more in it
        torch.save({**made[name].state_dict(), **extra}, folder / file)
    return folder, made


@pytest.mark.parametrize("name", ["inception-fid", "inception"])
def test_equals_the_plain_twin(networks: tuple[Path, dict[str, Twin]], name: str) -> None:
    folder, twins = networks
    pictures = torch.randn(2, 3, 140, 123)
    with torch.no_grad():
        wanted = twins[name](pictures)
    found = inception_features(load_weights(folder, name), pictures, original=name == "inception-fid")
    assert (wanted[0] - wanted[1]).abs().max() > 1e-2
    assert torch.allclose(found, wanted, atol=1e-5)


def test_fid_kid_and_is_follow_clean_fid_to_the_network(networks: tuple[Path, dict[str, Twin]]) -> None:
    folder, twins = networks

    def features(rgb: np.ndarray) -> np.ndarray:
        planes = [Image.fromarray(rgb[..., k].astype(np.float32)).resize((299, 299), Image.BICUBIC) for k in range(3)]
        x = (torch.from_numpy(np.stack([np.asarray(plane) for plane in planes])) - 128) / 128
        with torch.no_grad():
            return twins["inception-fid"](x[None])[0].numpy()

    a, b = (np.stack([features(rgb) for rgb in part]) for part in (RGB[:2], RGB[2:]))
    table = compute(RGB[:2], RGB[2:], ["fid", "kid", "is"], regions=["full"], weights=folder)
    assert table["fid"].value == pytest.approx(frechet_distance(a, b), rel=1e-4)
    assert table["kid"].value == pytest.approx(kernel_distance(a, b), rel=1e-4)
    weight = twins["inception-fid"].fc.weight.detach().numpy()
    assert table["is"].value == pytest.approx(inception_score(a @ weight.T), abs=1e-4)
    assert table["fid"].count == 2


def test_the_released_evaluator_scores_features_as_if_they_were_classes(
    networks: tuple[Path, dict[str, Twin]],
) -> None:
    import cv2

    folder, twins = networks

    def features(rgb: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(cv2.resize(rgb, (64, 64)) / 127.5 - 1).permute(2, 0, 1)[None].float()
        x = nn.functional.interpolate(x, (299, 299), mode="bilinear", align_corners=False)
        with torch.no_grad():
            return twins["inception"](x)[0].numpy()

    a, b = (np.stack([features(rgb) for rgb in part]) for part in (RGB[:2], RGB[2:]))
    table = compute(RGB[:2], RGB[2:], ["fid", "is"], mode="published", weights=folder, size=64)
    assert table["fid"].value == pytest.approx(frechet_distance(a, b), rel=1e-4)
    assert table["is"].value == pytest.approx(inception_score(a), abs=1e-4)


@pytest.mark.slow
def test_the_person_is_shown_on_grey(networks: tuple[Path, dict[str, Twin]]) -> None:
    folder, _ = networks
    masks = np.zeros((2, 40, 52), dtype=bool)
    masks[:, 15:25, 20:30] = True
    other = RGB[:2].copy()
    other[:, :5] = 0
    table = compute(other, RGB[:2], ["fid"], masks=masks, weights=folder)
    assert table["fid", "person"].value == pytest.approx(0, abs=1e-6)
    assert table["fid", "full"].value > 1e-4
    elsewhere = np.roll(masks, 12, 2)  # another pose: each picture is looked at around its own person
    moved = np.roll(RGB[:2], 12, 2)
    apart = compute(moved, RGB[:2], ["fid"], masks=masks, made_masks=elsewhere, regions=["person"], weights=folder)
    shown = [
        np.stack([grey_outside(rgb, person_region(mask.astype(float))) for rgb, mask in zip(clip, where, strict=True)])
        for clip, where in ((moved, elsewhere), (RGB[:2], masks))
    ]
    wanted = compute(*shown, ["fid"], regions=["full"], weights=folder)
    assert apart["fid"].value == pytest.approx(wanted["fid"].value, abs=1e-6)
