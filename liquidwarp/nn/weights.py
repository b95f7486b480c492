"""Any generator from a file."""

from pathlib import Path

from liquidwarp.cards import read_card
from liquidwarp.errors import InputError
from liquidwarp.nn.baselines.pose_transfer import TRANSFER_WIDTHS, PoseTransferGenerator
from liquidwarp.nn.baselines.weights import load_pose_transfer
from liquidwarp.nn.checkpoints import load_published
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import load_compact
from liquidwarp.nn.everybody_dance_now.personal import EDN_CONFIGURATION, EdnGenerator, load_edn
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.nn.few_shot_vid2vid.weights import CONFIGURATIONS, load_few_shot
from liquidwarp.nn.liquid import LiquidGenerator

Generator = CompactGenerator | LiquidGenerator | FewShotGenerator | PoseTransferGenerator | EdnGenerator


def load_generator(path: str | Path | None = None) -> Generator:
    """Read a generator by the card of its file; the bundled compact one by default.

    Raises:
        InputError: no such file, a damaged one, one that was not imported yet, or of an unknown network.
    """
    if path is None:
        return load_compact()
    if Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; 'liquidwarp weights import {path}' makes one")
    configuration = read_card(path).get("configuration")
    if configuration in CONFIGURATIONS:
        return load_few_shot(path).generator
    if configuration in TRANSFER_WIDTHS:
        return load_pose_transfer(path)
    if configuration == EDN_CONFIGURATION:
        return load_edn(path)
    return load_compact(path) if configuration == "compact" else load_published(path)
