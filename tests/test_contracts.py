"""What every row of a table must do; a new decoder or loss is covered by its row."""

import contextlib

import jaxtyping
import pytest
import torch
from jaxtyping import TypeCheckError

from segue.errors import UsageError
from segue.losses import LOSSES, parse_loss, takes_class_weights
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.decoders import DECODERS

# What a decoder can stand on, each pair built and run: a CNN, a CNN from stride 4, a hierarchical ViT, a plain ViT.
ANY = ("test_resnet", "test_convnext", "mit_b0", "test_vit")
ACCEPTS = {
    "fcn": ANY,
    "fcn32s": ANY,
    "fcn16s": ANY,
    "fcn8s": ANY,
    "fcn_d8": ANY,
    "unet": ANY,
    "unet_classic": ("double_conv@3",),
    "segnet": ("double_conv@3",),  # VGG, its encoder in earnest, is in tests/models/test_decoders.py
    "unetplusplus": ANY,
    "linknet": ANY,
    "manet": ANY,
    "fpn": ANY,
    "pan": ANY,
    "pspnet": ANY,
    "deeplabv3": ANY,
    "deeplabv3plus": ANY,
    "upernet": ANY,
    "segformer": ANY,
    "dpt": ANY,
    "linear": ANY,
    "lraspp": ANY,
    "ddrnet": ("ddrnet23_slim",),
}
PAIRS = [(decoder, encoder) for decoder, encoders in ACCEPTS.items() for encoder in encoders]
CHOOSY = [decoder for decoder, encoders in ACCEPTS.items() if encoders != ANY]
FEWEST_MAPS = {"fpn": 4}  # of the others 2


def model(decoder: str, encoder: str = "", channels: int = 3, *, auxiliary: bool = False) -> SegmentationModel:
    """A model with the weights of seed 0, on the first encoder the decoder accepts unless one is named."""
    torch.manual_seed(0)
    return build(ModelSpec(encoder or ACCEPTS[decoder][0], decoder, channels, 5), auxiliary=auxiliary)


# --- decoders --------------------------------------------------------------------------------------------------------


def test_every_decoder_says_what_it_stands_on():
    assert tuple(ACCEPTS) == DECODERS.names()


@pytest.mark.parametrize(("decoder", "encoder"), PAIRS)
def test_every_pixel_of_any_size_gets_a_score_for_every_class(decoder, encoder):
    net = model(decoder, encoder, channels=4).eval()
    with torch.no_grad():
        for size in ((32, 64), (37, 53), (1, 1)):
            scores = net(torch.randn(1, 4, *size))
            assert scores.shape == (1, 5, *size)
            assert scores.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("decoder", [decoder for decoder in ACCEPTS if decoder not in CHOOSY])
def test_decoders_stand_on_swin(decoder):
    net = model(decoder, "swin_tiny_patch4_window7_224").eval()
    with torch.no_grad():
        assert net(torch.randn(1, 3, 65, 97)).shape == (1, 5, 65, 97)


@pytest.mark.parametrize("encoder", ANY)
@pytest.mark.parametrize("decoder", CHOOSY)
def test_a_decoder_made_for_one_encoder_refuses_others_and_names_it(decoder, encoder):
    with pytest.raises(UsageError, match=rf"decoder {decoder}: expected .*, got .*: use --model\.encoder \w+"):
        model(decoder, encoder)


@pytest.mark.parametrize(("decoder", "encoder"), [pair for pair in PAIRS if pair[1] not in ("test_convnext", "mit_b0")])
def test_gradient_reaches_every_weight(decoder, encoder):
    net = model(decoder, encoder, channels=1, auxiliary=True)
    scores, extra = net(torch.randn(2, 1, 32, 64), auxiliary=True)
    assert all(one.shape == scores.shape for one in extra)
    sum(one.square().mean() for one in (scores, *extra)).backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("decoder", ACCEPTS)
def test_a_single_image_can_be_trained_on(decoder):
    net = model(decoder, auxiliary=True).train()
    scores, extra = net(torch.randn(1, 3, 32, 96), auxiliary=True)
    assert all(one.isfinite().all() for one in (scores, *extra))


