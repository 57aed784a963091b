"""A decoder that follows a text: the network, its objective by hand, and the gradients."""

import pytest
import torch

from segue.errors import UsageError
from segue.objectives.style.batch import StyleBatch
from segue.objectives.style.text import DecoderRecipe, text_decoder_objective, views_of
from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.clip_guidance import load_clip
from segue.style.model_folder import load_style_model, save_style_model
from segue.style.network import Wanted
from segue.style.record import UsedStyle
from segue.style.text_network import TextNetwork
from segue.style.text_objective import TEMPLATES
from segue.style.tiling import paint_tiles
from segue.style_configs import StyleTrainConfig
from segue.train.style_methods.text import recipe_of
from tiny_clip import SIDE, write_clip
from tiny_style import picture

SMALL = Shape(widths=(8, 12, 16), blocks=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def guide(folder):
    return load_clip(str(folder))[0]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return TextNetwork(SMALL)


def batch():
    return StyleBatch(torch.cat([picture(0, 32, 32), picture(1, 32, 32)]))


# --- the network -----------------------------------------------------------------------------------------------------


def test_it_is_the_encoder_and_the_decoder_of_a_network_for_any_style(network):
    other = AdainNetwork(SMALL)
    network.load_state_dict(other.state_dict())
    content = picture(0, 30, 37)
    features = other.autoencoder.features(content)
    expected = other.autoencoder(features, (30, 37)).clamp(0, 1)
    assert torch.equal(network.stylise(content, network.prepared([Wanted(row=0)])), expected)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (33, 8)])
def test_any_size_comes_back_and_no_strength_is_the_content_to_the_bit(network, size):
    content = torch.rand(1, 3, *size)
    assert network.stylise(content, ()).shape == content.shape
    assert torch.equal(network.stylise(content, (), 0.0), content)
    half = network.stylise(content, (), 0.5)
    assert torch.allclose(half, (content + network.stylise(content, ())) / 2, atol=1e-6)


def test_tiles_are_the_whole(network):
    content = picture(3, 40, 420)
    pixels = (content[0].permute(1, 2, 0) * 255).round().numpy().astype("uint8")
    whole = network.stylise(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255, ())
    tiled = torch.from_numpy(paint_tiles(network, pixels, (), 256)).permute(2, 0, 1)[None]
    assert (whole * 255 - tiled).abs().max() <= 0.51


@pytest.mark.parametrize("style", [Wanted(row=1), Wanted(picture=torch.rand(1, 3, 8, 8))])
def test_it_knows_one_style(network, style):
    with pytest.raises(UsageError, match="expected the one style this network knows, row 0, got"):
        network.prepared([style])


def test_a_folder_gives_it_back(network, tmp_path):
    save_style_model(tmp_path / "model", network, [UsedStyle("red glass", "text")], {"text": "red glass"})
    found, info = load_style_model(tmp_path)
    assert (info.kind, info.names, found.numbers) == ("text", ("red glass",), network.numbers)
    content = picture(0, 30, 37)
    assert torch.equal(found.stylise(content, ()), network.eval().stylise(content, ()))


# --- the objective ---------------------------------------------------------------------------------------------------


def test_the_global_term_is_that_of_transformers_own_embeddings(folder, guide, network):
    """The image tower sees pixels less its own mean, by its own deviation."""
    from transformers import CLIPModel, CLIPTokenizer

    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)
    size = (SIDE, SIDE)  # which needs no resizing
    content = torch.cat([picture(0, *size), picture(1, *size)])

    def seen(pictures):
        with torch.no_grad():
            pooled = model.vision_model(pixel_values=(pictures - 0.5) / 0.5).pooler_output
            return torch.nn.functional.normalize(model.visual_projection(pooled), dim=1)

    def said(words):
        tokens = tokenizer([one.format(words) for one in TEMPLATES], padding=True, return_tensors="pt")
        with torch.no_grad():
            each = model.text_projection(model.text_model(**tokens).pooler_output)
        mean = torch.nn.functional.normalize(each, dim=1).mean(0)
        return torch.nn.functional.normalize(mean, dim=0)

    moved = seen(network(content)[0].detach()) - seen(content)
    cosine = torch.nn.functional.cosine_similarity(moved, (said("red glass") - said("a photo"))[None])
    terms = text_decoder_objective(guide, "red glass", DecoderRecipe(patches=2))(network, StyleBatch(content))
    assert set(terms) == {"content", "patch", "global", "tv"}
    assert terms["global"].item() == pytest.approx((1 - cosine).mean().item(), abs=2e-3)


def test_gradients_reach_the_decoder_and_nothing_else(guide, network):
    network.autoencoder.encoder.requires_grad_(False)
    objective = text_decoder_objective(guide, "red glass", DecoderRecipe(patches=3, threshold=0.0))
    for name in ("content", "patch", "global", "tv"):
        network.zero_grad()
        objective(network, batch())[name].backward()
        assert all(one.grad is None for one in network.autoencoder.encoder.parameters())
        assert all(one.grad is None for one in guide.model.parameters())
        reached = [
            one.grad is not None and bool(one.grad.abs().sum() > 0) for one in network.autoencoder.decoder.parameters()
        ]
        assert sum(reached) >= len(reached) - 2, name  # a block begins as the identity: its first layer has no slope


def test_weights_scale_their_terms_and_content_is_nothing_where_features_come_back(guide, network):
    recipe = DecoderRecipe(patches=2)
    half = DecoderRecipe(2.5, 5.0, 0.5, 5e-5, patches=2)
    found = []
    for one in (recipe, half):
        torch.manual_seed(3)
        found.append(text_decoder_objective(guide, "red glass", one)(network, batch()))
    for name, value in found[0].items():
        assert found[1][name].item() == pytest.approx(value.item() / 2, rel=1e-5)
    network.forward = lambda content: (content, network.features(content))
    same = text_decoder_objective(guide, "red glass", recipe)(network, batch())
    assert same["content"].item() == 0
    assert same["global"].item() == pytest.approx(1.0), "what did not move is at a right angle"


def test_views_are_slanted_ones_of_every_picture_and_keyed_to_torchs_stream():
    pictures = torch.cat([torch.zeros(1, 3, 24, 24), torch.ones(1, 3, 24, 24)])
    views = views_of(pictures, 3, 8)
    assert views.shape == (6, 3, 8, 8)
    assert views[:3].abs().max() == 0
    assert torch.allclose(views[3:], torch.ones(())), "no black corners"
    drawn = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        drawn.append(views_of(picture(0, 24, 24), 4, 8))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])
    assert not torch.allclose(drawn[0][0], drawn[0][1])


def test_the_weights_are_the_published_ones_unless_told_otherwise():
    config = StyleTrainConfig(text="x", clip="y")
    assert recipe_of(config) == DecoderRecipe(5.0, 10.0, 1.0, 1e-4, 0.7, 16)
    config = StyleTrainConfig(text="x", clip="y", text_weight=2.0, content_weight=3.0, tv_weight=0.0, patches=4)
    assert recipe_of(config) == DecoderRecipe(3.0, 20.0, 2.0, 0.0, 0.7, 4)
