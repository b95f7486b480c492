"""DisCo over our own bodies: who, before what and in which pose arrive apart; and drawings as motion."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from disco_samples import TINY, needs_diffusers, tiny_network
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.cli import main
from liquidwarp.labels import SkeletonPoints, draw_limbs
from liquidwarp.media import open_video, write_image
from liquidwarp.methods import DiscoMethod, make_method, method_of
from liquidwarp.methods.disco import Foreground
from liquidwarp.nn.disco import extra
from liquidwarp.nn.disco.network import DiscoNetwork
from liquidwarp.nn.disco.weights import save_disco
from liquidwarp.tasks import SourceState, encode_source, follow_drawings, read_foreground, synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.testing import toy_body

SIZE = (96, 80)
RED, BLUE = (np.tile(np.array(color, np.uint8), (16, 1)) for color in ((200, 40, 40), (40, 40, 200)))


@pytest.fixture(scope="module")
def person() -> SourceState:
    photo = toy_photo(toy_body(), RED, size=SIZE)
    return encode_source(photo.rgb, body=toy_body(), detector=ToyDetector(photo))


def target(person: SourceState, frames: int = 2) -> Target:
    """The photo's pose, a step to the side in every frame."""
    track, steps = person.track, torch.arange(frames)[:, None] * torch.tensor([0.1, 0.0, 0.0])
    orient, pose = (each.expand(frames, *each.shape[1:]) for each in (track.global_orient, track.body_pose))
    return Target(orient, pose, track.transl + steps, (track.camera,) * frames)


def skeleton(shift: float = 0.0) -> SkeletonPoints:
    """A stick figure with its arms out, in a square of 100."""
    places = {0: (50, 15), 2: (40, 25), 3: (25, 25), 4: (10, 25), 5: (60, 25), 6: (75, 25), 7: (90, 25)}
    places |= {9: (45, 55), 10: (45, 75), 11: (45, 95), 12: (55, 55), 13: (55, 75), 14: (55, 95)}
    body = np.zeros((25, 3))
    for index, (x, y) in places.items():
        body[index] = (x + shift, y, 1)
    return SkeletonPoints(body)


def test_limbs_are_drawn_in_their_colours() -> None:
    points = skeleton().body
    points[:, :2] *= 6
    drawn = draw_limbs(SkeletonPoints(points), (600, 600))
    assert drawn[150, 270].tolist() == [153, 0, 0]  # neck to right shoulder: three fifths of its colour
    assert drawn[510, 270].tolist() == [0, 153, 102]  # right shin
    assert drawn[150, 60, 2] == drawn[570:, :200].max() == 0
    points[0] = 0
    assert not draw_limbs(SkeletonPoints(points), (600, 600))[:140].any()  # no head, no neck's limb


@needs_diffusers
def test_person_background_and_pose_come_from_three_places(person: SourceState) -> None:
    method = make_method("disco:steps=1", generator=tiny_network())
    assert isinstance(method, DiscoMethod)
    (first, second) = synthesize(person, target(person), method=method)
    assert first.image.shape == (3, *SIZE)
    assert not first.image.equal(second.image)  # the pose
    assert set(first.coverage.unique().tolist()) == {0, 3}
    other = toy_photo(toy_body(), BLUE, size=(64, 64))
    shown = method.showing(Foreground(other.rgb, other.mask))
    (blue, _) = synthesize(person, target(person), method=shown)
    (beach, _) = synthesize(person, target(person), method=method, background=(240, 220, 160))
    assert len({picture.image.numpy().tobytes() for picture in (first, blue, beach)}) == 3
    outside = torch.ones(SIZE, dtype=torch.bool)
    window = first.window
    outside[max(0, window.top) : window.top + window.height, max(0, window.left) : window.left + window.width] = False
    torch.testing.assert_close(first.image[:, outside], blue.image[:, outside])
    (again, _) = synthesize(person, target(person), method=method)
    assert again.image.equal(first.image)


@needs_diffusers
def test_frames_of_a_clip_are_made_together(person: SourceState) -> None:
    method = make_method("disco:steps=1,guidance=1", generator=tiny_network(replace(TINY, temporal=True)))
    pictures = list(synthesize(person, target(person, 3), method=method))
    assert len(pictures) == 3
    alone = list(synthesize(person, target(person, 1), method=method))
    assert not pictures[0].image.equal(alone[0].image)


@needs_diffusers
def test_a_copy_is_fitted_to_the_person(person: SourceState) -> None:
    network = tiny_network()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    method = DiscoMethod(network, steps=1, finetune=2)
    plain = DiscoMethod(network, steps=1)
    still = target(person, 1)
    one, other, not_fitted = (next(synthesize(person, still, method=each)) for each in (method, method, plain))
    assert one.image.equal(other.image)
    assert not one.image.equal(not_fitted.image)
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())


