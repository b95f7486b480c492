"""A person who stands and then walks, with feet that truly stand between steps."""

import math

import torch
from fit_samples import JOINT, relaxed
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle

PERIOD, SWING, STRIDE, WAIT = 1.0, 0.4, 0.4, 0.8  # seconds, seconds, metres, seconds
LIFT = 0.12


def walk(body: BodyModel, betas: Tensor, seconds: float, fps: float, yaw: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return poses (T, 22, 3), places (T, 3) and whether the left and right foot stand (T, 2).

    The person waits, then walks where they face: away from the camera's axis by `yaw` radians. Legs are solved for
    ankles on a given path, soles level, so a standing heel and toe stay exactly where they are.
    """
    time = torch.arange(round(seconds * fps), dtype=torch.float64) / fps
    pose = relaxed(body, len(time)).double()
    ahead = (time - WAIT).clamp_min(0) * STRIDE / PERIOD
    places = torch.stack([0 * time, 0.03 + 0 * time, -ahead], dim=-1)
    stands = []
    for side, phase in (("left", 0.0), ("right", 0.5)):
        starts = WAIT + (phase + torch.arange(math.ceil(seconds))) * PERIOD
        part = ((time[:, None] - starts) / SWING).clamp(0, 1)
        eased = part - (2 * math.pi * part).sin() / (2 * math.pi)
        lift = LIFT * (math.pi * part).sin().amax(dim=1)
        _solve_leg(body, betas.double(), pose, side, STRIDE * eased.sum(dim=1) - ahead, lift)
        stands.append(((part == 0) | (part == 1)).all(dim=1))
    turn = axis_angle_to_matrix(torch.tensor([0.0, yaw, 0.0], dtype=torch.float64))
    pose[:, 0] = matrix_to_axis_angle(turn @ axis_angle_to_matrix(pose[:, 0]))
    return pose.float(), (places @ turn.T).float(), torch.stack(stands, dim=-1)


def _solve_leg(body: BodyModel, betas: Tensor, pose: Tensor, side: str, forward: Tensor, lift: Tensor) -> None:
    """Bend hip and knee about X until the ankle is `forward` and `lift` of where it hangs, less 5 cm."""
    hip, knee, ankle = (JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    joints = body.rest_joints(betas.float()).double()
    at = [joints[body.canonical(f"{side}_{name}")] for name in ("hip", "knee", "ankle")]
    aim = at[2] - at[0] + torch.stack([0 * lift, -lift - 0.05, -forward], dim=-1)
    thigh, shin = (at[1] - at[0])[1:], (at[2] - at[1])[1:]
    reach = aim[:, 1:].norm(dim=-1)
    inner = math.atan2(float(thigh[1]), float(thigh[0])) - math.atan2(float(shin[1]), float(shin[0]))
    upper, lower = thigh.norm(), shin.norm()
    cosine = (reach**2 - upper**2 - lower**2) / (2 * upper * lower)
    bend = torch.acos(cosine.clamp(-1, 1)) + inner
    # Angle about X that carries the bent leg onto the aim: in the (y, z) plane a turn by a adds a to atan2(z, y).
    bent_y = thigh[0] + shin[0] * bend.cos() - shin[1] * bend.sin()
    bent_z = thigh[1] + shin[0] * bend.sin() + shin[1] * bend.cos()
    swing = torch.atan2(aim[:, 2], aim[:, 1]) - torch.atan2(bent_z, bent_y)
    pose[:, hip], pose[:, knee], pose[:, ankle] = 0.0, 0.0, 0.0
    pose[:, hip, 0], pose[:, knee, 0], pose[:, ankle, 0] = swing, bend, -swing - bend
