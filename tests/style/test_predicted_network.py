"""Gains and offsets that are predicted from a style's picture: what they depend on, mixes, strength, tiles, folders."""

import json

import pytest
import torch

from segue.errors import RunError, UsageError
from segue.objectives.style.adain import relative, style_distance
from segue.objectives.style.batch import StyleBatch
from segue.objectives.style.predicted import predicted_objective
from segue.style.adain import normalised
from segue.style.loss_network import LossNetwork
from segue.style.model_folder import load_style_model, save_style_model
from segue.style.network import Wanted
from segue.style.predicted_network import PredictedNetwork
from segue.style.style_predictor import FLOOR, MOST
from segue.style.tiling import paint_tiles
from tiny_painter import predicting
from tiny_style import TAPS, picture, recipe
from tiny_style import network as tiny_judge

ENCODER = "test_efficientnet@2"


@pytest.fixture
def network():
    return predicting().eval().requires_grad_(False)


def wanted(seed, share=1.0, size=(40, 33)):
    return Wanted(picture=picture(seed, *size), share=share)


def batch(count=4, side=24, style_side=17):
    contents = torch.cat([picture(seed, side, side) for seed in range(count)])
    return StyleBatch(contents, torch.cat([picture(100 + seed, style_side, style_side) for seed in range(count)]))


# --- what is predicted -----------------------------------------------------------------------------------------------


def test_one_style_gives_one_set_of_numbers_and_others_give_others(network):
    again = [network.prepared([wanted(1)]) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*again, strict=True))
    codes = network.codes(torch.cat([picture(seed, 32, 32) for seed in range(5)]))
    for table in network.tables(codes):
        for one in range(5):
            for other in range(one):
                assert not torch.allclose(table[one], table[other], atol=1e-3), "every normalisation tells styles apart"


def test_a_style_does_not_depend_on_its_neighbours_in_a_batch():
    network = predicting().train()
    pictures = torch.cat([picture(seed, 32, 32) for seed in range(3)])
    assert torch.allclose(network.codes(pictures)[1:2], network.codes(pictures[1:2]), atol=1e-5)


def test_training_leaves_the_statistics_of_batch_normalisation():
    network = predicting().train()
    before = {name: tensor.clone() for name, tensor in network.named_buffers()}
    network(batch().content, network.codes(batch().style)).sum().backward()
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.named_buffers())


def test_the_size_of_codes_and_tables_is_what_the_numbers_say(network):
    codes = network.codes(picture(0, 20, 50))
    assert codes.shape == (1, 8)
    tables, own = network.tables(codes), network.painter.tables()
    assert [table.shape for table in tables] == [table.shape for table in own]
    nothing = network.tables(torch.zeros(1, 8))
    assert all(torch.equal(one, other) for one, other in zip(nothing, own, strict=True)), "a code of 0 changes nothing"


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 31), (33, 8)])
def test_pictures_and_styles_of_any_size(network, size):
    content = torch.rand(1, 3, *size)
    painted = network.stylise(content, network.prepared([Wanted(picture=torch.rand(1, 3, *size[::-1]))]))
    assert painted.shape == content.shape
    assert bool(torch.isfinite(painted).all())


def test_features_get_a_common_scale_and_none_explodes(network):
    pictures = torch.cat([picture(number, 32, 32) for number in range(16)])
    features = network.predictor.features(pictures)
    scaled = (features - network.predictor.centre) / network.predictor.spread
    assert torch.allclose(scaled.mean(0), torch.zeros(scaled.shape[1]), atol=1e-4)
    assert float(scaled.std(0, correction=0).max()) <= 1
    spread = torch.std(features, 0, correction=0)
    first = network.predictor.eyes.encoder.channels[0]
    assert bool((network.predictor.spread[:first] >= FLOOR * spread[:first].mean() - 1e-7).all())
    network.predictor.spread.fill_(1e-9)
    assert float((network.codes(torch.ones(1, 3, 32, 32))).abs().max()) < MOST * features.shape[1]


def test_one_picture_alone_has_no_spread_and_is_taken_as_it_is():
    network = predicting()
    network.predictor.measure([picture(0, 32, 32)])
    assert torch.equal(network.predictor.spread, torch.ones_like(network.predictor.spread))


