import pytest
import torch


@pytest.fixture
def generator() -> torch.Generator:
    """A random generator with a fixed seed, fresh for every test."""
    return torch.Generator().manual_seed(0)
