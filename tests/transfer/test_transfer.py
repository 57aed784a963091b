"""Freezing, learning-rate groups and the schedule, against the formulas they state."""

import pytest
import torch
from torch import nn

from segue.configs import OptimConfig, TransferConfig
from segue.errors import UsageError
from segue.train.optim import make_optimizer, set_rates
from segue.transfer.freeze import frozen_stages, train_all_but
from segue.transfer.lr_groups import lr_groups
from segue.transfer.schedule import rate_factor


class Net(nn.Module):
    """Two encoder stages with BatchNorm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(4, 2, 1)

    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        return ((self.stem,), (self.deep,))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.deep(self.stem(x)))


@pytest.mark.parametrize(
    ("mode", "progress", "expected"),
    [
        ("staged", 0.0, 4),
        ("staged", 0.0999, 4),
        ("staged", 0.1, 0),
        ("frozen", 0.99, 4),
        ("partial", 0.5, 2),
        ("full", 0.0, 0),
        ("scratch", 0.0, 0),
    ],
)
def test_stages_that_rest(mode, progress, expected):
    assert frozen_stages(TransferConfig(mode=mode, head_fraction=0.1, frozen_stages=2), progress, 4) == expected


def test_more_frozen_stages_than_the_encoder_has_is_refused():
    with pytest.raises(UsageError, match="at most 3"):
        frozen_stages(TransferConfig(mode="partial", frozen_stages=4), 0.0, 3)


def test_a_resting_stage_does_not_change_by_one_bit_batchnorm_included():
    torch.manual_seed(0)
    net = Net()
    before = {name: tensor.clone() for name, tensor in net.stem.state_dict().items()}
    deep_before = net.deep[1].running_mean.clone()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    for _ in range(3):
        train_all_but(net, net.stages(), 1)
        optimizer.zero_grad()
        net(torch.randn(2, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    assert all(torch.equal(before[name], tensor) for name, tensor in net.stem.state_dict().items())
    assert not torch.equal(deep_before, net.deep[1].running_mean)


def test_a_stage_wakes_up_completely():
    net = Net()
    train_all_but(net, net.stages(), 2)
    train_all_but(net, net.stages(), 0)
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(module.training for module in net.modules())


def test_every_parameter_is_in_one_group_with_the_stated_rate():
    net = Net()
    optim, transfer = OptimConfig(lr=0.01, weight_decay=0.05), TransferConfig(encoder_rate=0.2, layer_decay=0.5)
    groups = lr_groups(net, net.stages(), optim, transfer)
    rates = {name: (group.lr, group.weight_decay) for group in groups for name, _ in group.parameters}
    assert sorted(rates) == sorted(name for name, _ in net.named_parameters())
    assert rates["head.weight"] == (0.01, 0.05)
    assert rates["head.bias"] == (0.01, 0.0)
    assert rates["deep.0.weight"] == (pytest.approx(0.002), 0.05)
    assert rates["stem.0.weight"] == (pytest.approx(0.001), 0.05)
    assert rates["stem.1.weight"] == (pytest.approx(0.001), 0.0)


def test_from_scratch_every_part_moves_at_the_full_rate():
    net = Net()
    groups = lr_groups(net, net.stages(), OptimConfig(lr=0.01), TransferConfig(mode="scratch", encoder_rate=0.1))
    assert {group.lr for group in groups} == {0.01}


@pytest.mark.parametrize("progress", [0.0, 0.02, 0.05, 0.11, 0.5, 0.999])
def test_rates_follow_the_closed_form(progress):
    net = Net()
    optim = OptimConfig(lr=0.01, warmup=0.05, power=0.9)
    transfer = TransferConfig(mode="staged", head_fraction=0.1, encoder_rate=0.2, layer_decay=1.0)
    optimizer = make_optimizer(lr_groups(net, net.stages(), optim, transfer), "cpu")
    set_rates(optimizer, progress, optim, transfer)
    head = 0.01 * min(1, progress / 0.05) * (1 - progress) ** 0.9
    encoder = 0.002 * min(1, max(0, progress - 0.1) / 0.05) * (1 - progress) ** 0.9
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(encoder if group["encoder"] else head)


def test_without_warmup_the_rate_starts_at_its_peak():
    assert rate_factor(0.0, start=0.0, warmup=0.0, power=0.9) == 1.0
