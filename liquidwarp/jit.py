"""Loops that numba compiles, and keeps for the next start where a folder for that can be written."""

import logging
import os
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# What reading a cache raises that was half written, or that holds types of an earlier version.
_DAMAGE = (EOFError, pickle.UnpicklingError, AttributeError, ImportError, ValueError, TypeError, KeyError, IndexError)
_log = logging.getLogger(__name__)
_said = False

if hasattr(os, "register_at_fork"):  # a child must not inherit a lock that nobody will give back
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


def njit(
    *,
    cache: bool = True,
    nogil: bool = False,
    parallel: bool = False,
    error_model: str = "python",
    inline: str = "never",
    fastmath: bool | set[str] = False,
) -> Callable[[Kernel], Kernel]:
    """Return a decorator that compiles a function: numba's, but a cache that cannot be used is no error.

    Compiled code goes where numba puts it: `NUMBA_CACHE_DIR`, beside the source, or the user's cache. Where none of
    these can be written (containers that run as nobody), or the disk is full, every start compiles anew, and the log
    says once how to change that.

    Args:
        cache: keep what was compiled.
        nogil, parallel, error_model, inline, fastmath: numba's.
    """

    def compiled(function: Kernel) -> Kernel:
        made = numba.njit(nogil=nogil, parallel=parallel, error_model=error_model, inline=inline, fastmath=fastmath)(
            function
        )
        if cache and hasattr(made, "enable_caching"):  # NUMBA_DISABLE_JIT leaves the function as it is
            try:
                made._cache = _Cache(function)
            except RuntimeError:  # no folder
                _say_once("no folder for them can be written")
        return made

    return compiled


class _Cache(FunctionCache):
    """Numba's cache; without it functions are compiled anew."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except OSError:
            return None
        except _DAMAGE:
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_once(f"{self.cache_path}: {error.strerror or error}")

    def _forget(self) -> None:
        try:
            self.flush()
        except OSError as error:
            _say_once(f"{self.cache_path}: {error.strerror or error}")


def _say_once(why: str) -> None:
    global _said
    if not _said:
        _said = True
        _log.warning(
            "compiled loops cannot be kept (%s), so every start compiles them anew, which takes a minute; set "
            "NUMBA_CACHE_DIR to a folder that can be written",
            why,
        )
