"""The numbers of taking a photo apart: what each is, in which unit, and why it is there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UnseenTuning:
    """The numbers of what no photo shows (`appearance.unseen`). Brightness is of 255."""

    near: float = 0.25
    """Fraction of a neighbour's pixels, nearest to the part that wants a colour, that give it: cloth changes."""

    brows: tuple[float, float] = (0.0, 5.0)
    """Percentiles of a head's brightness between which its brows lie, which hair is like."""

    skin: tuple[float, float] = (50.0, 95.0)
    """The same for lit skin: neither brows, eyes and shadows nor highlights."""

    trousers: tuple[float, float, float] = (0.5, 45.0, 100.0)
    """Brightness beside what is worn above, least and most, of trousers that nothing tells of."""

    shoes: tuple[float, float, float] = (0.6, 35.0, 60.0)
    """The same for shoes."""

    tint: float = 0.25
    """Part of the colour above that stays in such a dark neutral."""

    range: tuple[float, float] = (2.0, 98.0)
    """Percentiles of a neighbour's colours between which they are its own."""

    alike: float = 25.0
    """How far a colour may lie outside of that range and still be the neighbour's."""

    sideways: float = 0.72
    """Brightness of what looks aside, beside what faces the camera: one colour all over looks flat."""


UNSEEN_TUNING = UnseenTuning()
"""As tuned."""


@dataclass(frozen=True)
class ShoeLookTuning:
    """The numbers of what feet wear (`appearance.shoes`). Heights are above the ground, metres."""

    most_pixels: int = 2**20
    """Pixels of a photo above which feet and skin are compared in a smaller one."""

    person: float = 0.7
    """Alpha above which a pixel is the person's."""

    few: int = 25
    """Pixels; fewer say nothing of a colour."""

    lit: tuple[float, float] = (40.0, 95.0)
    """Percentiles of brightness between which a face is lit skin."""

    chroma: float = 12.0
    """Difference of a and b (CIELAB) within which a colour may be the same skin."""

    dark: float = 0.4
    """Part of the skin's L (CIELAB) below which nothing is skin."""

    bare: float = 0.5
    """Part of the feet's pixels that must be like skin for feet to be bare."""

    sole: float = 0.022
    """Height of a sole that looks like the rest of the shoe."""

    soles: tuple[float, float, int] = (0.012, 0.04, 15)
    """Least and most height of a sole that looks otherwise, and how many between them are tried."""

    seam: float = 0.003
    """Height over which a sole goes over into the upper."""

    beside: float = 0.025
    """How far above and below a border colours are compared."""

    openings: tuple[float, float, int] = (0.06, 0.11, 11)
    """The same as `soles` for where a shoe ends and the leg, or a sock, begins."""

    top: float = 0.085
    """Where the leg's picture goes on if colours tell of no such place."""

    soft: float = 0.008
    """Height over which a shoe goes over into the leg."""

    few_beside: int = 6
    """Pixels that must be seen on either side of such a border."""

    unlike: float = 30.0
    """Grey levels (of 255) between colours that are not one."""


SHOE_LOOK_TUNING = ShoeLookTuning()
"""As tuned."""


