"""Every reader of what a user may hand over, small files that it takes, and how these are made worse."""

import io
import itertools
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import torch
from damage import damage_bytes, damage_json, damage_npz, damage_pickle, damage_png, damage_safetensors
from PIL import Image
from toy_people import ToyDetector, toy_photo

from liquidwarp.batch import read_jobs
from liquidwarp.bodies.smpl_files import read_smpl_file
from liquidwarp.cards import halved, save_with_card
from liquidwarp.data.folder import load_clips
from liquidwarp.data.protocols import load_protocol
from liquidwarp.data.recovery_truth import read_truth
from liquidwarp.demo import asset
from liquidwarp.detect import read_coco_keypoints, read_openpose
from liquidwarp.files import read_checkpoint
from liquidwarp.labels.classes import class_map
from liquidwarp.media import is_image, is_video, open_video, read_image, read_provenance, write_image, write_video
from liquidwarp.media.image import read_fov
from liquidwarp.methods import make_method
from liquidwarp.motion import read_joint_map, read_motion
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.weights import load_generator
from liquidwarp.person import SourceState
from liquidwarp.regress import load_landmark_network
from liquidwarp.regress.landmark_network import LandmarkNetwork
from liquidwarp.regress.landmarks import regressor_start
from liquidwarp.scene import read_scene
from liquidwarp.tasks import encode_source
from liquidwarp.tasks.drive import numbered_files
from liquidwarp.testing import toy_body
from liquidwarp.testing.stand_in import stand_in_arrays
from liquidwarp.train.config import Config, dump_config, load_config
from liquidwarp.types import BodyTrack

_SIZE = (24, 32)
Damager = Callable[..., bytes]


@dataclass(frozen=True)
class Reader:
    """A way into the library.

    Attributes:
        seeds: whole files by name, made once.
        read: reads one and uses what it gives.
        named: its errors name the file; those of settings name the key.
        inside: makes worse what a file holds, with checksums and lengths that are right; None: bytes alone.
    """

    seeds: Callable[[], dict[str, bytes]]
    read: Callable[[Path], object]
    inside: Damager | None = None
    named: bool = True

    def worse(self, data: bytes, steps: tuple, inside: bool) -> bytes:
        """Return a file made worse."""
        return self.inside(data, steps) if inside and self.inside is not None else damage_bytes(data, steps)


def _noise(seed: int = 0, *, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (*_SIZE, channels)).astype(np.uint8)


def _finite(track: BodyTrack) -> None:
    assert len(track) > 0
    assert bool(torch.isfinite(track.body_pose).all() and torch.isfinite(track.transl).all())


def _made(write: Callable[[Path], object], *names: str) -> dict[str, bytes]:
    """Return files that a function writes."""
    with TemporaryDirectory() as folder:
        for name in names:
            write(Path(folder) / name)
        return {name: (Path(folder) / name).read_bytes() for name in names}


# Pictures.


@cache
def pictures() -> dict[str, bytes]:
    found = _made(lambda path: write_image(path, _noise()), "a.png", "a.jpg", "a.webp")
    for name, kind, more in (
        ("a.bmp", "BMP", {}),
        ("a.tiff", "TIFF", {"compression": "tiff_deflate"}),
        ("b.tiff", "TIFF", {"dpi": (72, 72)}),
        ("a.gif", "GIF", {}),
        ("a.ppm", "PPM", {}),
        ("a.tga", "TGA", {}),
    ):
        stream = io.BytesIO()
        Image.fromarray(_noise()).save(stream, kind, **more)
        found[name] = stream.getvalue()
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x8769] = 6, {0xA405: 28, 0xA002: 32, 0xA003: 24}
    Image.fromarray(_noise()).convert("CMYK").save(stream, "JPEG", exif=exif, icc_profile=b"\0" * 140)
    return found | {"exif.jpg": stream.getvalue()}


def read_picture(path: Path) -> None:
    if is_image(path):
        read_provenance(path)
    read_fov(path)
    picture = read_image(path)
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.size > 0


def palettes() -> dict[str, bytes]:
    stream = io.BytesIO()
    Image.fromarray(_noise(channels=1)[..., 0] % 20).save(stream, "PNG")
    return {"0.png": stream.getvalue()}


def read_labels(path: Path) -> None:
    for file in numbered_files(path.parent):
        assert class_map(file, 20).max() < 20
    for frame in open_video(path.parent):
        assert frame.ndim == 3


