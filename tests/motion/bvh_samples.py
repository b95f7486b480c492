"""BVH files as many programs write them, made of one motion whose joints' places are known."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from liquidwarp.bodies import CANONICAL_JOINTS, load_body
from liquidwarp.demo import asset
from liquidwarp.motion import SkeletonMotion, joint_places, skeleton_of
from liquidwarp.motion.skeleton import PARENTS
from liquidwarp.motion.standing import WORLDS
from liquidwarp.types import BodyTrack

INDEX = {name: number for number, name in enumerate(CANONICAL_JOINTS)}
Y_UP, Z_UP = WORLDS[0, 1, 0].T, WORLDS[0, 0, 1].T  # from the camera's axes to a file's

# One joint a canonical one, in their order; "" where a skeleton has none.
MIXAMO = [
    "Hips",
    "LeftUpLeg",
    "RightUpLeg",
    "Spine",
    "LeftLeg",
    "RightLeg",
    "Spine1",
    "LeftFoot",
    "RightFoot",
    "Spine2",
    "LeftToeBase",
    "RightToeBase",
    "Neck",
    "LeftShoulder",
    "RightShoulder",
    "Head",
    "LeftArm",
    "RightArm",
    "LeftForeArm",
    "RightForeArm",
    "LeftHand",
    "RightHand",
]


def _sided(text: str, right: Callable[[str], str]) -> list[str]:
    """Spell out a scheme: middle names and left ones in canonical order, right ones follow the left ones."""
    names: list[str] = []
    for word in text.split(","):
        name = word.strip()
        names += [name[1:], right(name[1:])] if name.startswith("*") else [name]
    return names


def _swap(left: str, right: str) -> Callable[[str], str]:
    return lambda name: name.replace(left, right)


SCHEMES: dict[str, list[str]] = {
    "Mixamo": [f"mixamorig:{name}" for name in MIXAMO],
    "Mixamo without colon": [f"mixamorig9_{name}" for name in MIXAMO],
    "MotionBuilder": [f"Character1_{name}" for name in MIXAMO],
    "LaFAN1": [name.replace("ToeBase", "Toe") for name in MIXAMO],
    "CMU": [name.replace("Spine2", "Chest") for name in MIXAMO],
    "3ds Max Biped": _sided(
        "Bip01 Pelvis,*Bip01 L Thigh,Bip01 Spine,*Bip01 L Calf,Bip01 Spine1,*Bip01 L Foot,Bip01 Spine2,*Bip01 L Toe0,"
        "Bip01 Neck,*Bip01 L Clavicle,Bip01 Head,*Bip01 L UpperArm,*Bip01 L Forearm,*Bip01 L Hand",
        _swap(" L ", " R "),
    ),
    "Valve": _sided(
        "ValveBiped.Bip01_Pelvis,*ValveBiped.Bip01_L_Thigh,ValveBiped.Bip01_Spine,*ValveBiped.Bip01_L_Calf,"
        "ValveBiped.Bip01_Spine1,*ValveBiped.Bip01_L_Foot,ValveBiped.Bip01_Spine2,*ValveBiped.Bip01_L_Toe0,"
        "ValveBiped.Bip01_Neck1,*ValveBiped.Bip01_L_Clavicle,ValveBiped.Bip01_Head1,*ValveBiped.Bip01_L_UpperArm,"
        "*ValveBiped.Bip01_L_Forearm,*ValveBiped.Bip01_L_Hand",
        _swap("_L_", "_R_"),
    ),
    "DeepMotion": _sided(
        "hips_JNT,*l_upleg_JNT,spine_JNT,*l_leg_JNT,spine1_JNT,*l_foot_JNT,spine2_JNT,*l_toebase_JNT,neck_JNT,"
        "*l_shoulder_JNT,head_JNT,*l_arm_JNT,*l_forearm_JNT,*l_hand_JNT",
        lambda name: f"r{name[1:]}",
    ),
    "VRM": _sided(
        "J_Bip_C_Hips,*J_Bip_L_UpperLeg,J_Bip_C_Spine,*J_Bip_L_LowerLeg,J_Bip_C_Chest,*J_Bip_L_Foot,J_Bip_C_UpperChest,"
        "*J_Bip_L_ToeBase,J_Bip_C_Neck,*J_Bip_L_Shoulder,J_Bip_C_Head,*J_Bip_L_UpperArm,*J_Bip_L_LowerArm,*J_Bip_L_Hand",
        _swap("_L_", "_R_"),
    ),
    "DAZ": _sided(
        "hip,*lThighBend,abdomenLower,*lShin,chestLower,*lFoot,chestUpper,*lToe,neckLower,*lCollar,head,*lShldrBend,"
        "*lForearmBend,*lHand",
        lambda name: f"r{name[1:]}",
    ),
    "Poser": _sided(
        "hip,*lThigh,abdomen,*lShin,waist,*lFoot,chest,*lToe,neck,*lCollar,head,*lShldr,*lForeArm,*lHand",
        lambda name: f"r{name[1:]}",
    ),
    "iClone": _sided(
        "CC_Base_Hip,*CC_Base_L_Thigh,CC_Base_Waist,*CC_Base_L_Calf,CC_Base_Spine01,*CC_Base_L_Foot,CC_Base_Spine02,"
        "*CC_Base_L_ToeBase,CC_Base_NeckTwist01,*CC_Base_L_Clavicle,CC_Base_Head,*CC_Base_L_Upperarm,"
        "*CC_Base_L_Forearm,*CC_Base_L_Hand",
        _swap("_L_", "_R_"),
    ),
    "Kinect": _sided(
        "SpineBase,*HipLeft,SpineLow,*KneeLeft,SpineMid,*AnkleLeft,SpineShoulder,*FootLeft,Neck,*,Head,*ShoulderLeft,"
        "*ElbowLeft,*WristLeft",
        _swap("Left", "Right"),
    ),
    "Azure Kinect": _sided(
        "PELVIS,*HIP_LEFT,SPINE_NAVEL,*KNEE_LEFT,SPINE_LOW,*ANKLE_LEFT,SPINE_CHEST,*FOOT_LEFT,NECK,*CLAVICLE_LEFT,HEAD,"
        "*SHOULDER_LEFT,*ELBOW_LEFT,*WRIST_LEFT",
        _swap("LEFT", "RIGHT"),
    ),
    "Bandai-Namco": _sided(
        "Hips,*UpperLeg_L,Spine,*LowerLeg_L,Chest,*Foot_L,UpperChest,*Toes_L,Neck,*Shoulder_L,Head,*UpperArm_L,"
        "*LowerArm_L,*Hand_L",
        lambda name: f"{name[:-1]}R",
    ),
    "Unreal": _sided(
        "pelvis,*thigh_l,spine_01,*calf_l,spine_02,*foot_l,spine_03,*ball_l,neck_01,*clavicle_l,head,*upperarm_l,"
        "*lowerarm_l,*hand_l",
        lambda name: f"{name[:-1]}r",
    ),
    "Rigify": _sided(
        "DEF-spine,*DEF-thigh.L,DEF-spine.001,*DEF-shin.L,DEF-spine.002,*DEF-foot.L,DEF-spine.003,*DEF-toe.L,"
        "DEF-spine.004,*DEF-shoulder.L,DEF-spine.006,*DEF-upper_arm.L,*DEF-forearm.L,*DEF-hand.L",
        _swap(".L", ".R"),
    ),
    "Xsens": _sided(
        "Hips,*LeftHip,Chest,*LeftKnee,Chest2,*LeftAnkle,Chest3,*LeftToe,Neck,*LeftCollar,Head,*LeftShoulder,*LeftElbow,"
        "*LeftWrist",
        _swap("Left", "Right"),
    ),
    "Xsens MVN": _sided(
        "Pelvis,*LeftUpperLeg,L5,*LeftLowerLeg,L3,*LeftFoot,T8,*LeftToe,Neck,*LeftShoulder,Head,*LeftUpperArm,"
        "*LeftForeArm,*LeftHand",
        _swap("Left", "Right"),
    ),
    "CMU's ASF": _sided(
        "root,*lfemur,lowerback,*ltibia,upperback,*lfoot,thorax,*ltoes,lowerneck,*lclavicle,head,*lhumerus,*lradius,"
        "*lwrist",
        lambda name: f"r{name[1:]}",
    ),
    "OptiTrack": _sided(
        "Hip,*LThigh,Ab,*LShin,Waist,*LFoot,Chest,*LToe,Neck,*LShoulder,Head,*LUArm,*LFArm,*LHand",
        lambda name: f"R{name[1:]}",
    ),
    "Rokoko": _sided(
        "Hips,*LeftThigh,Spine1,*LeftShin,Spine2,*LeftFoot,Spine3,*LeftToe,Neck,*LeftShoulder,Head,*LeftArm,"
        "*LeftForeArm,*LeftHand",
        _swap("Left", "Right"),
    ),
    "SMPL": _sided(
        "Pelvis,*L_Hip,Spine1,*L_Knee,Spine2,*L_Ankle,Spine3,*L_Foot,Neck,*L_Collar,Head,*L_Shoulder,*L_Elbow,*L_Wrist",
        lambda name: f"R{name[1:]}",
    ),
    "Second Life": _sided(
        "mPelvis,*mHipLeft,mTorso,*mKneeLeft,mSpine2,*mAnkleLeft,mChest,*mFootLeft,mNeck,*mCollarLeft,mHead,"
        "*mShoulderLeft,*mElbowLeft,*mWristLeft",
        _swap("Left", "Right"),
    ),
    "VRChat": _sided(
        "Hips,*Left leg,Spine,*Left knee,Chest,*Left ankle,Upper chest,*Left toe,Neck,*Left shoulder,Head,*Left arm,"
        "*Left elbow,*Left wrist",
        _swap("Left", "Right"),
    ),
    "Mocopi": _sided(
        "root,*l_up_leg,torso_1,*l_low_leg,torso_3,*l_foot,torso_7,*l_toes,neck_1,*l_shoulder,head,*l_up_arm,*l_low_arm,"
        "*l_hand",
        lambda name: f"r{name[1:]}",
    ),
    "Maya": _sided(
        "ct_root_jnt,*lf_thigh_jnt,ct_spineA_jnt,*lf_knee_jnt,ct_spineB_jnt,*lf_foot_jnt,ct_spineC_jnt,*lf_ball_jnt,"
        "ct_neck_jnt,*lf_clavicle_jnt,ct_head_jnt,*lf_arm_jnt,*lf_elbow_jnt,*lf_wrist_jnt",
        lambda name: f"rt{name[2:]}",
    ),
    "numbers": [f"joint{number:02d}" for number in range(22)],
}
HELPERS = {  # joints that only help, as those programs write them, by whose child they are
    "Unreal": {"left_hip": "thigh_twist_01_l", "left_elbow": "lowerarm_twist_01_l", "right_wrist": "index_01_r"},
    "DAZ": {"left_wrist": "lIndex1", "head": "lEye", "right_ankle": "rHeel", "left_shoulder": "lShldrTwist"},
    "iClone": {"left_knee": "CC_Base_L_KneeShareBone", "head": "CC_Base_JawRoot", "left_hip": "CC_Base_L_ThighTwist01"},
    "VRM": {"head": "J_Sec_Hair1_01", "spine3": "J_Sec_L_Bust1", "left_wrist": "J_Bip_L_Thumb1"},
    "Mixamo": {"left_wrist": "mixamorig:LeftHandThumb1", "head": "mixamorig:HeadTop_End"},
    "Rigify": {"pelvis": "DEF-pelvis.L", "left_hip": "DEF-thigh.L.001", "spine3": "DEF-breast.L"},
    "Kinect": {"left_wrist": "HandTipLeft", "right_wrist": "ThumbRight"},
    "CMU": {"left_wrist": "LThumb", "right_wrist": "RightFingerBase"},
}


@dataclass(frozen=True)
class Style:
    """How a program writes BVH.

    Attributes:
        names: of the 22 canonical joints; "" for those that it lacks.
        helpers: joints that only help, by the canonical joint they hang on.
        hang: canonical joints that hang on another than the canonical parent.
        above: names of joints above the pelvis that never turn.
        world: rotation from the camera's axes to those of the file.
        frames: rotation of each joint's own axes against the rest pose in camera axes.
        order: of the rotation channels; the first is applied last.
        unit: of the file, in metres.
        ends: whether limbs end in End Sites.
        positions: position channels of joints: "root", "all" (instead of the offset) or "added" (to it).
        text: what becomes of the text in the end.
    """

    names: Sequence[str] = tuple(MIXAMO)
    helpers: Mapping[str, str] = field(default_factory=dict)
    hang: Mapping[str, str] = field(default_factory=dict)
    above: Sequence[str] = ()
    world: np.ndarray = field(default_factory=lambda: Y_UP)
    frames: np.ndarray = field(default_factory=lambda: np.tile(Y_UP.T, (22, 1, 1)))
    order: str = "ZXY"
    unit: float = 0.01
    ends: bool = True
    positions: str = "root"
    text: Callable[[str], str] = str


@cache
def dance(stride: int = 5) -> SkeletonMotion:
    """The demo's motion, in camera axes."""
    return skeleton_of(load_body("anny"), BodyTrack.load(asset("motion_truth.npz"))[::stride])


