import av
import pytest
from media_samples import corners, greys, make_video
from PIL import Image

import liquidwarp
from liquidwarp.errors import InputError
from liquidwarp.media import open_video, provenance_text, read_image, read_provenance, write_image, write_video

SOURCE_TYPE = b"digitalsourcetype/compositeSynthetic"
PICTURES = [".png", ".jpg", ".webp"]
VIDEOS = [".mp4", ".mov", ".mkv", ".webm", ".gif"]


def written(path, comment=None):
    if path.suffix in PICTURES:
        return write_image(path, corners(), comment=comment)
    return write_video(greys(3), path, fps=10, comment=comment)


@pytest.mark.parametrize("ending", PICTURES + VIDEOS)
def test_every_file_says_what_it_is(tmp_path, ending):
    text = read_provenance(written(tmp_path / f"a{ending}"))
    assert text == provenance_text()
    assert "Synthetic media" in text
    assert liquidwarp.__version__ in text


@pytest.mark.parametrize("ending", PICTURES + VIDEOS)
def test_a_note_goes_with_it(tmp_path, ending):
    note = 'motion of <dance>\n& "photo" of 舞 ' + "x" * 300
    text = read_provenance(written(tmp_path / f"a{ending}", note))
    assert text == provenance_text(note)
    assert "\n" not in text


@pytest.mark.parametrize("ending", [*PICTURES, ".mp4", ".mov"])
def test_machines_can_read_it(tmp_path, ending):
    data = written(tmp_path / f"a{ending}").read_bytes()
    assert SOURCE_TYPE in data
    assert b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/" in data


def test_tags_that_players_show(tmp_path):
    with av.open(str(written(tmp_path / "a.mp4"))) as container:
        assert container.metadata["comment"] == container.metadata["description"] == provenance_text()


def test_png_text_chunks(tmp_path):
    with Image.open(written(tmp_path / "a.png")) as image:
        assert image.info["Comment"] == provenance_text()
        assert image.info["Software"] == f"liquidwarp {liquidwarp.__version__}"


def test_files_of_others_carry_none(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.png")
    assert read_provenance(tmp_path / "a.png") is None
    assert read_provenance(make_video(tmp_path / "a.mp4", greys(2))) is None
    (tmp_path / "text.txt").write_text("Synthetic media made by liquidwarp")
    with pytest.raises(InputError):
        read_provenance(tmp_path / "text.txt")


def test_the_mark_does_not_harm_the_file(tmp_path):
    assert read_image(written(tmp_path / "a.png")).size == (48, 64)
    assert len(list(open_video(written(tmp_path / "a.mp4")))) == 3
    with Image.open(written(tmp_path / "a.gif")) as image:
        assert image.n_frames == 3
