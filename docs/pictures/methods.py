"""Make the figures of docs/methods.md, from synthetic people and from what benchmarks/methods trained.

python docs/pictures/methods.py [--trained outputs/methods] [--only NAME ...] [-o docs/pictures]
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

import liquidwarp as lw
from liquidwarp.demo import PEOPLE, asset
from liquidwarp.detect import LiteRtDetector
from liquidwarp.labels import draw_face, face_window, mesh_landmarks, part_chart, part_map, with_forehead
from liquidwarp.media import open_video, read_image, to_uint8, write_image
from liquidwarp.methods import Method, make_method
from liquidwarp.raster import rasterize
from liquidwarp.viz import Row, contact_sheet, resized

CELL, SQUARE = (120, 96), (96, 96)  # height and width of a picture
TIMES = (12, 37, 62, 87)  # frames of the motion; the one before each is made too
SYNTHETIC = "synthetic0"  # whom EDN was trained on
EDN = "EDN__of_this_person"


class Subject:
    """A made person, and a motion that they are put into."""

    def __init__(self, photo: object, motion: lw.BodyTrack) -> None:
        self.person = lw.encode_source(photo)
        self.photo = self.person.photo
        self.wanted = [index for time in TIMES for index in (time - 1, time)]
        self.motion = motion

    def drawn(self, method: str | Method, size: int | None) -> list[np.ndarray]:
        """Return the photo, and the pictures of a method."""
        made = lw.imitate(self.person, self.motion[self.wanted], size=size, method=method)
        return [self.photo, *list(map(picture, made))[1::2]]


def picture(made: lw.Synthesis) -> np.ndarray:
    """Return a frame as bytes."""
    return to_uint8(made.image)


def maps() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield photos of made people, and the maps of their bodies' parts: v, u and the number."""
    for name in PEOPLE[:2]:
        person = lw.encode_source(asset(f"{name}.jpg"))
        view = person.views[0]
        fragments = rasterize(view.vertices[None], person.body.topology.faces, view.camera)
        with torch.no_grad():
            known = part_map(part_chart(person.body), fragments)
        planes = known.clone()
        planes[2] *= 255 / planes[2].max()
        yield person.photo, planes.round().byte().permute(1, 2, 0).numpy()


def uv_row() -> list[np.ndarray]:
    """Return photos beside u and v."""
    return [each for photo, known in maps() for each in (photo, np.dstack([known[..., :2], 0 * known[..., :1]]))]


def class_row() -> list[np.ndarray]:
    """Return photos beside a colour for each class."""
    colours = np.random.default_rng(3).integers(60, 240, (256, 3)).astype(np.uint8)
    colours[0] = 20
    return [each for photo, known in maps() for each in (photo, colours[known[..., 2]])]


def face_row() -> list[np.ndarray]:
    """Return faces of made people beside the drawing that the network is told."""
    detector, side, shown = LiteRtDetector(face=True), 512, []
    for name in PEOPLE:
        photo = read_image(asset(f"{name}.jpg")).rgb
        for seen in detector.detect(photo):
            if seen.face is None:
                continue
            landmarks = with_forehead(mesh_landmarks(seen.face.points))
            left, top, wide = face_window(landmarks)
            drawn = draw_face((landmarks - np.array([left, top])) * side / wide, (side, side))
            rows, columns = (slice(max(0, round(low)), round(low + wide)) for low in (top, left))
            shown += [resized(photo[rows, columns], (side, side)), np.repeat(drawn[..., None], 3, 2)]
    return shown[:4]


def figures(trained: Path) -> dict[str, Callable[[], list[np.ndarray]]]:
    """Return what makes the row of each figure.

    Args:
        trained: folder that benchmarks/methods wrote.
    """
    runs = trained / "runs"
    subjects: dict[str, Subject] = {}

    def woman() -> Subject:
        if "woman" not in subjects:
            subjects["woman"] = Subject(asset("woman_stripes.jpg"), lw.recover(asset("motion.mp4")))
        return subjects["woman"]

    def own() -> list[np.ndarray]:
        pairs = trained / "people" / "held_out"
        photo = next(iter(open_video(pairs / f"{SYNTHETIC}_A.mp4")))
        subject = Subject(photo, lw.recover(pairs / f"{SYNTHETIC}_random.mp4"))
        return subject.drawn(make_method("edn", weights=runs / f"{EDN}_{SYNTHETIC}" / "weights.safetensors"), 128)

    def of_run(method: str, run: str, size: int) -> Callable[[], list[np.ndarray]]:
        return lambda: woman().drawn(make_method(method, weights=runs / run / "weights.safetensors"), size)

    return {
        "surface": lambda: woman().drawn("surface", None),
        "compact": lambda: woman().drawn("compact", None),
        "liquid": of_run("liquid", "LWB__add", 128),
        "few_shot_vid2vid": of_run("few-shot-vid2vid", "few_shot_vid2vid", 256),
        "few_shot_vid2vid_mesh": of_run("few-shot-vid2vid", "few_shot_vid2vid__mesh_enriched", 256),
        "few_shot_vid2vid_face": face_row,
        "few_shot_vid2vid_labels": class_row,
        "disco": of_run("disco:steps=20", "DisCo_lite", 256),
        "dreampose": uv_row,
        "pg2": of_run("pg2", "PG2", 256),
        "dsc": of_run("dsc", "DSC", 256),
        "shup": of_run("shup", "SHUP", 256),
        "edn": own,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", type=Path, default=Path("outputs/methods"), help="what benchmarks/methods wrote")
    parser.add_argument("--only", nargs="+", help="names of figures; all by default")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    for name, row in figures(options.trained).items():
        if options.only is None or name in options.only:
            path = options.output / f"method_{name}.jpg"
            pictures = row()
            cell = SQUARE if pictures[0].shape[0] == pictures[0].shape[1] else CELL
            write_image(path, contact_sheet([Row(pictures)], cell=cell, gap=2))
            print(path, path.stat().st_size)
