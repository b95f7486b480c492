"""Compiled loops are kept where that can be, and work where it cannot."""

import errno
import os
import pickle
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import caching

import liquidwarp
from liquidwarp import jit


@pytest.fixture(autouse=True)
def unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was said yet."""
    monkeypatch.setattr(jit, "_said", False)


def compiled() -> object:
    @jit.njit(nogil=True)
    def twice(values):
        return values * 2.0

    return twice


def works(twice: object) -> bool:
    return np.array_equal(twice(np.ones(3)), np.full(3, 2.0))  # type: ignore[operator]


def test_what_is_compiled_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    assert works(compiled())
    assert {path.suffix for path in tmp_path.rglob("*twice*")} == {".nbi", ".nbc"}
    again = compiled()
    assert works(again)
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]
    assert caplog.text == ""


def test_no_folder_can_be_written(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert works(compiled())
    assert works(compiled())
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("compiled loops cannot be kept (no folder for them can be written)")
    assert said.endswith("set NUMBA_CACHE_DIR to a folder that can be written")


@pytest.mark.parametrize("step", ["save", "load"])
def test_a_cache_that_fails(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, step, fail)
    assert works(compiled())
    assert works(compiled())
    assert ("No space left on device" in caplog.text) == (step == "save")
    assert caplog.text.count("NUMBA_CACHE_DIR") == (step == "save")


def test_all_kernels_are_compiled_this_way() -> None:
    package = Path(liquidwarp.__file__).parent
    others = [path for path in package.rglob("*.py") if path.name != "jit.py"]
    sources = {path: path.read_text(encoding="utf-8") for path in others}
    assert [path for path, text in sources.items() if "numba.njit" in text or "from numba import njit" in text] == []


@pytest.mark.parametrize("left", [b"cliquidwarp.jit\nNoLongerThere\n.", b"\x80\x05", b"no pickle", b""])
def test_a_cache_of_another_version_or_cut_short_is_made_anew(
    left: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    assert works(compiled())
    (index,) = tmp_path.rglob("*.nbi")
    index.write_bytes(pickle.dumps(numba.__version__) + left)
    assert works(compiled())
    again = compiled()
    assert works(again)
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]
    assert caplog.text == ""
