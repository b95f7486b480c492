"""From a photo to pictures, on a toy person whom a detector without a network finds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from toy_people import ToyDetector, ToyPhoto, toy_photo

from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.parts import part_labels
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.media import write_image
from liquidwarp.methods import Frame, SurfaceMethod
from liquidwarp.nn.weights import load_generator
from liquidwarp.tasks import (
    SourceState,
    Synthesis,
    encode_source,
    imitate,
    novel_view,
    recover,
    transfer_appearance,
    write_video,
)
from liquidwarp.tasks.synthesize import choose_method, open_session, synthesize
from liquidwarp.tasks.target import orbit_target
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Pose

SIZE = (97, 73)  # odd on purpose
RED, BLUE = (200, 40, 40), (40, 40, 200)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def red_photo(body: BodyModel) -> ToyPhoto:
    return toy_photo(body, plain(RED))


@pytest.fixture(scope="module")
def red(body: BodyModel, red_photo: ToyPhoto) -> SourceState:
    return encode_source(red_photo.rgb, body=body, detector=ToyDetector(red_photo))


@pytest.fixture(scope="module")
def blue_photo(body: BodyModel) -> ToyPhoto:
    return toy_photo(body, plain(BLUE), masked=False)


@pytest.fixture(scope="module")
def blue(body: BodyModel, blue_photo: ToyPhoto, tmp_path_factory: pytest.TempPathFactory) -> SourceState:
    """Somebody cut out of the photo, whose detector makes no masks."""
    path = tmp_path_factory.mktemp("photos") / "cut.png"
    write_image(path, blue_photo.rgb, alpha=(255 * blue_photo.mask).astype(np.uint8))
    return encode_source(path, body=body, detector=ToyDetector(blue_photo))


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.tile(np.array(colour, np.uint8), (16, 1))


def front(person: SourceState, **options: object) -> Synthesis:
    return next(novel_view(person, frames=1, **options))


def same(first: Synthesis, second: Synthesis) -> bool:
    return all(torch.equal(getattr(first, name), getattr(second, name)) for name in ("image", "alpha", "coverage"))


def worn(picture: Synthesis, colour: tuple[int, int, int]) -> torch.Tensor:
    """Where the person shows a colour."""
    wanted = torch.tensor(colour)[:, None, None] / 255
    return ((picture.image - wanted).abs().amax(0) < 0.1) & (picture.alpha > 0.9)


def test_a_source_holds_the_photo_and_what_is_behind_the_person(red: SourceState, red_photo: ToyPhoto) -> None:
    np.testing.assert_array_equal(red.photo, red_photo.rgb)
    assert len(red.track) == 1
    assert red.track.camera.size == red.background.shape[:2] == red.alpha.shape == SIZE
    outside = red.alpha == 0
    apart = np.abs(red.background.astype(int) - red_photo.rgb)
    assert np.median(apart[outside]) == 0
    assert not (np.abs(red.background.astype(int) - RED).max(-1) < 30).any(), "nothing of the person stays"
    kept = (red.alpha > 0.5) & (red_photo.mask > 0.5)
    assert kept.sum() / ((red.alpha > 0.5) | (red_photo.mask > 0.5)).sum() > 0.85


def test_the_photo_s_own_view_is_the_photo(red: SourceState, red_photo: ToyPhoto) -> None:
    drawn = front(red)
    assert drawn.image.shape == (3, *SIZE)
    assert drawn.alpha.shape == drawn.coverage.shape == SIZE
    difference = (drawn.image - torch.from_numpy(red_photo.rgb).permute(2, 0, 1) / 255).abs().amax(0)
    assert float((difference < 0.1).float().mean()) > 0.95


def test_where_nobody_stands_the_background_is_untouched(red: SourceState) -> None:
    empty = front(red).alpha == 0
    assert 0.5 < float(empty.float().mean()) < 0.95
    behind = torch.from_numpy(red.background.astype(np.float32) / 255).permute(2, 0, 1)
    assert torch.equal(front(red).image[:, empty], behind[:, empty])
    for background, value in (("plain", (225, 225, 225)), ((10, 200, 30), (10, 200, 30))):
        drawn = front(red, background=background)
        wanted = torch.tensor(np.array(value, np.float32) / 255)[:, None]
        assert torch.equal(drawn.image[:, empty], wanted.expand(-1, int(empty.sum())))


def test_a_picture_is_a_background_as_array_and_as_file(red: SourceState, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    drawn = front(red, background=picture)
    empty = drawn.alpha == 0
    wanted = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)
    assert torch.equal(drawn.image[:, empty], wanted[:, empty])
    write_image(tmp_path / "behind.png", picture)
    assert same(front(red, background=tmp_path / "behind.png"), drawn)


def test_wrong_options_are_told_before_the_first_picture(red: SourceState, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.png"):
        novel_view(red, background=tmp_path / "nothing.png")
    with pytest.raises(InputError, match="renderer"):
        novel_view(red, renderer="magic")
    with pytest.raises(InputError, match="method='magic' is not known; choose one of surface, compact"):
        novel_view(red, method="magic")
    with pytest.raises(InputError, match="renderer='gan' and method='surface' say different things"):
        novel_view(red, renderer="gan", method="surface")
    with pytest.raises(InputError, match="generator goes with the name of a method"):
        novel_view(red, method=SurfaceMethod(), generator=load_generator())
    with pytest.raises(InputError, match="colour"):
        novel_view(red, background=(0, 0, 256))


def test_pictures_come_lazily_and_twice_the_same(red: SourceState) -> None:
    views = novel_view(red, frames=100)
    assert isinstance(views, Iterator)
    first = [next(views), next(views)]
    again = novel_view(red, frames=100)
    assert all(same(one, next(again)) for one in first)


@pytest.mark.parametrize("renderer", ["surface", "gan"])
def test_several_pictures_at_once_are_those_made_one_by_one(red: SourceState, body: BodyModel, renderer: str) -> None:
    target = orbit_target(body, red.track, frames=5, size=64)
    points = body.vertices(
        body.identity(red.track.betas), target.global_orient, target.body_pose, target.transl, offsets=red.offsets
    )
    session = open_session(choose_method(None, renderer), red, target.camera(0).size)
    poses = zip(target.global_orient, target.body_pose, target.transl, strict=True)
    frames = [Frame(index, points[index], target.camera(index), Pose(*pose)) for index, pose in enumerate(poses)]
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            piped = list(synthesize(red, target, renderer=renderer))
            assert torch.get_num_threads() == count
            assert len(piped) == 5
            torch.set_num_threads(1)
            assert all(same(picture, session.draw(frame)) for picture, frame in zip(piped, frames, strict=True))
    finally:
        torch.set_num_threads(threads)


def test_films_at_once_and_given_up_leave_torch_its_threads(red: SourceState) -> None:
    """In the main thread, in one that makes a film while another does, and in one that begins afterwards."""
    motion = red.track[[0] * 8]

    def in_a_new_thread() -> int:
        with ThreadPoolExecutor(1) as fresh:
            return fresh.submit(torch.get_num_threads).result()

    def film() -> int:
        assert len(list(imitate(red, motion, size=64))) == 8
        return torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        first, second = imitate(red, motion, size=64), imitate(red, motion, size=64)
        for frames in (first, second, first, second):
            next(frames)
        assert any(in_a_new_thread() == 3 for _ in range(50)), "while they wait"
        with ThreadPoolExecutor(1) as other:
            assert other.submit(film).result() == 3
        first.close()
        assert len(list(second)) == 6
        assert torch.get_num_threads() == in_a_new_thread() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_memory_is_flat_however_long_the_video(red: SourceState, tmp_path: Path) -> None:
    held: list[int] = []

    def watched() -> Iterator[Synthesis]:
        for index, frame in enumerate(novel_view(red, frames=900, size=64)):
            if index in (200, 899):
                held.append(psutil.Process().memory_info().rss)
            yield frame

    write_video(watched(), tmp_path / "long.mp4", fps=25.0)
    assert held[1] - held[0] < 16 * 2**20  # 700 pictures held back would be 49 MB


def test_coverage_says_what_was_seen(red: SourceState) -> None:
    facing, behind = novel_view(red, frames=2)
    for drawn in (facing, behind):
        assert drawn.coverage.dtype == torch.uint8
        assert set(drawn.coverage.unique().tolist()) <= {0, 1, 2, 3}
        assert torch.equal(drawn.coverage == 0, drawn.alpha == 0)
    assert float((facing.coverage[facing.alpha > 0.9] == 1).float().mean()) > 0.7
    assert float((behind.coverage[behind.alpha > 0.9] == 1).float().mean()) < 0.2


@pytest.mark.parametrize(("longer", "wanted"), [(64, (64, 48)), (151, (151, 114))])
def test_size_is_the_longer_side(red: SourceState, longer: int, wanted: tuple[int, int]) -> None:
    drawn = front(red, size=longer)
    assert drawn.image.shape == (3, *wanted)
    assert drawn.alpha.mean() == pytest.approx(float(front(red).alpha.mean()), rel=0.1)


def test_imitating_oneself_is_standing_still(red: SourceState) -> None:
    still = replace(red.track[[0, 0]], fps=25.0)
    first, second = imitate(red, still, camera="source")
    assert same(first, second)
    apart = (first.image - front(red).image).abs()
    assert float(apart.mean()) < 0.01


def test_recovered_photo_is_a_motion_of_one_frame(red: SourceState, red_photo: ToyPhoto, body: BodyModel) -> None:
    motion = recover(red_photo.rgb, body=body, detector=ToyDetector(red_photo))
    assert isinstance(motion, BodyTrack)
    assert len(motion) == len(list(imitate(red, motion, camera="copy"))) == 1


@pytest.mark.slow
def test_a_back_photo_shows_the_back(body: BodyModel) -> None:
    photos = [toy_photo(body, plain(RED)), toy_photo(body, plain(BLUE), turn=np.pi)]
    person = encode_source([photo.rgb for photo in photos], body=body, detector=ToyDetector(*photos))
    assert len(person.views) == 2
    facing, behind = novel_view(person, frames=2)
    trunk = slice(38, 50), slice(33, 40)
    assert bool(worn(facing, RED)[trunk].all())
    assert bool(worn(behind, BLUE)[trunk].all())


def test_alpha_stands_in_for_the_detector_s_mask(body: BodyModel, blue: SourceState, blue_photo: ToyPhoto) -> None:
    np.testing.assert_array_equal(blue.alpha, blue_photo.mask)
    with pytest.raises(InputError, match="alpha"):
        encode_source(blue_photo.rgb, body=body, detector=ToyDetector(blue_photo))


def test_nobody_and_nothing_are_told(body: BodyModel) -> None:
    with pytest.raises(NoPersonError):
        encode_source(np.zeros((40, 30, 3), np.uint8), body=body, detector=ToyDetector())
    with pytest.raises(InputError, match="empty"):
        encode_source([], body=body, detector=ToyDetector())


@pytest.mark.parametrize("name", ["all", "upper", "face"])
def test_one_s_own_clothes_change_nothing(red: SourceState, name: str) -> None:
    dressed = transfer_appearance(red, {name: red})
    torch.testing.assert_close(dressed.offsets, red.offsets, atol=1e-6, rtol=0)
    torch.testing.assert_close(front(dressed).image, front(red).image, atol=1e-4, rtol=0)


def test_all_of_another_is_the_other_s_look_on_one_s_own_body(red: SourceState, blue: SourceState) -> None:
    dressed = transfer_appearance(red, {"all": blue})
    torch.testing.assert_close(dressed.offsets, blue.offsets, atol=1e-6, rtol=0)
    assert dressed.track is red.track
    assert dressed.background is red.background
    assert not bool(worn(front(dressed), RED).any())
    assert bool(worn(front(red), RED).any()), "or the line above says nothing"


def test_clothes_leave_the_head_and_the_later_wins(body: BodyModel, red: SourceState, blue: SourceState) -> None:
    drawn = front(transfer_appearance(red, {"body": blue}))
    rows = torch.arange(SIZE[0])[:, None].expand(SIZE)
    assert bool(worn(drawn, BLUE).any())
    assert float(rows[worn(drawn, RED)].max()) < float(rows[worn(drawn, BLUE)].float().quantile(0.2))
    back = front(transfer_appearance(red, {"body": blue, "all": red}))
    assert not bool(worn(back, BLUE).any())
    vertices = np.isin(body.topology.vertex_part.numpy(), part_labels("hair"))
    kept = transfer_appearance(red, {"lower": blue}).offsets[vertices]
    assert torch.equal(kept, red.offsets[vertices])


def test_what_cannot_be_worn_is_told(red: SourceState, blue: SourceState) -> None:
    with pytest.raises(InputError, match="empty"):
        transfer_appearance(red, {})
    with pytest.raises(InputError, match="cape"):
        transfer_appearance(red, {"cape": blue})
    with pytest.raises(InputError, match="'anny', the person of 'toy', which has another mesh"):
        transfer_appearance(red, {"upper": replace(blue, body=load_body())})
