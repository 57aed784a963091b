import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segue.trust.uncertainty import FULL, NO_DATA, TOP, entropy, image_uncertainty, stored


def test_entropy_is_that_of_torch_over_that_of_equal_shares():
    logits = 3 * torch.randn(5, 40, 30, generator=torch.Generator().manual_seed(0))
    expected = torch.distributions.Categorical(logits=logits.movedim(0, -1)).entropy() / math.log(5)
    torch.testing.assert_close(entropy(logits), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("logits", "expected"), [([0.0] * 4, 1.0), ([1e4, 0, 0, 0], 0.0), ([30.0, 30.0, -1e4, -1e4], 0.5)]
)
def test_ends_and_middle_have_closed_forms(logits, expected):
    assert entropy(torch.tensor(logits)[:, None]).item() == pytest.approx(expected, abs=1e-6)


def test_one_class_is_never_unsure():
    assert not entropy(torch.randn(1, 3, 3)).any()


def test_every_entropy_is_stored_below_the_sign_for_no_data():
    values = torch.linspace(0, 1, 1001)
    numbers = stored(values)
    assert numbers.dtype == np.uint16
    assert (numbers[0], numbers[-1]) == (0, FULL)
    assert FULL < NO_DATA
    np.testing.assert_allclose(numbers / FULL, values.numpy(), atol=1 / FULL)


@given(st.lists(st.integers(0, FULL), min_size=1, max_size=200), st.floats(0.01, 1))
def test_the_score_is_the_mean_of_the_top_of_the_sorted_values(values, share):
    top = sorted(values)[-max(1, math.ceil(share * len(values))) :]
    score = image_uncertainty(np.bincount(values, minlength=FULL + 1), share)
    assert score == pytest.approx(np.mean(top) / FULL)


def test_background_does_not_thin_out_an_unsure_spot():
    spot = np.r_[np.full(50, FULL), np.zeros(950, int)]
    assert image_uncertainty(np.bincount(spot, minlength=FULL + 1)) == 1
    assert TOP == 0.05


def test_without_a_pixel_there_is_no_score():
    assert np.isnan(image_uncertainty(np.zeros(FULL + 1, np.int64)))
