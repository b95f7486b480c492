"""The published networks as configurations, and the names their parameters were published under."""

import re
from collections.abc import Mapping

from torch import Tensor

from liquidwarp.checks import check_choice
from liquidwarp.nn.fusion import Add, Attention, Gate, Keep, Mean
from liquidwarp.nn.liquid import LiquidGenerator, LiquidShape, StreamShape

_ICCV = StreamShape(
    6, 64, (128, 256, 512), 6, (256, 128, 64), "affine", False, rise_kernel=3, rise_bias=False, head_kernel=7, joins=3
)
_ICCV_BACKGROUND = StreamShape(
    4,
    64,
    (128, 256, 512),
    6,
    (256, 128, 64),
    "affine",
    False,
    rise_kernel=3,
    rise_bias=False,
    head_kernel=7,
    mask=False,
)
_BACKGROUND = StreamShape(
    4,
    64,
    (128, 128, 256),
    6,
    (128, 128, 64),
    "instance",
    True,
    rise_kernel=4,
    rise_bias=False,
    head_kernel=7,
    mask=False,
)
_SOURCE = StreamShape(
    6, 0, (64, 128, 256), 6, (256, 128, 64), "none", True, rise_kernel=4, rise_bias=True, head_kernel=5
)
_TARGET = StreamShape(
    6,
    0,
    (64, 128, 256),
    6,
    (256, 128, 64),
    "none",
    False,
    rise_kernel=4,
    rise_bias=True,
    head_kernel=5,
    joins=2,
    block_bias=True,
)
_STACKED = StreamShape(
    27, 0, (64, 128, 256), 6, (256, 128, 64), "none", True, rise_kernel=4, rise_bias=True, head_kernel=5
)

_DEEPEST = len(_TARGET.widths) - 1  # the site after the last halving

SHAPES: dict[str, LiquidShape] = {
    "ICCV": LiquidShape(_ICCV_BACKGROUND, _ICCV, _ICCV, lambda *_: Add(), corners=True, longest=256),
    "AddLWB": LiquidShape(_BACKGROUND, _TARGET, _SOURCE, lambda *_: Add()),
    "AvgLWB": LiquidShape(_BACKGROUND, _TARGET, _SOURCE, lambda *_: Mean()),
    "SoftGateAddLWB": LiquidShape(_BACKGROUND, _TARGET, _SOURCE, lambda _, width: Gate(width, mean=False)),
    "SoftGateAvgLWB": LiquidShape(_BACKGROUND, _TARGET, _SOURCE, lambda _, width: Gate(width, mean=True)),
    "AttLWB-SPADE": LiquidShape(_BACKGROUND, _TARGET, _SOURCE, lambda _, width: Attention(width)),
    "TextureWarping": LiquidShape(_BACKGROUND, _SOURCE),
    "InputConcat": LiquidShape(_BACKGROUND, _STACKED, concatenate=4),
}
"""By published name; "ICCV" is the generator of 2019."""

GENERATORS = tuple(SHAPES)

ABLATION: dict[str, LiquidShape] = {
    "W_C": SHAPES["InputConcat"],
    "W_T": SHAPES["TextureWarping"],
    "W_F": LiquidShape(_BACKGROUND, _TARGET, _SOURCE, lambda site, _: Add() if site == _DEEPEST else Keep()),
    "W_LWB": SHAPES["AddLWB"],
}
"""The paper's comparison: early concatenation, texture warping, features warped once where they are smallest, and
features warped at every stage."""

