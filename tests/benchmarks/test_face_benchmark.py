"""The benchmark of talking heads: who is its own driver scores perfectly."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from liquidwarp.demo import asset
from liquidwarp.detect import Face, FaceDetector
from liquidwarp.media import read_image

FOLDER = Path(__file__).parents[2] / "benchmarks" / "quality"
MODULES = ("face", "quality_report", "quality_measure")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import face

    yield face
    for name in MODULES:
        sys.modules.pop(name, None)


def test_its_own_driver_scores_perfectly(bench: ModuleType) -> None:
    photo = read_image(asset("woman_stripes.jpg")).rgb
    detector = FaceDetector()
    mesh = detector.pick(photo).points
    eye = np.random.default_rng(0).integers(0, 255, (2, 24, 24), np.uint8)
    faces = []
    for step in range(12):
        points = mesh.copy()
        points[[87, 14, 317], 1] += 2.0 * (step % 3)
        faces.append(Face(points, 1.0, np.zeros_like(eye) + 90 if step == 6 else eye))
    scores = bench.measure(tuple(faces), (*faces[:11], None), bench.talk_rest(photo, detector), 25.0)
    assert scores["mouth"] == pytest.approx(1)
    assert scores["eyes"] == pytest.approx(1)
    assert scores["mouth_range"] == scores["eyes_range"] == 1
    assert scores["identity"] < 0.05
    assert bench.least_open(tuple(faces)) % 3 == 0
    data = bench.to_json(scores, {}, 12, 7)
    bench.check(data)
    assert "| 12 | 1.000 | 1.000 |" in bench.table(data)
    with pytest.raises(ValueError, match=r"scores\.eyes must be a number"):
        bench.check(data | {"scores": scores | {"eyes": float("nan")}})
