"""Which joints of a skeleton are the canonical ones: by names, and by the tree's shape where names fail."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.motion.joint_names import JointName, read_name
from liquidwarp.motion.skeleton import PARENTS

_SIDES = ("left", "right")
_LEG, _ARM = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")
_NEEDED = tuple(f"{side}_{joint}" for joint in (*_LEG, *_ARM) for side in _SIDES)
_SUCH_AS = {  # how joints of a side are called, for messages
    "hip": ("UpLeg", "Thigh", "Hip"),
    "knee": ("Leg", "Calf", "Knee"),
    "ankle": ("Foot", "Ankle"),
    "shoulder": ("Arm", "UpperArm"),
    "elbow": ("ForeArm", "LowerArm", "Elbow"),
    "wrist": ("Hand", "Wrist"),
}
_MIRRORED = 0.15  # how much longer one of two limbs may be than the other, as a fraction
_SHORT = 0.3  # of a limb's other bone: what is shorter is no bone of the limb
_LINE = np.cos(np.radians(40))
_MOST_NAMED = 60


@dataclass(frozen=True, eq=False)
class JointTree:
    """The joints of a file, parents before children.

    Attributes:
        names: of the joints.
        parents: of each joint its parent's place in the list; -1 for the root.
        offsets: from the parent to the joint, in the file's units.
        ends: joints that only mark where a limb ends.
        places: of the joints in the world, for some frames.
    """

    names: Sequence[str]
    parents: Sequence[int]
    offsets: Float[np.ndarray, "N 3"]
    ends: Bool[np.ndarray, "N"]
    places: Float[np.ndarray, "T N 3"]

    def chain(self, joint: int) -> list[int]:
        """Return a joint and all above it, upwards."""
        found = []
        while joint >= 0:
            found.append(joint)
            joint = self.parents[joint]
        return found

    @cached_property
    def children(self) -> list[list[int]]:
        """The joints right below each joint."""
        below: list[list[int]] = [[] for _ in self.parents]
        for child, parent in enumerate(self.parents):
            if parent >= 0:
                below[parent].append(child)
        return below

    @cached_property
    def reach(self) -> list[float]:
        """The length from each joint's parent to the farthest end below the joint."""
        lengths = np.linalg.norm(self.offsets, axis=1).tolist()
        for joint in reversed(range(len(lengths))):
            lengths[joint] += max((lengths[child] for child in self.children[joint]), default=0.0)
        return lengths

    def below(self, joint: int) -> list[int]:
        """Return a joint and all that hangs on it."""
        return [other for other in range(len(self.parents)) if joint in self.chain(other)]

    def above(self, upper: int, lower: int) -> bool:
        """Tell whether one joint is above another."""
        return upper != lower and upper in self.chain(lower)

    def bone(self, one: int, other: int) -> float:
        """Return the distance between two joints of one chain, along the chain."""
        between = set(self.chain(one)) ^ set(self.chain(other))
        return float(sum(np.linalg.norm(self.offsets[joint]) for joint in between))

    def meeting(self, joints: Sequence[int]) -> int:
        """Return the lowest joint that all of some joints hang on."""
        common = set.intersection(*(set(self.chain(joint)) for joint in joints))
        return max(common, key=lambda joint: len(self.chain(joint)))

    def limb(self, joint: int) -> list[int]:
        """Return a joint and what hangs on it, always into the longest branch."""
        found = [joint]
        while below := self.children[found[-1]]:
            found.append(max(below, key=lambda child: self.reach[child]))
        return found


class UnknownSkeletonError(ValueError):
    """A skeleton of which not all joints are found; the message says which are, and which are not."""


