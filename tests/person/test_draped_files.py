"""What hangs from a person is saved, checked, given to others, and written as a mesh."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from draped_people import learnt, paint
from safetensors.numpy import load as parse
from safetensors.numpy import save as assemble

import liquidwarp as lw
from liquidwarp.appearance import fit_drape
from liquidwarp.errors import InputError
from liquidwarp.person import SourceState


@pytest.fixture(scope="module")
def person() -> SourceState:
    return learnt(paint(hair=0.2, skirt=0.3))


@pytest.fixture(scope="module")
def other() -> SourceState:
    return learnt(paint(trousers=0.02))


def card_of(data: bytes) -> dict:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["card"])


def test_drapes_come_back_equal_and_are_painted_the_same(person: SourceState, tmp_path: Path) -> None:
    person.save(tmp_path / "me.person")
    again = SourceState.load(tmp_path / "me.person", person.body)
    assert [drape.kind for drape in again.drapes] == ["skirt", "hair"]
    assert again.digest() == person.digest()
    for one, two in zip(lw.novel_view(person, frames=2), lw.novel_view(again, frames=2), strict=True):
        assert torch.equal(one.image, two.image)
    assert card_of((tmp_path / "me.person").read_bytes())["format"] == 3


def test_who_wears_trousers_is_written_as_before(other: SourceState, tmp_path: Path) -> None:
    assert other.drapes == ()
    other.save(tmp_path / "me.person")
    card = card_of((tmp_path / "me.person").read_bytes())
    assert card["format"] == 2
    assert "drapes" not in card
    assert SourceState.load(tmp_path / "me.person", other.body).digest() == other.digest()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("drapes.0.faces", lambda array: array + 10_000, "faces has numbers beyond"),
        ("drapes.1.joints", lambda array: array - 30, "joints has numbers beyond"),
        ("drapes.0.weights", lambda array: array * 3, "weights is not between 0 and 1"),
        ("drapes.0.rest", lambda array: array[:-1], "rest|weights|joints|loose"),
        ("drapes.1.hides", lambda array: array[:-1], "hides has shape"),
        ("drapes.1.appearance.slot_layer", lambda array: array + 7, "slot_layer names layers beyond"),
        ("drapes.0.appearance.kinds", lambda array: array * 0, "kinds is not 1, 2 or 3"),
    ],
)
def test_a_damaged_drape_is_refused(person: SourceState, tmp_path: Path, name: str, change, message: str) -> None:
    path = tmp_path / "me.person"
    person.save(path)
    data = path.read_bytes()
    arrays = parse(data)
    arrays[name] = np.ascontiguousarray(change(arrays[name])).astype(arrays[name].dtype)
    path.write_bytes(assemble(arrays, {"card": json.dumps(card_of(data))}))
    with pytest.raises(InputError, match=message):
        SourceState.load(path, person.body)


@pytest.mark.parametrize(
    ("part", "given", "left"),
    [
        ("lower", ["skirt"], ["hair"]),
        ("head", ["hair"], ["skirt"]),
        ("all", ["skirt", "hair"], []),
        ("upper", [], None),
    ],
)
def test_skirts_go_with_the_legs_and_hair_with_the_head(
    person: SourceState, other: SourceState, part: str, given: list[str], left: list[str] | None
) -> None:
    dressed = lw.transfer_appearance(other, {part: person})
    assert [drape.kind for drape in dressed.drapes] == given
    undressed = lw.transfer_appearance(person, {part: other})
    assert [drape.kind for drape in undressed.drapes] == (["skirt", "hair"] if left is None else left)
    (picture,) = lw.novel_view(dressed, frames=1)
    assert torch.isfinite(picture.image).all()


def test_a_drape_fits_whoever_gets_it(person: SourceState) -> None:
    body, (skirt, hair) = person.body, person.drapes
    own = body.identity(person.track.betas)
    torch.testing.assert_close(fit_drape(body, skirt, own, own).rest, skirt.rest, atol=1e-5, rtol=0)
    taller = body.identity(torch.tensor([2.0, 0.0, 0.0, 0.0]))
    longer = fit_drape(body, skirt, own, taller)
    assert longer.rest[:, 1].max() / skirt.rest[:, 1].max() == pytest.approx(1.1, abs=0.02)
    moved = fit_drape(body, hair, own, taller).rest[:, 1].min() - hair.rest[:, 1].min()
    crown = taller.vertices[:, 1].min() - own.vertices[:, 1].min()
    assert moved == pytest.approx(float(crown), abs=0.02)
    back = fit_drape(body, longer, taller, own)
    torch.testing.assert_close(back.rest, skirt.rest, atol=1e-5, rtol=0)


def test_a_glb_has_the_drapes_and_not_what_they_hide(person: SourceState, tmp_path: Path) -> None:
    lw.export_glb(person, person.track, tmp_path / "me.glb")
    data = (tmp_path / "me.glb").read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    document = json.loads(data[20 : 20 + length])
    (primitive,) = document["meshes"][0]["primitives"]
    hidden = torch.stack([drape.hides for drape in person.drapes]).any(0)
    faces = int((~hidden).sum()) + sum(len(drape.faces) for drape in person.drapes)
    assert document["accessors"][primitive["indices"]]["count"] == 3 * faces
    place = document["accessors"][primitive["attributes"]["POSITION"]]
    hem = float(person.drapes[0].rest.reshape(-1, person.drapes[0].ring, 3)[-1, :, 0].abs().max())
    assert place["max"][0] >= hem - 1e-4
