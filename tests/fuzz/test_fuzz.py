"""Hostile files: an error of ours in one line, or a sensible result; in bounded memory and time, and nothing else.

The default run has 300 fixed cases. `LIQUIDWARP_FUZZ_CASES=10000 pytest -m slow tests/fuzz` has as many as it says
(1,500 by default), of the seed `LIQUIDWARP_FUZZ_SEED`.
"""

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from damage import damages
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from readers import READERS

from liquidwarp.errors import LiquidwarpError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by what Linux has for it")

CASES = 300
MEMORY = 2 << 30  # bytes that reading one file may take
TIME = 60.0  # seconds
FIXED = settings(
    max_examples=CASES // len(READERS) + 1,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MANY = int(os.environ.get("LIQUIDWARP_FUZZ_CASES", "1500"))
SEED = int(os.environ.get("LIQUIDWARP_FUZZ_SEED", "19"))


class _HangError(BaseException):
    """Reading took too long."""


@contextmanager
def bounded() -> Iterator[None]:
    """Give what happens inside 2 GB more of address space, and a minute."""
    import resource

    def late(*_: object) -> None:
        raise _HangError(f"longer than {TIME:.0f} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    signal.setitimer(signal.ITIMER_REAL, TIME)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


def check(name: str, data: st.DataObject) -> None:
    """Make one file worse and read it."""
    reader = READERS[name]
    seeds = reader.seeds()
    file = data.draw(st.sampled_from(sorted(seeds)))
    inside = reader.inside is not None and data.draw(st.booleans())
    worse = reader.worse(seeds[file], data.draw(damages(inside)), inside)
    with TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(worse)
        said = ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with bounded():
                    reader.read(path)
            except LiquidwarpError as error:
                said = str(error)
        assert "\n" not in said.strip()
        assert not said or not reader.named or folder in said
        assert path.read_bytes() == worse


@pytest.mark.parametrize("name", READERS)
def test_a_fixed_few(name: str) -> None:
    READERS[name].seeds()  # their making is not what is measured
    FIXED(given(st.data())(lambda data: check(name, data)))()


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many(name: str) -> None:
    print(f"LIQUIDWARP_FUZZ_SEED={SEED}")
    many = settings(FIXED, max_examples=MANY // len(READERS) + 1, derandomize=False, print_blob=True)
    many(seed(SEED)(given(st.data())(lambda data: check(name, data))))()
