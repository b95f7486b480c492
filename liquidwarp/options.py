"""The options of the command line."""

import argparse
import math
from typing import NoReturn

from liquidwarp import __version__
from liquidwarp.errors import InputError

_NARROWEST, _WIDEST = 2, 150  # fields of view, degrees, as `geometry.default_camera`
_SMALLEST, _LARGEST = 16, 8192  # longer side of a picture, pixels: what can show a person, what H.264 can hold
_A_VIDEO = "a video: .mp4, .mkv, .mov, .webm or .gif"

LIMBS = (
    "pelvis",
    "trunk",
    "head",
    "arms",
    "hands",
    "legs",
    "left_arm",
    "right_arm",
    "left_hand",
    "right_hand",
    "left_leg",
    "right_leg",
    "all",
)
"""What `--smooth` smooths: `liquidwarp.fit.LIMBS`, and all of them."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are like all others: one line, raised."""

    def error(self, message: str) -> NoReturn:
        """Raise the error instead of printing the usage and leaving."""
        raise InputError(f"{message}; see '{self.prog} --help'")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser; what it returns names the command in `command`.

    Its errors are raised as `InputError`, in one line.
    """
    parser = _Parser(
        prog="liquidwarp", description="Put a person in motion from a single photo, through a 3D body mesh."
    )
    parser.add_argument("--version", action="version", version=f"liquidwarp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    imitate = _command(
        commands,
        "imitate",
        "Let the person in a photo do the motion of a video.",
        "liquidwarp imitate me.jpg --motion dance.mp4 -o me_dancing.mp4\n"
        "liquidwarp imitate front.jpg back.jpg --motion dance.npz --camera source --size 512 -o out.mp4\n"
        "liquidwarp imitate me.jpg --motion dance.mp4 --wear upper=shop.jpg --background beach.jpg -o out.mp4\n"
        "liquidwarp imitate us.jpg --person all --motion dance.mp4 -o we_dance.mp4\n"
        "liquidwarp imitate us.jpg --pair 0:1 1:0 --motion couple.mp4 -o we_dance.mp4\n"
        "liquidwarp imitate me.jpg --fg you.jpg --background beach.jpg --motion dance.mp4 --method disco "
        "--weights FOLDER -o out.mp4",
    )
    _add_source(imitate, many=True, everyone=True)
    imitate.add_argument(
        "--pair",
        nargs="+",
        type=_pair,
        default=[],
        metavar="PHOTO:MOTION",
        help="who does whose motion, by their numbers in photo and video, such as 0:1 1:0; others stay as they are",
    )
    imitate.add_argument(
        "--motion",
        required=True,
        metavar="VIDEO|MOTION",
        help="a video, a track from 'liquidwarp recover', or another motion: .bvh, or .npz or .pkl of the SMPL family",
    )
    _add_motion_person(imitate)
    _add_fov(imitate, "--motion-fov", "motion's (a video)", "estimated")
    _add_joint_map(imitate)
    _add_smooth(imitate)
    _add_output(imitate, _A_VIDEO)
    _add_camera(imitate)
    _add_face(imitate)
    _add_wear(imitate, required=False)
    _add_look(imitate, background="keep")
    imitate.add_argument(
        "--fg",
        nargs="+",
        default=[],
        metavar="PICTURE [MASK]",
        help="show the person of this picture, with methods that are told them apart (disco); the mask is white on the "
        "person, by default transparency says, or we look",
    )
    imitate.add_argument(
        "--drawn",
        action="store_true",
        help="the motion is a clip, a folder or a picture of skeletons, drawn as OpenPose does, with methods that look "
        "at such (disco)",
    )
    _add_sound(imitate)

    transfer = _command(
        commands,
        "transfer",
        "Dress the person in a photo in parts of other photos.",
        "liquidwarp transfer me.jpg --wear upper=jacket.jpg -o me_in_jacket.png\n"
        "liquidwarp transfer me.jpg --wear upper=a.jpg --wear lower=b.jpg --motion dance.mp4 -o out.mp4",
    )
    _add_source(transfer, many=False)
    _add_wear(transfer, required=True)
    transfer.add_argument(
        "--motion", metavar="VIDEO|MOTION", help="let the dressed person do a motion; -o is then a video"
    )
    _add_motion_person(transfer)
    _add_fov(transfer, "--motion-fov", "motion's (a video)", "estimated")
    _add_joint_map(transfer)
    _add_smooth(transfer)
    _add_camera(transfer)
    _add_face(transfer)
    _add_sound(transfer)
    _add_output(transfer, "a picture, or with --motion a video")
    _add_look(transfer, background="keep")
    transfer.set_defaults(fg=[], drawn=False, pair=[])  # of `imitate`, which does the motion

    guides = _command(
        commands,
        "guides",
        "Write what guides other generators: skeleton, depth, normals, parts and masks of the person in motion.",
        "liquidwarp guides me.jpg --motion dance.mp4 -o guides\n"
        "liquidwarp guides me.jpg --motion dance.npz --size 768 --layout champ -o champ_motion",
    )
    _add_source(guides, many=True)
    guides.add_argument("--motion", required=True, metavar="VIDEO|MOTION", help="as for 'liquidwarp imitate'")
    _add_motion_person(guides)
    _add_fov(guides, "--motion-fov", "motion's (a video)", "estimated")
    _add_joint_map(guides)
    _add_smooth(guides)
    guides.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="a new or empty folder, or one of earlier guides"
    )
    guides.add_argument("--size", type=_size, default=None, metavar="PIXELS", help="longer side (default: the photo's)")
    guides.add_argument(
        "--layout",
        choices=("control", "champ"),
        default="control",
        help="control: a folder of numbered PNGs per guide (default); champ: what mesh-guided animators read",
    )
    _add_camera(guides)
    _add_wear(guides, required=False)
    _add_look(guides, background="plain")

    learn = _command(
        commands,
        "learn",
        "Learn the person in a photo once, for every other command.",
        "liquidwarp learn me.jpg -o me.person\n"
        "liquidwarp learn front.jpg back.jpg --wear upper=jacket.jpg -o me_in_jacket.person\n"
        "liquidwarp imitate me.person --motion dance.mp4 -o me_dancing.mp4",
    )
    _add_source(learn, many=True)
    _add_wear(learn, required=False)
    learn.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT.person",
        help="takes the place of a photo from then on; holds the photos, so treat it as you treat them",
    )

    _add_live(commands)
    _add_talk(commands)
    _add_web(commands)
    _add_labels(commands)
    view = _command(
        commands,
        "view",
        "Show the person in a photo from all sides.",
        "liquidwarp view me.jpg -o turn.mp4\n"
        "liquidwarp view me.jpg --degrees 90 --frames 30 --elevation 10 --pose a -o out.mp4\n"
        "liquidwarp view me.jpg --start 180 --frames 1 -o from_behind.png",
    )
    _add_source(view, many=True)
    _add_output(view, "a video, or with --frames 1 a picture")
    view.add_argument("--degrees", type=_number, default=360.0, help="how far around (default 360)")
    view.add_argument(
        "--start", type=_number, default=0.0, metavar="DEGREES", help="where to start; 0 is the photo's view (default)"
    )
    view.add_argument("--frames", type=_positive, default=90, help="number of views (default 90)")
    view.add_argument(
        "--elevation", type=_elevation, default=0.0, metavar="DEGREES", help="above the horizon, -90 to 90 (default 0)"
    )
    view.add_argument(
        "--pose", choices=("source", "a", "t"), default="source", help="pose of the person (default: source)"
    )
    view.add_argument("--fps", type=_rate, default=25.0, help="frames per second (default 25)")
    _add_wear(view, required=False)
    _add_look(view, background="keep")

    recover = _command(
        commands,
        "recover",
        "Recover body shape and motion from a video or photo, to use again.",
        "liquidwarp recover dance.mp4 -o dance.npz\n"
        "liquidwarp recover dance.mp4 -o dance.npz --overlay check.mp4\n"
        "liquidwarp recover two_dancers.mp4 --person 1 -o second.npz\n"
        "liquidwarp recover dance.mp4 --regressor landmarks --no-fit -o quick.npz\n"
        "liquidwarp recover dance.mp4 --regressor spin --weights model_checkpoint.pt --body smpl -o dance.npz",
    )
    recover.add_argument("source", metavar="VIDEO|PHOTO")
    recover.add_argument("-o", "--output", required=True, metavar="TRACK.npz")
    recover.add_argument("--overlay", metavar="OUT.mp4", help="also draw the body over the video")
    recover.add_argument(
        "--person", type=_count, default=0, metavar="N", help="which person, 0 is the largest (default)"
    )
    _add_fov(recover, "--fov", "video's or photo's", "what a photo says of itself, or estimated")
    recover.add_argument(
        "--regressor",
        choices=("landmarks", "image", "hmr", "spin"),
        help="let a network look first: landmarks and image come with liquidwarp, the others need published --weights",
    )
    recover.add_argument("--weights", metavar="FILE", help="of the regressor; nothing in the file is executed")
    recover.add_argument("--no-fit", action="store_true", help="take the regressor's answer as it is")
    recover.add_argument(
        "--register",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look for the person's own surface in every frame of a video: more exact in depth, three times as long",
    )
    _add_smooth(recover)
    _add_hands(recover)
    _add_body(recover)
    _add_models(recover)

    demo = _command(
        commands,
        "demo",
        "Imitate, transfer and orbit with the pictures that come with liquidwarp.",
        "liquidwarp demo -o outputs\nliquidwarp demo -o small --size 256",
    )
    demo.add_argument("-o", "--output", default="outputs", metavar="FOLDER", help="where to write (default: outputs)")
    demo.add_argument("--size", type=_size, default=None, metavar="PIXELS", help="longer side of the pictures")
    _add_device(demo)
    _add_models(demo)

    _add_body_commands(commands)
    export = _command(
        commands,
        "export",
        "Write a motion for other programs.",
        "liquidwarp export dance.npz -o dance.bvh\n"
        "liquidwarp export dance.npz -o dance_amass.npz\n"
        "liquidwarp export dance.npz --photo me.jpg -o me_dancing.glb\n"
        "liquidwarp export dance.npz --photo me.jpg --names mixamo -o for_unity.glb",
    )
    export.add_argument("motion", metavar="MOTION", help="a track, .bvh, or .npz or .pkl of the SMPL family")
    _add_motion_person(export)
    _add_joint_map(export)
    export.add_argument(
        "-o", "--output", required=True, metavar="OUT", help=".npz (AMASS's format), .bvh, or .glb (mesh and animation)"
    )
    export.add_argument(
        "--photo", metavar="PHOTO", help="with .glb: who does the motion, clothes and all; a .person too"
    )
    export.add_argument(
        "--names",
        choices=("own", "mixamo", "vrm"),
        default="own",
        help="what bones are called in .bvh and .glb: the body's own names (default), Mixamo's, or VRM's",
    )
    _add_body(export)
    _add_models(export)
    weights = _command(
        commands,
        "weights",
        "Make published weights usable.",
        "liquidwarp weights import net_epoch_30_id_G.pth -o iccv.safetensors\n"
        "liquidwarp imitate me.jpg --motion dance.mp4 --weights iccv.safetensors -o out.mp4",
    )
    weights.add_argument("action", choices=("import",), help="import: recognise a checkpoint and write it with a card")
    weights.add_argument("file", metavar="FILE.pth", help="a published generator; nothing in it is executed")
    weights.add_argument(
        "-o", "--output", default=None, metavar="OUT.safetensors", help="where to write (default: beside FILE)"
    )
    weights.add_argument(
        "--as",
        dest="configuration",
        metavar="NAME",
        help="which network it is, where several have the same parameters, such as AddLWB and AvgLWB",
    )

    _command(commands, "methods", "List the methods that make the pictures.", "liquidwarp methods")
    training = _command(
        commands,
        "train",
        "Train a generator, or go on with a training that was stopped.",
        "liquidwarp train --set data.path=outputs/pairs -o outputs/run\n"
        "liquidwarp train recipe.toml --set train.lr=1e-4 --minutes 120 -o outputs/run\n"
        "liquidwarp train --method edn --clip me.mp4 -o outputs/me\n"
        "torchrun --nproc-per-node 2 -m liquidwarp.cli train recipe.toml -o outputs/run",
    )
    training.add_argument("config", nargs="?", metavar="CONFIG.toml", help="see docs/training.md (default: defaults)")
    training.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        help="change a key of the configuration; repeatable",
    )
    training.add_argument(
        "--method", metavar="NAME", help="take the method's compact recipe, such as edn, in place of CONFIG.toml"
    )
    training.add_argument(
        "--clip", metavar="VIDEO", help="train on this clip of one person (data.kind=video), as edn does"
    )
    training.add_argument("--minutes", type=_number, default=None, help="end in order after so long, over all runs")
    training.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="of the run; one that holds a run goes on with it"
    )

    batch = _command(
        commands,
        "batch",
        "Do many imitations, a row of a table each; what rows share is learnt once.",
        "liquidwarp batch jobs.csv --jobs 2\nliquidwarp batch jobs.csv --dask tcp://scheduler:8786",
    )
    batch.add_argument(
        "table",
        metavar="JOBS.csv",
        help="columns photo, motion and output, and any options of imitate; see docs/howto/many-jobs.md",
    )
    where = batch.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_positive, default=1, metavar="N", help="commands at once (default 1)")
    where.add_argument("--dask", metavar="ADDRESS", help="let a Dask cluster do it, whose workers see the same files")
    batch.add_argument(
        "--work", metavar="FOLDER", help="where people and motions are kept for the next run (default: JOBS.work)"
    )

    scene = _command(
        commands,
        "scene",
        "Film a scene of several people and motions, as a file says.",
        "liquidwarp scene scene.toml -o scene.mp4",
    )
    scene.add_argument("scene", metavar="SCENE.toml", help="see docs/howto/scenes.md")
    scene.add_argument("-o", "--output", required=True, metavar="OUT", help=_A_VIDEO)
    scene.add_argument("--sound", metavar="FILE", help="carry over the sound of this file")
    _add_hands(scene)
    _add_body(scene)
    _add_models(scene)
    _add_device(scene)

    _add_evaluate(commands)
    setup = _command(
        commands,
        "setup",
        "Fetch the detector's models, once; nothing else ever fetches anything.",
        "liquidwarp setup\n"
        "liquidwarp setup --wheel mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl\n"
        "liquidwarp setup --models /opt/models",
    )
    setup.add_argument(
        "--models", metavar="FOLDER", help="where they have to be (default: LIQUIDWARP_MODELS or the user's cache)"
    )
    setup.add_argument(
        "--wheel",
        action="append",
        default=[],
        metavar="FILE",
        help="a wheel of mediapipe 0.10.21 at hand, or npm's .tgz of @mediapipe/pose (lite and heavy networks); "
        "repeatable",
    )
    verify = _command(
        commands,
        "verify",
        "Say what a picture or video tells of its origin, and whether a signed one was changed.",
        "liquidwarp verify me_dancing.mp4",
    )
    verify.add_argument("file", metavar="FILE", help="a picture or video")

    sign = _command(
        commands,
        "sign",
        "Put a signed claim of its origin (Content Credentials) into a picture or an MP4.",
        "liquidwarp sign me_dancing.mp4 --from me.jpg dance.mp4\n"
        "liquidwarp sign me_dancing.mp4 --certificate chain.pem --key key.pem",
    )
    sign.add_argument("file", metavar="FILE", help="is replaced: .jpg, .png, .webp, .mp4 or .mov")
    sign.add_argument(
        "--from", dest="ingredients", nargs="+", default=[], metavar="FILE", help="what it was made of; hashes are kept"
    )
    sign.add_argument("--certificate", metavar="PEM", help="chain of your own (default: a local one, made then)")
    sign.add_argument("--key", metavar="PEM", help="its private key, ECDSA on P-256")

    doctor = _command(
        commands,
        "doctor",
        "Check this installation and say what it can do.",
        "liquidwarp doctor\nliquidwarp doctor --models /opt/models",
    )
    _add_models(doctor)
    return parser


def own_words() -> set[str]:
    """Return the names of commands and the choices of options: words of ours, which tell nothing of a user."""
    words: set[str] = set()
    parsers: list[argparse.ArgumentParser] = [make_parser()]
    while parsers:
        for action in parsers.pop()._actions:
            words |= {str(choice) for choice in action.choices or ()}
            parsers += action.choices.values() if isinstance(action, argparse._SubParsersAction) else []
    return words


def _add_live(commands: "argparse._SubParsersAction[_Parser]") -> None:
    live = _command(
        commands,
        "live",
        "Let the person in a photo do what a camera or a video shows, while it comes.",
        "liquidwarp live me.jpg\n"
        "liquidwarp live me.jpg --webcam 1 --size 384 --camera source\n"
        "liquidwarp live me.jpg --virtual-camera --mirror --preview\n"
        "liquidwarp live me.jpg --stream udp://127.0.0.1:5000\n"
        "liquidwarp live me.jpg --motion dance.mp4 -o out.mp4",
    )
    _add_source(live, many=True)
    driver = live.add_mutually_exclusive_group()
    driver.add_argument("--webcam", type=_count, default=0, metavar="N", help="which camera drives (default 0)")
    driver.add_argument("--motion", metavar="VIDEO", help="let a video drive instead")
    live.add_argument("--motion-person", type=_count, default=0, metavar="N", help="which person drives")
    live.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="write a video (default: show it in a window; space stops and starts, q ends; Enter and q in a console)",
    )
    live.add_argument(
        "--virtual-camera", action="store_true", help="be a camera of this machine, for OBS and calls (pyvirtualcam)"
    )
    live.add_argument("--stream", metavar="ADDRESS", help="stream to udp://HOST:PORT (H.264 in MPEG-TS)")
    live.add_argument("--preview", action="store_true", help="with one of these: show a window beside it")
    live.add_argument("--mirror", action="store_true", help="move as the driver's mirror image")
    live.add_argument("--seconds", type=_rate, metavar="S", help="end after so long (default: with the driver)")
    live.add_argument("--size", type=_size, metavar="PIXELS", help="longer side (default: the photo's)")
    _add_camera(live)
    _add_wear(live, required=False)
    _add_look(live, background="keep")
    _add_mute(live)


def _add_talk(commands: "argparse._SubParsersAction[_Parser]") -> None:
    talk = _command(
        commands,
        "talk",
        "Let the face in a photo say what somebody says in a video; no body is needed.",
        "liquidwarp talk face.jpg --motion talking.mp4 -o me_talking.mp4\n"
        "liquidwarp talk two_people.jpg --person 1 --motion talking.mp4 --head still -o out.mp4",
    )
    talk.add_argument("photo", metavar="PHOTO", help="shows the face from about the front")
    talk.add_argument(
        "--motion", required=True, metavar="VIDEO", help="of somebody who talks and looks about at the camera"
    )
    talk.add_argument(
        "--person", type=_count, default=0, metavar="N", help="which face of the photo, 0 is the largest (default)"
    )
    talk.add_argument(
        "--motion-person", type=_count, default=0, metavar="N", help="which face of the video, 0 is the largest"
    )
    talk.add_argument(
        "--head",
        choices=("move", "still"),
        default="move",
        help="move: the head follows the driver's, moderately (default); still: the face alone moves",
    )
    _add_sound(talk)
    _add_output(talk, _A_VIDEO)
    _add_models(talk)


def _add_web(commands: "argparse._SubParsersAction[_Parser]") -> None:
    web = _command(
        commands,
        "web",
        "Open a page on this machine: imitate, turn, dress, fix and live, with mouse and keyboard.",
        "liquidwarp web\nliquidwarp web --port 8000 --no-browser\nliquidwarp web --host 0.0.0.0",
    )
    web.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen (default: 127.0.0.1, this machine alone); any other lets whoever reaches it in, "
        "without a password",
    )
    web.add_argument("--port", type=_port, default=7860, metavar="N", help="0 chooses a free one (default: 7860)")
    web.add_argument(
        "--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page in a browser (default)"
    )
    _add_models(web)


def _add_labels(commands: "argparse._SubParsersAction[_Parser]") -> None:
    labels = _command(
        commands,
        "labels",
        "Paint maps of classes, such as those of a street, in the look of examples (few-shot vid2vid).",
        "liquidwarp labels --example street.png street_labels.png --labels FOLDER --weights street.safetensors "
        "-o out.mp4",
    )
    labels.add_argument(
        "--example",
        nargs=2,
        action="append",
        required=True,
        metavar=("PICTURE", "LABELS"),
        help="a picture and the map of its classes, greyscale or a palette; repeatable where the weights know several",
    )
    labels.add_argument("--labels", required=True, metavar="FOLDER", help="maps to paint, numbered without gaps")
    labels.add_argument(
        "--ids",
        choices=("cityscapes", "plain"),
        help="what values mean: Cityscapes' ids, or classes as they are (default: cityscapes where the network knows "
        "its 20 classes)",
    )
    labels.add_argument("--weights", required=True, metavar="FILE.safetensors", help="see 'liquidwarp weights import'")
    labels.add_argument("--fps", type=_rate, default=25.0, help="frames per second (default 25)")
    _add_output(labels, _A_VIDEO)
    _add_device(labels)


def _add_body_commands(commands: "argparse._SubParsersAction[_Parser]") -> None:
    body = _command(
        commands,
        "body",
        "Prepare a body model of the SMPL family from its official file.",
        "liquidwarp body convert basicModel_neutral_lbs_10_207_0_v1.0.0.pkl\n"
        "liquidwarp body convert model.npz --gender female -o body_models/smplh/SMPLH_FEMALE.npz",
    )
    convert = body.add_subparsers(required=True, metavar="COMMAND", dest="body_command").add_parser(
        "convert", help="turn an official file into a plain npz; nothing in the file is executed"
    )
    convert.add_argument("file", metavar="FILE", help="the official .pkl or .npz")
    convert.add_argument(
        "-o",
        "--output",
        default=None,
        metavar="OUT.npz",
        help="where to write (default: body_models/FAMILY/FAMILY_GENDER.npz, where --body looks)",
    )
    convert.add_argument(
        "--gender", choices=("neutral", "female", "male"), default=None, help="where the file's name does not tell"
    )


def _add_evaluate(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _command(
        commands,
        "evaluate",
        "Score clips that were made against the real ones.",
        "liquidwarp evaluate --pred made --truth real --masks masks --metrics psnr ssim lpips-alex --weights weights\n"
        "liquidwarp evaluate --pred made.mp4 --truth real.mp4 --mode published --metrics ssim psnr --json scores.json\n"
        "liquidwarp evaluate --list",
    )
    clips = "a video, a folder of pictures, or a folder of such; those of one name belong together"
    parser.add_argument("--pred", metavar="PATH", help=f"what was made: {clips}")
    parser.add_argument("--truth", metavar="PATH", help="what is real, in the same layout")
    parser.add_argument("--masks", metavar="PATH", help="where the real person is (white), in the same layout")
    parser.add_argument("--pred-masks", metavar="PATH", help="where the person made is")
    parser.add_argument("--coverage", metavar="PATH", help="0 background, 1 seen, 2 mirrored, 3 filled, per pixel made")
    parser.add_argument("--pred-keypoints", metavar="PATH", help="OpenPose's folder or a COCO file, of the clip made")
    parser.add_argument("--keypoints", metavar="PATH", help="the same of the real clip, by the same detector")
    parser.add_argument("--metrics", nargs="+", metavar="NAME", help="see --list (default: those without weights)")
    parser.add_argument("--regions", nargs="+", metavar="NAME", help="full, person, seen, unseen (default: known ones)")
    parser.add_argument("--mode", choices=("corrected", "published"), default="corrected", help="see docs/metrics.md")
    parser.add_argument("--weights", metavar="FOLDER", help="published files of the networks, see docs/metrics.md")
    parser.add_argument(
        "--detector",
        choices=("none", "litert", "mediapipe"),
        default="none",
        help="finds landmarks where none are given; litert also drives motion and mediapipe runs the same networks, so "
        "both favour themselves (default: none)",
    )
    _add_models(parser)
    parser.add_argument("--size", type=_size, help="of the mode published: side of the squares (default: 512)")
    parser.add_argument("--device", default="cpu", help="where networks run, such as cuda (default: cpu)")
    parser.add_argument(
        "--json", metavar="OUT.json", help="write the scores, per clip and over all, and what they mean"
    )
    parser.add_argument("--list", action="store_true", help="say which metrics there are, and what each lacks")


def _command(
    commands: "argparse._SubParsersAction[_Parser]",
    name: str,
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
    parser.set_defaults(command=name)
    return parser


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        help="where the detector's models are looked for first (default: LIQUIDWARP_MODELS, then the user's cache)",
    )


def _add_source(parser: argparse.ArgumentParser, *, many: bool, everyone: bool = False) -> None:
    if many:
        what = "photo(s) of one person, or a clip, or a .person from 'liquidwarp learn'"
        parser.add_argument("photos", nargs="+", metavar="PHOTO", help=what)
    else:
        what = "photo of the person, or a .person from 'liquidwarp learn'"
        parser.add_argument("photos", nargs=1, metavar="PHOTO", help=what)
    parser.add_argument(
        "--person",
        type=_count_or_all if everyone else _count,
        default=0,
        metavar="N|all" if everyone else "N",
        help="which person of the photo, 0 is the largest (default)" + (", or all of them" if everyone else ""),
    )
    _add_fov(parser, "--fov", "photo's", "what the photo says of itself, or a usual one")
    _add_hands(parser)
    _add_body(parser)
    _add_models(parser)


def _add_body(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--body",
        metavar="NAME|FILE",
        help="body model: anny (default, but for a .person its own), smpl, smplh, smplx, one of these with -female or "
        "-male, or its file (see body_models/)",
    )


def _add_hands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hands",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="bend fingers as those of hands that are large enough (default); --no-hands relaxes all and is quicker",
    )


def _add_output(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=what)
    parser.add_argument(
        "--size",
        type=_size,
        default=None,
        metavar="PIXELS",
        help="longer side of the output (default: the photo's own; --camera copy: the reference's)",
    )


def _add_motion_person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--motion-person",
        type=_count,
        metavar="N",
        help="which person of the motion: in a video 0 is the largest (default); in a file its own numbers, by default "
        "the one with most frames",
    )


def _add_smooth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--smooth",
        action="append",
        type=_seconds_by_limb,
        default=[],
        metavar="LIMB=SECONDS,...",
        help="calm a limb, without delay: arms=0.5 takes out what goes there and back within half a second; limbs are "
        f"{', '.join(LIMBS)}",
    )


def _seconds_by_limb(text: str) -> dict[str, float]:
    seconds = {}
    for part in text.split(","):
        limb, _, value = part.partition("=")
        if limb not in LIMBS:
            raise argparse.ArgumentTypeError(f"there is no limb {limb!r}; choose from {', '.join(LIMBS)}")
        try:
            seconds[limb] = float(value)
        except ValueError:
            seconds[limb] = math.nan
        if not 0 <= seconds[limb] < math.inf:
            raise argparse.ArgumentTypeError(f"{part!r} gives no seconds from 0 on; write {limb}=0.5")
    return seconds


def _add_fov(parser: argparse.ArgumentParser, name: str, whose: str, default: str) -> None:
    parser.add_argument(
        name,
        type=_fov,
        metavar="DEGREES",
        help=f"the {whose} field of view along the longer side (default: {default})",
    )


def _add_joint_map(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--joint-map",
        metavar="FILE",
        help="of a .bvh whose joints are not found: a text of lines such as 'left_hip = Thigh.L', ours = theirs",
    )


def _add_sound(parser: argparse.ArgumentParser) -> None:
    sound = parser.add_mutually_exclusive_group()
    sound.add_argument("--sound", metavar="FILE", help="carry over the sound of this file (default: the video's)")
    _add_mute(sound)


def _add_mute(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--mute", action="store_true", help="leave the reference's sound out")


def _add_camera(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--camera",
        choices=("smooth", "copy", "source"),
        default="smooth",
        help="smooth: move through the photo as the reference does (default); copy: the reference's camera and place; "
        "source: stay in place",
    )


def _add_face(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--face",
        choices=("move", "still"),
        default="move",
        help="move: mouth, brows and eyelids follow the motion's where both faces are 20 pixels wide (default); "
        "still: the photo's own expression",
    )


def _add_wear(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--wear",
        action="append",
        type=_wear,
        default=[],
        required=required,
        metavar="PART=PHOTO",
        help="take a part from another photo or .person; PART is head, upper, lower, shoes, body, all or a single "
        "part; repeatable",
    )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        default="cpu",
        metavar="auto|cpu|cuda|mps",
        help="where the pictures are made; auto: on a GPU if there is one (default: cpu); finding people and motion "
        "stays on the CPU",
    )


def _add_look(parser: argparse.ArgumentParser, *, background: str) -> None:
    parser.add_argument(
        "--background",
        default=background,
        metavar="IMAGE|keep|plain",
        help=f"keep: the photo without the person; plain: light grey; or a picture (default: {background})",
    )
    maker = parser.add_mutually_exclusive_group()
    maker.add_argument(
        "--renderer",
        choices=("surface", "gan"),
        default="surface",
        help="surface: training-free (default); gan: a generator finishes the picture",
    )
    maker.add_argument(
        "--method",
        metavar="NAME[:OPTION=VALUE,...]",
        help="any method that 'liquidwarp methods' lists, in place of --renderer, such as liquid:temporal=true",
    )
    parser.add_argument(
        "--light",
        choices=("photo", "off"),
        help="photo: what turns is lit as the photo's light would (surface, default); off: it keeps what it had",
    )
    parser.add_argument(
        "--shadow",
        action=argparse.BooleanOptionalAction,
        help="feet throw a soft shadow on the floor of the background (surface)",
    )
    parser.add_argument(
        "--relight",
        action="store_true",
        default=None,
        help="light the person as another --background looks, by its colour and its brighter side (surface)",
    )
    parser.add_argument(
        "--personalize",
        action="store_true",
        help="first fit the generator to the driving video's camera and light, or to the photo if there is no video "
        "(about a minute; the result is kept); implies --renderer gan",
    )
    parser.add_argument(
        "--finetune",
        action="store_true",
        help="first fit a copy of the network to the photos, with methods that can (few-shot-vid2vid)",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE.safetensors|FOLDER",
        help="a generator of your own or a published one (see 'liquidwarp weights import'); without --method the file "
        "says of which",
    )
    _add_device(parser)


def _positive(text: str) -> int:
    return _whole(text, 1, None)


def _count(text: str) -> int:
    return _whole(text, 0, None)


def _port(text: str) -> int:
    return _whole(text, 0, 65535)


def _count_or_all(text: str) -> int | str:
    return text if text == "all" else _count(text)


def _pair(text: str) -> tuple[int, int]:
    photo, separator, motion = text.partition(":")
    if not separator or not photo.isdigit() or not motion.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not PHOTO:MOTION, such as 0:1")
    return int(photo), int(motion)


def _size(text: str) -> int:
    return _whole(text, _SMALLEST, _LARGEST)


def _whole(text: str, least: int, most: int | None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} is too small; give {least} or more")
    if most is not None and value > most:
        raise argparse.ArgumentTypeError(f"{text} is too large; give {most} or less")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; give one that ends")
    return value


def _elevation(text: str) -> float:
    value = _number(text)
    if not -90 <= value <= 90:
        raise argparse.ArgumentTypeError(f"{text} is too steep; give -90 to 90 degrees")
    return value


def _fov(text: str) -> float:
    value = _number(text)
    if not _NARROWEST <= value <= _WIDEST:
        raise argparse.ArgumentTypeError(f"{text} is no field of view; give {_NARROWEST} to {_WIDEST} degrees")
    return value


def _rate(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is no frame rate; give more than 0 and at most 1000")
    return value


def _wear(text: str) -> tuple[str, str]:
    part, separator, photo = text.partition("=")
    if not separator or not part or not photo:
        raise argparse.ArgumentTypeError(f"{text!r} is not PART=PHOTO, such as upper=jacket.jpg")
    return part, photo
