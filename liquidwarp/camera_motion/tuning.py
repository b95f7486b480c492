"""The numbers of telling how a camera moves: what each is, in which unit, and why it is there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CameraMotionTuning:
    """The numbers of `camera_motion`; pixels are those of the small picture that is looked at."""

    side: int = 400
    """Pixels of its longer side: corners are found to a twentieth of one."""

    still_seconds: float = 0.12
    """From one look to the next as long as the camera stands."""

    points: int = 100
    """Corners that are followed at most: more say nothing new."""

    least_points: int = 12
    """Corners, and agreeing ones of a frame, below which there is nothing to hold on to."""

    quality: float = 0.01
    """Contrast of a corner, in parts of the strongest one's."""

    least_contrast: float = 4.0
    """Grey levels of 255 around a corner, as a standard deviation: less is noise on a plain wall."""

    apart: float = 0.02
    """Distance between corners, in longer sides: else one poster holds them all."""

    window: int = 21
    """Pixels around a corner that are compared."""

    levels: int = 3
    """Pyramid levels: frames may be apart by some tens of pixels."""

    back: float = 0.5
    """Pixels by which a corner that is followed there and back may miss itself."""

    least_mask: float = 0.02
    """Part of a mask from which on a pixel may be the person's."""

    around_person: float = 0.02
    """Longer sides by which a mask is grown: shadows and blurred hands move along."""

    around_box: float = 0.15
    """Heights of a box by which it is grown where there is no mask: it ends at landmarks."""

    agree: float = 1.5
    """Pixels by which a corner may be off to agree with the rest."""

    turned: float = 3.0
    """Pixels by which it may be off where a turn, with a lens that is about known, should bring it."""

    width: float = 2.0
    """Pixels of error at which a corner counts for little; near things shift by more than far ones."""

    least_part: float = 0.5
    """Fraction of the corners that must agree: with fewer it may be a crowd, or a mirror."""

    least_found: float = 0.25
    """Fraction of the corners that should be in sight that must be found again and agree."""

    least_spread: float = 0.12
    """Longer sides that the agreeing corners must be spread by, as a standard deviation: else they are one thing."""

    overlap: float = 0.55
    """Fraction of a key picture's corners that must be in sight; below, the frame is a new key picture."""

    zoomed: float = 1.25
    """Factor of zoom from which on it is, too: corners look different."""

    near_key: float = 0.8
    """How much less overlap an earlier key picture may have to be preferred: errors add up along the later ones."""

    still: float = 0.6
    """Pixels within which a corner stays where it was."""

    still_part: float = 0.4
    """Fraction of the corners that stay in a picture of a camera that stands."""

    still_frames: float = 0.97
    """Fraction of frames in which they do: light and people pass."""

    least_shift: float = 0.008
    """Longer sides that a picture's corners must shift by, in the most shifted twentieth of frames, for it to matter:
    with less feet drift by up to 2% of the height."""

    most_shifted: float = 0.95
    """Quantile of that."""

    known_frames: float = 0.7
    """Fraction of a clip's frames in which the background must be found for its motion to be believed."""

    usual_fov: float = 50.0
    """Degrees along the longer side where the turning tells little: phones have 45 to 70."""

    fov_sigma: float = 0.2
    """One standard deviation of the logarithm of the focal length about that."""

    told_sigma: float = 0.06
    """The same of what is found, below which the turning tells it."""

    fovs: tuple[float, ...] = (28.0, 34.0, 41.0, 50.0, 60.0, 72.0)
    """Degrees that are tried."""

    fov_frames: int = 60
    """Pairs of pictures that tell, those with most turn between."""

    pixel_sigma: float = 0.15
    """Pixels of one standard deviation of a corner."""

    independence: float = 0.1
    """Part of the corners that tell something of their own: lenses and shutters bend whole pictures."""

    least_frames: int = 5
    """Frames of a shot below which nothing is looked for."""

    widest_view: float = 2.5
    """Times the picture that all of what a camera has seen may be across for one view to hold it."""


CAMERA_MOTION_TUNING = CameraMotionTuning()
"""As tuned."""
