"""Hands and face of somebody whose body was found."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from liquidwarp.detect.details import Hands
from liquidwarp.detect.litert.face import FaceNetworks
from liquidwarp.detect.litert.hands import HandNetworks
from liquidwarp.detect.protocol import Detection
from liquidwarp.detect.tuning import LiteRtTuning
from liquidwarp.parallel import HelperThread


class CloseLooks:
    """Looks at hands and face, the right hand in a thread of its own.

    Args:
        hands: look at hands.
        face: look at the face.
        helper: of that thread.
        folder: where models are looked for first.
        tuning: when they are large enough, and sure enough.
    """

    def __init__(
        self, *, hands: bool, face: bool, helper: HelperThread, folder: str | Path | None, tuning: LiteRtTuning
    ) -> None:
        self._helper = helper
        self._hands = [HandNetworks(folder, tuning.hands) for _ in range(2)] if hands else []
        self._face = FaceNetworks(folder, tuning.face) if face else None

    def complete(
        self, frame: UInt8[np.ndarray, "H W 3"], person: Detection, last: Detection | None = None
    ) -> Detection:
        """Return the person with hands and face.

        Args:
            frame: an RGB picture.
            person: seen in it.
            last: the same person a frame ago: hands and face are looked for where they were, and small hands not at
                all (`HandTuning.least_followed`).
        """
        hands, face = person.hands, person.face
        if self._hands:
            before = last.hands if last is not None and last.hands is not None else Hands(None, None)
            followed = last is not None
            right = self._helper.submit(
                partial(self._hands[1].find, frame, person, "right", before.right, followed=followed)
            )
            hands = Hands(self._hands[0].find(frame, person, "left", before.left, followed=followed), right.result())
        if self._face is not None:
            face = self._face.find(frame, person, None if last is None else last.face)
        return replace(person, hands=hands, face=face)