def along_bones(motion: SkeletonMotion, seed: int | None = None) -> np.ndarray:
    """Return axes of joints of which x runs along the bone: at rest all bones lie in a row; or any axes at all."""
    rest = motion.rest.numpy()
    if seed is not None:
        return Rotation.random(22, random_state=seed).as_matrix()
    frames = np.zeros((22, 3, 3))
    for joint, name in enumerate(CANONICAL_JOINTS):
        main = {"pelvis": "spine1", "spine3": "neck"}.get(name)
        child = INDEX[main] if main else next((c for c, parent in enumerate(PARENTS) if parent == joint), None)
        bone = rest[child] - rest[joint] if child is not None else rest[joint] - rest[PARENTS[joint]]
        along = bone / np.linalg.norm(bone)
        across = np.array([1.0, 0, 0]) - along[0] * along
        if np.linalg.norm(across) < 0.5:
            across = np.array([0, 0, 1.0]) - along[2] * along
        across /= np.linalg.norm(across)
        frames[joint] = np.stack([along, np.cross(across, along), across], axis=1)
    return frames


def posed(turned: Mapping[str, Sequence[float]], whole: np.ndarray | None = None) -> np.ndarray:
    """Return axes of joints that let the rest pose be another one: joints and what hangs on them turned (degrees)."""
    own = np.tile(np.eye(3), (22, 1, 1))
    for joint in range(22):
        above = own[PARENTS[joint]] if joint else np.eye(3)
        turn = Rotation.from_euler("xyz", turned.get(CANONICAL_JOINTS[joint], (0, 0, 0)), degrees=True).as_matrix()
        own[joint] = above @ turn
    axes = Y_UP if whole is None else whole
    return np.linalg.inv(axes @ own)


