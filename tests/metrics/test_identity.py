"""Re-identification and faces from files under the published names, against plain modules."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from liquidwarp.detect import Detection
from liquidwarp.errors import InputError
from liquidwarp.metrics import ClipPair, compute, evaluate, frechet_distance
from liquidwarp.metrics.backbones.face import face_features
from liquidwarp.metrics.backbones.osnet import osnet_features
from liquidwarp.metrics.backbones.pcb import pcb_features, pcb_network
from liquidwarp.metrics.crops import cut, face_box, mask_box, normalised, resized
from liquidwarp.metrics.distributions import cosine
from liquidwarp.metrics.weights import load_weights

RGB = np.random.default_rng(5).integers(0, 256, (6, 60, 52, 3), dtype=np.uint8)
MASK = np.zeros((3, 60, 52), dtype=bool)
MASK[:, 10:50, 12:32] = True


def settle(network: nn.Module, *size: int) -> nn.Module:
    """Give normalisations the statistics of some pictures."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.randn(4, 3, *size))
    return network.eval()


# OSNet, as its paper draws it: channels 8, 16, 16, 32.


class ConvNorm(nn.Module):
    def __init__(self, inner: int, outer: int, size: int = 1, stride: int = 1, *, instance: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, size, stride, size // 2, bias=False)
        self.bn = nn.InstanceNorm2d(outer, affine=True) if instance else nn.BatchNorm2d(outer)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Light(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, groups=width, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv2(self.conv1(x))))


class Omni(nn.Module):
    def __init__(self, inner: int, outer: int, *, instance: bool) -> None:
        super().__init__()
        middle = outer // 4
        self.conv1, self.conv3 = ConvNorm(inner, middle), ConvNorm(middle, outer)
        self.conv2a = Light(middle)
        self.conv2b, self.conv2c, self.conv2d = (nn.Sequential(*[Light(middle) for _ in range(n)]) for n in (2, 3, 4))
        self.gate = nn.ModuleDict({"fc1": nn.Conv2d(middle, 2, 1), "fc2": nn.Conv2d(2, middle, 1)})
        self.downsample = ConvNorm(inner, outer) if inner != outer else None
        self.IN = nn.InstanceNorm2d(outer, affine=True) if instance else None

    def gated(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.gate["fc1"](nn.functional.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.gate["fc2"](hidden))

    def forward(self, x: Tensor) -> Tensor:
        narrow = torch.relu(self.conv1(x))
        out = self.conv3(sum(self.gated(s(narrow)) for s in (self.conv2a, self.conv2b, self.conv2c, self.conv2d)))
        out = out + (x if self.downsample is None else self.downsample(x))
        return torch.relu(out if self.IN is None else self.IN(out))


class OsnetTwin(nn.Module):
    def __init__(self, *, instance: bool) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, 8, 7, 2, instance=instance)
        self.conv2 = self.level(8, 16, instance)
        self.conv3 = self.level(16, 16, False)
        self.conv4 = nn.Sequential(Omni(16, 32, instance=False), Omni(32, 32, instance=False))
        self.conv5 = ConvNorm(32, 32)
        self.fc = nn.Sequential(nn.Linear(32, 12), nn.BatchNorm1d(12), nn.ReLU())
        self.classifier = nn.Linear(12, 5)  # unused, as in the published files

    def level(self, inner: int, outer: int, instance: bool) -> nn.Sequential:
        blocks = [Omni(inner, outer, instance=instance), Omni(outer, outer, instance=instance)]
        return nn.Sequential(*blocks, nn.Sequential(ConvNorm(outer, outer), nn.AvgPool2d(2)))

    def shrunk(self, level: nn.Sequential, x: Tensor) -> Tensor:
        unit, pool = level[2]
        return pool(torch.relu(unit(level[1](level[0](x)))))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 3, 2, 1)
        x = self.conv4(self.shrunk(self.conv3, self.shrunk(self.conv2, x)))
        return self.fc(torch.relu(self.conv5(x)).mean((2, 3)))


