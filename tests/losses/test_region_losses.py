"""Region losses against segmentation_models_pytorch and closed forms."""

import pytest
import torch
from segmentation_models_pytorch.losses import DiceLoss, JaccardLoss, TverskyLoss

from segue.losses.dice import dice
from segue.losses.generalised_dice import generalised_dice
from segue.losses.jaccard import jaccard
from segue.losses.overlap import overlap
from segue.losses.tversky import tversky


def a_batch(classes=4, space=(7, 9), seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(3, classes, *space, generator=generator)
    labels = torch.randint(0, classes, (3, *space), generator=generator)
    labels[:, :2] = 255
    return logits, labels


def constant(probabilities, size):
    """Logits that give the same probabilities everywhere."""
    return torch.tensor(probabilities).log().view(1, -1, 1, 1).expand(1, len(probabilities), *size)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x, y: dice(x, y, smooth=0), DiceLoss("multiclass", ignore_index=255)),
        # theirs adds `smooth` to the soft count of hits, ours to twice that count
        (lambda x, y: dice(x, y, smooth=6), DiceLoss("multiclass", ignore_index=255, smooth=3)),
        (
            lambda x, y: tversky(x, y, alpha=0.2, beta=0.9, smooth=2),
            TverskyLoss("multiclass", ignore_index=255, alpha=0.2, beta=0.9, smooth=2),
        ),
    ],
    ids=["dice", "dice smooth", "tversky"],
)
def test_equals_segmentation_models_pytorch_when_all_classes_are_present(ours, theirs, seed):
    logits, labels = a_batch(seed=seed)
    torch.testing.assert_close(ours(logits, labels), theirs(logits, labels))


@pytest.mark.parametrize("smooth", [0.0, 2.0])
def test_jaccard_equals_segmentation_models_pytorch(smooth):
    logits, labels = a_batch()  # nothing ignored: theirs knows no ignored label
    labels = labels.clamp(max=3)
    torch.testing.assert_close(
        jaccard(logits, labels, smooth=smooth), JaccardLoss("multiclass", smooth=smooth)(logits, labels)
    )


# --- generalised Dice ------------------------------------------------------------------------------------------------


def test_generalised_dice_by_hand():
    labels = torch.zeros(1, 2, 5, dtype=torch.long)
    labels[0, 0, :2] = 1
    # p of class 1 is 0.25 everywhere: sizes 8 and 2, predicted 7.5 and 2.5, shared 6 and 0.5
    w = (1 / 8**2, 1 / 2**2)
    expected = 1 - 2 * (w[0] * 6 + w[1] * 0.5) / (w[0] * (8 + 7.5) + w[1] * (2 + 2.5))
    assert generalised_dice(constant([0.75, 0.25], (2, 5)), labels).item() == pytest.approx(expected, rel=1e-6)


def test_generalised_dice_of_equally_large_classes_is_the_dice_of_all_of_them_together():
    logits, _ = a_batch(classes=2, space=(4, 6))
    labels = torch.tensor([0, 1]).repeat(3, 4, 3)
    shared, predicted, true = overlap(logits, labels, 255)
    expected = 1 - 2 * shared.sum() / (predicted + true).sum()
    torch.testing.assert_close(generalised_dice(logits, labels), expected)


def test_a_class_without_a_pixel_does_not_weigh_infinitely_much():
    logits, labels = a_batch()
    labels[labels == 3] = 0
    lifted = logits.clone()
    lifted[:, 3] += 3  # more of what is not there: worse, through the classes it is taken from
    assert generalised_dice(logits, labels) < generalised_dice(lifted, labels) < 1


def test_a_mistake_on_a_small_class_costs_more():
    labels = torch.zeros(1, 10, 10, dtype=torch.long)
    labels[0, 0, :4] = 1
    right = torch.nn.functional.one_hot(labels, 2).movedim(-1, 1) * 40.0 - 20
    missed, false_alarm = right.clone(), right.clone()
    missed[0, :, 0, 0] *= -1
    false_alarm[0, :, 5, 5] *= -1
    assert generalised_dice(missed, labels) > generalised_dice(false_alarm, labels)


# --- Tversky ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_tversky_contains_dice_and_jaccard(smooth):
    logits, labels = a_batch()
    torch.testing.assert_close(
        tversky(logits, labels, alpha=0.5, beta=0.5, smooth=smooth), dice(logits, labels, smooth=2 * smooth)
    )
    torch.testing.assert_close(
        tversky(logits, labels, alpha=1, beta=1, smooth=smooth), jaccard(logits, labels, smooth=smooth)
    )


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 0.9), (0.9, 0.1), (0.3, 0.7)])
@pytest.mark.parametrize("columns", [2, 5])
def test_alpha_prices_what_is_too_much_and_beta_what_is_missed(columns, alpha, beta):
    labels, found = torch.zeros(2, 1, 8, 8, dtype=torch.long)
    labels[0, 2:6, 2:6] = 1
    found[0, 2:6, 2 : 2 + columns] = 1  # half of the object, or all of it and 4 pixels more
    certain = torch.nn.functional.one_hot(found, 2).movedim(-1, 1) * 60.0

    def index(hits, too_many, missed):
        return hits / (hits + alpha * too_many + beta * missed)

    both = {2: (index(8, 0, 8), index(48, 8, 0)), 5: (index(16, 4, 0), index(44, 0, 4))}[columns]
    value = tversky(certain, labels, alpha=alpha, beta=beta, smooth=0).item()
    assert value == pytest.approx(1 - sum(both) / 2, abs=1e-6)


def test_the_focal_power_is_taken_class_by_class():
    # segmentation_models_pytorch 0.6 takes it of the mean over the classes, which loses the point of it
    logits, labels = a_batch()
    shared, predicted, true = overlap(logits, labels, 255)
    index = shared / (shared + 0.3 * (predicted - shared) + 0.7 * (true - shared))
    expected = ((1 - index) ** 0.75).mean()
    torch.testing.assert_close(tversky(logits, labels, gamma=0.75, smooth=0), expected)
    theirs = TverskyLoss("multiclass", ignore_index=255, alpha=0.3, beta=0.7, gamma=0.75)(logits, labels)
    assert abs(theirs - expected) > 1e-5
