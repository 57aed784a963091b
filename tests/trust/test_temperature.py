import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.trust.temperature import HIGHEST, LOWEST, fit_temperature, negative_log_likelihood


def drawn(temperature=1.0, pixels=20_000, classes=5, seed=0):
    """Logits, and labels drawn from softmax(logits / temperature)."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(pixels, classes, generator=generator)
    labels = torch.multinomial(torch.softmax(logits / temperature, 1), 1, generator=generator)[:, 0]
    return logits, labels


@pytest.mark.parametrize(("margin", "right"), [(1.0, 0.9), (4.0, 0.9), (4.0, 0.6), (0.5, 0.55)])
def test_two_classes_of_one_margin_have_a_closed_form(margin, right):
    """sigmoid(margin / T) = share that is right."""
    logits = torch.tensor([[margin, 0.0]]).repeat(1000, 1)
    labels = (torch.arange(1000) >= 1000 * right).long()
    assert fit_temperature(logits, labels) == pytest.approx(margin / math.log(right / (1 - right)), rel=1e-4)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_drew_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.03)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.3, 4), st.integers(2, 8), st.integers(0, 3))
def test_no_temperature_of_a_fine_grid_is_better(temperature, classes, seed):
    logits, labels = drawn(temperature, 2000, classes, seed)
    found = fit_temperature(logits, labels)
    best = negative_log_likelihood(logits.double().float(), labels, found).double().mean()
    for other in np.geomspace(LOWEST, HIGHEST, 60):
        assert best <= negative_log_likelihood(logits, labels, float(other)).double().mean() + 1e-6


@settings(max_examples=10, deadline=None)
@given(st.floats(0.3, 3))
def test_scaled_logits_scale_the_temperature(factor):
    logits, labels = drawn(1.3, 3000)
    assert fit_temperature(logits * factor, labels) == pytest.approx(factor * fit_temperature(logits, labels), rel=1e-3)


def test_a_constant_added_to_all_scores_of_a_pixel_changes_nothing():
    logits, labels = drawn(1.7, 3000)
    moved = logits + 50 * torch.randn(3000, 1)
    assert fit_temperature(moved, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-3)


def test_it_stays_within_its_ends():
    logits, _ = drawn()
    assert fit_temperature(logits, logits.argmax(1)) == pytest.approx(LOWEST)
    assert fit_temperature(logits, logits.argmin(1)) == pytest.approx(HIGHEST)


@pytest.mark.parametrize(
    "logits", [torch.zeros(0, 3), torch.zeros(5, 3), torch.randn(5, 1)], ids=["none", "equal", "one class"]
)
def test_where_nothing_depends_on_it_it_is_one(logits):
    assert fit_temperature(logits, torch.zeros(len(logits), dtype=torch.long)) == 1


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e4])
def test_extreme_scores_give_a_number(scale):
    logits, labels = drawn(pixels=500)
    assert LOWEST <= fit_temperature(logits * scale, labels) <= HIGHEST


def test_the_likelihood_is_cross_entropy():
    logits, labels = drawn(pixels=50)
    expected = torch.nn.functional.cross_entropy(logits / 1.7, labels, reduction="none")
    torch.testing.assert_close(negative_log_likelihood(logits, labels, 1.7), expected)
