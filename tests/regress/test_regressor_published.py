"""HMR and SPIN compute what the published networks compute, and their answers land where they say in the picture."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_samples import dance, film, fitted_joints, joint_error
from torch import Tensor, nn

from liquidwarp.bodies import CANONICAL_JOINTS as CANONICAL
from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.cli import main
from liquidwarp.errors import InputError
from liquidwarp.fit import fit_track
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle, project
from liquidwarp.regress import (
    BodyPieces,
    PublishedRegressor,
    Regressor,
    load_regressor,
    place_by_weak_perspective,
    regress_clip,
)
from liquidwarp.regress.clip import crop_square, square_boxes
from liquidwarp.regress.hmr import HmrNetwork, SmplAnswer, SpinNetwork
from liquidwarp.tasks import recover
from liquidwarp.types import BodyTrack, Camera, Keypoints

GOLDEN = Path(__file__).parents[1] / "golden" / "published"
NETWORKS = {"impersonator_hmr": HmrNetwork, "spin": SpinNetwork}
FLIP = torch.tensor([1.0, -1.0, -1.0])
TOLERANCE = 1e-4


def filled(name: str) -> dict[str, Tensor]:
    """Fill a published network's parameters by the golden numbers' rule."""
    shapes = json.loads((GOLDEN / f"{name}.json").read_text())
    state = {}
    for rank, (key, shape) in enumerate(sorted(shapes.items())):
        wave = np.sin(0.7 * np.arange(math.prod(shape)) + 1.3 * rank).reshape(shape)
        if key.endswith("num_batches_tracked"):
            wave = np.zeros(shape, np.int64)
        elif key.endswith("running_mean"):
            wave = 0.05 * wave
        elif len(shape) >= 2:
            wave = wave * math.sqrt(1 / math.prod(shape[1:]))
        else:
            wave = 0.1 * wave if key.endswith("bias") else 1 + 0.1 * wave
        state[key] = torch.from_numpy(np.asarray(wave, np.int64 if wave.dtype == np.int64 else np.float32))
    return state


def picture() -> Tensor:
    _, c, y, x = np.indices((1, 3, 224, 224))
    return torch.from_numpy(np.sin(0.5 * c + 0.11 * y + 0.07 * x).astype(np.float32))


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_shapes_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS[name]()
    mine = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert mine == json.loads((GOLDEN / f"{name}.json").read_text())


def test_hmr_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = HmrNetwork()
    counts = sum(parameter.numel() for parameter in network.parameters()), network.regressor.mean_theta.numel()
    assert counts == (26_841_386 - 85, 85)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_equal_the_golden_ones(name: str) -> None:
    network = NETWORKS[name]().eval()
    network.load_state_dict(filled(name))
    with torch.no_grad():
        camera, pose, shape = network(picture())
    golden = np.load(GOLDEN / f"{name}.npz")
    if name == "spin":
        wanted = {"cam": camera, "pose_6d": pose, "shape": shape}
    else:
        wanted = {"theta": torch.cat([camera, pose, shape], dim=1)}
    assert set(wanted) == set(golden.files)
    for key, value in wanted.items():
        np.testing.assert_allclose(value.numpy(), golden[key], atol=TOLERANCE, rtol=0)


class Constant(nn.Module):
    """A network that always answers the same."""

    def __init__(self, answer: SmplAnswer) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, pictures: Tensor) -> SmplAnswer:
        return SmplAnswer(*(value.expand(len(pictures), -1) for value in self.answer))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("anny")


def smpl_pose(seed: int) -> Tensor:
    """Return 24 axis-angles in SMPL's axes, of somebody upright before a camera whose y points down."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.4 * torch.randn(24, 3, generator=generator)
    pose[0] = matrix_to_axis_angle(torch.diag(FLIP) @ axis_angle_to_matrix(pose[0]))
    return pose


