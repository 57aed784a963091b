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
