"""The numbers of matting: what each is, in which unit, and why it is there.

Lengths are fractions of the person's longer side in the picture, unless pixels are named.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MattingTuning:
    """The numbers of `refine_alpha`."""

    most_pixels: int = 640
    """Longer side of the picture that is worked on, at most: solving takes its square in time."""

    least_pixels: int = 480
    """The same at least: smaller pictures are enlarged, for the band is a few pixels wide."""

    most_enlarged: float = 2.0
    """Times that a picture is enlarged at most."""

    margin: float = 0.12
    """Background around the person that is looked at."""

    least_extent: float = 8.0
    """Pixels that a person is taken to be tall at least: lengths follow from it."""

    opaque: float = 0.05
    """Alpha of the photo itself above which it is kept."""

    window_mask: float = 0.3
    """Mask above which a pixel belongs to the person's window."""

    seen: float = 0.5
    """Confidence above which a landmark is believed."""

    sure: float = 0.7
    """Mask above which a pixel may be the person's for sure."""

    sure_inset: float = 0.012
    """How far inside of that the sure begins: a detector's outline is right to about that."""

    bone_width: float = 0.006
    """Width of limbs that are sure however thin they are."""

    within_foot: tuple[float, float] = (0.2, 0.85)
    """Where between ankle and toes there is foot for sure, also where the detector's mask has none."""

    open_mask: float = 0.25
    """Mask above which a pixel may be the person's at all."""

    open_reach: float = 0.006
    """How far beyond that the band is open."""

    faint_mask: float = 0.1
    """The same as `open_mask` at hands, feet and hair, which detectors miss."""

    ends: float = 0.03
    """Radius around fingers, heels and toes within which it holds."""

    ends_reach: float = 0.015
    """How far beyond the faint mask the band is open there."""

    head: float = 0.09
    """Radius around nose and ears within which it holds."""

    head_reach: float = 0.012
    """How far beyond the faint mask the band is open there."""

    hand_middle: float = 1.6
    """Distance of a hand's middle from the wrist, in lengths from the wrist to the roots of the fingers: fingers reach
    beyond the landmarks."""

    hand_radius: float = 1.0
    """Radius of a hand, in the same lengths."""

    hand_prior: float = 0.5
    """Mask that a hand gets where the detector's is lower."""

    sample_reach: float = 0.1
    """How far from the band colours are taken from that are surely the person's, or surely not."""

    place: float = 2.0
    """What a person's longer side counts, against 100 units of lightness: the colour of a sleeve speaks for the sleeve
    only."""

    most_samples: int = 20000
    """Colours that are looked at on each side, at most."""

    nearest: int = 4
    """Nearest colours whose mean distance counts."""

    vote_gain: float = 4.0
    """Logit of a pixel whose colours are all on one side."""

    sure_place: float = 0.02
    """How close to 0 and 1 the mask itself speaks for a pixel's side."""

    vote_weight: float = 0.05
    """Pull of the band to that guess, against the matting Laplacian."""

    epsilon: float = 1e-4
    """Variance of colour that is added to each window: more follows fewer edges."""

    cut: float = 0.1
    """Alpha that becomes 0, and as much from 1 that becomes 1: the solver leaves a veil."""

    speck: float = 0.2
    """Alpha above which pixels hang together with the body; others are specks."""

    own_part: float = 0.3
    """Part of a piece that the mask must show for it to belong to the body."""

    least_piece: float = 0.01
    """Part of the body's pixels that a piece must have."""

    upsampled: float = 0.02
    """How close to 0 and 1 alpha is taken from the small picture as it is; between, edges follow the photo's."""

    upsampling_epsilon: float = 1e-4
    """Variance of grey below which an edge of the photo is none (guided filter)."""


@dataclass(frozen=True)
class HeldTuning:
    """The numbers of `find_held`. Lengths are fractions of the person's longer side in the picture."""

    pixels: int = 480
    """Longer side of the person at which it is looked at: things are large."""

    outside: float = 0.03
    """Distance from the body from which on a part of the mask at a hand is none of the hand: fingers end before."""

    least_size: float = 0.02
    """Side of the square whose area such a part must have."""

    at_hand: float = 0.6
    """Part of it that must be nearer to a hand than to any other part of the body: skirts and hair are not."""

    skin: float = 30.0
    """Levels of 255 from the skin of face, other hand or arm below which it is a hand that the body missed."""

    skin_red: tuple[int, int] = (133, 173)
    """Chrominance Cr of skin, where no face tells it (Chai and Ngan, 1999)."""

    skin_blue: tuple[int, int] = (77, 127)
    """Chrominance Cb of skin."""

    around_hand: float = 0.01
    """How far around the landmarks of a hand that was seen the hand goes."""

    odd: float = 34.0
    """Levels of 255 from every other colour of person and place at which a colour is the thing's."""

    odd_part: float = 0.2
    """Part of a hand that must have such a colour where the mask shows no thing: rings and watches are smaller."""

    reach: float = 0.24
    """How far from a hand a thing may go."""

    surroundings: float = 0.2
    """How much more of the place is looked at, for its colours."""

    rounds: int = 5
    """Rounds of GrabCut."""

    most_size: float = 0.35
    """Side of the square whose area a thing has at most: beyond that the place has its colours."""

    lightness: float = 0.5
    """How much lightness counts for its outline: a round thing has a light side and a dark one."""

    chroma: float = 2.0
    """How much hue and saturation do."""

    least_agreement: float = 0.55
    """Intersection over union of bare body and mask from which on the body tells where hands are."""

    margin: float = 0.006
    """How far beyond its outline its colours reach."""


@dataclass(frozen=True)
class ForegroundTuning:
    """The numbers of `foreground_colors`."""

    smooth: float = 1e-5
    """Pull between neighbours' colours where alpha is even (Germer et al., 2020)."""

    gradient: float = 1.0
    """How much it grows with a step of alpha."""

    small: int = 32
    """Longer side, pixels, up to which a level is small."""

    small_steps: int = 10
    """Jacobi steps on small levels."""

    steps: int = 3
    """Jacobi steps on larger ones."""

    opaque: float = 0.999
    """Alpha from which on the photo's colours are the person's."""

    most_pixels: int = 2**21
    """Pixels of a photo that the equations are solved for, at most; a larger one is given the smooth colours of a
    smaller, and the rest of each soft pixel is settled by itself."""


MATTING_TUNING = MattingTuning()
"""As tuned."""

HELD_TUNING = HeldTuning()
"""As tuned."""

FOREGROUND_TUNING = ForegroundTuning()
"""As tuned."""