# Inception-ResNet v1, two channels wide.


class Basic(nn.Module):
    def __init__(self, inner: int, outer: int, size: tuple[int, int], stride: int, padding: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outer, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


def kept(inner: int, outer: int, height: int, width: int) -> Basic:
    return Basic(inner, outer, (height, width), 1, (height // 2, width // 2))


class Residual(nn.Module):
    def __init__(self, width: int, long: list[list[tuple[int, int]]], scale: float, *, last: bool = False) -> None:
        super().__init__()
        self.branch0 = kept(width, 2, 1, 1)
        for index, sizes in enumerate(long, 1):
            units = [kept(width if n == 0 else 2, 2, *size) for n, size in enumerate([(1, 1), *sizes])]
            setattr(self, f"branch{index}", nn.Sequential(*units))
        self.count, self.scale, self.last = len(long) + 1, scale, last
        self.conv2d = nn.Conv2d(2 * self.count, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        answers = torch.cat([getattr(self, f"branch{index}")(x) for index in range(self.count)], 1)
        out = x + self.scale * self.conv2d(answers)
        return out if self.last else torch.relu(out)


class Shrink(nn.Module):
    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            setattr(self, name, branch)
        self.names = list(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(getattr(self, name)(x) for name in self.names), nn.functional.max_pool2d(x, 3, 2)], 1)


def halved(inner: int) -> Basic:
    return Basic(inner, 2, (3, 3), 2, (0, 0))


class FaceTwin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a, self.conv2d_2a = halved(3), Basic(2, 2, (3, 3), 1, (0, 0))
        self.conv2d_2b, self.conv2d_3b = kept(2, 2, 3, 3), kept(2, 2, 1, 1)
        self.conv2d_4a, self.conv2d_4b = Basic(2, 3, (3, 3), 1, (0, 0)), Basic(3, 4, (3, 3), 2, (0, 0))
        self.repeat_1 = nn.Sequential(*[Residual(4, [[(3, 3)], [(3, 3), (3, 3)]], 0.17) for _ in range(5)])
        long = nn.Sequential(kept(4, 2, 1, 1), kept(2, 2, 3, 3), halved(2))
        self.mixed_6a = Shrink(branch0=halved(4), branch1=long)
        self.repeat_2 = nn.Sequential(*[Residual(8, [[(1, 7), (7, 1)]], 0.10) for _ in range(10)])
        pairs = [nn.Sequential(kept(8, 2, 1, 1), halved(2)) for _ in range(2)]
        long = nn.Sequential(kept(8, 2, 1, 1), kept(2, 2, 3, 3), halved(2))
        self.mixed_7a = Shrink(branch0=pairs[0], branch1=pairs[1], branch2=long)
        self.repeat_3 = nn.Sequential(*[Residual(14, [[(1, 3), (3, 1)]], 0.20) for _ in range(5)])
        self.block8 = Residual(14, [[(1, 3), (3, 1)]], 1.0, last=True)
        self.last_linear = nn.Linear(14, 6, bias=False)
        self.last_bn = nn.BatchNorm1d(6, eps=0.001)
        self.logits = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x))), 3, 2)
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x)))
        x = self.repeat_3(self.mixed_7a(self.repeat_2(self.mixed_6a(self.repeat_1(x)))))
        x = self.last_bn(self.last_linear(self.block8(x).mean((2, 3))))
        return x / x.norm(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, nn.Module]]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("identity")
    twins = {
        "osnet": settle(OsnetTwin(instance=False), 128, 64),
        "osnet-imagenet": settle(OsnetTwin(instance=True), 128, 64),
        "face": settle(FaceTwin(), 160, 160),
    }
    files = {
        "osnet": "osnet_x1_0_msmt17_combineall_256x128_amsgrad.pth",
        "osnet-imagenet": "osnet_ibn_x1_0_imagenet.pth",
        "face": "20180402-114759-vggface2.pt",
    }
    for name, twin in twins.items():
        tensors = {f"module.{key}": value for key, value in twin.state_dict().items()}
        torch.save(
            {"state_dict": tensors, "epoch": 150} if name == "osnet" else twin.state_dict(), folder / files[name]
        )
    return folder, twins


