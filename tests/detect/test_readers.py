import json

import numpy as np
import pytest

from liquidwarp.bodies.landmarks import COCO, OPENPOSE
from liquidwarp.detect import read_coco_keypoints, read_openpose
from liquidwarp.detect.readers import OPENPOSE_COCO
from liquidwarp.errors import InputError, NoPersonError

SIZE = (100, 200)


def triples(count: int, x: float, height: float = 60.0, confidence: float = 0.8) -> list[float]:
    y = np.linspace(20, 20 + height, count)
    return np.stack([np.full(count, x) + y / 10, y, np.full(count, confidence)], 1).reshape(-1).tolist()


def write_openpose(folder, people_per_frame, key="pose_keypoints_2d"):
    for index, people in enumerate(people_per_frame):
        content = {"version": 1.3, "people": [{key: flat} for flat in people]}
        (folder / f"clip_{index:012d}_keypoints.json").write_text(json.dumps(content))


@pytest.mark.parametrize(("count", "names"), [(25, OPENPOSE), (18, OPENPOSE_COCO)])
def test_openpose_formats(tmp_path, count, names):
    write_openpose(tmp_path, [[triples(count, 50)], [], [triples(count, 52)]])
    got = read_openpose(tmp_path, size=SIZE, fps=30.0)
    assert got.names == names
    assert got.present.tolist() == [True, False, True]
    assert got.world is None
    assert got.size == SIZE
    np.testing.assert_allclose(got.image[2].reshape(-1), np.reshape(triples(count, 52), (-1, 3))[:, :2].reshape(-1))
    assert got.confidence[0].tolist() == pytest.approx([0.8] * count)
    assert got.confidence[1].sum() == 0


def test_openpose_follows_by_box_not_by_order(tmp_path):
    left, right = triples(25, 40, height=70), triples(25, 150, height=50)
    write_openpose(tmp_path, [[left, right], [right, left], [left, right]])
    x = read_openpose(tmp_path, size=SIZE, fps=30.0).image[:, 0, 0]
    assert x.tolist() == pytest.approx([42] * 3)
    x = read_openpose(tmp_path, size=SIZE, fps=30.0, person=1).image[:, 0, 0]
    assert x.tolist() == pytest.approx([152] * 3)


def test_openpose_list_of_files_keeps_its_order(tmp_path):
    write_openpose(tmp_path, [[triples(25, 50)], [triples(25, 55)]])
    files = sorted(tmp_path.glob("*.json"))[::-1]
    assert read_openpose(files, size=SIZE, fps=30.0).image[0, 0, 0] == pytest.approx(57)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not OpenPose JSON"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "must hold 25"),
        ('{"people": [3]}', "must hold 25"),
        (json.dumps({"people": [{"pose_keypoints_2d": ["a"] * 75}]}), "not numbers"),
        (json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 75}]}), "not finite"),
    ],
)
def test_openpose_errors_name_the_file(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=rf"a\.json: .*{message}"):
        read_openpose(tmp_path, size=SIZE, fps=30.0)


def test_openpose_nobody_and_nothing(tmp_path):
    with pytest.raises(InputError, match=r"no \.json files"):
        read_openpose(tmp_path, size=SIZE, fps=30.0)
    with pytest.raises(InputError, match="no such file"):
        read_openpose(tmp_path / "none.json", size=SIZE, fps=30.0)
    write_openpose(tmp_path, [[], []])
    with pytest.raises(NoPersonError, match="no person in any of 2 frames"):
        read_openpose(tmp_path, size=SIZE, fps=30.0)
    write_openpose(tmp_path, [[triples(25, 50)], []])
    with pytest.raises(InputError, match="there is no person 3, only 1"):
        read_openpose(tmp_path, size=SIZE, fps=30.0, person=3)


def test_coco_annotations_go_by_file_name(tmp_path):
    path = tmp_path / "ann.json"
    path.write_text(
        json.dumps(
            {
                "images": [
                    {"id": 7, "file_name": "b.jpg"},
                    {"id": 9, "file_name": "a.jpg"},
                    {"id": 1, "file_name": "c"},
                ],
                "annotations": [
                    {"image_id": 7, "keypoints": triples(17, 55, confidence=2)},
                    {"image_id": 9, "keypoints": triples(17, 50, confidence=1)},
                ],
            }
        )
    )
    got = read_coco_keypoints(path, size=SIZE, fps=25.0)
    assert got.names == COCO
    assert got.present.tolist() == [True, True, False]
    assert got.image[:2, 0, 0].tolist() == pytest.approx([52, 57])
    assert got.confidence[:, 0].tolist() == [0.5, 1, 0]


def test_coco_results_with_frame_numbers(tmp_path):
    path = tmp_path / "results.json"
    results = [{"image_id": i, "keypoints": triples(17, 50 + i, confidence=0.7), "score": 0.9} for i in (4, 0, 2)]
    path.write_text(json.dumps(results))
    got = read_coco_keypoints(path, size=SIZE, fps=25.0, frames=6)
    assert got.present.tolist() == [True, False, True, False, True, False]
    assert got.confidence[0, 0] == pytest.approx(0.7)
    assert read_coco_keypoints(path, size=SIZE, fps=25.0).image[:, 0, 0].tolist() == pytest.approx([52, 54, 56])
    with pytest.raises(InputError, match="image_id 4 is not one of the 3 frames"):
        read_coco_keypoints(path, size=SIZE, fps=25.0, frames=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"people": []}, "not COCO keypoint JSON"),
        ([{"image_id": 1, "bbox": [0, 0, 1, 1]}], "without 'image_id' or 'keypoints'"),
        ([{"image_id": 1, "keypoints": [1, 2, 3]}], "17 triples"),
    ],
)
def test_coco_errors(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"x\.json: .*{message}"):
        read_coco_keypoints(path, size=SIZE, fps=25.0)
