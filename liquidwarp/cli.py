"""The command line."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liquidwarp import __version__
from liquidwarp.errors import InputError, LiquidwarpError, OutputError

if TYPE_CHECKING:
    from liquidwarp.tasks import SourceState
    from liquidwarp.types import BodyTrack

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 2 for an error a user can mend, 130 after Ctrl-C."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="liquidwarp: %(message)s")
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except LiquidwarpError as error:
        print(f"liquidwarp: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("liquidwarp: interrupted; no unfinished file was left", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="liquidwarp", description="Put a person in motion from a single photo, through a 3D body mesh."
    )
    parser.add_argument("--version", action="version", version=f"liquidwarp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    imitate = _command(
        commands,
        "imitate",
        _imitate,
        "Let the person in a photo do the motion of a video.",
        "liquidwarp imitate me.jpg --motion dance.mp4 -o me_dancing.mp4\n"
        "liquidwarp imitate front.jpg back.jpg --motion dance.npz --camera source --size 512 -o out.mp4\n"
        "liquidwarp imitate me.jpg --motion dance.mp4 --wear upper=shop.jpg --background beach.jpg -o out.mp4",
    )
    _add_source(imitate, many=True)
    imitate.add_argument(
        "--motion", required=True, metavar="VIDEO|TRACK.npz", help="a video, or a track from 'liquidwarp recover'"
    )
    imitate.add_argument(
        "--motion-person",
        type=_count,
        default=0,
        metavar="N",
        help="which person of the video, 0 is the largest (default)",
    )
    _add_output(imitate, "a video: .mp4, .mkv, .mov, .webm or .gif")
    _add_camera(imitate)
    _add_wear(imitate, required=False)
    _add_look(imitate, background="keep")
    imitate.add_argument("--mute", action="store_true", help="leave the reference's sound out")

    transfer = _command(
        commands,
        "transfer",
        _transfer,
        "Dress the person in a photo in parts of other photos.",
        "liquidwarp transfer me.jpg --wear upper=jacket.jpg -o me_in_jacket.png\n"
        "liquidwarp transfer me.jpg --wear upper=a.jpg --wear lower=b.jpg --motion dance.mp4 -o out.mp4",
    )
    _add_source(transfer, many=False)
    _add_wear(transfer, required=True)
    transfer.add_argument(
        "--motion", metavar="VIDEO|TRACK.npz", help="let the dressed person do a motion; -o is then a video"
    )
    transfer.add_argument("--motion-person", type=_count, default=0, metavar="N", help="which person of the video")
    _add_camera(transfer)
    _add_output(transfer, "a picture, or with --motion a video")
    _add_look(transfer, background="keep")

    view = _command(
        commands,
        "view",
        _view,
        "Show the person in a photo from all sides.",
        "liquidwarp view me.jpg -o turn.mp4\nliquidwarp view me.jpg --degrees 90 --frames 30 --elevation 10 --pose a -o out.mp4",
    )
    _add_source(view, many=True)
    _add_output(view, "a video, or with --frames 1 a picture")
    view.add_argument("--degrees", type=float, default=360.0, help="how far around (default 360)")
    view.add_argument(
        "--start", type=float, default=0.0, metavar="DEGREES", help="where to start; 0 is the photo's view (default)"
    )
    view.add_argument("--frames", type=_positive, default=90, help="number of views (default 90)")
    view.add_argument("--elevation", type=float, default=0.0, help="degrees above the horizon (default 0)")
    view.add_argument(
        "--pose", choices=("source", "a", "t"), default="source", help="pose of the person (default: source)"
    )
    view.add_argument("--fps", type=float, default=25.0, help="frames per second (default 25)")
    _add_wear(view, required=False)
    _add_look(view, background="keep")

    recover = _command(
        commands,
        "recover",
        _recover,
        "Recover body shape and motion from a video or photo, to use again.",
        "liquidwarp recover dance.mp4 -o dance.npz\nliquidwarp recover dance.mp4 -o dance.npz --overlay check.mp4",
    )
    recover.add_argument("source", metavar="VIDEO|PHOTO")
    recover.add_argument("-o", "--output", required=True, metavar="TRACK.npz")
    recover.add_argument("--overlay", metavar="OUT.mp4", help="also draw the body over the video")
    recover.add_argument(
        "--person", type=_count, default=0, metavar="N", help="which person, 0 is the largest (default)"
    )

    demo = _command(
        commands,
        "demo",
        _demo,
        "Imitate, transfer and orbit with the pictures that come with liquidwarp.",
        "liquidwarp demo -o outputs",
    )
    demo.add_argument("-o", "--output", default="outputs", metavar="FOLDER", help="where to write (default: outputs)")
    demo.add_argument("--size", type=_positive, default=None, help="longer side of the pictures")

    _command(commands, "doctor", _doctor, "Check this installation and say what it can do.", "liquidwarp doctor")
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    about: str,
    examples: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"examples:\n{_indent(examples)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _add_source(parser: argparse.ArgumentParser, *, many: bool) -> None:
    if many:
        parser.add_argument("photos", nargs="+", metavar="PHOTO", help="photo(s) of one person, or a clip")
    else:
        parser.add_argument("photos", nargs=1, metavar="PHOTO", help="photo of the person")
    parser.add_argument(
        "--person", type=_count, default=0, metavar="N", help="which person of the photo, 0 is the largest (default)"
    )


def _add_output(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=what)
    parser.add_argument(
        "--size", type=_positive, default=None, help="longer side of the output (default: the photo's own)"
    )


def _add_camera(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--camera",
        choices=("smooth", "copy", "source"),
        default="smooth",
        help="smooth: move through the photo as the reference does (default); copy: the reference's camera and place; "
        "source: stay in place",
    )


def _add_wear(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--wear",
        action="append",
        default=[],
        required=required,
        metavar="PART=PHOTO",
        help="take a part from another photo; PART is head, upper, lower, shoes, body, all or a single part; repeatable",
    )


def _add_look(parser: argparse.ArgumentParser, *, background: str) -> None:
    parser.add_argument(
        "--background",
        default=background,
        metavar="IMAGE|keep|plain",
        help=f"keep: the photo without the person; plain: light grey; or a picture (default: {background})",
    )
    parser.add_argument(
        "--renderer",
        choices=("surface", "gan"),
        default="surface",
        help="surface: training-free (default); gan: needs weights",
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} must not be negative")
    return value


def _encode(options: argparse.Namespace) -> "SourceState":
    """Make the (dressed) person of a command."""
    from liquidwarp.tasks import encode_source, transfer_appearance

    wear = {}
    for item in options.wear:
        part, separator, photo = item.partition("=")
        if not separator or not part or not photo:
            raise InputError(f"--wear {item}: wanted PART=PHOTO, such as --wear upper=jacket.jpg")
        _check_part(part)
        wear[part] = photo
    photos = options.photos if len(options.photos) > 1 else options.photos[0]
    person = encode_source(photos, person=options.person, progress=True)
    if not wear:
        return person
    return transfer_appearance(person, {part: encode_source(photo) for part, photo in wear.items()})


def _check_part(part: str) -> None:
    from liquidwarp.bodies.parts import part_labels

    part_labels(part)


def _load_motion(options: argparse.Namespace) -> "BodyTrack":
    from liquidwarp.tasks import recover
    from liquidwarp.types import BodyTrack

    if Path(options.motion).suffix.lower() == ".npz":
        return BodyTrack.load(options.motion)
    return recover(options.motion, person=options.motion_person, progress=True)


def _check_writable(path: str) -> None:
    """Fail before the long work, not after it."""
    from liquidwarp.files import check_writable

    check_writable(path)


def _imitate(options: argparse.Namespace) -> None:
    from liquidwarp.tasks import imitate, write_video

    _refuse_picture(options.output, "--motion makes a video; give a name that ends in .mp4")
    _check_writable(options.output)
    person, motion = _encode(options), _load_motion(options)
    frames = imitate(
        person,
        motion,
        camera=options.camera,
        size=options.size,
        background=options.background,
        renderer=options.renderer,
    )
    sound = None if getattr(options, "mute", False) or options.motion.endswith(".npz") else options.motion
    write_video(frames, options.output, fps=motion.fps or 25.0, sound=sound, total=len(motion), progress=True)
    print(options.output)


def _transfer(options: argparse.Namespace) -> None:
    if options.motion:
        _imitate(options)
        return
    from liquidwarp.media import to_uint8, write_image
    from liquidwarp.tasks import novel_view

    if Path(options.output).suffix.lower() not in _PICTURES:
        raise OutputError(
            f"{options.output}: without --motion the result is one picture; give a name that ends in .png or .jpg"
        )
    _check_writable(options.output)
    person = _encode(options)
    picture = next(
        novel_view(
            person, degrees=0, frames=1, size=options.size, background=options.background, renderer=options.renderer
        )
    )
    write_image(options.output, to_uint8(picture.image))
    print(options.output)


def _view(options: argparse.Namespace) -> None:
    from liquidwarp.media import to_uint8, write_image
    from liquidwarp.tasks import novel_view, write_video

    single = options.frames == 1 and Path(options.output).suffix.lower() in _PICTURES
    if not single:
        _refuse_picture(options.output, "several views make a video; give a name that ends in .mp4, or --frames 1")
    _check_writable(options.output)
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
        renderer=options.renderer,
    )
    if single:
        write_image(options.output, to_uint8(next(frames).image))
    else:
        write_video(frames, options.output, fps=options.fps, total=options.frames, progress=True)
    print(options.output)


def _refuse_picture(path: str, why: str) -> None:
    if Path(path).suffix.lower() in _PICTURES:
        raise OutputError(f"{path}: {why}")


def _recover(options: argparse.Namespace) -> None:
    from liquidwarp.tasks import draw_overlay, recover

    if Path(options.output).suffix.lower() != ".npz":
        raise OutputError(f"{options.output}: a track is an .npz file; give a name that ends in .npz")
    for path in filter(None, (options.output, options.overlay)):
        _check_writable(path)
    track = recover(options.source, person=options.person, progress=True)
    track.save(options.output)
    print(options.output)
    if options.overlay:
        draw_overlay(options.source, track, options.overlay, progress=True)
        print(options.overlay)


def _demo(options: argparse.Namespace) -> None:
    from liquidwarp.demo import run_demo

    for path in run_demo(options.output, size=options.size, progress=True):
        print(path)


def _doctor(options: argparse.Namespace) -> None:
    from liquidwarp.doctor import report

    lines, healthy = report()
    print("\n".join(lines))
    if not healthy:
        raise LiquidwarpError("something above needs mending; 'make test' in a fresh clone sets everything up anew")


if __name__ == "__main__":
    sys.exit(main())
