"""The numbers of the fit: what each is, in which unit, and why it is what it is.

`FitWeights` says how much each kind of evidence counts against the others; it is the first thing to turn. The tunings
hold what the evidence means: standard deviations, widths, limits. None was learnt; `benchmarks/recovery` shows what a
change of one does.
"""

import math
from dataclasses import dataclass, field, fields

from liquidwarp.errors import InputError

Ranges = tuple[tuple[str, tuple[tuple[float, float, float, float], ...]], ...]

_FREE = math.inf  # degrees: no limit, or no pull

JOINT_RANGES: Ranges = (
    ("pelvis", ((0, _FREE, -_FREE, _FREE),) * 3),
    ("spine1", ((0, 12, -15, 40), (0, 10, -18, 18), (0, 10, -20, 20))),
    ("spine2", ((0, 12, -15, 30), (0, 10, -18, 18), (0, 10, -20, 20))),
    ("spine3", ((0, 12, -15, 30), (0, 10, -18, 18), (0, 10, -20, 20))),
    ("neck", ((15, 10, -35, 40), (0, 22, -45, 45), (0, 15, -28, 28))),
    ("head", ((-15, 10, -35, 35), (0, 22, -45, 45), (0, 15, -28, 28))),
    ("collar", ((0, 6, -15, 15), (0, 10, -20, 25), (0, 10, -12, 30))),
    ("shoulder", ((0, 50, -100, 100), (0, 70, -_FREE, _FREE), (0, 70, -_FREE, _FREE))),
    ("elbow", ((0, 40, -90, 90), (12, 60, 0, 152), (0, 4, -6, 6))),
    ("wrist", ((0, 12, -25, 25), (0, 25, -75, 75), (0, 15, -35, 35))),
    ("hip", ((0, 45, -135, 40), (0, 25, -50, 50), (0, 30, -75, 40))),
    ("knee", ((0, 10, -20, 20), (3, 50, 0, 155), (0, 4, -6, 6))),
    ("ankle", ((0, 18, -35, 55), (0, 12, -30, 30), (0, 12, -30, 30))),
    ("foot", ((0, 5, -40, 10), (0, 3, -6, 6), (0, 3, -6, 6))),
)
"""Per joint, for the person's left: (relaxed, spread, lowest, highest) in degrees for three angles. Torso, head, hips,
ankles: about X (bowing and pointing toes positive, lifting a thigh negative), Y and Z. Collars, shoulders, elbows,
wrists and knees: twist about the bone, bend, sideways."""

LIMBS: tuple[tuple[str, str, float], ...] = (
    ("left_shoulder", "right_shoulder", 1.0),
    ("left_hip", "right_hip", 1.0),
    ("left_shoulder", "left_hip", 0.7),
    ("right_shoulder", "right_hip", 0.7),
    ("left_shoulder", "left_elbow", 1.0),
    ("right_shoulder", "right_elbow", 1.0),
    ("left_elbow", "left_wrist", 1.0),
    ("right_elbow", "right_wrist", 1.0),
    ("left_wrist", "left_index", 0.3),
    ("right_wrist", "right_index", 0.3),
    ("left_wrist", "left_pinky", 0.3),
    ("right_wrist", "right_pinky", 0.3),
    ("left_hip", "left_knee", 1.0),
    ("right_hip", "right_knee", 1.0),
    ("left_knee", "left_ankle", 1.0),
    ("right_knee", "right_ankle", 1.0),
    ("left_heel", "left_foot_index", 1.0),
    ("right_heel", "right_foot_index", 1.0),
    ("left_ear", "right_ear", 1.0),
    ("nose", "left_ear", 0.6),
    ("nose", "right_ear", 0.6),
    ("left_eye_outer", "right_eye_outer", 0.5),
    ("mouth_left", "mouth_right", 0.3),
)
"""Pairs of landmarks whose direction in space is compared, and how far a detector is to be trusted there: short ones
(hands, mouth) turn with the noise of their ends."""

