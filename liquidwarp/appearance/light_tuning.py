"""The numbers of light: how it is read from a photo, how far it is believed, and what shadows it throws."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LightTuning:
    """The numbers of the light of a photo (`appearance.light`). Light is the logarithm of code values."""

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


@dataclass(frozen=True)
class RelightTuning:
    """The numbers of light that is guessed from another background (`appearance.relight`)."""

    side: float = 0.35
    """Part of a picture's width or height that is its left, right, top or bottom."""

    across: float = 0.35
    """Part of the logarithm by which one end of the picture is brighter than the other, that light from there is."""

    exposure: float = 0.35
    """Part of the logarithm by which it is brighter than the photo's own, by which the person gets brighter."""

    tint: float = 0.5
    """The same of its colour."""

    most_across: float = 0.3
    """Logarithm of the most light from one side."""

    most_exposure: float = 0.25
    """Logarithm of the most that the person gets brighter or darker."""

    most_tint: float = 0.15
    """The same of a colour."""

    most: float = 0.6
    """Logarithm of the most that all of it may add or take."""


RELIGHT_TUNING = RelightTuning()
"""As tuned."""


@dataclass(frozen=True)
class ShadowTuning:
    """The numbers of the shadow below feet (`appearance.floor_shadow`). Lengths are in metres."""

    sole: float = 0.03
    """How far above the lowest point of a foot its sole reaches."""

    width: float = 0.035
    """Half of the width of a foot."""

    touching: float = 0.02
    """Height up to which a foot stands."""

    lifted: float = 0.1
    """Height from which it throws no shadow of contact."""

    near: tuple[float, float] = (0.12, 0.04)
    """Darkness of the shadow beside a sole, and how far it reaches."""

    far: tuple[float, float] = (0.08, 0.15)
    """The same of what the legs above keep from the floor."""

    reach: float = 0.5
    """How far around a foot the floor is looked at."""


SHADOW_TUNING = ShadowTuning()
"""As tuned."""
