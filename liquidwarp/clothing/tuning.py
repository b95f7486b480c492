"""The numbers of the clothed surface: what each is, in which unit, and why it is there."""

from dataclasses import dataclass, field

PartValues = tuple[tuple[str, float], ...]
"""A number for each kind of body part: (name without left or right, value)."""


@dataclass(frozen=True)
class ClothSurfaceTuning:
    """How far and how freely the surface may leave the bare body (`clothing.surface`)."""

    outward: PartValues = (
        ("hair", 0.13),
        ("head", 0.10),
        ("face", 0.03),
        ("torso", 0.10),
        ("upper_leg", 0.12),
        ("lower_leg", 0.12),
        ("upper_arm", 0.045),
        ("lower_arm", 0.045),
        ("hand", 0.02),
        ("foot", 0.035),
    )
    """Fractions of the person's height that the outline may lie outside of the bare body's: hair and skirts stand off,
    faces and hands do not."""

    inward: PartValues = (
        ("hair", 0.02),
        ("head", 0.03),
        ("face", 0.02),
        ("torso", 0.04),
        ("upper_leg", 0.03),
        ("lower_leg", 0.025),
        ("upper_arm", 0.03),
        ("lower_arm", 0.025),
        ("hand", 0.02),
        ("foot", 0.03),
    )
    """The same, inside: the body's shape is known only so well."""

    hold: PartValues = (("face", 400.0), ("hand", 3000.0), ("foot", 0.3), ("hair", 0.4))
    """Pull to the bare body, per metre: faces and hands wear nothing."""

    hold_elsewhere: float = 0.006
    """The same for all other parts."""

    smoothing: float = 0.012
    """Radius, fraction of the person's height, over which the directions are smoothed in which vertices may move."""

    shoe: float = 0.007
    """The same for the shape of feet: closes the gaps between toes."""


@dataclass(frozen=True)
class ShoeTuning:
    """What a shoe is like (`clothing.shoes`). Parts of a length are of the foot's, from the heel to the toes."""

    sole: float = 0.09
    """Part of the length that a sole is thick."""

    level: float = 0.9
    """Part of a foot's vertices, from above, below which its sole lies: toes and heels are fitted a little apart."""

    most: float = 0.1
    """Part of the length by which a shoe is larger than the foot at most."""

    least: tuple[float, float] = (0.92, 0.8)
    """Parts of the bare foot's length and width that the shoe has at least."""

    walls: float = 0.16
    """Part of the length up to which the shoe is as convex as a box: walls without an arch."""

    toes: float = 0.6
    """Part of the length from which on it is toe box."""

    toe_room: float = 0.03
    """Part of the length that it reaches beyond the toes, and above them."""

    welt: float = 0.012
    """Part of the length by which the sole is wider than the upper."""

    ease: float = 0.016
    """Part of the length by which leather is thick."""

    middle: tuple[float, float] = (0.25, 0.72)
    """Where along the length there is a line inside of the shoe from which all of it is seen."""

    center: float = 0.45
    """Part of the toes' height at which that line runs."""

    even: float = 0.025
    """Radius, part of the length, of a smoothing that takes bumps out of an upper."""

    joined: float = 0.08
    """The same, after which no toe stands off from another."""

    rounds: int = 5
    """Times the foot's surface is laid on the shoe's."""

    relaxed: int = 3
    """Rounds of smoothing between them, which take its folds out."""

    opening: tuple[float, float] = (0.75, 1.0)
    """Part of the ankle's height between which a shoe ends and the ankle begins."""


SHOE_TUNING = ShoeTuning()
"""As tuned."""