JOINT_ACCELERATIONS: tuple[tuple[str, float], ...] = (
    ("pelvis", 28.0),
    ("spine1", 17.0),
    ("spine2", 17.0),
    ("spine3", 17.0),
    ("neck", 28.0),
    ("head", 28.0),
    ("collar", 21.0),
    ("shoulder", 56.0),
    ("elbow", 84.0),
    ("wrist", 70.0),
    ("hip", 42.0),
    ("knee", 70.0),
    ("ankle", 56.0),
    ("foot", 28.0),
)
"""Usual accelerations of joints, rad/s^2: small near the trunk, large at the ends."""


@dataclass(frozen=True)
class FitWeights:
    """How much each kind of evidence counts: 1 is as tuned, 2 is twice as much, 0 leaves it out.

    A weight multiplies the cost, so 4 is worth half of the standard deviation.
    """

    landmarks: float = 1.0
    """Landmarks in the picture."""

    directions: float = 1.0
    """Directions of limbs in space, by the detector's world landmarks."""

    pose_prior: float = 1.0
    """Ranges of joints, and the weak pull to a relaxed stance."""

    distance: float = 1.0
    """The pull to the person's usual distance from the camera."""

    motion: float = 1.0
    """Usual speeds and accelerations."""

    standing: float = 1.0
    """Feet that stand still stay where they are."""

    outline: float = 1.0
    """The outline on the masks (`refine_with_masks`)."""

    surface: float = 0.0
    """Points of the person's own surface, found again in the frames (`recover` of pictures). 1 brings depth nearer to
    the truth and takes three times as long: `liquidwarp recover` asks for it, in Python callers do."""

    head: float = 1.0
    """The turn of the head, by the face's mesh."""

    hands: float = 1.0
    """Turn and place of the hands, by their own landmarks; 0 leaves their fingers relaxed, too."""

    shape: float = 1.0
    """The pull of the shape to the body's mean."""

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if not 0 <= value < math.inf:
                raise InputError(f"weight {part.name}={value} is no number from 0 on; 0 leaves it out, 1 is as tuned")


FINGER_RANGES: tuple[tuple[str, int, str, float, float, float], ...] = (
    ("thumb", 0, "side", -30, 30, 15),
    ("thumb", 0, "bend", -35, 35, 20),
    ("thumb", 0, "twist", -25, 25, 10),
    ("thumb", 1, "bend", -35, 45, 20),
    ("thumb", 2, "bend", -30, 65, 30),
    ("finger", 0, "side", -22, 22, 10),
    ("finger", 0, "bend", -45, 70, 40),
    ("finger", 1, "bend", -38, 80, 40),
    ("finger", 2, "bend", -28, 60, 25),
)
"""Hinges of thumb and fingers: which joint from the palm outward, its way (to the side, towards the palm, about the
bone), lowest and highest angle and spread in degrees from the relaxed hand."""


@dataclass(frozen=True)
class EvidenceTuning:
    """How a detector's landmarks become evidence (`fit.evidence`)."""

    landmark_sigma: float = 0.005
    """Standard deviation of a landmark in the picture, parts of the person's height: about their scatter."""

    direction_sigma: float = 0.5
    """Standard deviation of a limb's unit direction across the view: large, for the picture itself knows better."""

    still_depth_sigma: float = 0.04
    """The same along the view, in single pictures, where nothing but the direction tells a leaning limb from a shorter
    one; in clips it is `DetectorProfile.depth_sigma`."""

    least_confidence: float = 0.15
    """Confidence, 0 to 1, up to which a landmark is a guess and counts for nothing."""

    confidence_span: float = 0.5
    """Confidence above that at which a landmark counts in full."""

    outside_fade: float = 0.05
    """Parts of the picture's longer side over which the trust in landmarks outside of the picture goes down."""

    outside_trust: float = 0.05
    """Trust, 0 to 1, that remains far outside: enough to keep a limb from wandering off."""

    straight_knee: float = math.radians(30)
    """Bend of the knees, radians, up to which somebody stands with straight legs."""

    false_bend: float = math.radians(22)
    """Bend of the knees, radians, that detectors see in straight legs; it is taken out."""

    most_lean: float = math.radians(45)
    """Lean, radians, above which nobody stands: such frames do not tell how much the detector leans."""

    least_seen: float = 0.3
    """Trust, 0 to 1, that all of legs and shoulders must have for a frame to tell it."""

    full_length: float = 0.9
    """Part of a limb's usual length in space from which its direction counts in full: detectors that do not know
    whether it points at the camera or away answer with a short limb across the view."""

    limbs: tuple[tuple[str, str, float], ...] = LIMBS
    """Pairs of landmarks whose direction is compared, with trusts from 0 to 1."""

    stand_span: float = 1 / 16
    """Seconds, before and after, over which a foot's speed is taken: it sees through the detector's noise."""

    stand_speed: float = 0.12
    """Speed of a foot, heights of the person a second, at which the trust that it stands has fallen to 1/e."""

    stand_rise: float = 0.08
    """The same for its height above the lower foot, parts of the person's height."""


