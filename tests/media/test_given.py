"""A picture is the same in whatever form it comes, and what is none is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liquidwarp.errors import InputError
from liquidwarp.media import given_name, is_stack, read_frames, read_picture, write_image

RGB = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
PLANAR = np.ascontiguousarray(RGB.transpose(2, 0, 1))
FORMS: dict[str, Callable[[], object]] = {
    "array": lambda: RGB,
    "array upside down": lambda: RGB[::-1].copy()[::-1],
    "planar array": lambda: PLANAR,
    "float array": lambda: RGB / 255,
    "float32 array": lambda: (RGB / 255).astype(np.float32),
    "float16 array": lambda: (RGB / 255).astype(np.float16),
    "batch": lambda: RGB[None],
    "tensor": lambda: torch.from_numpy(RGB),
    "planar tensor": lambda: torch.from_numpy(PLANAR),
    "float tensor": lambda: torch.from_numpy(PLANAR / 255),
    "tensor with gradients": lambda: torch.from_numpy(PLANAR / 255).float().requires_grad_(),
    "batch of tensors": lambda: torch.from_numpy(PLANAR)[None],
    "overshooting": lambda: np.where(RGB == 255, 1.0005, RGB / 255),
    "PIL": lambda: Image.fromarray(RGB),
    "PIL with opaque alpha": lambda: Image.fromarray(RGB).convert("RGBA"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_picture(form: str) -> None:
    given = FORMS[form]()
    picture = read_picture(given)
    assert np.array_equal(picture.rgb, RGB)
    assert picture.rgb.flags.c_contiguous
    assert picture.alpha is None
    assert np.array_equal(read_frames(given), RGB[None])
    assert not is_stack(given)


@pytest.mark.parametrize("kind", [str, Path])
def test_names_of_files(tmp_path: Path, kind: type) -> None:
    path = write_image(tmp_path / "Фото.png", RGB)
    assert np.array_equal(read_picture(kind(path)).rgb, RGB)
    assert np.array_equal(read_frames([kind(path), RGB]), np.stack([RGB, RGB]))
    with Image.open(path) as opened:
        assert np.array_equal(read_picture(opened).rgb, RGB)
        assert given_name(kind(path)) == given_name(opened) == str(path)


def test_grey_alpha_and_bfloat16() -> None:
    grey = RGB[..., 0]
    for plane in (grey, grey[..., None], torch.from_numpy(grey), torch.from_numpy(grey)[None], Image.fromarray(grey)):
        assert np.array_equal(read_picture(plane).rgb, np.repeat(grey[..., None], 3, 2))
    cut_out = np.dstack([RGB, grey])
    for rgba in (cut_out, torch.from_numpy(cut_out).permute(2, 0, 1) / 255, Image.fromarray(cut_out)):
        picture = read_picture(rgba)
        assert np.array_equal(picture.rgb, RGB)
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, grey)
    coarse = read_picture(torch.from_numpy(PLANAR / 255).bfloat16()).rgb
    assert np.abs(coarse.astype(int) - RGB).max() <= 1


def test_a_pil_picture_is_turned_as_its_file_would_be(tmp_path: Path) -> None:
    turned = Image.fromarray(RGB)
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=turned.getexif())
    with Image.open(tmp_path / "turned.png") as opened:
        for given in (tmp_path / "turned.png", opened, turned):
            assert np.array_equal(read_picture(given).rgb, np.rot90(RGB, -1))


@pytest.mark.parametrize("scale", [1, 255.0])
def test_stacks(scale: float) -> None:
    clip = np.stack([RGB, RGB[::-1], RGB[:, ::-1]])
    values = clip if scale == 1 else clip / scale
    forms = [values, torch.from_numpy(values), torch.from_numpy(values).permute(0, 3, 1, 2)]
    for given in [*forms, list(values), tuple(torch.from_numpy(v).permute(2, 0, 1) for v in values)]:
        assert np.array_equal(read_frames(given), clip)
    assert all(is_stack(form) for form in forms)
    with pytest.raises(InputError, match="photo is a stack of 3 pictures; wanted one: a path, a PIL picture"):
        read_picture(values, "photo")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (RGB.astype(np.int64), r"photo is int64 \(7, 5, 3\); wanted uint8, or floats from 0 to 1"),
        (RGB > 3, r"photo is bool \(7, 5, 3\); wanted uint8"),
        (
            RGB.astype(np.float32),
            r"photo is float32 \(7, 5, 3\) with values from . to 2..; floats are taken from 0 to 1",
        ),
        (torch.from_numpy(RGB / 127.5 - 1), r"photo is float64 \(7, 5, 3\) with values from -1 to .*; floats are"),
        (np.full((4, 4, 3), np.nan), "with values from nan to nan"),
        (np.zeros((5, 6, 2)), r"photo is float64 \(5, 6, 2\); wanted a path"),
        (np.zeros((0, 4, 3), np.uint8), r"photo is uint8 \(0, 4, 3\); wanted"),
        (np.zeros(3, np.uint8), r"photo is uint8 \(3,\); wanted"),
        (torch.zeros(2, 2, 3, 4, 4), r"photo is float32 \(2, 2, 3, 4, 4\); wanted"),
        (np.array(["a.jpg"]), r"photo is <U5 \(1,\); wanted"),
    ],
)
def test_numbers_that_are_no_picture(given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_picture(given, "photo")


@pytest.mark.parametrize("given", [None, 7, b"photo.jpg", {"rgb": RGB}, object(), RGB.tolist, iter([RGB])])
def test_what_is_no_picture_at_all(given: object) -> None:
    with pytest.raises(TypeError, match=f"photo is a {type(given).__name__}; wanted a path, a PIL picture, or an"):
        read_picture(given, "photo")
    with pytest.raises(TypeError, match=f"source is a {type(given).__name__}; wanted a path"):
        read_frames(given)


def test_sequences_that_are_no_clip() -> None:
    for given, message in (
        ([RGB, RGB[1:]], "source holds 5x6, 5x7; all frames of a clip must have one size"),
        ([], "source holds no picture"),
    ):
        with pytest.raises(InputError, match=message):
            read_frames(given)
    with pytest.raises(TypeError, match=r"source\[1\] is a NoneType; wanted"):
        read_frames([RGB, None])
    with pytest.raises(InputError, match="does not exist"):
        read_picture("missing.png")
    with pytest.raises(InputError, match="is 0x3; give a picture with pixels"):
        read_picture(Image.new("RGB", (0, 3)))
