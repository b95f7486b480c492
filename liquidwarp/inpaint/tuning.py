"""The numbers of inpainting and of the background: what each is, in which unit, and why it is there.

Colours are in [0, 1] unless grey levels (of 255) are named.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class InpaintTuning:
    """The numbers of `inpaint`."""

    faint_step: tuple[float, float] = (1.5 / 255, 4 / 255)
    """Steps of colour a pixel: up to the first it is shading, which is drawn on from the hole's border, from the second
    on structure, which is copied."""

    lone_step: tuple[float, float] = (8 / 255, 16 / 255)
    """The same where the source is lone: a single lamp or switch must be strong to be copied."""

    faint_grain: tuple[float, float] = (0.4 / 255, 1.2 / 255)
    """The same for grain, as a standard deviation."""

    screen: float = 1e-6
    """Pull to the copied colours where the picture is smooth: so weak that the border reaches across any hole."""

    screen_texture: float = 0.02
    """The same where it is busy: the border reaches some seven pixels."""

    busy: float = 0.03
    """Standard deviation of grey that counts as half busy."""

    shading: float = 6.0
    """Standard deviation, pixels, of the blur that leaves shading alone: it lies between that of the copy and that of
    the border."""

    drift: float = 3 / 255
    """By how much it may lie outside: a vignette is rounder than either."""

    seam: float = 0.2
    """Step of colour that shading does not explain: there two things meet, and blending would smear both."""

    least_tie: float = 0.1
    """Part of its pull that the hole's border keeps even so."""

    fewest_patches: int = 4
    """Patches that the source must hold; else they are made smaller."""

    fewest_sources: int = 24
    """The same on every level of the pyramid but the finest."""

    halved_source: float = 0.75
    """Part of four pixels that must be source for the one that they become."""

    fade: float = 1.25
    """A patch one pixel deeper in the hole has this many times less to say."""

    deepest: float = 50.0
    """Pixels of depth from which on it does not change any more."""

    alike: float = 0.5
    """Upper quartiles of the patches' costs at which a patch has 1/e to say."""

    least_say: float = 30.0
    """Logarithm of how much less the worst patch has to say than the best; it keeps sums above zero."""

    novelty_size: int = 128
    """Long side, pixels, up to which sources are compared with the hole's rim; finer levels take that over."""

    rim_patches: int = 600
    """Patches of the rim that they are compared with at most."""

    lone_floor: float = 0.005
    """Standard deviation that is added to what is around a patch before the two are compared."""

    lone_from: float = 1.5
    """How many times busier than its surroundings a patch is before it begins to be lone; one more and it is."""

    new_from: float = 0.3
    """Squared difference from all of the rim, in variances of the patch, at which it begins to be new; twice that, and
    it is."""

    novelty_toll: float = 0.03
    """Cost, squared colour, of a patch that is lone and new: no lone switch or lamp shall be repeated."""

    coarse_size: int = 128
    """Long side, pixels, up to which several solutions are tried."""

    starts: int = 5
    """How many."""

    rounds: tuple[tuple[int, int], ...] = ((128, 24), (256, 16))
    """Rounds of matching on levels up to a long side in pixels: (side, rounds)."""

    fine_rounds: int = 8
    """Rounds on larger levels."""

    full_effort: int = 640
    """Long side, pixels, above which a level only polishes what the one before it found."""


@dataclass(frozen=True)
class BackgroundTuning:
    """The numbers of `photo_background` and `clip_background`."""

    person: float = 0.1
    """Alpha above which a pixel may hold a trace of the person."""

    margin: float = 1 / 48
    """Fraction of the picture's long side by which fringes, blur and contact shadows reach beyond the alpha."""

    feet: float = 0.06
    """Fraction of the person's height that casts the contact shadow; its margin is twice as wide."""

    stain: float = 10.0
    """Grey levels by which a reflection differs from the floor at least."""

    stain_spread: float = 4.0
    """The same in median deviations of the floor's own colours."""

    gap: float = 1.5
    """Margins up to which a gap (between the legs) is closed: it shows little else than fringes."""

    island: float = 1 / 300
    """Fraction of the picture below which an enclosed bit of background is given up."""

    band: float = 1 / 128
    """Fraction of the long side around the hole that is continued but never copied from."""

    least_source: float = 0.25
    """Part of the free picture that must remain beside that band; else it may be copied from after all."""

    along_height: float = 0.12
    """Colour units that a copy from the other end of the height costs: scenes are layered by height."""

    along_width: float = 0.06
    """The same for the width."""

    most_pixels: int = 2**21
    """Pixels of a photo that the hole is completed at, at most; a larger one gets the result, and the finer texture of
    where it was copied from. Time beyond texture so depends on the hole's place, not on the camera."""

    samples: int = 60
    """Frames of a clip that are looked at, at most."""

    most_samples: int = 60 * 2**21
    """Pixels of all of them together, at most: of clips larger than full HD fewer frames are looked at."""

    fewest_samples: int = 9
    """Frames that are looked at however large they are: a median needs some."""

    seen: float = 0.05
    """Fraction of them in which a pixel must be free to be believed."""

    clipped: int = 8
    """Grey levels from black and white within which colours say nothing about a frame's brightness."""

    inpaint: InpaintTuning = field(default_factory=InpaintTuning)
    """How what was never free is completed."""


INPAINT_TUNING = InpaintTuning()
"""As tuned."""

BACKGROUND_TUNING = BackgroundTuning()
"""As tuned."""