def answer_of(pose: Tensor, weak: Tensor, columns: bool) -> SmplAnswer:
    code = axis_angle_to_matrix(pose)[..., :2].reshape(1, -1) if columns else pose.reshape(1, -1)
    return SmplAnswer(weak[None], code, torch.zeros(1, 10))


def weak_picture(body: BodyModel, pose: Tensor, weak: Tensor) -> Tensor:
    """Place joints on the crop by the originals' formulas: forward kinematics in SMPL's axes, scale * (point + t)."""
    rest = body.rest_joints(torch.zeros(body.num_betas)) * FLIP
    full = torch.zeros(len(rest), 3)
    for index, name in enumerate(CANONICAL):
        full[body.canonical(name)] = pose[index]
    turns = axis_angle_to_matrix(full)
    places, world = [rest[0]], [turns[0]]
    for joint in range(1, len(rest)):
        above = body.parents[joint]
        places.append(places[above] + world[above] @ (rest[joint] - rest[above]))
        world.append(world[above] @ turns[joint])
    points = torch.stack(places)[[body.canonical(name) for name in CANONICAL]]
    return weak[0] * (points[:, :2] + weak[1:])


@pytest.mark.parametrize("name", ["hmr", "spin"])
def test_answers_land_where_the_originals_draw_them(body: BodyModel, name: str) -> None:
    pose, weak = smpl_pose(1), torch.tensor([0.8, 0.1, 0.25])
    regressor = PublishedRegressor(name, Constant(answer_of(pose, weak, name == "spin")), body)
    box = torch.tensor([[300.0, 200.0, 400.0]])
    camera = Camera.create(60_000.0, (800, 1000))  # so long a lens that weak perspective is exact
    pieces = regressor.regress(torch.zeros(1, 3, 224, 224), box, camera)
    orient, rest = body.expand_pose(matrix_to_axis_angle(pieces.rotations))
    joints = body.rest_joints(torch.zeros(body.num_betas))
    turn, shift = body.transforms(joints, orient, rest)
    pelvis = joints[body.canonical("pelvis")]
    points = (turn @ joints[:, :, None])[0, :, :, 0] + shift[0] + pieces.place - pelvis
    spots = project(camera, points[[body.canonical(joint) for joint in CANONICAL]])[:, :2]
    wanted = box[0, :2] + (weak_picture(body, pose, weak) + 1) / 2 * 400
    assert (spots - wanted).abs().max() < 1.5


def test_a_person_beside_the_middle_is_turned_as_the_ray() -> None:
    camera = Camera.create(500.0, (600, 800))
    still = torch.eye(3).expand(1, 22, 3, 3)
    weak = torch.tensor([[1.0, 0.0, 0.0]])
    turned, place = place_by_weak_perspective(weak, still, torch.tensor([[700.0, 250, 100]]), camera)
    torch.testing.assert_close(project(camera, place)[0, :2], torch.tensor([750.0, 300.0]))
    ray = place[0] / place[0].norm()
    torch.testing.assert_close(turned[0, 0] @ torch.tensor([0.0, 0, 1]), ray)
    torch.testing.assert_close(float(place[0, 2]), 500 / 50)


class FromTruth:
    """A regressor that knows the truth of every frame."""

    name, side, enlarge = "truth", 8, 1.2
    body: BodyModel | None = load_body()

    def __init__(self, rotations: Tensor, place: Tensor, betas: Tensor) -> None:
        self.rotations, self.place, self.betas, self.done = rotations, place, betas, 0

    def regress(self, crops: Tensor, boxes: Tensor, camera: Camera) -> BodyPieces:
        part = slice(self.done, self.done + len(crops))
        self.done += len(crops)
        return BodyPieces(self.rotations[part], self.place[part], self.betas.expand(len(crops), -1))


def clip_truth(body: BodyModel, gap: slice | None = None):
    pose, transl = dance(body, 0.8, 25.0)
    truth = film(body, torch.zeros(body.num_betas), pose, transl, 25.0)
    if gap is None:
        return truth
    present = truth.keypoints.present.clone()
    present[gap] = False
    k = truth.keypoints
    return truth, Keypoints(k.names, k.image, k.confidence * present[:, None], k.world, present, k.size, k.fps, "truth")


