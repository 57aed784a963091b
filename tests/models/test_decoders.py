"""Decoders against what they are taken from: torchvision's and the library's own modules, formulas, hand-made cases."""

import itertools

import pytest
import torch
from segmentation_models_pytorch.decoders.dpt.decoder import DPTDecoder
from segmentation_models_pytorch.decoders.linknet.decoder import LinknetDecoder
from segmentation_models_pytorch.decoders.pan.decoder import PANDecoder
from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder
from segmentation_models_pytorch.decoders.upernet.decoder import UPerNetDecoder
from torch import nn
from torch.nn import functional
from torchvision.models import segmentation as torchvision

from segue.errors import UsageError
from segue.models.build import ModelSpec, build
from segue.models.decoders import DECODERS
from segue.models.decoders.auxiliary import AuxiliaryHead
from segue.models.decoders.manet import PositionAttention
from segue.models.decoders.single_value import SingleValueBatchNorm2d
from segue.models.decoders.upsampling import LearnedUpsampling
from segue.models.encoders import create_encoder

CHANNELS, STRIDES = (8, 12, 16, 24), (4, 8, 16, 32)


def maps(size=8, channels=CHANNELS, batch=2):
    """Random feature maps that halve, the coarsest of `size` pixels a side."""
    generator = torch.Generator().manual_seed(0)
    sides = [size * 2**level for level in reversed(range(len(channels)))]
    return [torch.randn(batch, c, side, side, generator=generator) for c, side in zip(channels, sides, strict=True)]


def randomised(module):
    """The module in evaluation mode, normalisation layers no longer near the identity."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
            for tensor, low in ((norm.weight, 0.5), (norm.bias, -0.5), (norm.running_mean, -0.5)):
                tensor.uniform_(low, low + 1, generator=generator)
            norm.running_var.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


def copy_in_order(source, target):
    """Give `target` the tensors of `source`, which come in the same order under other names."""
    theirs, ours = source.state_dict(), target.state_dict()
    assert [t.shape for t in theirs.values()] == [t.shape for t in ours.values()]
    target.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))


def parameters(*modules):
    return sum(weight.numel() for module in modules for weight in module.parameters())


def on_meta(encoder, decoder, classes, *, auxiliary=False):
    """A model of any size, without memory for its weights."""
    with torch.device("meta"):
        return build(ModelSpec(encoder, decoder, 3, classes), auxiliary=auxiliary)


# --- learned upsampling ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 2, 3, 8, 32])
def test_upsampling_starts_out_as_bilinear_interpolation_in_every_pixel(factor):
    images = maps(5, (3,))[0]
    size = (5 * factor, 5 * factor)
    expected = functional.interpolate(images, size, mode="bilinear")
    torch.testing.assert_close(LearnedUpsampling(3, factor)(images, size), expected, rtol=1e-4, atol=1e-5)


def test_an_affine_ramp_stays_one():
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    large = LearnedUpsampling(1, 4)((2 * rows - 3 * columns + 1)[None, None], (24, 28))[0, 0]
    rows, columns = torch.meshgrid(
        (torch.arange(24) + 0.5) / 4 - 0.5, (torch.arange(28) + 0.5) / 4 - 0.5, indexing="ij"
    )
    inner = (slice(2, -2), slice(2, -2))  # outside the centres of the outermost pixels there is nothing to go by
    torch.testing.assert_close(large[inner], (2 * rows - 3 * columns + 1)[inner], rtol=1e-4, atol=1e-4)


def test_what_rounding_up_has_added_is_cut_off_and_another_size_is_interpolated():
    images, layer = maps(4, (3,))[0], LearnedUpsampling(3, 8)
    assert torch.equal(layer(images, (28, 32)), layer(images, (32, 32))[..., :28, :])
    expected = functional.interpolate(images, (32, 32), mode="bilinear")
    expected = functional.interpolate(expected, (20, 64), mode="bilinear")
    torch.testing.assert_close(layer(images, (20, 64)), expected, rtol=1e-4, atol=1e-4)


# --- FCN -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "used"), [("fcn8s", 3), ("fcn16s", 2)])
def test_fcn_computes_what_long_et_al_describe(name, used):
    """Class scores per map, transposed convolutions that start bilinear, sums; edges, where ours differ, left out."""
    classes, features = 3, maps(8)
    torch.manual_seed(0)
    decoder = DECODERS[name](CHANNELS, STRIDES, width=classes)
    total = None
    with torch.no_grad():
        for score, map_ in zip(reversed(decoder.score), reversed(features), strict=False):
            scores = score(map_)
            total = scores if total is None else scores + enlarge(total, 2)
        ours = LearnedUpsampling(classes, decoder.upsampling)(decoder(features), (256, 256))
    inner = (..., slice(64, -64), slice(64, -64))
    assert len(decoder.used) == used
    torch.testing.assert_close(ours[inner], enlarge(total, decoder.upsampling)[inner], rtol=1e-4, atol=1e-4)


def enlarge(scores, factor):
    """The authors' layer: one kernel for every pair of classes, bilinear within a class, zero between two."""
    classes, width = scores.shape[1], 2 * factor
    line = 1 - (torch.arange(width) - (width - 1) / 2).abs() / factor
    kernel = torch.eye(classes)[..., None, None] * torch.outer(line, line)
    return functional.conv_transpose2d(scores, kernel, stride=factor, padding=factor // 2)


def test_fcn_32s_begins_as_the_interpolated_scores_of_the_last_map():
    torch.manual_seed(0)
    model = build(ModelSpec("test_resnet", "fcn32s", 3, 4)).eval()
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        scores = model.head(model.encoder(images)[-1])
        expected = functional.interpolate(scores, (64, 96), mode="bilinear")
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-5)
    assert model.upsample.weight.shape == (4, 1, 64, 64)
    assert parameters(model.decoder) == 0