@dataclass(frozen=True)
class TermTuning:
    """Standard deviations and robust widths of the terms (`fit.landmark_terms`, `fit.pose_terms`)."""

    landmark_width: float = 6.0
    """Standard deviations at which a landmark stops counting (Geman-McClure): swapped and guessed ones are far off."""

    direction_width: float = 2.0
    """Standard deviations from which on a limb's direction costs linearly (pseudo-Huber)."""

    slide_sigma: float = 0.08
    """Standard deviation of a standing foot's speed, m/s."""

    slide_width: float = 4.2
    """Standard deviations at which a foot that seems to stand may go (Geman-McClure): it may look still and yet move
    along the view, so other evidence can break it, a little sooner than it breaks a landmark."""

    limit_sigma: float = math.radians(4)
    """Radians by which a joint may leave its range for one standard deviation: stiff, but no wall."""

    distance_sigma: float = 1.5
    """Metres around the person's median distance: weak, it only holds frames whose depth nothing tells."""

    absent_prior: float = 0.01
    """Weight of the pose prior in frames that show nobody: the motion bridges them."""


@dataclass(frozen=True)
class MotionTuning:
    """How people usually move (`fit.motion_terms`).

    Accelerations count once a frame, as a frame's landmarks do, so a clip is smoothed with the same cut-off frequency
    whatever its frame rate.
    """

    accelerations: tuple[tuple[str, float], ...] = JOINT_ACCELERATIONS
    """Standard deviations of the joints' accelerations, rad/s^2."""

    speed: float = 3.0
    """Standard deviation of the joints' speeds, rad/s: weak, it only holds what nothing else does."""

    place_acceleration: tuple[float, float, float] = (10.0, 10.0, 3.0)
    """Standard deviations of the pelvis' acceleration, m/s^2; along the view landmarks tell it worst."""

    place_speed: tuple[float, float, float] = (2.0, 2.0, 0.7)
    """Standard deviations of the pelvis' speed, m/s."""

    width: float = 2.0
    """Standard deviations from which on the cost is linear (pseudo-Huber): quick moves are rare and real."""


@dataclass(frozen=True)
class PriorTuning:
    """What poses a body takes (`fit.prior`)."""

    ranges: Ranges = JOINT_RANGES
    """Relaxed angle, spread, lowest and highest of three angles per joint, degrees (see `JOINT_RANGES`)."""

    hanging: tuple[float, float, float] = (0.22, 0.97, -0.06)
    """Direction of the left upper arm of somebody who stands relaxed."""

    raised: tuple[float, float, float] = (0.86, 0.5, -0.15)
    """Direction of the left upper arm from which its angles are measured: the middle of what a shoulder reaches."""


@dataclass(frozen=True)
class StartTuning:
    """How a first pose is read from world landmarks (`fit.start`)."""

    trusted: float = 0.3
    """Confidence, 0 to 1, from which a landmark turns a limb; parts not seen stay relaxed."""

    trunk_length: float = 0.95
    """Length, parts of the resting body's against the shoulders' width, that a leaning trunk is given back."""

    short_trunk: float = 0.75
    """The same below which a trunk is too short to be seen from its side, and so must lean along the view."""

    sure_lean: float = 0.12
    """Metres along the view above which the detector's own answer which way it leans is believed; else people bow."""

    spine_part: float = 1 / 3
    """Part of the turn between pelvis and chest that each of three joints of the spine takes."""

    most_spine: float = 0.4
    """Radians that one of them bends at most."""

    neck_part: float = 0.5
    """Part of the turn between chest and head that neck and head each take."""

    most_turn: float = 0.6
    """Radians that a neck, a hand or a foot turns at most: their landmarks are close together and so noisy."""

    bend_axis: float = 0.25
    """How much the axis about which a relaxed limb would bend counts against that which is seen, which means nothing
    where the limb is straight."""

    shoulder_width: float = 0.55
    """Width of shoulders and hips seen from the front, parts of the length between them; tells the turn where there are
    no world landmarks."""

    place_width: float = 0.06
    """Metres off at which a landmark counts half when the body is placed."""

    place_rounds: int = 3
    """Times the body is placed and its landmarks weighed anew."""

    nearest: float = 0.2
    """Metres from the camera that the pelvis keeps at least."""


