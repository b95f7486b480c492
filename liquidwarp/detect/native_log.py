"""Keep what C++ code logs to standard error from the user, and nothing else."""

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter

from liquidwarp.console import open_descriptors

_NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR\n"
    rb"|[IW]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\] [^\n]*\n"  # absl: severity, date and time, thread, file and line
    rb"|(?:INFO: )?Created TensorFlow Lite XNNPACK delegate for CPU\.\n?"
)
_BEGUN = re.compile(rb"(?:INFO: |WARNING: |Created |[IW]\d{4} )[^\n]*\Z")  # may become noise when its line is whole
_PATIENCE = 1.0  # seconds; a child process that was started meanwhile may hold the pipe for longer
_AFTERMATH = 0.5  # seconds; threads of an interrupted library go on with what they do, and log
_turn = threading.Lock()


def _begin_child() -> None:
    global _turn
    _turn = threading.Lock()


if hasattr(os, "register_at_fork"):  # whoever held the lock is not in a forked process
    os.register_at_fork(after_in_child=_begin_child)


@contextmanager
def native_log_muted() -> Iterator[None]:
    """Take the notes and warnings that absl and TensorFlow Lite log out of what the process writes to standard error.

    They cannot be asked to be silent. Whatever else any thread writes meanwhile, errors of the same libraries included,
    passes at once, and all of it has passed at the end.
    """
    with _turn:
        open_descriptors()
        kept = os.dup(2)
        source, sink = os.pipe()
        passing = threading.Thread(target=_pass_on, args=(source, os.dup(2)), name="native-log", daemon=True)
        passing.start()
        try:
            os.dup2(sink, 2)
            os.close(sink)
            yield
        except KeyboardInterrupt:
            time.sleep(_AFTERMATH)
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            passing.join(_PATIENCE)


def _pass_on(source: int, target: int) -> None:
    """Copy all but noise from one descriptor to another until nobody can write to the first, and close both."""
    held = b""
    with open(source, "rb", buffering=0) as read, open(target, "wb") as write:
        while chunk := read.read(1 << 16):
            text = held + chunk
            begun = _BEGUN.search(text)
            cut = begun.start() if begun else len(text)
            held = text[cut:]
            _put(write, text[:cut])
        _put(write, held)


def _put(write: BufferedWriter, text: bytes) -> None:
    with suppress(OSError):  # nobody reads standard error any more; who writes to it must not wait for that
        write.write(_NOISE.sub(b"", text))
        write.flush()
