import json

import numpy as np
import pytest
import torch

from segue.trust.calibration import expected_error, reliability
from segue.trust.crossfit import _halves, cross_fitted, errors, fitted_on, held_out
from segue.trust.sample import PixelSample
from segue.trust.temperature import fit_temperature


def sample_of(temperatures, pixels=4000, classes=4, seed=0, stands_for=1.0):
    """One image per temperature: labels drawn from softmax(logits / temperature)."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(len(temperatures) * pixels, classes, generator=generator)
    true = logits / torch.tensor(temperatures, dtype=torch.float32).repeat_interleave(pixels)[:, None]
    labels = torch.multinomial(torch.softmax(true, 1), 1, generator=generator)[:, 0]
    return PixelSample(
        logits.numpy(),
        labels.numpy().astype(np.uint8),
        np.arange(labels.numel()) % 3 == 0,
        np.repeat(np.arange(len(temperatures)), pixels),
        np.full(len(temperatures), float(stands_for)),
    )


def test_an_overconfident_model_is_mended_on_images_that_were_not_fitted():
    sample = sample_of([2.0] * 8)
    found = cross_fitted(sample, [""] * 8)
    assert found.temperature == pytest.approx(2, rel=0.03)
    assert found.before.ece > 0.1
    assert found.after.ece < 0.01
    for before, after in (
        (found.before.class_wise, found.after.class_wise),
        (found.before.near_contours, found.after.near_contours),
        (found.before.per_image, found.after.per_image),
        (found.before.log_likelihood, found.after.log_likelihood),
    ):
        assert after < before
    assert (found.measured, found.unit, found.units) == ("cross-fitted", "images", 8)


def test_each_half_is_measured_with_the_temperature_of_the_other():
    sample = sample_of([1.0, 3.0, 1.0, 3.0])
    groups = ["a", "b", "a", "b"]
    found = cross_fitted(sample, groups)
    assert (found.unit, found.units) == ("groups", 2)
    mine, other = (fitted_on(sample.of(np.isin(sample.image, part))) for part in ([0, 2], [1, 3]))
    assert (mine, other) == (pytest.approx(1, rel=0.05), pytest.approx(3, rel=0.05))
    swapped = np.where(np.isin(sample.image, [0, 2]), other, mine).astype(np.float32)
    assert found.after.ece == errors(sample, swapped).ece
    # temperatures of other kinds of images make it worse, and it is said
    assert found.after.log_likelihood > errors(sample, np.full(16000, found.temperature, np.float32)).log_likelihood


def test_the_temperature_kept_is_that_of_all_images():
    sample = sample_of([1.5] * 4, pixels=1000)
    everything = fit_temperature(torch.from_numpy(sample.logits), torch.from_numpy(sample.labels))
    assert cross_fitted(sample, [""] * 4).temperature == everything


def test_one_image_gives_a_temperature_and_no_promise():
    found = cross_fitted(sample_of([2.0]), [""])
    assert found.temperature == pytest.approx(2, rel=0.1)
    assert found.after is None
    assert found.measured == "not at all"
    assert found.summary()["after"] is None


def test_a_temperature_from_elsewhere_is_measured_as_it_is():
    sample = sample_of([2.0] * 3)
    found = held_out(sample, 2.0)
    assert (found.temperature, found.measured) == (2.0, "held out")
    assert found.after.ece < 0.02 < found.before.ece


def test_errors_are_those_of_the_divided_logits_weighted_by_pixels():
    sample = sample_of([1.0, 2.0], pixels=500)
    heavy = PixelSample(sample.logits, sample.labels, sample.near, sample.image, np.array([1.0, 3.0]))
    shares = torch.softmax(torch.from_numpy(sample.logits) / 1.3, 1).numpy()
    repeated = np.concatenate([np.arange(500), *[np.arange(500, 1000)] * 3])
    expected = expected_error(reliability(shares[repeated], sample.labels[repeated]))
    assert errors(heavy, np.full(1000, 1.3, np.float32)).ece == pytest.approx(float(expected), abs=1e-6)


def test_the_mean_over_images_is_not_given_where_they_were_sampled_thinly():
    flat = np.ones(2000, np.float32)
    assert errors(sample_of([1.0, 2.0], pixels=1000), flat).per_image > 0
    assert np.isnan(errors(sample_of([1.0, 2.0], pixels=1000, stands_for=2), flat).per_image)


def test_the_summary_is_json_and_its_bins_give_the_errors_back():
    found = cross_fitted(sample_of([2.0] * 4), [""] * 4).summary()
    json.dumps(found, allow_nan=False)
    for name in ("before", "after"):
        points = [one[name] for one in found["bins"]]
        assert sum(point["share"] for point in points) == pytest.approx(1)
        gaps = [p["share"] * abs(p["confidence"] - p["accuracy"]) for p in points if p["share"]]
        assert sum(gaps) == pytest.approx(found[name]["ece"])


@pytest.mark.parametrize(
    ("groups", "unit", "units"),
    [
        ([""] * 7, "images", 7),
        (["a"] * 4, "images", 4),  # one group cannot be divided
        (list("abcd"), "images", 4),
        (["a", "a", "a", "b", "c", ""], "groups", 4),
    ],
)
def test_halves_keep_groups_together_and_are_of_one_size(groups, unit, units):
    side, drawn = _halves(groups, 0)
    assert (drawn.kind, drawn.count) == (unit, units)
    assert 0 < side.sum() < len(groups)
    if unit == "groups":
        assert len({second for name, second in zip(groups, side.tolist(), strict=True) if name == "a"}) == 1
    else:
        assert abs(2 * side.sum() - len(groups)) <= 1


def test_no_labelled_pixel_at_all():
    sample = sample_of([1.0, 1.0]).of(np.zeros(8000, bool))
    found = cross_fitted(sample, ["", ""])
    assert (found.temperature, found.measured) == (1.0, "not at all")
    assert found.summary()["before"]["ece"] is None
