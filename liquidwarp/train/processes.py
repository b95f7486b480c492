"""The processes of a training: one, or as many as `torchrun` started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from liquidwarp.errors import InputError


@dataclass(frozen=True)
class Processes:
    """Who takes part.

    Attributes:
        rank: number of this process.
        world: how many there are.
        device: that this process computes on.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this one writes files."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Average a module's gradients over the processes."""
        if self.world == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(
            module,
            device_ids=devices,
            broadcast_buffers=False,
            find_unused_parameters=True,  # stages leave some out
        )

    def any(self, said: bool) -> bool:
        """Tell whether any process says so."""
        if self.world == 1:
            return said
        flag = torch.tensor(float(said), device=self.device, dtype=torch.float32)
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag)

    def latest(self, value: float) -> float:
        """Return the first process's value."""
        if self.world == 1:
            return value
        shared = torch.tensor(value, device=self.device, dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return float(shared)


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Meet the other processes that `torchrun` started; alone without it.

    Args:
        device: auto, cpu or cuda.

    Raises:
        InputError: no CUDA device where one is asked for.
    """
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise InputError("train.device=cuda, but there is no CUDA device; use --set train.device=cpu")
    cuda = device != "cpu" and has_cuda
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(where)
    if world == 1:
        yield Processes(0, 1, where)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(rank, world, where)
    finally:
        distributed.destroy_process_group()
