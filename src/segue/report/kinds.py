"""The section on images of another kind: what a prediction will notice, and which parts of the data differ already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segue.report.escaping import escape
from segue.report.meanings import linked
from segue.trust.domain_phrases import fit_lines
from segue.trust.novelty import FALSE_ALARMS, FEWEST


def kinds_section(domain: Mapping[str, Any] | None) -> str:
    """Sentences from the entry `domain` of `evaluation.json`; empty without one."""
    if not domain or domain["familiar"] is None:
        return ""
    found = "".join(f"<li>{escape(line)}</li>" for line in fit_lines(domain))
    listed = f'<ul class="findings">{found}</ul>' if found else f"<p>{escape(_nothing(domain))}</p>"
    return f"<p>{escape(_limit(domain['familiar']))} {linked('What this means.', 'unlike')}</p>{listed}"


def _limit(known: Mapping[str, Any]) -> str:
    if known["threshold"] is None:
        return (
            f"segue predict says how far an image is from the nearest it keeps of {known['images']} training images, "
            f"but not from where on that is far: {known['held_out']} independent validation images are too few, "
            f"{FEWEST} are needed (of images that share a group, one counts)."
        )
    return (
        f"segue predict calls an image unlike the training images when it is farther than {known['threshold']:.4f} "
        f"from the nearest it keeps of {known['images']}. Of images like the validation images, at most "
        f"{100 * FALSE_ALARMS:.0f} % are; {known['held_out']} independent ones set the limit."
    )


def _nothing(domain: Mapping[str, Any]) -> str:
    names = {"val": "validation", "test": "test", "unlabelled": "unlabelled"}
    told = [names[part] for part, gap in domain["parts"].items() if gap["enough"]]
    not_told = [names[part] for part, gap in domain["parts"].items() if not gap["enough"]]
    said = [f"No large difference from the training images was found in: {', '.join(told)} images."] if told else []
    if not_told:
        said.append(f"Too few independent images to tell: {', '.join(not_told)} images.")
    return " ".join(said)