def test_gradients_reach_every_part_of_the_predictor():
    network = predicting().train()
    terms = predicted_objective(tiny_judge(), recipe(tv=1.0), 0.25, 1.0)(network, batch())
    assert list(terms) == ["content", "style", "tv", "identity"]
    for name, term in terms.items():
        slopes = torch.autograd.grad(term, list(network.predictor.parameters()), retain_graph=True, allow_unused=True)
        assert sum(float(one.abs().sum()) for one in slopes if one is not None) > 0, name
    torch.stack(list(terms.values())).sum().backward()
    for part in (network.predictor.eyes, network.predictor.shorten, network.predictor.predict, network.painter):
        assert all(float(one.grad.abs().sum()) > 0 for one in part.parameters() if one.ndim > 1)


@pytest.mark.parametrize(("encoder", "word"), [("no_such_network", "no_such_network"), ("test_vit", "choose a CNN")])
def test_an_encoder_that_will_not_do_is_named(encoder, word):
    with pytest.raises(UsageError, match=word):
        PredictedNetwork(encoder)


# --- mixes, strength, regions, tiles ---------------------------------------------------------------------------------


def test_mixes_are_means_of_codes_by_float_shares(network):
    codes = [network.codes(wanted(seed).picture) for seed in (1, 2)]
    mixed = network.prepared([wanted(1, 0.3), wanted(2, 0.9)])
    by_hand = network.tables(0.25 * codes[0] + 0.75 * codes[1])
    alone = [network.prepared([wanted(seed)]) for seed in (1, 2)]
    for table, expected, one, other in zip(mixed, by_hand, *alone, strict=True):
        assert torch.allclose(table, expected, atol=1e-5)
        assert torch.allclose(table, 0.25 * one + 0.75 * other, atol=1e-5), "codes lead to them linearly"


@pytest.mark.parametrize("shares", [(-1.0, 2.0), (0.0, 0.0)])
def test_shares_that_make_no_mix_are_refused(network, shares):
    with pytest.raises(UsageError, match="shares of styles that are 0 or more"):
        network.prepared([wanted(1, shares[0]), wanted(2, shares[1])])


def test_a_row_is_no_picture(network):
    with pytest.raises(UsageError, match="picture of a style, which this network takes, got row 2"):
        network.prepared([Wanted(row=2)])


def test_strength_goes_from_the_content_on_by_way_of_its_own_gains_and_offsets(network):
    content, style = picture(0, 30, 37), network.prepared([wanted(1)])
    assert torch.allclose(network.stylise(content, style, 0.0), content, atol=1e-5)
    own = network.tables(network.codes(content))
    between = tuple(0.6 * one + 0.4 * other for one, other in zip(own, style, strict=True))
    itself, painted = (network.painter.stylise(content, tables) for tables in (own, between))
    expected = (painted + 0.6 * (content - itself)).clamp(0, 1)
    assert torch.allclose(network.stylise(content, style, 0.4), expected, atol=1e-5)
    whole = network.stylise(content, style)
    assert torch.equal(whole, network.painter.stylise(content, style))
    away = [float((network.stylise(content, style, strength) - content).abs().mean()) for strength in (0.2, 0.6, 1)]
    assert 0 < away[0] < away[1] < away[2]


