"""`report.html`: one file that needs nothing else, online or off."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path

from segue import __version__
from segue.durable import write_text
from segue.report import sections
from segue.report.escaping import escape
from segue.report.further_metrics import further_metrics
from segue.report.inputs import ReportInputs
from segue.report.kinds import kinds_section
from segue.report.meanings import MEANINGS, linked, meanings
from segue.report.reliability import calibration_section
from segue.report.suspects import suspect_section

# what a section as a whole claims, where no sentence in it has a link of its own
CLAIMED = {
    "curves": "training",
    "classes": "scores",
    "metrics": "further",
    "confusion": "confusion",
    "worst": "worst",
    "random": "miou",
    "data": "findings",
    "pretrained": "licence",
    "again": "again",
}


def write_report(path: Path, inputs: ReportInputs) -> None:
    """Write the report; raises `RunError` when `path` cannot be written."""
    write_text(path, render(inputs))


def render(inputs: ReportInputs) -> str:
    """The page as text."""
    parts = _parts(inputs)
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title, _ in parts[1:])
    body = "".join(f'<section id="{anchor}">{content}</section>' for anchor, _, content in parts)
    return shell(inputs.title, body, links)


def shell(title: str, body: str, links: str = "") -> str:
    """A whole page around the HTML `body`; `title` is plain text, `links` the HTML of its navigation.

    It carries its style, its script and its pictures, and a policy that lets a browser load or run nothing else.
    """
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    navigation = f"<nav>{links}</nav>" if links else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} · Segue</title><style>{style}</style></head>\n<body>"
        f'<header><p class="brand">Segue</p><h1>{escape(title)}</h1>{navigation}</header>\n'
        f"<main>{body}</main>\n<footer>Written by Segue {escape(__version__)}.</footer>"
        f"<script>{script}</script></body></html>\n"
    )


def _parts(inputs: ReportInputs) -> list[tuple[str, str, str]]:
    """Anchor, title and content of every section that has content."""
    key = sections.legend(inputs.classes)
    parts = [
        ("result", "Result", sections.headline(inputs)),
        ("curves", "Training", sections.curves(inputs) if inputs.history else ""),
        ("classes", "Classes", sections.class_table(inputs)),
        ("metrics", "Further metrics", further_metrics(inputs)),
        ("confusion", "Confusion", sections.confusion_table(inputs)),
        ("calibration", "Calibration", _calibration(inputs)),
        ("worst", "Worst images", key + sections.gallery(inputs.worst, inputs.classes) if inputs.worst else ""),
        ("suspects", "Suspected label errors", suspect_section(inputs.suspects, inputs.classes)),
        ("random", "Random images", key + sections.gallery(inputs.random, inputs.classes) if inputs.random else ""),
        ("data", "Data", sections.data_section(inputs.data, inputs.classes) if inputs.data else ""),
        ("kinds", "Images of another kind", kinds_section(inputs.summary.get("domain"))),
        ("pretrained", "Pretrained weights", sections.fact_list(inputs.pretrained) if inputs.pretrained else ""),
        ("again", "Do it again", sections.command(inputs)),
        ("config", "Configuration", sections.configuration(inputs) if inputs.config else ""),
        ("environment", "Environment", sections.fact_list(inputs.environment) if inputs.environment else ""),
    ]
    shown = [(anchor, title, _head(anchor, title) + content) for anchor, title, content in parts if content]
    claims = [claim for claim in MEANINGS if any(f'href="#meaning-{claim}"' in content for _, _, content in shown)]
    return [*shown, ("meaning", "What this means", f"<h2>What this means</h2>{meanings(claims)}")]


def _head(anchor: str, title: str) -> str:
    claim = CLAIMED.get(anchor)
    link = f" <small>{linked('what this means', claim)}</small>" if claim else ""
    return f"<h2>{title}{link}</h2>"


def _calibration(inputs: ReportInputs) -> str:
    calibration = inputs.summary.get("calibration")
    return calibration_section(calibration) if calibration else ""


def _asset(name: str) -> str:
    return resources.files("segue.report").joinpath(name).read_text(encoding="utf-8").strip()
