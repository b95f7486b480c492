"""Few-shot vid2vid on talking faces: a photo of a face, and a clip of another that talks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from liquidwarp.detect import ClipDetection, Detector, LiteRtDetector, detect_clip
from liquidwarp.devices import moved
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.labels import CropWindow, draw_face, face_window, mesh_landmarks, with_forehead
from liquidwarp.labels.faces import proportioned, proportions
from liquidwarp.methods.few_shot_vid2vid.drawing import draw_labels, whole_picture
from liquidwarp.methods.few_shot_vid2vid.method import check_kind, network_of
from liquidwarp.methods.protocol import BackgroundPicture, DrivingClip, Synthesis
from liquidwarp.nn.few_shot_vid2vid.generator import FewShotGenerator
from liquidwarp.person import SourceState

_FACE = ("fsvid2vid-face", "fsvid2vid-imaginaire-face")


@dataclass(frozen=True, eq=False)
class FewShotFaceMethod:
    """Lets the face in a photo say what a clip shows.

    Attributes:
        generator: of drawings of faces.
        size: (height, width) that it was trained on.
        detector: finds faces; one that says `Detection.face`.

    Raises:
        InputError: a network of another kind of label.
    """

    name: ClassVar[str] = "few-shot-vid2vid-face"
    recurrent: ClassVar[bool] = True
    generator: FewShotGenerator
    size: tuple[int, int]
    detector: Detector | None = None

    def __post_init__(self) -> None:
        check_kind(self.generator, self.name, _FACE)

    def prepare(self, state: SourceState, size: tuple[int, int], background: BackgroundPicture) -> NoReturn:
        """Raise `InputError`: this method draws no bodies."""
        raise InputError(
            f"method {self.name!r} draws a face from a photo and a talking clip, not a body; "
            "use 'liquidwarp imitate FACE.jpg --motion TALK.mp4', in Python liquidwarp.tasks.drive"
        )

    def drive(
        self,
        photos: Sequence[UInt8[np.ndarray, "H W 3"]],
        clip: DrivingClip,
        *,
        size: int | None = None,
        device: torch.device | str = "cpu",
        progress: bool = False,
    ) -> Iterator[Synthesis]:
        """Yield the face of the photos, a picture per frame of the clip.

        The clip's face is brought to the photo's proportions by what its first frame shows. Frames without a face
        repeat the one before.

        Args:
            photos: of one face; a network without attention looks at one.
            clip: somebody who talks.
            size: side of the pictures; by default the network's.
            device: where the network runs.
            progress: show a progress bar.

        Raises:
            NoPersonError: no face in a photo or at the clip's beginning.
            InputError: several photos for a network that looks at one.
        """
        self.generator.check_references(len(photos))
        detector = self.detector or LiteRtDetector(face=True)
        faces = [_face_of_photo(photo, detector, number) for number, photo in enumerate(photos)]
        found = detect_clip(
            clip.frames, fps=clip.fps, size=clip.size, detector=detector, progress=progress, source=clip.name
        )
        talk = _faces_of_clip(found, clip.name)
        factors = proportions(faces[0], talk[0])
        drawn = [proportioned(face, factors) for face in talk]
        window = face_window(drawn[0])
        labels = (self._label(face, window).to(device) for face in drawn)
        own = [face_window(face) for face in faces]
        example_labels = torch.stack([self._label(*pair) for pair in zip(faces, own, strict=True)]).to(device)
        examples = torch.stack([self._cut(*pair) for pair in zip(photos, own, strict=True)]).to(device)
        generator = moved(self.generator, torch.device(device))
        wanted = self.size if size is None else (size, size)
        for made in draw_labels(generator, example_labels, examples, labels):
            yield whole_picture(made, wanted)

    def _label(
        self, landmarks: Float[np.ndarray, "83 2"], window: tuple[float, float, float]
    ) -> Float[Tensor, "1 H W"]:
        left, top, side = window
        height, width = self.size
        places = (landmarks - np.array([left, top])) * np.array([width / side, height / side])
        return torch.from_numpy(draw_face(places, self.size))[None].float() / 255

    def _cut(self, photo: UInt8[np.ndarray, "H W 3"], window: tuple[float, float, float]) -> Float[Tensor, "3 h w"]:
        left, top, side = (round(number) for number in window)
        picture = torch.from_numpy(photo).permute(2, 0, 1).float() / 127.5 - 1
        return CropWindow(left, top, side, side).cut(picture, self.size).clamp(-1, 1)


def build_face(*, weights: str | Path | None = None, generator: FewShotGenerator | None = None) -> FewShotFaceMethod:
    """Make the method.

    Args:
        weights: a file from `liquidwarp weights import`.
        generator: the network itself, in place of a file.

    Raises:
        InputError: no weights, or damaged ones, or those of another network.
    """
    return FewShotFaceMethod(*network_of(weights, generator, FewShotFaceMethod.name))


def _face_of_photo(photo: np.ndarray, detector: Detector, number: int) -> Float[np.ndarray, "83 2"]:
    found = next((person.face for person in detector.detect(photo) if person.face is not None), None)
    if found is None:
        raise NoPersonError(
            f"no face in photo {number + 1}; give one that shows the face from the front, 100 pixels wide or more"
        )
    return with_forehead(mesh_landmarks(found.points))


def _faces_of_clip(found: ClipDetection, name: str) -> list[Float[np.ndarray, "83 2"]]:
    faces = [None if face is None else with_forehead(mesh_landmarks(face.points)) for face in found.faces]
    first = next((face for face in faces if face is not None), None)
    if first is None:
        raise NoPersonError(f"{name}: no frame shows a face; give a clip of somebody who looks at the camera")
    kept: list[np.ndarray] = []
    for face in faces:
        kept.append(face if face is not None else kept[-1] if kept else first)
    return kept
