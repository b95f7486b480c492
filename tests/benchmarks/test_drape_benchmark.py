"""The benchmark of skirts and long hair: the truth scores perfectly, and is where the cloth is."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "quality"
MODULES = ("drape", "drape_measure", "quality_measure", "quality_report")


@pytest.fixture
def draping(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import drape
    import drape_measure

    yield SimpleNamespace(run=drape, measure=drape_measure)
    for name in MODULES:
        sys.modules.pop(name, None)


def somebody() -> tuple[np.ndarray, np.ndarray]:
    """Return a picture of blue above and green below, and what its pixels are: the lowest part hangs."""
    labels = np.zeros((40, 30), np.int64)
    labels[4:20, 10:20], labels[20:26, 10:20], labels[26:36, 6:24] = 1, 2, 3
    colors = np.array([(90, 90, 90), (20, 30, 200), (30, 160, 40), (30, 160, 40)], np.uint8)
    noise = np.random.default_rng(0).integers(-8, 8, (40, 30, 1))
    return (colors[labels] + noise).clip(0, 255).astype(np.uint8), labels


def test_the_truth_scores_perfectly_and_half_a_skirt_by_half(draping: SimpleNamespace) -> None:
    picture, labels = somebody()
    colors = draping.measure._Colors.of(picture, labels)
    real = labels > 0
    perfect = draping.measure._compare("turned", "45", picture, labels, picture, real, colors)
    assert set(perfect.scores.values()) == {1.0}
    half = real.copy()
    half[26:, 15:] = False
    scores = draping.measure._compare("turned", "45", picture, labels, picture, half, colors).scores
    assert scores["ceiling"] == 1
    assert scores["near"] < scores["overlap"] < 1
    assert scores["part"] == pytest.approx(scores["near"], abs=0.05)


def test_results_are_summed_up_by_kind_and_views(draping: SimpleNamespace) -> None:
    picture, labels = somebody()
    colors = draping.measure._Colors.of(picture, labels)
    person = draping.measure.Draped("hair", 3, picture)
    for group in ("90", "180", "90"):
        person.views.append(draping.measure._compare(group, group, picture, labels, picture, labels > 0, colors))
    data = draping.run.to_json([person], {"people": 1}, 7)
    draping.run.check(data)
    assert data["summary"]["hair"]["90"]["part"]["count"] == 2
    assert "| hair | 180 | 1.000 | 1.000 | 1.000 | 1.000 |" in draping.run.table(data)
    assert draping.run.sheet(person).ndim == 3
    with pytest.raises(ValueError, match="schema must be"):
        draping.run.check(data | {"schema": "other"})


@pytest.mark.slow
def test_people_of_each_kind_wear_what_hangs(draping: SimpleNamespace) -> None:
    for kind in draping.measure.KINDS:
        person = draping.measure.measure_person(kind, 1, 64)
        assert {view.group for view in person.views} == set(draping.measure.VIEWS[kind])
        assert all(view.scores["overlap"] > 0.6 for view in person.views)
