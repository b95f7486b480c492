"""The nodes: learn people, recover motions, put the one in the other, and guide other models by it.

Sockets of their own are LIQUIDWARP_PERSON (a `liquidwarp.SourceState`) and LIQUIDWARP_MOTION (a
`liquidwarp.BodyTrack`); all others are ComfyUI's.
"""

from collections.abc import Mapping
from typing import Any

import torch

import liquidwarp as lw
from liquidwarp.bodies.parts import GROUPS
from liquidwarp.guides import draw_guides

from . import host
from .file_nodes import ExportGlb, LoadMotion, LoadPerson, SaveMotion, SavePerson
from .pictures import stack_guides, stack_pictures, to_arrays
from .sockets import (
    AUDIO_INPUT,
    BACKGROUND_COLORS,
    BACKGROUND_IMAGE_INPUT,
    BACKGROUND_INPUT,
    CAMERA_INPUT,
    DEVICE_INPUT,
    FOV_INPUT,
    MOTION,
    MOTION_INPUT,
    PERSON,
    PERSON_INPUT,
    PERSON_NUMBER_INPUT,
    RATE_INPUT,
    RENDERER_INPUT,
    SIZE_INPUT,
)
from .watching import WatchedDetector


class LearnPerson:
    """Learn all that photos of a person tell."""

    DESCRIPTION = "Learns a person from one photo or several: body, clothes, surface and background. Once, then reuse."
    CATEGORY = "liquidwarp"
    FUNCTION = "learn"
    RETURN_TYPES = (PERSON, "IMAGE", "MASK")
    RETURN_NAMES = ("person", "background", "mask")
    OUTPUT_TOOLTIPS = ("The person, for all other nodes.", "The photo without the person.", "The person, 1 inside.")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        return {
            "required": {
                "photos": ("IMAGE", {"tooltip": "One photo from head to feet; or several of one person in one batch."}),
                "batch_is": (
                    ["photos", "clip"],
                    {
                        "default": "photos",
                        "tooltip": "photos: each picture counts (front and back, say). clip: frames in order, of which "
                        "the most telling are chosen.",
                    },
                ),
                "person": PERSON_NUMBER_INPUT,
                "fov": FOV_INPUT,
            },
            "optional": {
                "mask": (
                    "MASK",
                    {
                        "tooltip": "Where the person is (1), if you know better; of photos only. Load Image's mask is "
                        "the other way round: put Invert Mask between."
                    },
                ),
            },
        }

    def learn(
        self, photos: torch.Tensor, batch_is: str, person: int, fov: float, mask: torch.Tensor | None = None
    ) -> tuple[lw.SourceState, torch.Tensor, torch.Tensor]:
        """Learn the person."""
        host.check_interrupted()
        if batch_is == "clip" and mask is not None:
            raise lw.InputError("a mask goes with photos, not with a clip; disconnect it, or choose photos")
        pictures = to_arrays(photos, mask)
        source = photos.detach().cpu().float().clamp(0, 1)[..., :3].numpy() if batch_is == "clip" else pictures
        learnt = lw.encode_source(
            source if len(pictures) > 1 else pictures[0],
            detector=WatchedDetector(len(pictures)),
            person=person,
            fov=fov or None,
        )
        host.check_interrupted()
        background = torch.from_numpy(learnt.background).float()[None] / 255
        return learnt, background, torch.from_numpy(learnt.alpha)[None]


class RecoverMotion:
    """Recover the motion in a video."""

    DESCRIPTION = "Finds one person's body in every frame of a video: shape, pose, place, camera."
    CATEGORY = "liquidwarp"
    FUNCTION = "recover"
    RETURN_TYPES = (MOTION, "FLOAT", "AUDIO")
    RETURN_NAMES = ("motion", "fps", "audio")
    OUTPUT_TOOLTIPS = ("The motion, for all other nodes.", "Its frames a second.", "The video's sound, if it has one.")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        optional: dict[str, tuple] = {
            "images": ("IMAGE", {"tooltip": "Frames of one person in motion, in order."}),
            "audio": ("AUDIO", {"tooltip": "Handed through, for frames that come without their video."}),
        }
        if host.has_video():
            optional["video"] = ("VIDEO", {"tooltip": "A video, in place of images; its own rate and sound are taken."})
        return {
            "required": {
                "fps": RATE_INPUT,
                "fit": (
                    ["quick", "full"],
                    {
                        "default": "quick",
                        "tooltip": "quick: a short fit from a network's answer. full: three times as long, from "
                        "scratch, feet and hands a little closer.",
                    },
                ),
                "person": PERSON_NUMBER_INPUT,
                "fov": FOV_INPUT,
            },
            "optional": optional,
        }

    def recover(
        self,
        fps: float,
        fit: str,
        person: int,
        fov: float,
        images: torch.Tensor | None = None,
        audio: dict[str, Any] | None = None,
        video: Any = None,
    ) -> tuple[lw.BodyTrack, float, dict[str, Any] | None]:
        """Recover the motion."""
        from liquidwarp.detect import detect_clip

        host.check_interrupted()
        if (images is None) == (video is None):
            raise lw.InputError("connect either images or a video to Recover Motion")
        if video is not None:
            parts = video.get_components()
            images, fps, audio = parts.images, float(parts.frame_rate), audio or parts.audio
        frames = to_arrays(images)
        found = detect_clip(
            iter(frames),
            fps=fps if len(frames) > 1 else 0.0,
            size=frames[0].shape[:2],
            detector=WatchedDetector(len(frames)),
            person=person,
            source="the frames",
        )
        host.check_interrupted()
        motion = lw.recover(found, fov=fov or None, regressor="landmarks" if fit == "quick" else None)
        host.check_interrupted()
        return motion, fps, audio


