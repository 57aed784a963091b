"""A plan in full sentences, for a reader who has never trained a network."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from segue.planning.candidates import Candidate
from segue.planning.choice import Choice
from segue.planning.decision import Decisions, shown
from segue.planning.fingerprint import ClassFacts, Fingerprint
from segue.planning.validation import ENOUGH

WIDTH = 100
SHOWN = 6  # sources elsewhere that are named


def explain(fingerprint: Fingerprint, choice: Choice, decisions: Decisions, others: Sequence[Candidate]) -> list[str]:
    """Paragraphs under headings: the data, the pretrained network, every option, what to watch."""
    parts = {
        "Your data": _data(fingerprint),
        "The network to begin with": _source(choice, others),
        "How it will be trained": _options(decisions),
        "What to keep an eye on": _cautions(fingerprint, in_folds="folds" in decisions),
    }
    lines: list[str] = []
    for title, paragraphs in parts.items():
        if paragraphs:
            lines += [title, "-" * len(title)]
            lines += [line for text in paragraphs for line in _wrapped(text)]
            lines.append("")
    return lines[:-1]


def _wrapped(text: str) -> list[str]:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _data(fingerprint: Fingerprint) -> list[str]:
    facts, height, width = fingerprint, fingerprint.height.p50, fingerprint.width.p50
    text = (
        f"{facts.train} labelled images to learn from and {facts.val} to judge by, in {facts.groups} groups that stay "
        f"together. The median image is {height:g} x {width:g} pixels with {facts.channels} channels "
        f"({facts.numbers}). {facts.unlabelled_share:.0%} of the pixels have no label and are left out."
    )
    return [text, *(f"- {_class(one)}" for one in facts.classes)]


def _class(one: ClassFacts) -> str:
    text = f"{one.name}: {one.pixel_share:.1%} of the pixels, in {one.image_share:.0%} of the images"
    if one.objects.p50 is None:
        return text
    return f"{text}; a typical connected region has {one.objects.p50:,.0f} pixels"


def _source(choice: Choice, others: Sequence[Candidate]) -> list[str]:
    assert choice.candidate is not None, "a plan has a source"
    texts = [
        "A network that has learned from millions of other pictures needs far fewer of yours. "
        f"Chosen: {choice.candidate.name}. Why: {choice.rule}."
    ]
    if choice.ranking:
        texts.append(
            f"Every candidate looked at the same {choice.pixels:,} pixels of {choice.images} images. LogME and GBC say "
            "how well its view of them separates your classes (higher is better); the probe is the mIoU (the mean "
            "overlap of prediction and truth, 0 to 1) of a simple linear classifier on it, for orientation."
        )
        texts += [
            f"- {one.candidate.name}: LogME {one.scores['logme']:.3f}, GBC {one.scores['gbc']:.2f}, "
            f"probe {one.probe:.2f}, {one.candidate.licence}"
            for one in choice.ranking
        ]
    texts += [f"- {one.candidate.name}: mIoU {one.miou:.3f} after {one.steps} steps" for one in choice.trials]
    texts += [f"- not compared: {one.name} ({one.refused})" for one in choice.refused]
    if others:
        named = ", ".join(f"{one.name} ({one.licence})" for one in others[:SHOWN])
        more = f" and {len(others) - SHOWN} more (segue list encoders)" if len(others) > SHOWN else ""
        texts.append(f"To be had from the hub, and not compared because it is not on this machine: {named}{more}.")
    return texts


def _options(decisions: Decisions) -> list[str]:
    told = {name: one for name, one in decisions.items() if not name.startswith("model.")}
    return [f"- {name} = {shown(one.value)}: {one.rule}." for name, one in told.items()]


def _cautions(fingerprint: Fingerprint, *, in_folds: bool) -> list[str]:
    texts = []
    rare = [one.name for one in fingerprint.classes if 0 < one.image_share * fingerprint.train < 5]
    unseen = [one.name for one in fingerprint.classes if one.val_images == 0]
    judged = fingerprint.val + (fingerprint.train if in_folds else 0)
    if judged < ENOUGH:
        texts.append(f"- {judged} images to judge by are few: take differences of a few points for chance.")
    if rare:
        texts.append(f"- Fewer than five training images show {', '.join(rare)}: label more of these first.")
    if unseen and not in_folds:
        texts.append(f"- No validation image shows {', '.join(unseen)}: their score cannot be told.")
    if fingerprint.near_duplicates > 0.05:
        share = f"{fingerprint.near_duplicates:.0%}"
        texts.append(f"- {share} of the images repeat another one nearly: they teach less than their number says.")
    return texts