@dataclass(frozen=True)
class MatchTuning:
    """Which edge of the alpha belongs to which outline of the mesh (`clothing.match`)."""

    fine_blur: float = 0.7
    """Sigma, pixels of the working size, before the edge is looked for: takes steps out of it, and no shape."""

    slope_blur: float = 2.0
    """The same for the edge's direction, which noise turns more easily."""

    least_slope: float = 1e-4
    """Change of alpha a pixel below which an edge has no direction."""

    candidates: int = 16
    """Edges looked at for each point."""

    sweeps: int = 3
    """Times the neighbours are asked."""

    agree: float = 0.35
    """Cosine between normals below which two edges are not the same edge."""

    sideways: float = 0.6
    """Fraction of the way between two edges that may lead along the outline: outlines move along their normals."""

    sideways_slack: float = 0.1
    """What may be added to it, in reaches: over short ways directions mean little."""

    sideways_cost: float = 0.5
    """Cost of a pixel sideways, in pixels of distance."""

    apart_cost: float = 2.0
    """Cost of a pixel between a point's way and its neighbours' mean way, in pixels of distance."""

    apart: float = 0.35
    """Reaches by which a point's way may differ from its neighbours' in the end."""

    samples: int = 7
    """Places looked at on the way from one edge to the other: whether another limb lies between."""

    reach: float = 0.05
    """Distance, fraction of the person's height, that a disagreement of 90 degrees between normals costs."""

    edge_neighbours: float = 0.03
    """Radius, fraction of the person's height, of the neighbours of a point on the alpha's edge."""

    outline_neighbours: float = 0.04
    """The same on the mesh's outline, which is cut where parts hide each other."""

    neighbours: int = 12
    """Neighbours asked at most."""

    other_part: float = 4.0
    """Radii that a point of another part is taken to be farther away: it is no neighbour."""


@dataclass(frozen=True)
class CutOutTuning:
    """At which size a photo is looked at, and where the mesh's outline is seen in it (`clothing.views`)."""

    person_pixels: float = 420.0
    """Height, pixels, at which a person is looked at; outlines are found to a fraction of a pixel."""

    most_pixels: float = 1600.0
    """Pixels that a side of the cut-out has at most: a wild pose must not eat memory."""

    least_pixels: int = 16
    """Pixels of the alpha below which there is nobody."""

    margin: float = 0.08
    """Fraction of the person's longer side that is cut out around it."""

    border: float = 1.0
    """Pixels from the photo's border within which an edge may be the photo's own."""

    piece: float = 3.0
    """Pixels of outline that one point stands for."""

    beside: tuple[float, float] = (1.5, 2.5)
    """Pixels outside of the outline that must be off the body: else another limb goes on there."""

    inside: float = 1.5
    """Pixels inside of it where the part itself must show."""

    depth_step: float = 0.06
    """Fraction of the person's height in depth from which on what shows there is another surface."""


@dataclass(frozen=True)
class ClothingTuning:
    """The numbers of `fit_clothing`."""

    surface: ClothSurfaceTuning = field(default_factory=ClothSurfaceTuning)
    """How far and how freely the surface moves."""

    matching: MatchTuning = field(default_factory=MatchTuning)
    """Which edge belongs to which outline."""

    cut_out: CutOutTuning = field(default_factory=CutOutTuning)
    """How photos are looked at."""

    shoes: ShoeTuning = SHOE_TUNING
    """Shapes of shoes, for those who wear some."""

    stiff_rounds: int = 2
    """First rounds in which the surface is stiffer than it will be, so that it moves as a whole before it bends."""

    stiff_factor: float = 4.0
    """How many times stiffer, per round that remains of them."""

    poor_overlap: float = 0.75
    """Overlap of the bare body with the person, against that of the best view, up to which a view counts for nothing:
    where the pose is wrong, the outline means nothing."""

    overlap_span: float = 0.2
    """Overlap above that at which it counts in full."""

    robust: float = 0.04
    """Fraction of the person's height by which an outline may be off before it counts half."""

    gap: float = 0.012
    """Most that each side of a gap which the alpha covers grows, fraction of the person's height: a loose sleeve."""

    gap_weight: float = 0.3
    """Weight of an outline that closes a gap: nothing in the photo says where the two meet."""

    gap_start: float = 1.5
    """Pixels from the outline at which the other side of a gap is looked for."""

    spread: float = 0.02
    """Length, fraction of the person's height, over which the outline's message bends into the surface."""

    stiffness: float = 0.02
    """Weight of bending against the outline."""

    tension: float = 1.5
    """Weight of membrane in bending: more keeps unseen sides from growing past the seen ones."""


CLOTHING_TUNING = ClothingTuning()
"""As tuned."""
