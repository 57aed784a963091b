"""Losses beside MONAI's, where both mean the same."""

import warnings

import pytest
import torch

from segue.losses.focal import focal
from segue.losses.generalised_dice import generalised_dice
from segue.losses.tversky import tversky

# importing it takes seconds, and it calls functions that it has deprecated itself
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def theirs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("monai.losses")


def a_batch(space, classes=3):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (2, *space), generator=generator)
    return 2 * torch.randn(2, classes, *space, generator=generator), labels


@pytest.mark.parametrize("space", [(7, 9), (4, 5, 6)])
def test_generalised_dice(theirs, space):
    logits, labels = a_batch(space)
    loss = theirs.GeneralizedDiceLoss(softmax=True, to_onehot_y=True, smooth_nr=0, smooth_dr=0, batch=True)
    torch.testing.assert_close(generalised_dice(logits, labels), loss(logits, labels.unsqueeze(1)))


@pytest.mark.parametrize("space", [(7, 9), (4, 5, 6)])
def test_focal_which_theirs_divides_by_the_number_of_classes_too(theirs, space):
    logits, labels = a_batch(space)
    loss = theirs.FocalLoss(use_softmax=True, to_onehot_y=True, gamma=2.0)
    torch.testing.assert_close(focal(logits, labels), 3 * loss(logits, labels.unsqueeze(1)))


@pytest.mark.parametrize("space", [(7, 9), (4, 5, 6)])
def test_tversky(theirs, space):
    logits, labels = a_batch(space)
    loss = theirs.TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.3, beta=0.7, smooth_nr=1, smooth_dr=1, batch=True)
    torch.testing.assert_close(tversky(logits, labels), loss(logits, labels.unsqueeze(1)))