@pytest.mark.parametrize("name", ["osnet", "osnet-imagenet"])
def test_osnet_equals_the_plain_twin(made: tuple[Path, dict[str, nn.Module]], name: str) -> None:
    folder, twins = made
    pictures = torch.randn(2, 3, 128, 64)
    with torch.no_grad():
        wanted = twins[name](pictures)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-2
    assert torch.allclose(osnet_features(load_weights(folder, name), pictures), wanted, atol=1e-5)


def test_face_network_equals_the_plain_twin(made: tuple[Path, dict[str, nn.Module]]) -> None:
    folder, twins = made
    pictures = torch.randn(2, 3, 160, 160)
    with torch.no_grad():
        wanted = twins["face"](pictures)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-2
    assert torch.allclose(face_features(load_weights(folder, "face"), pictures), wanted, atol=1e-5)


def test_similarity_and_distance_of_the_person_cut_out(made: tuple[Path, dict[str, nn.Module]]) -> None:
    folder, twins = made

    def features(rgb: np.ndarray) -> np.ndarray:
        part = rgb[9:51, 12:32]  # 5 % around rows 10 to 50 and columns 12 to 32
        with torch.no_grad():
            return twins["osnet"](normalised(resized(part, (256, 128)), "cpu"))[0].numpy()

    a, b = (np.stack([features(rgb) for rgb in part]) for part in (RGB[:2], RGB[3:5]))
    table = compute(RGB[:2], RGB[3:5], ["osnet", "osnet-fd"], masks=MASK[:2], weights=folder)
    assert table["osnet", "person"].value == pytest.approx(np.mean([cosine(x, y) for x, y in zip(a, b, strict=True)]))
    assert table["osnet-fd", "person"].value == pytest.approx(frechet_distance(a, b), rel=1e-4)
    assert table["osnet", "full"].value != table["osnet", "person"].value
    same = compute(RGB[:1], RGB[:1], ["osnet"], masks=MASK[:1], made_masks=MASK[:1], regions=["person"], weights=folder)
    assert same["osnet"].value == pytest.approx(1, abs=1e-6)


def test_the_released_evaluator_cuts_too_little_out(made: tuple[Path, dict[str, nn.Module]]) -> None:
    """Its boxes are scaled for 416 pixels whatever the size: at 208 pixels, to a half, towards the corner."""
    import cv2

    folder, twins = made
    mask = np.zeros((1, 208, 208), dtype=bool)
    mask[:, 40:140, 60:100] = True

    def features(rgb: np.ndarray) -> np.ndarray:
        part = cv2.resize(rgb, (208, 208))[18:71, 29:50]  # half of (37.5, 142.5) and of (59, 101), cut to integers
        x = nn.functional.interpolate(normalised(part, "cpu"), (256, 128), mode="bilinear", align_corners=True)
        with torch.no_grad():
            return twins["osnet-imagenet"](x)[0].numpy()

    table = compute(RGB[:1], RGB[1:2], ["osnet"], masks=mask, mode="published", size=208, weights=folder)
    assert table["osnet"].value == pytest.approx(cosine(features(RGB[0]), features(RGB[1])), abs=1e-5)


def person(shift: float = 0.0, *, back: bool = False, sure: float = 1.0) -> Detection:
    sign = -1 if back else 1
    image = np.array([[26, 20], [26 + 5 * sign, 15], [26 - 5 * sign, 15]], float) + np.array([shift, 0])
    return Detection(("nose", "left_eye", "right_eye"), image, np.full(3, sure), None, None, 1.0)