@pytest.mark.parametrize("decoder", ACCEPTS)
def test_an_image_gets_the_same_scores_alone_and_in_a_batch(decoder):
    net = model(decoder, channels=5).eval()
    images = torch.randn(2, 5, 30, 56)
    with torch.no_grad():
        together, alone = net(images), torch.cat([net(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decoder", ACCEPTS)
def test_the_same_seed_builds_the_same_weights_and_saved_weights_give_the_same_scores(decoder):
    first, second = model(decoder).eval(), model(decoder, auxiliary=True).eval()
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        expected = first(images)
        assert torch.equal(expected, second(images))  # auxiliary heads leave no trace
        torch.manual_seed(1)
        third = build(first.spec).eval()
        assert not torch.equal(expected, third(images))
        third.load_state_dict(second.predicting_state())
        assert torch.equal(expected, third(images))


@pytest.mark.parametrize("decoder", ACCEPTS)
def test_channels_last_and_bfloat16_autocast_keep_the_scores(decoder):
    net = model(decoder).eval()
    images = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        plain = net(images)
        last = net.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = net(images)
    torch.testing.assert_close(plain, last, rtol=1e-3, atol=1e-3)
    # SegNet puts values where the encoder's maxima lie, and rounding moves some of these to the next pixel
    assert (half.float() - plain).norm() < (0.3 if decoder == "segnet" else 0.1) * plain.norm()


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ACCEPTS)
def test_torch_export_gives_the_same_scores(decoder):
    net = model(decoder).eval()
    images = torch.randn(1, 3, 64, 96)
    exported = torch.export.export(net, (images,)).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(images), net(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decoder", [decoder for decoder in ACCEPTS if decoder not in CHOOSY])
def test_a_decoder_works_on_two_maps_or_says_how_many_it_needs(decoder):
    if decoder in FEWEST_MAPS:
        with pytest.raises(UsageError, match=rf"expected {FEWEST_MAPS[decoder]} feature maps or more, got 2"):
            model(decoder, "test_resnet@2")
    else:
        net = model(decoder, "test_resnet@2").eval()
        assert net(torch.randn(1, 3, 40, 40)).shape == (1, 5, 40, 40)


# --- losses ----------------------------------------------------------------------------------------------------------

SPACES = ((9, 7), (4, 5, 6))
VARIANTS = (
    *("focal(gamma=0.5)", "focal(gamma=0)", "ohem(min_kept=0)", "tversky(gamma=0.75)"),
    *("tversky(smooth=0)", "dice(smooth=0)", "jaccard(smooth=0)"),
)
TERMS = (*LOSSES.names(), *VARIANTS)
SMOOTHED = "ce(smoothing=0.1)"  # its smallest value is not 0
WEIGHTED = tuple(name for name in LOSSES if takes_class_weights(name))


def loss_of(term, class_weights=None):
    ((_, _, function),) = parse_loss(term, class_weights).parts
    return function


def labels_and_perfect_logits(space, classes=4):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (2, *space), generator=generator)
    perfect = torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float() * 40 - 20
    return labels, perfect


def labels_and_imperfect_logits(space, classes=4):
    labels, perfect = labels_and_perfect_logits(space, classes)
    return labels, 0.03 * perfect + torch.randn(perfect.shape, generator=torch.Generator().manual_seed(1))


def value_and_gradient(loss, logits, labels, **options):
    logits = logits.clone().requires_grad_()
    value = loss(logits, labels, **options)
    value.backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("term", TERMS)
def test_perfect_is_zero_and_worse_is_larger(term, space):
    labels, perfect = labels_and_perfect_logits(space)
    uniform = torch.zeros_like(perfect)
    values = [loss_of(term)(logits, labels).item() for logits in (perfect, 0.05 * perfect, uniform, -perfect)]
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert values == sorted(values)
    assert values[1] < values[2] < values[3]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_ignored_pixels_do_not_count(term, space):
    labels, logits = labels_and_imperfect_logits(space)
    labels[:, 0] = 255
    other = logits.clone()
    other[:, :, 0] += 100 * torch.randn_like(other[:, :, 0])
    value, gradient = value_and_gradient(loss_of(term), other, labels)
    torch.testing.assert_close(value, loss_of(term)(logits, labels))
    assert not gradient[:, :, 0].any()
    assert gradient[:, :, 1:].any()


@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_more_ignored_pixels_do_not_thin_the_loss_out(term):
    labels, logits = labels_and_imperfect_logits((8, 9))
    wider = torch.nn.functional.pad(labels, (3, 2, 4, 0), value=255)
    padded = torch.nn.functional.pad(logits, (3, 2, 4, 0), value=5.0)
    torch.testing.assert_close(loss_of(term)(padded, wider), loss_of(term)(logits, labels))


@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_another_ignore_value_is_respected(term):
    labels, logits = labels_and_imperfect_logits((8, 8))
    marked, marked_otherwise = labels.clone(), labels.clone()
    marked[:, :3], marked_otherwise[:, :3] = 255, -1
    loss = loss_of(term)
    torch.testing.assert_close(loss(logits, marked), loss(logits, marked_otherwise, ignore=-1))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("term", [*TERMS, SMOOTHED, *(f"{name} weighted" for name in WEIGHTED)])
def test_a_batch_without_labels_is_zero_and_has_a_zero_gradient(term, space):
    name, _, weighted = term.partition(" ")
    loss = loss_of(name, torch.tensor([0.5, 1, 2, 0]) if weighted else None)
    value, gradient = value_and_gradient(loss, torch.randn(2, 4, *space), torch.full((2, *space), 255))
    assert value.item() == 0
    assert gradient.shape == (2, 4, *space)
    assert not gradient.any()


@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_gradient_agrees_with_finite_differences(term, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # the losses' cast; differences need the digits
    labels = torch.tensor([[[0, 1, 2], [255, 1, 0]]])
    logits = torch.randn(1, 3, 2, 3, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss_of(term)(x, labels), (logits,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_low_precision_logits_are_computed_in_float32(term, dtype):
    labels, logits = labels_and_imperfect_logits((16, 16))
    logits = logits.to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(term)(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == loss_of(term)(logits.float(), labels).item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_extreme_logits_give_finite_numbers(term, dtype):
    labels, perfect = labels_and_perfect_logits((8, 8))
    for logits in (5 * perfect, -5 * perfect):  # 100 for one class, -100 for the others, and the other way round
        value, gradient = value_and_gradient(loss_of(term), logits.to(dtype), labels)
        assert value.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("term", [*TERMS, SMOOTHED])
def test_a_volume_of_depth_one_is_a_picture(term):
    labels, logits = labels_and_imperfect_logits((8, 9))
    labels[:, 0] = 255
    flat, flat_gradient = value_and_gradient(loss_of(term), logits, labels)
    deep, deep_gradient = value_and_gradient(loss_of(term), logits.unsqueeze(2), labels.unsqueeze(1))
    torch.testing.assert_close(deep, flat)
    torch.testing.assert_close(deep_gradient.squeeze(2), flat_gradient)


@pytest.mark.parametrize("term", TERMS)
def test_classes_that_no_pixel_has_do_no_harm(term):
    labels = torch.full((1, 6, 6), 2)  # a batch of one, with one class
    value, gradient = value_and_gradient(loss_of(term), torch.zeros(1, 4, 6, 6), labels)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert loss_of(term)(torch.eye(4)[2].mul(40).view(1, 4, 1, 1).expand(1, 4, 6, 6), labels) <= value


@pytest.mark.parametrize("name", WEIGHTED)
def test_class_weights_scale_what_a_class_contributes(name):
    labels, logits = labels_and_imperfect_logits((8, 8))
    loss = LOSSES[name] if name != "ohem" else loss_of("ohem(min_kept=1)")  # all pixels, so that masses add up
    parts = [loss(logits, labels.masked_fill(labels != c, 255)) for c in range(4)]
    counts = torch.stack([(labels == c).sum() for c in range(4)])
    weights = torch.tensor([0.5, 3.0, 1.0, 0.0])
    mass = weights * counts
    expected = (mass * torch.stack(parts)).sum() / mass.sum()
    torch.testing.assert_close(loss(logits, labels, weights=weights), expected)
    torch.testing.assert_close(loss(logits, labels, weights=7 * weights), expected)
    torch.testing.assert_close(loss(logits, labels, weights=torch.ones(4)), loss(logits, labels))


@pytest.mark.parametrize("term", TERMS)
def test_labels_of_any_whole_number_type_give_the_same_loss(term):
    labels, logits = labels_and_imperfect_logits((8, 8))
    labels[:, 0] = 255
    assert loss_of(term)(logits, labels.to(torch.int16)).item() == loss_of(term)(logits, labels).item()


@pytest.mark.parametrize("wrong", [4, 254, -1])
@pytest.mark.parametrize("name", LOSSES.names())
def test_a_label_that_is_no_class_is_never_counted_silently(name, wrong):
    labels, logits = labels_and_imperfect_logits((8, 8))
    labels[0, 2, 3] = wrong
    with pytest.raises((IndexError, RuntimeError)):
        LOSSES[name](logits, labels)


@pytest.mark.parametrize("shape", [(3, 9, 7), (2, 7, 9), (2, 1, 9, 7), (2, 9), (1, 9, 7)])
@pytest.mark.parametrize("name", LOSSES.names())
def test_mismatched_shapes_are_refused_with_and_without_the_shape_hook(name, shape):
    logits, labels = torch.zeros(2, 4, 9, 7), torch.zeros(shape, dtype=torch.long)
    with pytest.raises((UsageError, TypeCheckError)):
        LOSSES[name](logits, labels)
    with without_shape_hook(), pytest.raises(UsageError, match="expected"):
        LOSSES[name](logits, labels)


@contextlib.contextmanager
def without_shape_hook():
    """What a user has: no types are checked while the program runs."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