class Imitate:
    """Put a person in motion."""

    DESCRIPTION = "The person does the motion."
    CATEGORY = "liquidwarp"
    FUNCTION = "imitate"
    RETURN_TYPES = ("IMAGE", "MASK", "MASK", "FLOAT")
    RETURN_NAMES = ("images", "mask", "invented", "fps")
    OUTPUT_TOOLTIPS = (
        "The frames.",
        "The person, 1 inside.",
        "What no photo shows of the person: mirrored or filled in.",
        "Frames a second.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        return {
            "required": {
                "person": PERSON_INPUT,
                "motion": MOTION_INPUT,
                "camera": CAMERA_INPUT,
                "size": SIZE_INPUT,
                "background": BACKGROUND_INPUT,
                "renderer": RENDERER_INPUT,
                "smooth": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 5.0,
                        "step": 0.05,
                        "tooltip": "Seconds: what goes there and back within that time is taken out of the motion.",
                    },
                ),
                "device": DEVICE_INPUT,
            },
            "optional": {"background_image": BACKGROUND_IMAGE_INPUT, "audio": AUDIO_INPUT},
        }

    def imitate(
        self,
        person: lw.SourceState,
        motion: lw.BodyTrack,
        camera: str,
        size: int,
        background: str,
        renderer: str,
        smooth: float,
        device: str,
        background_image: torch.Tensor | None = None,
        audio: dict[str, Any] | None = None,
    ) -> tuple:
        """Make the frames."""
        frames = lw.imitate(
            person,
            motion,
            camera=camera,
            size=size or None,
            smooth={"all": smooth} if smooth else None,
            background=_behind(background, background_image),
            renderer=renderer,
            device=device,
        )
        images, mask, invented = stack_pictures(frames, len(motion))
        fps = motion.fps or 25.0
        return images, mask, invented, fps, *_video(images, fps, audio)


