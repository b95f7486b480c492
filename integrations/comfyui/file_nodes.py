"""Nodes that read from ComfyUI's input folder and write to its output folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import liquidwarp as lw
from liquidwarp.motion import BONE_NAMES, MOTION_ENDINGS
from liquidwarp.person import PERSON_ENDING

from . import host
from .sockets import MOTION, MOTION_INPUT, PERSON, PERSON_INPUT


class _Reads:
    """A node that reads a file."""

    CATEGORY = "liquidwarp/files"
    FUNCTION = "load"

    @classmethod
    def IS_CHANGED(cls, file: str) -> str:
        """Return what is another where the file is."""
        found = host.input_file(file).stat()
        return f"{found.st_size} {found.st_mtime_ns}"

    @classmethod
    def VALIDATE_INPUTS(cls, file: str) -> bool | str:
        """Say what is wrong with the file's name."""
        try:
            host.input_file(file)
        except lw.InputError as error:
            return str(error)
        return True


class _Writes:
    """A node that writes a file."""

    CATEGORY = "liquidwarp/files"
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("path",)
    OUTPUT_TOOLTIPS: tuple[str, ...] = ("Where it was written, below the output folder.",)
    OUTPUT_NODE = True


class LoadPerson(_Reads):
    """Read a person who was learnt before."""

    DESCRIPTION = "Reads a .person file from ComfyUI's input folder."
    RETURN_TYPES = (PERSON,)
    RETURN_NAMES = ("person",)
    OUTPUT_TOOLTIPS = ("The person, for all other nodes.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        files = host.input_files((PERSON_ENDING,))
        return {"required": {"file": (files, {"tooltip": "Written by Save Person, or by 'liquidwarp learn'."})}}

    def load(self, file: str) -> tuple[lw.SourceState]:
        """Read the person."""
        return (lw.SourceState.load(host.input_file(file)),)


class SavePerson(_Writes):
    """Keep a person for later."""

    DESCRIPTION = "Writes the person to ComfyUI's output folder; the file holds the photo, so treat it as you treat it."
    FUNCTION = "save"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        return {"required": {"person": PERSON_INPUT, "filename_prefix": _prefix("liquidwarp/person")}}

    def save(self, person: lw.SourceState, filename_prefix: str) -> dict[str, Any]:
        """Write the person."""
        path, told = host.output_file(filename_prefix, PERSON_ENDING)
        person.save(path)
        return _saved(told)


class LoadMotion(_Reads):
    """Read a motion from a file."""

    DESCRIPTION = "Reads a motion from ComfyUI's input folder: a track, BVH, or AMASS's or SMPL's .npz and .pkl."
    RETURN_TYPES = (MOTION, "FLOAT")
    RETURN_NAMES = ("motion", "fps")
    OUTPUT_TOOLTIPS = ("The motion, for all other nodes.", "Its frames a second.")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        files = host.input_files(MOTION_ENDINGS)
        return {"required": {"file": (files, {"tooltip": f"Ends in {', '.join(MOTION_ENDINGS)}."})}}

    def load(self, file: str) -> tuple[lw.BodyTrack, float]:
        """Read the motion."""
        motion = lw.read_motion(host.input_file(file))
        return motion, motion.fps or 25.0


class SaveMotion(_Writes):
    """Write a motion for other programs."""

    DESCRIPTION = "Writes the motion to ComfyUI's output folder."
    FUNCTION = "save"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        kinds = {"default": "bvh", "tooltip": "bvh: a skeleton. amass: SMPL's poses. track: all of it, for liquidwarp."}
        return {
            "required": {
                "motion": MOTION_INPUT,
                "kind": (["bvh", "amass", "track"], kinds),
                "names": (list(BONE_NAMES), {"default": "own", "tooltip": "What bones are called in bvh."}),
                "filename_prefix": _prefix("liquidwarp/motion"),
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


class ExportGlb(_Writes):
    """Write a person in motion as a 3D file."""

    DESCRIPTION = "Writes the textured, clothed person with skeleton and motion to ComfyUI's output folder, as GLB."
    FUNCTION = "export"
    OUTPUT_TOOLTIPS = ("Where it was written, below the output folder; for Preview 3D.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        names = {"default": "own", "tooltip": "What bones are called: the body's own names, Mixamo's, or VRM's."}
        still = {"tooltip": "Without a motion the person stands as in the photo."}
        return {
            "required": {
                "person": PERSON_INPUT,
                "names": (list(BONE_NAMES), names),
                "filename_prefix": _prefix("liquidwarp/person"),
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


def _prefix(default: str) -> tuple:
    return "STRING", {"default": default, "tooltip": "Beginning of the file's name."}


def _saved(told: dict[str, str], kind: str = "files") -> dict[str, Any]:
    path = Path(told["subfolder"]) / told["filename"]
    return {"ui": {kind: [told]}, "result": (path.as_posix(),)}
