"""I3D from a file under the published names, against plain modules; narrow, as widths are the file's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from liquidwarp.metrics import compute, frechet_distance
from liquidwarp.metrics.backbones.i3d import i3d_logits
from liquidwarp.metrics.crops import resized
from liquidwarp.metrics.weights import load_weights

W = 2


def zeros_around(x: Tensor, sizes: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    """TensorFlow's SAME: ceil(side / stride) answers, the odd zero behind."""
    pads = []
    for side, size, stride in list(zip(x.shape[2:], sizes, strides, strict=True))[::-1]:
        answers = -(-side // stride)
        lacking = max((answers - 1) * stride + size - side, 0)
        pads += [lacking // 2, lacking - lacking // 2]
    return nn.functional.pad(x, pads)


class Unit(nn.Module):
    def __init__(self, inner: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inner, W, size, stride, bias=False)
        self.bn = nn.BatchNorm3d(W, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = zeros_around(x, self.conv3d.kernel_size, self.conv3d.stride)
        return torch.relu(self.bn(self.conv3d(x)))


class Pool(nn.Module):
    def __init__(self, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        super().__init__()
        self.size, self.stride = size, stride

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool3d(zeros_around(x, self.size, self.stride), self.size, self.stride)


class Mixed(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.b0, self.b1a, self.b1b = Unit(inner, 1), Unit(inner, 1), Unit(W, 3)
        self.b2a, self.b2b, self.b3b = Unit(inner, 1), Unit(W, 3), Unit(inner, 1)
        self.b3a = Pool((3, 3, 3), (1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], 1)


class Twin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7, self.Conv3d_2b_1x1, self.Conv3d_2c_3x3 = Unit(3, 7, 2), Unit(W, 1), Unit(W, 3)
        self.wide = Pool((1, 3, 3), (1, 2, 2))
        inner = W
        for name in ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"):
            setattr(self, f"Mixed_{name}", Mixed(inner))
            inner = 4 * W
        self.pools = [Pool((3, 3, 3), (2, 2, 2)), Pool((2, 2, 2), (2, 2, 2))]
        self.logits = nn.ModuleDict({"conv3d": nn.Conv3d(inner, 5, 1)})

    def forward(self, x: Tensor) -> Tensor:
        x = self.wide(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(self.wide(self.Conv3d_1a_7x7(x)))))
        x = self.pools[0](self.Mixed_3c(self.Mixed_3b(x)))
        for name in ("4b", "4c", "4d", "4e", "4f"):
            x = getattr(self, f"Mixed_{name}")(x)
        x = self.Mixed_5c(self.Mixed_5b(self.pools[1](x)))
        return self.logits["conv3d"](nn.functional.avg_pool3d(x, (2, 7, 7), 1)).mean((2, 3, 4))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Twin]:
    torch.manual_seed(0)
    folder, twin = tmp_path_factory.mktemp("i3d"), Twin()
    for module in twin.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = None
    with torch.no_grad():
        twin.train()(torch.randn(1, 3, 9, 193, 195))
    torch.save(twin.eval().state_dict(), folder / "i3d_pretrained_400.pt")
    return folder, twin


def test_equals_the_plain_twin(made: tuple[Path, Twin]) -> None:
    folder, twin = made
    clips = torch.randn(1, 3, 11, 194, 197)  # odd sides, where zeros go behind
    with torch.no_grad():
        wanted = twin(clips)
    assert wanted.std() > 1e-2
    assert torch.allclose(i3d_logits(load_weights(folder, "i3d"), clips), wanted, atol=1e-5)


@pytest.mark.slow
def test_windows_of_sixteen_frames_eight_apart(made: tuple[Path, Twin]) -> None:
    folder, twin = made
    rng = np.random.default_rng(0)
    ours, real = (rng.integers(0, 256, (25, 8, 10, 3), dtype=np.uint8) for _ in range(2))

    def features(frames: np.ndarray) -> np.ndarray:
        small = np.stack([resized(frame, (224, 224)) for frame in frames]) / 127.5 - 1
        with torch.no_grad():
            return twin(torch.from_numpy(small).float().permute(3, 0, 1, 2)[None])[0].numpy()

    a, b = (np.stack([features(clip[start : start + 16]) for start in (0, 8)]) for clip in (ours, real))
    score = compute(ours, real, ["fvd"], regions=["full"], weights=folder)["fvd"]
    assert (score.count, score.asked) == (2, 2)
    assert score.value == pytest.approx(frechet_distance(a, b), rel=1e-3)
    short = compute(ours[:20], real[:20], ["fvd"], regions=["full"], weights=folder)["fvd"]
    assert short.value is None
    assert short.absent == "1 samples are too few"
