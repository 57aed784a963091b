"""Modes, freezing and learning-rate groups, against the formulas they state."""

import copy
import math

import pytest
import torch
from torch import nn

from segue.configs import TRANSFER_MODES, FitConfig, OptimConfig, TransferConfig
from segue.errors import UsageError
from segue.train.optim import make_optimizer, set_rates
from segue.transfer.freeze import train_awake
from segue.transfer.lora import add_lora, added_parameters
from segue.transfer.lr_groups import lr_groups
from segue.transfer.modes import MODES, about, stage_starts

N = math.inf


class Net(nn.Module):
    """Three encoder stages with BatchNorm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.middle = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(4, 2, 1)

    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        return ((self.stem,), (self.middle,), (self.deep,))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.deep(self.middle(self.stem(x))))


# --- modes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (TransferConfig(mode="staged", head_fraction=0.1), (0.1, 0.1, 0.1, 0.1)),
        (TransferConfig(mode="gradual", head_fraction=0.25, unfreeze=1 - 0.0625 * 4), (0.75, 7 / 12, 5 / 12, 0.25)),
        (TransferConfig(mode="gradual", head_fraction=0.0, unfreeze=0.0), (0.0, 0.0, 0.0, 0.0)),
        (TransferConfig(mode="full"), (0.0, 0.0, 0.0, 0.0)),
        (TransferConfig(mode="lora"), (N, N, N, N)),
        (TransferConfig(mode="partial", frozen_stages=3), (N, N, N, 0.0)),
        (TransferConfig(mode="partial", frozen_stages=0), (0.0, 0.0, 0.0, 0.0)),
        (TransferConfig(mode="tune-last", tuned_stages=1), (N, N, N, 0.0)),
        (TransferConfig(mode="tune-first", tuned_stages=3), (0.0, 0.0, 0.0, N)),
        (TransferConfig(mode="frozen"), (N, N, N, N)),
        (TransferConfig(mode="scratch"), (0.0, 0.0, 0.0, 0.0)),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_when_each_stage_begins_to_train(transfer, expected):
    assert stage_starts(transfer, 4) == pytest.approx(expected)


def test_gradual_unfreezing_of_a_single_stage_begins_after_the_head_phase():
    assert stage_starts(TransferConfig(mode="gradual", head_fraction=0.1, unfreeze=0.5), 1) == (0.1,)


def test_the_choices_are_the_modes_and_each_says_what_it_does():
    assert tuple(MODES) == TRANSFER_MODES
    assert all(about(mode).endswith(".") and len(about(mode)) > 30 for mode in MODES)


@pytest.mark.parametrize(
    ("transfer", "name"),
    [
        (TransferConfig(mode="partial", frozen_stages=4), "frozen_stages"),
        (TransferConfig(mode="tune-last", tuned_stages=4), "tuned_stages"),
        (TransferConfig(mode="tune-first", tuned_stages=4), "tuned_stages"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_more_stages_than_the_encoder_has_are_refused(transfer, name):
    with pytest.raises(UsageError, match=rf"transfer\.{name}: expected at most 3, .* got 4"):
        stage_starts(transfer, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "frozen", "l2sp": 0.1}, "l2sp: mode frozen never leaves"),
        ({"mode": "scratch", "l2sp": 0.1}, "l2sp: mode scratch has no pretrained weights"),
        ({"mode": "lora", "l2sp": 0.1}, "l2sp: mode lora never leaves"),
        ({"mode": "full", "interpolate": "auto"}, "interpolate: expected a head phase"),
        ({"head_fraction": 0, "interpolate": "0.5"}, "interpolate: expected a head phase"),
        ({"interpolate": "1.5"}, "interpolate: expected none, auto or a number from 0 to 1, got '1.5'"),
        ({"interpolate": "nan"}, "interpolate: expected none, auto or a number"),
        ({"interpolate": "best"}, "interpolate: expected none, auto or a number"),
        ({"mode": "gradual", "head_fraction": 0.6}, "unfreeze: expected at least head_fraction, 0.6, got 0.5"),
        ({"targets": ("conv", "norm")}, "targets: expected one of attention, mlp, conv, got 'norm'"),
        ({"rank": 4}, "rank: expected mode lora beside it, got staged: leave it out"),
        ({"mode": "full", "alpha": 8}, "alpha: expected mode lora beside it, got full"),
        ({"mode": "partial", "targets": ("conv",)}, "targets: expected mode lora beside it, got partial"),
        ({"mode": "partial", "tuned_stages": 2}, "tuned_stages: expected mode tune-last or tune-first beside it, got"),
        ({"mode": "tune-last", "frozen_stages": 1}, "frozen_stages: expected mode partial beside it, got tune-last"),
        ({"unfreeze": 0.6}, "unfreeze: expected mode gradual beside it, got staged"),
        ({"mode": "lora", "head_fraction": 0.2}, "head_fraction: expected mode staged or gradual beside it, got lora"),
        ({"mode": "full", "rank": 4, "unfreeze": 0.6}, "unfreeze: .*; rank: .*"),
        ({"mode": "lara", "rank": 4}, "mode: expected one of .*, got 'lara'$"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        TransferConfig(**options)


def test_two_rates_for_the_encoder_are_refused():
    optim = OptimConfig(encoder_lr=1e-4)
    assert FitConfig(optim=optim).optim.encoder_lr == 1e-4
    with pytest.raises(UsageError, match=r"expected --optim\.encoder-lr or --transfer\.encoder-rate, got both"):
        FitConfig(optim=optim, transfer=TransferConfig(encoder_rate=0.5))
    with pytest.raises(UsageError, match="expected a mode in which the encoder moves"):
        FitConfig(optim=optim, transfer=TransferConfig(mode="frozen"))


# --- freezing --------------------------------------------------------------------------------------------------------


def train(net: Net, transfer: TransferConfig, progresses: list[float]) -> None:
    """A step of SGD at each progress; the rate is large enough that whatever may move does."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for progress in progresses:
        train_awake(net, net.stages(), stage_starts(transfer, 3), progress)
        optimizer.zero_grad()
        net(torch.randn(2, 3, 8, 8)).square().mean().backward()
        optimizer.step()


