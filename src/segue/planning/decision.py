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


def shown(value: object) -> str:
    """The value of an option as people read it: `0.5x1.0` for several, `none` for no text.

    >>> shown((256, 352)), shown(""), shown(8)
    ('256x352', 'none', '8')
    """
    if isinstance(value, (list, tuple)):
        return "x".join(map(str, value))
    return "none" if value == "" else str(value)


Decisions = dict[str, Decision]  # by the dotted name of an option of segue fit
