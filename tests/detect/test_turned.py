import numpy as np
import pytest

from liquidwarp.bodies.landmarks import COCO
from liquidwarp.detect import Detection, detect_clip
from liquidwarp.detect.turned import detect_turned, turn_back
from liquidwarp.errors import NoPersonError

SIZE = (40, 60)


class Upright:
    """Finds somebody, whose head is red and whose feet are blue, only when the head is above the feet."""

    name = "upright"

    def detect(self, frame: np.ndarray) -> list[Detection]:
        places = []
        for channel in (0, 2):
            y, x = np.nonzero(frame[..., channel] > 200)
            if not len(x):
                return []
            places.append((x.mean() + 0.5, y.mean() + 0.5))
        (x, top), (_, bottom) = places
        if not top < bottom - 5:
            return []
        image = np.linspace(places[0], places[1], len(COCO)).astype(np.float32)
        world = np.concatenate([image - image.mean(0), np.ones((len(COCO), 1))], 1).astype(np.float32) / 10
        mask = (frame.max(-1) > 200).astype(np.float32)
        return [Detection(COCO, image, np.ones(len(COCO), np.float32), world, mask, 0.9)]


def photo() -> np.ndarray:
    """Somebody who stands a little aslant, beside the middle."""
    frame = np.full((*SIZE, 3), 90, np.uint8)
    frame[5:9, 18:22] = (250, 40, 40)
    frame[30:34, 22:26] = (40, 40, 250)
    return frame


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_who_is_found_turned_lies_where_it_is(quarters: int) -> None:
    (stands,) = Upright().detect(photo())
    frame = np.ascontiguousarray(np.rot90(photo(), quarters))
    assert Upright().detect(frame) == []
    (found,) = detect_turned(Upright(), frame)
    y, x = np.nonzero(frame[..., 0] > 200)
    assert found.image[0] == pytest.approx((x.mean() + 0.5, y.mean() + 0.5), abs=1e-4)
    assert found.world is not None
    assert found.mask is not None
    assert np.array_equal(found.mask > 0, frame.max(-1) > 200)
    # Space turns with the picture.
    assert found.world[:, :2] == pytest.approx((found.image - found.image.mean(0)) / 10, abs=1e-4)
    assert found.world[:, 2] == pytest.approx(stands.world[:, 2])


def test_no_turn_changes_nothing() -> None:
    (person,) = Upright().detect(photo())
    same = turn_back(person, 0, SIZE)
    assert np.array_equal(same.image, person.image)
    assert np.array_equal(same.mask, person.mask)


def test_photos_are_looked_at_turned_and_clips_are_not() -> None:
    frame = np.ascontiguousarray(photo()[::-1, ::-1])
    found = detect_clip(iter([frame]), fps=0.0, size=SIZE, detector=Upright())
    assert bool(found.keypoints.present.all())
    with pytest.raises(NoPersonError):
        detect_clip(iter([frame] * 3), fps=10.0, size=SIZE, detector=Upright())
    with pytest.raises(NoPersonError):
        detect_clip(iter([np.zeros_like(frame)]), fps=0.0, size=SIZE, detector=Upright())
