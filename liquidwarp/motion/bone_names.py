"""What bones are called in files for other programs."""

from collections import Counter
from collections.abc import Mapping

from liquidwarp.bodies import CANONICAL_JOINTS, BodyModel
from liquidwarp.bodies.hands import FINGERS, SIDES, find_hand
from liquidwarp.checks import check_choice

_PLAIN = (
    *("Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot", "RightFoot", "Spine2"),
    *("LeftToeBase", "RightToeBase", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftArm", "RightArm"),
    *("LeftForeArm", "RightForeArm", "LeftHand", "RightHand"),
)
_VRM = (
    *("hips", "leftUpperLeg", "rightUpperLeg", "spine", "leftLowerLeg", "rightLowerLeg", "chest", "leftFoot"),
    *("rightFoot", "upperChest", "leftToes", "rightToes", "neck", "leftShoulder", "rightShoulder", "head"),
    *("leftUpperArm", "rightUpperArm", "leftLowerArm", "rightLowerArm", "leftHand", "rightHand"),
)
_CANONICAL: Mapping[str, tuple[str, ...]] = {
    "own": _PLAIN,
    "mixamo": tuple(f"mixamorig:{name}" for name in _PLAIN),
    "vrm": _VRM,
}
BONE_NAMES = tuple(_CANONICAL)
"""Ways to call bones: the body's own names (in skeletons without a body those that animation programs know), Mixamo's,
and those of VRM 1.0's humanoid."""

_VRM_KNUCKLES = ("Proximal", "Intermediate", "Distal")
_VRM_THUMB = ("Metacarpal", "Proximal", "Distal")


def canonical_bones(names: str) -> tuple[str, ...]:
    """Return what the 22 canonical joints are called.

    Args:
        names: one of `BONE_NAMES`.

    Raises:
        InputError: another word.
    """
    check_choice("names", names, BONE_NAMES)
    return _CANONICAL[names]


def body_bones(body: BodyModel, names: str) -> tuple[str, ...]:
    """Return what a body's joints are called.

    Joints that a naming has no word for (a second bone of the upper arm, toes) are helpers of the joint that carries
    them: by their own names programs would take them for joints of a person.

    Args:
        body: the body.
        names: one of `BONE_NAMES`.

    Raises:
        InputError: another word.

    Examples:
        >>> from liquidwarp.bodies import load_body
        >>> from liquidwarp.motion.bone_names import body_bones
        >>> body = load_body()
        >>> names = body_bones(body, "vrm")
        >>> names[body.canonical("left_elbow")], names[body.joint_names.index("finger2-3.R")]
        ('leftLowerArm', 'rightIndexDistal')
    """
    wanted = canonical_bones(names)
    if names == "own":
        return body.joint_names
    called = {body.canonical(joint): name for joint, name in zip(CANONICAL_JOINTS, wanted, strict=True)}
    for side in SIDES:
        hand = find_hand(body, side)
        for finger, joints in zip(FINGERS, [] if hand is None else hand.joints.tolist(), strict=False):
            for knuckle, joint in enumerate(joints):
                called[joint] = _finger_bone(names, side, finger, knuckle)
    carriers: list[str] = []
    helpers: Counter[str] = Counter()
    for joint, parent in enumerate(body.parents):
        carriers.append(called.get(joint) or carriers[parent])
        if joint not in called:
            helpers[carriers[joint]] += 1
            called[joint] = f"{carriers[joint]}_helper{helpers[carriers[joint]]}"
    return tuple(called[joint] for joint in range(len(body.parents)))


def _finger_bone(names: str, side: str, finger: str, knuckle: int) -> str:
    if names == "mixamo":
        return f"mixamorig:{side.capitalize()}Hand{finger.capitalize()}{knuckle + 1}"
    knuckles = _VRM_THUMB if finger == "thumb" else _VRM_KNUCKLES
    return f"{side}{'Little' if finger == 'pinky' else finger.capitalize()}{knuckles[knuckle]}"
