"""Ctrl-C, and a request to end, for a program: in order, and never lost.

Python raises what a signal means wherever the main thread is. Callbacks of C code (compiled loops being loaded) and of
the importing machinery swallow it then, an import may keep its lock for good, and torch's C++ code aborts the process.
"""

import inspect
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SOON = 0.05  # seconds


@contextmanager
def leaving_in_order() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for Ctrl-C and `SystemExit` for a request to end, so that unfinished files are removed.

    Both wait for the end of an import, and come again where something swallowed them. Does nothing outside of the main
    thread, which alone may ask for signals; where Ctrl-C is switched off or somebody else's it stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hook, imports = sys.unraisablehook, _imports(inspect.currentframe())

    def leave(number: int, frame: FrameType | None) -> None:
        if _imports(frame) > imports:
            _say_again(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)

    def swallowed(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            _say_again(signal.SIGINT)
        elif lost.exc_type is SystemExit:
            _say_again(signal.SIGTERM)
        else:
            hook(lost)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, leave)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's `&` switches it off
        before[signal.SIGINT] = signal.signal(signal.SIGINT, leave)
    sys.unraisablehook = swallowed
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _imports(frame: FrameType | None) -> int:
    """Return how many calls of the importing machinery a frame is inside of."""
    count = 0
    while frame is not None:
        count += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return count


def _say_again(number: int) -> None:
    """Send a signal to the main thread, soon."""
    timer = threading.Timer(_SOON, _signal_main, [number])
    timer.daemon = True
    timer.start()


def _signal_main(number: int) -> None:
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        signal.raise_signal(number)
    else:
        signal.pthread_kill(main, number)  # wakes it where it waits
