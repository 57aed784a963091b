"""The optimisers' steps against their formulas, and their state by name."""

import math

import pytest
import torch
from torch import nn

from segue.configs import OPTIMIZERS as CHOICES
from segue.configs import OptimConfig
from segue.errors import UsageError
from segue.train.optim import make_optimizer, restore_state, state_tensors
from segue.train.optimizers import DECOUPLED, OPTIMIZERS
from segue.transfer.lr_groups import Group

RATE, DECAY = 0.1, 0.2


def steps(optim: OptimConfig, gradients: list[float], first: float = 1.0) -> list[float]:
    """The values a single weight takes under these gradients."""
    weight = nn.Parameter(torch.tensor([[first]], dtype=torch.float64))
    optimizer = make_optimizer([Group((("w", weight),), RATE, optim.weight_decay)], optim, "cpu")
    values = []
    for gradient in gradients:
        weight.grad = torch.tensor([[gradient]], dtype=torch.float64)
        optimizer.step()
        values.append(weight.item())
    return values


def test_the_choices_are_the_rows():
    assert OPTIMIZERS.names() == CHOICES
    assert set(DECOUPLED) <= set(CHOICES)
    assert all(OPTIMIZERS.about(name) for name in OPTIMIZERS)


def test_sgd_with_and_without_momentum():
    plain = OptimConfig(optimizer="sgd", momentum=0.0, weight_decay=0.0)
    assert steps(plain, [0.5, -1.0]) == pytest.approx([0.95, 1.05])
    heavy = OptimConfig(optimizer="sgd", momentum=0.9, weight_decay=0.0)
    assert steps(heavy, [0.5, -1.0]) == pytest.approx([0.95, 0.95 - RATE * (0.9 * 0.5 - 1.0)])
    nesterov = OptimConfig(optimizer="sgd", momentum=0.9, nesterov=True, weight_decay=0.0)
    velocity = [0.5, 0.9 * 0.5 - 1.0]
    first = 1 - RATE * (0.5 + 0.9 * velocity[0])
    assert steps(nesterov, [0.5, -1.0]) == pytest.approx([first, first - RATE * (-1.0 + 0.9 * velocity[1])])


def test_adam_is_the_algorithm_of_the_paper():
    gradients, weight, m, v, expected = [0.5, -1.0, 0.25], 1.0, 0.0, 0.0, []
    for t, gradient in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        weight -= RATE * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        expected.append(weight)
    for name in ("adam", "adamw"):
        assert steps(OptimConfig(optimizer=name, weight_decay=0.0), gradients) == pytest.approx(expected)


def test_rmsprop_divides_by_the_root_of_the_running_square():
    gradients, weight, square, expected = [0.5, -1.0, 0.25], 1.0, 0.0, []
    for gradient in gradients:
        square = 0.99 * square + 0.01 * gradient**2
        weight -= RATE * gradient / (math.sqrt(square) + 1e-8)
        expected.append(weight)
    optim = OptimConfig(optimizer="rmsprop", momentum=0.0, weight_decay=0.0)
    assert steps(optim, gradients) == pytest.approx(expected)


def test_weight_decay_is_decoupled_in_adamw_and_part_of_the_gradient_elsewhere():
    decoupled = steps(OptimConfig(optimizer="adamw", weight_decay=DECAY), [0.5], first=2.0)[0]
    assert decoupled == pytest.approx(2.0 * (1 - RATE * DECAY) - RATE)  # Adam's first step is the rate itself
    coupled = steps(OptimConfig(optimizer="sgd", momentum=0.0, weight_decay=DECAY), [0.5], first=2.0)[0]
    assert coupled == pytest.approx(2.0 - RATE * (0.5 + DECAY * 2.0))


@pytest.mark.parametrize("optimizer", CHOICES)
def test_the_state_comes_back_by_name_and_the_next_steps_are_the_same_bits(optimizer):
    torch.manual_seed(0)
    optim = OptimConfig(optimizer=optimizer)
    weight = nn.Parameter(torch.randn(2, 3, 3, 3).to(memory_format=torch.channels_last))
    gradients = torch.randn(4, 2, 3, 3, 3)
    ours = make_optimizer([Group((("layer.weight", weight),), RATE, DECAY)], optim, "cpu")
    for gradient in gradients[:2]:
        weight.grad = gradient.to(memory_format=torch.channels_last)
        ours.step()
    twin = nn.Parameter(weight.detach().clone())
    theirs = make_optimizer([Group((("layer.weight", twin),), RATE, DECAY)], optim, "cpu")
    # as a file holds them: without the memory layout
    saved = {n: t.clone(memory_format=torch.contiguous_format) for n, t in state_tensors(ours).items()}
    assert {name.rpartition(".")[0] for name in saved} == {"layer.weight"}
    restore_state(theirs, saved)
    for gradient in gradients[2:]:
        weight.grad = gradient.to(memory_format=torch.channels_last)
        twin.grad = weight.grad.clone()
        ours.step()
        theirs.step()
        assert torch.equal(weight, twin)


def test_nesterov_without_momentum_or_sgd_is_refused():
    for options in ({"optimizer": "adamw"}, {"optimizer": "sgd", "momentum": 0.0}):
        with pytest.raises(UsageError, match="nesterov: expected optimizer sgd with a momentum above 0"):
            OptimConfig(nesterov=True, **options)