def find_joints(tree: JointTree, given: Mapping[str, str] | None = None) -> dict[str, int]:
    """Find the canonical joints of a person's skeleton.

    A joint is known by the words and the side in its name; one between two that are known, by where it is in the tree;
    all, if names fail, by the shape of the tree: two legs below, two arms above, toes to the front.

    Args:
        tree: the skeleton.
        given: names of the file's joints by canonical name, where the user knows better.

    Returns:
        A joint of the tree by canonical name: hips, knees, ankles, shoulders, elbows, wrists and the pelvis, and of
        the others those that the file has.

    Raises:
        UnknownSkeletonError: some joint is not found.
    """
    told = _told(tree, given or {})
    found = _by_names(tree) | told
    _between(tree, found)
    if not _is_person(tree, found):
        shape = _by_shape(tree)
        choices = ({**shape, **found}, {**shape, **told})
        found = next((choice for choice in choices if _is_person(tree, choice)), found)
    if not _is_person(tree, found):
        raise UnknownSkeletonError(_report(tree, found))
    _complete(tree, found)
    return found


def _told(tree: JointTree, given: Mapping[str, str]) -> dict[str, int]:
    """Look up the user's names; letters as written, or else without regard to their case."""
    if unknown := [joint for joint in given if joint not in CANONICAL_JOINTS]:
        raise UnknownSkeletonError(f"no joint {unknown[0]!r} to be mapped; there are {', '.join(CANONICAL_JOINTS)}")
    folded = {name.casefold(): place for place, name in reversed(list(enumerate(tree.names)))}
    exact = {name: place for place, name in reversed(list(enumerate(tree.names)))}
    told = {}
    for joint, name in given.items():
        place = exact.get(name, folded.get(name.casefold()))
        if place is None:
            raise UnknownSkeletonError(f"no joint {name!r} in it, to be the {joint}; it has {_listed(tree)}")
        told[joint] = place
    return told


def _by_names(tree: JointTree) -> dict[str, int]:
    read = [
        read_name(name) if not end else JointName("", "", 0) for name, end in zip(tree.names, tree.ends, strict=True)
    ]

    def best(side: str, *kinds: str) -> int | None:
        """Return the joint of the first kind that there is: the name with the fewest other words, nearest the root."""
        for kind in kinds:
            known = [place for place, name in enumerate(read) if (name.kind, name.side) == (kind, side)]
            if known:
                return min(known, key=lambda place: (read[place].extras, len(tree.chain(place)), place))
        return None

    found: dict[str, int | None] = {}
    for side in _SIDES:
        thigh, shin = best(side, "thigh", "hip"), best(side, "shin")
        leg, ankle, foot = best(side, "leg"), best(side, "ankle"), best(side, "foot")
        arm, collar, shoulder = best(side, "upperarm", "arm"), best(side, "collar"), best(side, "shoulder")
        found[f"{side}_hip"] = leg if thigh is None else thigh
        found[f"{side}_knee"] = shin if shin is not None or thigh is None else leg
        found[f"{side}_ankle"] = foot if ankle is None else ankle
        found[f"{side}_foot"] = best(side, "toe") if ankle is None else best(side, "toe", "foot")
        found[f"{side}_collar"] = collar if arm is None or collar is not None else shoulder
        found[f"{side}_shoulder"] = shoulder if arm is None else arm
        found[f"{side}_elbow"] = best(side, "forearm")
        found[f"{side}_wrist"] = best(side, "wrist", "hand")
    found["neck"], found["head"] = best("", "neck"), best("", "head")
    named = {joint: place for joint, place in found.items() if place is not None}
    pelvis = [place for place, name in enumerate(read) if name.kind == "pelvis" and not name.side]
    hips = [named[f"{side}_hip"] for side in _SIDES if f"{side}_hip" in named]
    pelvis = [place for place in pelvis if all(tree.above(place, hip) for hip in hips)]
    if pelvis:
        named["pelvis"] = max(pelvis, key=lambda place: len(tree.chain(place)))
    for side in _SIDES:
        for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            one, other = named.get(f"{side}_{upper}"), named.get(f"{side}_{lower}")
            if one is not None and other is not None and not tree.above(one, other):
                del named[f"{side}_{lower}"]  # a name that the tree contradicts says nothing
    return named


