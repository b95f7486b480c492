"""The command line."""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from liquidwarp.console import print_error, steady_console
from liquidwarp.errors import InputError, LiquidwarpError, OutputError
from liquidwarp.faults import EXIT_CODE, fault_line, ran_out_of_memory
from liquidwarp.interrupt import leaving_in_order
from liquidwarp.options import make_parser, own_words

if TYPE_CHECKING:
    from liquidwarp.bodies import BodyModel
    from liquidwarp.detect import Detector
    from liquidwarp.methods import DrivenMethod, Method
    from liquidwarp.regress import ImageNetwork, LandmarkNetwork, Regressor
    from liquidwarp.tasks import SourceState, Synthesis
    from liquidwarp.types import BodyTrack

_BACKGROUNDS = ("keep", "plain")
_OF_LIGHT = ("light", "shadow", "relight")
_NO_MEMORY = "out of memory; give a smaller --size or smaller pictures"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    0; 2 for an error a user can mend; 70 for a fault of ours, of which a report tells; 130 after Ctrl-C.
    """
    try:
        with steady_console():
            return _run(arguments)
    except OutputError as error:
        return _fail(str(error))


def _run(arguments: Sequence[str] | None) -> int:
    logging.basicConfig(level=logging.WARNING, format="liquidwarp: %(message)s")
    commands = {
        "guides": _guides,
        "imitate": _imitate,
        "labels": _labels,
        "learn": _learn,
        "live": _live,
        "talk": _talk,
        "transfer": _transfer,
        "view": _view,
        "recover": _recover,
        "demo": _demo,
        "batch": _batch,
        "scene": _scene,
        "body": _body,
        "export": _export,
        "weights": _weights,
        "methods": _methods,
        "train": _train,
        "evaluate": _evaluate,
        "setup": _setup,
        "doctor": _doctor,
        "verify": _verify,
        "web": _web,
        "sign": _sign,
    }
    try:
        with leaving_in_order():
            options = make_parser().parse_args(arguments)
            with _models_of(options):
                commands[options.command](options)
    except LiquidwarpError as error:
        return _fail(str(error))
    except OSError as error:
        name = f"{error.filename}: " if error.filename is not None else ""
        return _fail(f"{name}{error.strerror or error}; check the path, its permissions and the space left")
    except KeyboardInterrupt:
        return _interrupted()
    except SystemError as error:
        # A compiled loop that Ctrl-C meets on its way out wraps the interruption.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _interrupted()
        return _fault(error, arguments)
    except Exception as error:
        return _fail(_NO_MEMORY) if ran_out_of_memory(error) else _fault(error, arguments)
    return 0


def _fault(error: Exception, arguments: Sequence[str] | None) -> int:
    """Write a report of a fault of ours; print one line; return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = {value for option, value in pairwise(given) if option in ("--method", "--device") and value.isalnum()}
    print_error(f"liquidwarp: error: {' '.join(fault_line(error, given, known=own_words() | chosen).split())}")
    return EXIT_CODE


@contextmanager
def _models_of(options: argparse.Namespace) -> Iterator[None]:
    """Look for the detector's models in the folder that a command is given first, as `LIQUIDWARP_MODELS` would say."""
    folder = getattr(options, "models", None)
    if folder is None or options.command == "setup":
        yield
        return
    from liquidwarp.detect.litert.models import VARIABLE

    if not Path(folder).is_dir():
        raise InputError(f"--models {folder}: no such folder; 'liquidwarp setup --models {folder}' makes it")
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def _interrupted() -> int:
    print_error("liquidwarp: interrupted; no unfinished file was left")
    return 130


def _fail(message: str) -> int:
    """Print an error as one line; return the exit code."""
    print_error(f"liquidwarp: error: {' '.join(message.split())}")
    return 2