_ICCV_NAMES = (
    (r"background\.stages\.(\d+)\.(\d+)", lambda m: f"bg_model.model.{3 * int(m[1]) + int(m[2])}"),
    (r"background\.blocks\.(\d+)", lambda m: f"bg_model.model.{12 + int(m[1])}"),
    (r"background\.rises\.(\d+)\.(\d+)", lambda m: f"bg_model.model.{18 + 3 * int(m[1]) + int(m[2])}"),
    (r"background\.color", lambda m: "bg_model.model.27"),
    (r"(source|target)\.stages", lambda m: f"{_short(m[1])}_model.encoders"),
    (r"(source|target)\.blocks", lambda m: f"{_short(m[1])}_model.resnets"),
    (r"(source|target)\.rises", lambda m: f"{_short(m[1])}_model.decoders"),
    (r"(source|target)\.joins", lambda m: f"{_short(m[1])}_model.skippers"),
    (r"(source|target)\.color", lambda m: f"{_short(m[1])}_model.img_reg.0"),
    (r"(source|target)\.mask", lambda m: f"{_short(m[1])}_model.attetion_reg.0"),
)
_BACKGROUND_NAMES = (
    (r"background\.stages\.(\d+)\.(\d+)", lambda m: f"bg_net.main.{3 * int(m[1]) + int(m[2])}"),
    (r"background\.blocks\.(\d+)", lambda m: f"bg_net.main.{12 + int(m[1])}"),
    (r"background\.rises\.(\d+)\.(\d+)", lambda m: f"bg_net.main.{18 + 3 * int(m[1]) + int(m[2])}"),
    (r"background\.color", lambda m: "bg_net.main.27"),
)
_PLAIN_NAMES = (
    (r"(source|target)\.stages", lambda m: f"{_short(m[1])}_net.encoders.layers"),
    (r"(source|target)\.blocks", lambda m: f"{_short(m[1])}_net.res_blocks"),
    (r"(source|target)\.rises", lambda m: f"{_short(m[1])}_net.decoders.layers"),
    (r"(source|target)\.color", lambda m: f"{_short(m[1])}_net.img_reg.0"),
    (r"(source|target)\.mask", lambda m: f"{_short(m[1])}_net.att_reg.0"),
)
_FUSED_NAMES = (
    (r"target\.stages", lambda m: "tsf_net_enc.layers"),
    (r"target\.blocks", lambda m: "res_blocks"),
    (r"target\.rises", lambda m: "tsf_net_dec.upconvs"),
    (r"target\.joins", lambda m: "tsf_net_dec.skippers"),
    (r"target\.color", lambda m: "tsf_img_reg.0"),
    (r"target\.mask", lambda m: "tsf_att_reg.0"),
    (r"fusions\.(\d+)", lambda m: f"enc_attlwbs.{m[1]}" if int(m[1]) < 3 else f"res_attlwbs.{int(m[1]) - 3}"),
)
_FUSION_NAMES = (
    (r"\.gate\.", lambda m: ".gate_conv."),
    (r"\.query\.", lambda m: ".fq."),
    (r"\.key\.", lambda m: ".fk."),
    (r"\.value\.", lambda m: ".fv."),
    (r"\.shared\.", lambda m: ".spade.mlp_shared.0."),
    (r"\.gamma\.", lambda m: ".spade.mlp_gamma."),
    (r"\.beta\.", lambda m: ".spade.mlp_beta."),
)


def shape_of(name: str, width: float = 1.0) -> LiquidShape:
    """Return the shape of a published configuration, or of W_F, which no published file is of.

    Args:
        name: one of `GENERATORS`, or W_F.
        width: of the widths.

    Raises:
        InputError: no such configuration.
    """
    shapes = SHAPES | {"W_F": ABLATION["W_F"]}
    check_choice("configuration", name, tuple(shapes))
    return shapes[name] if width == 1 else shapes[name].narrowed(width)


def make_generator(name: str) -> LiquidGenerator:
    """Return an untrained generator of a published configuration.

    Raises:
        InputError: no such configuration.
    """
    check_choice("configuration", name, GENERATORS)
    return LiquidGenerator(SHAPES[name])


def published_name(configuration: str, key: str) -> str:
    """Return the name under which a parameter of `LiquidGenerator` was published."""
    if configuration == "ICCV":
        rules = _ICCV_NAMES
    else:
        fused = SHAPES[configuration].source is not None
        rules = (*_BACKGROUND_NAMES, *(_FUSED_NAMES if fused else ()), *_PLAIN_NAMES)
    for pattern, name in rules:
        found = re.match(pattern + r"(?=\.)", key)
        if found:
            key = name(found) + key[found.end() :]
            break
    for pattern, name in _FUSION_NAMES:
        key = re.sub(pattern, name, key)
    return key


def from_published(configuration: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published parameters under the names of `LiquidGenerator`.

    Raises:
        KeyError: one is missing.
    """
    network = make_generator(configuration)
    return {key: tensors[published_name(configuration, key)] for key in network.state_dict()}


def _short(stream: str) -> str:
    return {"source": "src", "target": "tsf"}[stream]