def test_regions_have_styles_of_their_own_at_any_strength(network):
    maps = torch.zeros(2, 32, 120)
    maps[0, :, :60], maps[1, :, 60:] = 1, 1
    content = picture(0, 32, 120)
    one, other = (network.prepared([wanted(1)], [wanted(seed)]) for seed in (2, 3))
    statistics = network.statistics(content, one, maps)
    first, second = (network.stylise(content, style, statistics=statistics, maps=maps) for style in (one, other))
    border = 60 - network.reach
    assert torch.allclose(first[..., :border], second[..., :border], atol=1e-5)
    assert not torch.allclose(first[..., 60:], second[..., 60:], atol=1e-2)
    assert torch.allclose(network.stylise(content, one, 0.0, maps=maps), content, atol=1e-5)


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_a_tile_with_the_statistics_of_the_whole_is_a_part_of_the_whole(network, strength):
    content, style = picture(0, 61, 203), network.prepared([wanted(1)])
    statistics = network.statistics(content, style, None, strength)
    whole = network.stylise(content, style, strength, statistics=statistics)
    assert torch.allclose(whole, network.stylise(content, style, strength), atol=1e-5), "they are its own"
    first = 80
    tile = network.stylise(content[..., first:], style, strength, statistics=statistics)
    begin = -(-network.reach // network.step) * network.step
    assert torch.allclose(tile[..., begin:], whole[..., first + begin :], atol=1e-4)


def test_tiles_give_what_the_whole_does_whatever_the_strength(network):
    style = network.prepared([wanted(1)])
    pixels = (picture(0, 90, 230)[0].permute(1, 2, 0).numpy() * 255).round().astype("uint8")
    content = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    for strength in (1.0, 0.5):
        statistics = network.statistics(content, style, None, strength)
        found = paint_tiles(network, pixels, style, 128, strength=strength, statistics=statistics)
        whole = network.stylise(content, style, strength)[0].permute(1, 2, 0) * 255
        assert float((torch.from_numpy(found) - whole).abs().max()) < 0.6
        alone = paint_tiles(network, pixels, style, 128, strength=strength)  # with those of a small copy
        assert float((torch.from_numpy(alone) - whole).abs().mean()) < 0.06 * 255


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_gives_the_network_back(network, tmp_path):
    save_style_model(tmp_path / "model", network)
    again, info = load_style_model(tmp_path)
    assert (info.kind, again.numbers) == ("predict", network.numbers)
    content = picture(0, 30, 37)
    painted = [one.stylise(content, one.prepared([wanted(1)]), 0.7) for one in (network, again)]
    assert torch.equal(*painted)


@pytest.mark.parametrize(
    ("name", "value"),
    [("predictor", "nowhere"), ("predictor", 3), ("code", 0), ("code", 1e9), ("width", 99.0), ("width", 1),
     ("blocks", -1), ("more", 1)],
)  # fmt: skip
def test_numbers_of_a_strange_file_are_checked(network, tmp_path, name, value):
    save_style_model(tmp_path, network)
    content = json.loads((tmp_path / "model.json").read_text())
    content["numbers"][name] = value
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="use the version of Segue that wrote it"):
        load_style_model(tmp_path)


# --- what is minimised -----------------------------------------------------------------------------------------------


def test_terms_are_those_of_each_content_and_its_style():
    network, judge, asked, shown = predicting(), tiny_judge(), recipe(2.0, 3.0), batch()
    terms = predicted_objective(judge, asked, 0.25, 4.0)(network, shown)
    styles = [shown.content[:1], *shown.style[1:].split(1)]
    with torch.no_grad():
        painted = torch.cat([
            network(shown.content[place : place + 1], network.codes(style)) for place, style in enumerate(styles)
        ])  # fmt: skip
        features, wanted_features = judge(painted), judge(shown.content)
        content = relative(normalised(features["coarse"]), normalised(wanted_features["coarse"]))
        style = sum(
            0.5 * style_distance({tap: features[tap][place][None]}, judge(one), (tap,), "both") / 4
            for place, one in enumerate(styles)
            for tap in TAPS
        )
        identity = (painted[0] - shown.content[0]).abs().mean()
    expected = {"content": 2 * content, "style": 3 * style, "identity": 4 * identity}
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-4
    )


class Pixels(LossNetwork):
    """Sees a picture as it is."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def forward(self, pictures):
        return dict.fromkeys(TAPS, pictures)


def test_a_content_in_other_colours_costs_nothing(monkeypatch):
    """A palette is the style's affair: features compared as they are would hold the photo's."""
    network, tint = predicting(), torch.tensor([0.3, 1.0, 0.6]).view(1, 3, 1, 1)
    monkeypatch.setattr(network, "forward", lambda content, codes: tint * content + 0.2)
    assert predicted_objective(Pixels(), recipe())(network, batch())["content"].item() < 0.01


def test_a_short_training_lowers_the_loss():
    network, judge, shown = predicting(), tiny_judge(), batch()
    objective = predicted_objective(judge, recipe(style=10.0), 0.25, 1.0)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.stack(list(objective(network, shown).values())).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