def _imitate(options: argparse.Namespace) -> None:
    from liquidwarp.methods import DrivenMethod
    from liquidwarp.tasks import imitate, write_video

    method = _check_look(options, driven=True)
    _check_video(options.output, "a motion makes a video; give a name that ends in .mp4", options)
    if isinstance(method, DrivenMethod):
        _drive(method, options)
        return
    method = _told_apart(method, options)
    if options.drawn:
        _follow(method, options)
        return
    if options.pair or options.person == "all":
        _imitate_together(method, options)
        return
    person, motion = _person_and_motion(options)
    frames = imitate(
        person,
        motion,
        camera=options.camera,
        size=options.size,
        smooth=_smoothing(options),
        face=options.face,
        background=options.background,
        method=_fitted(method, options, person),
        device=options.device,
    )
    write_video(frames, options.output, fps=motion.fps or 25.0, sound=_sound(options), total=len(motion), progress=True)
    print(options.output)


def _imitate_together(method: "Method", options: argparse.Namespace) -> None:
    """Let several people of one photo do a motion, or each that of their own dancer."""
    from liquidwarp.person import is_person_file
    from liquidwarp.tasks import encode_everyone, imitate_together, recover, write_video

    given = next((name for name in ("wear", "personalize") if getattr(options, name)), None)
    if given is not None:
        raise InputError(f"--{given} is for one person; leave it, or --person all and --pair, out")
    if options.pair and options.motion_person is not None:
        raise InputError("--pair says who of the motion is meant; leave --motion-person out")
    if len(options.photos) > 1 or is_person_file(options.photos[0]):
        raise InputError("several people are learnt from one photo; give one, and no .person")
    file = _motion_file(options)
    if file is not None and len({motion for _, motion in options.pair}) > 1:
        raise InputError(f"--pair: {options.motion} is one motion; give a video, or --person all")
    body = _load_body(options)
    people = encode_everyone(
        options.photos[0],
        people=[photo for photo, _ in options.pair] or None,
        body=body,
        detector=_detector(options),
        fov=options.fov,
    )
    motions = {
        number: file
        if file is not None
        else recover(
            options.motion,
            body=body,
            detector=_detector(options),
            person=number,
            fov=options.motion_fov,
            regressor="landmarks",
            progress=True,
        )
        for number in dict.fromkeys([motion for _, motion in options.pair] or [options.motion_person or 0])
    }
    each = [motions[motion] for _, motion in options.pair] or list(motions.values())
    frames = imitate_together(
        people,
        each,
        camera=options.camera,
        size=options.size,
        smooth=_smoothing(options),
        face=options.face,
        background=options.background,
        method=method,
        device=options.device,
    )
    longest = max(each, key=len)
    fps = longest.fps or 25.0
    write_video(frames, options.output, fps=fps, sound=_sound(options), total=len(longest), progress=True)
    print(options.output)


def _guides(options: argparse.Namespace) -> None:
    from liquidwarp.guides import check_guides_folder, draw_guides, write_guides

    method = _check_look(options)
    check_guides_folder(options.output)
    person, motion = _person_and_motion(options)
    frames = draw_guides(
        person,
        motion,
        camera=options.camera,
        size=options.size,
        smooth=_smoothing(options),
        background=options.background,
        method=_fitted(method, options, person),
        device=options.device,
    )
    fps = motion.fps or 25.0
    print(write_guides(frames, options.output, fps=fps, layout=options.layout, total=len(motion), progress=True))


def _smoothing(options: argparse.Namespace) -> dict[str, float]:
    """Return seconds by limb; what comes later wins."""
    return {limb: value for given in options.smooth for limb, value in given.items()}


def _sound(options: argparse.Namespace) -> str | None:
    """Return the file whose sound goes with the motion."""
    from liquidwarp.media import is_video

    if options.sound:
        return str(options.sound)
    return options.motion if not options.mute and is_video(options.motion) else None


def _drive(method: "DrivenMethod", options: argparse.Namespace) -> None:
    """Let a clip drive a photo without a body between."""
    from liquidwarp.media import open_video
    from liquidwarp.tasks import drive, write_video

    if options.wear or options.background != "keep":
        given = "--wear" if options.wear else "--background"
        raise InputError(f"{given} is for methods that know the body; {method.name!r} takes the photo as it is")
    clip = open_video(options.motion)
    frames = drive(
        options.photos, options.motion, method=method, size=options.size, device=options.device, progress=True
    )
    write_video(frames, options.output, fps=clip.fps, sound=_sound(options), total=clip.frame_count, progress=True)
    print(options.output)


