"""Few-shot vid2vid puts people in motion, from one photo and from several; what does not fit is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from few_shot_samples import tiny, tiny_file
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.bodies import BodyModel
from liquidwarp.cli import main
from liquidwarp.labels import strict_label
from liquidwarp.media import open_video
from liquidwarp.methods import BackgroundPicture, FewShotMethod, Frame, make_method, method_of
from liquidwarp.methods.few_shot_vid2vid import FewShotSession, FewShotSynthesis
from liquidwarp.methods.few_shot_vid2vid.finetune import learns
from liquidwarp.nn.few_shot_vid2vid.published import published_names
from liquidwarp.nn.few_shot_vid2vid.shape import IMAGINAIRE
from liquidwarp.tasks.synthesize import open_session
from liquidwarp.testing import toy_body

SIZE = (96, 72)
COLOURS = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)
SMALL = (64, 32)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def people(body: BodyModel) -> dict[str, lw.SourceState]:
    photos = [toy_photo(body, COLOURS, size=SIZE), toy_photo(body, COLOURS, size=SIZE, turn=2.5)]
    other = toy_photo(body, COLOURS[::-1], size=SIZE)
    seen = ToyDetector(*photos, other)
    one = lw.encode_source(photos[0].rgb, body=body, detector=seen)
    two = lw.encode_source([photo.rgb for photo in photos], body=body, detector=seen)
    wearer = lw.encode_source(other.rgb, body=body, detector=seen)
    return {"one": one, "two": two, "dressed": lw.transfer_appearance(one, {"upper": wearer})}


def method(kind: str) -> FewShotMethod:
    changes = {"strict": {}, "attention": {"attention": True}, "mesh": {"given_flow": True, "attention": True}}
    return FewShotMethod(tiny(**changes[kind]), SMALL)


def turned(person: lw.SourceState, how: FewShotMethod, frames: int = 3, **more: object) -> list[FewShotSynthesis]:
    return list(lw.novel_view(person, frames=frames, degrees=120.0, method=how, **more))


class Told:
    """A method that keeps the frames that it is given."""

    name, recurrent = "told", True

    def __init__(self, session: FewShotSession) -> None:
        self.session, self.frames = session, list[Frame]()

    def prepare(self, state: lw.SourceState, size: tuple[int, int], background: BackgroundPicture) -> "Told":
        return self

    def draw(self, frame: Frame) -> FewShotSynthesis:
        self.frames.append(frame)
        return self.session.draw(frame)


@pytest.mark.parametrize("kind", ["strict", "attention", "mesh"])
@pytest.mark.parametrize("who", ["one", "two"])
def test_a_person_is_drawn_frame_after_frame(kind: str, who: str, people: dict[str, lw.SourceState]) -> None:
    person, how = people[who], method(kind)
    frames = turned(person, how)
    for frame in frames:
        assert frame.image.shape[1:] == frame.alpha.shape == frame.coverage.shape == SIZE
        assert 0 <= float(frame.image.min()) <= float(frame.image.max()) <= 1
        assert torch.equal(frame.coverage > 0, frame.alpha >= 0.5)
        assert frame.view.window == frames[0].view.window, "one window for the clip"
    again = turned(person, how)
    assert all(torch.equal(a.image, b.image) for a, b in zip(frames, again, strict=True))
    alone = turned(person, FewShotMethod(tiny(**{**_shape(how), "warp_previous": False}), SMALL))
    assert how.recurrent
    assert len(alone) == len(frames)
    if kind != "strict":  # a network without attention looks at one photo
        assert (who == "two") == (not torch.equal(frames[0].image, turned(people["one"], how)[0].image))


def _shape(how: FewShotMethod) -> dict[str, object]:
    shape = how.generator.shape
    return {"attention": shape.attention, "given_flow": shape.given_flow}


@pytest.mark.parametrize("kind", ["strict", "mesh"])
def test_a_frame_depends_on_the_one_before(kind: str, people: dict[str, lw.SourceState]) -> None:
    told = Told(session(people["one"], method(kind)))
    *_, last = lw.novel_view(people["one"], frames=2, degrees=40.0, method=told)
    frame = told.frames[1]
    assert frame.previous is not None
    assert torch.equal(told.session.draw(frame).image, last.image)
    before = frame.previous.picture
    assert isinstance(before, FewShotSynthesis)
    other = replace(frame.previous, picture=replace(before, drawn=-before.drawn))
    assert not torch.allclose(told.session.draw(replace(frame, previous=other)).image, last.image, atol=1e-3)


def test_who_leaves_the_window_is_followed(people: dict[str, lw.SourceState]) -> None:
    person = people["one"]
    motion = replace(person.track[[0, 0, 0]], fps=25.0)
    motion = replace(motion, transl=motion.transl + torch.tensor([[0.0, 0, 0], [0.05, 0, 0], [0.5, 0, 0]]))
    windows = [frame.view.window for frame in lw.imitate(person, motion, method=method("mesh"))]
    assert windows[0] == windows[1]
    assert windows[2].left > windows[0].left


def test_another_background_is_seen_around_the_person(people: dict[str, lw.SourceState]) -> None:
    kept = turned(people["one"], method("strict"), 1)[0]
    plain = turned(people["one"], method("strict"), 1, background=(255, 0, 0))[0]
    nobody, somebody = plain.alpha == 0, plain.alpha == 1
    red = torch.tensor([1.0, 0.0, 0.0])[:, None]
    assert torch.equal(plain.image[:, nobody], red.expand(-1, int(nobody.sum())))
    torch.testing.assert_close(plain.image[:, somebody], kept.image[:, somebody])


def session(person: lw.SourceState, how: FewShotMethod) -> FewShotSession:
    made = open_session(how, person, SIZE)
    assert isinstance(made, FewShotSession)
    return made


def test_a_dressed_person_is_shown_as_dressed(people: dict[str, lw.SourceState]) -> None:
    dressed, plain = (session(people[name], method("attention"))._pictures for name in ("dressed", "one"))
    assert dressed.shape == plain.shape, "one picture of all that is worn, not each wearer's"
    assert float((dressed - plain).abs().mean()) > 0.02


def test_only_imaginaire_shows_the_references_heads(people: dict[str, lw.SourceState]) -> None:
    first = session(people["one"], method("strict"))._labels
    other = session(people["one"], FewShotMethod(tiny("imaginaire-pose"), SMALL))._labels
    assert tiny("imaginaire-pose").shape.layout == IMAGINAIRE
    assert not torch.equal(first[:, :, :3], other[:, :, :3])
    assert torch.equal(first[:, :, 3:], other[:, :, 3:])
    parts = torch.zeros(3, 2, 2)
    parts[2] = 24
    assert (strict_label(parts, parts)[:3] == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["strict", "mesh"])
def test_fine_tuning_fits_a_copy_to_the_photos(
    kind: str, people: dict[str, lw.SourceState], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liquidwarp.methods.few_shot_vid2vid.finetune._CRITIC", 2)
    how = method(kind)
    before = {key: value.clone() for key, value in how.generator.state_dict().items()}
    plain = session(people["one"], how)
    tuned = session(people["one"], replace(how, finetune=2))._generator
    assert all(torch.equal(value, before[key]) for key, value in how.generator.state_dict().items())
    changed = {
        key for key, value in tuned.state_dict().items() if not torch.equal(value, plain._generator.state_dict()[key])
    }
    assert changed
    assert all(learns(tuned, key) for key in changed), "statistics and singular vectors stay"
    again = session(people["one"], replace(how, finetune=2))._generator
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in tuned.state_dict().items())


def test_a_refiner_paints_the_face_alone_again(people: dict[str, lw.SourceState], tmp_path: Path) -> None:
    how = FewShotMethod(tiny(), (128, 64))
    (plain,), (fine,) = (turned(people["one"], each, 1) for each in (how, replace(how, refiner=tiny("face-refiner"))))
    rows, columns = (fine.drawn != plain.drawn).any(0).nonzero().T
    head = (plain.view.parts >= 23).nonzero()
    assert len(rows), "the face has changed"
    assert rows.max() < 64, "nothing below has"
    assert columns.min() <= head[:, 1].float().mean() <= columns.max()
    back = next(
        iter(lw.novel_view(people["one"], frames=1, start=0.0, method=replace(how, refiner=tiny("face-refiner"))))
    )
    assert torch.equal(back.image, fine.image)
    asked = f"few-shot-vid2vid:refiner={tiny_file(tmp_path, 'face-refiner', (32, 32))}"
    found = make_method(asked, weights=tiny_file(tmp_path))
    assert isinstance(found, FewShotMethod)
    assert found.refiner is not None
    with pytest.raises(lw.InputError, match="draws with fsvid2vid-face-refiner; these weights are 'fsvid2vid-pose'"):
        FewShotMethod(tiny(), SMALL, refiner=tiny())
    with pytest.raises(lw.InputError, match="which mesh-enriched labels lack"):
        FewShotMethod(tiny(given_flow=True), SMALL, refiner=tiny("face-refiner"))


@pytest.mark.parametrize("name", ["pose", "imaginaire-pose"])
def test_what_learns_is_what_was_published_to(name: str) -> None:
    network = tiny(name)
    for key, _ in network.named_parameters():
        published = published_names(network.shape, key)[0]
        first = any(part in published for part in ("fc", "conv_img", "up"))
        new = published.startswith(("weight_generator.fc", "conv_img", "up"))
        assert learns(network, key) == (new if name.startswith("imaginaire") else first), published


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("face", {}, "draws with fsvid2vid-pose, .* these weights are 'fsvid2vid-face'"),
        ("street", {}, "these weights are 'fsvid2vid-labels', of another kind of label"),
    ],
)
def test_weights_of_another_kind_are_named(name: str, changes: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match=words):
        make_method("few-shot-vid2vid", weights=tiny_file(tmp_path, name, **changes))


def test_weights_have_to_be_brought(tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match="comes without weights; give a file"):
        make_method("few-shot-vid2vid")
    from liquidwarp.nn.compact import CompactGenerator
    from liquidwarp.nn.compact_weights import save_compact

    save_compact(CompactGenerator((8, 8, 8, 8)), tmp_path / "compact.safetensors", {})
    with pytest.raises(lw.InputError, match="weights of 'compact', wanted few-shot vid2vid's"):
        make_method("few-shot-vid2vid", weights=tmp_path / "compact.safetensors")


def test_a_file_and_a_network_find_their_method(tmp_path: Path) -> None:
    found = make_method("gan", weights=tiny_file(tmp_path, size=(96, 64)))
    assert isinstance(found, FewShotMethod)
    assert found.size == (96, 64)
    assert method_of(tiny("face")).name == "few-shot-vid2vid-face"
    assert method_of(tiny("street")).name == "few-shot-vid2vid-labels"
    refiner = tiny("face-refiner")
    with pytest.raises(lw.InputError, match="no method draws with 'fsvid2vid-face-refiner' alone"):
        method_of(refiner)


def test_the_command_line_takes_it(
    people: dict[str, lw.SourceState],
    sources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from liquidwarp import tasks

    monkeypatch.setattr(tasks, "encode_source", lambda *_, **__: people["one"])
    monkeypatch.setattr("liquidwarp.methods.few_shot_vid2vid.method.ITERATIONS", 1)
    out, weights = tmp_path / "turn.mp4", tiny_file(tmp_path)
    view = ["view", str(sources.photo), "--frames", "2", "--size", "64", "-o", str(out)]
    assert main([*view, "--method", "few-shot-vid2vid", "--weights", str(weights), "--finetune"]) == 0
    assert sum(1 for _ in open_video(out)) == 2
    capsys.readouterr()
    assert main([*view, "--finetune"]) == 2
    assert "method 'surface' has no option 'finetune'" in capsys.readouterr().err
    face = tiny_file(tmp_path, "face", (64, 64))
    assert main([*view, "--method", "few-shot-vid2vid-face", "--weights", str(face)]) == 2
    assert "needs a clip that drives it; use 'liquidwarp imitate'" in capsys.readouterr().err
