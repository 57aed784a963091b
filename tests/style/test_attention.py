"""Attention to a style: against the formula, in parts as in one, and within bounds."""

import pytest
import torch

from segue.style import attention
from segue.style.adain import normalised
from segue.style.attention import KINDS, MOST, StyleAttention, attended, rows, subset


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(kind="adaattn", channels=6):
    torch.manual_seed(0)
    return StyleAttention(channels, kind)


def test_attention_is_the_softmax_of_products():
    queries, keys, values = drawn(0, 2, 7, 4), drawn(1, 2, 9, 4), drawn(2, 2, 9, 3)
    scores = (queries @ keys.transpose(1, 2) / 2).softmax(2)
    assert torch.allclose(attended(queries, keys, values), scores @ values, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 7, 64])
def test_in_parts_it_is_what_it_is_at_once(chunk):
    queries, keys, values = drawn(0, 1, 50, 4), drawn(1, 1, 9, 4), drawn(2, 1, 9, 3)
    assert torch.allclose(attended(queries, keys, values, chunk), attended(queries, keys, values, 50), atol=1e-6)


def test_never_more_queries_and_keys_at_once_than_the_bounds(monkeypatch):
    seen = []
    real = torch.nn.functional.scaled_dot_product_attention

    def watched(queries, keys, values):
        seen.append((queries.shape[2], keys.shape[2]))
        return real(queries, keys, values)

    monkeypatch.setattr(attention.functional, "scaled_dot_product_attention", watched)
    net = layer(channels=2)
    net(drawn(0, 1, 2, 90, 100), net.prepared(drawn(1, 1, 2, 80, 80)))
    assert seen == [(4096, MOST), (4096, MOST), (808, MOST)]


def test_the_same_seed_looks_at_the_same_places():
    chosen = subset(10_000, MOST, 3)
    assert torch.equal(chosen, subset(10_000, MOST, 3))
    assert not torch.equal(chosen, subset(10_000, MOST, 4))
    assert len(chosen.unique()) == MOST
    assert torch.equal(subset(5, MOST, 0), torch.arange(5))


def test_what_is_compared_is_form_and_not_colour():
    """Queries see normalised features: brightness and contrast of a channel do not change where a content looks."""
    net, style = layer("sanet"), drawn(1, 1, 6, 8, 8)
    content = drawn(0, 1, 6, 5, 9)
    brighter = content * torch.tensor([2.0, 1, 3, 1, 1, 5]).view(1, 6, 1, 1) + 4
    moved = [net(one, net.prepared(style)) - one for one in (content, brighter)]
    assert torch.allclose(*moved, atol=1e-3)


def test_adaattn_gives_each_place_a_mean_and_a_deviation():
    """A style of one place everywhere has one mean and no deviation: nothing of the content is left."""
    net = layer()
    flat = torch.ones(1, 6, 4, 4) * torch.arange(6.0).view(1, 6, 1, 1)
    found = net(drawn(0, 1, 6, 5, 9), net.prepared(flat))
    wanted = net.value(flat)[..., :1, :1].expand_as(found)
    assert torch.allclose(found, wanted, atol=0.05), "but for the root of epsilon"


def test_adaattn_is_adain_where_every_place_attends_to_all_alike():
    net = layer()
    torch.nn.init.zeros_(net.query.weight)
    torch.nn.init.zeros_(net.query.bias)
    with torch.no_grad():
        net.value.weight.copy_(torch.eye(6).view(6, 6, 1, 1))
        net.value.bias.zero_()
    content, style = drawn(0, 1, 6, 5, 9), 2 * drawn(1, 1, 6, 7, 8) + 1
    mean, deviation = style.mean((2, 3), keepdim=True), style.var((2, 3), correction=0, keepdim=True).sqrt()
    assert torch.allclose(net(content, net.prepared(style)), normalised(content) * deviation + mean, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_in_it_learns(kind):
    net = layer(kind)
    net(drawn(0, 2, 6, 5, 9), net.prepared(drawn(1, 2, 6, 4, 4))).square().sum().backward()
    flat = [name for name, one in net.named_parameters() if one.grad is None or float(one.grad.abs().sum()) == 0]
    assert flat in ([], ["key.bias"]), "a constant added to every score changes none of them"


def test_rows_and_maps_are_each_other_back():
    features = drawn(0, 2, 6, 5, 9)
    assert torch.equal(attention.as_map(rows(features), features), features)