def _told_apart(method: "Method", options: argparse.Namespace) -> "Method":
    """Return the method, with the foreground that was asked for."""
    from liquidwarp.methods import DiscoMethod
    from liquidwarp.tasks import read_foreground

    if not options.fg and not options.drawn:
        return method
    if not isinstance(method, DiscoMethod):
        given = "--fg" if options.fg else "--drawn"
        raise InputError(f"{given} goes with method 'disco', not with {method.name!r}; add --method disco")
    if not options.fg:
        return method
    if len(options.fg) > 2:
        raise InputError(f"--fg: {len(options.fg)} files given; give a picture, and a mask if there is one")
    mask = options.fg[1] if len(options.fg) > 1 else None
    return method.showing(read_foreground(options.fg[0], mask, body=_load_body(options), detector=_detector(options)))


def _follow(method: "Method", options: argparse.Namespace) -> None:
    """Let drawings of skeletons be the motion."""
    from liquidwarp.media import is_video, open_video
    from liquidwarp.methods import DiscoMethod
    from liquidwarp.tasks import follow_drawings, write_video

    assert isinstance(method, DiscoMethod)
    _check_motion(options.motion)
    frames = follow_drawings(
        _encode(options),
        options.motion,
        method=method,
        background=options.background,
        size=options.size,
        device=options.device,
    )
    clip = open_video(options.motion) if is_video(options.motion) or Path(options.motion).is_dir() else None
    fps, total = (clip.fps, clip.frame_count) if clip is not None else (25.0, 1)
    write_video(frames, options.output, fps=fps, total=total, progress=True)
    print(options.output)


def _labels(options: argparse.Namespace) -> None:
    from liquidwarp.devices import find_device
    from liquidwarp.tasks import paint_labels, write_video
    from liquidwarp.tasks.drive import numbered_files

    find_device(options.device)
    _check_video(options.output, "labels make a video; give a name that ends in .mp4", options)
    frames = paint_labels(
        [(picture, classes) for picture, classes in options.example],
        options.labels,
        weights=options.weights,
        ids=options.ids,
        size=options.size,
        device=options.device,
    )
    total = len(numbered_files(options.labels))
    write_video(frames, options.output, fps=options.fps, total=total, progress=True)
    print(options.output)


def _learn(options: argparse.Namespace) -> None:
    from liquidwarp.person import PERSON_ENDING

    why = f"a learnt person is a {PERSON_ENDING} file; give a name that ends in it"
    _check_output(options.output, (PERSON_ENDING,), why, options)
    _check_people(options)
    _encode(options).save(options.output)
    print(options.output)


def _live(options: argparse.Namespace) -> None:
    from liquidwarp.live import run_live
    from liquidwarp.media import VirtualCamera, Webcam, check_stream_address, open_video

    method = _check_look(options)
    _check_live_output(options)
    if options.stream is not None:
        check_stream_address(options.stream)
    if options.virtual_camera:
        VirtualCamera(25.0).close()
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
        virtual_camera=options.virtual_camera,
        stream=options.stream,
        preview=options.preview,
        mirror=options.mirror,
        seconds=options.seconds,
        mute=options.mute,
        camera=options.camera,
        size=options.size,
        background=options.background,
        method=_fitted(method, options, person),
        device=options.device,
        motion_person=options.motion_person,
    )
    if options.output is not None:
        print(options.output)
    print(pace)


def _check_live_output(options: argparse.Namespace) -> None:
    """Check that pictures go to one kind of place, and that a preview is beside something."""
    sent = [name for name in ("virtual_camera", "stream") if getattr(options, name)]
    if sent and options.output is not None:
        raise InputError(
            f"--{sent[0].replace('_', '-')} and -o are two ways to put out pictures; leave one of them out"
        )
    if options.preview and not sent:
        raise InputError("--preview goes with --virtual-camera or --stream; leave it out")


