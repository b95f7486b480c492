"""PCB, which compares people in six bands from head to feet."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from liquidwarp.errors import InputError
from liquidwarp.metrics.backbones.named import Named
from liquidwarp.nn.resnet import ResNet50

SIZE = (384, 192)
"""Height and width of the pictures of people that it was trained on."""

_BANDS = 6
_PREFIX = "model."
_UNUSED = ("model.fc.", "classifier")  # what only training needs


def pcb_network(net: Named) -> ResNet50:
    """Return the network of a file: a ResNet-50 whose last level does not halve the picture.

    Source: Sun et al., "Beyond part models: person retrieval with refined part pooling", 2018.

    Args:
        net: parameters under the names of layumi's Person_reID_baseline_pytorch.

    Raises:
        InputError: the file is of another network.
    """
    wanted = {k.removeprefix(_PREFIX): v for k, v in net.tensors.items() if not k.startswith(_UNUSED)}
    with torch.device("meta"):
        network = ResNet50(last_stride=1)
    try:
        network.load_state_dict(wanted, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{net.source}: of another network than pcb ({reason[:120]})") from error
    return network.eval().requires_grad_(False)


def pcb_features(network: ResNet50, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
    """Return 6 x 2048 features of pictures normalised by ImageNet's mean and deviation; a band has length 1/sqrt(6)."""
    bands = adaptive_avg_pool2d(network.answers(pictures), (_BANDS, 1))[..., 0]
    bands = bands / (bands.norm(dim=1, keepdim=True) * _BANDS**0.5)
    return bands.flatten(1)
