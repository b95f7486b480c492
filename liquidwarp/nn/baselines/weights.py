"""Weights of PG2, DSC and SHUP: kept with a card, and read back."""

from collections.abc import Mapping
from pathlib import Path

from liquidwarp.cards import filled_network, load_with_card, save_with_card
from liquidwarp.errors import InputError
from liquidwarp.nn.baselines.pose_transfer import TRANSFER_WIDTHS, PoseTransferGenerator, TransferShape


def save_pose_transfer(generator: PoseTransferGenerator, path: str | Path, card: Mapping[str, object]) -> None:
    """Write weights with a card.

    Args:
        generator: the network.
        path: a safetensors file.
        card: what else there is to say.

    Raises:
        OutputError: the file cannot be written.
    """
    shape = generator.shape
    own = {
        "configuration": shape.kind,
        "size": list(shape.size),
        "width": shape.width,
        "pictures": "RGB in [-1, 1]",
    }
    save_with_card(generator.state_dict(), path, dict(card) | own)


def load_pose_transfer(path: str | Path, kind: str | None = None) -> PoseTransferGenerator:
    """Read a file that a training wrote, ready to answer.

    Args:
        path: a safetensors file.
        kind: of `TRANSFER_WIDTHS`; any by default.

    Raises:
        InputError: no such file, a damaged one, or weights of another network.
    """
    if Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; give one that 'liquidwarp train' wrote")
    card, tensors = load_with_card(path, kind)
    name = card.get("configuration", "an unknown network")
    if name not in TRANSFER_WIDTHS:
        raise InputError(f"{path}: weights of {name!r}, wanted one of {', '.join(TRANSFER_WIDTHS)}")
    try:
        height, width = (int(side) for side in card["size"])
        shape = TransferShape(name, (height, width), int(card["width"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its card does not tell the network's shape ({error}); train it anew") from error
    sizes = (height, width, shape.width)
    return filled_network(lambda: PoseTransferGenerator(shape), sizes, tensors, path, name=name)
