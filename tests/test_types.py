import io
import zipfile
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from liquidwarp.errors import InputError, OutputError
from liquidwarp.types import BodyTrack, Camera, CameraPath, FaceTrack, Fragments, Keypoints


def make_track(frames: int = 4) -> BodyTrack:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return BodyTrack(
        body="toy",
        betas=random(10),
        global_orient=random(frames, 3),
        body_pose=random(frames, 21, 3),
        transl=random(frames, 3),
        camera=Camera.create(300.0, (120, 90), (40.0, 61.5), orthographic=True),
        fps=23.976,
        confidence=torch.linspace(0, 1, frames),
        observed=torch.arange(frames) % 2 == 0,
        detector="hand-made 1",
        version="0.0.1",
    )


def make_face(frames: int = 4) -> FaceTrack:
    generator = torch.Generator().manual_seed(1)
    mesh, closed = 90 * torch.rand(frames, 468, 3, generator=generator), torch.rand(frames, 2, generator=generator)
    return FaceTrack.create(mesh, torch.linspace(0, 1, frames), closed)


def same(a: object, b: object) -> bool:
    if isinstance(a, Camera | FaceTrack):
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and a == b


def test_a_saved_track_comes_back_equal(tmp_path: Path) -> None:
    track = make_track()
    track.save(tmp_path / "späte spur.npz")
    loaded = BodyTrack.load(tmp_path / "späte spur.npz")
    for field in fields(track):
        assert same(getattr(track, field.name), getattr(loaded, field.name)), field.name


def test_a_face_is_kept_with_its_track(tmp_path: Path) -> None:
    plain, track = make_track(), replace(make_track(), face=make_face())
    plain.save(tmp_path / "plain.npz")
    track.save(tmp_path / "face.npz")
    with np.load(tmp_path / "plain.npz") as old, np.load(tmp_path / "face.npz") as new:
        assert (int(old["format"]), int(new["format"])) == (1, 2)
        assert not any(name.startswith("face") for name in old.files)
    loaded = BodyTrack.load(tmp_path / "face.npz")
    assert same(loaded.face, track.face)
    assert same(loaded[1:3].face, track.face[1:3])
    assert same(loaded[[3, 0]].face, track.face[torch.tensor([3, 0])])
    assert (tmp_path / "face.npz").stat().st_size < (tmp_path / "plain.npz").stat().st_size + 4 * 2900 + 2000


def test_a_camera_s_path_is_kept_with_its_track(tmp_path: Path) -> None:
    turns = torch.linalg.qr(torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(0))).Q
    track = replace(make_track(4), path=CameraPath(turns, torch.tensor([1.0, 1.1, 1.2, 1.3])))
    track.save(tmp_path / "moving.npz")
    loaded = BodyTrack.load(tmp_path / "moving.npz")
    assert loaded.path.rotation.equal(turns)
    assert loaded[[2, 0]].path.zoom.equal(track.path.zoom[[2, 0]])
    torch.testing.assert_close(loaded.camera_of(3).focal, 1.3 * track.camera.focal)
    with np.load(tmp_path / "moving.npz") as archive:
        assert int(archive["format"]) == 3


def test_a_packed_face_is_where_it_was_and_one_not_seen_is_nowhere() -> None:
    mesh = torch.tensor([3000.0, 1500.0, 0.0]) + 80 * torch.randn(2, 468, 3, generator=torch.Generator().manual_seed(0))
    mesh[1] = torch.nan
    face = FaceTrack.create(mesh, torch.tensor([0.9, 0.0]))
    torch.testing.assert_close(face.points[0], mesh[0], atol=0.1, rtol=0)
    assert not face.points[1].any()


