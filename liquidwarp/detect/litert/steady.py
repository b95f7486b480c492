"""The square that is looked at next, steadied as MediaPipe steadies it."""

import numpy as np
from jaxtyping import Float

_RATE = 30.0  # frames a second that MediaPipe assumes
_SLOW = 0.01  # cut-off at rest, hertz
_HASTE = 10.0  # hertz per side of the square and second
_SPEED_CUTOFF = 1.0  # hertz


class OneEuro:
    """A one-euro filter of points (Casiez et al., CHI 2012): still at rest, and at once behind whatever is quick.

    At rest a jitter of the square would come back as a jitter of the landmarks.
    """

    def __init__(self) -> None:
        self._raw: np.ndarray | None = None
        self._speed = np.zeros(())
        self._value = np.zeros(())

    def follow(self, points: Float[np.ndarray, "K 2"], scale: float) -> Float[np.ndarray, "K 2"]:
        """Return the points of the next frame, steadied.

        Args:
            points: as they were seen.
            scale: what counts as a large movement within a second, in their unit.
        """
        if self._raw is None:
            self._speed, self._value = np.zeros_like(points), points
        else:
            speed = (points - self._raw) * _RATE / max(scale, 1e-6)
            self._speed = self._speed + _weight(_SPEED_CUTOFF) * (speed - self._speed)
            self._value = self._value + _weight(_SLOW + _HASTE * np.abs(self._speed)) * (points - self._value)
        self._raw = points
        return self._value


def _weight(cutoff: float | np.ndarray) -> float | np.ndarray:
    """Return how much of the way to a new value a low pass goes within a frame."""
    turn = 2 * np.pi * cutoff / _RATE
    return turn / (1 + turn)