def test_a_clip_becomes_a_track_that_starts_the_fit(body: BodyModel) -> None:
    truth, keypoints = clip_truth(body, slice(9, 11))
    pelvis = body.rest_joints(truth.betas)[body.canonical("pelvis")]
    seen = keypoints.present
    regressor = FromTruth(truth.rotations[seen], (truth.transl + pelvis)[seen], truth.betas)
    assert isinstance(regressor, Regressor)
    frames = [np.zeros((512, 512, 3), np.uint8)] * len(seen)
    track = regress_clip(regressor, frames, keypoints, body=body)
    assert track.observed.tolist() == seen.tolist()
    assert joint_error(body, track, truth)[seen].max() < 1e-4
    assert joint_error(body, track, truth).max() < 0.03  # bridged
    fitted = fit_track(body, keypoints, initial=track, steps=3).track
    assert joint_error(body, fitted, truth).mean() < 0.02


def test_a_camera_elsewhere_in_the_world(body: BodyModel) -> None:
    truth = clip_truth(body)
    pelvis = body.rest_joints(truth.betas)[body.canonical("pelvis")]
    frames = [np.zeros((512, 512, 3), np.uint8)] * len(truth.transl)
    turn = axis_angle_to_matrix(torch.tensor([0.1, 0.7, -0.2]))
    plain = Camera.create(700.0, (512, 512))
    camera = Camera(plain.focal, plain.center, plain.size, turn, torch.tensor([0.3, -0.2, 0.5]))

    def run(camera: Camera) -> Tensor:
        regressor = FromTruth(truth.rotations, truth.transl + pelvis, truth.betas)
        track = regress_clip(regressor, frames, truth.keypoints, body=body, camera=camera)
        return project(camera, fitted_joints(body, track))

    torch.testing.assert_close(run(camera), run(plain), atol=1e-3, rtol=1e-4)


def test_a_body_of_another_family_does_the_same_motion(body: BodyModel) -> None:
    rotations = torch.eye(3).repeat(4, 22, 1, 1)
    regressor = FromTruth(rotations, torch.tensor([[0.2, 0.1, 4.0]]).repeat(4, 1), torch.zeros(10))
    regressor.body = None  # SMPL, not at hand
    _, keypoints = clip_truth(body, slice(4, None))
    frames = [np.zeros((512, 512, 3), np.uint8)] * len(keypoints.present)
    track = regress_clip(regressor, frames, keypoints, body=body)
    joints = dict(zip(CANONICAL, fitted_joints(body, track)[0], strict=True))
    arm = joints["left_wrist"] - joints["left_shoulder"]
    assert float(arm[0] / arm.norm()) > 0.99  # SMPL at rest holds its arms level, the open body does not
    assert (joints["pelvis"] - torch.tensor([0.2, 0.1, 4.0])).norm() < 0.12


def test_crops_repeat_the_edge_and_keep_places() -> None:
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[:, :30] = 255
    crop = crop_square(frame, torch.tensor([-10.0, -10, 80]), 40)
    assert crop.shape == (3, 40, 40)
    assert crop[0, 0, 0] == 1
    assert crop[0, 0, -1] == 0
    assert float(crop[0, 20, 19]) == pytest.approx(1, abs=0.15)  # the step lies at x = 30: 20 pixels into the crop
    assert float(crop[0, 20, 20]) == pytest.approx(0, abs=0.15)


def test_boxes_hold_the_person(body: BodyModel) -> None:
    truth = clip_truth(body)
    boxes = square_boxes(truth.keypoints, 1.2)
    low, high = truth.keypoints.image.amin(1), truth.keypoints.image.amax(1)
    assert bool((boxes[:, :2] <= low).all() and (boxes[:, :2] + boxes[:, 2:] >= high).all())


