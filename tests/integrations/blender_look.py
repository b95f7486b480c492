"""Run by Blender's own Python: import files, and print as JSON what Blender then holds.

python blender_look.py RATE FILE...
"""

import contextlib
import json
import os
import sys
from pathlib import Path

import bpy


def look(path: Path, rate: int) -> dict:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = rate, 1.0
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01, update_scene_fps=True)
    (rig,) = (one for one in scene.objects if one.type == "ARMATURE")
    meshes = [one for one in scene.objects if (one.type == "MESH" and one.parent == rig) or one.find_armature() == rig]
    action = rig.animation_data.action
    first, last = (round(number) for number in action.frame_range)
    places = []
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        posed = {bone.name: list(rig.matrix_world @ bone.head) for bone in rig.pose.bones}
        posed |= {f"mesh {one.name}": corners(one) for one in meshes}
        places.append(posed)
    return {
        "bones": [[bone.name, bone.parent.name if bone.parent else None] for bone in rig.data.bones],
        "frames": last - first + 1,
        "rate": scene.render.fps / scene.render.fps_base,
        "places": places,
        "textures": [list(image.size) for image in bpy.data.images if image.size[0]],
    }


def corners(one: bpy.types.Object) -> list:
    """Return the least and the greatest place of a mesh as it is posed."""
    shown = one.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = [shown.matrix_world @ vertex.co for vertex in shown.data.vertices]
    return [[f(point[axis] for point in points) for axis in range(3)] for f in (min, max)]


def quietly(path: Path, rate: int) -> dict:
    """Look, and let nothing but the answer go to standard output."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return look(path, rate)
    finally:
        os.dup2(kept, 1)


if __name__ == "__main__":
    print(json.dumps([quietly(Path(name), int(sys.argv[1])) for name in sys.argv[2:]]))