class Dress:
    """Dress a person in a part of another."""

    DESCRIPTION = "Dresses a person in clothes of another: their pictures and shape, on the person's own body."
    CATEGORY = "liquidwarp"
    FUNCTION = "dress"
    RETURN_TYPES = (PERSON,)
    RETURN_NAMES = ("person",)
    OUTPUT_TOOLTIPS = ("A person like any other; a further Dress puts on more.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        wearer = (PERSON, {"tooltip": "Who wears the clothes."})
        part = (list(GROUPS), {"default": "upper", "tooltip": "What is taken over from the wearer."})
        return {"required": {"person": PERSON_INPUT, "wearer": wearer, "part": part}}

    def dress(self, person: lw.SourceState, wearer: lw.SourceState, part: str) -> tuple[lw.SourceState]:
        """Dress the person."""
        host.check_interrupted()
        return (lw.transfer_appearance(person, {part: wearer}),)


class Turn:
    """Show a person from all sides."""

    DESCRIPTION = "A camera walks around the person."
    CATEGORY = "liquidwarp"
    FUNCTION = "turn"
    RETURN_TYPES = ("IMAGE", "MASK", "MASK", "FLOAT")
    RETURN_NAMES = ("images", "mask", "invented", "fps")
    OUTPUT_TOOLTIPS = Imitate.OUTPUT_TOOLTIPS

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""

        def angle(default: float, least: float, most: float, tooltip: str) -> tuple:
            return "FLOAT", {"default": default, "min": least, "max": most, "step": 1.0, "tooltip": tooltip}

        return {
            "required": {
                "person": PERSON_INPUT,
                "degrees": angle(360.0, -3600.0, 3600.0, "How far around; 360 loops."),
                "frames": ("INT", {"default": 48, "min": 1, "max": 2000, "tooltip": "Number of views."}),
                "start": angle(0.0, -360.0, 360.0, "Where it begins; 0 is the photo's own view."),
                "elevation": angle(0.0, -60.0, 60.0, "By how much the camera is raised."),
                "pose": (["source", "a", "t"], {"default": "source", "tooltip": "As in the photo, an A, or a T."}),
                "fps": RATE_INPUT,
                "size": SIZE_INPUT,
                "background": BACKGROUND_INPUT,
                "renderer": RENDERER_INPUT,
                "device": DEVICE_INPUT,
            },
            "optional": {"background_image": BACKGROUND_IMAGE_INPUT},
        }

    def turn(
        self,
        person: lw.SourceState,
        degrees: float,
        frames: int,
        start: float,
        elevation: float,
        pose: str,
        fps: float,
        size: int,
        background: str,
        renderer: str,
        device: str,
        background_image: torch.Tensor | None = None,
    ) -> tuple:
        """Make the views."""
        views = lw.novel_view(
            person,
            degrees=degrees,
            frames=frames,
            start=start,
            elevation=elevation,
            pose=pose,
            size=size or None,
            background=_behind(background, background_image),
            renderer=renderer,
            device=device,
        )
        images, mask, invented = stack_pictures(views, frames)
        return images, mask, invented, fps, *_video(images, fps, None)


class DrawGuides:
    """Draw what other models are guided by."""

    DESCRIPTION = "The person in motion as the control inputs of other models expect it; no licensed body is needed."
    CATEGORY = "liquidwarp"
    FUNCTION = "draw"
    RETURN_TYPES = ("IMAGE", "IMAGE", "IMAGE", "IMAGE", "IMAGE", "IMAGE", "MASK", "MASK", "FLOAT")
    RETURN_NAMES = ("skeleton", "depth", "normal", "parts", "coverage", "first_pass", "mask", "invented", "fps")
    OUTPUT_TOOLTIPS = (
        "OpenPose's 18 points and limbs in their usual colours, on black.",
        "Near is bright, one range for the whole clip; black is nothing.",
        "Camera axes: red to the right, green up, blue towards the camera; black is nothing.",
        "One colour a body part; black is nothing.",
        "Seen in the photo, mirrored, or filled in.",
        "The frames as Imitate makes them: what a finisher starts from.",
        "The person with clothes, 1 inside.",
        "What no photo shows of the person: what a finisher may repaint.",
        "Frames a second.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple]]:
        """Return what goes in."""
        return {
            "required": {
                "person": PERSON_INPUT,
                "motion": MOTION_INPUT,
                "camera": CAMERA_INPUT,
                "size": SIZE_INPUT,
                "background": (BACKGROUND_INPUT[0], BACKGROUND_INPUT[1] | {"default": "plain"}),
                "device": DEVICE_INPUT,
            },
            "optional": {"background_image": BACKGROUND_IMAGE_INPUT},
        }

    def draw(
        self,
        person: lw.SourceState,
        motion: lw.BodyTrack,
        camera: str,
        size: int,
        background: str,
        device: str,
        background_image: torch.Tensor | None = None,
    ) -> tuple:
        """Draw the guides."""
        frames = draw_guides(
            person,
            motion,
            camera=camera,
            size=size or None,
            background=_behind(background, background_image),
            device=device,
        )
        return *stack_guides(frames, len(motion)), motion.fps or 25.0


def _behind(background: str, picture: torch.Tensor | None) -> object:
    """Return what `liquidwarp.imitate` takes as a background."""
    if picture is not None:
        return to_arrays(picture[:1])[0]
    return BACKGROUND_COLORS.get(background, background)


def _video(images: torch.Tensor, fps: float, audio: dict[str, Any] | None) -> tuple:
    return (host.make_video(images, fps, audio),) if "VIDEO" in Imitate.RETURN_TYPES else ()


if host.has_video():
    for _node in (Imitate, Turn):
        _node.RETURN_TYPES += ("VIDEO",)
        _node.RETURN_NAMES += ("video",)
        _node.OUTPUT_TOOLTIPS += ("The frames as a video, with the sound.",)

NODE_CLASS_MAPPINGS: Mapping[str, type] = {
    "LiquidwarpLearnPerson": LearnPerson,
    "LiquidwarpRecoverMotion": RecoverMotion,
    "LiquidwarpImitate": Imitate,
    "LiquidwarpDress": Dress,
    "LiquidwarpTurn": Turn,
    "LiquidwarpGuides": DrawGuides,
    "LiquidwarpLoadPerson": LoadPerson,
    "LiquidwarpSavePerson": SavePerson,
    "LiquidwarpLoadMotion": LoadMotion,
    "LiquidwarpSaveMotion": SaveMotion,
    "LiquidwarpExportGlb": ExportGlb,
}
NODE_DISPLAY_NAME_MAPPINGS: Mapping[str, str] = {
    "LiquidwarpLearnPerson": "Learn Person (liquidwarp)",
    "LiquidwarpRecoverMotion": "Recover Motion (liquidwarp)",
    "LiquidwarpImitate": "Imitate (liquidwarp)",
    "LiquidwarpDress": "Dress (liquidwarp)",
    "LiquidwarpTurn": "Turn (liquidwarp)",
    "LiquidwarpGuides": "Guides for Other Models (liquidwarp)",
    "LiquidwarpLoadPerson": "Load Person (liquidwarp)",
    "LiquidwarpSavePerson": "Save Person (liquidwarp)",
    "LiquidwarpLoadMotion": "Load Motion (liquidwarp)",
    "LiquidwarpSaveMotion": "Save Motion (liquidwarp)",
    "LiquidwarpExportGlb": "Export GLB (liquidwarp)",
}
