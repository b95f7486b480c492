"""Networks that look at a crop once and answer SMPL's parameters, by iterative error feedback."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from liquidwarp.nn.resnet import FEATURES, PreActivationResNet50, ResNet50

_ROUNDS = 3
_WIDTH = 1024
_SHAPE, _CAMERA, _JOINTS = 10, 3, 24


class SmplAnswer(NamedTuple):
    """SMPL's parameters as a network answers them, in SMPL's and the crop's own conventions.

    Attributes:
        camera: scale, x, y of a weak perspective onto [-1, 1]: `picture = scale * (place + (x, y))`, y down.
        pose: rotations of SMPL's joints: axis-angle (B, 72), or two columns of each matrix (B, 144).
        shape: shape coefficients.
    """

    camera: Float[Tensor, "B 3"]
    pose: Float[Tensor, "B P"]
    shape: Float[Tensor, "B 10"]


class HmrNetwork(nn.Module):
    """HMR, as published with its TensorFlow weights.

    Source: Kanazawa et al., "End-to-end Recovery of Human Shape and Pose", 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resnet = PreActivationResNet50()
        self.regressor = _HmrRegressor()

    def forward(self, pictures: Float[Tensor, "B 3 224 224"]) -> SmplAnswer:
        """Answer from crops in [-1, 1]; the pose is 24 axis-angles."""
        theta = self.regressor(self.resnet(pictures))
        return SmplAnswer(*theta.split([_CAMERA, 3 * _JOINTS, _SHAPE], dim=1))


class _HmrRegressor(nn.Module):
    mean_theta: Tensor

    def __init__(self) -> None:
        super().__init__()
        count = _CAMERA + 3 * _JOINTS + _SHAPE
        self.register_buffer("mean_theta", torch.zeros(count, dtype=torch.float32))
        self.fc_blocks = nn.ModuleDict(
            {
                "fc1": nn.Linear(FEATURES + count, _WIDTH),
                "fc2": nn.Linear(_WIDTH, _WIDTH),
                "fc3": nn.Linear(_WIDTH, count),
            }
        )

    def forward(self, features: Tensor) -> Tensor:
        theta = self.mean_theta.expand(len(features), -1)
        for _ in range(_ROUNDS):
            inner = torch.relu(self.fc_blocks["fc1"](torch.cat([features, theta], dim=1)))
            theta = theta + self.fc_blocks["fc3"](torch.relu(self.fc_blocks["fc2"](inner)))
        return theta


class SpinNetwork(ResNet50):
    """SPIN's network: no activation between its layers, and rotations by two columns.

    Source: Kolotouros et al., "Learning to Reconstruct 3D Human Pose and Shape via Model-fitting in the Loop", 2019.
    """

    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(FEATURES + 6 * _JOINTS + _SHAPE + _CAMERA, _WIDTH)
        self.fc2 = nn.Linear(_WIDTH, _WIDTH)
        self.decpose = nn.Linear(_WIDTH, 6 * _JOINTS)
        self.decshape = nn.Linear(_WIDTH, _SHAPE)
        self.deccam = nn.Linear(_WIDTH, _CAMERA)
        for name, count in (("pose", 6 * _JOINTS), ("shape", _SHAPE), ("cam", _CAMERA)):
            self.register_buffer(f"init_{name}", torch.zeros(1, count, dtype=torch.float32))

    def forward(self, pictures: Float[Tensor, "B 3 224 224"]) -> SmplAnswer:  # type: ignore[override]
        """Answer from crops normalised by ImageNet's mean and spread; the pose is two columns of 24 matrices."""
        features = super().forward(pictures)
        starts = (self.init_pose, self.init_shape, self.init_cam)
        pose, shape, camera = (start.expand(len(features), -1) for start in starts)
        for _ in range(_ROUNDS):
            inner = self.fc2(self.fc1(torch.cat([features, pose, shape, camera], dim=1)))
            pose, shape, camera = pose + self.decpose(inner), shape + self.decshape(inner), camera + self.deccam(inner)
        return SmplAnswer(camera, pose, shape)
