"""A small text file that says which joint of a skeleton is which."""

from pathlib import Path

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.errors import InputError


def read_joint_map(path: str | Path) -> dict[str, str]:
    """Read which joint is which: lines such as `left_hip = Thigh.L`, ours = theirs.

    Theirs may be in quotes; what follows a `#` after a space, or at the start of a line, is a remark.

    Returns:
        Names of the file's joints by canonical name; not all need be there.

    Raises:
        InputError: the file is missing, or a line is no such.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except (UnicodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: not a text of lines such as left_hip = Thigh.L; check the file") from error
    joints: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        ours, separator, theirs = (part.strip().strip("\"'") for part in line.partition("="))
        if not separator or not theirs:
            raise InputError(f"{path}: line {number} is not ours = theirs, such as left_hip = Thigh.L; mend it")
        if ours not in CANONICAL_JOINTS:
            raise InputError(f"{path}: line {number}: no joint {ours!r}; there are {', '.join(CANONICAL_JOINTS)}")
        if ours in joints:
            raise InputError(f"{path}: line {number}: {ours} a second time; leave one out")
        joints[ours] = theirs
    return joints
