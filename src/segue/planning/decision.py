"""One decision of a plan: what, by which rule, from which numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Decision:
    """The value of an option, the rule it follows in one sentence, and the numbers that went into the rule."""

    value: Any
    rule: str
    inputs: dict[str, Any] = field(default_factory=dict)


Decisions = dict[str, Decision]  # by the dotted name of an option of segue fit
