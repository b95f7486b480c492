"""Work for tests of the queue: it loads nothing."""

import os
import time
from pathlib import Path
from typing import Any

from liquidwarp.console import progress_bar
from liquidwarp.errors import InputError
from liquidwarp.web.worker import Teller


def prepare() -> None:
    """Nothing is needed."""


def count(tell: Teller, *, upto: int, seconds: float = 0.0) -> dict[str, Any]:
    """Count, and say so; leave a file."""
    for number in range(upto):
        tell("counting", number, upto)
        time.sleep(seconds)
    Path("counted.txt").write_text(str(upto))
    return {"upto": upto, "process": os.getpid(), "here": str(Path.cwd())}


def bars(tell: Teller) -> dict[str, Any]:
    """Move a bar of the library's."""
    for _ in progress_bar(range(3), shown=True, desc="walking"):
        time.sleep(0.15)
    return {}


def warn(tell: Teller) -> dict[str, Any]:
    """Warn, as the library does."""
    import logging

    logging.getLogger("liquidwarp.tasks").warning("dance.mp4: %s", "frames 3 to 5 show nobody")
    return {}


def fail(tell: Teller, *, how: str) -> dict[str, Any]:
    """End otherwise than well."""
    if how == "mistake":
        raise InputError(f"{Path.cwd()}/photo.jpg: no person found; give another photo")
    if how == "memory":
        raise MemoryError
    if how == "dead":
        os._exit(9)
    raise ZeroDivisionError("of ours")


def echo(tell: Teller) -> dict[str, Any]:
    """Hear until None comes."""
    heard: list[Any] = []
    while (item := tell.hear()) is not None:
        heard.append(item)
        tell("heard", len(heard), picture="x.jpg")
    return {"heard": heard}