# Moving pictures.


@cache
def films() -> dict[str, bytes]:
    frames = [_noise(seed) for seed in range(3)]
    found = _made(lambda path: write_video(frames, path, fps=25), "a.mp4", "a.webm", "a.mkv", "a.gif")
    for name, kind in (("a.webp", "WEBP"), ("b.png", "PNG")):
        stream = io.BytesIO()
        first, *rest = map(Image.fromarray, frames)
        first.save(stream, kind, save_all=True, append_images=rest, duration=40)
        found[name] = stream.getvalue()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.avi"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("mjpeg", rate=25)
            stream.height, stream.width, stream.pix_fmt = *_SIZE, "yuvj420p"
            sound = output.add_stream("pcm_s16le", rate=8000, layout="mono")
            for frame in frames:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuvj420p")))
            noise = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            noise.sample_rate = 8000
            output.mux(sound.encode(noise))
            for each in (stream, sound):
                output.mux(each.encode(None))
        found["a.avi"] = path.read_bytes()
    return found


def read_film(path: Path) -> None:
    is_video(path)
    film = open_video(path)
    assert film.frame_count >= 0
    for frame in itertools.islice(film, 5):
        assert frame.shape == (*film.size, 3)
    read_provenance(path)


def read_sound(path: Path) -> None:
    with TemporaryDirectory() as folder:
        write_video([_noise()] * 2, Path(folder) / "out.mp4", fps=25, sound=path)


# Motions.


@cache
def tracks() -> dict[str, bytes]:
    body = toy_body()
    zeros = torch.zeros
    truth = BodyTrack.load(asset("motion_truth.npz"))[:3]
    track = BodyTrack(
        "toy", zeros(4), zeros(3, 3), zeros(3, len(body.parents) - 1, 3), torch.ones(3, 3), truth.camera, 25.0,
        torch.ones(3), torch.ones(3, dtype=torch.bool), cuts=(1,),
    )  # fmt: skip
    return _made(track.save, "a.npz")


def read_body_motion(path: Path) -> None:
    _finite(read_motion(path, toy_body()))


_SCENE = b"""[scene]
size = 128
seconds = 2.5
background = "plain"

[camera]
path = "dolly"
by = [0.5, 0, 1]

[[performer]]
source = "a.jpg"
motion = "a.mp4"
place = [0.5, -1]

[[performer]]
source = "b.person"
motion = "b.bvh"
person = 1
start = 1.5
turn = 90
"""

_BVH = """HIERARCHY
ROOT Hips
{ OFFSET 0 90 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
"""


@cache
def bvh() -> dict[str, bytes]:
    def limb(names: list[str], offsets: list[tuple[int, int, int]]) -> str:
        opened = "".join(
            f"JOINT {name} {{ OFFSET {x} {y} {z}\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
            for name, (x, y, z) in zip(names, offsets, strict=True)
        )
        return opened + "End Site { OFFSET 0 5 0 }\n" + "}\n" * len(names)

    def side(name: str, x: int) -> str:
        return limb(
            [f"{name}UpLeg", f"{name}Leg", f"{name}Foot", f"{name}Toe"],
            [(x, 0, 0), (0, -45, 0), (0, -40, 0), (0, -5, 12)],
        )

    def arm(name: str, x: int) -> str:
        names = [f"{name}{part}" for part in ("Shoulder", "Arm", "ForeArm", "Hand")]
        return limb(names, [(x, 15, 0), (2 * x, 0, 0), (3 * x, 0, 0), (3 * x, 0, 0)])

    spine = "".join(
        f"JOINT {name} {{ OFFSET 0 15 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
        for name in ("Spine", "Spine1", "Spine2")
    )
    head = limb(["Neck", "Head"], [(0, 20, 0), (0, 10, 0)])
    text = _BVH + side("Left", 9) + side("Right", -9) + spine + head + arm("Left", 8) + arm("Right", -8) + "}\n" * 4
    channels = 3 + 3 * text.count("CHANNELS")
    rows = "\n".join(
        " ".join(f"{value:.2f}" for value in row) for row in np.random.default_rng(0).normal(0, 9, (3, channels))
    )
    return {"a.bvh": f"{text}MOTION\nFrames: 3\nFrame Time: 0.0333\n{rows}\n".encode()}


