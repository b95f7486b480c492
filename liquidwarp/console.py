"""Standard output and error as they come: closed, full, read by nobody, or without the letters needed."""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from liquidwarp.errors import OutputError

T = TypeVar("T")

Hear = Callable[[str, int, int | None], None]
"""Is told what is under way, how much of it is done, and of how much, if that is known."""

_hearers: list[Hear] = []


class _SteadyStream:
    """A text stream that fails nobody who writes to it: letters that it lacks are written as escapes.

    Attributes:
        failure: why something could not be written.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        with self._noting_failure():
            try:
                self.stream.write(text)
            except UnicodeEncodeError as error:
                self.stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        return len(text)

    def flush(self) -> None:
        with self._noting_failure():
            self.stream.flush()

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = self.failure or error
        except ValueError:
            if not self.stream.closed:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def settle(self) -> None:
        """Write what waits; if it cannot be, let it go, so that the interpreter does not stumble over it at its end."""
        self.flush()
        if self.failure is None:
            return
        with suppress(OSError, AttributeError):  # a stream without a descriptor
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.stream.fileno())
            os.close(nothing)
            self.stream.flush()


@contextmanager
def steady_console() -> Iterator[None]:
    """Let a program write to standard output and error without minding their state; they are put back at the end.

    What nobody reads is dropped. Descriptors that are closed are opened on nothing: the next file would get their
    number, and what C++ code logs would go into it.

    Raises:
        OutputError: at the end, if standard output is full or broken.
    """
    open_descriptors()
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        out, err = (_SteadyStream(stream or nothing) for stream in before)
        sys.stdout, sys.stderr = out, err
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            out.settle()
            err.settle()
    if out.failure is not None and out.failure.errno != errno.EPIPE:
        raise OutputError(f"cannot write to standard output: {out.failure.strerror}; the work itself is done")


def print_error(line: str) -> None:
    """Print a line to standard error, if there is one; bars that are under way end first, on a line of their own."""
    if sys.stderr is not None:
        tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)
        for bar in list(getattr(tqdm, "_instances", ())):
            bar.close()
        stream = _SteadyStream(sys.stderr)
        stream.write(f"{line}\n")
        stream.settle()


def typed_line() -> str | None:
    """Return a line that was typed at the console meanwhile, without its end; None if there is none, or no console."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        return None
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.getwch().strip() if msvcrt.kbhit() else None
    import select

    return sys.stdin.readline().strip() if select.select([sys.stdin], [], [], 0)[0] else None


def open_descriptors() -> None:
    """Open those of standard input, output and error on nothing that are closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free


def progress_bar(
    items: Iterable[T] | None = None,
    *,
    shown: bool | None,
    desc: str | None = None,
    unit: str = "it",
    total: int | None = None,
    initial: int = 0,
) -> Any:
    """Return tqdm's bar over items, or one to move by `update`; without a console it is silent.

    Args:
        items: to iterate over.
        shown: show it; None: on a terminal.
        desc, unit, total, initial: tqdm's.
    """
    from tqdm import tqdm  # here, since the command line's help asks for this module

    if _hearers:
        return _heard_bar(_hearers[-1])(items, desc=desc, unit=unit, total=total, initial=initial)
    stream = _SteadyStream(sys.stderr) if sys.stderr is not None else None
    return tqdm(
        items,
        desc=desc,
        unit=unit,
        total=total,
        initial=initial,
        disable=True if stream is None else None if shown is None else not shown,
        dynamic_ncols=True,
        file=stream,
    )


@contextmanager
def hearing_progress(hear: Hear) -> Iterator[None]:
    """Tell progress to a function instead of the console: every bar of the process, whichever thread moves it.

    Args:
        hear: is called with what is under way (a bar's `desc`), what is done and the total, a few times a second.
    """
    _hearers.append(hear)
    try:
        yield
    finally:
        _hearers.remove(hear)


def _heard_bar(hear: Hear) -> Any:
    """Return a kind of tqdm's bar that tells instead of drawing itself."""
    from tqdm import tqdm

    class HeardBar(tqdm):
        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            hear(self.desc.removesuffix(": ") if self.desc else "", int(self.n), self.total)

        def clear(self, nolock: bool = False) -> None:
            pass

        def close(self) -> None:
            self.disable = True
            self._decr_instances(self)

    return HeardBar
