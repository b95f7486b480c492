"""The published files that metrics look through, found in a folder of the user's by their published names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from liquidwarp.errors import InputError
from liquidwarp.files import read_checkpoint
from liquidwarp.metrics.backbones import face, i3d, osnet
from liquidwarp.metrics.backbones.face import face_features
from liquidwarp.metrics.backbones.i3d import i3d_logits
from liquidwarp.metrics.backbones.inception import inception_features, inception_logits
from liquidwarp.metrics.backbones.lpips import ALEXNET, VGG16, lpips_features
from liquidwarp.metrics.backbones.named import Named
from liquidwarp.metrics.backbones.osnet import osnet_features
from liquidwarp.metrics.backbones.pcb import pcb_network
from liquidwarp.nn.perceptual import read_tensors

_SIDE = 75  # pixels of the pictures that a network is tried with; nothing is computed then


class MissingWeightsError(InputError):
    """No file for a network that a metric looks through."""


@dataclass(frozen=True)
class WeightsFile:
    """Published weights.

    Attributes:
        files: names under which the project publishes them, in order of preference; a star stands for anything.
        project: whose they are.
        walk: uses all parameters once; run without data to see whether a file is the right one.
    """

    files: tuple[str, ...]
    project: str
    walk: Callable[[Named], object]


def load_weights(folder: str | Path | None, name: str, *, device: str = "cpu") -> Named:
    """Find and read the weights `name` of `WEIGHTS` in a folder.

    Accepted are the published file names, and `NAME.pth`, `NAME.pt` or `NAME.safetensors`. Nothing in a file is run.

    Raises:
        MissingWeightsError: no folder is given, or none of the files is in it.
        InputError: no such folder, or the file is damaged, holds more than weights, or is of another network.
    """
    known = WEIGHTS[name]
    path = find_weights(folder, name)
    if path is None:
        where = "name its folder with --weights" if folder is None else "it is not in the folder of weights"
        raise MissingWeightsError(f"needs {known.files[0]} ({known.project}); {where}")
    tensors: Mapping[str, Tensor] = read_tensors(path) if path.suffix == ".safetensors" else read_checkpoint(path)
    net = Named({key: value.float() for key, value in tensors.items()}, str(path))
    try:
        known.walk(net.to("meta"))
    except RuntimeError as error:
        raise InputError(f"{path}: of another network than {name} ({str(error).splitlines()[0][:120]})") from error
    return net.to(device)


def find_weights(folder: str | Path | None, name: str) -> Path | None:
    """Return the file that `load_weights` reads, or None.

    Raises:
        InputError: no such folder.
    """
    if folder is None:
        return None
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; give one with the files that docs/metrics.md names")
    names = (*WEIGHTS[name].files, *(f"{name}{ending}" for ending in (".safetensors", ".pth", ".pt")))
    return next((path for file in names for path in sorted(Path(folder).glob(file)) if path.is_file()), None)


def _blank(height: int = _SIDE, width: int = _SIDE) -> Tensor:
    return torch.zeros(1, 3, height, width, device="meta")


def _heads(net: Named) -> list[Tensor]:
    """Apply the five layers, each to as many channels as it has."""
    names = [f"lin{level}.model.1" for level in range(5)]
    return [net.conv(name, net[f"{name}.weight"].new_zeros(1, net[f"{name}.weight"].shape[1], 1, 1)) for name in names]


WEIGHTS: dict[str, WeightsFile] = {
    "alexnet": WeightsFile(
        ("alexnet-owt-7be5be79.pth", "alexnet-owt-4df8aa71.pth"),
        "torchvision's AlexNet",
        lambda net: lpips_features(net, ALEXNET, _blank()),
    ),
    "vgg16": WeightsFile(
        ("vgg16-397923af.pth",), "torchvision's VGG-16", lambda net: lpips_features(net, VGG16, _blank())
    ),
    "lpips-alex": WeightsFile(("alex.pth",), "LPIPS v0.1, weights/v0.1 of its package", _heads),
    "lpips-vgg": WeightsFile(("vgg.pth",), "LPIPS v0.1, weights/v0.1 of its package", _heads),
    "inception-fid": WeightsFile(
        ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth"),
        "pytorch-fid or torch-fidelity",
        lambda net: inception_logits(net, inception_features(net, _blank(), original=True)),
    ),
    "inception": WeightsFile(
        ("inception_v3_google-0cc3c7bd.pth", "inception_v3_google-1a9a5a14.pth"),
        "torchvision's Inception v3",
        lambda net: inception_features(net, _blank(), original=False),
    ),
    "i3d": WeightsFile(
        ("i3d_pretrained_400.pt", "rgb_imagenet.pt"),
        "VideoGPT's FVD, or piergiaj's pytorch-i3d",
        lambda net: i3d_logits(net, torch.zeros(1, 3, i3d.LENGTH, i3d.SIDE, i3d.SIDE, device="meta")),
    ),
    "osnet": WeightsFile(
        ("osnet_x1_0_msmt17*.pth", "osnet_ibn_x1_0_msmt17*.pth", "osnet_x1_0_market*.pth"),
        "torchreid's model zoo",
        lambda net: osnet_features(net, _blank(*osnet.SIZE)),
    ),
    "osnet-imagenet": WeightsFile(
        ("osnet_ibn_x1_0_imagenet.pth",), "torchreid's model zoo", lambda net: osnet_features(net, _blank(*osnet.SIZE))
    ),
    "pcb": WeightsFile(("net_last.pth",), "PCB of layumi's Person_reID_baseline_pytorch", pcb_network),
    "face": WeightsFile(
        ("20180402-114759-vggface2.pt", "20180408-102900-casia-webface.pt"),
        "facenet-pytorch",
        lambda net: face_features(net, _blank(face.SIDE, face.SIDE)),
    ),
}
"""What can be loaded, by the name that `Metric.weights` uses."""
