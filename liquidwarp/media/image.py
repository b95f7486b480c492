"""Photos: read whatever people have as sRGB uint8, write atomically and marked."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from liquidwarp.errors import InputError, OutputError
from liquidwarp.files import atomic_path
from liquidwarp.media.lens import fov_from_exif
from liquidwarp.media.probe import DAMAGED_PICTURE, check_file, holds_video, open_picture, quiet_pillow
from liquidwarp.media.provenance import gif_comment, provenance_text, software, xmp_packet

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
PICTURE_ENDINGS = tuple(_FORMATS)
"""What the name of a picture to write may end in."""
_LARGEST = 178_956_970  # pixels; Pillow's own bound against decompression bombs
_STILL_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"crx ")  # ISO 14496-12


@dataclass(frozen=True)
class Picture:
    """A still picture.

    Attributes:
        rgb: sRGB, upright (EXIF orientation applied), height x width x 3.
        alpha: opacity (255 = opaque), or None when the file has none or is opaque everywhere. `rgb` is not
            multiplied by it.
        path: where it came from.
        fov: field of view along the longer side in degrees, if the file says so.
    """

    rgb: UInt8[np.ndarray, "H W 3"]
    alpha: UInt8[np.ndarray, "H W"] | None
    path: Path
    fov: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


def read_image(path: str | Path) -> Picture:
    """Read a photo as sRGB uint8, upright; of an animation the first frame.

    Greyscale, palettes, 16 bits a channel (scaled, not clipped), CMYK, embedded colour profiles and all kinds of
    transparency are converted.

    Raises:
        InputError: the file is missing, a folder, empty, damaged, no picture or too large to be one.
    """
    path = Path(path)
    check_file(path, "photo")
    with _reading(path), quiet_pillow(), open_picture(path) as image:
        image.load()
        return to_picture(image, path)


def read_fov(path: str | Path) -> float | None:
    """Return the field of view that a photo says it has (`Picture.fov`), without decoding it.

    Raises:
        InputError: the file is missing, empty, damaged or no picture.
    """
    path = Path(path)
    check_file(path, "photo")
    with _reading(path), quiet_pillow(), open_picture(path) as image:
        return fov_from_exif(image)


def picture_from_pil(image: Image.Image, path: Path) -> Picture:
    """Convert a picture that Pillow has opened, as `read_image` would; `path` is what messages call it.

    Raises:
        InputError: its file is damaged, or it has no pixels.
    """
    if not image.width * image.height:
        raise InputError(f"{path} is {image.width}x{image.height}; give a picture with pixels")
    with _reading(path), quiet_pillow():
        image.load()
        return to_picture(image, path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what Pillow raises into an `InputError`."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than {_LARGEST // 10**6} million pixels; give a smaller copy") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(_why_not_an_image(path)) from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory; give a smaller copy") from error
    except DAMAGED_PICTURE as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is damaged or incomplete ({cause}); copy or export it again") from error


def write_image(
    path: str | Path,
    rgb: UInt8[np.ndarray, "H W 3"],
    *,
    alpha: UInt8[np.ndarray, "H W"] | None = None,
    comment: str | None = None,
) -> Path:
    """Write a PNG, JPEG (quality 95, full colour resolution) or WebP (lossless), marked as synthetic media.

    The same input gives the same bytes; the file is the old one or the whole new one.

    Args:
        path: where to; the ending chooses the format.
        rgb: sRGB.
        alpha: opacity; PNG and WebP only.
        comment: a line to put behind the mark of synthetic origin.

    Raises:
        OutputError: the ending is unknown, the format has no alpha, or the place cannot be written to.
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(f"cannot write {path}: unknown kind of picture; name it .png, .jpg or .webp")
    if alpha is not None and kind == "JPEG":
        raise OutputError(f"cannot write {path}: JPEG has no transparency; name it .png or .webp")
    image = Image.fromarray(np.ascontiguousarray(rgb if alpha is None else np.dstack([rgb, alpha])))
    text = provenance_text(comment)
    with atomic_path(path) as partial:
        if kind == "PNG":
            image.save(partial, format=kind, pnginfo=_png_text(text), compress_level=6)
        elif kind == "JPEG":
            image.save(partial, format=kind, quality=95, subsampling=0, xmp=xmp_packet(text))
        else:
            image.save(partial, format=kind, lossless=True, exact=True, xmp=xmp_packet(text))
    return path


def picture_comments(path: str | Path) -> Iterator[str]:
    """Yield every text that a picture file carries about itself."""
    with quiet_pillow(), open_picture(path) as image:
        info, is_gif = dict(image.info), image.format == "GIF"
    if is_gif:  # the comment stands behind all frames, where Pillow has not been yet
        yield gif_comment(Path(path))
    for value in info.values():
        if isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
        elif isinstance(value, str):
            yield str(value)


def to_picture(image: Image.Image, path: Path) -> Picture:
    """Convert what Pillow has read, of an animation the current frame."""
    profile, fov = image.info.get("icc_profile"), fov_from_exif(image)
    image = _upright(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.array(image.getchannel("A"))
        image = image.convert("RGB")
    image = _to_srgb(_to_eight_bits(image), profile)
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return Picture(rgb=np.array(image), alpha=alpha, path=path, fov=fov)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except DAMAGED_PICTURE:  # broken EXIF: the picture itself is fine
        return image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale greyscale of 16 or 32 bits or floats to 8 bits, which Pillow's own conversion would clip."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F":
        top = 1.0 if np.nanmax(values) <= 1.0 else 255.0 if np.nanmax(values) <= 255.0 else 65535.0
    else:
        top = 65535.0 if values.max() <= 65535 else float(2**32 - 1 if values.max() > 2**31 - 1 else 2**31 - 1)
    return Image.fromarray(np.nan_to_num(values / top * 255.0).clip(0, 255).round().astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB by the embedded colour profile, or plainly when there is none that fits."""
    if profile and image.mode in ("L", "RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a profile for another mode, or a broken one: viewers ignore it too
    return image.convert("RGB")


def _png_text(text: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", software())
    info.add_itxt("Comment", text) if not text.isascii() else info.add_text("Comment", text)
    info.add_itxt("XML:com.adobe.xmp", xmp_packet(text).decode())
    return info


def _why_not_an_image(path: Path) -> str:
    if holds_video(path):
        return f"{path} is a video, not a photo; give a picture (.jpg, .png), for example one frame of it"
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL_BRANDS:
        return f"{path} is a damaged or incomplete video, not a photo; give a picture (.jpg, .png)"
    if head[4:8] == b"ftyp":
        return f"{path} is a picture in a format that cannot be read (HEIC?); export it as JPEG or PNG"
    return f"{path} is not a picture; give a .jpg, .png, .webp or .tiff file"
