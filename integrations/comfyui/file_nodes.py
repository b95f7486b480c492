"""Nodes that read from ComfyUI's input folder and write to its output folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import liquidwarp as lw
from liquidwarp.motion import BONE_NAMES, MOTION_ENDINGS
from liquidwarp.person import PERSON_ENDING

from . import host
from .sockets import MOTION, MOTION_INPUT, PERSON, PERSON_INPUT


class LoadPerson:
    """Read a person who was learnt before."""

    DESCRIPTION = "Reads a .person file from ComfyUI's input folder."
    CATEGORY = "liquidwarp/files"
    FUNCTION = "load"
    RETURN_TYPES = (PERSON,)
    RETURN_NAMES = ("person",)
    OUTPUT_TOOLTIPS = ("The person, for all other nodes.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        files = host.input_files((PERSON_ENDING,))
        return {"required": {"file": (files, {"tooltip": "Written by Save Person, or by 'liquidwarp learn'."})}}

    @classmethod
    def IS_CHANGED(cls, file: str) -> str:
        """Return what is another where the file is."""
        return _state_of(file)

    @classmethod
    def VALIDATE_INPUTS(cls, file: str) -> bool | str:
        """Say what is wrong with the file's name."""
        return _checked(file)

    def load(self, file: str) -> tuple[lw.SourceState]:
        """Read the person."""
        return (lw.SourceState.load(host.input_file(file)),)


class SavePerson:
    """Keep a person for later."""

    DESCRIPTION = "Writes the person to ComfyUI's output folder; the file holds the photo, so treat it as you treat it."
    CATEGORY = "liquidwarp/files"
    FUNCTION = "save"
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("path",)
    OUTPUT_TOOLTIPS = ("Where it was written, below the output folder.",)
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        prefix = ("STRING", {"default": "liquidwarp/person", "tooltip": "Beginning of the file's name."})
        return {"required": {"person": PERSON_INPUT, "filename_prefix": prefix}}

    def save(self, person: lw.SourceState, filename_prefix: str) -> dict[str, Any]:
        """Write the person."""
        path, told = host.output_file(filename_prefix, PERSON_ENDING)
        person.save(path)
        return _saved(told)


class LoadMotion:
    """Read a motion from a file."""

    DESCRIPTION = "Reads a motion from ComfyUI's input folder: a track, BVH, or AMASS's or SMPL's .npz and .pkl."
    CATEGORY = "liquidwarp/files"
    FUNCTION = "load"
    RETURN_TYPES = (MOTION, "FLOAT")
    RETURN_NAMES = ("motion", "fps")
    OUTPUT_TOOLTIPS = ("The motion, for all other nodes.", "Its frames a second.")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        files = host.input_files(MOTION_ENDINGS)
        return {"required": {"file": (files, {"tooltip": f"Ends in {', '.join(MOTION_ENDINGS)}."})}}

    @classmethod
    def IS_CHANGED(cls, file: str) -> str:
        """Return what is another where the file is."""
        return _state_of(file)

    @classmethod
    def VALIDATE_INPUTS(cls, file: str) -> bool | str:
        """Say what is wrong with the file's name."""
        return _checked(file)

    def load(self, file: str) -> tuple[lw.BodyTrack, float]:
        """Read the motion."""
        motion = lw.read_motion(host.input_file(file))
        return motion, motion.fps or 25.0


class SaveMotion:
    """Write a motion for other programs."""

    DESCRIPTION = "Writes the motion to ComfyUI's output folder."
    CATEGORY = "liquidwarp/files"
    FUNCTION = "save"
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("path",)
    OUTPUT_TOOLTIPS = ("Where it was written, below the output folder.",)
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        kinds = {"default": "bvh", "tooltip": "bvh: a skeleton. amass: SMPL's poses. track: all of it, for liquidwarp."}
        return {
            "required": {
                "motion": MOTION_INPUT,
                "kind": (["bvh", "amass", "track"], kinds),
                "names": (list(BONE_NAMES), {"default": "own", "tooltip": "What bones are called in bvh."}),
                "filename_prefix": (
                    "STRING",
                    {"default": "liquidwarp/motion", "tooltip": "Beginning of the file's name."},
                ),
            }
        }

    def save(self, motion: lw.BodyTrack, kind: str, names: str, filename_prefix: str) -> dict[str, Any]:
        """Write the motion."""
        path, told = host.output_file(filename_prefix, ".bvh" if kind == "bvh" else ".npz")
        if kind == "track":
            motion.save(path)
        else:
            lw.write_motion(motion, path, names=names if kind == "bvh" else "own")
        return _saved(told)


class ExportGlb:
    """Write a person in motion as a 3D file."""

    DESCRIPTION = "Writes the textured, clothed person with skeleton and motion to ComfyUI's output folder, as GLB."
    CATEGORY = "liquidwarp/files"
    FUNCTION = "export"
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("path",)
    OUTPUT_TOOLTIPS = ("Where it was written, below the output folder; for Preview 3D.",)
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        names = {"default": "own", "tooltip": "What bones are called: the body's own names, Mixamo's, or VRM's."}
        still = {"tooltip": "Without a motion the person stands as in the photo."}
        return {
            "required": {
                "person": PERSON_INPUT,
                "names": (list(BONE_NAMES), names),
                "filename_prefix": (
                    "STRING",
                    {"default": "liquidwarp/person", "tooltip": "Beginning of the file's name."},
                ),
            },
            "optional": {"motion": (MOTION, still)},
        }

    def export(
        self, person: lw.SourceState, names: str, filename_prefix: str, motion: lw.BodyTrack | None = None
    ) -> dict[str, Any]:
        """Write the file."""
        host.check_interrupted()
        path, told = host.output_file(filename_prefix, ".glb")
        lw.export_glb(person, replace(person.track, fps=25.0) if motion is None else motion, path, names=names)
        return _saved(told, kind="3d")


def _saved(told: dict[str, str], kind: str = "files") -> dict[str, Any]:
    path = Path(told["subfolder"]) / told["filename"]
    return {"ui": {kind: [told]}, "result": (path.as_posix(),)}


def _state_of(file: str) -> str:
    found = host.input_file(file).stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _checked(file: str) -> bool | str:
    try:
        host.input_file(file)
    except lw.InputError as error:
        return str(error)
    return True
