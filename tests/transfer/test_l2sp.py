"""L2-SP: the gradient and the step of the paper's formula, in both forms of weight decay."""

import pytest
import torch
from torch import nn

from segue.configs import OPTIMIZERS, OptimConfig, TransferConfig, chosen
from segue.train.optim import make_optimizer
from segue.train.optimizers import DECOUPLED
from segue.transfer.l2sp import pull_to_start, starting_point
from segue.transfer.lr_groups import Group

ALPHA, RATE = 0.3, 0.05


def without_momentum(optimizer: str) -> OptimConfig:
    return chosen(OptimConfig(optimizer="sgd", momentum=0.0), "optimizer", optimizer)


def pulled(parameter: nn.Parameter, optimizer: str) -> tuple[torch.optim.Optimizer, dict[str, torch.Tensor]]:
    groups = [Group((("w", parameter),), RATE, 0.0, pull=ALPHA, encoder=True)]
    return make_optimizer(groups, without_momentum(optimizer), "cpu"), starting_point(groups)


def test_the_gradient_is_alpha_times_the_distance():
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 3))
    optimizer, start = pulled(weight, "sgd")
    origin = weight.detach().clone()
    with torch.no_grad():
        weight.add_(torch.randn(4, 3))
    weight.grad = torch.randn(4, 3)
    expected = weight.grad + ALPHA * (weight.detach() - origin)
    pull_to_start(optimizer, start, decoupled=False)
    torch.testing.assert_close(weight.grad, expected)
    penalty = ALPHA / 2 * (weight - origin).square().sum()
    torch.testing.assert_close(torch.autograd.grad(penalty, weight)[0], ALPHA * (weight.detach() - origin))


def test_decoupled_it_is_a_step_towards_the_start():
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 3))
    optimizer, start = pulled(weight, "adamw")
    origin = weight.detach().clone()
    with torch.no_grad():
        weight.add_(torch.randn(4, 3))
    weight.grad = torch.randn(4, 3)
    before, gradient = weight.detach().clone(), weight.grad.clone()
    pull_to_start(optimizer, start, decoupled=True)
    torch.testing.assert_close(weight.detach(), before - RATE * ALPHA * (before - origin))
    assert torch.equal(weight.grad, gradient)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_pull_to_zero_is_weight_decay(optimizer):
    """With a start of zero, L2-SP and the optimiser's own weight decay of the same strength are the same steps."""
    torch.manual_seed(0)
    first = torch.randn(4, 3)
    weight, twin = nn.Parameter(torch.zeros(4, 3)), nn.Parameter(first.clone())
    ours, start = pulled(weight, optimizer)
    theirs = make_optimizer([Group((("w", twin),), RATE, ALPHA)], without_momentum(optimizer), "cpu")
    with torch.no_grad():
        weight.copy_(first)
    for _ in range(4):
        weight.grad = torch.randn(4, 3)
        twin.grad = weight.grad.clone()
        pull_to_start(ours, start, decoupled=optimizer in DECOUPLED)
        ours.step()
        theirs.step()
        torch.testing.assert_close(weight, twin)


def test_what_rests_and_what_is_not_pulled_stays():
    resting, free = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    groups = [Group((("resting", resting),), RATE, 0.0, pull=ALPHA), Group((("free", free),), RATE, 0.0)]
    optimizer, start = make_optimizer(groups, OptimConfig(), "cpu"), starting_point(groups)
    assert list(start) == ["start.resting"]
    with torch.no_grad():
        resting.add_(1)
        free.add_(1)
    free.grad = torch.zeros(2, 2)
    pull_to_start(optimizer, start, decoupled=True)
    assert resting.eq(2).all()
    assert free.eq(2).all()


def test_a_pull_beyond_one_stops_at_the_start():
    weight = nn.Parameter(torch.zeros(2, 2))
    groups = [Group((("w", weight),), 1.0, 0.0, pull=5.0)]
    optimizer, start = make_optimizer(groups, OptimConfig(), "cpu"), starting_point(groups)
    with torch.no_grad():
        weight.add_(3)
    weight.grad = torch.zeros(2, 2)
    pull_to_start(optimizer, start, decoupled=True)
    assert weight.eq(0).all()


def test_the_pull_of_a_configuration_reaches_encoder_weights_only():
    from segue.transfer.lr_groups import lr_groups

    net = nn.ModuleDict({"encoder": nn.Conv2d(3, 4, 3), "head": nn.Conv2d(4, 2, 1)})
    groups = lr_groups(net, ((net["encoder"],),), OptimConfig(), TransferConfig(l2sp=ALPHA))
    assert list(starting_point(groups)) == ["start.encoder.weight"]
