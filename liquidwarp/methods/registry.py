"""Which methods there are. Reading this loads no network: builders are named, and found when they are needed."""

import importlib
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_type_hints

from liquidwarp.cards import read_card
from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError

if TYPE_CHECKING:
    from liquidwarp.methods.protocol import Method
    from liquidwarp.nn.weights import Generator

F = TypeVar("F", bound=Callable[..., Any])

GAN = "gan"
"""Stands for `compact`, or for the method that given weights or a given generator belong to."""


@dataclass(frozen=True)
class Paper:
    """Where a method comes from."""

    title: str
    venue: str
    year: int


@dataclass(frozen=True)
class MethodEntry:
    """What is known of a method without making it.

    Functions may be given as such, or named as `module:function`, to be imported when they are needed.

    Attributes:
        name: on the command line, and in Python.
        about: one line.
        build: makes the `Method`. Its keyword-only parameters of type bool, int, float, str or a path are the method's
            options; `weights` and `generator`, if it has them, are a file and a network.
        papers: that it is from.
        weights: whether it needs `none`, they are `bundled`, or users `bring` them.
        configurations: of its network, as cards of weights and `model.kind` of a training name them, with the number
            of parameters of each.
        objective: what `train` trains it by (`train.build.OBJECTIVES`); None if it is not trained.
        export: writes trained weights, called as `export(generator, path, card, configuration=..., width=...)`.
    """

    name: str
    about: str
    build: "str | Callable[..., Method]"
    papers: tuple[Paper, ...] = ()
    weights: Literal["none", "bundled", "bring"] = "none"
    configurations: Mapping[str, int] = field(default_factory=dict)
    objective: str | None = None
    export: str | Callable[..., None] | None = None


_LIQUID_WARPING = (
    Paper(
        "Liquid Warping GAN: A Unified Framework for Human Motion Imitation, Appearance Transfer and Novel View "
        "Synthesis",
        "ICCV",
        2019,
    ),
    Paper("Liquid Warping GAN with Attention: A Unified Framework for Human Image Synthesis", "TPAMI", 2021),
)

_DISCO = (Paper("DisCo: Disentangled Control for Realistic Human Dance Generation", "CVPR", 2024),)

_DREAMPOSE = (Paper("DreamPose: Fashion Image-to-Video Synthesis via Stable Diffusion", "ICCV", 2023),)

_FEW_SHOT = (Paper("Few-shot Video-to-Video Synthesis", "NeurIPS", 2019),)

_PG2 = (Paper("Pose Guided Person Image Generation", "NIPS", 2017),)

_DSC = (Paper("Deformable GANs for Pose-Based Human Image Generation", "CVPR", 2018),)

_SHUP = (Paper("Synthesizing Images of Humans in Unseen Poses", "CVPR", 2018),)

_EDN = (Paper("Everybody Dance Now", "ICCV", 2019),)