def test_the_same_track_gives_the_same_bytes(tmp_path: Path) -> None:
    make_track().save(tmp_path / "a.npz")
    make_track().save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_track_that_needs_gradients_can_be_saved(tmp_path: Path) -> None:
    make_track().betas.requires_grad_()
    track = make_track()
    track.betas.requires_grad_()
    track.camera.focal.requires_grad_()
    track.save(tmp_path / "t.npz")
    assert torch.equal(BodyTrack.load(tmp_path / "t.npz").betas, track.betas.detach())


def test_a_track_indexes_like_a_sequence() -> None:
    track = make_track(5)
    assert len(track) == 5
    assert len(track[1:4]) == 3
    assert len(track[::2]) == 3
    assert torch.equal(track[-1].transl, track.transl[4:])
    assert torch.equal(track[2].body_pose, track.body_pose[2:3])
    assert torch.equal(track[3].betas, track.betas)
    assert torch.equal(track[[4, 1]].transl, track.transl[[4, 1]])


class Third:
    def __index__(self) -> int:
        return 2

    def __repr__(self) -> str:
        return "Third()"


@pytest.mark.parametrize(
    ("index", "frames"),
    [
        (np.int64(3), [3]),
        (np.uint8(3), [3]),
        (np.array(-1), [4]),
        (torch.tensor(3), [3]),
        (Third(), [2]),
        (slice(None, None, -2), [4, 2, 0]),
        (slice(np.int64(1), np.int64(3)), [1, 2]),
        ([np.int64(4), 0], [4, 0]),
        ((4, 0), [4, 0]),
        (range(1, 4), [1, 2, 3]),
        ([], []),
        (np.array([4, -5], np.int32), [4, 0]),
        (np.array([0, 1, 1], np.uint8), [0, 1, 1]),
        (torch.tensor([3]), [3]),
        (torch.tensor([0, 1], dtype=torch.uint8), [0, 1]),
        ([True, False, False, True, True], [0, 3, 4]),
        (np.arange(5) > 2, [3, 4]),
        (torch.arange(5) < 1, [0]),
    ],
    ids=repr,
)
def test_frames_are_named_in_every_usual_way(index: object, frames: list[int]) -> None:
    track = make_track(5)
    part = track[index]
    assert len(part) == len(frames)
    for name in ("global_orient", "body_pose", "transl", "confidence", "observed"):
        assert torch.equal(
            getattr(part, name),
            torch.stack([getattr(track, name)[k] for k in frames]) if frames else getattr(track, name)[:0],
        )
    assert torch.equal(part.betas, track.betas)


@pytest.mark.parametrize(
    "index",
    [True, np.bool_(True), torch.tensor(False), np.zeros(5), torch.zeros(()), [0.5], np.zeros((2, 2), int), ["1"]],
    ids=repr,
)
def test_what_names_no_frame_is_a_type_error(index: object) -> None:
    with pytest.raises(TypeError):
        make_track(5)[index]


@pytest.mark.parametrize(
    "index",
    [np.int64(5), [0, 5], np.array([-6]), torch.tensor([7]), [True, False], torch.ones(6, dtype=torch.bool)],
    ids=repr,
)
def test_frames_that_are_not_there_are_index_errors(index: object) -> None:
    with pytest.raises(IndexError):
        make_track(5)[index]


def test_a_loop_over_a_track_ends() -> None:
    track = make_track(3)
    assert [float(frame.confidence) for frame in track] == track.confidence.tolist()
    for index in (3, -4):
        with pytest.raises(IndexError):
            track[index]


def test_a_missing_track_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.npz: no such file; make a track with 'liquidwarp recover"):
        BodyTrack.load(tmp_path / "nothing.npz")


def face_arrays(**changes: np.ndarray) -> dict[str, np.ndarray]:
    face = make_face()
    return {"format": np.array(2)} | {f"face_{f.name}": getattr(face, f.name).numpy() for f in fields(face)} | changes