def _talk(options: argparse.Namespace) -> None:
    from liquidwarp.media import open_video, read_image
    from liquidwarp.tasks import talk, write_video

    _check_video(options.output, "a talking head makes a video; give a name that ends in .mp4", options)
    read_image(options.photo)
    clip = open_video(options.motion)
    pictures = talk(
        options.photo,
        options.motion,
        person=options.person,
        motion_person=options.motion_person,
        head=options.head,
        size=options.size,
        progress=True,
    )
    fps, total = clip.fps or 25.0, clip.frame_count
    write_video(pictures, options.output, fps=fps, sound=_sound(options), total=total, progress=True)
    print(options.output)


def _transfer(options: argparse.Namespace) -> None:
    if options.motion:
        _imitate(options)
        return
    from liquidwarp.tasks import novel_view

    if options.motion_person:
        raise InputError("--motion-person goes with --motion; add it, or leave --motion-person out")
    if options.smooth:
        raise InputError("--smooth goes with --motion; add it, or leave --smooth out")
    if options.motion_fov is not None:
        raise InputError("--motion-fov goes with --motion; add it, or leave --motion-fov out")
    method = _check_look(options)
    _check_picture(options.output, "without --motion the result is one picture; give a name that ends in .png", options)
    person = _encode(options)
    frames = novel_view(
        person,
        degrees=0.0,
        frames=1,
        size=options.size,
        background=options.background,
        method=_fitted(method, options, person),
        device=options.device,
    )
    _write_one(frames, options.output)


def _view(options: argparse.Namespace) -> None:
    from liquidwarp.media import PICTURE_ENDINGS
    from liquidwarp.tasks import novel_view, write_video

    method = _check_look(options)
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
        method=_fitted(method, options, person),
        device=options.device,
    )
    if single:
        _write_one(frames, options.output)
        return
    write_video(frames, options.output, fps=options.fps, total=options.frames, progress=True)
    print(options.output)


def _recover(options: argparse.Namespace) -> None:
    from liquidwarp.fit import FitWeights
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
        detector=_detector(options),
        person=options.person,
        fov=options.fov,
        regressor=_regressor(options, body),
        fit=not options.no_fit,
        smooth=_smoothing(options),
        weights=FitWeights(surface=1.0 if options.register else 0.0),
        progress=True,
    )
    track.save(options.output)
    print(options.output)
    if options.overlay:
        from liquidwarp.viz import draw_overlay

        draw_overlay(options.source, track, options.overlay, body=body, progress=True)
        print(options.overlay)


def _regressor(options: argparse.Namespace, body: "BodyModel") -> "LandmarkNetwork | ImageNetwork | Regressor | None":
    from liquidwarp.regress import load_image_network, load_landmark_network, load_regressor

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


def _batch(options: argparse.Namespace) -> None:
    from liquidwarp.batch import run_table

    print(run_table(options.table, jobs=options.jobs, dask=options.dask, work=options.work, progress=True))


def _scene(options: argparse.Namespace) -> None:
    from liquidwarp.scene import draw_scene, read_scene
    from liquidwarp.tasks import write_video

    scene = read_scene(options.scene)
    _check_video(options.output, "a scene makes a video; give a name that ends in .mp4", options)
    frames, count, fps = draw_scene(
        scene, body=_load_body(options), detector=_detector(options), device=options.device, progress=True
    )
    write_video(frames, options.output, fps=fps, sound=options.sound, total=count, progress=True)
    print(options.output)


def _body(options: argparse.Namespace) -> None:
    from liquidwarp.bodies.smpl_files import convert_smpl_file

    given = None if options.output is None else Path(options.output)
    if given is not None:
        _check_output(options.output, (".npz",), "a body is an .npz file; give a name that ends in .npz", options)
    path, model = convert_smpl_file(Path(options.file), given, gender=options.gender)
    print(f"{path} ({model.family}, {model.gender})")


