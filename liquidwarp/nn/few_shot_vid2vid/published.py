"""The published networks as configurations, and the names their parameters were published under.

Configurations: "pose" (dancing), "face" (talking heads), "street", and "face-refiner" are those of the first
repository; "imaginaire-pose" and "imaginaire-face" those of NVIDIA's imaginaire. They are *not* one network
under two namings.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from liquidwarp.checks import check_choice
from liquidwarp.nn.few_shot_vid2vid.discriminators import (
    IMAGINAIRE_CRITIC,
    DiscriminatorShape,
    MultiScaleDiscriminator,
)
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.nn.few_shot_vid2vid.shape import IMAGINAIRE, GeneratorShape

_POSE = GeneratorShape(6)
_FACE = GeneratorShape(1)

SHAPES: dict[str, GeneratorShape] = {
    "pose": _POSE,
    "face": _FACE,
    "street": GeneratorShape(20, warp_reference=False, conditions=False),
    "face-refiner": GeneratorShape(3, halvings=4, warp_reference=False, warp_previous=False),
    "imaginaire-pose": replace(_POSE, layout=IMAGINAIRE),
    "imaginaire-face": replace(_FACE, layout=IMAGINAIRE),
}
"""By configuration; for one reference, with the temporal part."""

DISCRIMINATORS: dict[str, DiscriminatorShape] = {
    "pose": DiscriminatorShape(20),
    "face": DiscriminatorShape(8),
    "face-512": DiscriminatorShape(8, scales=2),
    "street": DiscriminatorShape(46),
    "crop": DiscriminatorShape(6),
    "imaginaire-pose": DiscriminatorShape(18, scales=2, layout=IMAGINAIRE_CRITIC),
    "imaginaire-face": DiscriminatorShape(8, scales=2, layout=IMAGINAIRE_CRITIC),
    "imaginaire-crop": DiscriminatorShape(6, halvings=3, layout=IMAGINAIRE_CRITIC),
}
"""By what is judged: example label and picture (with foreground masks in "pose"), then target label and picture; in
"crop" the example's face and the target's, or two frames."""

_Rules = tuple[tuple[str, Callable[[re.Match[str]], str]], ...]

_WRAPPERS = ("module.averaged_model.", "averaged_model.", "module.module.", "module.")
_SPECTRAL = ("weight_orig", "weight_u", "weight_v")
_POWER_STEPS = 20

_LAYER = {"first": "0", "second": "1", "shortcut": "s", "embedding": "e"}
_BRANCH = {"image": "ref_img", "label": "ref_label", "key": "atn_key", "query": "atn_query"}
_STEP = {"downs": "down", "ups": "up", "rises": "up"}
_PART = {"conv": "conv", "norm": "bn"}
_NTH = {"label": "", "reference": "2", "previous": "3"}
_MLP = {"label": "0", "reference": "1", "previous": "2"}
_PREVIOUS = {"reference": "ref", "previous": "prev"}

_FIRST_NAMES: _Rules = (
    (r"references\.(\w+)\.first\.(conv|norm)", lambda m: f"{_BRANCH[m[1]]}_first.{_PART[m[2]]}"),
    (r"references\.(key|query)\.downs\.(\d+)\.(conv|norm)", lambda m: f"{_BRANCH[m[1]]}_{m[2]}.{_PART[m[3]]}"),
    (
        r"references\.(\w+)\.(downs|ups)\.(\d+)\.(conv|norm)",
        lambda m: f"{_BRANCH[m[1]]}_{_STEP[m[2]]}_{m[3]}.{_PART[m[4]]}",
    ),
    (r"kernels\.(\d+)\.(\w+)", lambda m: f"fc_spade_{_LAYER[m[2]]}_{m[1]}"),
    (r"labels\.first\.conv", lambda m: "label_embedding.conv_first.0"),
    (r"labels\.downs\.(\d+)\.conv", lambda m: f"label_embedding.down_{m[1]}.0"),
    (r"labels\.rise\.conv", lambda m: "label_embedding.up_{deepest}.1"),
    (r"(reference|previous)\.first\.conv", lambda m: f"img_{_PREVIOUS[m[1]]}_embedding.conv_first.0"),
    (r"(reference|previous)\.downs\.(\d+)\.conv", lambda m: f"img_{_PREVIOUS[m[1]]}_embedding.down_{m[2]}.0"),
    (r"(reference|previous)\.rises\.(\d+)\.conv", lambda m: f"img_{_PREVIOUS[m[1]]}_embedding.up_{m[2]}.1"),
    (r"flow\.downs\.(\d+)\.(conv|norm)", lambda m: f"{{flow}}.down_flow.{2 * int(m[1])}.{int(m[2] == 'norm')}"),
    (r"flow\.rises\.(\d+)\.(conv|norm)", lambda m: f"{{flow}}.up_flow.{1 + 3 * int(m[1])}.{int(m[2] == 'norm')}"),
    (r"flow\.blocks\.(\d+)\.(conv|norm)s\.(\d)", lambda m: f"{{flow}}.res_flow.{m[1]}.{_PART[m[2]]}_{m[3]}"),
    (r"flow\.(flow|mask)", lambda m: f"{{flow}}.conv_{m[1]}.0"),
    (r"blocks\.(\d+)\.(\w+)\.conv", lambda m: f"up_{m[1]}.conv_{_LAYER[m[2]]}"),
    (r"blocks\.(\d+)\.(\w+)\.spade\.norm", lambda m: f"up_{m[1]}.bn_{_LAYER[m[2]]}.norm"),
    (
        r"blocks\.(\d+)\.(\w+)\.spade\.modulations\.(\w+)\.(gamma|beta)",
        lambda m: f"up_{m[1]}.bn_{_LAYER[m[2]]}.mlp_{m[4]}{_NTH[m[3]]}",
    ),
    (r"color", lambda m: "conv_img"),
)
_IMAGINAIRE_NAMES: _Rules = (
    (
        r"references\.(\w+)\.first\.(conv|norm)",
        lambda m: f"weight_generator.{_BRANCH[m[1]]}_first.layers.{m[2]}",
    ),
    (
        r"references\.(\w+)\.(downs|ups)\.(\d+)\.(conv|norm)",
        lambda m: f"weight_generator.{_BRANCH[m[1]]}_{_STEP[m[2]]}_{m[3]}.layers.{m[4]}",
    ),
    (
        r"kernels\.(\d+)\.(\w+)\.(\d)",
        lambda m: f"weight_generator.fc_spade_{_LAYER[m[2]]}_{m[1]}.{int(m[3]) // 2}.layers.conv",
    ),
    (r"labels\.first\.conv", lambda m: "weight_generator.label_embedding.conv_first.layers.conv"),
    (r"labels\.downs\.(\d+)\.conv", lambda m: f"weight_generator.label_embedding.down_{m[1]}.layers.conv"),
    (r"labels\.rise\.conv", lambda m: "weight_generator.label_embedding.up_{deepest}.layers.conv"),
    (r"(reference|previous)\.first\.conv", lambda m: f"{_PREVIOUS[m[1]]}_image_embedding.conv_first.layers.conv"),
    (
        r"(reference|previous)\.(downs|rises)\.(\d+)\.conv",
        lambda m: f"{_PREVIOUS[m[1]]}_image_embedding.{_STEP[m[2]]}_{m[3]}.layers.conv",
    ),
    (r"flow\.downs\.(\d+)\.(conv|norm)", lambda m: f"{{flow}}.down_flow.{m[1]}.layers.{m[2]}"),
    (r"flow\.rises\.(\d+)\.(conv|norm)", lambda m: f"{{flow}}.up_flow.{1 + 2 * int(m[1])}.layers.{m[2]}"),
    (
        r"flow\.blocks\.(\d+)\.(conv|norm)s\.(\d)",
        lambda m: f"{{flow}}.res_flow.{m[1]}.conv_block_{m[3]}.layers.{m[2]}",
    ),
    (r"flow\.(flow|mask)", lambda m: f"{{flow}}.conv_{m[1]}.0.layers.conv"),
    (r"blocks\.(\d+)\.(\w+)\.conv", lambda m: f"up_{m[1]}.conv_block_{_LAYER[m[2]]}.layers.conv"),
    (
        r"blocks\.(\d+)\.(\w+)\.spade\.modulations\.(\w+)\.both",
        lambda m: f"up_{m[1]}.conv_block_{_LAYER[m[2]]}.layers.norm.mlps.{_MLP[m[3]]}.0.layers.conv",
    ),
    (r"color", lambda m: "conv_img.layers.conv"),
)
_FIRST_CRITIC_NAMES: _Rules = (
    (r"scales\.(\d)\.stages\.(0|{last})\.conv", lambda m: f"discriminator_{m[1]}.model{m[2]}.0"),
    (
        r"scales\.(\d)\.stages\.(\d)\.(conv|norm)",
        lambda m: f"discriminator_{m[1]}.model{m[2]}.0.{int(m[3] == 'norm')}",
    ),
)
_IMAGINAIRE_CRITIC_NAMES: _Rules = (
    (
        r"scales\.(\d)\.stages\.(\d)\.(conv|norm)",
        lambda m: f"discriminator_{m[1]}.layer{m[2]}.0.layers.{m[3]}",
    ),
)


def make_generator(name: str) -> FewShotGenerator:
    """Return an untrained generator of a published configuration.

    Raises:
        InputError: no such configuration.
    """
    check_choice("configuration", name, tuple(SHAPES))
    return FewShotGenerator(SHAPES[name])


def make_discriminator(name: str) -> MultiScaleDiscriminator:
    """Return an untrained discriminator of a published configuration.

    Raises:
        InputError: no such configuration.
    """
    check_choice("configuration", name, tuple(DISCRIMINATORS))
    return MultiScaleDiscriminator(DISCRIMINATORS[name])


def published_names(shape: GeneratorShape, key: str) -> tuple[str, ...]:
    """Return the names under which a parameter of `FewShotGenerator` was published.

    The flow network of references and of previous frames is one, and was published under two names.

    Raises:
        KeyError: no such parameter.
    """
    imaginaire = shape.layout == IMAGINAIRE
    name = _renamed(_IMAGINAIRE_NAMES if imaginaire else _FIRST_NAMES, key)
    present = {"ref": shape.warp_reference, "temp": shape.warp_previous}
    flows = [f"flow_network_{name}" for name, there in present.items() if there]
    if "{flow}" in name:
        return tuple(name.replace("{flow}", flow) for flow in flows)
    return (name.replace("{deepest}", str(shape.halvings - 1)),)


def published_critic_name(shape: DiscriminatorShape, key: str) -> str:
    """Return the name under which a parameter of `MultiScaleDiscriminator` was published.

    Imaginaire's files have `net_D.` or `net_D_face.` before it.

    Raises:
        KeyError: no such parameter.
    """
    if shape.layout == IMAGINAIRE_CRITIC:
        return _renamed(_IMAGINAIRE_CRITIC_NAMES, key)
    last = str(shape.halvings + 1)
    return _renamed(tuple((pattern.replace("{last}", last), name) for pattern, name in _FIRST_CRITIC_NAMES), key)


def from_published(shape: GeneratorShape, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published parameters under the names of `FewShotGenerator`.

    Kernels whose spectral norm was divided out, as in averaged models, get vectors that make it one.

    Raises:
        KeyError: one is missing.
    """
    with torch.device("meta"):
        keys = FewShotGenerator(shape).state_dict()
    return {key: _found(tensors, published_names(shape, key)[0]) for key in keys}