METHODS: dict[str, MethodEntry] = {
    entry.name: entry
    for entry in (
        MethodEntry(
            name="surface",
            about="what the photos show, moved; no network",
            build="liquidwarp.methods.surface:build",
        ),
        MethodEntry(
            name="compact",
            about="a small generator finishes the surface picture",
            build="liquidwarp.methods.compact:build",
            papers=_LIQUID_WARPING,
            weights="bundled",
            configurations={"compact": 4_497_364},
            objective="compact",
            export="liquidwarp.methods.compact:export",
        ),
        MethodEntry(
            name="liquid",
            about="a generator paints the person anew; temporal=true shows it the frame before",
            build="liquidwarp.methods.liquid:build",
            papers=_LIQUID_WARPING,
            weights="bring",
            configurations={
                "ICCV": 97_452_736,
                "AddLWB": 27_971_520,
                "AvgLWB": 27_971_520,
                "SoftGateAddLWB": 36_601_664,
                "SoftGateAvgLWB": 36_601_664,
                "AttLWB-SPADE": 36_276_992,
                "TextureWarping": 17_701_376,
                "InputConcat": 17_713_472,
                "W_F": 27_971_520,
            },
            objective="liquid",
            export="liquidwarp.methods.liquid:export",
        ),
        MethodEntry(
            name="few-shot-vid2vid",
            about="a network paints labels of the body as the photos show it; finetune=true fits it to them first",
            build="liquidwarp.methods.few_shot_vid2vid:build",
            papers=_FEW_SHOT,
            weights="bring",
            configurations={
                "fsvid2vid-pose": 112_101_886,
                "fsvid2vid-imaginaire-pose": 91_149_982,
                "fsvid2vid-mesh": 6_541_516,
            },
            objective="few-shot-vid2vid",
            export="liquidwarp.methods.few_shot_vid2vid:export",
        ),
        MethodEntry(
            name="few-shot-vid2vid-face",
            about="the face in a photo says what a clip shows; no body",
            build="liquidwarp.methods.few_shot_vid2vid:build_face",
            papers=_FEW_SHOT,
            weights="bring",
            configurations={"fsvid2vid-face": 112_096_126, "fsvid2vid-imaginaire-face": 91_145_502},
        ),
        MethodEntry(
            name="few-shot-vid2vid-labels",
            about="maps of classes, such as streets, in the look of examples: 'liquidwarp labels'",
            build="liquidwarp.methods.few_shot_vid2vid:build_labels",
            papers=_FEW_SHOT,
            weights="bring",
            configurations={"fsvid2vid-labels": 83_730_686, "fsvid2vid-imaginaire-labels": 62_775_198},
        ),
        MethodEntry(
            name="disco",
            about="diffusion told person, background and pose apart (--fg, --background); needs liquidwarp[disco]",
            build="liquidwarp.methods.disco:build",
            papers=_DISCO,
            weights="bring",
            configurations={
                "disco": 1_969_411_067,
                "disco-pretrained": 1_608_131_947,
                "disco-temporal": 2_198_465_147,
            },
            objective="disco",
            export="liquidwarp.methods.disco:export",
        ),
        MethodEntry(
            name="dreampose",
            about="diffusion told a photo and the poses of five frames; finetune=true; needs liquidwarp[disco]",
            build="liquidwarp.methods.dreampose:build",
            papers=_DREAMPOSE,
            weights="bring",
            configurations={"dreampose": 1_031_646_185},
        ),
        MethodEntry(
            name="edn",
            about="the one person that a network was trained on, from drawings of the skeleton and the frame before",
            build="liquidwarp.methods.edn:build",
            papers=_EDN,
            weights="bring",
            configurations={"edn": 209_176_966},
            objective="edn",
            export="liquidwarp.methods.edn:export",
        ),
        MethodEntry(
            name="pg2",
            about="a network redraws the photo in a pose, coarsely, and another adds what is missing",
            build="liquidwarp.methods.pose_transfer:build_pg2",
            papers=_PG2,
            weights="bring",
            configurations={"pg2": 134_799_302},
            objective="pose-transfer",
            export="liquidwarp.methods.pose_transfer:export",
        ),
        MethodEntry(
            name="dsc",
            about="a network redraws the photo; its skips are bent part by part into the pose",
            build="liquidwarp.methods.pose_transfer:build_dsc",
            papers=_DSC,
            weights="bring",
            configurations={"dsc": 82_080_611},
            objective="pose-transfer",
            export="liquidwarp.methods.pose_transfer:export",
        ),
        MethodEntry(
            name="shup",
            about="limbs cut out of the photo and moved one by one, repaired, over a background filled in",
            build="liquidwarp.methods.pose_transfer:build_shup",
            papers=_SHUP,
            weights="bring",
            configurations={"shup": 7_863_314},
            objective="pose-transfer",
            export="liquidwarp.methods.pose_transfer:export",
        ),
    )
}
"""By name."""


def register(entry: MethodEntry) -> None:
    """Make a method of one's own known by its name, in this process.

    Raises:
        InputError: the name is taken, or not one that the command line can take.
    """
    if entry.name in METHODS or entry.name == GAN:
        raise InputError(f"method {entry.name!r} is there already; choose another name")
    if not entry.name or set(entry.name) & set(":,= "):
        raise InputError(f"method name {entry.name!r} must be of letters, digits and dashes")
    METHODS[entry.name] = entry