def _smpl_values() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "poses": rng.normal(0, 0.2, (3, 156)),
        "trans": rng.normal(0, 1, (3, 3)),
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(30.0),
    }


def amass() -> dict[str, bytes]:
    stream = io.BytesIO()
    np.savez_compressed(stream, **_smpl_values())
    return {"a.npz": stream.getvalue()}


def pickles() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    vibe = {"pose": rng.normal(0, 0.2, (3, 72)), "betas": np.zeros((3, 10)), "orig_cam": np.ones((3, 4)),
            "pred_cam": np.ones((3, 3)), "frame_ids": np.array([0, 1, 3])}  # fmt: skip
    iper = {"pose": rng.normal(0, 0.2, (3, 72)), "shape": np.zeros((3, 10)), "cams": np.ones((3, 3))}
    plain = {key: value for key, value in _smpl_values().items() if value.ndim}
    return {f"{n}.pkl": pickle.dumps(value, 2) for n, value in enumerate((vibe, iper, plain))}


@cache
def smpl_models() -> dict[str, bytes]:
    arrays = {
        k: v.astype(np.float32) if v.dtype.kind == "f" else v
        for k, v in stand_in_arrays("smpl").items()
        if k != "posedirs"
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return {"SMPL_NEUTRAL.npz": stream.getvalue(), "SMPL_NEUTRAL.pkl": pickle.dumps(arrays, 2)}


def damage_smpl(data: bytes, steps: tuple) -> bytes:
    return damage_npz(data, steps) if data.startswith(b"PK") else damage_pickle(data, steps)


# People, weights, settings.


@cache
def _person() -> SourceState:
    body = toy_body()
    colours = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)
    photo = toy_photo(body, colours)
    return encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@cache
def people() -> dict[str, bytes]:
    return _made(_person().save, "a.person")


def weights() -> dict[str, bytes]:
    compact = {"configuration": "compact", "widths": [8, 8, 8, 8], "figures": [1.0, 2.0]}
    network = LandmarkNetwork(regressor_start()[0], 8, 8, 1)
    sizes = {"configuration": "landmarks", "width": 8, "inner": 8, "depth": 1}
    generator = CompactGenerator((8, 8, 8, 8))
    found = _made(lambda path: save_with_card(halved(generator), path, compact), "a.safetensors")
    return found | _made(lambda path: save_with_card(halved(network), path, sizes), "landmarks.safetensors")


def read_weights(path: Path) -> None:
    if path.stem == "landmarks":
        load_landmark_network(path)
    else:
        load_generator(path)
        make_method("compact", weights=path)


def checkpoints() -> dict[str, bytes]:
    found = {}
    for name, old in (("a.pth", False), ("old.pth", True)):
        stream = io.BytesIO()
        torch.save({"state_dict": {"module.a": torch.zeros(2, 3)}}, stream, _use_new_zipfile_serialization=not old)
        found[name] = stream.getvalue()
    return found


def damage_checkpoint(data: bytes, steps: tuple) -> bytes:
    if not data.startswith(b"PK"):
        return damage_bytes(data, steps)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for step in steps:
        name = sorted(members)[step.place % len(members)]
        members[name] = damage_bytes(members[name], (step,))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def coco() -> dict[str, bytes]:
    spots = [float(value) for n in range(17) for value in (10 + n, 20 + n % 5, 2)]
    entries = [{"image_id": n, "keypoints": spots, "category_id": 1} for n in range(3)]
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in range(3)]
    results = [{"image_id": n, "keypoints": spots, "score": 0.9} for n in range(3)]
    return {
        "a.json": json.dumps({"images": images, "annotations": entries}).encode(),
        "b.json": json.dumps(results).encode(),
    }


def openpose() -> dict[str, bytes]:
    person = {"pose_keypoints_2d": [float(v) for n in range(25) for v in (10 + n, 20 + n % 5, 0.8)]}
    return {"a_keypoints.json": json.dumps({"version": 1.3, "people": [person, person]}).encode()}


def protocols() -> dict[str, bytes]:
    entry = {"flag": [0, 9], "source": ["00001.jpg"], "view angle": [0], "s_n": {"1": ["00001.jpg"]},
             "self_imitation": {"target": "a", "range": [0, 9]}}  # fmt: skip
    return {"a.json": json.dumps({"val": {"a": entry}, "vid_name_pairs": [["a", "a"]]}).encode()}


