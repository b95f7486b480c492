"""The configuration of a training: a TOML file, checked, as frozen values."""

import difflib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from liquidwarp.checks import check_choice
from liquidwarp.errors import InputError

_RECIPES = Path(__file__).with_name("recipes")


@dataclass(frozen=True)
class DataConfig:
    """Where samples come from.

    Attributes:
        kind: pairs (files of `train.pairs`), clips (prepared folders), iper, synthetic (the data engine), or video
            (one file, of one person).
        path: folder of the pairs or of the prepared clips, or the video.
        cache: folder for the pairs that are made of clips; beside the run by default.
        size: (height, width) of a sample, multiples of 16.
        source_size: (height, width) at which the photo is looked at.
        held_out: every so many-th clip is kept for validation; 0 keeps none.
        clips: how many synthetic people; ignored for other kinds.
        frames: taken of each clip; ignored for pairs.
        mirror: whether to mirror half of the samples.
        tint: strongest darkening of a colour channel, against all samples having one light.
        neighbours: let each sample be two successive frames, as `loss.temporal` needs them.
        single: steps of a recurrent network on single frames, before sequences come.
        doubling: steps after which its sequences, of two frames at first, become twice as long.
        longest: frames of its longest sequences.
        workers: processes that read ahead.
    """

    kind: str = "pairs"
    path: str = ""
    cache: str = ""
    size: tuple[int, int] = (256, 192)
    source_size: tuple[int, int] = (256, 256)
    held_out: int = 16
    clips: int = 400
    frames: int = 20
    mirror: bool = True
    tint: float = 0.2
    neighbours: bool = False
    single: int = 0
    doubling: int = 1000
    longest: int = 1
    workers: int = 1


@dataclass(frozen=True)
class ModelConfig:
    """What is trained.

    Attributes:
        kind: of generator: compact, or a published configuration such as AttLWB-SPADE or fsvid2vid-pose.
        widths: channels at 1/2, 1/4, 1/8 and 1/16; of the compact one.
        width: of the published widths; 1 is the network as published.
        photos: given to a published configuration for each target.
        start: weights to start from; untrained by default.
        stage: of DisCo's training: finetuning, pose or person for disco, clips or time for disco-temporal; of
            Everybody Dance Now's: frames or face.
        discriminator_width: channels of the discriminators' first stage.
        discriminator_crops: what has a discriminator of its own beside the whole picture.
    """

    kind: str = "compact"
    widths: tuple[int, ...] = (32, 64, 128, 192)
    width: float = 1.0
    photos: int = 1
    start: str = ""
    stage: str = ""
    discriminator_width: int = 32
    discriminator_crops: tuple[str, ...] = ("body", "head", "left_hand", "right_hand")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; 0 leaves one out.

    Attributes:
        pixel: Charbonnier over the picture.
        person: how much more pixels of the person count in it.
        ssim: 1 - multi-scale SSIM.
        perceptual: texture, or VGG-19 if `vgg` names its file.
        vgg: file of torchvision's VGG-19.
        adversarial: fooling the discriminator.
        game: lsgan or hinge.
        matching: of the discriminator's features.
        mask: cross-entropy of the outline.
        overlap: 1 - soft intersection over union of the outline.
        outline: mean difference of the outline on the person and a rim around; it prefers hard outlines to soft ones.
        face: Charbonnier in the face's box.
        identity: perceptual loss of the face, enlarged.
        temporal: how the picture changes from one frame to the next, against how it should.
        flow: of few-shot vid2vid: difference of its flow from the mesh's.
        warp: of few-shot vid2vid: difference of warped pictures and parts of the body from the truth.
        trust: of few-shot vid2vid: masks that do not trust what was warped well, or do what was not.
        adversarial_from: fraction of the training after which the discriminator joins.
    """

    pixel: float = 10.0
    person: float = 4.0
    ssim: float = 1.0
    perceptual: float = 1.0
    vgg: str = ""
    adversarial: float = 0.0
    game: str = "hinge"
    matching: float = 0.0
    mask: float = 1.0
    overlap: float = 0.5
    outline: float = 0.0
    face: float = 1.0
    identity: float = 0.2
    temporal: float = 0.0
    flow: float = 0.0
    warp: float = 0.0
    trust: float = 0.0
    adversarial_from: float = 0.3


@dataclass(frozen=True)
class TrainConfig:
    """How it is trained.

    Attributes:
        steps: in all.
        batch: samples a step, over all processes.
        lr: of the generator.
        lr_discriminator: of the discriminator.
        betas: of Adam.
        decay: of the weights (AdamW).
        warmup: steps over which the rates rise.
        schedule: constant, linear or cosine, down to `final` of the rate.
        final: fraction of the rate at the end.
        clip: largest norm of the gradient.
        ema: how slowly the averaged weights follow.
        precision: float32 or bfloat16.
        channels_last: memory layout of the networks; quicker on most machines, the same function.
        device: auto, cpu or cuda.
        seed: of the first weights and of the samples.
        minutes: end after so long, over all resumed runs; 0 means no limit.
        paced: let the schedule follow the minutes where these end first; then times enter the numbers.
    """

    steps: int = 20000
    batch: int = 4
    lr: float = 2e-4
    lr_discriminator: float = 2e-4
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.0
    warmup: int = 200
    schedule: str = "cosine"
    final: float = 0.02
    clip: float = 1.0
    ema: float = 0.999
    precision: str = "bfloat16"
    channels_last: bool = True
    device: str = "auto"
    seed: int = 0
    minutes: float = 0.0
    paced: bool = False


@dataclass(frozen=True)
class LogConfig:
    """What is written on the way.

    Attributes:
        every: steps between lines of figures.
        pictures: steps between sheets of pictures and validation.
        samples: held-out samples in a validation.
        checkpoint: steps between checkpoints.
        checkpoint_minutes: and the longest time between them.
        tensorboard: also write TensorBoard's files; asks for the extra `train`.
    """

    every: int = 50
    pictures: int = 1000
    samples: int = 32
    checkpoint: int = 500
    checkpoint_minutes: float = 5.0
    tensorboard: bool = False


@dataclass(frozen=True)
class Config:
    """The whole configuration of a training."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    log: LogConfig = field(default_factory=LogConfig)