def changed(before: dict[str, torch.Tensor], module: nn.Module) -> set[str]:
    """Which of the named tensors are not, bit by bit, what they were."""
    return {name for name, tensor in module.state_dict().items() if not torch.equal(before[name], tensor)}


def copies(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize(
    ("transfer", "progress", "resting"),
    [
        (TransferConfig(mode="frozen"), 0.9, ("stem", "middle", "deep")),
        (TransferConfig(mode="staged", head_fraction=0.5), 0.4, ("stem", "middle", "deep")),
        (TransferConfig(mode="partial", frozen_stages=2), 0.0, ("stem", "middle")),
        (TransferConfig(mode="tune-last", tuned_stages=1), 0.0, ("stem", "middle")),
        (TransferConfig(mode="tune-first", tuned_stages=1), 0.0, ("middle", "deep")),
        (TransferConfig(mode="gradual", head_fraction=0.2, unfreeze=0.6), 0.3, ("stem", "middle")),
        (TransferConfig(mode="gradual", head_fraction=0.2, unfreeze=0.6), 0.5, ("stem",)),
        (TransferConfig(mode="gradual", head_fraction=0.2, unfreeze=0.6), 0.6, ()),
        (TransferConfig(mode="full"), 0.0, ()),
    ],
    ids=lambda value: getattr(value, "mode", str(value)),
)
def test_what_rests_does_not_change_by_one_bit_batchnorm_statistics_included(transfer, progress, resting):
    torch.manual_seed(0)
    net = Net()
    before = {name: copies(child) for name, child in net.named_children()}
    train(net, transfer, [progress] * 3)
    moved = {name for name, child in net.named_children() if changed(before[name], child)}
    assert moved == {"stem", "middle", "deep", "head"} - set(resting)
    for name in moved - {"head"}:
        assert changed(before[name], net.get_submodule(name)) >= {"0.weight", "1.weight", "1.running_mean"}


def test_a_stage_wakes_up_completely():
    net = Net()
    starts = stage_starts(TransferConfig(mode="staged", head_fraction=0.5), 3)
    train_awake(net, net.stages(), starts, 0.0)
    train_awake(net, net.stages(), starts, 0.5)
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(module.training for module in net.modules())


def test_with_lora_only_the_matrices_and_the_decoder_change():
    torch.manual_seed(0)
    net = Net()
    transfer = TransferConfig(mode="lora", rank=2)
    encoder = nn.ModuleList([net.stem, net.middle, net.deep])
    add_lora(encoder, transfer, seed=0)
    before = copies(net)
    train(net, transfer, [0.5] * 3)
    added = {f"{stage}.0.lora.{m}" for stage in ("stem", "middle", "deep") for m in ("a", "b")}
    assert changed(before, net) == added | {"head.weight", "head.bias"}
    assert len(added_parameters(net)) == 6


# --- learning rates --------------------------------------------------------------------------------------------------


def rates_of(net: Net, optim: OptimConfig, transfer: TransferConfig) -> dict[str, tuple[float, float, float]]:
    groups = lr_groups(net, net.stages(), optim, transfer)
    named = [(name, group) for group in groups for name, _ in group.parameters]
    assert sorted(name for name, _ in named) == sorted(name for name, _ in net.named_parameters())
    return {name: (group.lr, group.weight_decay, group.pull) for name, group in named}


def test_every_parameter_is_in_one_group_with_the_stated_rate():
    optim, transfer = OptimConfig(lr=0.01, weight_decay=0.05), TransferConfig(encoder_rate=0.2, layer_decay=0.5)
    rates = rates_of(Net(), optim, transfer)
    assert rates["head.weight"] == (0.01, 0.05, 0.0)
    assert rates["head.bias"] == (0.01, 0.0, 0.0)
    assert rates["deep.0.weight"] == (pytest.approx(0.002), 0.05, 0.0)
    assert rates["middle.0.weight"] == (pytest.approx(0.001), 0.05, 0.0)
    assert rates["stem.0.weight"] == (pytest.approx(0.0005), 0.05, 0.0)
    assert rates["stem.1.weight"] == (pytest.approx(0.0005), 0.0, 0.0)


def test_a_module_that_serves_two_stages_is_in_the_groups_once():
    net = Net()
    net.deep.add_module("again", net.stem[0])  # as CoaT does
    assert [name for name, _ in net.named_parameters()].count("stem.0.weight") == 1
    assert rates_of(net, OptimConfig(lr=0.01), TransferConfig(layer_decay=0.5))["stem.0.weight"][0] == 0.00025


def test_the_rate_of_the_encoder_can_be_given_itself():
    optim = OptimConfig(lr=1e-3, encoder_lr=1e-4)
    rates = rates_of(Net(), optim, TransferConfig(layer_decay=0.5))
    assert [rates[f"{part}.0.weight"][0] for part in ("deep", "middle", "stem")] == [1e-4, 0.5e-4, 0.25e-4]
    assert rates["head.weight"][0] == 1e-3
    assert rates_of(Net(), optim, TransferConfig(mode="scratch"))["stem.0.weight"][0] == 1e-4


def test_from_scratch_every_part_moves_at_the_full_rate():
    rates = rates_of(Net(), OptimConfig(lr=0.01), TransferConfig(mode="scratch", encoder_rate=0.1, layer_decay=0.5))
    assert {lr for lr, _, _ in rates.values()} == {0.01}


def test_the_matrices_of_lora_begin_at_random_and_move_at_the_full_rate():
    net, transfer = Net(), TransferConfig(mode="lora", rank=2, encoder_rate=0.1)
    add_lora(net.deep, transfer, seed=0)
    rates = rates_of(net, OptimConfig(lr=0.01, weight_decay=0.05), transfer)
    assert rates["deep.0.lora.a"] == (0.01, 0.05, 0.0)
    rates = rates_of(net, OptimConfig(lr=0.01, encoder_lr=0.003), transfer)
    assert rates["deep.0.lora.b"][0] == 0.003


def test_the_pull_of_l2sp_takes_the_place_of_weight_decay_in_the_encoder():
    rates = rates_of(Net(), OptimConfig(weight_decay=0.05), TransferConfig(l2sp=0.3))
    assert rates["deep.0.weight"][1:] == (0.0, 0.3)
    assert rates["deep.0.bias"][1:] == rates["deep.1.weight"][1:] == (0.0, 0.0)
    assert rates["head.weight"][1:] == (0.05, 0.0)


@pytest.mark.parametrize("progress", [0.0, 0.02, 0.05, 0.099, 0.1, 0.11, 0.5, 0.999])
def test_rates_follow_the_closed_form(progress):
    net = Net()
    optim = OptimConfig(lr=0.01, warmup=0.05, power=0.9)
    transfer = TransferConfig(mode="staged", head_fraction=0.1, encoder_rate=0.2)
    optimizer = make_optimizer(lr_groups(net, net.stages(), optim, transfer), optim, "cpu")
    set_rates(optimizer, progress, optim)
    rises = min(1, progress / 0.05) if progress < 0.1 else min(1, (progress - 0.1) / 0.05)
    head = 0.01 * rises * (1 - progress) ** 0.9
    encoder = 0.002 * min(1, max(0, progress - 0.1) / 0.05) * (1 - progress) ** 0.9
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(encoder if group["encoder"] else head)


def test_stages_that_wake_one_after_the_other_warm_up_one_after_the_other():
    net = Net()
    optim = OptimConfig(lr=0.01, encoder_lr=0.01, warmup=0.1, schedule="constant")
    transfer = TransferConfig(mode="gradual", head_fraction=0.2, unfreeze=0.6)
    optimizer = make_optimizer(lr_groups(net, net.stages(), optim, transfer), optim, "cpu")
    set_rates(optimizer, 0.45, optim)
    rates = {name: group["lr"] for group in optimizer.param_groups for name in group["names"]}
    assert rates["deep.0.weight"] == pytest.approx(0.01)
    assert rates["middle.0.weight"] == pytest.approx(0.005)
    assert rates["stem.0.weight"] == 0.0


@pytest.mark.parametrize(
    ("transfer", "at", "share"),
    [
        (TransferConfig(mode="gradual", head_fraction=0.2, unfreeze=0.6), 0.25, 0.5),
        (TransferConfig(mode="gradual", head_fraction=0.2, unfreeze=0.6), 0.4, 1.0),  # later stages: no further rise
        (TransferConfig(mode="staged", head_fraction=0.0), 0.05, 0.5),
        (TransferConfig(mode="frozen"), 0.25, 1.0),
        (TransferConfig(mode="tune-last"), 0.25, 1.0),
        (TransferConfig(mode="scratch"), 0.25, 1.0),
    ],
)
def test_the_decoder_warms_up_anew_when_the_first_stage_wakes_and_only_then(transfer, at, share):
    net = Net()
    optim = OptimConfig(lr=0.01, warmup=0.1, schedule="constant")
    optimizer = make_optimizer(lr_groups(net, net.stages(), optim, transfer), optim, "cpu")
    set_rates(optimizer, at, optim)
    rates = {name: group["lr"] for group in optimizer.param_groups for name in group["names"]}
    assert rates["head.weight"] == rates["head.bias"] == pytest.approx(0.01 * share)


def test_an_optimiser_leaves_what_rests_alone():
    torch.manual_seed(0)
    net = Net()
    optim, transfer = OptimConfig(lr=0.1, weight_decay=0.5), TransferConfig(mode="tune-first", tuned_stages=1)
    optimizer = make_optimizer(lr_groups(net, net.stages(), optim, transfer), optim, "cpu")
    before = copy.deepcopy(net.state_dict())
    train_awake(net, net.stages(), stage_starts(transfer, 3), 0.5)
    set_rates(optimizer, 0.5, optim)
    net(torch.randn(2, 3, 8, 8)).square().mean().backward()
    optimizer.step()
    assert {name.partition(".")[0] for name in changed(before, net)} == {"stem", "head"}
