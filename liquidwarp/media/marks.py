"""The mark of synthetic origin, read back from files."""

import html
import re
from pathlib import Path

from liquidwarp.media.image import picture_comments
from liquidwarp.media.probe import is_image
from liquidwarp.media.provenance import MARK
from liquidwarp.media.video import video_comments


def read_provenance(path: str | Path) -> str | None:
    """Return the mark of a picture or video that liquidwarp wrote, or None when the file carries none.

    Raises:
        InputError: the file is neither a picture nor a video.
    """
    comments = picture_comments(path) if is_image(path) else video_comments(path)
    for comment in comments:
        if comment.startswith(MARK):
            return comment
        in_xmp = re.search(rf">({MARK}[^<]*)<", comment)
        if in_xmp:
            return html.unescape(in_xmp[1])
    return None