@pytest.mark.parametrize("ours", ["fcn_d8", "auxiliary"])
def test_fcn_heads_are_torchvisions(ours):
    theirs = randomised(torchvision.fcn.FCNHead(256, 5))
    if ours == "auxiliary":
        head = randomised(AuxiliaryHead(256, 5))
    else:
        decoder = DECODERS["fcn_d8"]((64, 256), (4, 8))
        head = randomised(nn.Sequential(decoder.block, nn.Conv2d(64, 5, 1)))
    copy_in_order(theirs, head)
    image = torch.randn(1, 256, 9, 7)
    with torch.no_grad():
        assert torch.equal(head(image), theirs(image))


@pytest.mark.parametrize(
    ("encoder", "decoder", "weights", "missing"),
    [
        ("resnet50", "fcn_d8", torchvision.FCN_ResNet50_Weights.DEFAULT, 0),
        ("resnet50", "deeplabv3", torchvision.DeepLabV3_ResNet50_Weights.DEFAULT, 0),
        # its two score layers have a bias each, of which one is enough
        ("mobilenetv3_large_100", "lraspp", torchvision.LRASPP_MobileNet_V3_Large_Weights.DEFAULT, 21),
    ],
)
def test_networks_have_as_many_weights_as_torchvision_publishes(encoder, decoder, weights, missing):
    model = on_meta(encoder, decoder, 21, auxiliary=True)
    assert parameters(model) + missing == weights.meta["num_params"]


# --- U-Net, SegNet ---------------------------------------------------------------------------------------------------


def convolution(given, width, kernel=3):
    return kernel * kernel * given * width


def test_the_classic_unet_has_31_million_weights():
    widths, classes = (64, 128, 256, 512, 1024), 2
    down = sum(convolution(a, b) + convolution(b, b) for a, b in itertools.pairwise((3, *widths)))
    up = sum(4 * 2 * w * w + w + convolution(2 * w, w) + convolution(w, w) for w in widths[:-1])
    norms = 2 * (2 * sum(widths) + 2 * sum(widths[:-1]))  # a scale and a shift for each convolution
    expected = down + up + norms + 64 * classes + classes
    model = on_meta("double_conv", "unet_classic", classes)
    assert parameters(model) == expected
    assert round(expected / 1e6, 1) == 31.0


