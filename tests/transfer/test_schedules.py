"""Every schedule against its closed form, and against torch's scheduler where there is one."""

import math

import pytest
import torch

from segue.configs import SCHEDULES as CHOICES
from segue.configs import OptimConfig
from segue.errors import UsageError
from segue.transfer.schedules import SCHEDULES, rate_factor
from segue.transfer.schedules.plateau import falls

STEPS = 40


def plain(schedule: str, **options: object) -> OptimConfig:
    return OptimConfig(schedule=schedule, warmup=0.0, **options)


def torch_factors(make) -> list[float]:
    """The rates a torch scheduler gives at the beginning of each of STEPS steps, for a peak of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_the_choices_are_the_rows():
    assert SCHEDULES.names() == CHOICES


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_closed_forms(progress):
    assert rate_factor(progress, 0.0, plain("poly", power=0.9)) == pytest.approx((1 - progress) ** 0.9)
    assert rate_factor(progress, 0.0, plain("cosine")) == pytest.approx((1 + math.cos(math.pi * progress)) / 2)
    assert rate_factor(progress, 0.0, plain("constant")) == 1.0
    falls_so_far = (progress >= 0.3) + (progress >= 0.6)
    step = plain("step", milestones=(0.3, 0.6), gamma=0.2)
    assert rate_factor(progress, 0.0, step) == pytest.approx(0.2**falls_so_far)


@pytest.mark.parametrize(
    ("optim", "make"),
    [
        (plain("poly", power=0.9), lambda o: torch.optim.lr_scheduler.PolynomialLR(o, STEPS, 0.9)),
        (plain("cosine"), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS)),
        (
            plain("step", milestones=(0.25, 0.75), gamma=0.3),
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [STEPS // 4, 3 * STEPS // 4], 0.3),
        ),
    ],
    ids=["poly", "cosine", "step"],
)
def test_schedules_are_those_of_torch(optim, make):
    ours = [rate_factor(step / STEPS, 0.0, optim) for step in range(STEPS)]
    assert ours == pytest.approx(torch_factors(make), abs=1e-6)


def test_one_cycle_is_the_one_of_torch():
    # torch counts the last step as the end of the cycle, and the peak one step before the share it is given
    total, rise = 41, 0.25

    def make(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.OneCycleLR:
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 1.0, total_steps=total, pct_start=(rise * (total - 1) + 1) / total, cycle_momentum=False
        )

    ours = [rate_factor(step / (total - 1), 0.0, plain("one-cycle", rise=rise)) for step in range(STEPS)]
    assert ours == pytest.approx(torch_factors(make), abs=1e-6)


def test_one_cycle_of_a_part_that_starts_late_fills_what_is_left():
    optim = plain("one-cycle", rise=0.5)
    assert rate_factor(0.2, 0.2, optim) == pytest.approx(1 / 25)
    assert rate_factor(0.6, 0.2, optim) == pytest.approx(1.0)
    assert rate_factor(1.0, 0.2, optim) == pytest.approx(1 / 25 / 1e4)


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_plateau_falls_when_that_of_torch_does(patience, seed):
    scores = (torch.randint(0, 8, (30,), generator=torch.Generator().manual_seed(seed)) / 8).tolist()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, "max", factor=0.5, patience=patience, threshold=0.0, threshold_mode="abs", eps=0.0
    )
    optim = plain("plateau", gamma=0.5, plateau_patience=patience)
    for count in range(1, len(scores) + 1):
        scheduler.step(scores[count - 1])
        assert rate_factor(0.5, 0.0, optim, scores[:count]) == optimizer.param_groups[0]["lr"]
    assert falls(scores, patience) > 0


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "one-cycle"])
def test_the_warm_up_is_linear_and_starts_where_a_part_starts(schedule):
    optim, cold = OptimConfig(schedule=schedule, warmup=0.2), plain(schedule)
    for start in (0.0, 0.3):
        for share in (0.0, 0.25, 0.5, 1.0):
            progress = start + share * 0.2
            expected = share * rate_factor(progress, start, cold)
            assert rate_factor(progress, start, optim) == pytest.approx(expected)


@pytest.mark.parametrize("schedule", SCHEDULES.names())
def test_nothing_moves_before_its_start_and_no_factor_exceeds_the_peak(schedule):
    optim = OptimConfig(schedule=schedule)
    assert rate_factor(0.29, 0.3, optim) == 0.0
    assert rate_factor(0.99, math.inf, optim) == 0.0
    assert all(0 <= rate_factor(step / 200, 0.3, optim) <= 1 for step in range(201))


def test_an_unknown_schedule_is_named():
    with pytest.raises(UsageError, match="schedule: expected one of poly, cosine"):
        OptimConfig(schedule="polly")
