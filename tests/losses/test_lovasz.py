"""The two Lovász losses against the authors' formula and segmentation_models_pytorch."""

import itertools

import pytest
import torch
from segmentation_models_pytorch.losses import LovaszLoss

from segue.losses.lovasz import jaccard_slope, lovasz, lovasz_extension
from segue.losses.lovasz_hinge import lovasz_hinge


def a_batch(classes=4, space=(7, 9), seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(3, classes, *space, generator=generator)
    labels = torch.randint(0, classes, (3, *space), generator=generator)
    labels[:, :2] = 255
    return logits, labels


def differences(own):
    """The slope as the paper's code has it: one minus IoU after each step, less the one before."""
    own = own.double()
    jaccard = 1 - (own.sum() - own.cumsum(0)) / (own.sum() + (1 - own).cumsum(0))
    return torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])


@pytest.mark.parametrize("seed", range(3))
def test_the_slope_is_the_difference_of_neighbouring_jaccard_losses(seed):
    own = torch.rand(1000, generator=torch.Generator().manual_seed(seed)) < 0.1
    torch.testing.assert_close(jaccard_slope(own, torch.float64), differences(own))
    torch.testing.assert_close(jaccard_slope(own, torch.float32).double(), differences(own), rtol=1e-6, atol=0)


def test_the_slope_of_millions_of_pixels_is_no_rounding_error():
    own = torch.zeros(2_000_000, dtype=torch.bool)
    own[::3] = True
    exact = differences(own)
    assert ((jaccard_slope(own, torch.float32) - exact).abs() / exact.clamp(min=1e-12)).max() < 1e-4
    single = own.float()
    jaccard = 1 - (single.sum() - single.cumsum(0)) / (single.sum() + (1 - single).cumsum(0))
    published = jaccard[1:] - jaccard[:-1]
    assert ((published - exact[1:]).abs() / exact[1:].clamp(min=1e-12)).max() > 0.1


def test_at_hard_errors_the_extension_is_the_jaccard_loss():
    for own in itertools.product([False, True], repeat=4):
        if not any(own):
            continue
        own = torch.tensor(own)
        for wrong in itertools.product([0.0, 1.0], repeat=4):
            wrong = torch.tensor(wrong)
            hits = (own & (wrong == 0)).sum()
            union = own.sum() + (~own & (wrong == 1)).sum()
            value = lovasz_extension(wrong, own, torch.ones(4, dtype=torch.bool))
            assert value.item() == pytest.approx(1 - (hits / union).item(), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_lovasz_equals_the_published_code(seed):
    logits, labels = a_batch(seed=seed)
    theirs = LovaszLoss("multiclass", per_image=False, ignore_index=255)
    torch.testing.assert_close(lovasz(logits, labels), theirs(logits, labels))


@pytest.mark.parametrize("seed", range(3))
def test_the_hinge_of_one_foreground_equals_the_published_code(seed):
    logits, labels = a_batch(classes=1, seed=seed)
    logits = torch.cat([-logits, logits], 1)
    labels = torch.where(labels == 255, 255, torch.randint(0, 2, labels.shape))
    theirs = LovaszLoss("binary", per_image=False, ignore_index=255)
    foreground, background = (
        theirs(logits[:, 1], labels),
        theirs(logits[:, 0], torch.where(labels < 2, 1 - labels, 255)),
    )
    torch.testing.assert_close(lovasz_hinge(logits, labels), (foreground + background) / 2)


@pytest.mark.parametrize("loss", [lovasz, lovasz_hinge])
def test_only_classes_that_are_present_are_averaged(loss):
    # the published code compares a string by identity to ask for this, which may fail silently
    logits, labels = a_batch()
    labels[labels == 3] = 0
    improbable = torch.full_like(logits[:, :1], -50.0)
    torch.testing.assert_close(loss(torch.cat([logits, improbable], 1), labels), loss(logits, labels))
    assert loss(logits, labels) > 0
