"""Style statistics against values worked out by hand."""

import pytest
import torch

from segue.style.losses import content_loss, style_loss, total_variation
from segue.style.regions import shrunk
from segue.style.statistics import STATISTICS, gram, moments

# two channels at four positions
FEATURES = torch.tensor([[[[1.0, 2.0], [3.0, 0.0]], [[0.0, 1.0], [1.0, 2.0]]]])
LEFT = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])


def test_gram_of_a_known_map():
    # F Fᵀ = [[1+4+9, 2+3], [2+3, 1+1+4]], over four positions
    assert torch.equal(gram(FEATURES), torch.tensor([[[14.0, 5.0], [5.0, 6.0]]]) / 4)


def test_gram_of_a_region():
    # the left column alone: F = [[1, 3], [0, 1]], over two positions
    assert torch.equal(gram(FEATURES, LEFT), torch.tensor([[[10.0, 3.0], [3.0, 1.0]]]) / 2)


def test_moments_of_a_known_map():
    # means 1.5 and 1; variances (1+4+9)/4 - 2.25 and (1+1+4)/4 - 1
    assert torch.allclose(moments(FEATURES), torch.tensor([[[1.5, 1.0], [1.25**0.5, 0.5**0.5]]]))
    assert torch.allclose(moments(FEATURES, LEFT), torch.tensor([[[2.0, 0.5], [1.0, 0.5]]]))


@pytest.mark.parametrize("name", STATISTICS)
def test_one_region_of_everything_is_no_region(name):
    features = torch.randn(1, 5, 7, 6, generator=torch.Generator().manual_seed(0))
    whole = torch.ones(1, 7, 6)
    assert torch.allclose(STATISTICS[name](features), STATISTICS[name](features, whole), atol=1e-6)


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_do_not_depend_on_the_size(name):
    features = torch.randn(1, 5, 7, 6, generator=torch.Generator().manual_seed(0))
    tiled = features.repeat(1, 1, 2, 3)
    assert torch.allclose(STATISTICS[name](features), STATISTICS[name](tiled), atol=1e-6)


def test_regions_outlive_any_shrinking():
    maps = torch.zeros(1, 64, 48)
    maps[0, 63, 47] = 1
    found = shrunk(maps, (3, 2))
    assert found.count_nonzero() == 1
    assert found.sum().item() == pytest.approx(1 / (22 * 24)), "the share of the position that covers it"


# --- losses ----------------------------------------------------------------------------------------------------------


def test_the_style_loss_is_that_of_gatys():
    ours, theirs = FEATURES, FEATURES.flip(3) + 1
    channels, positions = 2, 4
    raw = [one.flatten(2)[0] @ one.flatten(2)[0].T for one in (ours, theirs)]
    expected = (raw[0] - raw[1]).square().sum() / (4 * channels**2 * positions**2)
    assert style_loss(gram(ours), gram(theirs), torch.ones(1)).item() == pytest.approx(expected.item())


def test_regions_count_by_their_areas():
    statistic, target = torch.tensor([[[1.0]], [[3.0]]]), torch.zeros(2, 1, 1)
    assert style_loss(statistic, target, torch.tensor([0.75, 0.25])).item() == pytest.approx((0.75 + 0.25 * 9) / 4)


def test_a_relative_loss_is_one_for_nothing_and_does_not_know_the_unit():
    target, nothing, one = torch.randn(1, 3, 4, 5), torch.zeros(1, 3, 4, 5), torch.ones(1)
    assert content_loss(nothing, target, "relative").item() == pytest.approx(1)
    assert style_loss(gram(nothing), gram(target), one, "relative").item() == pytest.approx(1)
    features = target + torch.randn(1, 3, 4, 5)
    for scale in (0.01, 100):
        ours, theirs = (
            content_loss(features, target, "relative"),
            content_loss(scale * features, scale * target, "relative"),
        )
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)


@pytest.mark.parametrize("division", ["gatys", "relative"])
def test_losses_are_zero_at_the_target(division):
    assert content_loss(FEATURES, FEATURES, division) == 0
    assert style_loss(gram(FEATURES), gram(FEATURES), torch.ones(1), division) == 0


def test_total_variation_of_a_step():
    picture = torch.zeros(1, 1, 2, 3)
    picture[..., 2] = 1  # of 3 differences downwards none, of 4 to the right two
    assert total_variation(picture).item() == pytest.approx(0.5)
    assert total_variation(torch.ones(1, 3, 1, 1)) == 0