def test_weights_load_plain_and_nested(tmp_path: Path) -> None:
    path = tmp_path / "model_checkpoint.pt"
    torch.save({"model": {f"module.{k}": v for k, v in filled("spin").items()}, "epoch": 3}, path)
    regressor = load_regressor("spin", path)
    state = regressor._network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in filled("spin").items())
    answer = regressor.regress(
        torch.full((1, 3, 224, 224), 0.5), torch.tensor([[0.0, 0, 100]]), Camera.create(200.0, (100, 100))
    )
    assert answer.rotations.shape == (1, 22, 3, 3)
    eye = answer.rotations @ answer.rotations.transpose(-1, -2)
    torch.testing.assert_close(eye, torch.eye(3).expand_as(eye), atol=1e-4, rtol=0)
    with pytest.raises(InputError, match=r"not the weights of hmr: it lacks .* more; use --regressor spin"):
        load_regressor("hmr", path)


class Evil:
    """Runs something when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("executed",))


def test_refusals_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil, cut, small = tmp_path / "evil.pt", tmp_path / "cut.pt", tmp_path / "small.pt"
    evil.write_bytes(pickle.dumps({"model": Evil()}, protocol=2))
    cut.write_bytes(b"PK\x03\x04 and no more")
    torch.save({"fc1.weight": torch.zeros(2, 2)}, small)
    cases = {evil: "refused|damaged", cut: "damaged", small: "lacks bn1.bias", tmp_path / "none.pt": "no such file"}
    for path, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            load_regressor("spin", path)
        assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_the_command_line(sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, out = tmp_path / "hmr.pth", tmp_path / "track.npz"
    torch.save(filled("impersonator_hmr"), weights)
    common = ["recover", str(sources.motion), "-o", str(out)]
    assert main([*common, "--regressor", "hmr", "--weights", str(weights), "--no-fit"]) == 0
    track = BodyTrack.load(out)
    assert len(track) == 6
    assert "hmr" in track.detector
    capsys.readouterr()
    for extra, words in (
        (["--regressor", "hmr"], "add --weights FILE"),
        (["--weights", str(weights)], "--weights goes with a regressor"),
        (["--no-fit"], "--no-fit goes with a regressor"),
        (["--regressor", "spin", "--weights", str(weights)], "use --regressor hmr"),
    ):
        assert main([*common, *extra]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1


def test_pictures_are_needed(body: BodyModel) -> None:
    truth = clip_truth(body)
    regressor = FromTruth(truth.rotations, truth.transl, truth.betas)
    with pytest.raises(InputError, match="truth looks at pictures"):
        recover(truth.keypoints, body=body, regressor=regressor)
    with pytest.raises(InputError, match="needs a regressor"):
        recover(truth.keypoints, body=body, fit=False)


def test_the_documented_plug_in_works(body: BodyModel) -> None:
    text = (Path(__file__).parents[2] / "docs" / "regressors.md").read_text()
    code = next(block.split("```")[0] for block in text.split("```python\n")[1:] if "class Hmr2" in block)
    names: dict[str, type] = {}
    exec(code, names)  # our own documentation

    class Model(nn.Module):
        def forward(self, batch: dict[str, Tensor]) -> dict[str, object]:
            turns = axis_angle_to_matrix(smpl_pose(1)).expand(len(batch["img"]), 24, 3, 3)
            pose = {"global_orient": turns[:, :1], "body_pose": turns[:, 1:], "betas": torch.zeros(len(turns), 10)}
            return {"pred_smpl_params": pose, "pred_cam": torch.tensor([[0.9, 0.0, 0.1]]).expand(len(turns), 3)}

    regressor = names["Hmr2"](Model())
    assert isinstance(regressor, Regressor)
    truth = clip_truth(body)
    frames = [np.zeros((512, 512, 3), np.uint8)] * len(truth.transl)
    track = regress_clip(regressor, frames, truth.keypoints, body=body)
    assert len(track) == len(frames)
    assert (project(track.camera, track.transl)[:, :2] - truth.keypoints.image.mean(1)).norm(dim=-1).max() < 120