@dataclass(frozen=True)
class TubeTuning:
    """The numbers of unrolling limbs and trunk (`appearance.tubes`) and of what goes round (`appearance.around`).

    Parts of a turn are of the whole turn, parts of a length of the tube's.
    """

    oblique: float = 0.25
    """Cosine to the view below which surface counts as not seen: the photo shows it shortened to a quarter or less."""

    oblique_small: float = 0.1
    """The same for hair and shoes, which are small, and edge for the most part."""

    blend: float = 0.1
    """Cosine over which what is filled goes over into what is seen, on the side of what is seen."""

    margin: float = 0.1
    """Part of a turn that a chart repeats at both ends."""

    girth: float = 0.75
    """Quantile of a tube's radius that makes its chart's width."""

    seam_steps: int = 6
    """Rounds of smoothing of the border between two tubes, which follows the edges of faces otherwise."""

    seam: float = 4.0
    """Steepness of that border after them; 1 is as wide as they make it."""

    straight: float = 0.85
    """Cosine between trunk and thigh from which on the hips are one tube with the trunk."""

    bend: float = 0.15
    """Part of the shorter bone over which the axis turns at a joint."""

    least_known: float = 0.35
    """Seen part of a row, against a usual row's, from which on it is gone on from."""

    even: float = 0.035
    """Sigma, part of a turn, over which colours are averaged around: what is finer is texture."""

    edge: float = 0.012
    """The same for the colours that go round."""

    alike: float = 30.0
    """Grey levels (of 255) within which colours are of one cloth."""

    least_alike: float = 0.25
    """Part of what is like one end of a row that must be like its other end, or that is no cloth of the row's."""

    least_print: float = 0.04
    """The same to be a colour of its prints or stripes."""

    like_head: float = 60.0
    """Grey levels within which a trunk's colour may be the hair's, or bare skin."""

    least_worn: float = 0.12
    """Part of a row's seen pixels that must be of the garment below, for that to go round."""

    chest: tuple[float, float] = (0.3, 0.55)
    """Where along the trunk, from the neck, there is nothing but garment, as parts of its length."""

    least_color: float = 0.15
    """Part of the chest that a colour must have to be the garment's."""

    steady: float = 0.02
    """Sigma, part of the length, over which colours that go round are smoothed along the axis, between their steps."""

    step: float = 12.0
    """Grey levels (of 255) of such a step: a hem, or a stripe's edge."""

    narrow: float = 0.01
    """Part of the length: what is less than so wide, such as a crease, does not go round."""

    fade: float = 0.08
    """Part of a turn over which it fades."""

    crisp: float = 0.02
    """The same for what is no shade of the cloth that goes round, but another's colour."""

    shift: float = 0.1
    """Part of the length by which a hem, or a stripe, may lie higher on one side than on the other."""

    shift_cost: float = 1.0
    """Grey levels (of 255) that a colour must be better for one to lie a row (of `shift_rows`) higher."""

    shift_rows: int = 192
    """Rows at which it is decided how high."""

    unusual: float = 2.5
    """Standard deviations of brightness beyond which texture is a print or a button and does not come back behind."""

    least_unusual: float = 6.0
    """The same in grey levels, for plain cloth."""

    most_texture: float = 35.0
    """Grey levels beyond which nothing is texture."""

    sole: float = 0.2
    """Part of a bare foot's height that is sole."""

    shoes: ShoeLookTuning = SHOE_LOOK_TUNING
    """What shoes look like."""

    hair_spread: float = 1.5
    """Times the usual difference from the hair's median colour that a pixel may differ and be hair beyond doubt."""

    hairline: float = 0.02
    """Sigma, part of a turn of the head, over which the line of the hair is smoothed."""


TUBE_TUNING = TubeTuning()
"""As tuned."""


@dataclass(frozen=True)
class RimTuning:
    """The numbers of soft outlines (`appearance.rims`)."""

    window: int = 9
    """Pixels of a photo in which an outline's softness is measured."""

    usual: float = 0.5
    """Quantile over the outline: hair and what moves fast is softer than the rest."""

    most: float = 0.004
    """Sigma, part of the person's height, that no outline of a lens exceeds."""

    step: float = 0.015
    """Metres between a surface and what is behind it."""

    samples: float = 0.3
    """Sigma, pixels, of the averaging of samples: so soft is every outline."""

    least: float = 0.35
    """Sigma, pixels, below which no blur is seen beside that of samples."""


RIM_TUNING = RimTuning()
"""As tuned."""