def load_config(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML file and apply overrides such as `train.lr=1e-4`; what neither names keeps its default.

    Raises:
        InputError: the file cannot be read, a key is not known, or a value is of another kind or out of range.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); give a TOML file") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not TOML ({error}); see docs/training.md") from error
    config: Config = _filled(Config(), table, "", str(path))
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or "." not in key:
            raise InputError(f"--set {override}: give section.key=value, such as train.lr=1e-4")
        section, _, name = key.strip().partition(".")
        config = _filled(config, {section: {name: _parsed(value.strip())}}, "", f"--set {override}")
    _check(config)
    return config


def find_recipe(method: str) -> Path:
    """Return the compact recipe of a method.

    Raises:
        InputError: there is none.
    """
    recipes = {path.stem.replace("_", "-"): path for path in sorted(_RECIPES.glob("*.toml"))}
    check_choice("method", method, tuple(recipes))
    return recipes[method]


def dump_config(config: Config) -> str:
    """Return the configuration as TOML that `load_config` reads back."""
    lines = []
    for section, table in asdict(config).items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in table.items()]  # JSON of these values is TOML
        lines.append("")
    return "\n".join(lines)


def _parsed(text: str) -> object:
    """Read a value as TOML; what is none is text, so that paths need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _filled(value: Any, table: dict[str, Any], prefix: str, where: str) -> Any:
    """Return a dataclass with the table's values in place of its own."""
    hints = get_type_hints(type(value))
    names = [each.name for each in fields(value)]
    changed = {}
    for name, given in table.items():
        if name not in names:
            close = difflib.get_close_matches(name, names, 1, cutoff=0.0)[0]
            raise InputError(f"{where}: {prefix}{name} is not known; did you mean {prefix}{close}?")
        current = getattr(value, name)
        if is_dataclass(current):
            if not isinstance(given, dict):
                raise InputError(f"{where}: {name} is a section; write [{name}] and its keys below")
            changed[name] = _filled(current, given, f"{name}.", where)
        else:
            changed[name] = _converted(given, hints[name], f"{where}: {prefix}{name}")
    return replace(value, **changed)


def _converted(given: Any, kind: Any, what: str) -> Any:
    """Check that a TOML value is of a field's kind; whole numbers may stand for others."""
    if get_origin(kind) is tuple:
        inner, *rest = get_args(kind)
        right = isinstance(given, list) and (rest == [...] or len(given) == 1 + len(rest))
        if not right:
            raise InputError(f"{what}={given!r} is not a list of {1 + len(rest) if rest != [...] else 'numbers'}")
        return tuple(_converted(each, inner, what) for each in given)
    if kind is float and type(given) is int and abs(given) < _MOST:
        return float(given)
    if type(given) is not kind:
        raise InputError(f"{what}={given!r} is not {_NAMES[kind]}")
    return given


_MOST = 1e300  # of a whole number that stands for another
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}


def _check(config: Config) -> None:
    train, data = config.train, config.data
    check_choice("train.schedule", train.schedule, ("constant", "linear", "cosine"))
    check_choice("train.precision", train.precision, ("float32", "bfloat16"))
    check_choice("train.device", train.device, ("auto", "cpu", "cuda"))
    check_choice("loss.game", config.loss.game, ("lsgan", "hinge"))
    positive = {
        "train.steps": train.steps,
        "train.batch": train.batch,
        "train.lr": train.lr,
        "train.clip": train.clip,
        "model.width": config.model.width,
        "model.photos": config.model.photos,
        "data.doubling": data.doubling,
        "data.longest": data.longest,
        "log.every": config.log.every,
        "log.pictures": config.log.pictures,
        "log.checkpoint": config.log.checkpoint,
    }
    for name, value in positive.items():
        if not value > 0:
            raise InputError(f"{name}={value} must be greater than zero")
    if not 0 <= train.ema < 1:
        raise InputError(f"train.ema={train.ema} must be at least 0 and less than 1")
    for name, size in (("data.size", data.size), ("data.source_size", data.source_size)):
        if min(size) < 16 or any(side % 16 for side in size):
            raise InputError(f"{name}={list(size)} must be multiples of 16")
    if len(config.model.widths) != 4:
        raise InputError(f"model.widths={list(config.model.widths)} must be four numbers")
