"""The command line."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liquidwarp.errors import InputError, LiquidwarpError, OutputError
from liquidwarp.interrupt import leaving_in_order
from liquidwarp.options import make_parser

if TYPE_CHECKING:
    from liquidwarp.bodies import BodyModel
    from liquidwarp.nn.weights import Generator
    from liquidwarp.recovery.regressors import ImageNetwork, LandmarkNetwork, Regressor
    from liquidwarp.tasks import SourceState, Synthesis
    from liquidwarp.types import BodyTrack

_BACKGROUNDS = ("keep", "plain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 2 for an error a user can mend, 130 after Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="liquidwarp: %(message)s")
    commands = {
        "imitate": _imitate,
        "live": _live,
        "transfer": _transfer,
        "view": _view,
        "recover": _recover,
        "demo": _demo,
        "body": _body,
        "export": _export,
        "weights": _weights,
        "train": _train,
        "evaluate": _evaluate,
        "doctor": _doctor,
    }
    try:
        with leaving_in_order():
            options = make_parser().parse_args(arguments)
            commands[options.command](options)
    except LiquidwarpError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("out of memory; give a smaller --size or smaller pictures")
    except OSError as error:
        name = f"{error.filename}: " if error.filename is not None else ""
        return _fail(f"{name}{error.strerror or error}; check the path, its permissions and the space left")
    except KeyboardInterrupt:
        return _interrupted()
    except SystemError as error:
        # A compiled loop that Ctrl-C meets on its way out wraps the interruption.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _interrupted()
        raise
    return 0


def _interrupted() -> int:
    print("liquidwarp: interrupted; no unfinished file was left", file=sys.stderr)
    return 130


def _fail(message: str) -> int:
    """Print an error as one line; return the exit code."""
    print(f"liquidwarp: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _imitate(options: argparse.Namespace) -> None:
    from liquidwarp.media import is_video
    from liquidwarp.tasks import imitate, write_video

    _check_look(options)
    _check_video(options.output, "a motion makes a video; give a name that ends in .mp4", options)
    motion = _load_motion(options.motion, options.body)
    if motion is None:
        _check_motion(options.motion)
        person, motion = _encode_and_recover(options)
    elif options.motion_person:
        raise InputError(f"{options.motion}: holds one person; leave --motion-person out, or give a video")
    else:
        person = _encode(options)
    frames = imitate(
        person,
        motion,
        camera=options.camera,
        size=options.size,
        background=options.background,
        renderer=_renderer(options),
        generator=_generator(options, person),
    )
    sound = options.motion if not options.mute and is_video(options.motion) else None
    write_video(frames, options.output, fps=motion.fps or 25.0, sound=sound, total=len(motion), progress=True)
    print(options.output)


def _live(options: argparse.Namespace) -> None:
    from liquidwarp.live import run_live
    from liquidwarp.media import Webcam, open_video

    _check_look(options)
    if options.output is not None:
        _check_video(options.output, "a motion makes a video; give a name that ends in .mp4", options)
    if options.motion is None:
        Webcam(options.webcam).close()
    else:
        open_video(options.motion)
    person = _encode(options)
    pace = run_live(
        person,
        motion=options.motion,
        webcam=options.webcam,
        output=options.output,
        seconds=options.seconds,
        mute=options.mute,
        camera=options.camera,
        size=options.size,
        background=options.background,
        renderer=_renderer(options),
        generator=_generator(options, person),
        motion_person=options.motion_person,
    )
    if options.output is not None:
        print(options.output)
    print(pace)


def _transfer(options: argparse.Namespace) -> None:
    if options.motion:
        _imitate(options)
        return
    from liquidwarp.tasks import novel_view

    if options.motion_person:
        raise InputError("--motion-person goes with --motion; add it, or leave --motion-person out")
    _check_look(options)
    _check_picture(options.output, "without --motion the result is one picture; give a name that ends in .png", options)
    person = _encode(options)
    frames = novel_view(
        person,
        degrees=0.0,
        frames=1,
        size=options.size,
        background=options.background,
        renderer=_renderer(options),
        generator=_generator(options, person),
    )
    _write_one(frames, options.output)


def _view(options: argparse.Namespace) -> None:
    from liquidwarp.media import PICTURE_ENDINGS
    from liquidwarp.tasks import novel_view, write_video

    _check_look(options)
    single = options.frames == 1 and Path(options.output).suffix.lower() in PICTURE_ENDINGS
    if single:
        _check_picture(options.output, "one view makes a picture", options)
    else:
        why = "several views make a video; give a name that ends in .mp4, or --frames 1"
        _check_video(options.output, why, options)
    person = _encode(options)
    frames = novel_view(
        person,
        degrees=options.degrees,
        start=options.start,
        frames=options.frames,
        elevation=options.elevation,
        pose=options.pose,
        size=options.size,
        background=options.background,
        renderer=_renderer(options),
        generator=_generator(options, person),
    )
    if single:
        _write_one(frames, options.output)
        return
    write_video(frames, options.output, fps=options.fps, total=options.frames, progress=True)
    print(options.output)


def _recover(options: argparse.Namespace) -> None:
    from liquidwarp.media import is_video
    from liquidwarp.tasks import recover

    body = _load_body(options)
    _check_motion(options.source)
    _check_output(options.output, (".npz",), "a track is an .npz file; give a name that ends in .npz", options)
    if options.overlay and is_video(options.source):
        _check_video(options.overlay, "the overlay of a video is a video; give a name that ends in .mp4", options)
    elif options.overlay:
        _check_picture(options.overlay, "the overlay of a photo is a picture; give a name that ends in .png", options)
    track = recover(
        options.source,
        body=body,
        person=options.person,
        regressor=_regressor(options, body),
        fit=not options.no_fit,
        progress=True,
    )
    track.save(options.output)
    print(options.output)
    if options.overlay:
        from liquidwarp.viz import draw_overlay

        draw_overlay(options.source, track, options.overlay, progress=True)
        print(options.overlay)


def _regressor(options: argparse.Namespace, body: "BodyModel") -> "LandmarkNetwork | ImageNetwork | Regressor | None":
    from liquidwarp.recovery.regressors import load_image_network, load_landmark_network, load_regressor

    if options.regressor is None:
        if options.weights is not None or options.no_fit:
            given = "--no-fit" if options.no_fit else "--weights"
            raise InputError(f"{given} goes with a regressor; add --regressor landmarks, image, hmr or spin")
        return None
    if options.regressor in ("landmarks", "image"):
        load = load_landmark_network if options.regressor == "landmarks" else load_image_network
        return load(Path(options.weights)) if options.weights else load()
    if options.weights is None:
        raise InputError(f"--regressor {options.regressor} needs its published weights; add --weights FILE")
    return load_regressor(options.regressor, options.weights, body=body)


def _body(options: argparse.Namespace) -> None:
    from liquidwarp.bodies.smpl_files import convert_smpl_file

    given = None if options.output is None else Path(options.output)
    if given is not None:
        _check_output(options.output, (".npz",), "a body is an .npz file; give a name that ends in .npz", options)
    path, model = convert_smpl_file(Path(options.file), given, gender=options.gender)
    print(f"{path} ({model.family}, {model.gender})")


def _export(options: argparse.Namespace) -> None:
    from liquidwarp.bodies import load_body
    from liquidwarp.motion import WRITTEN_ENDINGS, write_motion
    from liquidwarp.tasks import encode_source, export_glb

    _check_output(options.output, WRITTEN_ENDINGS, "give a name that ends in one of these", options)
    ending = Path(options.output).suffix.lower()
    if options.photo and ending != ".glb":
        raise InputError(f"--photo: {ending} holds no picture; write a .glb, or leave --photo out")
    motion = _load_motion(options.motion, options.body)
    if motion is None:
        raise InputError(f"{options.motion}: not a motion; make one with 'liquidwarp recover'")
    if options.photo:
        _check_source(options.photo)
        person = encode_source(options.photo, body=load_body(options.body), progress=True)
        export_glb(person, motion, options.output)
    else:
        write_motion(motion, options.output)
    print(options.output)


def _demo(options: argparse.Namespace) -> None:
    from liquidwarp.demo import run_demo

    for path in run_demo(options.output, size=options.size, progress=True):
        print(path)


def _weights(options: argparse.Namespace) -> None:
    from liquidwarp.nn.checkpoints import import_weights

    if options.output is not None:
        _check_output(options.output, (".safetensors",), "weights are a .safetensors file", options)
    print(import_weights(options.file, options.output, configuration=options.configuration))


def _train(options: argparse.Namespace) -> None:
    from liquidwarp.train.config import load_config
    from liquidwarp.train.run import train

    limit = [] if options.minutes is None else [f"train.minutes={options.minutes}"]
    done = train(load_config(options.config, [*options.overrides, *limit]), options.output, progress=True)
    for name, reason in done.broken.items():
        print(f"left out: {name}: {reason}")
    if done.reason == "interrupted":
        print(f"stopped after step {done.progress.step}; the same command goes on from there")
    print(done.weights)


def _evaluate(options: argparse.Namespace) -> None:
    from liquidwarp.metrics.command import run

    print(run(options), end="")


def _doctor(options: argparse.Namespace) -> None:
    from liquidwarp.doctor import report

    lines, healthy = report()
    print("\n".join(lines))
    if not healthy:
        raise LiquidwarpError("something above needs mending; 'make test' in a fresh clone sets everything up anew")


def _encode(options: argparse.Namespace) -> "SourceState":
    """Make the (dressed) person of a command."""
    from liquidwarp.tasks import encode_source, transfer_appearance

    photos = options.photos if len(options.photos) > 1 else options.photos[0]
    body = _load_body(options)
    person = encode_source(photos, body=body, person=options.person, progress=True)
    if not options.wear:
        return person
    wearers = {
        photo: encode_source(photo, body=body, progress=True) for photo in dict.fromkeys(p for _, p in options.wear)
    }
    return transfer_appearance(person, {part: wearers[photo] for part, photo in options.wear})


def _load_body(options: argparse.Namespace) -> "BodyModel":
    from liquidwarp.bodies import load_body

    return load_body(options.body)


def _renderer(options: argparse.Namespace) -> str:
    return "gan" if options.weights or options.personalize else options.renderer


def _generator(options: argparse.Namespace, person: "SourceState") -> "Generator | None":
    """Return the generator to use, fitted to the person or the driving video if asked for; None for the default."""
    network = _named_generator(options)
    if not options.personalize:
        return network
    from liquidwarp.media import is_video
    from liquidwarp.nn.compact import CompactGenerator
    from liquidwarp.train.personalize import personalize

    motion = getattr(options, "motion", None)
    clip = motion if motion and is_video(motion) else None
    assert network is None or isinstance(network, CompactGenerator)
    return personalize(person, clip=clip, generator=network, progress=True)


def _named_generator(options: argparse.Namespace) -> "Generator | None":
    if not options.weights:
        return None
    from liquidwarp.nn.compact import CompactGenerator
    from liquidwarp.nn.weights import load_generator

    network = load_generator(options.weights)
    if options.personalize and not isinstance(network, CompactGenerator):
        raise InputError(
            f"{options.weights}: --personalize works with compact weights, these are of a published network"
        )
    return network


def _write_one(frames: "Iterator[Synthesis]", path: str) -> None:
    from liquidwarp.media import to_uint8, write_image

    write_image(path, to_uint8(next(frames).image))
    print(path)


def _load_motion(path: str, body: str) -> "BodyTrack | None":
    """Read a motion and let the body do it; None if `path` names a video."""
    from liquidwarp.bodies import load_body
    from liquidwarp.motion import MOTION_ENDINGS, read_motion

    if Path(path).suffix.lower() not in MOTION_ENDINGS:
        return None
    return read_motion(path, load_body(body))


def _encode_and_recover(options: argparse.Namespace) -> "tuple[SourceState, BodyTrack]":
    from liquidwarp.tasks import recover_meanwhile

    return recover_meanwhile(
        lambda: _encode(options),
        options.motion,
        body=_load_body(options),
        person=options.motion_person,
        regressor="landmarks",  # its short fit shows the same pictures (docs/performance.md)
        progress=True,
    )


# What follows fails before the long work rather than after it.


def _check_look(options: argparse.Namespace) -> None:
    """Check everything that goes in, but the motion."""
    from liquidwarp.bodies.parts import part_labels
    from liquidwarp.media import read_image
    from liquidwarp.tasks import check_renderer

    check_renderer(_renderer(options), _named_generator(options))
    for part, photo in options.wear:
        part_labels(part)
        _check_source(photo)
    if options.background not in _BACKGROUNDS:
        read_image(options.background)
    if len(options.photos) == 1:
        _check_source(options.photos[0])
    else:
        for photo in options.photos:
            read_image(photo)


def _check_source(path: str) -> None:
    """Check a photo of a person, which may be a clip."""
    from liquidwarp.media import is_video, open_video, read_image

    if Path(path).is_dir() or is_video(path):
        open_video(path)
    else:
        read_image(path)


def _check_motion(path: str) -> None:
    """Check a clip, which may be a photo."""
    from liquidwarp.media import is_image, is_video, open_video, read_image

    if is_image(path) and not is_video(path):
        read_image(path)
    else:
        open_video(path)


def _check_video(path: str, why: str, options: argparse.Namespace) -> None:
    from liquidwarp.media import VIDEO_ENDINGS

    _check_output(path, VIDEO_ENDINGS, why, options)


def _check_picture(path: str, why: str, options: argparse.Namespace) -> None:
    from liquidwarp.media import PICTURE_ENDINGS

    _check_output(path, PICTURE_ENDINGS, why, options)


def _check_output(path: str, endings: Sequence[str], why: str, options: argparse.Namespace) -> None:
    from liquidwarp.files import check_writable

    if Path(path).suffix.lower() not in endings:
        raise OutputError(f"cannot write {path}: {why} ({', '.join(endings)})")
    target = Path(path).resolve()
    for given in _inputs(options):
        if Path(given).resolve() == target:
            raise OutputError(f"cannot write {path}: it is one of the inputs; choose another name")
    check_writable(path)


def _inputs(options: argparse.Namespace) -> list[str]:
    """Return the files that a command reads."""
    given = vars(options)
    named = [
        given.get("source"),
        given.get("file"),
        given.get("photo"),
        given.get("motion"),
        given.get("background"),
        *given.get("photos", ()),
    ]
    return [path for path in (*named, *(photo for _, photo in given.get("wear", ()))) if path]


if __name__ == "__main__":
    sys.exit(main())