def test_faces_are_found_by_eyes_and_nose() -> None:
    box = face_box(person())
    assert box is not None
    left, top, right, bottom = box
    assert right - left == pytest.approx(bottom - top) == pytest.approx(1.3 * 22)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((26, 17.5))
    assert face_box(person(back=True)) is None
    assert face_box(person(sure=0.2)) is None
    assert face_box(None) is None


def test_a_lost_face_counts_as_nobody(made: tuple[Path, dict[str, nn.Module]]) -> None:
    folder, twins = made

    def features(rgb: np.ndarray) -> np.ndarray:
        small = resized(cut(rgb, face_box(person())), (160, 160)).astype(np.float32)
        with torch.no_grad():
            return twins["face"](torch.from_numpy((small - 127.5) / 128).permute(2, 0, 1)[None])[0].numpy()

    pair = ClipPair(
        "a",
        RGB[:3],
        RGB[3:],
        made_landmarks=[person(), None, person()],
        real_landmarks=[person(), person(), person(back=True)],
    )
    score = evaluate([pair], ["face"], weights=folder)["face"]
    assert score.value == pytest.approx((cosine(features(RGB[0]), features(RGB[3])) + 0) / 2, abs=1e-5)
    assert (score.count, score.asked) == (2, 3)
    released = evaluate([pair], ["face"], weights=folder, mode="published", size=64)["face"]
    assert released.count == 2


def test_boxes() -> None:
    assert mask_box(np.zeros((4, 4), dtype=bool)) is None
    assert mask_box(MASK[0]) == pytest.approx((11.5, 9, 32.5, 51))
    assert cut(RGB[0], None).shape == (60, 52, 3)
    assert cut(RGB[0], (40.0, 50.0, 90.0, 90.0)).shape == (10, 12, 3)
    assert cut(RGB[0], (60.0, 70.0, 90.0, 90.0)).shape == (60, 52, 3)


class Bottleneck(nn.Module):
    def __init__(self, inner: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = None
        if inner != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inner, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
        return torch.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


@pytest.mark.slow  # as wide as the published file: 90 MB
def test_pcb_equals_the_plain_twin(tmp_path: Path) -> None:
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    levels, inner = [], 64
    for width, depth, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 1)):
        blocks = [Bottleneck(inner if n == 0 else 4 * width, width, stride if n == 0 else 1) for n in range(depth)]
        levels.append(nn.Sequential(*blocks))
        inner = 4 * width
    twin = settle(nn.Sequential(stem, *levels), 96, 48)
    tensors = {f"model.conv1.{k}": v for k, v in stem[0].state_dict().items()}
    tensors |= {f"model.bn1.{k}": v for k, v in stem[1].state_dict().items()}
    for index, level in enumerate(levels, 1):
        tensors |= {f"model.layer{index}.{k}": v for k, v in level.state_dict().items()}
    tensors |= {"model.fc.weight": torch.zeros(9, 2048), "classifier0.add_block.0.weight": torch.zeros(2, 2)}
    torch.save(tensors, tmp_path / "net_last.pth")

    pictures = torch.randn(2, 3, 96, 48)
    with torch.no_grad():
        answers = twin(pictures)
    bands = torch.stack([answers[:, :, top : top + 1].mean((2, 3)) for top in range(6)], 2)
    assert answers.shape == (2, 2048, 6, 3)
    bands = (bands / bands.norm(dim=1, keepdim=True) / 6**0.5).flatten(1)
    found = pcb_features(pcb_network(load_weights(tmp_path, "pcb")), pictures)
    assert found.shape == (2, 12288)
    assert torch.allclose(found, bands, atol=1e-5)
    table = compute(RGB[:2], RGB[3:5], ["pcb", "pcb-fd"], masks=MASK[:2], weights=tmp_path)
    assert -1 <= table["pcb", "person"].value < 1
    assert 0 < table["pcb-fd", "person"].value <= 4


def test_another_network_than_pcb_is_an_error(tmp_path: Path) -> None:
    torch.save({"model.conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "net_last.pth")
    with pytest.raises(InputError, match="of another network than pcb"):
        load_weights(tmp_path, "pcb")