@dataclass(frozen=True)
class GarmentTuning:
    """The numbers of dressing somebody in parts of others (`appearance.garments`). Lengths are of the body at rest."""

    chest: tuple[float, float] = (0.25, 0.55)
    """Where on the trunk there is nothing but what is worn above, as parts of its height."""

    thigh: float = 0.5
    """Part of the thighs below which there is nothing but what is worn below."""

    alike: float = 30.0
    """Grey levels (of 255) within which colours are one."""

    least_color: float = 0.08
    """Part of a garment that a colour must have to be its own."""

    clear: float = 60.0
    """Grey levels from which on it is clear to which garment a colour belongs."""

    unlike: float = 40.0
    """Grey levels from which on a colour is none of the thighs', where those wear a colour of the chest's."""

    evidence: float = 15.0
    """Grey levels by which, on average, what lies below a hem must be more like the thighs than what lies above it."""

    ragged: float = 0.03
    """Metres by which a hem may hang lower than its mean level."""

    hem_width: float = 0.012
    """Metres over which one garment goes over into the other at a hem."""

    beside: float = 0.12
    """Metres above and below a hem in which colours are compared, and taken that go on above it."""

    seam_steps: int = 4
    """Rounds of smoothing of borders between parts, which follow the edges of faces otherwise."""

    seam: float = 4.0
    """Steepness of those borders after them."""


GARMENT_TUNING = GarmentTuning()
"""As tuned."""


@dataclass(frozen=True)
class LayerTuning:
    """The numbers of `appearance_from_observations`. Heights are the person's in the photo."""

    background: float = 0.15
    """Alpha below which a pixel is the background's for sure."""

    person: float = 0.7
    """Alpha above which it is the person's."""

    margin: float = 0.012
    """Fraction of the height by which a fitted limb may lie from the limb in the photo."""

    thin: float = 0.15
    """Part of a group that must lie farther from its edges than that; of thinner groups the middle is sure."""

    thin_core: float = 0.6
    """Depth of that middle, as a part of the deepest."""

    rim: float = 0.005
    """Fraction of the height over which colours mix along an outline."""

    depth_step: float = 0.03
    """Metres between two surfaces that are not one."""

    hair_core: float = 0.4
    """Part of the hair's height above the face from which on its colours may spread over the back of the head."""

    mixed: float = 2.0
    """Pixels from an edge within which every camera mixes colours."""

    few: int = 25
    """Pixels; fewer say nothing of a group."""

    least_clear: float = 0.2
    """Part of a group's pixels that must remain beside arms; of a group mostly beside an arm, all must do."""

    beside_arm: float = 0.03
    """Fraction of the height that an arm's shadow and cuff reach."""

    rim_depth: int = 2
    """Pixels from a group's edge in which a shadow is looked for."""

    around: float = 4.0
    """Sigma, pixels, of the neighbourhood whose colours are usual."""

    unusual: float = 2.5
    """Standard deviations of brightness from which on a pixel is unusual there."""

    least_unusual: float = 10.0
    """The same in grey levels (of 255), for plain cloth."""

    texture_length: float = 0.05
    """Fraction of a layer's longer side over which texture goes on beyond what is known."""

    strip_samples: int = 8
    """Samples of a strip of texture, for its mean."""

    pad: float = 0.03
    """Fraction of the height by which a layer reaches beyond its mesh."""

    poorly_seen: float = 0.25
    """Visible part of a limb, against its mirror image's, below which it borrows from that."""

    least_facing: float = 0.1
    """Cosine to the view below which surface is trusted no less: it is all stretched."""

    cut: float = 0.015
    """Fraction of the height: a mesh that leaves the photo by less is a fit that is a little off."""

    reach: float = 0.5
    """Fraction of the photo's longer side by which layers go on beyond the photo."""

    sliver: float = 0.1
    """Part of a limb in the photo below which the photo may show the neighbour's hem alone."""

    stump: float = 0.3
    """The same for hands and feet, which begin under cuffs."""

    strip: float = 0.05
    """Depth, fraction of the height, of the texture that goes on beyond the photo."""

    lasting: float = 2.0
    """How far it lasts on legs, in that depth: they have creases and few patterns."""

    waistband: float = 0.1
    """Part of the thighs' surface above which trousers begin."""

    most_pixels: int = 2**21
    """Pixels at which it is decided what shows which part, at most: in a larger photo the person is cut out, and made
    smaller where that is not enough. Layers are cut from the photo itself."""

    tubes: TubeTuning = TUBE_TUNING
    """What looks aside, and what goes round."""

    unseen: UnseenTuning = UNSEEN_TUNING
    """What no photo shows."""


LAYER_TUNING = LayerTuning()
"""As tuned."""
