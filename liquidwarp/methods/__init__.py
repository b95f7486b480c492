"""Ways to turn a learnt person into pictures: the seam between them and the rest, and their registry."""

import importlib
from typing import TYPE_CHECKING

from liquidwarp.methods.registry import METHODS, MethodEntry, Paper, entry_of, make_method, method_of, register, resolve
from liquidwarp.methods.table import method_table

if TYPE_CHECKING:
    from liquidwarp.methods.compact import CompactMethod
    from liquidwarp.methods.disco import DiscoMethod
    from liquidwarp.methods.edn import EdnMethod
    from liquidwarp.methods.few_shot_vid2vid import FewShotFaceMethod, FewShotLabelsMethod, FewShotMethod
    from liquidwarp.methods.liquid import LiquidMethod
    from liquidwarp.methods.pose_transfer import PoseTransferMethod
    from liquidwarp.methods.protocol import (
        BackgroundPicture,
        ClipSession,
        DrivenMethod,
        DrivingClip,
        Frame,
        Method,
        PreviousFrame,
        Session,
        Synthesis,
    )
    from liquidwarp.methods.surface import SurfaceMethod

_HOMES = {
    "BackgroundPicture": "protocol",
    "ClipSession": "protocol",
    "CompactMethod": "compact",
    "DiscoMethod": "disco",
    "DrivenMethod": "protocol",
    "DrivingClip": "protocol",
    "EdnMethod": "edn",
    "FewShotFaceMethod": "few_shot_vid2vid",
    "FewShotLabelsMethod": "few_shot_vid2vid",
    "FewShotMethod": "few_shot_vid2vid",
    "Frame": "protocol",
    "LiquidMethod": "liquid",
    "Method": "protocol",
    "PoseTransferMethod": "pose_transfer",
    "PreviousFrame": "protocol",
    "Session": "protocol",
    "SurfaceMethod": "surface",
    "Synthesis": "protocol",
}

__all__ = [
    "METHODS",
    "BackgroundPicture",
    "ClipSession",
    "CompactMethod",
    "DiscoMethod",
    "DrivenMethod",
    "DrivingClip",
    "EdnMethod",
    "FewShotFaceMethod",
    "FewShotLabelsMethod",
    "FewShotMethod",
    "Frame",
    "LiquidMethod",
    "Method",
    "MethodEntry",
    "Paper",
    "PoseTransferMethod",
    "PreviousFrame",
    "Session",
    "SurfaceMethod",
    "Synthesis",
    "entry_of",
    "make_method",
    "method_of",
    "method_table",
    "register",
    "resolve",
]


def __getattr__(name: str) -> object:
    # Networks are loaded when a method is first asked for, so that the registry stays quick to read.
    if name not in _HOMES:
        raise AttributeError(f"module 'liquidwarp.methods' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"liquidwarp.methods.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
