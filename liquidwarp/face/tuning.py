"""The numbers of moving faces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FaceMotionTuning:
    """How a driver's face is read and carried over; lengths are in distances of the eyes' outer corners."""

    smooth: float = 0.025
    """Seconds (one sigma) over which points are smoothed, without delay."""

    smooth_head: float = 0.06
    """The same of the head's movement."""

    calm_below: float = 40.0
    """Pixels between the eyes below which smoothing grows: the mesh of small faces trembles."""

    least_eyes: float = 9.0
    """Pixels between the eyes from which on a face moves: it is about 20 wide then."""

    sure_eyes: float = 14.0
    """Pixels from which on it moves in full."""

    least_lids: float = 24.0
    """Pixels between the eyes from which on blinks are told apart."""

    most_turned: tuple[float, float] = (40.0, 65.0)
    """Degrees from the front at which the mesh begins to be invented, and is."""

    closed: tuple[float, float] = (0.035, 0.075)
    """Least and most opening, in widths of the mouth, that the mesh reports of closed lips."""

    closed_quantile: float = 0.03
    """Fraction of a clip's frames that is taken to have closed lips, if the mesh reports what closed lips give."""

    opens: float = 0.95
    """How far lips part for what the mesh reports beyond closed ones."""

    look_alike: tuple[float, float] = (0.65, -0.1)
    """Likeness of an eye to the clip's usual one from which on, and at which, it is open and closed."""

    shuts: float = 1.1
    """How far lids close for a driver whose lids close: smoothing leaves them a little open."""

    closed_line: float = 0.15
    """Where lids meet: part of the eye's height above its lower lid."""

    creases: float = 0.45
    """How far the fold of the lid goes down with the lid's border."""

    under_lids: float = 0.5
    """How far the skin below the eye goes with the lower lid's border."""

    most_open: float = 0.6
    """Opening of a mouth, in its widths, that is never exceeded."""

    forget: float = 0.25
    """Seconds in which a face that is not seen any more comes to rest."""

    head_turn: float = 0.85
    """Part of the driver's head's turn that a talking head takes over."""

    most_turn: float = 14.0
    """Degrees that a head in a flat photo is turned at most."""

    head_travel: float = 0.8
    """Part of its travel."""

    most_travel: float = 0.35
    """Farthest travel."""


FACE_MOTION_TUNING = FaceMotionTuning()
"""As tuned."""


@dataclass(frozen=True)
class FacePaintTuning:
    """How a photo of a face is bent and completed."""

    own_inside: float = 0.10
    """Opening of the photo's mouth, in its widths, from which on its own inside is shown."""

    feather: float = 0.006
    """Softness of the borders of lips and lids, in distances of the eyes."""

    teeth: float = 0.1
    """How far the upper teeth reach below the line of closed lips, in widths of the mouth."""

    tooth: float = 0.085
    """Width of a tooth at the middle, in widths of the mouth."""

    cavity: tuple[float, float, float] = (0.27, 0.11, 0.1)
    """Colour of the dark behind the teeth, before light."""

    blacks: float = 0.85
    """Brightness of the dark behind the teeth in that of the darkest of the face, if the former is darker."""

    tongue: tuple[float, float, float] = (0.55, 0.27, 0.27)
    """Colour of the tongue, before light."""

    enamel: tuple[float, float, float] = (0.98, 0.9, 0.8)
    """Colour of teeth, before light."""

    lash_band: float = 0.05
    """Height of the lashes of a closed lid that had to be invented, in widths of the eye."""

    shut_line: float = 0.5
    """How much darker it is where lids, or lips that are open in the photo, meet."""

    mask_lines: float = 0.12
    """Contrast from nose to chin, of the brightness there, below which there are no lips: real ones have 0.2 to 1, and
    less only where a face is blurred."""

    other_color: float = 0.2
    """Distance of colours, of 1, from which on what is below the nose is another thing than the skin above."""

    least_change: float = 0.02
    """Pixels by which no point has to move for the photo to be shown as it is."""


FACE_PAINT_TUNING = FacePaintTuning()
"""As tuned."""
