"""The packages that DisCo needs and nothing else does."""

import importlib.util

from liquidwarp.errors import InputError

PACKAGES = ("diffusers", "transformers")


def missing_packages() -> tuple[str, ...]:
    """Return which of the packages are not installed; none is loaded."""
    return tuple(name for name in PACKAGES if importlib.util.find_spec(name) is None)


def check_packages(method: str = "disco") -> None:
    """Raise `InputError` unless the packages are installed.

    Args:
        method: that needs them.
    """
    missing = missing_packages()
    if missing:
        raise InputError(
            f"method {method!r} needs {' and '.join(missing)}, not installed here; pip install 'liquidwarp[disco]'"
        )
