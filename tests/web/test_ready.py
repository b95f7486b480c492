"""What is ready before anything is given."""

from pathlib import Path

import pytest

from liquidwarp.media import open_video, read_provenance
from liquidwarp.web.examples import DANCES, FOLDER, PEOPLE, file_of, motion_of, photo_of


def test_three_people_and_three_dances_have_their_results() -> None:
    assert len(PEOPLE) == len(DANCES) == 3
    for dance in DANCES:
        frames = open_video(motion_of(dance)).frame_count
        for person in PEOPLE:
            path = file_of(f"{person}_{dance}.mp4")
            assert path is not None
            assert open_video(path).frame_count == frames
            assert "synthetic" in (read_provenance(path) or "")
            assert path.stat().st_size < 300_000
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_000_000
    assert all(photo_of(person).is_file() for person in PEOPLE)


@pytest.mark.parametrize(
    "name", ["", "..", "../work.py", "woman_stripes", "step.mp4/", str(Path(__file__)), "x_step.mp4"]
)
def test_other_names_are_nobodys(name: str) -> None:
    assert file_of(name) is None
