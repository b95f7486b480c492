"""Bodies of the SMPL family from files in the official formats."""

from pathlib import Path

import numpy as np
import pytest
import torch
from official_files import NAMES, official_arrays, write_official

from liquidwarp.bodies import PARTS, load_body
from liquidwarp.bodies.anny import anny_body
from liquidwarp.bodies.landmarks import MEDIAPIPE, OPENPOSE
from liquidwarp.bodies.smpl import body_from_file, smpl_body
from liquidwarp.bodies.smpl_files import FAMILIES, SmplFile, convert_smpl_file, find_smpl_file, read_smpl_file
from liquidwarp.cli import main
from liquidwarp.errors import InputError

M = torch.tensor([1.0, -1.0, -1.0])
FAMILY_NAMES = ("smpl", "smplh", "smplx")


def model_of(family: str) -> SmplFile:
    arrays = {key: array for key, array in official_arrays(family).items() if array is not None}
    return SmplFile(family, "neutral", {**arrays, "kintree_table": arrays["kintree_table"].astype(np.int64)})


@pytest.fixture(scope="module", params=FAMILY_NAMES)
def body(request):
    return body_from_file(request.param, model_of(request.param))


@pytest.mark.slow
def test_an_official_pickle_becomes_a_body(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.chdir(tmp_path)
    official = write_official(tmp_path / NAMES["smpl"], "smpl")
    assert main(["body", "convert", str(official)]) == 0
    assert capsys.readouterr().out == "body_models/smpl/SMPL_NEUTRAL.npz (smpl, neutral)\n"
    with np.load("body_models/smpl/SMPL_NEUTRAL.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fiU" for name in archive.files)
        assert archive["J_regressor"].shape == (24, 6890)
        np.testing.assert_allclose(archive["shapedirs"], official_arrays("smpl")["shapedirs"], atol=1e-7)
    body = load_body("smpl")
    assert (body.name, body.num_betas, len(body.joint_names), body.joint_names[22]) == ("smpl", 10, 24, "left_hand")
    direct = load_body(str(official))
    assert direct.name == str(official)
    pose = torch.randn(2, 23, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    still = torch.zeros(2, 3)
    moved = [each.vertices(each.identity(torch.ones(10)), still, pose, still) for each in (body, direct)]
    torch.testing.assert_close(*moved, atol=1e-6, rtol=0)


def test_the_same_file_gives_the_same_bytes(tmp_path: Path):
    official = write_official(tmp_path / NAMES["smpl"], "smpl", posedirs=None)
    first, _ = convert_smpl_file(official, tmp_path / "a.npz")
    second, _ = convert_smpl_file(first, tmp_path / "b.npz", gender="neutral")
    assert first.read_bytes() == second.read_bytes()


def test_counts_and_symmetry(body):
    family = FAMILIES[body.name]
    assert body.joint_names == family.joints
    assert len(body.topology.vertex_part) == family.vertices
    mirror = body.topology.mirror
    assert torch.equal(mirror[mirror], torch.arange(family.vertices))
    rest = body.identity(torch.zeros(10)).vertices
    assert (rest[mirror] * torch.tensor([-1.0, 1.0, 1.0]) - rest).norm(dim=1).max() < 0.005
    other = [PARTS.index(part.replace("left", "?").replace("right", "left").replace("?", "right")) for part in PARTS]
    labels = body.topology.vertex_part
    assert (torch.tensor(other)[labels.long()][mirror] == labels).float().mean() > 0.995


def test_parts_are_where_they_belong(body):
    rest = body.identity(torch.zeros(10)).vertices
    places = {part: rest[body.topology.vertex_part == index].mean(0) for index, part in enumerate(PARTS)}
    assert places["left_hand"][0] > places["left_lower_arm"][0] > places["left_upper_arm"][0] > 0.1
    assert places["right_foot"][1] > places["right_lower_leg"][1] > places["right_upper_leg"][1] > places["torso"][1]
    assert places["hair"][1] < places["face"][1] < places["torso"][1]
    assert places["face"][2] < places["head"][2]


def test_landmarks_lie_where_the_open_body_has_them(body):
    assert set(MEDIAPIPE) | set(OPENPOSE) <= set(body.landmark_names)
    anny = anny_body()
    still, pose = torch.zeros(1, 3), torch.zeros(1, len(body.parents) - 1, 3)
    names = tuple(
        name for name in MEDIAPIPE if not any(word in name for word in ("elbow", "wrist", "pinky", "index", "thumb"))
    )
    ours = body.landmarks(names, torch.zeros(10), still, pose, still)[0]
    theirs = anny.landmarks(names, torch.zeros(20), still, torch.zeros(1, len(anny.parents) - 1, 3), still)[0]
    apart = (ours - theirs).norm(dim=1)
    assert apart.max() < 0.03, dict(zip(names, apart.tolist(), strict=True))
    assert apart.median() < 0.015
    hand = body.landmarks(
        ("left_wrist", "left_thumb", "left_index", "left_pinky"), torch.zeros(10), still, pose, still
    )[0]
    assert hand[2:, 0].min() > hand[0, 0] + 0.04
    assert max(hand[1, 2], hand[2, 2]) < hand[3, 2] - 0.01


def test_hands_and_face_have_landmarks():
    body = body_from_file("smplx", model_of("smplx"))
    names = ("left_index1", "left_index2", "left_index3", "left_index_tip", "right_pinky_tip", "face_17", "face_67")
    still, pose = torch.zeros(1, 3), torch.zeros(1, 54, 3)
    rest = body.landmarks(names, torch.zeros(10), still, pose, still)[0]
    assert rest[3, 0] > rest[2, 0] > rest[1, 0] > rest[0, 0]
    pose[0, body.joint_names.index("left_index2") - 1, 2] = 1.0
    moved = (body.landmarks(names, torch.zeros(10), still, pose, still)[0] - rest).norm(dim=1)
    assert moved[2:4].min() > 0.01
    assert moved[[0, 1, 4, 5, 6]].max() < 1e-6


def test_gradients_flow_through_corrections():
    body = body_from_file("smpl", model_of("smpl"))
    pose = (torch.randn(2, 23, 3, generator=torch.Generator().manual_seed(1)) * 0.3).requires_grad_()
    still, identity = torch.zeros(2, 3), body.identity(torch.zeros(10))
    slow = body.vertices(identity, still, pose, still)
    with torch.no_grad():
        torch.testing.assert_close(body.vertices(identity, still, pose, still), slow, atol=1e-6, rtol=0)
    slow.square().sum().backward()
    assert bool(torch.isfinite(pose.grad).all())
    assert body.vertices(identity, still[:0], pose[:0], still[:0]).shape == (0, 6890, 3)


@pytest.mark.filterwarnings("ignore")
def test_skinning_equals_that_of_smplx(body, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    smplx = pytest.importorskip("smplx")
    arrays = {key: array for key, array in official_arrays(body.name).items() if array is not None}
    if body.name == "smplx":  # the only one that does not take arrays
        whole = {**arrays, "shapedirs": np.pad(arrays["shapedirs"], ((0, 0), (0, 0), (0, 390)))}
        np.savez(tmp_path / "SMPLX_NEUTRAL.npz", **{key: array.astype(np.float32) for key, array in whole.items()})
    kind = {"smpl": smplx.SMPL, "smplh": smplx.SMPLH, "smplx": smplx.SMPLX}[body.name]
    hands = {} if body.name == "smpl" else {"use_pca": False, "flat_hand_mean": True}
    given = {"ext": "npz"} if body.name == "smplx" else {"data_struct": smplx.utils.Struct(**arrays)}
    theirs = kind(str(tmp_path), batch_size=2, num_betas=10, **given, **hands)
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(2, len(body.parents), 3, generator=generator) * 0.5
    betas, transl = torch.randn(10, generator=generator), torch.randn(2, 3, generator=generator)

    def turned(first: int, last: int) -> torch.Tensor:
        return (pose[:, first:last] * M).flatten(1)

    given = {"smpl": {"body_pose": (1, 24)}, "smplh": {"body_pose": (1, 22)}, "smplx": {"body_pose": (1, 22)}}[
        body.name
    ]
    if body.name == "smplh":
        given |= {"left_hand_pose": (22, 37), "right_hand_pose": (37, 52)}
    if body.name == "smplx":
        given |= {"jaw_pose": (22, 23), "leye_pose": (23, 24), "reye_pose": (24, 25)}
        given |= {"left_hand_pose": (25, 40), "right_hand_pose": (40, 55)}
    out = theirs(
        betas=betas.expand(2, -1),
        global_orient=turned(0, 1),
        transl=transl * M,
        **({"expression": torch.zeros(2, 10)} if body.name == "smplx" else {}),
        **{name: turned(*place) for name, place in given.items()},
    )
    identity = body.identity(betas)
    ours = body.vertices(identity, pose[:, 0], pose[:, 1:], transl)
    torch.testing.assert_close(ours, out.vertices * M, atol=1e-5, rtol=0)
    rotation, translation = body.transforms(identity.joints, pose[:, 0], pose[:, 1:])
    joints = (rotation @ identity.joints[..., None])[..., 0] + translation + transl[:, None]
    torch.testing.assert_close(joints, out.joints[:, : len(body.parents)] * M, atol=1e-5, rtol=0)


def test_files_are_looked_for(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("LIQUIDWARP_BODY_MODELS", str(tmp_path))
    with pytest.raises(InputError, match=r"smplx.SMPLX_NEUTRAL.npz: no such file.*smpl-x.is.tue.mpg.de.*README.md"):
        load_body("smplx")
    (tmp_path / "smplx").mkdir()
    for ending in (".pkl", ".npz"):
        wanted = tmp_path / "smplx" / f"SMPLX_MALE{ending}"
        wanted.touch()
        assert find_smpl_file("smplx", "male") == wanted
    with pytest.raises(InputError, match=r"body='smpl-cat' is not known.*or give a model file"):
        load_body("smpl-cat")


def test_wrong_files_are_refused(tmp_path: Path, monkeypatch):
    with pytest.raises(InputError, match=r"none.npz: no such file"):
        load_body(str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"text.npz: not a whole npz"):
        load_body(str(tmp_path / "text.npz"))
    np.savez(tmp_path / "lacking.npz", f=np.zeros((1, 3)))
    with pytest.raises(InputError, match=r"lacking.npz: not a body of the SMPL family: it lacks v_template, .*weights"):
        load_body(str(tmp_path / "lacking.npz"))
    whole = write_official(tmp_path / "SMPL_MALE.pkl", "smpl", posedirs=None)
    with pytest.raises(InputError, match=r"SMPL_MALE.pkl: a smpl file .24 joints., wanted smplh; give the smplh file"):
        smpl_body("smplh", whole)
    with pytest.raises(InputError, match=r"the male model, not the female one"):
        convert_smpl_file(whole, tmp_path / "a.npz", gender="female")
    cut = tmp_path / "cut.pkl"
    cut.write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(InputError, match=r"cut.pkl: a damaged pickle"):
        read_smpl_file(cut)
    unnamed = whole.rename(tmp_path / "mine.pkl")
    with pytest.raises(InputError, match=r"mine.pkl: its name does not say whose body it is; add --gender"):
        convert_smpl_file(unnamed)
    converted, _ = convert_smpl_file(unnamed, tmp_path / "smpl" / "SMPL_NEUTRAL.npz", gender="female")
    monkeypatch.setenv("LIQUIDWARP_BODY_MODELS", str(tmp_path))
    with pytest.raises(InputError, match=r"SMPL_NEUTRAL.npz: holds the female body, wanted neutral"):
        load_body("smpl")
    with np.load(converted) as archive:
        arrays = dict(archive)
    arrays["v_template"][0, 0] += 1e-3
    np.savez(tmp_path / "changed.npz", **arrays)
    with pytest.raises(InputError, match=r"changed.npz: its numbers do not fit its checksum"):
        load_body(str(tmp_path / "changed.npz"))
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("weights", np.zeros((6890, 23)), "23 joints and 6890 vertices are of no known body"),
        ("weights", np.zeros((6890, 24)), "rows of weights or J_regressor do not sum to 1"),
        ("f", np.full((2, 3), 6890), "f names vertices that do not exist"),
        ("v_template", np.full((6890, 3), np.nan), "v_template holds NaN"),
        ("shapedirs", np.zeros((6890, 3)), r"shapedirs has shape \(6890, 3\), wanted"),
        ("kintree_table", np.full((2, 24), 23), "kintree_table is no tree"),
        ("weights", np.array([{}], dtype=object), "an array of objects|it lacks weights"),
    ],
)
def test_damaged_numbers_are_refused(tmp_path: Path, key: str, value: np.ndarray, message: str):
    arrays = {**official_arrays("smpl"), "posedirs": np.zeros((6890, 3, 207)), key: value}
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_smpl_file(tmp_path / "SMPL_NEUTRAL.npz")


def test_texture_coordinates_of_a_file_are_kept(tmp_path: Path):
    """Their origin is at the bottom left in the file, at the top left in ours."""
    points = np.stack([np.linspace(0, 1, 6890), np.linspace(0, 0.5, 6890)], 1)
    changes = {"vt": points, "ft": official_arrays("smpl")["f"]}
    official = write_official(tmp_path / NAMES["smpl"], "smpl", **changes)
    converted, _ = convert_smpl_file(official, tmp_path / "a.npz")
    topology = load_body(str(converted)).topology
    assert topology.uv is not None
    torch.testing.assert_close(topology.uv, torch.from_numpy(points * [1, -1] + [0, 1]).float())
    assert torch.equal(topology.face_uv, topology.faces)
    write_official(official, "smpl", **{**changes, "vt": points[:-1]})
    with pytest.raises(InputError, match="ft names texture coordinates that do not exist"):
        read_smpl_file(official)
