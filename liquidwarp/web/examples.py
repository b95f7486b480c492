"""People and dances that are ready, and what comes of them, made ahead: `datasets/synthetic/make_page_examples.py`."""

from importlib import resources
from pathlib import Path

FOLDER = Path(str(resources.files("liquidwarp") / "web" / "examples"))
"""Where dances and results lie: `step.mp4`, `woman_stripes_step.mp4`."""

PEOPLE = {
    "woman_stripes": "Woman in stripes",
    "man_jacket": "Man in a jacket",
    "woman_checks": "Woman in checks",
}
"""People who do not exist, and what the page calls them."""

DANCES = {"step": "Side steps", "wave": "Waves", "spin": "Turns"}
"""Motions, and what the page calls them."""


def photo_of(person: str) -> Path:
    """Return the photo of a person who is ready."""
    return Path(str(resources.files("liquidwarp") / "demo_assets" / f"{person}.jpg"))


def motion_of(dance: str) -> Path:
    """Return the video of a dance that is ready."""
    if dance == "step":
        return photo_of("woman_stripes").with_name("motion.mp4")
    return FOLDER / f"{dance}.mp4"


def file_of(name: str) -> Path | None:
    """Return the file that the page shows under a name; None if there is none."""
    files = {f"{person}.jpg": photo_of(person) for person in PEOPLE}
    files |= {f"{dance}.mp4": motion_of(dance) for dance in DANCES}
    files |= {f"{person}_{dance}.mp4": FOLDER / f"{person}_{dance}.mp4" for person in PEOPLE for dance in DANCES}
    return files.get(name)
