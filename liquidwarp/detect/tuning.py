"""The numbers of detecting and following: what each is, in which unit, and why it is there."""

from dataclasses import dataclass

from liquidwarp.camera_motion.tuning import CAMERA_MOTION_TUNING, CameraMotionTuning


@dataclass(frozen=True)
class ShotTuning:
    """The numbers of finding cuts (`detect.shots`)."""

    side: int = 32
    """Pixels of the square that frames are shrunk to: noise and small things are gone."""

    reach: int = 3
    """Frames before and after whose changes a cut must stand out against: a dissolve is longer."""

    stands_out: float = 2.5
    """How many times their largest it must be; dances stay below 2, of five frames a second too."""

    noise: float = 1.0
    """Levels of 255 that pixels change from frame to frame at least, as a mean."""

    much: float = 20.0
    """Levels of 255 by which a pixel has changed much."""

    most_gain: float = 2.0
    """Factor by which lamps change the contrast at most; flat pictures match nothing."""

    least_part: float = 0.12
    """Fraction of the pixels that must have: somebody who starts to move changes less."""


@dataclass(frozen=True)
class PersonColorTuning:
    """The numbers of telling people apart by what they look like (`detect.person_colors`)."""

    weights: tuple[float, float, float] = (0.5, 1.0, 0.5)
    """How much head, trunk and legs count: trunks differ most, and are hidden least."""

    breadth: float = 0.4
    """Distance from the body's line, in lengths of the trunk, up to which pixels count: arms come and go."""

    trunk_pixels: int = 24
    """Pixels of a trunk's length from which on pixels are left out: colours need no more."""

    bins: int = 8
    """Levels of each of red, green and blue."""

    least_pixels: int = 12
    """Pixels that a part must have to be seen."""

    clearly: float = 0.05
    """How much more somebody must look like one person than like another to be taken for that one."""

    changed: float = 0.88
    """Likeness below which it may be somebody else who was not known of: others are looked for then."""

    learnt: float = 0.1
    """How much of a new look goes into the known one, frame by frame: people turn, and light changes."""


@dataclass(frozen=True)
class SideTuning:
    """The numbers of telling left from right (`detect.sides`); lengths in heights of the person."""

    leap: float = 0.02
    """Acceleration of a landmark, heights per frame squared, that is one standard deviation."""

    most: float = 9.0
    """Squared standard deviations that a landmark's leap counts at most."""

    change: float = 6.0
    """What each change between as it is and exchanged costs, in the same units: less than one landmark's leap."""

    relief: float = 0.67
    """Part of the leaps at both ends of a run of frames that may remain when it is exchanged: who leaps in any case
    tells nothing."""

    as_said: float = 0.2
    """What the detector's own word is worth, per frame: most frames are right."""

    feet: float = 0.5
    """What the way that the feet point is worth, per frame."""

    foot_drop: float = 0.03
    """Heights by which toes are below heels from which on it counts in full."""

    broad: float = 0.08
    """Width of shoulders and hips, heights, from which on it is clear which way they face."""

    hands: float = 0.3
    """What a hand is worth that looks like a left or a right one, per frame."""

    faces: float = 0.5
    """What a face is worth, per frame."""

    least_votes: float = 4.0
    """Signs, all frames together, by which the answer must beat its opposite to be sure."""

    reach: int = 3
    """Frames before and after whose median tells where a landmark should be."""

    shrunk: float = 0.75
    """Part of their usual distance below which left and right are taken to be the mean of both answers."""

    astray: float = 0.05
    """Heights that a landmark is off it, from which on it is between both answers."""


SIDE_TUNING = SideTuning()
"""As tuned."""


