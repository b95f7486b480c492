"""What is uploaded: brought into a job's folder under our name, and looked at there."""

from pathlib import Path

import numpy as np
import pytest

from liquidwarp.errors import InputError
from liquidwarp.media import write_image, write_video
from liquidwarp.web.checks import Limits, check_motion, check_photo
from liquidwarp.web.uploads import bring

FRAME = np.full((48, 64, 3), 90, np.uint8)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("me.JPG", ".jpg"),
        ("no ending", ""),
        ("..", ""),
        ("x.jpg;rm -rf", ""),
        ("x.a" + "b" * 40, ""),
        ("x.php.png", ".png"),
        ("ü.jpé", ""),
        ("a\nb.png", ".png"),
    ],
)
def test_a_file_is_called_what_we_call_it(tmp_path: Path, name: str, ending: str) -> None:
    given, folder = tmp_path / "given", tmp_path / "job"
    given.mkdir()
    folder.mkdir()
    source = given / (name if name != ".." else "...")
    source.write_bytes(b"data")
    assert bring(source, folder, "photo") == f"photo{ending}"
    assert [path.name for path in folder.iterdir()] == [f"photo{ending}"]


def test_nothing_too_much_and_links_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(b"x" * 3_000_000)
    (tmp_path / "link.jpg").symlink_to(large)
    for path, said in ((None, "no photo given"), (tmp_path, "did not arrive"), (tmp_path / "link.jpg", "not arrive")):
        with pytest.raises(InputError, match=said):
            bring(path, tmp_path, "photo")
    with pytest.raises(InputError, match="2 MB, more than 1"):
        bring(large, tmp_path, "photo", largest=2**20)


def test_photos_are_pictures_of_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image("photo.png", FRAME)
    check_photo("photo.png")
    with pytest.raises(InputError, match=r"photo.png: 64x48 is more than 0 million pixels; give a smaller copy"):
        check_photo("photo.png", limits=Limits(pixels=3000))
    Path("photo.jpg").write_text("<svg onload=alert(1)>")
    with pytest.raises(InputError, match=r"photo.jpg: no picture that can be read"):
        check_photo("photo.jpg")


def test_motions_are_videos_or_motions_of_a_bounded_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video([FRAME] * 5, "motion.mp4", fps=25)
    assert check_motion("motion.mp4")
    assert not check_motion("motion.npz")  # read, and judged, by who reads motions
    with pytest.raises(InputError, match="5 frames, more than 4; cut the video"):
        check_motion("motion.mp4", limits=Limits(frames=4))
    with pytest.raises(InputError, match="frames of 64x48 are too large"):
        check_motion("motion.mp4", limits=Limits(frame_pixels=100))
    write_image("motion.png", FRAME)
    with pytest.raises(InputError, match="no video that can be read"):
        check_motion("motion.png")