@dataclass(frozen=True)
class SolverTuning:
    """Steps of the Levenberg-Marquardt solver (`fit.solve`)."""

    widening: tuple[float, ...] = (16 / 6, 8 / 6, 1.0)
    """How many times wider than they say the kernels that are not convex are, stage by stage: at first everything
    pulls."""

    stage_steps: int = 2
    """Steps with each width."""

    tolerance: float = 3e-4
    """Part of the cost that a step must lower it by for another one to follow."""

    damping: float = 30.0
    """Damping of the first step, in the units of the normal equations (one per squared radian or metre)."""

    least_damping: float = 0.1
    """Damping that remains: depth and twists may be known by nothing else."""

    relax: float = 5.0
    """What damping is divided by after a step that lowered the cost."""

    stiffen: float = 10.0
    """What it is multiplied by after one that did not."""

    tries: int = 4
    """Times it is, before the solver stops."""

    longest_turn: float = 0.7
    """Radians that a joint turns in one step at most: beyond, the derivatives mean little."""

    longest_way: float = 0.5
    """Metres along each axis that the pelvis goes in one step at most."""

    shape_damping: float = 0.01
    """Damping of the shape, parts of that of the poses: its units are standard deviations of the population."""

    shape_pull: float = 1.0
    """Weight of the pull of the shape to the body's mean, per squared unit of a coefficient."""

    shape_pull_per_frame: float = 0.5
    """The same for every frame that tells the shape: frames share their errors, so many do not make sure."""


@dataclass(frozen=True)
class OutlineTuning:
    """How outlines are brought to masks (`fit.masks`)."""

    samples: int = 160
    """Points of an outline, spread evenly: about one per two pixels of a mask."""

    sigma: float = 0.012
    """Standard deviation of a mask's edge, parts of the person's height: masks of clothed people are no better."""

    width: float = 3.0
    """Standard deviations at which a point stops counting (Geman-McClure)."""

    independence: float = 0.8
    """Weight of a point: neighbouring points of an outline say the same."""

    clear_edge: float = 0.5
    """Slope of the distance to the mask's edge over two pixels, from which on it has a direction."""

    damping: float = 10.0
    """Damping of each step, as in `SolverTuning`: the pose is nearly right already."""


@dataclass(frozen=True)
class SurfaceTuning:
    """How points of a person's own surface are found again in the frames (`tasks.register`), and how exact they are
    (`fit.surface_points`)."""

    sigma: float = 0.004
    """Standard deviation of a point, parts of the person's height: cloth slides on the body."""

    width: float = 3.0
    """Standard deviations at which a point stops counting (Geman-McClure)."""

    independence: float = 0.3
    """Weight of a point: neighbouring points say the same."""

    rounds: int = 2
    """Times the surface is rendered and found again."""

    steps: int = 3
    """Steps of the solver in each."""

    views: int = 8
    """Frames that the texture is made of: their own errors are averaged over them."""

    side: int = 224
    """Longer side of the part of a frame that is looked at, pixels, at most."""

    margin: float = 0.06
    """Space around the body in it, parts of the body's longer side."""

    points: int = 240
    """Points of a frame, about."""

    closed: float = 1.5
    """Pixels by which the flow there and back may miss its start."""

    blur: float = 1.0
    """Blur of the rendering before its edges are looked for, pixels."""

    spread: float = 3.0
    """Distance over which displacements are averaged, pixels: more would follow limbs less, less would follow noise."""

    plain: float = 4.0
    """Slope of the grey, levels a pixel, at which a displacement is half known."""


