"""What is said about images that differ from those a model knows, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segue.trust.domain_gap import DISTANCE

PAGE = "docs/explanation/trust.md#images-of-another-kind"
SHOWN = 3  # figures in a sentence
NAMED = 10  # images in a line
_WORDS = {
    "brightness": ("brighter", "darker", "the exposure and the bit depth"),
    "contrast": ("more contrast", "less contrast", "the exposure and the bit depth"),
    "sharpness": ("sharper", "less sharp", "the focus, the size and the compression"),
    DISTANCE: ("farther from every training image in the network's eyes", "", "that they show what was trained on"),
}


def gap_lines(gap: Mapping[str, Any], what: str, then: str) -> list[str]:
    """A summary of `DomainGap` in words; none when there is no difference.

    `what` are the images in question, and `then` is what to do when they are as they should be.
    """
    found = gap["differences"][:SHOWN]
    if not found:
        return []
    said = ", ".join(_said(one) for one in found)
    checks = list(dict.fromkeys(_words(one["name"])[2] for one in found))
    return [f"{what} differ from the training images: {said}; check {', and '.join(checks)}; {then} ({PAGE})"]


def source_lines(gap: Mapping[str, Any] | None) -> list[str]:
    """A summary of `SourceGap` in words; none when there is no large difference, or nothing to compare with."""
    if gap is None or not gap["differs"]:
        return []
    return [
        f"the training images differ from those the weights were pretrained on: means {_row(gap['mean'])} and "
        f"deviations {_row(gap['std'])} per channel, there {_row(gap['source_mean'])} and {_row(gap['source_std'])}; "
        "check the order of the channels and the bit depth; if they are right, the weights carry over less: train all "
        f"layers (--transfer.mode full), or weights made on such images ({PAGE})"
    ]


def unlike_lines(names: Sequence[str], images: int) -> list[str]:
    """Which of the images are unlike the training images; none where none is."""
    if not names:
        return []
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    verb = "is" if len(names) == 1 else "are"
    count = f"{len(names)} of {images} image{'s' * (images != 1)}"
    return [f"{count} {verb} unlike the training images: {', '.join(names[:NAMED])}{more} ({PAGE})"]


def fit_lines(domain: Mapping[str, Any] | None) -> list[str]:
    """What a fit found out about its images; `domain` is that entry of `evaluation.json`, None in older ones."""
    if domain is None:
        return []
    lines = source_lines(domain["source"])
    remedies = {
        "val": "if they are right, the score is that of images of another kind: add some like them to the training",
        "test": "if they are right, expect another score on them: label some like them and add these to the training",
        "unlabelled": "if they are right, label some of them first",
    }
    for part, then in remedies.items():
        gap = domain["parts"].get(part)
        if gap is not None:
            title = "validation" if part == "val" else part
            lines += gap_lines(gap, f"the {title} images", then)
    return lines


def _said(one: Mapping[str, Any]) -> str:
    word = _words(one["name"])[0 if one["here"] > one["training"] else 1]
    return f"{word} ({one['name']} {one['here']:.3f}, there {one['training']:.3f} ± {one['deviation']:.3f})"


def _words(name: str) -> tuple[str, str, str]:
    channel = (f"more of {name}", f"less of {name}", "the order of the channels and the white balance")
    return _WORDS.get(name, channel)


def _row(values: Sequence[float]) -> str:
    shown = " ".join(f"{value:.2f}" for value in values[:6])
    return shown + " …" * (len(values) > 6)