def write_npz(path: Path, **changes: object) -> None:
    make_track().save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, value in changes.items():
        if value is None:
            del arrays[name]
        else:
            arrays[name] = np.array(value)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"betas": None}, r"'betas' is missing"),
        ({"format": None}, r"'format' is missing"),
        ({"camera_size": [1, 2, 3]}, "too many values"),
        ({"transl": np.zeros((7, 3), np.float32)}, r"global_orient has shape \(4, 3\)"),
        ({"transl": 0.0}, "not a body track"),
        ({"betas": np.array([0, np.nan], np.float32)}, "betas holds NaN"),
        ({"betas": ["a", "b"]}, "not a body track"),
        ({"betas": np.array([{}], dtype=object)}, "not a body track .*pickle"),
        ({"face_size": np.ones(4, np.float32)}, "'face_shape' is missing"),
        (face_arrays(face_size=np.zeros(4, np.float32)), "face_size or face_presence"),
        (face_arrays(face_presence=np.full(4, 2, np.float32)), "face_size or face_presence"),
        (face_arrays(face_closed=np.full((4, 2), 2, np.float32)), "face_closed is not between"),
        (face_arrays(face_shape=np.full((4, 468, 3), np.inf, np.float16)), "face_shape holds NaN or infinity"),
        (face_arrays(face_shape=np.zeros((3, 468, 3), np.float16)), "face_shape has shape"),
        ({"format": 99}, "newer liquidwarp .track format 99.; please upgrade"),
    ],
)
def test_a_broken_track_is_one_line_with_the_file_and_the_cause(tmp_path: Path, changes: dict, message: str) -> None:
    path = tmp_path / "broken.npz"
    write_npz(path, **changes)
    with pytest.raises(InputError, match=message) as caught:
        BodyTrack.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def corrupt(path: Path) -> None:
    make_track().save(path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("body_pose.npy").header_offset + 60
    data[start : start + 40] = bytes(40)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "make",
    [
        corrupt,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a track at all"),
        lambda path: path.write_bytes(make_bytes(path)[:300]),
        lambda path: path.write_bytes(npy_bytes()),
        lambda path: path.mkdir(),
    ],
    ids=["corrupt", "empty", "text", "cut", "npy", "folder"],
)
def test_what_is_no_track_is_refused(tmp_path: Path, make) -> None:
    path = tmp_path / "what.npz"
    make(path)
    with pytest.raises(InputError, match=r"what\.npz: not a body track"):
        BodyTrack.load(path)


def npy_bytes() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def make_bytes(path: Path) -> bytes:
    make_track().save(path)
    return path.read_bytes()


def test_a_track_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder"):
        make_track().save(tmp_path)


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        make_track().fps = 3.0  # type: ignore[misc]


def test_camera_create_puts_the_principal_point_in_the_middle() -> None:
    camera = Camera.create(100.0, (30, 50))
    assert camera.center.tolist() == [25.0, 15.0]
    assert camera.focal.tolist() == [100.0, 100.0]


def test_a_resized_camera_comes_back() -> None:
    camera = Camera.create(100.0, (30, 50), (20.0, 11.0))
    there = camera.resized((60, 25))
    assert there.focal.tolist() == [50.0, 200.0]
    assert there.center.tolist() == [10.0, 22.0]
    back = there.resized((30, 50))
    for field in fields(camera):
        assert same(getattr(camera, field.name), getattr(back, field.name)), field.name


def test_fragments_mask_is_where_a_face_is() -> None:
    face_index = torch.tensor([[[-1, 0], [5, -1]]], dtype=torch.int32)
    fragments = Fragments(face_index, torch.zeros(1, 2, 2, 3), torch.full((1, 2, 2), torch.inf))
    assert fragments.mask.tolist() == [[[False, True], [True, False]]]


def test_shapes_are_checked_in_tests() -> None:
    with pytest.raises(Exception, match="confidence"):
        Keypoints(
            names=("nose",),
            image=torch.zeros(2, 1, 2),
            confidence=torch.zeros(3, 1),
            world=None,
            present=torch.ones(2, dtype=torch.bool),
            size=(4, 4),
            fps=0.0,
            detector="none",
        )