@dataclass(frozen=True)
class ContactTuning:
    """When heels and toes stand (`fit.contacts`).

    A stand begins below one threshold and ends above a higher one, so that noise does not break it.
    """

    span: float = 0.06
    """Seconds, before and after, over which a speed is taken."""

    slow: float = 0.22
    """Speed, m/s, below which a stand begins."""

    fast: float = 0.36
    """Speed, m/s, above which it ends."""

    quick_part: float = 0.9
    """Quantile of the speeds that says how quick the person is."""

    blur: float = 0.15
    """Part of that speed that also ends a stand: quick feet are seen less exactly, also where they stand."""

    most_blurred: float = 0.60
    """Speed, m/s, that ends a stand on that account at most."""

    shift: float = 0.07
    """Speed, m/s, of the place itself above which it is no place to stand on: small steps hide between stands."""

    low: float = 0.05
    """Metres above the ground below which a stand begins."""

    high: float = 0.09
    """Metres above the ground above which it ends."""

    ground_span: float = 0.8
    """Seconds, before and after, whose lowest point is the ground."""

    shortest: float = 0.12
    """Seconds that a stand lasts at least."""

    along: float = 0.25
    """How much of a speed or a way along the view counts: it is mostly noise, and shows across the view as well."""

    settle: float = 0.6
    """Seconds: what a standing point does more slowly than this is a person who shifts it, not noise."""


@dataclass(frozen=True)
class FootLockTuning:
    """How standing feet are held in place (`fit.foot_lock`)."""

    searches: int = 3
    """Times stands are looked for: held feet show others."""

    pin: float = 1e-3
    """Metres by which a pinned foot may miss its place for one standard deviation."""

    stray: float = 0.12
    """Metres: a pin this far from the foot holds four times less, for it is likely wrong. Along the view distances
    count as little as speeds do (`ContactTuning.along`)."""

    keep: tuple[float, float, float] = (3e-3, 3e-3, 5e-2)
    """Metres that other landmarks may move across (two axes) and along the view: the picture must hardly change."""

    turn: float = 0.3
    """Standard deviation of the change of a joint, radians."""

    turn_change: float = 20.0
    """Standard deviation of the change's acceleration, rad/s^2: it comes and goes smoothly."""

    place_change: float = 4.0
    """The same of the pelvis, m/s^2."""

    rounds: int = 4
    """Gauss-Newton steps."""

    damping: float = 1e-3
    """Damping of each, as in `SolverTuning`: the terms themselves hold everything."""

    hidden_settle: float = 1.0
    """Seconds: what a person whose legs are not shown does more slowly than this the feet follow."""

    contacts: ContactTuning = field(default_factory=ContactTuning)
    """When feet stand."""


@dataclass(frozen=True)
class ApartTuning:
    """How hands and forearms are kept out of thighs, trunk and head (`fit.capsules`, `fit.keep_apart`)."""

    thigh: tuple[float, float] = (0.2, 0.92)
    """Where a thigh is measured, parts of the way from hip to knee."""

    forearm: tuple[float, ...] = (0.3, 0.65, 0.97)
    """Where a forearm is, parts of the way from elbow to wrist: close to the elbow it may lie against the trunk."""

    hand: tuple[tuple[float, float], ...] = ((0.4, 0.08), (0.8, 0.06))
    """Balls of a hand: parts of the way from the wrist to the tip of the fingers, and radii in parts of it."""

    trunk: tuple[tuple[str, float], ...] = (("pelvis", 0.02), ("spine2", 0.36), ("spine3", 0.68))
    """Slices of the trunk: the joint that carries each, and parts of the way from the hips to the neck."""

    slice: float = 0.12
    """Part of a limb's vertices that is a slice of it."""

    trunk_slice: float = 0.06
    """Half of the thickness of a slice of the trunk, parts of the way from the hips to the neck."""

    inside: float = 0.25
    """Quantile of the distances of a slice's vertices from its middle that is its radius: capsules lie inside."""

    trunk_inside: float = 0.92
    """Part of the trunk's half width and half depth that capsules fill: its corners are round."""

    inside_head: float = 0.92
    """The same of the head."""

    touch: float = 0.003
    """Metres that a ball may be in a capsule before anything is done: skin gives way."""

    surface: float = 4e-4
    """Metres by which what was inside may miss the surface for one standard deviation."""

    keep: tuple[float, float, float] = (1e-2, 1e-2, 5e-2)
    """Metres that hands and elbows may move across (two axes) and along the view."""

    turn: float = 0.3
    """Standard deviation of the change of a joint, radians."""

    turn_change: float = 20.0
    """Standard deviation of the change's acceleration, rad/s^2: it comes and goes smoothly."""

    reach: float = 0.25
    """Seconds, before and after, in which the change comes and goes: everything else stays as it is, bit for bit."""

    most: float = 0.8
    """Radians that a joint is turned at most: an arm on the wrong side of a body is not led through it."""

    straight: float = 0.2
    """Sine of an elbow's bend below which its hinge gives way less and less: a straight arm does not tell it."""

    rounds: int = 6
    """Gauss-Newton steps."""

    smallest: float = 0.005
    """Radians of a step below which no more are taken."""

    stride: float = 0.7
    """Part of each step that is taken: whole ones swing between the capsules of a trunk."""

    choices: int = 6
    """Times that is chosen, in each, which balls are pushed: those that would be inside after it."""