def without_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters of `net_G` in an imaginaire checkpoint without the wrappers' prefixes.

    Where the training kept a running average of the model, it is the average that is returned.
    """
    for prefix in _WRAPPERS:
        inside = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if inside:
            return inside
    return dict(tensors)


def critic_from_published(shape: DiscriminatorShape, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published parameters under the names of `MultiScaleDiscriminator`.

    Raises:
        KeyError: one is missing.
    """
    with torch.device("meta"):
        keys = MultiScaleDiscriminator(shape).state_dict()
    return {key: tensors[published_critic_name(shape, key)] for key in keys}


def _found(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    stem, _, part = name.rpartition(".")
    if name in tensors or part not in _SPECTRAL:
        return tensors[name]
    weight = tensors[f"{stem}.weight"]
    return weight if part == "weight_orig" else _unit_pair(weight.flatten(1))[part == "weight_v"]


def _unit_pair(matrix: Float[Tensor, "O I"]) -> tuple[Float[Tensor, "O"], Float[Tensor, "I"]]:
    """Return the leading singular pair, by power iteration, scaled to a product of one with the matrix."""
    right = normalize(matrix[matrix.norm(dim=1).argmax()], dim=0)
    for _ in range(_POWER_STEPS):
        left = normalize(matrix @ right, dim=0)
        right = normalize(matrix.T @ left, dim=0)
    left = normalize(matrix @ right, dim=0)
    return left, right / (left @ matrix @ right)


def _renamed(rules: _Rules, key: str) -> str:
    for pattern, name in rules:
        found = re.match(pattern + r"(?=\.)", key)
        if found:
            return name(found) + key[found.end() :]
    raise KeyError(key)
