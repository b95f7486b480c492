"""LPIPS from files under the published names, against plain modules that a reader of the papers would write."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from liquidwarp.errors import InputError
from liquidwarp.metrics import METRICS, compute
from liquidwarp.metrics.backbones.lpips import ALEXNET, VGG16, lpips_distance, lpips_features
from liquidwarp.metrics.weights import MissingWeightsError, load_weights

ALEX_WIDTHS, VGG_WIDTHS = (6, 8, 10, 7, 5), (4, 5, 6, 7, 8)
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 67, 75, 3), dtype=np.uint8)


def alexnet(widths: tuple[int, ...]) -> nn.Sequential:
    a, b, c, d, e = widths
    return nn.Sequential(
        nn.Conv2d(3, a, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(a, b, 5, 1, 2), nn.ReLU(),
        nn.MaxPool2d(3, 2), nn.Conv2d(b, c, 3, 1, 1), nn.ReLU(), nn.Conv2d(c, d, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(d, e, 3, 1, 1), nn.ReLU(),
    )  # fmt: skip


def vgg16(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    inner = 3
    for level, (width, count) in enumerate(zip(widths, (2, 2, 3, 3, 3), strict=True)):
        layers += [nn.MaxPool2d(2)] if level else []
        for _ in range(count):
            layers += [nn.Conv2d(inner, width, 3, 1, 1), nn.ReLU()]
            inner = width
    return nn.Sequential(*layers)


KINDS = {
    "lpips-alex": ("alexnet-owt-7be5be79.pth", "alex.pth", alexnet, ALEX_WIDTHS, (1, 4, 7, 9, 11)),
    "lpips-vgg": ("vgg16-397923af.pth", "vgg.pth", vgg16, VGG_WIDTHS, (3, 8, 15, 22, 29)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Narrow stand-ins for the published files."""
    torch.manual_seed(0)
    where = tmp_path_factory.mktemp("weights")
    for trunk, head, build, widths, _ in KINDS.values():
        torch.save({f"features.{name}": value for name, value in build(widths).state_dict().items()}, where / trunk)
        lins = {f"lin{level}.model.1.weight": torch.rand(1, width, 1, 1) for level, width in enumerate(widths)}
        torch.save(lins, where / head)
    return where


def twin(folder: Path, name: str, a: np.ndarray, b: np.ndarray) -> float:
    """The package's formula, layer by layer."""
    trunk, head, build, widths, taps = KINDS[name]
    network, lins = build(widths), torch.load(folder / head)
    network.load_state_dict({k.removeprefix("features."): v for k, v in torch.load(folder / trunk).items()})

    def answers(picture: np.ndarray) -> list[Tensor]:
        x = torch.from_numpy(picture / 127.5 - 1).permute(2, 0, 1)[None].float()
        x = (x - torch.tensor([-0.030, -0.088, -0.188])[:, None, None]) / torch.tensor([0.458, 0.448, 0.450])[
            :, None, None
        ]
        found = []
        for index, layer in enumerate(network):
            x = layer(x)
            if index in taps:
                found.append(x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    with torch.no_grad():
        return sum(
            float(((p - q) ** 2 * lins[f"lin{level}.model.1.weight"]).sum(1).mean())
            for level, (p, q) in enumerate(zip(answers(a), answers(b), strict=True))
        )


@pytest.mark.parametrize("name", KINDS)
def test_equals_the_plain_twin(folder: Path, name: str) -> None:
    table = compute(PICTURES[:1], PICTURES[1:], [name], weights=folder)
    score = table[name]
    assert table.files == dict(zip(METRICS[name].weights, KINDS[name][:2], strict=True))
    assert score.value == pytest.approx(twin(folder, name, PICTURES[0], PICTURES[1]), abs=1e-5)
    assert compute(PICTURES, PICTURES, [name], weights=folder)[name].value == 0


@pytest.mark.parametrize(("trunk", "files"), [(ALEXNET, ("alexnet", "lpips-alex")), (VGG16, ("vgg16", "lpips-vgg"))])
def test_regions_add_up_to_the_whole(folder: Path, trunk, files: tuple[str, str]) -> None:
    body, head = (load_weights(folder, name) for name in files)
    x, y = (
        lpips_features(body, trunk, torch.from_numpy(p / 127.5 - 1).permute(2, 0, 1)[None].float()) for p in PICTURES
    )
    whole = lpips_distance(head, x, y)
    assert torch.allclose(lpips_distance(head, x, y, torch.ones(67, 75, dtype=torch.bool)), whole, atol=1e-6)
    corner = torch.zeros(67, 75, dtype=torch.bool)
    corner[:3, :3] = True
    assert torch.isfinite(lpips_distance(head, x, y, corner)).all()


def test_a_missing_file_is_named_and_the_rest_runs(tmp_path: Path) -> None:
    table = compute(PICTURES[:1], PICTURES[1:], ["lpips-alex", "psnr"], regions=["full"], weights=tmp_path)
    assert table["lpips-alex"].value is None
    assert "alexnet-owt-7be5be79.pth" in table["lpips-alex"].absent
    assert table["psnr"].value > 0
    with pytest.raises(MissingWeightsError, match="--weights"):
        load_weights(None, "alexnet")


def test_safetensors_under_our_name_are_read(folder: Path, tmp_path: Path) -> None:
    for name, file in (("alexnet", KINDS["lpips-alex"][0]), ("lpips-alex", KINDS["lpips-alex"][1])):
        save_file(torch.load(folder / file), tmp_path / f"{name}.safetensors")
    pair = (PICTURES[:1], PICTURES[1:], ["lpips-alex"])
    assert compute(*pair, weights=tmp_path)["lpips-alex"].value == compute(*pair, weights=folder)["lpips-alex"].value


def test_files_of_other_networks_and_damaged_ones_are_errors(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "vgg16-397923af.pth").write_bytes((folder / "alexnet-owt-7be5be79.pth").read_bytes())
    with pytest.raises(InputError, match=r"vgg16-397923af.pth: .*missing"):
        load_weights(tmp_path, "vgg16")
    tensors = torch.load(folder / "vgg16-397923af.pth")
    tensors["features.5.weight"] = torch.zeros(5, 3, 3, 3)
    torch.save(tensors, tmp_path / "vgg16-397923af.pth")
    with pytest.raises(InputError, match="of another network than vgg16"):
        load_weights(tmp_path, "vgg16")
    (tmp_path / "alex.pth").write_bytes((folder / "alex.pth").read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        load_weights(tmp_path, "lpips-alex")


class Trap:
    def __reduce__(self):
        return (print, ("code ran",))


def test_code_in_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"features.0.weight": Trap()}, tmp_path / "alexnet.pth")
    with pytest.raises(InputError, match="could run code"):
        load_weights(tmp_path, "alexnet")
    assert "code ran" not in capsys.readouterr().out
