"""What networks for any style minimise: values that are known, what each term sees, and a tiny network that learns."""

import pytest
import torch

from segue.objectives.style.adain import (
    ArbitraryRecipe,
    adain_objective,
    normalised_distance,
    relative,
    statistics,
    style_distance,
)
from segue.objectives.style.attention import AttentionRecipe, attention_objective, put_together
from segue.objectives.style.batch import StyleBatch
from segue.style.adain_network import AdainNetwork
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import Shape
from segue.style.network import Wanted
from segue.style.statistics import gram, moments
from tiny_style import TAPS, network, picture

SMALL = Shape(widths=(8, 12, 16), blocks=1)


def batch(count=4, side=24):
    contents = torch.cat([picture(seed, side, side) for seed in range(count)])
    styles = torch.cat([picture(100 + seed, side, side) for seed in range(count)])
    return StyleBatch(contents, styles)


def test_distances_are_relative_to_their_targets():
    assert float(relative(torch.zeros(2, 3), torch.rand(2, 3) + 1)) == pytest.approx(1)
    # (1 + 0) / (4 + 1) and (0 + 0) / (9 + 9): the mean over two pictures
    values, target = torch.tensor([[1.0, 1.0], [3.0, 3.0]]), torch.tensor([[2.0, 1.0], [3.0, 3.0]])
    assert float(relative(values, target)) == pytest.approx(0.2 / 2)


def test_statistics_of_a_batch_are_those_of_its_pictures():
    features = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    both = statistics(features, "both")
    for found in (statistics(features, "gram")[0], both[1]):
        assert torch.allclose(found[1:2], gram(features[1:2]), atol=1e-6)
    for found in (statistics(features, "moments")[0], both[0]):
        assert torch.allclose(found[2:], moments(features[2:]), atol=1e-4)


def test_content_does_not_see_colour_and_contrast_and_style_does():
    features = {"tap": torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))}
    changed = {"tap": 3 * features["tap"] + 5}
    assert float(normalised_distance(changed, features, ["tap"])) < 1e-8
    for statistic in ("moments", "gram", "both"):
        assert float(style_distance(changed, features, ["tap"], statistic)) > 0.1
        assert float(style_distance(features, features, ["tap"], statistic)) == 0


@pytest.mark.parametrize("content", ["normalised", "target"])
def test_every_term_reaches_the_network(content):
    torch.manual_seed(0)
    net = AdainNetwork(SMALL)
    recipe = ArbitraryRecipe(TAPS[1:], TAPS, content, "both", identity_weight=1.0, tv_weight=1.0, identity=0.25)
    terms = adain_objective(network(), recipe)(net, batch())
    assert list(terms) == ["content", "style", "identity", "tv"]
    for name, term in terms.items():
        slopes = torch.autograd.grad(term, list(net.parameters()), retain_graph=True, allow_unused=True)
        assert sum(float(one.abs().sum()) for one in slopes if one is not None) > 0, name


def test_weights_of_terms_are_in_them():
    torch.manual_seed(0)
    net = AdainNetwork(SMALL)
    one, other = (
        adain_objective(network(), ArbitraryRecipe(TAPS[1:], TAPS, style_weight=weight))(net, batch())
        for weight in (1, 3)
    )
    assert other["style"].item() == pytest.approx(3 * one["style"].item(), rel=1e-4)
    assert other["content"].item() == pytest.approx(one["content"].item(), rel=1e-4)


def test_what_attention_puts_together_of_a_flat_style_is_that_style():
    content = torch.randn(1, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    flat = torch.arange(4.0).view(1, 4, 1, 1).expand(1, 4, 3, 3)
    assert torch.allclose(put_together(content, flat), flat[..., :1, :1].expand_as(content), atol=0.02)


def test_what_attention_puts_together_of_itself_is_near_itself():
    content = 4 * torch.randn(1, 16, 6, 6, generator=torch.Generator().manual_seed(0))
    assert float(relative(put_together(content, content), content)) < 0.4


@pytest.mark.parametrize("kind", ["sanet", "adaattn"])
def test_terms_of_attention_reach_the_network(kind):
    torch.manual_seed(0)
    net = AttentionNetwork(SMALL, kind)
    recipe = AttentionRecipe(TAPS[1:], TAPS, TAPS[1:], local_weight=1.0)
    terms = attention_objective(network(), recipe)(net, batch())
    assert set(terms) == {"style", "content", "local", "identity", "identity_features"}
    for name, term in terms.items():
        slopes = torch.autograd.grad(term, list(net.parameters()), retain_graph=True, allow_unused=True)
        assert sum(float(one.abs().sum()) for one in slopes if one is not None) > 0, name


@pytest.mark.slow
def test_a_tiny_network_learns_to_give_a_picture_back_as_it_was():
    """A picture in its own style is itself; peers' decoders repaint it."""
    torch.manual_seed(0)
    net, judge, shown = AdainNetwork(Shape(widths=(16, 24, 32))), network(), batch(2)
    recipe = ArbitraryRecipe(TAPS[1:], TAPS, content_weight=0.1, style_weight=0.1, identity_weight=16.0, identity=1.0)
    objective, optimizer = adain_objective(judge, recipe), torch.optim.Adam(net.parameters(), 3e-3)

    def lost():
        content = shown.content[:1]
        with torch.no_grad():
            return float((net.stylise(content, net.prepared([Wanted(picture=content)])) - content).abs().mean())

    before = lost()
    for _ in range(400):
        optimizer.zero_grad()
        torch.stack(list(objective(net, shown).values())).sum().backward()
        optimizer.step()
    assert lost() < min(0.08, before / 3)
