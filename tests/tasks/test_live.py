"""Live imitation needs no later frame, and works from the first."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_device import FakeDevice
from toy_people import ToyDetector, ToyPhoto, toy_photo

from liquidwarp.bodies import load_body
from liquidwarp.cli import main
from liquidwarp.demo import asset
from liquidwarp.errors import InputError, OutputError
from liquidwarp.live import run_live
from liquidwarp.tasks import LiveFrame, SourceState, encode_source, imitate_live, novel_view
from liquidwarp.tasks import live as live_room
from liquidwarp.testing import toy_body

SIZE = (96, 72)
NOBODY = np.full((*SIZE, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def photos() -> list[ToyPhoto]:
    """One person turning."""
    body = load_body("anny")
    colours = np.tile(np.array((200, 40, 40), np.uint8), (16, 1))
    return [toy_photo(body, colours, size=SIZE, turn=0.3 * step) for step in range(4)]


@pytest.fixture(scope="module")
def person(photos: list[ToyPhoto]) -> SourceState:
    return encode_source(photos[0].rgb, detector=ToyDetector(photos[0]))


def live(person: SourceState, photos: list[ToyPhoto], frames: list[np.ndarray], **options: object) -> list[LiveFrame]:
    return list(imitate_live(person, frames, fps=25.0, detector=ToyDetector(*photos), **options))


def test_no_picture_depends_on_later_frames(person: SourceState, photos: list[ToyPhoto]) -> None:
    frames = [photo.rgb for photo in photos]
    whole, part = live(person, photos, frames), live(person, photos, frames[:2])
    assert len(whole) == 4
    for long, short in zip(whole, part, strict=False):
        assert torch.equal(long.synthesis.image, short.synthesis.image)
    assert all(frame.delay > 0 for frame in whole)
    assert not torch.equal(whole[0].synthesis.alpha, whole[3].synthesis.alpha)


def test_until_somebody_comes_the_person_stands_as_in_the_photo(person: SourceState, photos: list[ToyPhoto]) -> None:
    first, _, third, fourth = live(person, photos, [NOBODY, NOBODY, photos[1].rgb, NOBODY])
    photo = next(novel_view(person, frames=1))
    torch.testing.assert_close(first.synthesis.image, photo.image)
    assert not torch.equal(third.synthesis.alpha, photo.alpha)
    both, either = (third.synthesis.alpha > 0.5) & (fourth.synthesis.alpha > 0.5), third.synthesis.alpha > 0.5
    assert float(both.sum()) > 0.95 * float(either.sum())  # who is lost keeps still


@pytest.mark.parametrize("camera", ["copy", "source", "smooth"])
def test_the_person_stands_about_where_the_driver_or_the_photo_does(
    person: SourceState, photos: list[ToyPhoto], camera: str
) -> None:
    (frame,) = live(person, photos, [photos[0].rgb], camera=camera)
    mine, true = frame.synthesis.alpha.numpy() > 0.5, photos[0].mask > 0.5
    assert (mine & true).sum() > 0.6 * (mine | true).sum()


@pytest.mark.parametrize("camera", ["copy", "smooth"])
def test_pictures_have_one_size_whenever_the_driver_comes(
    person: SourceState, photos: list[ToyPhoto], camera: str
) -> None:
    frames = [np.pad(picture, ((0, 0), (10, 10), (0, 0)), mode="edge") for picture in (NOBODY, photos[0].rgb)]
    wide = replace(
        photos[0], rgb=frames[1], found=replace(photos[0].found, image=photos[0].found.image + np.float32([10, 0]))
    )
    wide = replace(wide, found=replace(wide.found, mask=None))
    sizes = {tuple(frame.synthesis.image.shape[1:]) for frame in live(person, [wide], frames, camera=camera)}
    assert sizes == {(96, 92) if camera == "copy" else SIZE}


def test_pictures_are_made_on_a_device(person: SourceState, photos: list[ToyPhoto]) -> None:
    device, driver = FakeDevice(), [NOBODY, photos[1].rgb]
    wanted = live(person, photos, driver)
    with device.loading():
        made = live(person, photos, driver, device=torch.device(device.name))
    for found, known in zip(made, wanted, strict=True):
        assert found.synthesis.image.device.type == device.name
        torch.testing.assert_close(device.fetch(found.synthesis.image), known.synthesis.image, atol=2e-3, rtol=0)


def test_it_can_be_written_and_ended(
    person: SourceState, photos: list[ToyPhoto], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    from liquidwarp.media import open_video, write_video
    from liquidwarp.tasks import live as module

    assert isinstance(tmp_path, Path)
    write_video([photo.rgb for photo in photos], tmp_path / "driver.mp4", fps=25)
    monkeypatch.setattr(module, "live_detector", lambda: ToyDetector())
    told = run_live(person, motion=tmp_path / "driver.mp4", output=tmp_path / "out.mp4", size=64)
    assert told.startswith("4 frames, ")
    assert sum(1 for _ in open_video(tmp_path / "out.mp4")) == 4
    run_live(person, motion=tmp_path / "driver.mp4", output=tmp_path / "short.mp4", size=64, seconds=1e-9)
    assert sum(1 for _ in open_video(tmp_path / "short.mp4")) == 1


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What a virtual camera was shown; a driver is found as in its pictures."""
    shown: list[np.ndarray] = []

    class Camera:
        def __init__(self, fps: float) -> None:
            assert fps == 25

        def send(self, rgb: np.ndarray) -> None:
            shown.append(rgb)

        def close(self) -> None:
            shown.append(np.zeros(0))

    monkeypatch.setattr("liquidwarp.live.VirtualCamera", Camera)
    return shown


