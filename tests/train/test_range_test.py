"""The learning-rate range test: rates, smoothing without lag, and what is read off curves whose answer is known."""

import dataclasses
from itertools import repeat

import numpy as np
import pytest

from segue.configs import OptimConfig, TransferConfig
from segue.train.range_test import Curve, range_test, smoothed, suggest
from tiny_engine import make_engine, small_batch, small_model

RATES = tuple(np.geomspace(1e-6, 1.0, 121).tolist())


def try_rates(engine, lowest: float, highest: float, steps: int) -> Curve:
    """A range test that sees the same batch at every step."""
    return range_test(engine, repeat(small_batch()), np.geomspace(lowest, highest, steps).tolist(), lambda *_: None)


def valley(falls_at: float, rises_at: float) -> list[float]:
    """Losses that fall from 2 to 1 around one rate and rise again around another, sigmoids of its logarithm."""
    log = np.log10(RATES)
    fall = 1 / (1 + np.exp(-(log - np.log10(falls_at)) * 6))
    rise = 1 / (1 + np.exp(-(log - np.log10(rises_at)) * 6))
    return (2 - fall + 4 * rise).tolist()


def test_the_steepest_descent_and_a_tenth_of_what_is_too_high():
    said = suggest(Curve(RATES, tuple(valley(1e-4, 1e-1))), len(RATES))
    assert said.steepest == pytest.approx(1e-4, rel=0.2)
    # 4 * rise = 0.5, half of the gain, where the second sigmoid is 1/8
    assert said.diverged == pytest.approx(10 ** (-1 + np.log(1 / 7) / 6), rel=0.2)
    assert said.safe == said.diverged / 10
    assert said.lr == min(said.steepest, said.safe)


def test_a_steep_descent_close_to_the_edge_gives_way_to_the_safe_rate():
    said = suggest(Curve(RATES, tuple(valley(2e-2, 2e-1))), len(RATES))
    assert said.safe < said.steepest
    assert said.lr == said.safe


def test_when_nothing_is_too_high_a_tenth_of_the_last_rate_is_safe():
    said = suggest(Curve(RATES, tuple(valley(1e-3, 1e6))), len(RATES))
    assert said.diverged is None
    assert said.safe == pytest.approx(0.1)


def test_a_test_that_broke_off_was_too_high_where_it_did():
    said = suggest(Curve(RATES[:80], tuple(valley(1e-4, 1e6)[:80]), ended=RATES[80]), len(RATES))
    assert said.diverged == RATES[80]


@pytest.mark.parametrize("losses", [[2.0] * 121, np.linspace(2, 3, 121).tolist(), [2.0, 1.9]])
def test_losses_that_never_fall_suggest_nothing(losses):
    said = suggest(Curve(RATES[: len(losses)], tuple(losses)), len(RATES))
    assert (said.steepest, said.safe, said.lr) == (None, None, None)


def test_smoothing_is_the_weighted_mean_and_does_not_lag():
    values, steps = np.random.default_rng(0).random(40), 50
    width = 0.03 * steps
    for place in (0, 3, 20, 39):
        weights = np.exp(-0.5 * ((np.arange(40) - place) / width) ** 2)
        weights[np.abs(np.arange(40) - place) > np.ceil(4 * width)] = 0
        assert smoothed(values.tolist(), steps)[place] == pytest.approx((weights * values).sum() / weights.sum())
    np.testing.assert_allclose(smoothed([1.5] * 7, 100), 1.5)
    peak = np.exp(-0.5 * ((np.arange(100) - 37) / 6) ** 2)
    assert smoothed(peak.tolist(), 100).argmax() == 37


def test_options_of_the_schedule_do_not_matter():
    optims = [OptimConfig(lr=0.01, batch=4, clip_norm=0.0, power=power) for power in (0.9, 3.0)]
    curves = [try_rates(make_engine(small_model(), optim=optim), 1e-5, 1e-2, 5) for optim in optims]
    assert curves[0] == curves[1]


def test_every_step_has_the_next_rate_and_every_part_its_share_of_it(monkeypatch):
    from segue.train import range_test as module

    transfer = TransferConfig(mode="gradual", encoder_rate=0.25)
    original, seen = module.training_step, []

    def watching(engine, batch, state):
        terms = original(engine, batch, state)
        seen.append({group["lr"] for group in engine.optimizer.param_groups})
        return terms

    monkeypatch.setattr(module, "training_step", watching)
    curve = try_rates(make_engine(small_model(), transfer), 1e-5, 1e-2, 7)
    assert curve.rates == pytest.approx(np.geomspace(1e-5, 1e-2, 7))
    assert curve.ended is None
    for rates, rate in zip(seen, curve.rates, strict=True):
        assert sorted(rates) == pytest.approx([0.25 * rate, rate])


def test_the_options_of_the_engine_are_left_as_they_were():
    engine = make_engine(small_model())
    before = engine.optim
    try_rates(engine, 1e-5, 1e-3, 3)
    assert engine.optim is before
    assert before.schedule == "poly"


def test_a_loss_that_is_no_number_ends_the_test_at_its_rate():
    engine = make_engine(small_model())
    original, calls = engine.objective, []

    def breaking(model, part):
        calls.append(0)
        terms = original(model, part)
        return terms if len(calls) < 5 else {"ce": terms["ce"] * float("nan")}

    curve = try_rates(dataclasses.replace(engine, objective=breaking), 1e-5, 1e-1, 9)
    assert len(curve.losses) == 4
    assert curve.ended == pytest.approx(1e-5 * 10 ** (4 * 4 / 8))


def test_losses_that_stay_far_above_the_lowest_end_the_test():
    engine = make_engine(small_model())
    original, calls = engine.objective, []

    def exploding(model, part):
        calls.append(0)
        return {"ce": original(model, part)["ce"] * (1 if len(calls) <= 10 else 50)}

    curve = try_rates(dataclasses.replace(engine, objective=exploding), 1e-6, 1e-5, 20)
    assert len(curve.losses) == 11  # one of five is enough: its fiftyfold lifts their mean tenfold
    assert curve.ended == curve.rates[-1]
