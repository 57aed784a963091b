"""What the claims of the report mean, each in a sentence, and the place in the documentation that defines it.

The report loads nothing from elsewhere and is read without a network, so a claim links to its sentence on the same
page, and the sentence names the page of the documentation (below `docs/`) and its heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segue.report.escaping import escape


@dataclass(frozen=True)
class Meaning:
    """A claim: its name, what it says and does not say, and where it is defined."""

    name: str
    sentence: str
    defined: str


MEANINGS = {
    "miou": Meaning(
        "mean IoU",
        "The area on which labels and network agree about a class, divided by the area that either of them gives to it "
        "(intersection over union), of all images together, then the mean over the classes: 1 is a perfect match. Each "
        "class counts the same, however rare. In a report of segue fit the images that were scored also chose which "
        "step's weights were kept, so new images of the same kind may score a little lower.",
        "reference/evaluate.md#how-it-is-counted",
    ),
    "scores": Meaning(
        "Dice, accuracy, precision, recall",
        "Dice is IoU on another scale, 2 IoU / (1 + IoU). Pixel accuracy is the share of pixels that are right: high "
        "when the largest class is, whatever the others are; mean pixel accuracy is the mean recall of the classes. "
        "Frequency-weighted IoU is a mean in which each class counts as much as it has labelled pixels. Of a class, "
        "precision is the share of what the network gives to it that is right, recall the share of what is labelled so "
        "that it finds.",
        "reference/canon/metrics.md#metrics",
    ),
    "training": Meaning(
        "training curves",
        "The mean IoU of the validation images while the network learned, and the loss it learned from. They say how "
        "the training went, not how good the network is: that is the result above.",
        "how-to/read-the-report.md#read-the-report",
    ),
    "confusion": Meaning(
        "confusion",
        "Each row is a class as labelled, and its cells say as what its pixels were predicted. It does not say which "
        "of the two, label or network, is right.",
        "how-to/read-the-report.md#read-the-report",
    ),
    "further": Meaning(
        "further metrics",
        "Scores that were asked for with --metrics, each with its unit, its 95 % interval, and in how many images it "
        "could not be computed.",
        "reference/canon/metrics.md#conventions",
    ),
    "interval": Meaning(
        "95 % interval",
        "How far the mean IoU could lie from the one shown if other images of the same kind had been scored. It does "
        "not cover images of another kind, nor another training of the same network.",
        "explanation/trust.md#the-interval",
    ),
    "calibration": Meaning(
        "calibration",
        "Of the pixels with a confidence of 80 %, 80 % should be right. The expected calibration error (ECE) is how "
        "far confidence and share of right pixels lie apart, on average over the pixels. A small one says that the "
        "probabilities mean what they say on images of this kind; it does not say that the network is often right.",
        "explanation/trust.md#calibration",
    ),
    "worst": Meaning(
        "worst images",
        "Those with the lowest mean IoU of their own, over the classes that are labelled in them. A low one can come "
        "from the network, from a wrong label, or from an image in which little of a class is seen.",
        "how-to/read-the-report.md#read-the-report",
    ),
    "suspects": Meaning(
        "suspected label errors",
        "Connected pixels with one label that the network, as sure as it usually is, takes for another class. It is a "
        "list of places to look at, not of errors: a network is wrong with confidence, too, where something is rare or "
        "unlike what it learned from, and it repeats errors that it was trained on.",
        "explanation/trust.md#suspected-label-errors",
    ),
    "unlike": Meaning(
        "images of another kind",
        "An image is called unlike the training images when it is farther from all of them, in the network's eyes, "
        "than at most 5 % of images like the held-out ones are. It is not a promise to notice every image of another "
        "kind, nor does it say that the mask of one is wrong. Parts of the data differ when what their images look "
        "like does, by more than chance and by much.",
        "explanation/trust.md#images-of-another-kind",
    ),
    "findings": Meaning(
        "what the doctor said",
        "What was found in the files: unreadable images, unknown mask values, the same or nearly the same picture in "
        "two parts. A picture that is in two parts makes the score too good. Nothing found does not say that nothing "
        "is wrong.",
        "reference/doctor.md#codes",
    ),
    "licence": Meaning(
        "pretrained weights",
        "What the training started from, and the licence its publisher states. The licence of the weights is not that "
        "of the images they were trained on.",
        "how-to/pretrained-weights.md#licences",
    ),
    "again": Meaning(
        "do it again",
        "On the same kind of CPU, with as many threads, the same versions and steps in place of minutes this gives the "
        "same network; elsewhere one that differs a little.",
        "explanation/reliability.md#the-promise",
    ),
    "folds": Meaning(
        "folds",
        "The images were dealt to folds, whole groups together, and a network was trained for each fold on all others. "
        "A score that every image gets from the network that has not seen it rests on all images instead of a few. It "
        "is that of one such network on new images; their mean, which is the model, is usually a little better.",
        "explanation/trust.md#folds",
    ),
}


def linked(text: str, claim: str) -> str:
    """`text` as a link to what the claim means; a page with one shows `meanings`."""
    return f'<a class="claim" href="#meaning-{claim}">{escape(text)}</a>'


def meanings(claims: Sequence[str]) -> str:
    """The sentences of these claims; empty without any."""
    rows = "".join(
        f'<div id="meaning-{claim}"><dt>{escape(one.name)}</dt>'
        f"<dd>{escape(one.sentence)} <small>docs/{escape(one.defined)}</small></dd></div>"
        for claim, one in ((claim, MEANINGS[claim]) for claim in claims)
    )
    return f'<dl class="facts">{rows}</dl>' if rows else ""
