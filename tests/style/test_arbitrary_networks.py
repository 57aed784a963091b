"""Networks that paint in any style: sizes, taps, regions, shares, strength, tiles, folders."""

import pytest
import torch

from segue.errors import RunError, UsageError
from segue.style.adain_network import AdainNetwork
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import Autoencoder, Shape
from segue.style.decoder import Decoder, Tap
from segue.style.model_folder import load_style_model, save_style_model
from segue.style.network import Wanted
from tiny_style import picture

SMALL = Shape(widths=(8, 12, 16), blocks=1)
NETWORKS = {
    "adain": lambda: AdainNetwork(SMALL),
    "sanet": lambda: AttentionNetwork(SMALL, "sanet"),
    "adaattn": lambda: AttentionNetwork(SMALL, "adaattn"),
}
# maps by stride of encoders as small as there are, and their widths
ENCODERS = {
    "mobilenetv3_small_050": (16, 8, 4, 2),
    "test_efficientnet": (16, 8, 4, 2),
    "mobilenetv2_035": (16, 8, 4, 2),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    made = NETWORKS[request.param]().eval().requires_grad_(False)
    for block in made.autoencoder.decoder.blocks:  # which begin as the identity
        torch.nn.init.normal_(block.second.layer.weight, 0, 0.1)
    return made


def wanted(seed, share=1.0):
    return Wanted(picture=picture(seed, 40, 33), share=share)


# --- sizes and taps --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 31), (33, 8), (64, 40)])
def test_any_size_comes_back(network, size):
    content = torch.rand(1, 3, *size)
    assert network.stylise(content, network.prepared([wanted(1)])).shape == content.shape


@pytest.mark.parametrize("name", ["vgg16", "squeezenet1_1", "mobilenetv2_035"])
def test_features_of_any_scale_begin_as_pictures_of_one(name, tmp_path):
    """Of weights with features in the hundreds the first pictures lay hundreds from 0 to 1."""
    torch.manual_seed(0)
    taps = {"vgg16": "relu2_1", "squeezenet1_1": "fire3"}.get(name, "stride4")
    network = AdainNetwork(Shape(name, (taps,), depth=2))
    contents = torch.cat([picture(seed, 64, 64) for seed in range(3)])
    whole = network.autoencoder.encoder.forward
    network.autoencoder.encoder.forward = lambda pictures: {tap: 1000 * one for tap, one in whole(pictures).items()}
    with torch.no_grad():
        before = network.autoencoder.features(contents)[taps]
        network.autoencoder.measure(contents)
        features = network.autoencoder.features(contents)[taps]
        painted, _ = network(contents, contents.flip(0))
    assert float(features.square().mean()) == pytest.approx(1, rel=1e-3)
    assert torch.allclose(features * (before.flatten()[before.argmax()] / features.flatten()[before.argmax()]), before)
    assert float(painted.abs().mean()) < 3
    save_style_model(tmp_path, network)
    again, _ = load_style_model(tmp_path)
    assert torch.equal(again.autoencoder.scale, network.autoencoder.scale)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_decoder_is_built_from_the_taps_of_any_encoder(name):
    taps = tuple(f"stride{stride}" for stride in ENCODERS[name])
    found = Autoencoder(Shape(name, taps[:2]))
    assert [tap.stride for tap in found.taps] == list(ENCODERS[name][:2])
    content = picture(0, 75, 53)
    features = found.features(content)
    assert [features[tap.name].shape[1] for tap in found.taps] == [tap.channels for tap in found.taps]
    assert found(features, content.shape[2:]).shape == content.shape


def test_a_transformer_whose_finest_map_has_stride_four():
    found = Autoencoder(Shape("test_convnext", ("stride8", "stride4")))
    assert [step.stride for step in found.decoder.steps] == [8, 4, 2, 1]
    content = picture(0, 41, 70)
    assert found(found.features(content), content.shape[2:]).shape == content.shape


def test_vgg_is_mirrored():
    found = Autoencoder(Shape("vgg19", ("relu4_1",), depth=2))
    assert [(step.stride, step.channels) for step in found.decoder.steps] == [(8, 512), (4, 256), (2, 128), (1, 64)]
    assert not any(one.requires_grad for one in found.encoder.parameters())


def test_steps_are_added_where_a_stride_is_more_than_halved():
    found = Decoder((Tap("deep", 32, 128), Tap("shallow", 4, 40)))
    assert [(step.name, step.stride, step.channels) for step in found.steps] == [
        ("deep", 32, 128), ("", 16, 64), ("", 8, 40), ("shallow", 4, 40), ("", 2, 20), ("", 1, 16)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        (Shape(taps=("stride16",)), "its taps are stride2, stride4, stride8|did you mean"),
        (Shape(taps=()), "one tap or more"),
        (Shape(taps=("stride8", "stride8")), "each once"),
        (Shape("vgg19", ("relu9_1",)), "relu9_1"),
        (Shape("no_such_network", ("stride8",)), "no_such_network"),
    ],
)
def test_what_is_not_there_is_named(shape, word):
    with pytest.raises(UsageError, match=word):
        Autoencoder(shape)


def test_a_picture_too_small_for_the_encoder_is_refused_in_a_line():
    with pytest.raises(UsageError, match="at least 8 pixels a side, got 7 x 30"):
        Autoencoder(Shape("vgg16", ("relu4_1",))).features(torch.rand(1, 3, 7, 30))


# --- strength, shares, regions, tiles --------------------------------------------------------------------------------


