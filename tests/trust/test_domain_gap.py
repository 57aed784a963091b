import math

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import permutation_test

from segue.trust.domain_gap import LARGE, LEVEL, colour_gap, distance_gap, domain_gap, enough, figures, p_values
from segue.trust.look import colours


def photograph(seed, exposure=1.0):
    """Coloured blots on a slope, as unlike each other in light and colour as photographs are."""
    random = np.random.default_rng(seed)
    light, tint = random.uniform(0.35, 0.85), 1 + random.normal(0, 0.06, 3) + np.array([0.15, 0.0, -0.15])
    field = ndimage.gaussian_filter(random.normal(size=(40, 56)), 2.5)
    grey = light * exposure * (0.6 + 0.25 * field / field.std() + 0.1 * np.linspace(-1, 1, 40)[:, None])
    noisy = grey[..., None] * tint + random.normal(0, 0.02, (40, 56, 3))
    return (255 * noisy).clip(0, 255).astype(np.uint8)


def described(seeds, change=lambda image: image):
    return np.stack([colours(change(photograph(seed))) for seed in seeds])


def blurred(image):
    return ndimage.gaussian_filter(image, (2, 2, 0))


SHIFTS = {
    "darker": (lambda image: image // 3, "brightness", -1),
    "gamma": (lambda image: (255 * (image / 255) ** 0.4).astype(np.uint8), "brightness", 1),
    "exchanged channels": (lambda image: image[..., ::-1], "channel 1", -1),
    "blur": (blurred, "sharpness", -1),
    "flat": (lambda image: (image // 4 + 70).astype(np.uint8), "contrast", -1),
}


@pytest.fixture(scope="module")
def training():
    return described(range(100))


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_planted_shift_is_found_and_named(training, shift):
    change, name, direction = SHIFTS[shift]
    found = {one.name: one for one in colour_gap(described(range(1000, 1020), change), training)}
    assert math.copysign(1, found[name].shift) == direction
    assert found[name].p <= LEVEL / 2
    assert abs(found[name].shift) >= LARGE


def test_the_same_kind_of_images_is_not_flagged(training):
    assert colour_gap(described(range(1000, 1020)), training) == ()


@pytest.mark.parametrize(("units", "others"), [(2, 30), (10, 40), (60, 60)])
def test_false_alarms_keep_to_the_level_whatever_the_distribution(units, others, monkeypatch):
    monkeypatch.setattr("segue.trust.domain_gap.LARGE", 0.0)  # the test alone, without the second condition
    monkeypatch.setattr("segue.trust.domain_gap.LEVEL", 0.2)
    monkeypatch.setattr("segue.trust.domain_gap.DRAWS", 199)
    random, runs = np.random.default_rng(units), 300
    alarms = 0
    for _ in range(runs):
        rows = random.lognormal(0, 1, (units + others, 3)) @ random.normal(size=(3, 7))  # heavy tails, correlated
        alarms += bool(colour_gap(rows[:units], rows[units:]))
    assert alarms / runs <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / runs)


def test_one_figure_gives_the_p_value_of_a_permutation_test():
    random = np.random.default_rng(0)
    first, second = random.normal(0.9, 1, 8), random.normal(0, 1, 15)
    exact = permutation_test((first, second), lambda a, b: abs(a.mean() - b.mean()), n_resamples=20_000, rng=1).pvalue
    got = p_values(first[:, None], second[:, None], np.abs)[0]
    assert got == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 1999) + 0.002)


def test_a_small_difference_is_none_however_many_images_show_it():
    random = np.random.default_rng(0)
    training, here = random.normal(0.5, 0.1, (400, 7)), random.normal(0.54, 0.1, (400, 7))
    assert p_values(here, training, np.abs).max() <= LEVEL / 2
    assert colour_gap(here, training) == ()


def test_distances_count_only_upwards():
    random = np.random.default_rng(0)
    held_out = random.gamma(4, 0.01, 40)
    assert distance_gap(held_out[:15] * 0.2, held_out) == ()
    assert distance_gap(random.gamma(4, 0.01, 15), held_out) == ()
    (found,) = distance_gap(random.gamma(4, 0.03, 15), held_out)
    assert found.name == "distance"
    assert distance_gap(np.array([np.nan, 1.0]), held_out) == ()


def test_with_too_few_images_nothing_is_said_and_the_summary_says_so(training):
    dark = described(range(1000, 1004), lambda image: image // 4)
    assert not enough(1, 100)
    assert enough(4, 100)
    looks = [(row, None) for row in dark]
    alone = domain_gap(looks, ["video"] * 4, training, np.zeros(0))  # frames of one video are one image
    assert (alone.images, alone.units, alone.differences) == (4, 1, ())
    assert alone.summary()["enough"] is False
    apart = domain_gap(looks, [""] * 4, training, np.zeros(0)).summary()
    assert apart["enough"] is True
    assert "brightness" in [one["name"] for one in apart["differences"]]


def test_images_that_are_all_alike_do_not_make_everything_far():
    same = np.tile(np.r_[[0.5] * 3, [0.2] * 3, 0.3], (50, 1))
    assert colour_gap(same + 0.01, same) == ()
    assert colour_gap(same + 0.1, same)


def test_grey_images_have_no_tints_and_five_channels_have_five():
    assert list(figures(np.zeros((2, 3)))) == ["brightness", "contrast", "sharpness"]
    assert len(figures(np.zeros((2, 11)))) == 3 + 5