def test_pictures_go_out_stop_and_start(
    person: SourceState, photos: list[ToyPhoto], sent: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liquidwarp.live.open_video", lambda _: Clip([photo.rgb for photo in photos]))
    monkeypatch.setattr(live_room, "live_detector", lambda: ToyDetector(*photos))
    told = run_live(person, motion="dance.mp4", virtual_camera=True, size=64)
    assert told.startswith("4 frames, ")
    assert [picture.shape for picture in sent] == [(64, 48, 3)] * 4 + [(0,)], "and it is closed"
    free = list(sent)
    sent.clear()
    typed = iter(["", None, "", None])
    monkeypatch.setattr("liquidwarp.live.typed_line", lambda: next(typed))
    run_live(person, motion="dance.mp4", virtual_camera=True, size=64)
    for picture, wanted in zip(sent, (free[0], free[0], free[0], free[3], free[4]), strict=True):
        assert np.array_equal(picture, wanted), "the last picture stays while it is stopped"
    sent.clear()
    monkeypatch.setattr("liquidwarp.live.typed_line", lambda: "q")
    run_live(person, motion="dance.mp4", virtual_camera=True, size=64)
    assert len(sent) == 2


def test_a_stream_that_reaches_nobody_closes_the_rest(
    person: SourceState, photos: list[ToyPhoto], sent: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liquidwarp.live.open_video", lambda _: Clip([photo.rgb for photo in photos]))
    monkeypatch.setattr(live_room, "live_detector", lambda: ToyDetector(*photos))
    everybody = "udp://255.255.255.255:5000"  # whom no socket reaches that did not ask for it
    with pytest.raises(OutputError, match=rf"cannot stream to {everybody}: .*; check the address"):
        run_live(person, motion="dance.mp4", stream=everybody, virtual_camera=True, size=64)
    assert sent[-1].shape == (0,), "the camera is closed"


def test_a_mirror_turns_the_driver_round_and_not_the_person(
    person: SourceState, photos: list[ToyPhoto], sent: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = [photo.rgb[:, ::-1] for photo in photos[1:]]
    monkeypatch.setattr(live_room, "live_detector", lambda: ToyDetector(*photos))
    made = []
    for frames, mirror in (([photo.rgb for photo in photos[1:]], False), (turned, True)):
        monkeypatch.setattr("liquidwarp.live.open_video", lambda _, frames=frames: Clip(frames))
        run_live(person, motion="dance.mp4", virtual_camera=True, size=64, mirror=mirror)
        made.append(sent[:-1])
        sent.clear()
    for straight, mirrored in zip(*made, strict=True):
        assert np.array_equal(straight, mirrored)


class Clip(list):
    fps = 25.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stream", "udp://127.0.0.1:5000", "-o", "out.mp4"], "--stream and -o are two ways"),
        (["--virtual-camera", "-o", "out.mp4"], "--virtual-camera and -o are two ways"),
        (["--preview"], "--preview goes with --virtual-camera or --stream"),
        (["--stream", "rtmp://x/y"], "give an address such as udp://"),
    ],
)
def test_what_does_not_go_together_is_said_before_the_work(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["live", str(asset("woman_stripes.jpg")), "--motion", str(asset("motion.mp4")), *options]) == 2
    assert said in capsys.readouterr().err


def test_what_cannot_be_driven_is_said(person: SourceState) -> None:
    with pytest.raises(InputError, match="fps=0"):
        imitate_live(person, [], fps=0.0)
    with pytest.raises(InputError, match="camera='far'"):
        imitate_live(person, [], fps=25.0, camera="far")
    with pytest.raises(InputError, match="open body, this person is of 'toy'"):
        imitate_live(replace(person, body=toy_body()), [], fps=25.0)


def test_the_open_body_by_another_name_can_be_driven(person: SourceState, photos: list[ToyPhoto]) -> None:
    other = copy(person.body)
    other.name = "mine"
    (frame,) = live(replace(person, body=other), photos, [photos[0].rgb])
    (known,) = live(person, photos, [photos[0].rgb])
    assert torch.equal(frame.synthesis.image, known.synthesis.image)


def test_legs_that_were_never_seen_stand_on_the_photo_s_floor(person: SourceState, photos: list[ToyPhoto]) -> None:
    found = photos[0].found
    legs = [name.endswith(("knee", "ankle", "heel", "foot_index")) for name in found.names]
    confidence = np.where(legs, 0, found.confidence).astype(np.float32)
    half = [replace(photo, found=replace(photo.found, confidence=confidence)) for photo in photos]
    floor = int(np.flatnonzero((person.alpha > 0.5).any(1)).max())
    frames = live(person, half, [photo.rgb for photo in photos], camera="smooth")
    for frame in frames:
        lowest = int((frame.synthesis.alpha > 0.5).any(1).nonzero().max())
        assert lowest == pytest.approx(floor, abs=2)
