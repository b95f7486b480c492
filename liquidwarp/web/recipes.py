"""What the page did, as a command and as Python, for whoever wants to go on without it."""

import shlex
from collections.abc import Mapping
from typing import Any

from liquidwarp.motion import is_motion_file

_USUAL = {"camera": "smooth", "background": "keep", "size": None, "person": 0, "motion_person": 0}


def as_command(photo: str, motion: str, options: Mapping[str, Any], smooth: Mapping[str, float]) -> str:
    """Return the command that makes the same video.

    Args:
        photo, motion: names of files.
        options: camera, background, size, person, motion_person; usual ones are left out.
        smooth: seconds by limb.
    """
    words = ["liquidwarp", "imitate", photo, "--motion", motion]
    for name, value in options.items():
        if value != _USUAL[name]:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if smooth:
        words += ["--smooth", ",".join(f"{limb}={seconds:g}" for limb, seconds in smooth.items())]
    return shlex.join([*words, "-o", "out.mp4"])


def as_python(photo: str, motion: str, options: Mapping[str, Any], smooth: Mapping[str, float]) -> str:
    """Return the program that makes the same video; see `as_command`."""
    given = {name: value for name, value in options.items() if value != _USUAL[name]}
    who = f", person={given.pop('person')}" if "person" in given else ""
    mover = f", person={given.pop('motion_person')}" if "motion_person" in given else ""
    look = "".join(f", {name}={value!r}" for name, value in given.items())
    look += f", smooth={dict(smooth)!r}" if smooth else ""
    filmed = not is_motion_file(motion)
    read = f'lw.recover({motion!r}{mover}, regressor="landmarks")' if filmed else f"lw.read_motion({motion!r})"
    sound = f", sound={motion!r}" if filmed else ""
    return "\n".join(
        [
            "import liquidwarp as lw",
            "",
            f"person = lw.encode_source({photo!r}{who})",
            f"motion = {read}",
            f"frames = lw.imitate(person, motion{look})",
            f'lw.write_video(frames, "out.mp4", fps=motion.fps or 25.0{sound}, total=len(motion))',
        ]
    )
