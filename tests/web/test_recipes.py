"""What the page did, as a command and as Python: both are understood by what they are for."""

import ast
import shlex
from typing import Any

import pytest

from liquidwarp.options import make_parser
from liquidwarp.web.handles import HANDLES, put_right
from liquidwarp.web.recipes import as_command, as_python

USUAL = {"person": 0, "motion_person": 0, "camera": "smooth", "background": "keep", "size": None}


@pytest.mark.parametrize("motion", ["dance.mp4", "my dance.npz", "Dance.BVH"])
@pytest.mark.parametrize(
    ("changed", "smooth"),
    [({}, {}), ({"size": 512, "camera": "copy", "person": 1, "motion_person": 2}, {"arms": 0.5, "head": 0.1})],
)
def test_the_command_line_reads_the_command(motion: str, changed: dict[str, Any], smooth: dict[str, float]) -> None:
    options = USUAL | changed
    words = shlex.split(as_command("me & you.jpg", motion, options, smooth))
    read = make_parser().parse_args(words[1:])
    assert (read.photos, read.motion) == (["me & you.jpg"], motion)
    assert {name: getattr(read, name) for name in ("person", "camera", "background", "size")} == {
        name: options[name] for name in ("person", "camera", "background", "size")
    }
    assert (read.motion_person or 0) == options["motion_person"]
    assert {limb: value for given in read.smooth for limb, value in given.items()} == smooth
    program = as_python("me & you.jpg", motion, options, smooth)
    names = {node.attr for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Attribute)}
    import liquidwarp

    assert names - {"fps"} <= set(liquidwarp.__all__)
    assert ("recover" in names) == motion.endswith(".mp4")


def test_a_dragged_joint_is_evidence_and_takes_its_hand_along() -> None:
    import numpy as np

    from liquidwarp.bodies.landmarks import MEDIAPIPE
    from liquidwarp.detect import Detection

    image = np.arange(66, dtype=np.float32).reshape(33, 2)
    before = Detection(MEDIAPIPE, image, np.full(33, 0.4, np.float32), None, None, 0.9)
    after = put_right(before, {"left_wrist": [100.0, 50.0], "tail": [1.0, 1.0]})
    wrist, index, elbow = (MEDIAPIPE.index(f"left_{name}") for name in ("wrist", "index", "elbow"))
    assert after.image[wrist].tolist() == [100.0, 50.0]
    assert np.allclose(after.image[index] - after.image[wrist], image[index] - image[wrist])
    assert after.image[elbow].tolist() == image[elbow].tolist()
    assert (after.confidence > 0.5).nonzero()[0].tolist() == [wrist]
    assert before.image[wrist].tolist() == image[wrist].tolist()
    assert set(HANDLES) <= set(MEDIAPIPE)
