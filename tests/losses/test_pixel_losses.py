"""The losses with one value per pixel: cross entropies, hard pixels only, focal."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from segue.losses.binary_cross_entropy import binary_cross_entropy
from segue.losses.cross_entropy import cross_entropy
from segue.losses.focal import focal
from segue.losses.ohem import ohem

WEIGHTS = torch.tensor([0.2, 1.0, 3.0, 0.7])


def a_batch(classes=4, space=(7, 9), seed=0, ignored=True):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, classes, *space, generator=generator)
    labels = torch.randint(0, classes, (2, *space), generator=generator)
    if ignored:
        labels[:, :2] = 255
    return logits, labels


# --- cross entropy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy_is_torchs_where_that_is_a_number(weights, smoothing):
    logits, labels = a_batch()
    expected = functional.cross_entropy(logits, labels, weights, ignore_index=255, label_smoothing=smoothing)
    torch.testing.assert_close(cross_entropy(logits, labels, weights=weights, smoothing=smoothing), expected)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("smoothing", [0.1, 0.6])
def test_smoothed_cross_entropy_is_smallest_at_the_smoothed_label_and_then_its_entropy(classes, smoothing):
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    spread = torch.full((classes,), smoothing / classes)
    spread[0] += 1 - smoothing
    best = spread.log().view(1, classes, 1, 1).expand(1, classes, 2, 2)
    least = cross_entropy(best, labels, smoothing=smoothing)
    torch.testing.assert_close(least, -(spread * spread.log()).sum())
    for seed in range(5):
        other = best + 0.3 * torch.randn(best.shape, generator=torch.Generator().manual_seed(seed))
        assert cross_entropy(other, labels, smoothing=smoothing) > least


def test_smoothing_does_not_spread_over_ignored_pixels():
    # segmentation_models_pytorch 0.6 divides the smoothed loss by all pixels, ignored ones included
    logits, labels = a_batch()
    logits[:, :, :2] = 50 * torch.randn(2, 4, 2, 9)
    kept = cross_entropy(logits[:, :, 2:], labels[:, 2:], smoothing=0.1)
    torch.testing.assert_close(cross_entropy(logits, labels, smoothing=0.1), kept)


def test_cross_entropy_of_two_classes_is_the_binary_one_of_the_difference_of_their_logits():
    logits, labels = a_batch(classes=2, ignored=False)
    expected = functional.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], labels.float())
    torch.testing.assert_close(cross_entropy(logits, labels), expected)


# --- binary cross entropy --------------------------------------------------------------------------------------------


def test_binary_cross_entropy_is_torchs_on_each_class_against_the_rest():
    logits, labels = a_batch()
    keep = (labels != 255).unsqueeze(1).expand_as(logits)
    target = functional.one_hot(labels.clamp(max=3), 4).movedim(-1, 1).float()
    expected = functional.binary_cross_entropy_with_logits(logits[keep], target[keep])
    torch.testing.assert_close(binary_cross_entropy(logits, labels), expected)


def test_binary_cross_entropy_does_not_push_a_class_for_the_sake_of_another():
    logits, labels = a_batch(ignored=False)
    labels[:] = 0
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(binary_cross_entropy(logits, labels), logits)
    changed = logits.detach().clone()
    changed[:, 1] += 5
    changed.requires_grad_()
    (again,) = torch.autograd.grad(binary_cross_entropy(changed, labels), changed)
    torch.testing.assert_close(gradient[:, [0, 2, 3]], again[:, [0, 2, 3]])


# --- hard pixels only ------------------------------------------------------------------------------------------------


def hardest(logits, labels, threshold, min_kept):
    """What published code does: the losses above the limit, or the largest ones where those are too few."""
    losses = functional.cross_entropy(logits, labels, ignore_index=255, reduction="none")[labels != 255]
    above = losses[losses > -math.log(threshold)]
    least = math.ceil(min_kept * len(losses))
    return (above if len(above) >= least else losses.topk(least).values).mean()


@pytest.mark.parametrize("threshold", [0.1, 0.7, 1.0])
@pytest.mark.parametrize("min_kept", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_ohem_keeps_the_hardest_pixels(threshold, min_kept, seed):
    logits, labels = a_batch(seed=seed)
    expected = hardest(logits, labels, threshold, min_kept)
    torch.testing.assert_close(ohem(logits, labels, threshold=threshold, min_kept=min_kept), expected)


def test_ohem_of_all_pixels_is_cross_entropy():
    logits, labels = a_batch()
    torch.testing.assert_close(
        ohem(logits, labels, min_kept=1, weights=WEIGHTS), cross_entropy(logits, labels, weights=WEIGHTS)
    )


def test_ohem_does_not_move_easy_pixels():
    logits, labels = a_batch()
    probability = logits.softmax(1).gather(1, labels.clamp(max=3).unsqueeze(1)).squeeze(1)
    logits.requires_grad_()
    ohem(logits, labels, threshold=0.5, min_kept=0).backward()
    moved = logits.grad.abs().sum(1) > 0
    assert torch.equal(moved, (probability < 0.5) & (labels != 255))


# --- focal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.5])
def test_focal_of_two_classes_is_torchvisions_sigmoid_focal_loss(gamma):
    logits, labels = a_batch(classes=2, ignored=False)
    expected = sigmoid_focal_loss(logits[:, 1] - logits[:, 0], labels.float(), alpha=-1, gamma=gamma, reduction="mean")
    torch.testing.assert_close(focal(logits, labels, gamma=gamma), expected)


def test_focal_by_hand_averages_over_the_labelled_pixels_only():
    # the focal loss of MiB's published code divides by all pixels, ignored ones included
    p = torch.tensor([[[[0.1, 0.4, 0.8, 0.9]], [[0.9, 0.6, 0.2, 0.1]]]])
    labels = torch.tensor([[[1, 0, 0, 255]]])
    expected = -sum((1 - q) ** 2 * math.log(q) for q in (0.9, 0.4, 0.8)) / 3
    assert focal(p.log(), labels).item() == pytest.approx(expected, rel=1e-6)


@given(st.floats(0, 10), st.integers(0, 100))
def test_focal_lies_between_zero_and_cross_entropy(gamma, seed):
    logits, labels = a_batch(seed=seed)
    value = focal(logits, labels, gamma=gamma)
    assert 0 <= value <= cross_entropy(logits, labels) * (1 + 1e-6)


def test_focal_without_focus_is_cross_entropy():
    logits, labels = a_batch()
    torch.testing.assert_close(
        focal(logits, labels, gamma=0, weights=WEIGHTS), cross_entropy(logits, labels, weights=WEIGHTS)
    )
