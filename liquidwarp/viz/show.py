"""Pictures and videos inline in a notebook, without any notebook software as a dependency."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from liquidwarp.errors import InputError
from liquidwarp.media.provenance import provenance_text, xmp_packet
from liquidwarp.viz.pictures import Viewable, as_picture, resized

_VIDEOS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
_QUALITY = 70


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture or video that a notebook displays when it is the value of a cell.

    Attributes:
        kind: MIME type of `data`.
        data: a whole file.
        text: what stands in for it where there is nothing but text.
    """

    kind: str
    data: bytes
    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Tell a notebook how to display it (IPython's display protocol)."""
        encoded = base64.b64encode(self.data).decode()
        if self.kind.startswith("video/"):
            source = f"data:{self.kind};base64,{encoded}"
            player = f'<video controls loop muted autoplay style="max-width: 100%" src="{source}"></video>'
            return {"text/html": player, "text/plain": repr(self)}
        return {self.kind: encoded, "text/plain": repr(self)}


def show(picture: Viewable, *, width: int | None = None) -> Shown:
    """Return something that a notebook displays inline when it stands on the last line of a cell.

    Pictures are small JPEGs with the library's mark of synthetic media; videos play in place.

    Args:
        picture: anything that `as_picture` takes, or the path of an .mp4 or .webm.
        width: largest width of a picture in pixels; its own by default.

    Raises:
        InputError: a file that cannot be read, or an array that is no picture.
    """
    if isinstance(picture, str | Path) and Path(picture).suffix.lower() in _VIDEOS:
        path = Path(picture)
        try:
            return Shown(_VIDEOS[path.suffix.lower()], path.read_bytes(), f"video {path.name}")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}; write the video first") from error
    shown: np.ndarray = as_picture(picture)
    if width is not None and width < shown.shape[1]:
        shown = resized(shown, (shown.shape[0], width))
    stream = io.BytesIO()
    image = Image.fromarray(shown)
    image.save(
        stream, format="JPEG", quality=_QUALITY, progressive=True, optimize=True, xmp=xmp_packet(provenance_text())
    )
    return Shown("image/jpeg", stream.getvalue(), f"picture, {shown.shape[1]}x{shown.shape[0]}")
