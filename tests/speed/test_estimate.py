"""How long a fit takes, from made figures."""

import dataclasses

import pytest

from segue.configs import FitConfig, OptimConfig, TrainConfig
from segue.speed.estimate import estimate
from segue.speed.turns import Timing

FIGURES = {
    "training_cached": Timing(0.1, 0.0, 5),
    "training_uncached": Timing(0.3, 0.0, 5),
    "validation": Timing(0.05, 0.0, 5),
}
CONFIG = FitConfig(steps=500, optim=OptimConfig(batch=8), train=TrainConfig(validations=10))


def test_steps_validations_and_what_follows_are_added_up():
    said = estimate(CONFIG, FIGURES, 40, 1.4, 1.0, 20.0)
    assert (said.steps, said.training, said.validating) == (500, pytest.approx(400.0), pytest.approx(20.0 + 10 * 0.5))
    assert said.concluding == pytest.approx(1 + 3 * 2.0 + 0.03 * 420)
    assert said.seconds == pytest.approx(20 + 400 + 25 + said.concluding)
    assert said.line() == ("a fit like this: about 7m45s: 500 steps 6m40s, validations 25s, evaluation and report 20s")


def test_images_that_are_decoded_again_take_their_own_time():
    assert estimate(CONFIG, FIGURES, 40, 1.4, 0.5, 0.0).training == pytest.approx(500 * 8 * 0.2)


def test_every_fold_is_trained_and_the_data_are_examined_once():
    once, folds = (estimate(dataclasses.replace(CONFIG, folds=n), FIGURES, 40, 1.4, 1.0, 20.0) for n in (1, 5))
    assert folds.seconds - 20 == pytest.approx(5 * (once.seconds - 20))
    assert folds.line().endswith(", for each of 5 folds")


@pytest.mark.parametrize("folds", [1, 5])
def test_minutes_are_kept_to(folds):
    config = dataclasses.replace(CONFIG, steps=None, minutes=30, folds=folds)
    said = estimate(config, FIGURES, 40, 1.4, 1.0, 20.0)
    assert 0.9 * 1800 < said.seconds <= 1800
    assert said.training == pytest.approx(said.steps * 0.8)


def test_minutes_too_few_for_anything_leave_one_step():
    assert estimate(dataclasses.replace(CONFIG, steps=None, minutes=0.1), FIGURES, 40, 1.4, 1.0, 20.0).steps == 1
