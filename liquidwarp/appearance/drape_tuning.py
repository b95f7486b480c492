"""The numbers of what hangs: skirts and hair with a surface of their own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SkirtTuning:
    """When legs are taken to be under a skirt, and how it hangs. Heights are the person's at rest."""

    rows: int = 108
    """Rows from where a skirt leaves the body to the ankles in which the outline is looked at."""

    columns: int = 201
    """Places across in each row."""

    most_pixels: int = 2**21
    """Pixels of a photo above which it is found in a smaller one where arms are: they are made wider in any case."""

    across: float = 0.9
    """Fraction of the height that a row is wide."""

    upright: float = 0.8
    """Cosine between a thigh or shin and the way from hips to ankles below which somebody does not stand."""

    plumb: float = 0.85
    """Cosine between that way and the picture's vertical below which cloth would hang elsewhere."""

    person: float = 0.5
    """Alpha from which on a pixel is the person's."""

    sure: float = 0.9
    """Alpha from which on its colour is the cloth's alone."""

    arm: float = 0.015
    """Fraction of the height around a fitted arm in which an outline may be the arm's."""

    gap: float = 0.012
    """Fraction of the height between the legs of the bare body from which on there is a gap."""

    open_rows: int = 3
    """Rows that a gap is open below a hem: one alone is noise."""

    open: float = 0.5
    """Fraction of a gap that is covered below which it is open."""

    covered: float = 0.0025
    """Area of the gap that is covered, of the height squared: more than the width of shorts or wide trousers covers."""

    flare: float = 1.9
    """Width of the outline over that of the bare legs which says the same without any gap: shorts reach 1.7."""

    least_covered: float = 0.85
    """Fraction of the rows with a gap, from the hips to the hem, in which it is covered."""

    least_length: float = 0.1
    """Fraction of the height from the hips to the hem; shorter, it is a shirt."""

    begin: float = 0.05
    """Fraction of the height below the hips from which on a hem is looked for."""

    step: float = 0.025
    """Length, fraction of the height, above and below a hem over which colours are compared."""

    other_color: float = 14.0
    """Distance in Lab between both legs below a hem and the cloth above it, at least: trousers go on."""

    plateau: float = 0.9
    """Part of the strongest change of colours which still is that change: a hem lies in the middle of it."""

    edge: float = 0.85
    """Part of the width at the hem where it is looked for on the sides."""

    tilt: float = 0.05
    """Fraction of the height by which it may be higher or lower there."""

    back: float = 0.3
    """How much lower than on the sides it is behind, for how much higher it is in front."""

    floor: float = 0.05
    """Fraction of the height above the ankles from which on nothing needs to be seen below a hem."""

    levels: int = 26
    """Rings of the skirt."""

    around: int = 48
    """Vertices of a ring."""

    top: float = -0.06
    """Where the skirt leaves the body, fraction of the height below the hips."""

    leave: float = 0.04
    """Length, fraction of the height, over which it does."""

    inside: float = 0.004
    """Metres by which it begins inside of the body, so that there is no slit."""

    band: float = 0.02
    """Fraction of the height around a ring in which the body is measured."""

    depth: float = 1.0
    """How far cloth stands off in front and behind, for what it does on the sides."""

    front: float = 0.75
    """How far the hem's front is before the legs, of half its width."""

    hips: float = 0.06
    """Fraction of the height below the hips down to which the body carries the cloth, which falls from there."""

    slack: float = 0.008
    """Metres between the body and the cloth."""

    smooth: float = 2.0
    """Sigma, rings, over which the outline is smoothed."""

    legs: float = 0.75
    """How much the cloth goes with the thighs where it does so most."""

    to_legs: tuple[float, float] = (-0.1, 0.8)
    """Parts of the way from hip to knee between which it comes to do so."""

    shins: float = 0.55
    """How much of that goes with the shins far below the knees: the rest hangs."""

    to_shins: tuple[float, float] = (0.9, 1.6)
    """The same, between which it comes to do so."""

    sides: float = 0.6
    """Part of the half width over which one leg takes over from the other."""

    hidden: tuple[float, float] = (0.05, 0.05)
    """Fractions of the height below the top and above the hem between which the body is not drawn."""

    rim: float = 0.006
    """Fraction of the height along an outline where colours mix."""

    fringe: int = 2
    """Pixels around a skirt in the photo in which its edge lies."""


SKIRT_TUNING = SkirtTuning()
"""As tuned."""