def _export(options: argparse.Namespace) -> None:
    from liquidwarp.motion import WRITTEN_ENDINGS, write_motion
    from liquidwarp.tasks import encode_source, export_glb

    _check_output(options.output, WRITTEN_ENDINGS, "give a name that ends in one of these", options)
    ending = Path(options.output).suffix.lower()
    if options.photo and ending != ".glb":
        raise InputError(f"--photo: {ending} holds no picture; write a .glb, or leave --photo out")
    if options.names != "own" and ending == ".npz":
        raise InputError(f"--names: {ending} has no names of bones; write .bvh or .glb, or leave --names out")
    if options.photo:
        _check_source(options.photo, _load_body(options))
    motion = _load_motion(options)
    if motion is None:
        raise InputError(f"{options.motion}: not a motion; make one with 'liquidwarp recover'")
    if options.photo:
        person = encode_source(options.photo, body=_load_body(options), progress=True)
        export_glb(person, motion, options.output, names=options.names)
    else:
        write_motion(motion, options.output, _load_body(options), names=options.names)
    print(options.output)


def _demo(options: argparse.Namespace) -> None:
    from liquidwarp.demo import run_demo

    for path in run_demo(options.output, size=options.size, device=options.device, progress=True):
        print(path)


def _weights(options: argparse.Namespace) -> None:
    from liquidwarp.nn.checkpoints import import_weights

    if options.output is not None:
        _check_output(options.output, (".safetensors",), "weights are a .safetensors file", options)
    print(import_weights(options.file, options.output, configuration=options.configuration))


def _methods(_: argparse.Namespace) -> None:
    from liquidwarp.methods import method_table

    print(method_table())


def _train(options: argparse.Namespace) -> None:
    from liquidwarp.train.config import find_recipe, load_config
    from liquidwarp.train.run import train

    if options.config and options.method:
        raise InputError("--method names a recipe of its own; leave out --method or the configuration's file")
    recipe = find_recipe(options.method) if options.method else options.config
    limit = [] if options.minutes is None else [f"train.minutes={options.minutes}"]
    config = load_config(recipe, [*options.overrides, *limit])
    if options.clip:  # as it is: read as TOML, a file called 2024 would be a number
        config = replace(config, data=replace(config.data, kind="video", path=options.clip))
    done = train(config, options.output, progress=True)
    for name, reason in done.broken.items():
        print(f"left out: {name}: {reason}")
    if done.reason == "interrupted":
        print(f"stopped after step {done.progress.step}; the same command goes on from there")
    print(done.weights)


def _evaluate(options: argparse.Namespace) -> None:
    from liquidwarp.metrics.command import run

    print(run(options), end="")


def _setup(options: argparse.Namespace) -> None:
    from liquidwarp.detect.litert.fetch import set_up_models

    for path in set_up_models(options.models, archives=options.wheel, progress=True).values():
        print(path)


def _doctor(options: argparse.Namespace) -> None:
    from liquidwarp.doctor import report

    lines, healthy = report()
    print("\n".join(lines))
    if not healthy:
        raise LiquidwarpError("something above needs mending; 'make test' in a fresh clone sets everything up anew")


def _verify(options: argparse.Namespace) -> None:
    from liquidwarp.media import read_provenance
    from liquidwarp.media.credentials import has_credentials_extra, read_credential

    print(f"mark: {read_provenance(options.file) or 'none'}")
    if not has_credentials_extra():
        print("credential: not looked for; pip install 'liquidwarp[credentials]' adds what reads it")
        return
    found = read_credential(options.file)
    if found is None:
        print("credential: none, so nothing tells whether the file was changed")
        return
    if not found.whole:
        raise InputError(f"{options.file}: was changed after {found.signer!r} signed it; get it anew from its source")
    trust = "a local certificate, which proves nothing but that nothing was changed" if found.local else "not looked up"
    print(f"credential: not changed since it was signed by {found.signer!r} ({trust}), made by {found.maker}")
    for each in found.ingredients:
        print(f"made of: sha256 {each}")


def _web(options: argparse.Namespace) -> None:
    from liquidwarp.web import serve

    serve(host=options.host, port=options.port, browser=options.browser)