def write(motion: SkeletonMotion, style: Style) -> str:
    """Write a motion as a BVH text in a style."""
    rest, turns, count = motion.rest.numpy(), motion.turns.numpy(), len(motion)
    world = style.world @ turns @ style.frames
    still = np.tile(np.eye(3), (count, 1, 1))
    nodes: list[tuple[str, int, np.ndarray, np.ndarray]] = []  # name, parent, offset, rotations against the parent
    for name in style.above:
        nodes.append((name, len(nodes) - 1, np.zeros(3), still))
    place: dict[int, int] = {}
    parents = {INDEX[joint]: INDEX[parent] for joint, parent in style.hang.items()}
    later = sorted((joint for joint in range(22) if style.names[joint]), key=lambda joint: joint in parents)
    while later:
        joint = later.pop(0)
        parent = parents.get(joint, PARENTS[joint])
        while parent >= 0 and not style.names[parent]:
            parent = PARENTS[parent]
        if parent >= 0 and parent not in place:
            later.append(joint)
            continue
        bone = rest[joint] - rest[parent] if parent >= 0 else np.zeros(3)
        offset = style.frames[parent].T @ bone / style.unit if parent >= 0 else np.zeros(3)
        local = world[:, parent].transpose(0, 2, 1) @ world[:, joint] if parent >= 0 else world[:, joint]
        place[joint] = len(nodes)
        nodes.append((style.names[joint], place[parent] if parent >= 0 else len(style.above) - 1, offset, local))
    for joint, name in style.helpers.items():
        nodes.append((name, place[INDEX[joint]], np.array([0.03, 0.01, 0.02]) / style.unit, still))
    lines, order = ["HIERARCHY"], []
    _write(lines, order, nodes, 0, style)
    columns = []
    for index in order:
        _, parent, offset, local = nodes[index]
        if parent < 0:
            columns.append(motion.root.numpy() @ style.world.T / style.unit)
        elif style.positions != "root":
            columns.append(np.tile(offset if style.positions == "all" else 0 * offset, (count, 1)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of gimbal lock, where one of many solutions is taken
            columns.append(Rotation.from_matrix(local).as_euler(style.order.upper(), degrees=True))
    table = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {count}", f"Frame Time: {1 / motion.fps:.9f}"]
    lines += [" ".join(f"{number:.6f}" for number in row) for row in table]
    return style.text("\n".join(lines) + "\n")


def _write(lines: list[str], order: list[int], nodes: list, index: int, style: Style) -> None:
    name, parent, offset, _ = nodes[index]
    order.append(index)
    turned = " ".join(f"{axis}rotation" for axis in style.order)
    moved = parent < 0 or style.positions != "root"
    lines += [f"{'ROOT' if parent < 0 else 'JOINT'} {name}", "{", "  OFFSET " + " ".join(f"{x:.6f}" for x in offset)]
    lines.append(f"  CHANNELS {6 if moved else 3} {'Xposition Yposition Zposition ' if moved else ''}{turned}")
    children = [child for child, node in enumerate(nodes) if node[1] == index]
    for child in children:
        _write(lines, order, nodes, child, style)
    if not children and style.ends:
        tip = style.frames[0].T @ np.array([0.0, 0, -0.05]) / style.unit
        lines += ["  End Site", "  {", "    OFFSET " + " ".join(f"{x:.6f}" for x in tip), "  }"]
    lines.append("}")


def lying(motion: SkeletonMotion, frames: int, head: str = "away") -> SkeletonMotion:
    """Let the first frames stand, and then the person lie on the back for so many more, on the same floor."""
    floor = float(joint_places(motion)[0, :, 1].max())
    turn = {"away": ("x", 90), "near": ("yx", (180, 90)), "left": ("z", 90), "right": ("z", -90)}[head]
    down = torch.from_numpy(Rotation.from_euler(*turn, degrees=True).as_matrix())
    turns = (down @ motion.turns[:1]).repeat(frames, 1, 1, 1)
    root = motion.root[:1].clone()
    root[:, 1] = floor - 0.12
    return replace(
        motion, turns=torch.cat([motion.turns, turns]), root=torch.cat([motion.root, root.repeat(frames, 1)])
    )
