"""Pictures and video to arrays and back: lazily, atomically, with sound and a mark of synthetic origin."""

from liquidwarp.media.animation import AnimatedPicture
from liquidwarp.media.broadcast import UdpStream, VirtualCamera, check_stream_address
from liquidwarp.media.convert import to_tensor, to_uint8
from liquidwarp.media.encode import VIDEO_ENDINGS, write_video
from liquidwarp.media.folder import PictureFolder
from liquidwarp.media.given import (
    ClipLike,
    PictureLike,
    given_name,
    is_path,
    is_stack,
    read_frames,
    read_picture,
)
from liquidwarp.media.image import PICTURE_ENDINGS, Picture, read_fov, read_image, write_image
from liquidwarp.media.marks import read_provenance
from liquidwarp.media.probe import is_image
from liquidwarp.media.provenance import provenance_text
from liquidwarp.media.video import MovingPicture, VideoReader, is_video, open_video
from liquidwarp.media.webcam import PreviewWindow, Webcam

__all__ = [
    "PICTURE_ENDINGS",
    "VIDEO_ENDINGS",
    "AnimatedPicture",
    "ClipLike",
    "MovingPicture",
    "Picture",
    "PictureFolder",
    "PictureLike",
    "PreviewWindow",
    "UdpStream",
    "VideoReader",
    "VirtualCamera",
    "Webcam",
    "check_stream_address",
    "given_name",
    "is_image",
    "is_path",
    "is_stack",
    "is_video",
    "open_video",
    "provenance_text",
    "read_fov",
    "read_frames",
    "read_image",
    "read_picture",
    "read_provenance",
    "to_tensor",
    "to_uint8",
    "write_image",
    "write_video",
]