def _sign(options: argparse.Namespace) -> None:
    from liquidwarp.media.credentials import sign_file

    made_of, own = options.ingredients, options.certificate is not None
    print(sign_file(options.file, ingredients=made_of, certificate=options.certificate, key=options.key))
    if not own:
        print("signed with a local certificate: it shows changes, and says nothing of who signed")


def _encode(options: argparse.Namespace) -> "SourceState":
    """Make the (dressed) person of a command."""
    from liquidwarp.tasks import encode_source, transfer_appearance

    photos = options.photos if len(options.photos) > 1 else options.photos[0]
    body = _load_body(options)
    detector = _detector(options)
    person = encode_source(photos, body=body, detector=detector, person=options.person, fov=options.fov, progress=True)
    if not options.wear:
        return person
    wearers = {
        photo: encode_source(photo, body=body, detector=detector, progress=True)
        for photo in dict.fromkeys(p for _, p in options.wear)
    }
    return transfer_appearance(person, {part: wearers[photo] for part, photo in options.wear})


def _load_body(options: argparse.Namespace) -> "BodyModel":
    """Return the body that was asked for; else that of the person, if it is learnt already."""
    from liquidwarp.bodies import load_body
    from liquidwarp.person import SourceState, is_person_file

    if options.body is not None:
        return load_body(options.body)
    people = _people(options)
    if len(people) == 1 and is_person_file(people[0]):
        return SourceState.load(people[0]).body
    return load_body()


def _people(options: argparse.Namespace) -> list[str]:
    """Return the photos of who does what is asked for."""
    photo = getattr(options, "photo", None)
    return [photo] if photo else list(getattr(options, "photos", ()))


def _method(options: argparse.Namespace) -> "Method":
    """Return the method that was asked for; weights and fitting mean one with a network."""
    from liquidwarp.methods import CompactMethod, make_method

    implied = "gan" if options.weights or options.personalize else options.renderer
    asked = {"finetune": True} if options.finetune else {}
    asked |= {name: given for name in _OF_LIGHT if (given := getattr(options, name)) is not None}
    method = make_method(options.method or implied, weights=options.weights, options=asked)
    if options.personalize and not isinstance(method, CompactMethod):
        given = options.weights or f"--method {options.method}"
        raise InputError(
            f"--personalize fits compact weights, but {given} is of method {method.name!r}; leave one of them out"
        )
    return method


def _fitted(method: "Method", options: argparse.Namespace, person: "SourceState") -> "Method":
    """Return the method, its generator fitted to the person or the driving video if asked for."""
    if not options.personalize:
        return method
    from liquidwarp.media import is_video
    from liquidwarp.methods import CompactMethod
    from liquidwarp.train.personalize import personalize

    assert isinstance(method, CompactMethod)
    motion = getattr(options, "motion", None)
    clip = motion if motion and is_video(motion) else None
    return CompactMethod(personalize(person, clip=clip, generator=method.generator, progress=True))


def _write_one(frames: "Iterator[Synthesis]", path: str) -> None:
    from liquidwarp.media import to_uint8, write_image

    write_image(path, to_uint8(next(frames).image))
    print(path)


def _load_motion(options: argparse.Namespace) -> "BodyTrack | None":
    """Read a motion and let the body do it; None if it is a video or no motion at all."""
    from liquidwarp.motion import is_motion_file, read_joint_map, read_motion

    if not is_motion_file(options.motion):
        if options.joint_map:
            raise InputError(f"--joint-map is for a motion that ends in .bvh, not for {options.motion}; leave it out")
        return None
    joint_map = read_joint_map(options.joint_map) if options.joint_map else None
    return read_motion(options.motion, _load_body(options), person=options.motion_person, joint_map=joint_map)


def _person_and_motion(options: argparse.Namespace) -> "tuple[SourceState, BodyTrack]":
    """Learn the person, and read the motion or recover it meanwhile."""
    motion = _motion_file(options)
    return _encode_and_recover(options) if motion is None else (_encode(options), motion)