@dataclass(frozen=True)
class CrossingTuning:
    """The numbers of telling who is who after two crossed (`detect.crossings`); lengths in heights of the person."""

    near: float = 0.9
    """Distance of two people below which both are looked for in each frame."""

    touching: float = 0.4
    """The same below which a tracker may go over from one to the other."""

    look_seconds: float = 0.25
    """Seconds between two looks at those who are farther off; twice as long each time while nobody is."""

    memory_seconds: float = 1.0
    """Seconds of a way that tell where it leads."""

    step: float = 0.35
    """Distance from where somebody is expected up to which it is them."""

    same: float = 0.5
    """Overlap of boxes above which two answers are one person."""

    least_height: float = 0.5
    """Height that somebody who is compared must have, against the person's before."""

    place: float = 0.2
    """Standard deviation of the place on a steady way."""

    place_per_second: float = 0.3
    """How much it grows each second that somebody was not seen apart: people stop and turn."""

    foot: float = 0.05
    """Standard deviation of the lower edge of the box: who is nearer to the camera stands lower."""

    size: float = 0.07
    """Standard deviation of the logarithm of its height."""

    look: float = 0.08
    """Standard deviation of unlikeness, 0 to 1."""

    most: float = 6.0
    """Squared standard deviations that each of them counts at most."""

    learnt: float = 0.1
    """How much of a new look goes into the known one."""

    clearly: float = 2.5
    """Squared standard deviations, per frame, from which on it is clear who is who."""

    alike: float = 4.0
    """The same of height, feet and colours alone, below which two are alike: the ways of people who walk past each
    other and of people who meet and turn back tell nothing."""

    unlike: float = 0.8
    """Likeness of two, 0 to 1, below which colours tell them apart in any case."""

    least_seconds: float = 0.06
    """Seconds between two looks at everybody, at least: people do not cross quicker."""

    settle_seconds: float = 0.4
    """Seconds in which both must be seen apart."""

    most_seconds: float = 3.0
    """Seconds after which who is followed is believed in any case."""


@dataclass(frozen=True)
class FollowTuning:
    """The numbers of `detect_clip`, `collect_keypoints` and the readers of other programs' files."""

    shots: ShotTuning = ShotTuning()
    """Where one shot ends and the next begins."""

    colors: PersonColorTuning = PersonColorTuning()
    """Who looks like whom."""

    crossings: CrossingTuning = CrossingTuning()
    """Who is who after a crossing."""

    sides: SideTuning = SIDE_TUNING
    """Of telling left from right."""

    camera: CameraMotionTuning = CAMERA_MOTION_TUNING
    """Of a camera that turns and zooms."""

    seen: float = 0.3
    """Confidence above which a landmark counts for somebody's box."""

    outside: float = 0.05
    """Fraction of the picture by which a landmark may lie outside of it before it counts for nothing."""

    same_overlap: float = 0.2
    """Intersection over union of two boxes above which somebody can have moved from one to the other."""

    same_distance: float = 0.35
    """Distance of their middles, in their longest sides, below which the same holds: thin boxes overlap little."""

    forget_seconds: float = 0.5
    """Seconds after which the place of somebody who was lost does not matter any more."""

    least_size: float = 0.4
    """Size, against the last, from which on somebody else may be the one who was lost."""

    most_size: float = 2.5
    """The same upwards."""

    surely_turned: float = 0.8
    """Score above which somebody who is found in a turned picture alone is there: legs alone, turned, look like people
    now and then."""

    shown_leg: float = 0.5
    """Confidence above which a knee or an ankle inside of the picture is shown."""

    least_shown_legs: float = 0.05
    """Fraction of a shot's frames that must show one: what fewer show is a detector's mistake."""

    least_landmarks: int = 3
    """Landmarks that somebody in a file must have to be taken for a person."""

    least_height: int = 80
    """Pixels that somebody who stands must be tall to be found, as messages say it."""

    doubtful: float = 0.75
    """Score of the surest person of a picture below which smaller people are looked for; who is seen whole has 0.8 and
    more."""

    far_surer: float = 0.2
    """Score by which one of them must be ahead of a doubtful one for that one to be dropped."""

    lightest: float = 99.0
    """Percentile of a picture's pixels that counts as its lightest."""

    dark: float = 104.0
    """Grey levels (of 255) that they must reach for the picture not to be dark: 12% of the light is 97, or 30 where
    code values were scaled."""

    daylight: float = 225.0
    """Grey levels that they get in a dark picture."""

    most_gain: float = 20.0
    """Times that a dark picture is brightened at most: what is left beyond is noise."""

    search_seconds: float = 1.0
    """Seconds until a clip in which nobody is seen is searched for smaller people again; twice as long each time."""


