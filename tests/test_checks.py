import math

import pytest
import torch

from liquidwarp.checks import check_choice, check_positive, check_shape
from liquidwarp.errors import InputError, LiquidwarpError, NoPersonError, OutputError


def test_a_choice_names_the_others() -> None:
    check_choice("camera", "copy", ["smooth", "copy"])
    with pytest.raises(InputError, match="camera='fly' is not known; choose one of smooth, copy"):
        check_choice("camera", "fly", (name for name in ("smooth", "copy")))


def test_a_shape_says_what_came_and_what_was_wanted() -> None:
    check_shape("betas", torch.zeros(2, 10), (None, 10))
    for wrong in (torch.zeros(2, 9), torch.zeros(10), torch.zeros(1, 2, 10), torch.zeros(())):
        with pytest.raises(InputError, match=r"betas has shape .*, wanted \(any, 10\)"):
            check_shape("betas", wrong, (None, 10))


@pytest.mark.parametrize("value", [0, -1, -0.0, math.nan, -math.inf])
def test_a_positive_number_is_asked_for(value: float | int) -> None:
    check_positive("fps", 0.1)
    with pytest.raises(InputError, match=r"fps=.* must be greater than zero"):
        check_positive("fps", value)


def test_errors_fit_in_where_others_look_for_them() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(OutputError, OSError)
    assert issubclass(NoPersonError, InputError)
    assert all(issubclass(error, LiquidwarpError) for error in (InputError, NoPersonError, OutputError))
    assert str(OutputError("cannot write x: full")) == "cannot write x: full"