def _motion_file(options: argparse.Namespace) -> "BodyTrack | None":
    """Read a motion; None if it is a video to recover it from, which is checked."""
    motion = _load_motion(options)
    if motion is None:
        _check_driver(options.motion)
    elif options.motion_fov is not None:
        raise InputError(f"--motion-fov is for a video; {options.motion} has its camera in it, so leave it out")
    return motion


def _encode_and_recover(options: argparse.Namespace) -> "tuple[SourceState, BodyTrack]":
    from liquidwarp.tasks import recover_meanwhile

    return recover_meanwhile(
        lambda: _encode(options),
        options.motion,
        body=_load_body(options),
        detector=_detector(options),
        person=options.motion_person or 0,
        fov=options.motion_fov,
        regressor="landmarks",  # its short fit shows the same pictures (docs/performance.md)
        progress=True,
    )


def _detector(options: argparse.Namespace) -> "Detector":
    """Return a new detector: two threads never share one."""
    from liquidwarp.detect import default_detector

    return default_detector(hands=options.hands)


# What follows fails before the long work rather than after it.


def _check_look(options: argparse.Namespace, *, driven: bool = False) -> "Method":
    """Check everything that goes in, but the motion; return what makes the pictures.

    Args:
        options: of the command.
        driven: whether a method will do that takes photos and a clip, but no body.
    """
    from liquidwarp.devices import find_device
    from liquidwarp.media import read_image
    from liquidwarp.methods import DrivenMethod

    find_device(options.device)
    method = _method(options)
    if isinstance(method, DrivenMethod) and not driven:
        raise InputError(f"method {method.name!r} needs a clip that drives it; use 'liquidwarp imitate'")
    if options.relight and options.background == "keep":
        raise InputError("--relight takes the light of another background; add --background PICTURE, or leave it out")
    if options.background not in _BACKGROUNDS:
        read_image(options.background)
    _check_people(options)
    return method


def _check_people(options: argparse.Namespace) -> None:
    """Check the photos of the person and of those whose clothes it wears."""
    from liquidwarp.bodies.parts import part_labels
    from liquidwarp.media import read_image
    from liquidwarp.tasks.source import learnt_file

    learnt = learnt_file(options.photos, 0 if options.person == "all" else options.person)
    body = _load_body(options) if learnt or any(learnt_file([photo]) for _, photo in options.wear) else None
    for part, photo in options.wear:
        part_labels(part)
        _check_source(photo, body)
    if len(options.photos) == 1:
        _check_source(options.photos[0], body)
    else:
        for photo in options.photos:
            read_image(photo)


def _check_source(path: str, body: "BodyModel | None") -> None:
    """Check a photo of a person, which may be a clip, or a person who was learnt on a body before."""
    from liquidwarp.media import is_video, open_video, read_image
    from liquidwarp.person import SourceState, is_person_file

    if is_person_file(path):
        SourceState.load(path, body)
    elif Path(path).is_dir() or is_video(path):
        open_video(path)
    else:
        read_image(path)


def _check_motion(path: str) -> None:
    """Check a clip, which may be a photo."""
    from liquidwarp.media import is_image, is_video, open_video, read_image
    from liquidwarp.person import is_person_file

    if is_person_file(path):
        raise InputError(f"{path}: a learnt person, not a motion; give it in place of a photo")
    if is_image(path) and not is_video(path):
        read_image(path)
    else:
        open_video(path)


def _check_driver(path: str) -> None:
    """Check a clip or photo where a file of motion would do as well."""
    from liquidwarp.motion import MOTION_ENDINGS

    try:
        _check_motion(path)
    except InputError as error:
        raise InputError(f"{error}; or give a motion ({', '.join(MOTION_ENDINGS)})") from error


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
        given.get("sound"),
        given.get("labels"),
        *(path for pair in given.get("example", ()) for path in pair),
        given.get("joint_map"),
        given.get("scene"),
        given.get("background"),
        *given.get("fg", ()),
        *given.get("photos", ()),
    ]
    return [path for path in (*named, *(photo for _, photo in given.get("wear", ()))) if path]


if __name__ == "__main__":
    sys.exit(main())