def test_the_classic_unet_joins_and_convolves_as_in_the_papers_figure():
    torch.manual_seed(0)
    model = randomised(build(ModelSpec("double_conv@3", "unet_classic", 1, 2)))
    state = model.state_dict()

    def twice(x, prefix):
        for number in (0, 3):
            norm = [
                state[f"{prefix}.{number + 1}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")
            ]
            x = functional.conv2d(x, state[f"{prefix}.{number}.weight"], padding=1)
            x = functional.batch_norm(x, *norm).relu()
        return x

    image = torch.randn(1, 1, 32, 32)
    first = twice(image, "encoder.net.levels.0")
    second = twice(functional.max_pool2d(first, 2), "encoder.net.levels.1")
    x = twice(functional.max_pool2d(second, 2), "encoder.net.levels.2")
    for level, skip in ((1, second), (0, first)):
        up = [state[f"decoder.enlarge.{level}.{leaf}"] for leaf in ("weight", "bias")]
        x = twice(torch.cat([skip, functional.conv_transpose2d(x, *up, stride=2)], 1), f"decoder.convolve.{level}")
    with torch.no_grad():
        expected = functional.conv2d(x, state["head.weight"], state["head.bias"])
        torch.testing.assert_close(model(image), expected, rtol=1e-4, atol=1e-4)


def test_segnet_puts_each_maximum_back_where_it_was():
    decoder = DECODERS["segnet"]((1,), (1,)).eval()
    with torch.no_grad():
        decoder.blocks[0][0].weight.zero_()[0, 0, 1, 1] = (1 + decoder.blocks[0][1].eps) ** 0.5  # the identity
    given = [[1, 5, 2, 2], [3, 4, 9, 1], [7, 1, 1, 1], [2, 6, 1, 8]]
    expected = [[0, 5, 0, 0], [0, 0, 9, 0], [7, 0, 0, 0], [0, 0, 0, 8]]
    with torch.no_grad():
        found = decoder([torch.tensor(given, dtype=torch.float)[None, None]])
    torch.testing.assert_close(found[0, 0], torch.tensor(expected, dtype=torch.float))


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"])
def test_vggs_maps_end_where_its_max_pooling_begins(name):
    with torch.device("meta"):
        encoder = create_encoder(name)
    modules = dict(encoder.net.named_children())
    for tap in encoder.net.feature_info.module_name()[:5]:
        pooling = modules[f"features_{int(tap.split('.')[1]) + 1}"]
        assert isinstance(pooling, nn.MaxPool2d)
        assert (pooling.kernel_size, pooling.stride, pooling.padding) == (2, 2, 0)


def test_segnet_on_vgg_16_mirrors_its_13_convolutions():
    widths, counts = (64, 128, 256, 512, 512), (2, 2, 3, 3, 3)
    inputs = (3, *widths)
    encoder = sum(
        convolution(inputs[i], w) + w + (n - 1) * (convolution(w, w) + w)
        for i, (w, n) in enumerate(zip(widths, counts, strict=True))
    )
    # the last convolution of a level has the channels of the next finer one; that of the finest level is the head
    within = sum((n - 1) * (convolution(w, w) + 2 * w) for w, n in zip(widths, counts, strict=True))
    between = sum(convolution(w, finer) + 2 * finer for finer, w in itertools.pairwise(widths))
    model = on_meta("vgg16", "segnet", 11)
    assert (parameters(model.encoder), parameters(model.decoder)) == (encoder, within + between)
    assert round(parameters(model) / 1e6, 1) == 29.4  # ENet's authors count 29.46, with a 3x3 head


@pytest.mark.slow
def test_segnet_runs_on_vgg():
    torch.manual_seed(0)
    model = build(ModelSpec("vgg11_bn", "segnet", 4, 2)).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 4, 65, 33)).shape == (1, 2, 65, 33)
        *_, before, after = model.encoder(torch.randn(1, 4, 64, 64))
    assert torch.equal(functional.max_pool2d(before, 2), after)  # what the decoder begins with is what VGG ends with


# --- wrapped decoders ------------------------------------------------------------------------------------------------