@dataclass(frozen=True)
class LimbTuning:
    """How limbs are smoothed (`fit.limbs`)."""

    together: tuple[float, float] = (0.15, 0.30)
    """Metres between the middles of the hands: up to the first they touch and stay as they are, from the second on they
    are smoothed."""

    reach: float = 4.0
    """Standard deviations that the mean over time reaches."""


@dataclass(frozen=True)
class SteadyTuning:
    """How a pose is steadied without a look ahead (`fit.filters`)."""

    slowest: float = 1.2
    """Cut-off at rest, Hz: how quickly what rests is followed."""

    turn_eagerness: float = 0.5
    """How much the cut-off rises with the speed of a joint, Hz per rad/s."""

    place_eagerness: float = 2.5
    """The same for the place, Hz per m/s."""

    speed_cutoff: float = 1.0
    """Cut-off of the speed itself, Hz."""


@dataclass(frozen=True)
class CloseTuning:
    """What hands and faces that were looked at closely tell (`fit.close_looks`)."""

    presence: tuple[float, float] = (0.5, 0.8)
    """What the network says of a hand or face being there: at the first it is not trusted, from the second on it is."""

    side: tuple[float, float] = (0.3, 0.6)
    """The same for its being the left or right hand that the body's landmarks say: a blurred hand may be a foot."""

    shortest: float = 0.12
    """Seconds for which a hand must be seen in a clip to be believed: a single answer among none is often wrong."""

    turned_away: tuple[float, float] = (math.radians(55), math.radians(75))
    """Radians between the face and the camera: up to the first it is trusted, from the second on it is not."""

    face_lean: float = math.radians(7)
    """Radians by which the line from the forehead to the chin leans against the head's upright: measured on people
    whose heads are known."""

    head_sigma: float = math.radians(3)
    """Standard deviation of the head's turn, radians."""

    palm_sigma: float = math.radians(8)
    """The same of a palm's."""

    knuckle_sigma: float = 0.04
    """Standard deviation of the middle of the knuckles in the picture, lengths of the hand."""

    width: float = 2.0
    """Standard deviations from which on a turn costs linearly (pseudo-Huber)."""


@dataclass(frozen=True)
class FingerTuning:
    """How fingers are bent (`fit.fingers`)."""

    ranges: tuple[tuple[str, int, str, float, float, float], ...] = FINGER_RANGES
    """Hinges and their ranges, degrees (see `FINGER_RANGES`)."""

    direction_sigma: float = 0.4
    """Standard deviation of the unit direction of a finger's bone against the palm."""

    tip_sigma: float = 0.03
    """Standard deviation of a finger's tip in the picture, lengths of the hand."""

    tip_width: float = 3.0
    """Standard deviations from which on a tip costs linearly (pseudo-Huber): the wrist may be elsewhere."""

    limit_sigma: float = math.radians(4)
    """Radians by which a finger's joint may leave its range for one standard deviation while it is looked for."""

    speed: float = 5.0
    """Usual speed of a finger's joint, rad/s: a hand that is not seen any more relaxes within a quarter of a second."""

    steps: int = 8
    """Steps of the solver."""

    damping: float = 1e-3
    """Damping of each: the terms themselves hold everything."""

    longest_turn: float = 0.5
    """Radians that a joint turns in one step at most."""