def test_no_strength_is_the_features_as_they_are_and_the_content(network):
    content = picture(0, 30, 37)
    style, features = network.prepared([wanted(1)]), network.autoencoder.features(content)
    kept = network.transferred(features, style, 0.0)
    assert all(torch.equal(kept[tap], features[tap]) for tap in features)
    decoded = network.autoencoder(features, content.shape[2:])
    assert torch.equal(network.autoencoder(kept, content.shape[2:]), decoded), "what is decoded is the content"
    assert torch.allclose(network.stylise(content, style, 0.0), content, atol=1e-5)
    assert not torch.allclose(network.stylise(content, style, 1.0), content, atol=0.02)


def test_shares_are_numbers_of_any_sort_and_their_ratio_counts(network):
    content, styles = picture(0, 30, 37), (1, 2)
    painted = [
        network.stylise(
            content, network.prepared([wanted(seed, share) for seed, share in zip(styles, shares, strict=True)])
        )
        for shares in ((0.25, 0.75), (1.5, 4.5), (0.0, 1.0))
    ]
    assert torch.allclose(painted[0], painted[1], atol=1e-5)
    assert torch.allclose(painted[2], network.stylise(content, network.prepared([wanted(2)])), atol=1e-5)
    features = network.autoencoder.features(content)
    alone = [network.transferred(features, network.prepared([wanted(seed)])) for seed in styles]
    mixed = network.transferred(features, network.prepared([wanted(1, 0.25), wanted(2, 0.75)]))
    for tap in network.taps:
        assert torch.allclose(mixed[tap], 0.25 * alone[0][tap] + 0.75 * alone[1][tap], atol=1e-4)


@pytest.mark.parametrize("shares", [(-1.0, 2.0), (0.0, 0.0)])
def test_shares_that_make_no_mix_are_refused(network, shares):
    with pytest.raises(UsageError, match="shares of styles that are 0 or more"):
        network.prepared([wanted(1, shares[0]), wanted(2, shares[1])])


def test_a_row_is_no_picture(network):
    with pytest.raises(UsageError, match="picture of a style, which this network takes, got row 2"):
        network.prepared([Wanted(row=2)])


def test_features_of_one_region_do_not_see_the_style_of_another(network):
    maps = torch.zeros(2, 32, 40)
    maps[0, :, :16], maps[1, :, 16:] = 1, 1
    features = network.autoencoder.features(picture(0, 32, 40))
    one, other = (
        network.transferred(features, network.prepared([wanted(1)], [wanted(seed)]), maps=maps) for seed in (2, 3)
    )
    for tap in network.taps:
        border = 16 * features[tap].shape[3] // 40
        assert torch.equal(one[tap][..., :border], other[tap][..., :border])
        assert not torch.allclose(one[tap][..., border:], other[tap][..., border:], atol=1e-3)


def test_features_outside_every_region_stay(network):
    maps = torch.zeros(1, 32, 40)
    maps[0, :, :16] = 1
    features = network.autoencoder.features(picture(0, 32, 40))
    found = network.transferred(features, network.prepared([wanted(1)]), maps=maps)
    for tap in network.taps:
        border = 16 * features[tap].shape[3] // 40
        assert torch.equal(found[tap][..., border:], features[tap][..., border:])


def test_a_tile_with_the_statistics_of_the_whole_is_a_part_of_the_whole(network):
    content, style = picture(0, 64, 160), network.prepared([wanted(1)])
    statistics = network.statistics(content, style)
    whole = network.stylise(content, style, 0.8, statistics=statistics)
    first = 8 * network.step - network.step * -(-network.reach // network.step)
    tile = network.stylise(content[..., max(0, first) :], style, 0.8, statistics=statistics)
    begin = max(0, first) + network.reach if first > 0 else 0
    assert torch.allclose(tile[..., begin - max(0, first) :], whole[..., begin:], atol=1e-4)
    assert torch.allclose(whole, network.stylise(content, style, 0.8), atol=1e-5), "they are its own"


def test_the_reach_is_as_far_as_pixels_count(network):
    content = picture(0, 8, 400).requires_grad_()
    style = network.prepared([wanted(1)])
    statistics = network.statistics(content.detach(), style)
    features = network.transferred(network.autoencoder.features(content), style, statistics=statistics)
    network.autoencoder(features, (8, 400))[0, :, :, 200].sum().backward()  # not clipped, where slopes end
    touched = content.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert 200 - touched.min() <= network.reach
    assert touched.max() - 200 <= network.reach
    assert touched.max() - touched.min() > network.reach, "nor is it much too large"


def test_the_same_seed_gives_the_same_bytes(network):
    content = picture(0, 30, 37)
    again = [network.stylise(content, network.prepared([wanted(1)])) for _ in range(2)]
    assert torch.equal(*again)


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_gives_the_network_back(network, tmp_path):
    save_style_model(tmp_path / "model", network)
    again, info = load_style_model(tmp_path)
    assert info.kind == network.kind
    assert again.numbers == network.numbers
    content = picture(0, 30, 37)
    painted = [one.stylise(content, one.prepared([wanted(1)])) for one in (network, again)]
    assert torch.equal(*painted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks", -1),
        ("blocks", 1e9),
        ("taps", ["nowhere"]),
        ("widths", [0]),
        ("depth", 0),
        ("encoder", 3),
        ("more", 1),
    ],
)
def test_numbers_of_a_strange_file_are_checked(tmp_path, name, value):
    network = AdainNetwork(SMALL)
    save_style_model(tmp_path, network)
    text = (tmp_path / "model.json").read_text()
    import json

    content = json.loads(text)
    content["numbers"][name] = value
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="use the version of Segue that wrote it"):
        load_style_model(tmp_path)
