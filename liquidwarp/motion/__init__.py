"""Motion: between bodies, and in and out of the files of other programs."""

from liquidwarp.motion.bone_names import BONE_NAMES, body_bones, canonical_bones
from liquidwarp.motion.bvh import read_bvh, write_bvh
from liquidwarp.motion.glb import SkinnedSurface, Texture, write_glb
from liquidwarp.motion.joint_map import read_joint_map
from liquidwarp.motion.read import MOTION_ENDINGS, OTHER_MOTIONS, is_motion_file, read_motion
from liquidwarp.motion.retarget import bring_into_view, check_track, pose_body, retarget
from liquidwarp.motion.skeleton import SkeletonMotion, joint_places, skeleton_of
from liquidwarp.motion.smpl_motion import SmplMotion, read_amass, read_published, read_smpl, write_amass
from liquidwarp.motion.write import WRITTEN_ENDINGS, write_motion

__all__ = [
    "BONE_NAMES",
    "MOTION_ENDINGS",
    "OTHER_MOTIONS",
    "WRITTEN_ENDINGS",
    "SkeletonMotion",
    "SkinnedSurface",
    "SmplMotion",
    "Texture",
    "body_bones",
    "bring_into_view",
    "canonical_bones",
    "check_track",
    "is_motion_file",
    "joint_places",
    "pose_body",
    "read_amass",
    "read_bvh",
    "read_joint_map",
    "read_motion",
    "read_published",
    "read_smpl",
    "retarget",
    "skeleton_of",
    "write_amass",
    "write_bvh",
    "write_glb",
    "write_motion",
]