def make_method(
    method: str,
    *,
    weights: str | Path | None = None,
    generator: "Generator | None" = None,
    options: Mapping[str, object] | None = None,
) -> "Method":
    """Make a method from its name.

    Args:
        method: a name of `METHODS`, or "gan"; options may follow, as in "liquid:temporal=true,weights=FILE".
        weights: a file of the network's weights.
        generator: the network itself.
        options: of the method; those behind its name are read as what they have to be.

    Raises:
        InputError: no such method or option, or weights that are missing, damaged or of another network.
    """
    name, _, rest = method.partition(":")
    given = _options(rest, method) | dict(options or {})
    given |= {key: value for key, value in (("weights", weights), ("generator", generator)) if value is not None}
    check_choice("method", name, (*METHODS, GAN))
    entry = METHODS[name] if name != GAN else _meant(given)
    build = resolve(entry.build)
    kinds = get_type_hints(build)
    for key in given:
        if key not in inspect.signature(build).parameters:
            known = ", ".join(inspect.signature(build).parameters) or "none"
            raise InputError(f"method {entry.name!r} has no option {key!r}; it has {known}")
    return build(**{key: _converted(value, kinds.get(key), f"{entry.name}:{key}") for key, value in given.items()})


def method_of(generator: "Generator") -> "Method":
    """Return the method that a network belongs to, with that network."""
    return make_method(GAN, generator=generator)


def entry_of(configuration: str) -> MethodEntry | None:
    """Return the method of a configuration, as cards of weights and `model.kind` name it; None if there is none."""
    return next((entry for entry in METHODS.values() if configuration in entry.configurations), None)


def resolve(function: str | F) -> F:
    """Return a function that is given as such, or named as `module:function`."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    found: F = getattr(importlib.import_module(module), name)
    return found


def _meant(given: Mapping[str, object]) -> MethodEntry:
    """Return the method that weights or a network are of; the compact one without them."""
    if "generator" in given:
        return _of_network(given["generator"])
    if "weights" not in given:
        return METHODS["compact"]
    path = str(given["weights"])
    if Path(path).suffix != ".safetensors":
        raise InputError(f"{path}: not a safetensors file; 'liquidwarp weights import {path}' makes one")
    configuration = read_card(path).get("configuration", "an unknown network")
    entry = entry_of(configuration)
    if entry is None:
        known = ", ".join(name for each in METHODS.values() for name in each.configurations)
        raise InputError(f"{path}: weights of {configuration!r}, wanted one of {known}")
    return entry


def _of_network(network: object) -> MethodEntry:
    """Return the method that a network is of."""
    from liquidwarp.nn.baselines.pose_transfer import PoseTransferGenerator
    from liquidwarp.nn.disco.network import DiscoNetwork
    from liquidwarp.nn.dreampose.network import DreamPoseNetwork
    from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator
    from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
    from liquidwarp.nn.few_shot_vid2vid.weights import configuration_of
    from liquidwarp.nn.liquid import LiquidGenerator

    if isinstance(network, PoseTransferGenerator):
        return METHODS[network.shape.kind]
    if isinstance(network, FewShotGenerator):
        kind = configuration_of(network.shape)
        entry = entry_of(kind)
        if entry is None:
            raise InputError(f"no method draws with {kind!r} alone; it goes with another network")
        return entry
    kinds = {LiquidGenerator: "liquid", EdnGenerator: "edn", DiscoNetwork: "disco", DreamPoseNetwork: "dreampose"}
    return METHODS[next((name for kind, name in kinds.items() if isinstance(network, kind)), "compact")]


def _options(text: str, method: str) -> dict[str, object]:
    """Read `key=value,key=value`."""
    pairs = [part.partition("=") for part in text.split(",")] if text else []
    if not all(key and separator for key, separator, _ in pairs):
        raise InputError(f"method={method!r}: give options as NAME:OPTION=VALUE, such as liquid:temporal=true")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _converted(value: object, kind: Any, what: str) -> object:
    """Read text as what an option has to be."""
    kinds = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if not isinstance(value, str) or str in kinds:
        return value
    if bool in kinds:
        if value.lower() not in _SAID:
            raise InputError(f"{what}={value!r} must be true or false")
        return _SAID[value.lower()]
    number = float if float in kinds else int
    try:
        return number(value)
    except ValueError:
        raise InputError(f"{what}={value!r} must be {'a number' if number is float else 'a whole number'}") from None


_SAID = {"true": True, "yes": True, "false": False, "no": False}
