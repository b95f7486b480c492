"""What the compact generator's objective holds an answer to."""

from dataclasses import replace

import torch

from liquidwarp.train.config import LossConfig
from liquidwarp.train.objective import Attempt, CompactObjective

NONE = LossConfig(pixel=0.0, ssim=0.0, perceptual=0.0, mask=0.0, overlap=0.0, face=0.0, identity=0.0)


def test_the_outline_loss_is_the_mean_difference_around_the_person() -> None:
    mask = torch.zeros(1, 64, 64)
    mask[:, 24:40, 24:40] = 1
    batch = {"mask": mask, "rendered_alpha": mask, "target": torch.zeros(1, 3, 64, 64)}
    objective = CompactObjective(torch.nn.Identity(), replace(NONE, outline=2.0))
    made = (mask - 0.25 * mask).requires_grad_()
    losses = objective.generator_losses(Attempt(batch["target"], made), batch, adversary=False)
    assert set(losses) == {"outline"}
    torch.testing.assert_close(losses["outline"], torch.tensor(2 * 0.25 * 16**2 / 24**2))
