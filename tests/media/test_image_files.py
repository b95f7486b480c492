import io
import struct
import zlib

import numpy as np
import pytest
from media_samples import corners
from PIL import Image, ImageCms

from liquidwarp.errors import InputError, OutputError
from liquidwarp.media import Picture, is_image, is_video, read_image, write_image


def ramp(height=16, width=256):
    return np.tile(np.arange(width, dtype=np.uint8), (height, 1))


def png(chunks):
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_plain(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    assert isinstance(picture, Picture)
    assert np.array_equal(picture.rgb, corners())
    assert picture.alpha is None
    assert picture.size == (48, 64)
    assert picture.path == tmp_path / "a.png"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    upright = corners()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png").rgb, upright)


def test_damaged_exif_does_not_matter(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00II*\x00garbage", quality=95)
    assert read_image(tmp_path / "a.jpg").size == (48, 64)


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_modes_without_alpha(tmp_path, mode):
    source = Image.fromarray(corners()).convert(mode)
    source.save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    assert np.array_equal(picture.rgb, np.array(source.convert("RGB")))
    assert picture.alpha is None


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_modes_with_alpha(tmp_path, mode):
    alpha = ramp(48, 64)
    source = Image.fromarray(np.dstack([corners(), alpha]))
    if mode == "PA":
        source.quantize(method=Image.Quantize.FASTOCTREE).save(tmp_path / "a.png")  # a palette with transparency
    else:
        source.convert(mode).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    assert picture.alpha is not None
    assert np.abs(picture.alpha.astype(int) - alpha).max() <= (0 if mode != "PA" else 40)
    if mode == "RGBA":
        assert np.array_equal(picture.rgb, corners())  # not multiplied


def test_one_transparent_colour(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.png", transparency=(220, 30, 30))
    alpha = read_image(tmp_path / "a.png").alpha
    assert alpha is not None
    assert alpha[0, 0] == 0
    assert alpha[-1, -1] == 255


def test_opaque_alpha_is_none(tmp_path):
    Image.fromarray(np.dstack([corners(), np.full((48, 64), 255, np.uint8)])).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").alpha is None


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bit_greyscale_is_scaled(tmp_path, ending):
    levels = ramp().astype(np.uint16) * 257
    Image.fromarray(levels).save(tmp_path / f"a.{ending}")
    assert np.array_equal(read_image(tmp_path / f"a.{ending}").rgb, np.dstack([ramp()] * 3))


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_sixteen_bit_colour_is_scaled(tmp_path, kind, channels):
    values = np.dstack([ramp(), ramp()[:, ::-1], ramp(), 255 - ramp()])[..., :channels]
    lines = b"".join(b"\x00" + (row.astype(">u2") * 257).tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 256, 16, 16, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(png(chunks))
    picture = read_image(tmp_path / "a.png")
    expected = values[..., :3] if channels > 2 else np.dstack([ramp()] * 3)
    assert np.abs(picture.rgb.astype(int) - expected).max() <= 1
    assert (picture.alpha is None) == (channels == 3)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_floats(tmp_path, top):
    Image.fromarray((ramp() / 255.0 * top).astype(np.float32)).save(tmp_path / "a.tif")
    assert np.array_equal(read_image(tmp_path / "a.tif").rgb, np.dstack([ramp()] * 3))


def test_cmyk(tmp_path):
    Image.fromarray(corners()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    difference = np.abs(read_image(tmp_path / "a.jpg").rgb.astype(int) - corners())
    assert np.quantile(difference, 0.9) <= 6


def test_colour_profile_is_applied(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(corners()).save(tmp_path / "same.png", icc_profile=profile)
    assert np.abs(read_image(tmp_path / "same.png").rgb.astype(int) - corners()).max() <= 1
    swapped = profile.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    Image.fromarray(corners()).save(tmp_path / "swapped.png", icc_profile=swapped)  # its red primary is blue
    assert np.abs(read_image(tmp_path / "swapped.png").rgb.astype(int) - corners()[..., ::-1]).max() <= 2


@pytest.mark.parametrize("profile", [b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_colour_profiles_that_do_not_fit_are_left_out(tmp_path, profile):
    Image.fromarray(corners()).save(tmp_path / "a.png", icc_profile=profile)
    assert np.array_equal(read_image(tmp_path / "a.png").rgb, corners())


def test_animation_gives_its_first_frame(tmp_path):
    first, second = Image.fromarray(corners()), Image.fromarray(corners()[::-1].copy())
    for name in ("a.gif", "a.webp", "a.png"):
        first.save(tmp_path / name, save_all=True, append_images=[second], duration=100)
        difference = np.abs(read_image(tmp_path / name).rgb.astype(int) - corners())
        assert np.quantile(difference, 0.9) <= 8


def test_names_with_spaces_and_other_scripts(tmp_path):
    path = write_image(tmp_path / "фото и 写真" / "mein bild é.png", corners())
    assert np.array_equal(read_image(path).rgb, corners())


def bad_images(folder):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format="JPEG")
    (folder / "cut.jpg").write_bytes(buffer.getvalue()[:1500])
    Image.fromarray(noise).save(folder / "whole.png")
    data = bytearray((folder / "whole.png").read_bytes())
    (folder / "cut.png").write_bytes(data[:2000])
    data[3000:3100] = bytes(100)
    (folder / "damaged.png").write_bytes(data)
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("hello")
    (folder / "folder.jpg").mkdir()
    (folder / "phone.heic").write_bytes(struct.pack(">I", 24) + b"ftypheic" + bytes(100))
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    (folder / "bomb.png").write_bytes(png(chunks))
    return {
        "missing.jpg": "does not exist",
        "cut.jpg": "damaged or incomplete",
        "cut.png": "damaged or incomplete",
        "damaged.png": "damaged or incomplete",
        "empty.png": "is empty",
        "text.jpg": "is not a picture",
        "folder.jpg": "is a folder",
        "phone.heic": "HEIC",
        "bomb.png": "million pixels",
    }


def test_bad_images_say_in_one_line_what_is_wrong(tmp_path):
    for name, words in bad_images(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            read_image(tmp_path / name)
        message = str(caught.value)
        assert name in message
        assert "\n" not in message
        assert ";" in message  # a remedy


def test_large_photos_are_read_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # Pillow warns beyond this and refuses beyond twice this
    Image.fromarray(corners()).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").size == (48, 64)
    assert is_image(tmp_path / "a.png")


def test_is_image_goes_by_content(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.mp4")
    (tmp_path / "text.png").write_text("hello")
    assert is_image(tmp_path / "a.mp4")
    assert not is_video(tmp_path / "a.mp4")
    assert not is_image(tmp_path / "text.png")
    assert not is_image(tmp_path / "missing.png")
    assert not is_image(tmp_path)


@pytest.mark.parametrize(("ending", "levels"), [(".png", 0), (".webp", 0), (".jpg", 25), (".JPEG", 25)])
def test_writing(tmp_path, ending, levels):
    path = tmp_path / f"a{ending}"
    assert write_image(path, corners()) == path
    assert np.abs(read_image(path).rgb.astype(int) - corners()).max() <= levels
    first = path.read_bytes()
    write_image(path, corners())
    assert path.read_bytes() == first
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_writing_alpha(tmp_path, ending):
    alpha = ramp(48, 64)
    picture = read_image(write_image(tmp_path / f"a{ending}", corners(), alpha=alpha))
    assert np.array_equal(picture.rgb, corners())
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)


def test_writing_where_it_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/a.png"):
        write_image(tmp_path / "file" / "a.png", corners())
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_image(tmp_path / "folder.png", corners())
    with pytest.raises(OutputError, match="unknown kind of picture"):
        write_image(tmp_path / "a.bmpx", corners())
    with pytest.raises(OutputError, match="no transparency"):
        write_image(tmp_path / "a.jpg", corners(), alpha=ramp(48, 64))
