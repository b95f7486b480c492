"""Scenes from a file."""

from pathlib import Path

import pytest

from liquidwarp.errors import InputError
from liquidwarp.options import make_parser
from liquidwarp.scene import SceneCamera, read_scene

GOOD = '[[performer]]\nsource = "a.jpg"\nmotion = "b.mp4"\n'


def scene(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text(text)
    return path


def test_a_scene_says_who_where_and_when(tmp_path: Path) -> None:
    text = '[scene]\nsize = 64\nbackground = "sea.jpg"\n[camera]\npath = "orbit"\ndegrees = 90\n' + GOOD
    read = read_scene(scene(tmp_path, text + "start = 1\nplace = [0.5, -1]\n"))
    assert (read.size, read.camera) == (64, SceneCamera("orbit", 90.0))
    assert read.background == str(tmp_path / "sea.jpg")
    assert (read.cast[0].source, read.cast[0].start) == (str(tmp_path / "a.jpg"), 1.0)
    assert read.cast[0].place == (0.5, -1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[scene]\nsize = 64\n", r"no \[\[performer\]\]"),
        (GOOD + "strat = 1\n", "there is no 'strat'; did you mean 'start'?"),
        ("[camrea]\n" + GOOD, "there is no 'camrea'; did you mean 'camera'?"),
        ('[camera]\npath = "orbti"\n' + GOOD, "did you mean 'orbit'?"),
        ('[camera]\npath = "clip"\n' + GOOD, "give both or neither"),
        (GOOD + "place = [1]\n", r"place = \[1\] is not of its kind"),
        (GOOD + "person = -1\n", "person = -1 is not of its kind"),
        ("[scene]\nsize = true\n" + GOOD, "size = True is not of its kind"),
        ('[[performer]]\nsource = "a.jpg"\n', "has no motion"),
        ("performer = 3", r"no \[\[performer\]\]"),
        ("[scene", "not TOML"),
        ("a = " + "[" * 10_000, "not TOML"),
        ("[scene]\nsize = 1" + "0" * 5000, "not TOML"),
        (GOOD + "turn = 1" + "0" * 400, "is not of its kind"),
        (GOOD + "turn = nan", "turn = nan is not of its kind"),
        (GOOD + "start = 1e9", "1000000000.0 seconds; give 0 to 86400, a day"),
        ("[scene]\nseconds = -1\n" + GOOD, "-1 seconds; give 0 to 86400, a day"),
    ],
)
def test_a_mistake_is_one_line_with_what_was_meant(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_scene(scene(tmp_path, text))
    assert "\n" not in str(error.value)


def test_a_scene_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_scene(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pair", "0-1"], "'0-1' is not PHOTO:MOTION, such as 0:1"),
        (["--pair", "0:"], "'0:' is not PHOTO:MOTION"),
        (["--person", "both"], "'both' is not a whole number"),
    ],
)
def test_who_does_what_is_given_by_numbers(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_parser().parse_args(["imitate", "us.jpg", *words, "--motion", "b.mp4", "-o", "c.mp4"])
