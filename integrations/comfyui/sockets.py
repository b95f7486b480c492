"""Sockets and widgets that several nodes have.

Each is a pair as ComfyUI wants it: the type (or what a list offers), and what else is to be said of it.
"""

from liquidwarp.tasks.target import CAMERAS

PERSON, MOTION = "LIQUIDWARP_PERSON", "LIQUIDWARP_MOTION"
BACKGROUND_COLORS = {"green": (0, 255, 0), "black": (0, 0, 0), "white": (255, 255, 255)}
_BACKGROUNDS = ("keep", "plain", *BACKGROUND_COLORS)

PERSON_INPUT = (PERSON, {"tooltip": "From Learn Person, Load Person or Dress."})
MOTION_INPUT = (MOTION, {"tooltip": "From Recover Motion or Load Motion."})
CAMERA_INPUT = (
    list(CAMERAS),
    {
        "default": "smooth",
        "tooltip": "smooth: the dancer's way through the room, carried into the photo. copy: the video's own camera "
        "and place. source: the person stays in place.",
    },
)
SIZE_INPUT = (
    "INT",
    {
        "default": 512,
        "min": 0,
        "max": 4096,
        "step": 8,
        "tooltip": "Longer side of the pictures, pixels; 0: as large as the photo (camera copy: as the video).",
    },
)
BACKGROUND_INPUT = (
    list(_BACKGROUNDS),
    {"default": "keep", "tooltip": "keep: the photo without the person. plain: light grey. Or a colour to key out."},
)
BACKGROUND_IMAGE_INPUT = ("IMAGE", {"tooltip": "A picture behind the person, in place of `background`."})
RENDERER_INPUT = (
    ["surface", "gan"],
    {
        "default": "surface",
        "tooltip": "surface: the photo's own pixels. gan: a small trained network goes over them, softer and slower.",
    },
)
DEVICE_INPUT = (
    ["auto", "cpu"],
    {"default": "auto", "tooltip": "Where pictures are made; auto takes a GPU if there is one."},
)
PERSON_NUMBER_INPUT = (
    "INT",
    {"default": 0, "min": 0, "max": 20, "tooltip": "Which person, where several are seen; 0 is the largest."},
)
FOV_INPUT = (
    "FLOAT",
    {
        "default": 0.0,
        "min": 0.0,
        "max": 170.0,
        "step": 0.5,
        "tooltip": "Field of view along the longer side, degrees; 0: unknown, it is estimated.",
    },
)
AUDIO_INPUT = ("AUDIO", {"tooltip": "Sound of the VIDEO that comes out; from Recover Motion, or any other."})
RATE_INPUT = (
    "FLOAT",
    {"default": 25.0, "min": 1.0, "max": 240.0, "step": 0.01, "tooltip": "Frames a second."},
)
