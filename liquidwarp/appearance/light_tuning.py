"""The numbers of light: how it is read from a photo, how far it is believed, and what shadows it throws."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LightTuning:
    """The numbers of the light of a photo (`appearance.light`). Light is the logarithm of brightness, of code values."""

    rows: int = 200
    """Height of the person, pixels, at which a photo is looked at: folds and texture are smaller than its light."""

    step: int = 4
    """Distance of the pixels that are compared, pixels of that height: farther than noise, closer than garments."""

    blur: float = 1.0
    """Standard deviation of a blur before that, pixels."""

    facing: float = 0.42
    """Cosine towards the camera below which surface tells nothing of light: colours mix along an outline."""

    dark: float = 24.0
    """Brightness (of 255) below which cloth tells nothing: there is more noise than light."""

    bright: float = 250.0
    """Brightness from which a pixel is clipped."""

    same_cloth: float = 0.15
    """Difference of the logarithms of red, green and blue, beside that of all three, of two pixels of one cloth."""

    usual: tuple[float, ...] = (0.3, 0.15, 0.08, 0.06, 0.06)
    """Difference of light between two pixels beyond which it is a print, a hem or a fold: wide at first."""

    alike: float = 40.0
    """How many pairs of pixels tell as much as one that is by itself: they share pixels and folds."""

    linear: float = 0.25
    """Standard deviation of what is usual of the light's first degree."""

    quadratic: float = 0.1
    """The same of the second degree."""

    still: float = 0.97
    """Cosine to which surface may turn from how it stood in the photo without a change of its light (14 degrees)."""

    turned: float = 0.82
    """Cosine from which its light is what it would be there (35 degrees)."""

    most: float = 0.3
    """Logarithm of the most that light may add or take."""

    spread: int = 12
    """Steps of smoothing over the surface between what the photo shows and what was made up in usual light."""


LIGHT_TUNING = LightTuning()
"""As tuned."""