def _between(tree: JointTree, found: dict[str, int]) -> None:
    """Find the joints of a limb that lie next to known ones."""
    for side in _SIDES:
        for upper, middle, lower in (_LEG, _ARM):
            top, mid, low = (found.get(f"{side}_{joint}") for joint in (upper, middle, lower))
            if mid is None and top is not None and low is not None:
                inner = [joint for joint in tree.chain(low)[1:] if tree.above(top, joint)]
                uneven = [abs(tree.bone(top, joint) - tree.bone(joint, low)) for joint in inner]
                mid = inner[uneven.index(min(uneven))] if inner else None
                found |= {} if mid is None else {f"{side}_{middle}": mid}
            if top is None and mid is not None and low is not None:
                least = _SHORT * tree.bone(mid, low)
                top = next((joint for joint in tree.chain(mid)[1:] if tree.bone(joint, mid) > least), None)
                found |= {} if top is None else {f"{side}_{upper}": top}
            if low is None and top is not None and mid is not None:
                least = _SHORT * tree.bone(top, mid)
                low = next((joint for joint in tree.limb(mid)[1:] if tree.bone(mid, joint) > least), None)
                found |= {} if low is None else {f"{side}_{lower}": low}


def _by_shape(tree: JointTree) -> dict[str, int]:
    """Find the limbs as two pairs of alike branches, the legs' nearer to the root; {} where there are no such."""
    pairs = sorted(_pairs(tree), key=lambda pair: -min(tree.reach[pair[0]], tree.reach[pair[1]]))
    for legs in pairs:
        for arms in pairs:
            waist, chest = tree.parents[legs[0]], tree.parents[arms[0]]
            if tree.above(waist, chest) and not any(tree.above(leg, chest) or leg == chest for leg in legs):
                limbs = {"leg": [_two_bones(tree, leg) for leg in legs], "arm": [_two_bones(tree, arm) for arm in arms]}
                return _sided(tree, waist, chest, limbs)
    return {}


def _pairs(tree: JointTree) -> Iterator[tuple[int, int]]:
    """Yield branches from one joint that are alike, and long enough for two bones and an end."""
    for joint in range(len(tree.parents)):
        branches = [child for child in tree.children[joint] if len(tree.limb(child)) >= 3]
        for number, one in enumerate(branches):
            for other in branches[number + 1 :]:
                long, short = sorted((tree.reach[one], tree.reach[other]), reverse=True)
                if long > 0 and long <= (1 + _MIRRORED) * short and len(tree.limb(one)) == len(tree.limb(other)):
                    yield one, other


def _two_bones(tree: JointTree, joint: int) -> list[int]:
    """Return where a limb's two long bones begin and end; before them there may be a collar."""
    limb = tree.limb(joint)
    triples = [limb[start : start + 3] for start in range(len(limb) - 2)]
    return max(triples, key=lambda three: min(tree.bone(three[0], three[1]), tree.bone(three[1], three[2])))


def _sided(tree: JointTree, waist: int, chest: int, limbs: Mapping[str, list[list[int]]]) -> dict[str, int]:
    """Tell left from right: with the head above and the toes (or else the knees) in front."""
    places = tree.places
    up = places[:, chest] - places[:, waist]
    front = np.zeros_like(up)
    for hip, knee, ankle in limbs["leg"]:
        toe = tree.limb(ankle)[1:2]
        bend = 2 * places[:, knee] - places[:, hip] - places[:, ankle]
        front += places[:, toe[0]] - places[:, ankle] if toe else bend
    left = np.cross(up, front)
    found = {"pelvis": waist}
    for limb, (one, other) in limbs.items():
        sideways = ((places[:, one[0]] - places[:, other[0]]) * left).sum(1)
        first = "left" if np.median(sideways) > 0 else "right"
        second = "right" if first == "left" else "left"
        for side, three in ((first, one), (second, other)):
            found |= {
                f"{side}_{name}": joint for name, joint in zip(_LEG if limb == "leg" else _ARM, three, strict=True)
            }
    return found


def _is_person(tree: JointTree, found: Mapping[str, int]) -> bool:
    """Tell whether there are four limbs, and each hangs together."""
    if any(joint not in found for joint in _NEEDED):
        return False
    ordered = all(
        tree.above(found[f"{side}_{upper}"], found[f"{side}_{lower}"])
        for side in _SIDES
        for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
    )
    limbs = [found[joint] for joint in _NEEDED]
    apart = not any(
        tree.above(found[f"{one}_{first}"], found[f"{other}_{second}"])
        for one, other in (("left", "right"), ("right", "left"))
        for first in ("hip", "shoulder")
        for second in ("hip", "shoulder")
    )
    return ordered and apart and len(set(limbs)) == len(limbs)


