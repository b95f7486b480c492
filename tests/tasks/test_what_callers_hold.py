"""Photos, clips, backgrounds and garments in whatever form a caller holds them."""

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from toy_people import ToyDetector, ToyPhoto, toy_photo

import liquidwarp as lw
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.media import open_video, write_image
from liquidwarp.testing import toy_body

COLOURS = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)
FORMS: dict[str, Callable[[np.ndarray], object]] = {
    "PIL": Image.fromarray,
    "floats": lambda rgb: rgb / 255,
    "tensor": lambda rgb: torch.from_numpy(rgb).permute(2, 0, 1).float() / 255,
}


@pytest.fixture(scope="module")
def body() -> RiggedBody:
    return toy_body()


@pytest.fixture(scope="module")
def photos(body: RiggedBody) -> list[ToyPhoto]:
    return [toy_photo(body, COLOURS, turn=0.1 * step) for step in range(3)]


@pytest.fixture(scope="module")
def learn(body: RiggedBody, photos: list[ToyPhoto]) -> Callable[[object], lw.SourceState]:
    return lambda source: lw.encode_source(source, body=body, detector=ToyDetector(*photos))


@pytest.fixture(scope="module")
def person(learn, photos: list[ToyPhoto]) -> lw.SourceState:
    return learn(photos[0].rgb)


def numbers(person: lw.SourceState) -> list[np.ndarray]:
    track, look = person.track, person.appearance
    return [track.body_pose.numpy(), track.transl.numpy(), person.offsets.numpy(), person.background, look.texels]


@pytest.mark.parametrize(
    "form", ["tensor", *(pytest.param(f, marks=pytest.mark.slow) for f in ("file", "PIL", "floats"))]
)
def test_a_photo(learn, person: lw.SourceState, photos: list[ToyPhoto], tmp_path: Path, form: str) -> None:
    rgb = photos[0].rgb
    given = write_image(tmp_path / "photo.png", rgb) if form == "file" else FORMS[form](rgb)
    assert all(np.array_equal(a, b) for a, b in zip(numbers(learn(given)), numbers(person), strict=True))


@pytest.mark.parametrize(
    "form", ["tensor", *(pytest.param(form, marks=pytest.mark.slow) for form in ("PIL", "floats"))]
)
def test_a_clip(body: RiggedBody, photos: list[ToyPhoto], form: str) -> None:
    frames = np.stack([photo.rgb for photo in photos])
    given = [FORMS[form](frame) for frame in frames]
    stack = torch.stack(given) if form == "tensor" else np.stack(given) if form == "floats" else tuple(given)
    find = lambda source: lw.recover(source, body=body, detector=ToyDetector(*photos))  # noqa: E731
    expected = find(frames)
    assert (len(expected), expected.fps) == (3, 25.0)
    for source in (given, stack):
        assert torch.equal(find(source).body_pose, expected.body_pose)


@pytest.mark.slow
def test_a_clip_of_who_is_to_be_learnt(learn, photos: list[ToyPhoto]) -> None:
    frames = np.stack([photo.rgb for photo in photos])
    stack = torch.from_numpy(frames).permute(0, 3, 1, 2)
    assert all(np.array_equal(a, b) for a, b in zip(numbers(learn(stack)), numbers(learn(frames)), strict=True))
    assert len(learn(list(frames)).views) == 3


@pytest.mark.parametrize("form", ["file", *FORMS])
def test_a_background(person: lw.SourceState, tmp_path: Path, form: str) -> None:
    behind = np.random.default_rng(1).integers(0, 256, (*person.photo.shape[:2], 3), dtype=np.uint8)
    given = write_image(tmp_path / "behind.png", behind) if form == "file" else FORMS[form](behind)
    made, expected = (next(lw.novel_view(person, frames=1, background=b)) for b in (given, behind))
    assert torch.equal(made.image, expected.image)


@pytest.mark.slow
def test_garments(person: lw.SourceState, photos: list[ToyPhoto], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are learnt on the body of who wears them."""
    monkeypatch.setattr("liquidwarp.detect.following.default_detector", lambda *_, **__: ToyDetector(*photos))
    dressed = lw.transfer_appearance(person, {"upper": Image.fromarray(photos[1].rgb), "lower": photos[2].rgb})
    assert len(dressed.views) == 3
    assert dressed.body is person.body


def test_frames_to_write(tmp_path: Path) -> None:
    rgb = np.full((64, 64, 3), 120, np.uint8)
    path = lw.write_video([rgb, *(form(rgb) for form in FORMS.values())], tmp_path / "out.mp4", fps=25)
    assert [abs(int(frame.mean()) - 120) < 3 for frame in open_video(path)] == [True] * 4


def test_files_in_place_of_what_is_made_of_them(person: lw.SourceState, tmp_path: Path) -> None:
    """Without the tests' checks of annotations, which come first."""
    imitate, view, transfer, glb = (
        inspect.unwrap(task) for task in (lw.imitate, lw.novel_view, lw.transfer_appearance, lw.export_glb)
    )
    for run in (
        lambda: imitate("me.jpg", person.track),
        lambda: view("me.jpg"),
        lambda: transfer("me.jpg", {"upper": person}),
        lambda: glb("me.jpg", person.track, tmp_path / "x.glb"),
    ):
        with pytest.raises(TypeError, match="person is a str; wanted a SourceState: learn one with encode_source"):
            run()
    for run in (lambda: imitate(person, "dance.mp4"), lambda: glb(person, "dance.mp4", tmp_path / "x.glb")):
        with pytest.raises(TypeError, match="motion is a str; wanted a BodyTrack: recover"):
            run()


@pytest.mark.parametrize("given", [None, 7, b"photo.jpg", {"photo": 1}])
def test_anything_else(person: lw.SourceState, given: object) -> None:
    said = f"is a {type(given).__name__}; wanted a path, a PIL picture, or an array or tensor"
    for run in (
        lambda: lw.encode_source(given),
        lambda: lw.encode_source([given]),
        lambda: lw.recover(given),
        lambda: next(lw.novel_view(person, background=given)),
        lambda: lw.transfer_appearance(person, {"upper": given}),
    ):
        with pytest.raises(TypeError, match=said):
            run()
    with pytest.raises(lw.InputError, match="values from 0 to 255; floats are taken from 0 to 1"):
        lw.encode_source(np.linspace(0, 255, 300).reshape(10, 10, 3))