@dataclass(frozen=True)
class PeopleTuning:
    """The numbers of finding several people, one after the other. Lengths are fractions of the longer side."""

    most_people: int = 4
    """People looked for in a picture: each costs as much as the first."""

    same_mask: float = 0.3
    """Overlap, fraction of the smaller mask, above which two answers are one person."""

    least_score: float = 0.4
    """Score below which an answer is nobody."""

    least_other_score: float = 0.8
    """The same after the first person: what is left after one is erased looks like a person now and then."""

    least_other_height: float = 0.25
    """Height that another person must have, against the first."""

    erased_mask: float = 0.2
    """Mask above which a person is painted over."""

    erased_confidence: float = 0.3
    """Confidence above which a landmark's surroundings are, too."""

    erased_reach: float = 0.04
    """Radius of these surroundings, and how far beyond the mask it goes."""

    erased_blur: float = 0.15
    """Sigma of the colours that a person is painted over with."""


@dataclass(frozen=True)
class MediaPipeTuning:
    """The numbers of `MediaPipeDetector`."""

    people: PeopleTuning = PeopleTuning()
    """Who counts as a person, and as another one."""

    view: int = 512
    """Pixels of the square in which a person is looked at closely: the model itself takes 256."""

    small_picture: int = 400
    """Longer side, pixels, below which a picture is looked at twice as large."""

    large_picture: int = 1024
    """Longer side, pixels, above which it is looked at smaller."""

    margin: float = 1.5
    """Size of the square around a person, in the person's longer side."""

    least_side: float = 8.0
    """Pixels that a person is taken to be long at least."""

    least_zoom: float = 0.1
    """How many times smaller a whole picture is made for the tracker, at most, as a factor."""

    most_zoom: float = 2.0
    """How many times larger."""

    close_overlap: float = 0.5
    """Overlap above which a closer look is believed to show who was found in the whole picture."""

    agree: float = 0.06
    """Median distance of landmarks below which tracker and finder saw the same, and their mean is taken."""

    surer: float = 0.15
    """Score by which the finder must be ahead of the tracker where they disagree."""

    most_doubts: int = 6
    """Times in a row that it must be, for the tracker to be started anew."""


@dataclass(frozen=True)
class HandTuning:
    """The numbers of finding hands. Lengths in pixels are from the wrist to the knuckles."""

    least_length: float = 10.0
    """Pixels from which on the network tells fingers apart."""

    least_followed: float = 22.0
    """The same in the frames of a clip: two hands cost about 18 ms a frame, and small ones that move are blurred, so
    that the network sees every second one of them and often takes it for the other hand."""

    least_palm_fraction: float = 0.25
    """Length of a palm in the forearm's: hands that point at the camera look shorter than they are."""

    least_wrist: float = 0.5
    """Confidence of the wrist below which there is no hand to look for."""

    search: float = 6.0
    """Side of the square that is searched, in lengths."""

    least_palm: float = 0.3
    """Score of the palm finder: its place is known, so it may be less sure than MediaPipe asks for."""

    guess: float = 2.0
    """Size of the square that is looked at where no palm was found, against the smallest that the hand fits into."""

    least_presence: float = 0.5
    """What the network must say for a hand to be there."""

    most_apart: float = 1.0
    """Distance of the hand's wrist from the body's, in lengths, above which it is another hand."""


