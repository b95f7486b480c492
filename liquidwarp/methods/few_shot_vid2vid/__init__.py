"""Few-shot vid2vid over our own bodies and photos, over talking faces, and over maps of classes."""

from liquidwarp.methods.few_shot_vid2vid.classes import ClassExample, FewShotLabelsMethod, build_labels
from liquidwarp.methods.few_shot_vid2vid.face import FewShotFaceMethod, build_face
from liquidwarp.methods.few_shot_vid2vid.method import FewShotMethod, FewShotSession, FewShotSynthesis, build, export

__all__ = [
    "ClassExample",
    "FewShotFaceMethod",
    "FewShotLabelsMethod",
    "FewShotMethod",
    "FewShotSession",
    "FewShotSynthesis",
    "build",
    "build_face",
    "build_labels",
    "export",
]
