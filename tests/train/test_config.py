"""Configurations: what is wrong is named, what is right comes back."""

from pathlib import Path

import pytest

import liquidwarp as lw
from liquidwarp.train.config import Config, dump_config, load_config


def test_defaults_need_no_file() -> None:
    assert load_config() == Config()


def test_a_written_configuration_comes_back(tmp_path: Path) -> None:
    config = load_config(
        None, ["train.lr=1e-5", 'data.path=C:\\odd "name"', "model.widths=[8, 8, 16, 16]", "data.mirror=false"]
    )
    (tmp_path / "c.toml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(tmp_path / "c.toml") == config
    assert config.data.path == 'C:\\odd "name"'
    assert config.data.mirror is False


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[train]\nlr = 1\nsteps = 7\n")
    config = load_config(tmp_path / "c.toml", ["train.lr=0.5"])
    assert (config.train.lr, config.train.steps) == (0.5, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[train]\nlr_discriminater = 1",
            r"train\.lr_discriminater is not known; did you mean train\.lr_discriminator",
        ),
        ("[trian]\nlr = 1", "trian is not known; did you mean train"),
        ("train = 3", r"train is a section; write \[train\]"),
        ("[train]\nsteps = 1.5", r"train\.steps=1\.5 is not a whole number"),
        ("[train]\nsteps = true", r"train\.steps=True is not a whole number"),
        ("[data]\nmirror = 1", r"data\.mirror=1 is not true or false"),
        ("[data]\nsize = [16]", r"data\.size=\[16\] is not a list of 2"),
        ("[data]\nsize = [16, 20]", r"data\.size=\[16, 20\] must be multiples of 16"),
        ("[train]\nschedule = 'cosin'", r"train\.schedule='cosin' is not known; choose one of"),
        ("[train]\nbatch = 0", r"train\.batch=0 must be greater than zero"),
        ("[train]\nema = 1.0", r"train\.ema=1\.0 must be"),
        ("[train\n", "c.toml: not TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(lw.InputError, match=message):
        load_config(tmp_path / "c.toml")


def test_bad_overrides_are_named(tmp_path: Path) -> None:
    with pytest.raises(lw.InputError, match=r"--set lr: give section\.key=value"):
        load_config(None, ["lr"])
    with pytest.raises(lw.InputError, match=r"nowhere\.toml: cannot be read"):
        load_config(tmp_path / "nowhere.toml")
