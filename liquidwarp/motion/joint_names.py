"""What joints are called: words, sides and prefixes of the skeletons that animation programs write."""

import re
from dataclasses import dataclass
from functools import lru_cache

SPELLINGS: dict[str, tuple[str, ...]] = {  # what a joint is: words that say so
    "pelvis": ("hips", "pelvis", "hip", "hipcenter", "spinebase"),
    "neck": ("neck",),
    "head": ("head",),
    "thigh": ("upleg", "thigh", "upperleg", "uleg", "femur", "legupper"),
    "hip": ("hip", "hipjoint"),  # of a side: the thigh, unless something else is called so
    "leg": ("leg",),  # the shin beside a thigh, else the thigh
    "shin": ("knee", "shin", "calf", "lowerleg", "lowleg", "tibia", "leglower"),
    "ankle": ("ankle",),
    "foot": ("foot",),  # the ankle, unless something else is called so: then the toes
    "toe": ("toebase", "toe", "toes", "ball", "forefoot"),
    "collar": ("clavicle", "collar", "collarbone", "scapula"),
    "shoulder": ("shoulder",),  # the collar beside an arm, else the arm
    "upperarm": ("upperarm", "uparm", "uarm", "shldr", "humerus", "armupper"),
    "arm": ("arm",),
    "forearm": ("forearm", "elbow", "lowerarm", "lowarm", "farm", "radius", "armlower"),
    "wrist": ("wrist",),
    "hand": ("hand",),
}
_SIDES = {
    **dict.fromkeys(("left", "l", "lf", "lft"), "left"),
    **dict.fromkeys(("right", "r", "rt", "rgt"), "right"),
}
_PARTS = {  # of the body that are none of ours, and things that only help: no joint of a person is called so
    *("thumb", "index", "middle", "ring", "pinky", "little", "finger", "fingers", "metacarpal", "carpal", "palm"),
    *("metatarsal", "metatarsals", "heel", "end", "nub", "tip", "top", "site", "eye", "eyes", "brow", "jaw", "mouth"),
    *("tongue", "teeth", "lip", "ear", "nose", "face", "hair", "breast", "bust", "pec", "pectoral", "rib", "ribs"),
    *("ik", "fk", "pole", "target", "ctrl", "control", "helper", "aux", "adj", "sec", "mch", "org", "jiggle"),
    *("muscle", "skirt", "cape", "cloth", "tail", "wing", "weapon", "prop", "attach", "socket", "dummy", "effector"),
}
_BESIDE = {"twist", "roll", "share", "bone", "bend", "sharebone", "joint"}  # of a joint that may come twice
_HALVES = {"up", "upper", "low", "lower", "fore", "base", "center", "spine", "chest"}
_WORDS = {word for words in SPELLINGS.values() for word in words} | _PARTS | _BESIDE | _HALVES
_LIMB_LETTERS = re.compile(r"(?<![A-Za-z])([LR])([UF])(?=Arm|Leg)")  # OptiTrack's LUArm and LFArm
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class JointName:
    """What a name says of a joint.

    Attributes:
        kind: a key of `SPELLINGS`; "" where the name says nothing.
        side: "left", "right" or "".
        extras: number of words that say something else; the fewer, the more likely the joint itself.
    """

    kind: str
    side: str
    extras: int


def read_name(name: str) -> JointName:
    """Tell what a joint is by its name: `Character1_LeftUpLeg`, `Bip01 L Thigh`, `thigh_l`, `lThighBend` and others."""
    words = _split(name)
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    rest = [word for word in words if word not in _SIDES]
    if any(word in _PARTS for word in rest):
        return JointName("", side, len(rest))
    kind, used = "", 0
    for length in range(len(rest), 0, -1):  # the longest run of words wins: "up leg" is no leg
        runs = ["".join(rest[start : start + length]) for start in range(len(rest) - length + 1)]
        kind = next((found for run in reversed(runs) if (found := _kind(run, side))), "")
        if kind:
            used = length
            break
    return JointName(kind, side, len(rest) - used)


def _kind(word: str, side: str) -> str:
    """Return what a word says, of a joint in the middle or on a side."""
    middle = ("pelvis", "neck", "head")
    kinds = [kind for kind, words in SPELLINGS.items() if word in words and (kind in middle) == (not side)]
    return kinds[0] if kinds else ""


def _split(name: str) -> list[str]:
    """Take a name apart into words in small letters, without numbers and without what stands before a colon."""
    last = re.split(r"[:|]", name)[-1]
    pieces = _PIECES.findall(_LIMB_LETTERS.sub(r"\1 \2", last))
    return [word for piece in pieces if not piece.isdigit() for word in _segments(piece.lower())]


@lru_cache(maxsize=4096)
def _segments(piece: str) -> tuple[str, ...]:
    """Take a run of letters apart into as few known words as possible; as it is where that cannot be done."""
    best: list[tuple[str, ...] | None] = [(), *([None] * len(piece))]
    for end in range(1, len(piece) + 1):
        for start in range(end):
            word, before = piece[start:end], best[start]
            at_the_edge = start == 0 or end == len(piece)
            known = word in _WORDS or (word in _SIDES and (at_the_edge or len(word) > 3))
            if before is not None and known:
                longer = best[end]
                if longer is None or len(before) + 1 < len(longer):
                    best[end] = (*before, word)
    return best[-1] or (piece,)
