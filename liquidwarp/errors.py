"""Errors that a user can act on."""


class LiquidwarpError(Exception):
    """Something a user can mend: the message names the file, the cause and the remedy in one line.

    The command line prints the message and exits with code 2; it never shows a traceback for this class.
    """


class InputError(LiquidwarpError, ValueError):
    """A file or an argument that cannot be used."""


class NoPersonError(InputError):
    """No usable person in the pictures given."""


class OutputError(LiquidwarpError, OSError):
    """A result that cannot be written."""