@dataclass(frozen=True)
class FaceTuning:
    """The numbers of finding a face. Sizes are of the box around nose, eyes, ears and mouth."""

    least_size: float = 12.0
    """Pixels from which on the network tells features apart."""

    head_fraction: float = 0.4
    """Size of a head in the width of the shoulders: seen from the side the box is narrow."""

    search: float = 4.0
    """Side of the square that is searched, in sizes."""

    least_found: float = 0.3
    """Score of the face finder: its place is known, so it may be less sure than MediaPipe asks for."""

    least_presence: float = 0.5
    """What the network must say for a face to be there; it says less of faces that are turned away."""

    parts: tuple[int, ...] = (1, 2, 4)
    """Where no body leads to a face: parts of the longer side that are looked at one after the other."""

    surely_looked: int = 2
    """Parts that are looked at even where a face was found: a second one may be smaller."""

    least_alone: float = 0.5
    """Score of the face finder where nothing else says that a face is there."""

    most_apart: float = 1.0
    """Distance of the mesh's middle from the head's, in sizes, above which it is another face."""


@dataclass(frozen=True)
class SearchTuning:
    """The numbers of looking for people who are small in a large picture."""

    least_side: float = 256.0
    """Pixels of the smallest parts that are looked at: the finder sees who is a quarter of a part tall and more, so
    this finds people from 70 pixels on, nearly always from 80 on."""

    least_found: float = 0.5
    """Score that the finder must give: there are many parts to be wrong about."""

    least_score: float = 0.8
    """Score of the landmark network's answer from which on somebody may be there."""

    sure: float = 0.92
    """The same from which on no finer scale is looked at: people who are seen whole have 0.95 and more, clutter that
    looks like one 0.8 to 0.9."""

    same: float = 0.3
    """Overlap of boxes above which two answers are one person."""

    same_place: float = 0.15
    """Distance of two places, in the smaller one's side, below which one look is enough."""

    most_people: int = 4
    """People that are taken from a picture."""

    most_looks: int = 24
    """Places of one scale that the landmark network looks at, the finder's surest first."""


@dataclass(frozen=True)
class LiteRtTuning:
    """The numbers of `LiteRtDetector`."""

    people: PeopleTuning = PeopleTuning()
    """Who counts as a person, and as another one."""

    hands: HandTuning = HandTuning()
    """When hands are large enough, and sure enough."""

    face: FaceTuning = FaceTuning()
    """The same for the face."""

    search: SearchTuning = SearchTuning()
    """How people are looked for who are small."""

    margin: float = 1.5
    """Size of the square that is searched for somebody, in the person's longer side."""

    least_side: float = 8.0
    """Pixels that a person is taken to be long at least."""

    least_presence: float = 0.3
    """What the landmark network must say for somebody to be there."""

    different: float = 0.1
    """Median distance of two looks' landmarks, in the person's longest side, above which one of them is wrong."""

    close_overlap: float = 0.5
    """Overlap above which a closer look is believed to show who was found in the whole picture."""

    agree: float = 0.06
    """Median distance of landmarks below which tracker and finder saw the same."""

    agree_place: float = 0.1
    """Distance of the squares of tracker and finder, in their sides, below which their landmarks need no comparison."""

    agree_size: float = 1.2
    """The same for the quotient of the sides."""

    agree_turn: float = 0.35
    """The same for the angle between them, radians."""

    surer: float = 0.15
    """Score by which the finder must be ahead of the tracker where they disagree."""

    most_doubts: int = 6
    """Times in a row that it must be, for the tracker to be started anew."""


FOLLOW_TUNING = FollowTuning()
"""As tuned."""

MEDIAPIPE_TUNING = MediaPipeTuning()
"""As tuned."""

LITERT_TUNING = LiteRtTuning()
"""As tuned."""
