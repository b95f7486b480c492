"""PG2, DSC and SHUP put people in motion from one photo; what does not fit is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pose_transfer_samples import KINDS, SIDE, tiny_transfer, tiny_transfer_file
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.bodies import BodyModel
from liquidwarp.cli import main
from liquidwarp.labels import CropWindow
from liquidwarp.media import open_video
from liquidwarp.methods import METHODS, Frame, PoseTransferMethod, make_method, method_of
from liquidwarp.methods.pose_transfer import PoseTransferSession
from liquidwarp.methods.pose_transfer.inputs import pose_joints
from liquidwarp.nn.baselines import PoseTransferCritic, PoseTransferGenerator, TransferShape, pose_region
from liquidwarp.nn.compact import CompactGenerator
from liquidwarp.nn.compact_weights import save_compact
from liquidwarp.tasks.synthesize import open_session
from liquidwarp.testing import toy_body
from liquidwarp.types import Pose

SIZE = (96, 72)
COLOURS = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def people(body: BodyModel) -> dict[str, lw.SourceState]:
    photo, other = (toy_photo(body, colours, size=SIZE) for colours in (COLOURS, COLOURS[::-1]))
    seen = ToyDetector(photo, other)
    one, wearer = (lw.encode_source(each.rgb, body=body, detector=seen) for each in (photo, other))
    return {"one": one, "dressed": lw.transfer_appearance(one, {"upper": wearer})}


def session(person: lw.SourceState, kind: str) -> PoseTransferSession:
    made = open_session(PoseTransferMethod(tiny_transfer(kind)), person, SIZE)
    assert isinstance(made, PoseTransferSession)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_the_published_ones(kind: str) -> None:
    with torch.device("meta"):
        network = PoseTransferGenerator(TransferShape(kind, (256, 256), {"pg2": 128, "dsc": 64, "shup": 64}[kind]))
        critic = PoseTransferCritic(network.shape)
    assert METHODS[kind].configurations == {kind: sum(each.numel() for each in network.parameters())}
    judges = {"pg2": 10_896_257, "dsc": 2_803_782, "shup": 6_625_409}
    assert sum(each.numel() for each in critic.parameters()) == judges[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_person_is_drawn(kind: str, people: dict[str, lw.SourceState]) -> None:
    how = PoseTransferMethod(tiny_transfer(kind))
    turned = list(lw.novel_view(people["one"], frames=2, degrees=120.0, method=how))
    for frame in turned:
        assert frame.image.shape[1:] == frame.alpha.shape == frame.coverage.shape == SIZE
        assert 0 <= float(frame.image.min()) <= float(frame.image.max()) <= 1
        assert torch.equal(frame.coverage == 3, frame.alpha >= 0.5)
    again = list(lw.novel_view(people["one"], frames=2, degrees=120.0, method=how))
    assert all(torch.equal(a.image, b.image) for a, b in zip(turned, again, strict=True))
    (plain,) = lw.novel_view(people["one"], frames=1, method=how, background=(255, 0, 0))
    nobody = plain.alpha == 0
    red = torch.tensor([1.0, 0.0, 0.0])[:, None]
    assert torch.equal(plain.image[:, nobody], red.expand(-1, int(nobody.sum())))
    shown = [session(people[who], kind)._source for who in ("one", "dressed")]
    assert float((shown[0] - shown[1]).abs().mean()) > 0.02, "a dressed person is shown as dressed"


def test_who_leaves_the_window_is_followed(people: dict[str, lw.SourceState]) -> None:
    person = people["one"]
    drawn = open_session(
        PoseTransferMethod(PoseTransferGenerator(TransferShape("pg2", (64, 32), 2)).eval()), person, SIZE
    )
    assert isinstance(drawn, PoseTransferSession)
    track = person.track

    def window(right: float) -> CropWindow:
        place = track.transl[0] + torch.tensor([right, 0.0, 0.0])
        pose = Pose(track.global_orient[0], track.body_pose[0], place)
        return drawn._window(Frame(0, person.views[0].vertices, track.camera, pose))

    assert window(0.0) == window(0.01) == drawn._home
    assert window(0.4).left > window(0.0).left


def test_only_the_source_pose_is_not_looked_at_by_pg2(people: dict[str, lw.SourceState]) -> None:
    random = torch.Generator().manual_seed(0)
    photo = 2 * torch.rand(1, 3, SIDE, SIDE, generator=random) - 1
    one, other = (torch.cat([SIDE * torch.rand(1, 19, 2, generator=random), torch.ones(1, 19, 1)], 2) for _ in "ab")
    for kind in KINDS:
        network = tiny_transfer(kind)
        same, changed, posed = (network(photo, *joints).picture for joints in ((one, one), (other, one), (one, other)))
        assert torch.equal(same, changed) == (kind == "pg2"), kind
        assert not torch.equal(same, posed), kind
    unseen = torch.cat([one[..., :2], torch.zeros(1, 19, 1)], 2)
    assert not pose_region(unseen, size=(SIDE, SIDE)).any()
    assert pose_region(one, size=(SIDE, SIDE)).any()


def test_joints_lie_on_the_body(people: dict[str, lw.SourceState], body: BodyModel) -> None:
    view = people["one"].views[0]
    joints = pose_joints(body, people["one"].track.betas, view.pose, view.camera)
    assert joints[:, 2].all()
    names = [*range(19)]
    head, neck, right, left, ankle = (joints[names[k]] for k in (18, 1, 2, 5, 10))
    assert head[1] < neck[1] < ankle[1]
    assert right[0] < left[0], "the person's right is the picture's left"
    away = replace(view.pose, transl=view.pose.transl + torch.tensor([100.0, 0.0, 0.0]))
    assert not pose_joints(body, people["one"].track.betas, away, view.camera)[:, 2].any()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_kept_and_those_of_others_named(kind: str, tmp_path: Path) -> None:
    path = tiny_transfer_file(tmp_path, kind)
    found = make_method("gan", weights=path)
    assert isinstance(found, PoseTransferMethod)
    assert found.name == method_of(tiny_transfer(kind)).name == kind
    assert found.generator.shape == tiny_transfer(kind).shape
    own = tiny_transfer(kind).state_dict()
    assert all(torch.equal(value, own[key]) for key, value in found.generator.state_dict().items())
    other = KINDS[KINDS.index(kind) - 1]
    with pytest.raises(lw.InputError, match=f"weights of '{kind}', wanted '{other}'"):
        make_method(other, weights=path)
    with pytest.raises(lw.InputError, match=f"method '{other}' was given a network of '{kind}'"):
        make_method(other, generator=tiny_transfer(kind))
    with pytest.raises(lw.InputError, match=f"method '{kind}' comes without weights"):
        make_method(kind)
    save_compact(CompactGenerator((8, 8, 8, 8)), tmp_path / "compact.safetensors", {})
    with pytest.raises(lw.InputError, match=f"weights of 'compact', wanted '{kind}'"):
        make_method(kind, weights=tmp_path / "compact.safetensors")


@pytest.mark.parametrize(
    ("kind", "size", "words"),
    [
        ("pg2", (96, 96), "a height that is a power of two"),
        ("dsc", (64, 48), "dsc wants sides of at least 64 that are multiples of 32"),
        ("shup", (64, 40), "shup wants sides of at least 32 that are multiples of 32"),
        ("edn", (64, 64), "kind"),
    ],
)
def test_sizes_that_cannot_be_are_told(kind: str, size: tuple[int, int], words: str) -> None:
    with pytest.raises(lw.InputError, match=words):
        TransferShape(kind, size, 8)


def test_the_command_line_takes_them(
    people: dict[str, lw.SourceState], sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liquidwarp import tasks

    monkeypatch.setattr(tasks, "encode_source", lambda *_, **__: people["one"])
    out = tmp_path / "turn.mp4"
    view = ["view", str(sources.photo), "--frames", "2", "--size", "64", "-o", str(out)]
    assert main([*view, "--method", "pg2", "--weights", str(tiny_transfer_file(tmp_path, "pg2"))]) == 0
    assert sum(1 for _ in open_video(out)) == 2
