"""Label maps that networks are driven by: drawings of skeletons and faces, maps of the body's parts, classes."""

from liquidwarp.labels.classes import class_map, one_hot
from liquidwarp.labels.faces import draw_face, face_window, mesh_landmarks, with_forehead
from liquidwarp.labels.limbs import draw_limbs, limb_map
from liquidwarp.labels.parts import PartChart, foreground_of, mesh_label, part_chart, part_map, strict_label
from liquidwarp.labels.skeleton import SkeletonPoints, body_skeleton, draw_skeleton
from liquidwarp.labels.windows import CropWindow, person_window

__all__ = [
    "CropWindow",
    "PartChart",
    "SkeletonPoints",
    "body_skeleton",
    "class_map",
    "draw_face",
    "draw_limbs",
    "draw_skeleton",
    "face_window",
    "foreground_of",
    "limb_map",
    "mesh_label",
    "mesh_landmarks",
    "one_hot",
    "part_chart",
    "part_map",
    "person_window",
    "strict_label",
    "with_forehead",
]
