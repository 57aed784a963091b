"""Interpolation of weights: exact ends, a straight line between, and the statistics that go with a mixture."""

import torch
from torch import nn

from segue.train.interpolation import Interpolation, best_share, refresh_statistics
from segue.transfer.interpolate import interpolate


def state(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {"weight": torch.randn(50, generator=generator) * 1e3, "count": torch.tensor(seed)}


def test_the_ends_are_exact_and_copies():
    first, last = state(1), state(2)
    for share, end in ((0.0, first), (1.0, last)):
        mixture = interpolate(first, last, share)
        assert all(torch.equal(mixture[name], end[name]) for name in end)
        mixture["weight"].zero_()
        assert end["weight"].any()


def test_between_them_it_is_the_formula_of_the_paper():
    first, last = state(1), state(2)
    mixture = interpolate(first, last, 0.25)
    torch.testing.assert_close(mixture["weight"], 0.75 * first["weight"] + 0.25 * last["weight"])
    assert mixture["count"] == 2


def test_what_is_equal_at_both_ends_is_equal_between_them():
    first = state(1)
    assert all(
        torch.equal(interpolate(first, state(1), share)["weight"], first["weight"]) for share in (0.1, 0.3, 0.77)
    )


def test_statistics_are_those_of_the_batches_seen():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.9), nn.BatchNorm2d(4))
    frozen = net[3].running_mean.clone()
    batches = [torch.randn(5, 3, 8, 8) for _ in range(3)]
    refresh_statistics(net, batches, {"1.running_mean"})
    maps = [net[0](batch) for batch in batches]
    torch.testing.assert_close(net[1].running_mean, torch.stack([m.mean((0, 2, 3)) for m in maps]).mean(0))
    torch.testing.assert_close(net[1].running_var, torch.stack([m.var((0, 2, 3)) for m in maps]).mean(0))
    assert torch.equal(net[3].running_mean, frozen)
    assert net[1].momentum == 0.1
    assert not net.training


def test_the_best_share_wins_and_of_equal_ones_the_final_weights():
    assert best_share((0.0, 0.25, 0.5, 1.0), (0.1, 0.4, 0.3, 0.2)) == 0.25
    assert best_share((0.0, 0.5, 1.0), (0.5, 0.5, 0.5)) == 1.0


def test_the_summary_names_every_share_and_the_one_kept():
    result = Interpolation((0.0, 0.5, 1.0), (0.5, 0.625, 0.6), 0.5)
    assert result.kept_miou == 0.625
    assert result.summary() == (
        "share 0.5 of the way from head phase to final weights kept (validation mIoU 0: 0.500, 0.5: 0.625, 1: 0.600)"
    )