@dataclass(frozen=True)
class HairTuning:
    """When hair hangs below the chin, and how. Lengths are in heads: from the crown to the chin."""

    back_inset: float = 0.06
    """Fraction of the hair's width from its outline at which the strips begin that its back is made of."""

    back_strip: float = 0.16
    """How wide they are."""

    back_smooth: float = 0.01
    """Sigma, fraction of a picture's height, over which the outline is smoothed for them."""

    rows: int = 120
    """Rows from the crown down in which hair is looked for."""

    reach: float = 2.6
    """How far down from the crown."""

    columns: int = 161
    """Places across in each row."""

    across: float = 3.2
    """How wide a row is."""

    facing: float = 0.64
    """Cosine between the face's direction and that to the camera below which it looks aside."""

    plumb: float = 0.8
    """Cosine between the way from crown to chin and the picture's vertical below which hair would hang elsewhere."""

    least_head: float = 18.0
    """Pixels of a head in a photo; smaller, its hair is a few pixels."""

    sure: float = 0.9
    """Alpha from which on a pixel has its colour from the person alone."""

    core: float = 0.03
    """How far inside of the scalp its colours are those of hair."""

    range: tuple[float, float] = (5.0, 95.0)
    """Percentiles of the scalp's colours, in Lab, between which they are hair's."""

    brightness: float = 0.5
    """What a difference of brightness counts beside one of colour: hair shines."""

    shade: float = 12.0
    """How much darker than that range hair may be, counted like this: below it lies in its own shadow."""

    alike: float = 12.0
    """How far outside of that range hair may be, in Lab."""

    few: int = 12
    """Pixels of the scalp below which nothing is known of its hair."""

    cloth_apart: float = 24.0
    """Distance of the chest's colours from hair below which they say nothing of what lies on it."""

    chest: tuple[float, float] = (1.5, 1.9)
    """Below the crown, between which the chest is looked at for cloth."""

    chest_wide: float = 0.35
    """How far to the sides of the middle."""

    cloth_row: float = 0.5
    """Fraction of the middle of the chest that looks like hair in a row where cloth of its colour has begun."""

    beside: float = 0.07
    """Width of hair beside the neck, on one side, from which on it hangs."""

    neck_rows: float = 0.6
    """Fraction of the rows between chin and shoulders in which it has that width."""

    neck: tuple[float, float] = (0.9, 1.15)
    """Below the crown, between which the neck is: from the chin to where shoulders begin to rise from it."""

    temples: tuple[float, float] = (0.55, 0.95)
    """Below the crown, between which hair that comes out below a hat is beside the face, where no hood is."""

    other_than_skin: float = 15.0
    """Distance of such hair's colours from the face's, in Lab."""

    least_long: float = 1.1
    """Below the crown, down to which hair hangs at least."""

    lock: float = 0.15
    """Length of hair that is seen on the trunk from which on it lies before the shoulder."""

    resting: float = 1.2
    """Below the crown: hair that is seen down to there rests on the shoulders, and its tips may be behind them."""

    behind: float = 0.3
    """How far below the shoulders hair is taken to end where its tips are behind them."""

    arm: float = 0.08
    """How far around an arm what looks like hair may be the arm's."""

    levels: int = 30
    """Rings of the hair."""

    around: int = 61
    """Vertices of a ring."""

    top: float = 0.16
    """How far below the crown it leaves the scalp."""

    leave: float = 0.2
    """Length over which it does."""

    inside: float = 0.02
    """How far inside of the scalp it begins."""

    band: float = 0.1
    """Around a ring, in which the head is measured."""

    volume: float = 0.05
    """How far hair stands off the skull at least."""

    deep: float = 1.5
    """How far it stands off behind, for what it does on the sides."""

    clear: float = 0.05
    """How far it lies off trunk and neck."""

    on_back: tuple[float, float] = (0.1, 0.5)
    """Sine of the angle from the side between which hair comes to lie on the trunk: beside the neck it falls into the
    shoulders."""

    aside: float = 0.12
    """How far to the sides of a vertex the trunk is measured that it lies on."""

    opening: tuple[float, float] = (0.5, 1.75)
    """Least and most angle from the front, radians, at which hair begins on a side."""

    behind_opening: float = 1.7
    """The same below the ears where it hangs behind the shoulders."""

    ears: float = 0.6
    """Below the crown, where the ears are."""

    before_face: float = 0.8
    """How far hair reaches to the front beside the face, of what the head does."""

    smooth: float = 1.5
    """Sigma, rings, over which outline and opening are smoothed."""

    ragged: float = 0.06
    """How uneven its tips are."""

    on_trunk: float = 0.75
    """How much what lies below the shoulders goes with the chest."""

    loose: float = 0.8
    """How freely the tips swing."""

    hidden: float = 0.1
    """How far behind the middle of the head it is not drawn below hair, which is."""

    rim: float = 0.015
    """Fraction of the hair's length along its outline where colours mix."""

    to_trunk: tuple[float, float] = (1.0, 1.5)
    """Below the crown, between which hair comes to lie on the shoulders."""

    fringe: int = 2
    """Pixels around hair in the photo in which its edge lies."""


HAIR_TUNING = HairTuning()
"""As tuned."""


@dataclass(frozen=True)
class SwingTuning:
    """How what hangs moves."""

    stiffness: float = 200.0
    """Of the springs, 1/s^2: what hangs swings some two times a second."""

    damping: float = 14.0
    """Of the springs, 1/s: cloth and hair come to rest within a swing."""

    farthest: float = 0.12
    """Metres by which anything lags at most."""

    jump: float = 0.6
    """Metres between two frames from which on it is another shot: nothing swings over."""

    parts: int = 6
    """Equal parts of the time between two frames that springs are computed in, at least."""

    longest: float = 0.02
    """Seconds that such a part takes at most."""

    near_joint: float = 0.2
    """Part of a thigh or shin from its joint in which its thickness is measured."""

    thick: float = 0.75
    """Quantile of the distances from its axis there."""

    slack: float = 0.012
    """Metres between a leg and the cloth over it."""


SWING_TUNING = SwingTuning()
"""As tuned."""