def clip_cards() -> dict[str, bytes]:
    return {"clip.json": json.dumps({"format": 1, "frames": 1, "size": [24, 32], "person": "a"}).encode()}


def read_clip_card(path: Path) -> None:
    clip = path.parent / "clips" / "a"
    for part, ending in (("frames", "jpg"), ("masks", "png")):
        (clip / part).mkdir(parents=True, exist_ok=True)
        (clip / part / f"00000.{ending}").write_bytes(pictures()[f"a.{ending}"])
    (clip / "track.npz").write_bytes(tracks()["a.npz"])
    (clip / "clip.json").write_bytes(path.read_bytes())
    load_clips(path.parent / "clips")


def truths() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    np.savez(
        stream, joints_3d=rng.normal(size=(3, 17, 3)), joints_2d=rng.normal(size=(3, 17, 2)), intrinsics=np.eye(3),
        size=np.array([100, 100]), fps=np.array(50.0),
    )  # fmt: skip
    wild = {"jointPositions": [rng.normal(size=(3, 72))], "cam_poses": np.tile(np.eye(4), (3, 1, 1)),
            "cam_intrinsics": np.array([[900.0, 0, 270], [0, 900, 480], [0, 0, 1]]),
            "poses2d": [rng.uniform(1, 400, (3, 3, 18))], "campose_valid": [np.ones(3)]}  # fmt: skip
    return {"a.npz": stream.getvalue(), "a.pkl": pickle.dumps(wild, 2)}


def job_tables() -> dict[str, bytes]:
    rows = (
        "photo,motion,output,size,wear,smooth,mute,hands",
        'a.jpg;"b c.jpg",walk.bvh,out/1.mp4,64,upper=b.jpg;lower=c.jpg,arms=0.5,yes,',
        "me.person,dance.npz,2.mp4,,,,,no",
        '"a,b.jpg",none.mp4,"3 ""x"".mp4",,,,,',
    )
    return {"a.csv": "\r\n".join(rows).encode(), "b.csv": b"\xef\xbb\xbfoutput,motion,photo\n1.mp4,a.npz,a.jpg\n"}


def read_job_table(path: Path) -> None:
    plan = read_jobs(path)
    assert plan.rows
    assert {row.step for row in plan.rows} <= set(plan.steps)
    for step in plan.steps.values():
        assert set(step.needs) <= set(plan.steps)


READERS: dict[str, Reader] = {
    "picture": Reader(pictures, read_picture),
    "png": Reader(lambda: {"a.png": pictures()["a.png"], "b.png": films()["b.png"]}, read_picture, damage_png),
    "labels": Reader(palettes, read_labels, damage_png),
    "film": Reader(films, read_film),
    "animation": Reader(lambda: {"b.png": films()["b.png"]}, read_film, damage_png),
    "sound": Reader(lambda: {"a.avi": films()["a.avi"]}, read_sound),
    "track": Reader(tracks, read_body_motion, damage_npz),
    "bvh": Reader(bvh, read_body_motion),
    "amass": Reader(amass, read_body_motion, damage_npz),
    "pose pickle": Reader(pickles, read_body_motion, damage_pickle),
    "smpl": Reader(smpl_models, read_smpl_file, damage_smpl),
    "person": Reader(people, lambda path: SourceState.load(path, _person().body), damage_safetensors),
    "weights": Reader(weights, read_weights, damage_safetensors),
    "checkpoint": Reader(checkpoints, read_checkpoint, damage_checkpoint),
    "toml": Reader(lambda: {"a.toml": dump_config(Config()).encode()}, load_config, named=False),
    "joint map": Reader(lambda: {"a.txt": b"left_hip = Thigh.L\nneck = 'Neck'\n# done\n"}, read_joint_map),
    "job table": Reader(job_tables, read_job_table),
    "scene": Reader(lambda: {"a.toml": _SCENE}, read_scene),
    "coco": Reader(coco, lambda path: read_coco_keypoints(path, size=(48, 64), fps=25.0, frames=3), damage_json),
    "openpose": Reader(openpose, lambda path: read_openpose(path, size=(48, 64), fps=25.0), damage_json),
    "protocol": Reader(protocols, load_protocol, damage_json),
    "clip card": Reader(clip_cards, read_clip_card, damage_json),
    "truth": Reader(truths, read_truth, damage_smpl),
}
