"""A person is learnt once: the file gives back all of it, and is checked before anything is made of it."""

import json
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load as parse
from safetensors.numpy import save as assemble
from toy_people import ToyDetector, ToyPhoto, toy_photo

import liquidwarp as lw
from liquidwarp.bodies import BODIES, same_body
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.errors import InputError, OutputError
from liquidwarp.person import SourceState, is_person_file
from liquidwarp.tasks import encode_source, imitate, transfer_appearance
from liquidwarp.testing import toy_body

COLOURS = np.random.default_rng(0).integers(20, 230, (16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def body() -> RiggedBody:
    """A body that nobody can find by its name."""
    body = toy_body()
    body.name = "mine"
    return body


@pytest.fixture(scope="module")
def photos(body: RiggedBody) -> list[ToyPhoto]:
    return [toy_photo(body, COLOURS), toy_photo(body, COLOURS, turn=3.0), toy_photo(body, COLOURS[::-1])]


@pytest.fixture(scope="module")
def person(body: RiggedBody, photos: list[ToyPhoto]) -> SourceState:
    return encode_source([photo.rgb for photo in photos[:2]], body=body, detector=ToyDetector(*photos))


@pytest.fixture(scope="module")
def dressed(person: SourceState, body: RiggedBody, photos: list[ToyPhoto]) -> SourceState:
    other = encode_source(photos[2].rgb, body=body, detector=ToyDetector(*photos))
    return transfer_appearance(person, {"upper": other})


@pytest.fixture
def written(person: SourceState, tmp_path: Path) -> Path:
    person.save(tmp_path / "me.person")
    return tmp_path / "me.person"


def differences(one: object, other: object, name: str = "person") -> list[str]:
    """Name what is not the same in two values, to the bit and the kind."""
    if isinstance(one, RiggedBody):
        return [] if one is other else [name]
    if is_dataclass(one) and type(one) is type(other):
        pairs = [(getattr(one, f.name), getattr(other, f.name), f"{name}.{f.name}") for f in fields(one)]
        return [line for pair in pairs for line in differences(*pair)]
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return [
            line for k, pair in enumerate(zip(one, other, strict=True)) for line in differences(*pair, f"{name}[{k}]")
        ]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [name]
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return [] if one.dtype == other.dtype and np.array_equal(one, other) else [name]
    return [] if type(one) is type(other) and one == other else [name]


@pytest.mark.parametrize("who", ["person", "dressed"])
def test_a_saved_person_comes_back_equal(who: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    known: SourceState = request.getfixturevalue(who)
    known.save(tmp_path / "я 私.person")
    loaded = SourceState.load(tmp_path / "я 私.person", known.body)
    assert differences(known, loaded) == []
    assert loaded.digest() == known.digest()


def test_the_same_person_gives_the_same_bytes(person: SourceState, written: Path, tmp_path: Path) -> None:
    for number, again in enumerate((person, SourceState.load(written, person.body))):
        again.save(tmp_path / f"{number}.person")
        assert (tmp_path / f"{number}.person").read_bytes() == written.read_bytes()


def test_what_is_made_of_the_file_is_what_is_made_of_the_photo(
    person: SourceState, photos: list[ToyPhoto], written: Path, body: RiggedBody
) -> None:
    motion = lw.recover(np.stack([photos[0].rgb, photos[1].rgb]), body=body, detector=ToyDetector(*photos))
    loaded = encode_source(written, body=body)
    for one, other in zip(imitate(person, motion), imitate(loaded, motion), strict=True):
        assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("image", "alpha", "coverage"))


def test_a_person_can_be_sent_to_another_process(person: SourceState) -> None:
    sent = pickle.loads(pickle.dumps(person))
    assert same_body(sent.body, person.body)
    assert sent.digest() == person.digest()


def test_the_file_says_what_it_is(written: Path) -> None:
    card = card_of(written)
    assert card["kind"] == "liquidwarp person"
    assert card["made_by"] == f"liquidwarp {lw.__version__}"
    assert card["body"]["name"] == "mine"
    assert is_person_file(written)
    assert is_person_file(str(written.rename(written.with_suffix(".bin"))))


def test_what_is_no_person_is_told_by_its_content(tmp_path: Path, sources) -> None:
    (tmp_path / "text").write_text("a liquidwarp person, they say")
    for path in (sources.photo, sources.motion, sources.track, tmp_path, tmp_path / "text", tmp_path / "nothing.jpg"):
        assert not is_person_file(path)


def test_the_open_body_is_found_by_itself(encoded: SourceState, tmp_path: Path) -> None:
    encoded.save(tmp_path / "me")
    loaded = lw.encode_source(tmp_path / "me")
    assert loaded.digest() == encoded.digest()
    assert loaded.body.name == "anny"
    given = copy(lw.load_body())
    given.name = "same by another name"
    other = SourceState.load(tmp_path / "me", given)
    assert other.body is given
    assert other.track.body == given.name


def test_a_body_that_is_not_at_hand_has_to_be_given(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        InputError, match=r"me\.person: learnt on body 'mine' \(\d+ vertices, .*give that body with --body"
    ):
        SourceState.load(written)
    with pytest.raises(InputError, match=r"learnt on body 'mine' .* not on body 'anny' \(13718 vertices, .*learn the"):
        SourceState.load(written, lw.load_body())
    monkeypatch.setitem(BODIES, "mine", toy_body)
    assert SourceState.load(written).track.body == "toy"

    def missing() -> RiggedBody:
        raise InputError("mine.npz: no such file")

    monkeypatch.setitem(BODIES, "mine", missing)
    with pytest.raises(InputError, match=r"which is not at hand: mine\.npz: no such file; or give that body"):
        SourceState.load(written)


def test_a_body_of_the_same_mesh_is_not_the_same(person: SourceState, written: Path) -> None:
    other = copy(person.body)
    other._surface = replace(other._surface, mean=1.02 * other._surface.mean)
    with pytest.raises(InputError, match=r"the same mesh as 'mine' and another shape \(\d+ mm apart\); give that body"):
        SourceState.load(written, other)


def card_of(path: Path) -> dict:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["card"])


def changed(path: Path, arrays: dict[str, np.ndarray | None] | None = None, **card: object) -> Path:
    """Write a file anew with other arrays, and with other entries of its card."""
    kept = parse(path.read_bytes()) | (arrays or {})
    told = card_of(path) | card
    metadata = {"card": json.dumps({name: value for name, value in told.items() if value is not None})}
    path.write_bytes(assemble({name: value for name, value in kept.items() if value is not None}, metadata))
    return path


def table(path: Path, row: int, column: int, value: int) -> dict[str, np.ndarray]:
    array = parse(path.read_bytes())["appearance.table"].copy()
    array[row, column] = value
    return {"appearance.table": array}


def filled(name: str, value: float) -> Callable[[Path], dict[str, np.ndarray]]:
    """Return a change that puts a value into an array's first place."""

    def change(path: Path) -> dict[str, np.ndarray]:
        array = parse(path.read_bytes())[name].copy()
        array.reshape(-1)[0] = value
        return {name: array}

    return change


def truth(path: Path) -> dict[str, np.ndarray]:
    array = parse(path.read_bytes())["appearance.slot_mirrored"].copy()
    array.view(np.uint8).reshape(-1)[0] = 7
    return {"appearance.slot_mirrored": array}


@pytest.mark.parametrize(
    ("arrays", "card", "message"),
    [
        (lambda _: {"offsets": None}, {}, "offsets is missing"),
        (lambda _: {"views.1.picture": None}, {}, r"views\.1\.picture is missing"),
        (lambda _: {"rest": None}, {}, "rest is missing"),
        (lambda _: {"more": np.zeros(3)}, {}, "it holds 'more', which is no part of a person"),
        (
            lambda _: {"offsets": np.zeros((3, 3), np.float32)},
            {},
            r"offsets has shape \(3, 3\), wanted \(V 3\) with V =",
        ),
        (lambda _: {"offsets": np.zeros((3, 3))}, {}, r"offsets is float64 \(3, 3\), wanted float32"),
        (lambda _: {"track.betas": np.zeros(9, np.float32)}, {}, "with K = 4"),
        (lambda _: {"track.body_pose": np.zeros((1, 5, 3), np.float32)}, {}, "with J = 21"),
        (lambda _: {"track.transl": np.zeros((2, 3), np.float32)}, {}, "with 1 = 1"),
        (lambda _: {"photo": np.zeros((5, 5, 3), np.uint8)}, {}, "with H = 5"),
        (lambda _: {"photo": np.zeros((0, 5, 3), np.uint8)}, {}, "of a picture of 5x0"),
        (filled("offsets", np.nan), {}, "offsets holds NaN"),
        (filled("alpha", np.inf), {}, "alpha holds NaN or infinity"),
        (filled("track.camera.focal", 0.0), {}, "focal"),
        (lambda _: {"views.1.pose.transl": None}, {}, r"views\.1\.pose\.transl is missing"),
        (filled("views.0.pose.body_pose", np.nan), {}, r"views\.0\.pose\.body_pose holds NaN"),
        (lambda _: {}, {"format": 1}, "did not keep how the person stands in each of several photos"),
        (filled("appearance.slot_layer", 10_000), {}, "slot_layer names layers beyond"),
        (filled("appearance.slot_layer", -2), {}, "slot_layer names layers beyond"),
        (filled("appearance.slot_xy", 3e38), {}, "slot_xy lies too far"),
        (filled("appearance.slot_weight", -1.0), {}, "slot_weight is not between 0 and 1"),
        (filled("appearance.kinds", 200), {}, "kinds is not 1, 2 or 3"),
        (truth, {}, "slot_mirrored holds what is neither true nor false"),
        (lambda path: table(path, 0, 0, -5), {}, "one behind the other"),
        (lambda path: table(path, 1, 0, 2**40), {}, "one behind the other"),
        (lambda path: table(path, 1, 1, 2**62), {}, "layers that are no part of"),
        (lambda path: table(path, 1, 2, 0), {}, "layers that are no part of"),
        (lambda path: table(path, -1, 2, 5), {}, "one behind the other"),
        (lambda _: {"appearance.table": np.zeros((0, 3), np.int64)}, {}, "one behind the other"),
        (lambda _: {}, {"views": None}, "'views'"),
        (lambda _: {}, {"views": 0}, "no photo to the generator"),
        (lambda _: {}, {"views": 1}, r"it holds 'views\.1\."),
        (lambda _: {}, {"views": 10**30}, r"views\.2\.picture is missing"),
        (lambda _: {}, {"views": float("inf")}, "infinity"),
        (lambda _: {}, {"views": "many"}, "many"),
        (lambda _: {}, {"track": {"fps": float("nan"), "detector": "", "version": ""}}, "nan frames a second"),
        (lambda _: {}, {"track": {}}, "'fps'"),
        (lambda _: {}, {"track": 5}, "not subscriptable"),
        (lambda _: {}, {"body": {"name": "anny"}}, "it does not tell its body: 'fingerprint'"),
        (lambda _: {}, {"body": None}, "it does not tell its body"),
        (lambda _: {}, {"kind": "weights"}, "it holds something else"),
        (lambda _: {}, {"kind": None}, "it holds something else"),
        (lambda _: {}, {"format": "2"}, "newer liquidwarp"),
    ],
)
def test_what_does_not_fit_is_one_line_with_the_file_and_the_cause(
    written: Path, body: RiggedBody, arrays: Callable[[Path], dict], card: dict, message: str
) -> None:
    path = changed(written, arrays(written), **card)
    with pytest.raises(InputError, match=message) as caught:
        SourceState.load(path, body)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert "liquidwarp learn" in str(caught.value) or "upgrade" in str(caught.value)


def test_every_photo_comes_with_its_own_pose(person: SourceState) -> None:
    first, second = person.views
    assert torch.equal(first.pose.body_pose, person.track.body_pose[0])
    assert not torch.equal(first.pose.global_orient, second.pose.global_orient), "the person has turned"
    for view in person.views:
        posed = person.body.vertices(
            person.body.identity(person.track.betas),
            view.pose.global_orient[None],
            view.pose.body_pose[None],
            view.pose.transl[None],
            offsets=person.offsets,
        )
        torch.testing.assert_close(posed[0], view.vertices)


def test_a_file_of_the_format_before_is_read_if_it_shows_one_photo(person: SourceState, tmp_path: Path) -> None:
    alone = replace(person, views=person.views[:1])
    alone.save(tmp_path / "me.person")
    poses = {f"views.0.pose.{name}": None for name in ("global_orient", "body_pose", "transl")}
    assert differences(SourceState.load(changed(tmp_path / "me.person", poses, format=1), person.body), alone) == []


def test_a_file_of_a_newer_version_asks_for_an_upgrade(written: Path, body: RiggedBody) -> None:
    with pytest.raises(InputError, match=r"newer liquidwarp \(person format 99\); please upgrade"):
        SourceState.load(changed(written, format=99), body)


def claim(**tensors: dict) -> bytes:
    """Return a small file that claims to hold much."""
    header = json.dumps({"__metadata__": {"card": '{"kind": "liquidwarp person", "format": 2}'}, **tensors}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a person at all",
        claim(photo={"dtype": "U8", "shape": [10**10, 10, 3], "data_offsets": [0, 3 * 10**11]}),
        claim(photo={"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 4]}),
        claim(photo={"dtype": "F8_E5M2", "shape": [4], "data_offsets": [0, 4]}),
        claim(photo={"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}),
        struct.pack("<Q", 2**63) + b"{}",
        pickle.dumps({"photo": [1]}),
    ],
    ids=["empty", "text", "large", "overflow", "odd", "brain", "header", "pickle"],
)
def test_what_is_no_person_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "what.person"
    path.write_bytes(content)
    for read in (SourceState.load, encode_source):
        with pytest.raises(
            InputError, match=r"what\.person: not a learnt person .*; learn the person with 'liquidwarp"
        ):
            read(path)


def test_what_is_not_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.person: no such file; learn the person with 'liquidwarp learn"):
        encode_source(tmp_path / "nothing.person")
    (tmp_path / "folder.person").mkdir()
    with pytest.raises(InputError, match=r"folder\.person: not a learnt person"):
        encode_source(tmp_path / "folder.person")


def test_any_cut_and_any_damage_to_the_header_is_an_input_error(written: Path, body: RiggedBody) -> None:
    whole, random = written.read_bytes(), np.random.default_rng(0)
    (length,) = struct.unpack("<Q", whole[:8])
    for size in (1, 7, 8, 9, 100, 8 + length, len(whole) // 2, len(whole) - 1):
        written.write_bytes(whole[:size])
        with pytest.raises(InputError, match="not a learnt person"):
            SourceState.load(written, body)
    for _ in range(200):
        damaged = bytearray(whole)
        for place in random.integers(0, 8 + length, 2):
            damaged[place] = random.integers(256)
        written.write_bytes(damaged)
        with suppress(InputError):  # all other errors fail the test; some damage does not show
            SourceState.load(written, body)


def test_a_person_is_not_written_over_a_folder(person: SourceState, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder"):
        person.save(tmp_path)


def test_a_learnt_person_stands_alone(written: Path, body: RiggedBody, photos: list[ToyPhoto]) -> None:
    with pytest.raises(InputError, match=r"me\.person: a learnt person among 2 photos; give it alone"):
        encode_source([photos[0].rgb, written], body=body, detector=ToyDetector(*photos))
    with pytest.raises(InputError, match=r"there is no person 1 in a learnt person's file; leave the number out"):
        encode_source(written, body=body, person=1)
    assert encode_source([written], body=body).digest() == encode_source(str(written), body=body).digest()
