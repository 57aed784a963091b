"""What every row of a table must do; a new decoder or loss is covered by its row."""

import contextlib

import jaxtyping
import pytest
import torch
from jaxtyping import TypeCheckError

from segue.errors import UsageError
from segue.losses import LOSSES
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.decoders import DECODERS

ENCODERS = ("test_resnet", "test_convnext", "test_vit")  # maps from stride 2, from stride 4, all of one stride
NEEDS_MORE_MAPS = ("fpn",)


def model(decoder: str, encoder: str = "test_resnet", channels: int = 3, classes: int = 5) -> SegmentationModel:
    torch.manual_seed(0)
    return build(ModelSpec(encoder, decoder, channels, classes))


# --- decoders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS.names())
def test_every_pixel_of_any_size_gets_a_score_for_every_class(decoder, encoder):
    net = model(decoder, encoder, channels=4).eval()
    with torch.no_grad():
        for size in ((64, 64), (65, 97), (33, 31), (1, 1)):
            scores = net(torch.randn(2, 4, *size))
            assert scores.shape == (2, 5, *size)
            assert scores.isfinite().all()


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS.names())
def test_gradient_reaches_every_weight(decoder, encoder):
    net = model(decoder, encoder)
    net(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_a_single_image_can_be_trained_on(decoder):
    net = model(decoder).train()
    assert net(torch.randn(1, 3, 64, 96)).isfinite().all()


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_an_image_gets_the_same_scores_alone_and_in_a_batch(decoder):
    net = model(decoder).eval()
    images = torch.randn(3, 3, 40, 56)
    with torch.no_grad():
        together, alone = net(images), torch.cat([net(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_the_same_seed_builds_the_same_weights_and_saved_weights_give_the_same_scores(decoder):
    first, second = model(decoder).eval(), model(decoder).eval()
    images = torch.randn(1, 3, 48, 48)
    with torch.no_grad():
        assert torch.equal(first(images), second(images))
        torch.manual_seed(1)
        third = build(first.spec).eval()
        assert not torch.equal(first(images), third(images))
        third.load_state_dict(first.state_dict())
        assert torch.equal(first(images), third(images))


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_channels_last_and_bfloat16_autocast_keep_the_scores(decoder):
    net = model(decoder).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        plain = net(images)
        last = net.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = net(images)
    torch.testing.assert_close(plain, last, rtol=1e-3, atol=1e-3)
    assert (half.float() - plain).norm() < 0.1 * plain.norm()


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS.names())
def test_torch_export_gives_the_same_scores(decoder):
    net = model(decoder).eval()
    images = torch.randn(1, 3, 64, 96)
    exported = torch.export.export(net, (images,)).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(images), net(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_a_decoder_works_on_two_maps_or_says_how_many_it_needs(decoder):
    if decoder in NEEDS_MORE_MAPS:
        with pytest.raises(UsageError, match=r"expected .* feature maps or more, got 2"):
            model(decoder, "test_resnet@2")
    else:
        net = model(decoder, "test_resnet@2").eval()
        assert net(torch.randn(1, 3, 40, 40)).shape == (1, 5, 40, 40)


# --- losses ----------------------------------------------------------------------------------------------------------

SPACES = ((9, 7), (4, 5, 6))


def labels_and_perfect_logits(space, classes=4):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (2, *space), generator=generator)
    perfect = torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float() * 40 - 20
    return labels, perfect


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", LOSSES.names())
def test_perfect_is_zero_and_worse_is_larger(name, space):
    labels, perfect = labels_and_perfect_logits(space)
    uniform = torch.zeros_like(perfect)
    values = [LOSSES[name](logits, labels).item() for logits in (perfect, 0.05 * perfect, uniform, -perfect)]
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert values == sorted(values)
    assert values[1] < values[2] < values[3]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", LOSSES.names())
def test_ignored_pixels_do_not_count(name, space):
    labels, perfect = labels_and_perfect_logits(space)
    logits = perfect + torch.randn_like(perfect)
    labels[:, 0] = 255
    other = logits.clone()
    other[:, :, 0] += 100 * torch.randn_like(other[:, :, 0])
    other.requires_grad_()
    loss = LOSSES[name](other, labels)
    loss.backward()
    torch.testing.assert_close(loss.detach(), LOSSES[name](logits, labels))
    assert not other.grad[:, :, 0].any()
    assert other.grad[:, :, 1:].any()


@pytest.mark.parametrize("name", LOSSES.names())
def test_another_ignore_value_is_respected(name):
    labels, perfect = labels_and_perfect_logits((8, 8))
    logits = perfect + torch.randn_like(perfect)
    marked, marked_otherwise = labels.clone(), labels.clone()
    marked[:, :3], marked_otherwise[:, :3] = 255, -1
    torch.testing.assert_close(LOSSES[name](logits, marked), LOSSES[name](logits, marked_otherwise, ignore=-1))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", LOSSES.names())
def test_a_batch_without_labels_is_zero_and_has_a_zero_gradient(name, space):
    logits = torch.randn(2, 4, *space, requires_grad=True)
    loss = LOSSES[name](logits, torch.full((2, *space), 255))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("name", LOSSES.names())
def test_gradient_agrees_with_finite_differences(name, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # the losses' cast; differences need the digits
    labels = torch.tensor([[[0, 1, 2], [255, 1, 0]]])
    logits = torch.randn(1, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, labels), (logits,))


@pytest.mark.parametrize("name", LOSSES.names())
def test_low_precision_logits_are_computed_in_float32(name):
    labels, perfect = labels_and_perfect_logits((16, 16))
    logits = (perfect * 0.1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = LOSSES[name](logits, labels)
    assert loss.dtype == torch.float32
    assert loss.item() == LOSSES[name](logits.float(), labels).item()


@pytest.mark.parametrize("name", LOSSES.names())
def test_labels_of_any_whole_number_type_give_the_same_loss(name):
    labels, perfect = labels_and_perfect_logits((8, 8))
    labels[:, 0] = 255
    logits = 0.1 * perfect
    assert LOSSES[name](logits, labels.to(torch.int16)).item() == LOSSES[name](logits, labels).item()


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
