"""The licence of a published model: what its card says, else what is known of its publisher; never a guess."""

from __future__ import annotations

import re
from typing import Any

import yaml

from segue.models.licences import UNKNOWN, UNKNOWN_FILE
from segue.models.sources.files import Files

KNOWN = {  # the beginning of a repository's name -> its licence, where cards say "other" or nothing
    "nvidia/segformer-": "nvidia-source-code-license",
    "nvidia/mit-": "nvidia-source-code-license",
}
MAX_CARD = 2**20  # bytes
NOT_SAID = ("", "other", "unknown")


def card_licence(files: Files, name: str | None = None) -> str:
    """The licence of a model; `name` is the repository a local copy says it came from."""
    facts = _front_matter(files)
    stated = _line(facts.get("license"))
    if stated in NOT_SAID:
        stated = _line(facts.get("license_name"))
    if stated not in NOT_SAID:
        return f"{stated} (as the model card states)"
    repository = name if files.local and name else files.repository
    known = next((licence for start, licence in KNOWN.items() if repository.startswith(start)), None)
    return known or (UNKNOWN_FILE if files.local else UNKNOWN)


def _front_matter(files: Files) -> dict[str, Any]:
    """The YAML between the first two `---` of README.md; empty where there is none."""
    path = files.get("README.md")
    if path is None or path.stat().st_size > MAX_CARD:
        return {}
    found = re.match(r"\s*---\s*\n(.*?)\n---\s*(\n|$)", path.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    try:
        facts = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _line(value: Any) -> str:  # noqa: ANN401 - what a stranger's YAML holds
    """A word for a licence: printable, one line, at most 80 characters."""
    first = value[0] if isinstance(value, list) and value else value
    text = first if isinstance(first, str) else ""
    return "".join(character for character in text if character.isprintable()).strip()[:80]