@dataclass(frozen=True)
class ViewpointTuning:
    """How lens, pitch and roll of a camera that says nothing of itself are found (`fit.viewpoint`)."""

    usual_fov: float = 50.0
    """Degrees along the longer side around which lenses are looked for: phones have 50 to 70, portraits 25 to 40."""

    lens_sigma: float = 0.3
    """Standard deviation of the logarithm of focal lengths."""

    fovs: tuple[float, ...] = (28.0, 40.0, 52.0, 64.0, 76.0)
    """Degrees that are tried; what lies between is read off a parabola."""

    first_fov: float = 40.0
    """That of them which the others start from."""

    shape_frames: int = 12
    """Frames of a clip that tell the lens."""

    least_frames: int = 8
    """Frames that it must have to tell it."""

    steps: tuple[int, int] = (8, 4)
    """Steps of the solver at first, and for each lens from its neighbour."""

    worth: float = 0.1
    """What the cost of the fit counts against the usual lens: frames of a clip share their errors."""

    most_bend: float = math.radians(20)
    """Bend between trunk and legs, radians, up to which somebody stands upright."""

    most_apart: float = 0.6
    """Distance of the ankles, lengths of the legs, up to which somebody stands on both feet."""

    pitch_part: float = 0.8
    """Part of the lean of who stands straight that is the camera's pitch, where detectors see some lean where none is
    (`DetectorProfile.leans`)."""

    most_pitch: float = math.radians(35)
    """Radians that a camera is pitched at most."""

    roll_sigma: float = math.radians(4)
    """Radians of sideways lean at which half of it is the camera's roll: people lean by less, cameras by more."""


@dataclass(frozen=True)
class MovingTuning:
    """The numbers of seeing a clip as a camera that stood would have (`fit.moving_camera`)."""

    least_confidence: float = 0.3
    """Of a landmark that the canvas must hold."""

    room: float = 0.04
    """Sides of the picture that stay free around it."""

    most_margin: float = 1.0
    """Sides by which the canvas is larger, left and right, at most: views farther aside are too oblique."""

    most_mask: int = 384
    """Pixels of the longer side of masks on it."""


@dataclass(frozen=True)
class FitTuning:
    """The numbers of `fit_track`, `refine_with_masks` and `plant_feet` together."""

    evidence: EvidenceTuning = field(default_factory=EvidenceTuning)
    """What a detector's landmarks mean."""

    terms: TermTuning = field(default_factory=TermTuning)
    """Standard deviations and robust widths."""

    motion: MotionTuning = field(default_factory=MotionTuning)
    """How people move."""

    prior: PriorTuning = field(default_factory=PriorTuning)
    """What poses they take."""

    start: StartTuning = field(default_factory=StartTuning)
    """Where the solver starts."""

    solver: SolverTuning = field(default_factory=SolverTuning)
    """How it steps."""

    outline: OutlineTuning = field(default_factory=OutlineTuning)
    """Outlines on masks."""

    surface: SurfaceTuning = field(default_factory=SurfaceTuning)
    """Points of the surface in the pictures."""

    feet: FootLockTuning = field(default_factory=FootLockTuning)
    """Standing feet."""

    limbs: LimbTuning = field(default_factory=LimbTuning)
    """Smoothing by limb."""

    apart: ApartTuning = field(default_factory=ApartTuning)
    """Arms that do not go through the rest of the body."""

    close: CloseTuning = field(default_factory=CloseTuning)
    """Hands and faces."""

    fingers: FingerTuning = field(default_factory=FingerTuning)
    """Fingers."""

    viewpoint: ViewpointTuning = field(default_factory=ViewpointTuning)
    """The camera."""

    moving: MovingTuning = field(default_factory=MovingTuning)
    """A camera that moves."""

    shape_frames: int = 32
    """Frames that tell the shape: the best of as many equal stretches."""

    shape_rounds: int = 2
    """Times the shape is estimated: the start and the units depend on it."""

    good_landmark: float = 0.05
    """Distance of a landmark, parts of the person's height, at which it adds 1/e to a frame's `confidence`."""


FIT_WEIGHTS = FitWeights()
"""All ones."""

FIT_TUNING = FitTuning()
"""As tuned."""

STEADY_TUNING = SteadyTuning()
"""As tuned."""
