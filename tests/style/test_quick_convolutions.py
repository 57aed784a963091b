"""Convolutions that are written for speed give what the plain ones give, gradients included."""

import pytest
import torch
from torch.nn import functional

from segue.style.quick_convolutions import by_columns, enlarged


def agree(ours, plain, *inputs):
    """Values and gradients, in double precision."""
    inputs = [one.double().requires_grad_() for one in inputs]
    found, expected = ours(*inputs), plain(*inputs)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-10)
    direction = torch.randn_like(expected)
    for mine, theirs in zip(
        *(torch.autograd.grad((one * direction).sum(), inputs) for one in (found, expected)), strict=True
    ):
        assert torch.allclose(mine, theirs, atol=1e-10)


@pytest.mark.parametrize("size", [(2, 2), (3, 7), (8, 5)])
def test_enlarging_is_nearest_neighbours_reflected_and_convolved(size):
    def plain(values, weight):
        values = functional.interpolate(values, scale_factor=2.0, mode="nearest")
        return functional.conv2d(functional.pad(values, (1, 1, 1, 1), mode="reflect"), weight)

    torch.manual_seed(0)
    agree(enlarged, plain, torch.randn(2, 5, *size), torch.randn(4, 5, 3, 3))


@pytest.mark.parametrize("size", [(9, 12), (10, 16), (13, 20)])
def test_four_columns_at_once_are_four_columns(size):
    torch.manual_seed(0)
    agree(by_columns, functional.conv2d, torch.randn(2, 5, *size), torch.randn(3, 5, 9, 9), torch.randn(3))
