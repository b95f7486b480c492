"""Whether the detector's models are here, for tests that need them."""

import pytest

from liquidwarp.detect.litert.models import MODELS, find_model

_SHIPPED = [name for name, model in MODELS.items() if model.shipped]

needs_models = pytest.mark.skipif(
    any(find_model(name) is None for name in _SHIPPED),
    reason="the detector's models are not here; run 'liquidwarp setup'",
)
