"""What the surface renderer is told of light: none, the photo's, or that of another place; and shadows on floors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, toy_photo

from liquidwarp.errors import InputError
from liquidwarp.methods import SurfaceMethod, make_method
from liquidwarp.person import SourceState
from liquidwarp.tasks import Synthesis, encode_source, novel_view
from liquidwarp.testing import toy_body

WARM = np.full((64, 48, 3), (230, 150, 70), np.uint8)


@pytest.fixture(scope="module")
def person() -> SourceState:
    body = toy_body()
    photo = toy_photo(body, np.tile(np.array((150, 130, 120), np.uint8), (16, 1)))
    shade = np.linspace(0.6, 1.2, photo.rgb.shape[1])[:, None]
    lit = np.where((photo.mask > 0.5)[..., None], photo.rgb * shade, photo.rgb).clip(0, 255).astype(np.uint8)
    return encode_source(lit, body=body, detector=ToyDetector(replace(photo, rgb=lit)))


def shown(person: SourceState, start: float = 0.0, background: object = "keep", **options: object) -> Synthesis:
    return next(novel_view(person, start=start, frames=1, background=background, method=SurfaceMethod(**options)))


def test_light_changes_what_turns_and_nothing_else(person: SourceState) -> None:
    assert torch.equal(shown(person, light="photo").image, shown(person, light="off").image)
    still, lit = (shown(person, 180.0, light=light) for light in ("off", "photo"))
    assert torch.equal(still.alpha, lit.alpha)
    assert torch.equal(still.coverage, lit.coverage)
    empty = still.alpha == 0
    assert torch.equal(still.image[:, empty], lit.image[:, empty])
    assert float((still.image - lit.image).abs().max()) > 0.01


def test_relight_is_warm_before_a_warm_place(person: SourceState) -> None:
    plain, relit = (shown(person, background=WARM, light="off", relight=relight) for relight in (False, True))
    solid = plain.alpha > 0.99
    change = (relit.image[:, solid].mean(1) / plain.image[:, solid].mean(1)).log()
    assert change[0] > change[1] > change[2]
    empty = plain.alpha == 0
    assert torch.equal(plain.image[:, empty], relit.image[:, empty])
    with pytest.raises(InputError, match="another background"):
        shown(person, relight=True)


def test_shadow_is_below_the_feet_of_who_stands_in_a_place(person: SourceState) -> None:
    plain, dark = (shown(person, shadow=shadow) for shadow in (False, True))
    assert torch.equal(plain.alpha, dark.alpha)
    darker = (plain.image - dark.image).amax(0)
    assert float(darker.max()) > 0.03
    assert float(-(plain.image - dark.image).min()) <= 0
    rows = (plain.alpha > 0.5).any(1).nonzero()[:, 0]
    knees = int(rows[0] + 0.7 * (rows[-1] - rows[0]))
    assert not darker[:knees].any()
    grey = [shown(person, background="plain", shadow=shadow).image for shadow in (False, True)]
    assert torch.equal(*grey), "a plain colour has no floor"


def test_options_are_read_from_the_method_s_name() -> None:
    assert make_method("surface:light=off,shadow=true,relight=yes") == SurfaceMethod("off", True, True)
    with pytest.raises(InputError, match="choose one of photo, off"):
        make_method("surface:light=moon")