def test_unet_is_the_library_s_down_to_the_random_numbers_it_begins_with():
    torch.manual_seed(0)
    theirs = UnetDecoder([0, *CHANNELS], (256, 128, 64), n_blocks=3)
    torch.manual_seed(0)
    ours = DECODERS["unet"](CHANNELS, STRIDES)
    named = {f"blocks.{name}": tensor for name, tensor in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(named)
    assert all(torch.equal(tensor, named[name]) for name, tensor in ours.state_dict().items())
    features = maps(3)
    with torch.no_grad():
        assert torch.equal(randomised(ours)(features), randomised(theirs)([features[0], *features]))


def test_unetplusplus_is_the_library_s_without_its_last_block():
    theirs = randomised(UnetPlusPlusDecoder([0, *CHANNELS], (256, 128, 64, 32), n_blocks=4))
    last = theirs.blocks["x_0_3"]
    ours = randomised(DECODERS["unetplusplus"](CHANNELS, STRIDES))
    ours.load_state_dict({f"nested.{k}": v for k, v in theirs.state_dict().items() if ".x_0_3." not in f".{k}"})
    features = maps(2)
    with torch.no_grad():
        expected = theirs([features[0], *features])
        assert torch.equal(last(ours(features)), expected)


def test_linknet_is_the_library_s_up_to_the_finest_map():
    theirs = randomised(LinknetDecoder([0, *CHANNELS], n_blocks=4))
    ours = randomised(DECODERS["linknet"](CHANNELS, STRIDES))
    kept = {f"blocks.{k}": v for k, v in theirs.state_dict().items() if not k.startswith("blocks.3.")}
    ours.load_state_dict(kept)
    features = maps(2)
    with torch.no_grad():
        assert torch.equal(theirs.blocks[3](ours(features)), theirs([features[0], *features]))


def test_pan_is_the_library_s_where_the_last_map_is_large_enough():
    theirs = randomised(PANDecoder([0, 0, *CHANNELS], encoder_depth=5, decoder_channels=32))
    ours = randomised(DECODERS["pan"](CHANNELS, STRIDES))
    ours.blocks.load_state_dict(theirs.state_dict())
    features = maps(8)
    with torch.no_grad():
        assert torch.equal(ours(features), theirs([features[0], features[0], *features]))
        assert ours(maps(1)).shape == (2, 32, 8, 8)


def test_upernet_is_the_library_s():
    theirs = randomised(UPerNetDecoder([0, 0, *CHANNELS]))
    ours = randomised(DECODERS["upernet"](CHANNELS, STRIDES))
    ours.blocks.load_state_dict(theirs.state_dict())
    features = maps(2)
    with torch.no_grad():
        assert torch.equal(ours(features), theirs([features[0], features[0], *features]))


def test_segformer_computes_what_the_library_does_before_the_maps_are_enlarged():
    theirs = randomised(SegformerDecoder([3, *CHANNELS]))
    ours = randomised(DECODERS["segformer"](CHANNELS, STRIDES))
    copy_in_order(theirs, ours)
    features, image = maps(2), torch.zeros(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs([image, *features])
        torch.testing.assert_close(ours(features), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("plain", [True, False])
def test_dpt_computes_what_the_library_does_up_to_its_last_enlargement(plain):
    channels, strides = ((64,) * 4, (16,) * 4) if plain else (CHANNELS, STRIDES)
    features = [torch.randn(1, 64, 4, 6) for _ in range(4)] if plain else maps(2)
    widths = (8, 16, 32, 64) if plain else CHANNELS
    theirs = randomised(DPTDecoder(channels, strides, False, "ignore", widths, 32))
    ours = randomised(DECODERS["dpt"](channels, strides, width=32))
    ours.smooth = nn.Identity()
    copy_in_order(theirs, ours)
    with torch.no_grad():
        enlarged = functional.interpolate(ours(features), scale_factor=2, mode="bilinear", align_corners=True)
        torch.testing.assert_close(enlarged, theirs(features, [None] * 4), rtol=1e-4, atol=1e-4)


def test_position_attention_sums_all_values_by_likeness():
    torch.manual_seed(0)
    attention, image = PositionAttention(6, width=4).eval(), torch.randn(1, 6, 3, 5)
    seen = torch.zeros_like(image)
    with torch.no_grad():
        query, key, value = (part(image)[0] for part in (attention.query, attention.key, attention.value))
        positions = list(itertools.product(range(3), range(5)))
        for i, j in positions:
            likeness = torch.stack([query[:, i, j] @ key[:, a, b] for a, b in positions]).softmax(0)
            seen[0, :, i, j] = sum(w * value[:, a, b] for w, (a, b) in zip(likeness, positions, strict=True))
        torch.testing.assert_close(attention(image), attention.out(image + seen), rtol=1e-4, atol=1e-5)


# --- DeepLab, PSPNet, LR-ASPP ----------------------------------------------------------------------------------------


def test_deeplabv3_is_torchvisions_head():
    theirs = randomised(torchvision.deeplabv3.DeepLabHead(48, 5))
    ours = randomised(nn.Sequential(DECODERS["deeplabv3"]((16, 48), (8, 8)), nn.Conv2d(256, 5, 1)))
    copy_in_order(theirs, ours)
    image = torch.randn(1, 48, 9, 12)
    with torch.no_grad():
        torch.testing.assert_close(ours([image]), theirs(image), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "stride", "rates"), [
    ("deeplabv3", 8, (12, 24, 36)),
    ("deeplabv3", 32, (3, 6, 9)),
    ("deeplabv3plus", 16, (6, 12, 18)),
    ("deeplabv3plus", 32, (3, 6, 9)),
])  # fmt: skip
def test_dilation_follows_the_stride_and_is_separable_in_plus_only(name, stride, rates):
    decoder = DECODERS[name]((8, 16), (4, stride))
    dilated = [m for m in decoder.modules() if isinstance(m, nn.Conv2d) and m.dilation[0] > 1]
    assert tuple(m.dilation[0] for m in dilated) == rates
    assert {m.groups for m in dilated} == ({16} if name == "deeplabv3plus" else {1})


def test_pspnet_averages_over_1_4_9_and_36_regions():
    pooling = [
        m.output_size for m in DECODERS["pspnet"]((8, 16), (4, 8)).modules() if isinstance(m, nn.AdaptiveAvgPool2d)
    ]
    assert pooling == [(1, 1), (2, 2), (3, 3), (6, 6)]


def test_lraspp_is_torchvisions_head():
    theirs = randomised(torchvision.lraspp.LRASPPHead(12, 24, 5, 128))
    decoder, head = DECODERS["lraspp"](CHANNELS, STRIDES), nn.Conv2d(140, 5, 1)
    copy_in_order(nn.ModuleList([theirs.cbr, theirs.scale]), randomised(decoder))
    low, high = theirs.low_classifier, theirs.high_classifier
    features = maps(3)
    with torch.no_grad():
        head.weight.copy_(torch.cat([high.weight, low.weight], dim=1))
        head.bias.copy_(high.bias + low.bias)
        expected = theirs({"low": features[1], "high": features[-1]})
        torch.testing.assert_close(head(decoder(features)), expected, rtol=1e-5, atol=1e-5)


# --- DDRNet ----------------------------------------------------------------------------------------------------------


class Authors:
    """DDRNet's forward pass in functions, in the order of the authors' code, on tensors with their names."""

    def __init__(self, state):
        self.state = state

    def norm(self, x, name):
        leaves = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(self.state[f"{name}.{leaf}"] for leaf in leaves))

    def conv(self, x, name, stride=1):
        weight = self.state[f"{name}.weight"]
        return functional.conv2d(x, weight, self.state.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def block(self, x, name, stride=1, *, rectified=False, bottleneck=False):
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        out = x
        for number, step in enumerate(strides, start=1):
            out = self.norm(self.conv(out, f"{name}.conv{number}", step), f"{name}.bn{number}")
            out = out.relu() if number < len(strides) else out
        if f"{name}.downsample.0.weight" in self.state:
            x = self.norm(self.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return (out + x).relu() if rectified else out + x

    def layer(self, x, name, stride=1):
        return self.block(self.block(x, f"{name}.0", stride, rectified=True), f"{name}.1")

    def squeeze(self, x, name, size):
        return functional.interpolate(self.norm(self.conv(x, f"{name}.0"), f"{name}.1"), size, mode="bilinear")

    def activated(self, x, name, first=0):
        return self.conv(self.norm(x, f"{name}.{first}").relu(), f"{name}.{first + 2}")

    def context(self, x):
        pooled = [functional.avg_pool2d(x, k, s, k // 2) for k, s in ((5, 2), (9, 4), (17, 8))]
        results = [self.activated(x, "spp.scale0")]
        for number, map_ in enumerate([*pooled, x.mean((2, 3), keepdim=True)], start=1):
            wide = functional.interpolate(self.activated(map_, f"spp.scale{number}", 1), x.shape[-2:], mode="bilinear")
            results.append(self.activated(wide + results[-1], f"spp.process{number}"))
        return self.activated(torch.cat(results, 1), "spp.compression") + self.activated(x, "spp.shortcut")

    def __call__(self, image):
        x = self.norm(self.conv(image, "conv1.0", 2), "conv1.1").relu()
        x = self.norm(self.conv(x, "conv1.3", 2), "conv1.4").relu()
        second = self.layer(self.layer(x, "layer1").relu(), "layer2", 2)
        third = self.layer(second.relu(), "layer3", 2)
        size = second.shape[-2:]
        fine = self.layer(second.relu(), "layer3_")
        x = third + self.norm(self.conv(fine.relu(), "down3.0", 2), "down3.1")
        fine = extra = fine + self.squeeze(third.relu(), "compression3", size)
        fourth = self.layer(x.relu(), "layer4", 2)
        fine = self.layer(fine.relu(), "layer4_")
        down = self.norm(self.conv(fine.relu(), "down4.0", 2), "down4.1").relu()
        x = fourth + self.norm(self.conv(down, "down4.3", 2), "down4.4")
        fine = fine + self.squeeze(fourth.relu(), "compression4", size)
        fine = self.block(fine.relu(), "layer5_.0", bottleneck=True)
        x = self.context(self.block(x.relu(), "layer5.0", 2, bottleneck=True))
        joined = functional.interpolate(x, size, mode="bilinear") + fine
        out = self.conv(self.norm(joined, "final_layer.bn1").relu(), "final_layer.conv1")
        return self.conv(self.norm(out, "final_layer.bn2").relu(), "final_layer.conv2"), extra


def test_ddrnet_computes_what_its_authors_do_under_their_names():
    torch.manual_seed(0)
    model = randomised(build(ModelSpec("ddrnet23_slim", "ddrnet", 3, 19)))
    names = {"final.0": "final_layer.bn1", "final.2": "final_layer.conv1", "final.3": "final_layer.bn2"}
    state = dict(model.encoder.net.state_dict())
    for name, tensor in [*model.decoder.state_dict().items(), *model.head.state_dict(prefix="head.").items()]:
        layer, _, leaf = name.rpartition(".")
        state[f"{'final_layer.conv2' if layer == 'head' else names.get(layer, layer)}.{leaf}"] = tensor
    image = torch.randn(1, 3, 128, 192)
    with torch.no_grad():
        scores, extra = Authors(state)(image)
        expected = functional.interpolate(scores, (128, 192), mode="bilinear")
        torch.testing.assert_close(model(image), expected, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(model.encoder(image)[model.decoder.auxiliary[0]], extra, rtol=1e-3, atol=1e-3)
    assert round(parameters(model) / 1e6, 1) == 5.7  # million, as the paper says


def test_encoder_and_decoder_made_for_each_other_take_no_one_else():
    with pytest.raises(UsageError, match=r"encoder ddrnet23_slim: .* got unet: use --model\.decoder ddrnet"):
        build(ModelSpec("ddrnet23_slim", "unet", 3, 2))
    with pytest.raises(UsageError, match=r"decoder ddrnet: .*--model\.encoder ddrnet23_slim"):
        build(ModelSpec("ddrnet23_slim@2", "ddrnet", 3, 2))


# --- one value per channel -------------------------------------------------------------------------------------------


def test_batch_normalisation_is_torchs_unless_there_is_one_value_per_channel():
    ours, theirs = SingleValueBatchNorm2d(4), nn.BatchNorm2d(4)
    for shape in ((2, 4, 1, 1), (1, 4, 1, 2), (3, 4, 5, 5)):
        images = torch.randn(shape)
        assert torch.equal(ours(images), theirs(images))
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    single = torch.randn(1, 4, 1, 1)
    found = ours(single)
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.state_dict().items())
    assert torch.equal(found, ours.eval()(single))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        theirs(single)