def _complete(tree: JointTree, found: dict[str, int]) -> None:
    """Add what the shape of the tree tells of the joints that are not needed."""
    hips = [found[f"{side}_hip"] for side in _SIDES]
    if "pelvis" not in found or not all(tree.above(found["pelvis"], hip) for hip in hips):
        found["pelvis"] = tree.meeting(hips)
    for side in _SIDES:
        knee, ankle = found[f"{side}_knee"], found[f"{side}_ankle"]
        toes = tree.limb(ankle)[1:2]
        if toes and not tree.above(ankle, found.get(f"{side}_foot", -1)) and not _in_line(tree, knee, ankle, toes[0]):
            found[f"{side}_foot"] = toes[0]
    shoulders = [found[f"{side}_shoulder"] for side in _SIDES]
    chest = tree.meeting(shoulders)
    for side, shoulder in zip(_SIDES, shoulders, strict=True):
        if tree.above(chest, tree.parents[shoulder]):
            found.setdefault(f"{side}_collar", tree.parents[shoulder])
    arms = {joint for shoulder in shoulders for joint in tree.chain(shoulder)}
    necks = [joint for joint in tree.children[chest] if joint not in arms]
    if "head" not in found and necks:
        neck = max(necks, key=lambda joint: tree.reach[joint])
        limb = [joint for joint in tree.limb(neck) if not tree.ends[joint]]
        if limb:
            found["head"] = limb[-1]
            found.setdefault("neck", limb[0])


def _in_line(tree: JointTree, knee: int, ankle: int, toe: int) -> bool:
    """Tell whether what hangs on an ankle only goes on where the shin ended, as no foot does."""
    shin, foot = tree.places[:, ankle] - tree.places[:, knee], tree.places[:, toe] - tree.places[:, ankle]
    lengths = np.linalg.norm(shin, axis=1) * np.linalg.norm(foot, axis=1)
    return bool(np.median((shin * foot).sum(1) / np.maximum(lengths, 1e-12)) > _LINE)


def canonical_picks(tree: JointTree, joints: Mapping[str, int]) -> list[int]:
    """Choose a joint of the tree for each canonical one; what the file lacks follows the joint above it."""
    chest = tree.meeting([joints[f"{side}_shoulder"] for side in _SIDES])
    below = set(tree.chain(joints["pelvis"]))
    trunk = [joint for joint in reversed(tree.chain(chest)) if joint not in below]
    spine = [joint for joint in trunk if joint != joints.get("neck")] or trunk or [joints["pelvis"]]
    spread = {f"spine{number + 1}": spine[round(number * (len(spine) - 1) / 2)] for number in range(3)}
    known = {**spread, **joints}
    picks: list[int] = []
    for name, parent in zip(CANONICAL_JOINTS, PARENTS, strict=True):
        picks.append(known.get(name, picks[parent] if parent >= 0 else 0))
    return picks


def _report(tree: JointTree, found: Mapping[str, int]) -> str:
    """Say what was found and what is missing, in one line."""
    lacking = [joint for joint in _NEEDED if joint not in found]
    known = ", ".join(f"{joint} ({tree.names[found[joint]]})" for joint in _NEEDED if joint in found) or "nothing"
    if not lacking:
        return f"joints that do not hang together: {known}; it has {_listed(tree)}"
    wanted = ", ".join(f"{joint} (such as {_such_as(joint)})" for joint in lacking)
    return f"found {known}; missing {wanted}; it has {_listed(tree)}"


def _such_as(joint: str) -> str:
    side, name = joint.split("_")
    return " or ".join(f"{side.capitalize()}{word}" for word in _SUCH_AS[name])


def _listed(tree: JointTree) -> str:
    names = [name for name, end in zip(tree.names, tree.ends, strict=True) if not end]
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
