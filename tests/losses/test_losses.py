import pytest
import torch

from segue.errors import UsageError
from segue.losses import parse_loss
from segue.losses.border import same_pixels
from segue.losses.cross_entropy import cross_entropy
from segue.losses.dice import dice
from segue.losses.jaccard import jaccard
from segue.losses.overlap import overlap

# one row of four pixels, two classes; probabilities of class 1 are .9 .6 .2 .1, the last pixel is ignored
PROBABILITIES = torch.tensor([[[[0.1, 0.4, 0.8, 0.9]], [[0.9, 0.6, 0.2, 0.1]]]])
LABELS = torch.tensor([[[1, 0, 0, 255]]])
LOGITS = PROBABILITIES.log()


def test_cross_entropy_by_hand():
    expected = -(torch.tensor([0.9, 0.4, 0.8]).log().mean())
    torch.testing.assert_close(cross_entropy(LOGITS, LABELS), expected)


def test_jaccard_by_hand():
    # class 0: shared .4 + .8, predicted .1 + .4 + .8, true 2; class 1: shared .9, predicted .9 + .6 + .2, true 1
    expected = 1 - (1.2 / (1.3 + 2 - 1.2) + 0.9 / (1.7 + 1 - 0.9)) / 2
    assert jaccard(LOGITS, LABELS, smooth=0).item() == pytest.approx(expected, abs=1e-6)


def test_dice_by_hand():
    expected = 1 - (2 * 1.2 / (1.3 + 2) + 2 * 0.9 / (1.7 + 1)) / 2
    assert dice(LOGITS, LABELS, smooth=0).item() == pytest.approx(expected, abs=1e-6)


def test_overlap_is_that_of_jaccard_metric_losses():
    logits, labels = torch.randn(2, 5, 6, 7), torch.randint(0, 5, (2, 6, 7))
    labels[0, :2] = 255
    keep = (labels != 255).unsqueeze(1)
    p = logits.softmax(1) * keep
    y = torch.nn.functional.one_hot(labels.clamp(max=4), 5).movedim(-1, 1) * keep
    shared = (p.sum((0, 2, 3)) + y.sum((0, 2, 3)) - (p - y).abs().sum((0, 2, 3))) / 2
    counted = overlap(logits, labels, 255)
    torch.testing.assert_close(counted.shared, shared)
    torch.testing.assert_close(counted.predicted, p.sum((0, 2, 3)))
    torch.testing.assert_close(counted.true, y.sum((0, 2, 3)).float())


@pytest.mark.parametrize("loss", [jaccard, dice])
def test_a_class_that_is_absent_from_the_labels_does_not_count(loss):
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    two = torch.randn(1, 2, 8, 8)
    improbable = torch.full((1, 3, 8, 8), -60.0)
    torch.testing.assert_close(loss(torch.cat([two, improbable], 1), labels), loss(two, labels))


@pytest.mark.parametrize("loss", [jaccard, dice])
def test_sums_run_over_the_batch_not_over_each_image(loss):
    logits, labels = torch.randn(2, 3, 4, 6), torch.randint(0, 3, (2, 4, 6))
    side_by_side = torch.cat(list(logits), dim=-1)[None], torch.cat(list(labels), dim=-1)[None]
    torch.testing.assert_close(loss(logits, labels), loss(*side_by_side))


def test_terms_are_weighted_named_and_add_up_to_the_loss():
    loss = parse_loss(" 0.25*ce + 0.75 * jaccard ")
    terms = loss.terms(LOGITS, LABELS)
    assert list(terms) == ["ce", "jaccard"]
    torch.testing.assert_close(terms["ce"], 0.25 * cross_entropy(LOGITS, LABELS))
    torch.testing.assert_close(terms["jaccard"], 0.75 * jaccard(LOGITS, LABELS))
    torch.testing.assert_close(loss(LOGITS, LABELS), terms["ce"] + terms["jaccard"])


@pytest.mark.parametrize(
    ("text", "weights"),
    [("ce", [1]), ("ce+jaccard", [1, 1]), ("1e-3*dice", [1e-3]), ("1e+2*dice + ce", [100, 1]), ("+2*ce", None)],
)
def test_weights_are_read_as_written(text, weights):
    if weights is None:
        with pytest.raises(UsageError):
            parse_loss(text)
    else:
        assert [weight for _, weight, _ in parse_loss(text).parts] == weights


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jacard", "did you mean jaccard"),
        ("", "expected terms"),
        ("ce +", "expected terms"),
        ("0*ce", "positive weight"),
        ("-1*ce", "positive weight"),
        ("nan*ce", "positive weight"),
        ("inf*ce", "positive weight"),
        ("two*ce", "positive weight"),
        ("ce*2", "positive weight"),
        ("1*2*ce", "expected terms"),
        ("ce + 2*ce", "ce comes twice"),
        ("ce - dice", "unknown loss"),
        ("__import__('os')", "unknown loss"),
    ],
)
def test_nonsense_is_refused_by_name(text, says):
    with pytest.raises(UsageError, match=says):
        parse_loss(text)


def test_the_border_check_names_both_shapes():
    with pytest.raises(UsageError, match=r"\(2, 3, 4, 6\) and \(2, 6, 4\)"):
        same_pixels(torch.zeros(2, 3, 4, 6), torch.zeros(2, 6, 4, dtype=torch.long))


def test_the_border_check_refuses_probabilities_as_labels():
    with pytest.raises(UsageError, match=r"float32.*\.long\(\)"):
        same_pixels(torch.zeros(1, 3, 4, 6), torch.zeros(1, 4, 6))