@needs_diffusers
def test_drawings_are_a_motion(person: SourceState, tmp_path: Path) -> None:
    for number in range(2):
        write_image(tmp_path / f"{number}.png", draw_limbs(skeleton(3.0 * number), (100, 100)))
    method = make_method("disco:steps=1", generator=tiny_network())
    assert isinstance(method, DiscoMethod)
    one, other = follow_drawings(person, tmp_path, method=method, size=48)
    assert one.image.shape == (3, 48, 48)
    assert not one.image.equal(other.image)
    (single,) = follow_drawings(person, tmp_path / "0.png", method=method, size=48)
    assert single.image.equal(one.image)
    (plain,) = follow_drawings(person, tmp_path / "0.png", method=method, size=48, background="plain")
    assert not plain.image.equal(one.image)


def test_foregrounds_are_read(tmp_path: Path) -> None:
    photo = toy_photo(toy_body(), RED, size=SIZE)
    mask = (255 * photo.mask).astype(np.uint8)
    write_image(tmp_path / "p.png", photo.rgb)
    write_image(tmp_path / "m.png", np.repeat(mask[..., None], 3, 2))
    write_image(tmp_path / "cut.png", photo.rgb, alpha=mask)
    given, cut = read_foreground(tmp_path / "p.png", tmp_path / "m.png"), read_foreground(tmp_path / "cut.png")
    np.testing.assert_array_equal(given.mask, cut.mask)
    assert given.window == cut.window
    assert given.window.holds(np.argwhere(photo.mask > 0.5)[:, ::-1].astype(float))
    with pytest.raises(lw.InputError, match="the foreground is 80x96, its mask 10x10"):
        Foreground(photo.rgb, np.ones((10, 10), np.float32))
    with pytest.raises(lw.InputError, match="shows nobody"):
        Foreground(photo.rgb, np.zeros(SIZE, np.float32))


@needs_diffusers
def test_bad_options_are_told(tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match="method 'disco' comes without weights"):
        make_method("disco")
    with pytest.raises(lw.InputError, match=r"holds no disco\.safetensors"):
        make_method("disco", weights=tmp_path)
    with pytest.raises(lw.InputError, match="steps=0 must be greater"):
        make_method("disco:steps=0", generator=tiny_network())
    with pytest.raises(lw.InputError, match="know no poses"):
        make_method("disco", generator=DiscoNetwork(replace(TINY, pose=False)))
    assert method_of(tiny_network()).name == "disco"
    save_disco(tiny_network(), tmp_path / "disco.safetensors", {}, drops_foreground=False)
    method = make_method("disco", weights=tmp_path)
    assert isinstance(method, DiscoMethod)
    assert (method.guidance, method.drops_foreground) == (3.0, False)
    named = make_method("gan", weights=tmp_path / "disco.safetensors")
    assert named.name == "disco"


def test_without_the_packages_one_line_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(extra, "missing_packages", lambda: ("diffusers",))
    with pytest.raises(lw.InputError, match=r"needs diffusers, not installed here; pip install 'liquidwarp\[disco\]'"):
        DiscoNetwork(TINY)


@pytest.mark.slow
def test_listing_and_importing_load_neither_package() -> None:
    code = (
        "import sys, liquidwarp; from liquidwarp.methods import DiscoMethod, method_table; method_table();"
        "sys.exit(any(name in sys.modules for name in ('diffusers', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
@needs_diffusers
def test_the_command_line_does_it_end_to_end(sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_disco(tiny_network(), tmp_path / "w" / "disco.safetensors", {})
    common = ["--method", "disco:steps=1", "--weights", str(tmp_path / "w"), "--size", "64"]
    write_image(tmp_path / "beach.png", np.full((64, 64, 3), (240, 220, 160), np.uint8))
    apart = ["--fg", str(sources.two), "--background", str(tmp_path / "beach.png")]
    out = tmp_path / "out.mp4"
    start = ["imitate", str(sources.photo), "--motion", str(sources.track), "-o", str(out)]
    assert main([*start, *common]) == 0
    plain = [frame for frame in open_video(out)]
    assert main([*start, *common, *apart]) == 0
    told = [frame for frame in open_video(out)]
    assert len(plain) == len(told) == 6
    assert not np.array_equal(plain[0], told[0])
    write_image(tmp_path / "pose.png", draw_limbs(skeleton(), (100, 100)))
    drawn = ["imitate", str(sources.photo), "--motion", str(tmp_path / "pose.png"), "--drawn", "-o", str(out)]
    assert main([*drawn, *common]) == 0
    assert len([frame for frame in open_video(out)]) == 1
    capsys.readouterr()
    assert main([*start, "--fg", str(sources.two)]) == 2
    assert "--fg goes with method 'disco', not with 'surface'" in capsys.readouterr().err
