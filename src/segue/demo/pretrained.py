"""The encoder that ships with the demonstration, and its card: what it is, how it was made, under which licence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parent / "encoder.safetensors"
CARD = Path(__file__).parent / "encoder.json"


def card() -> dict[str, Any]:
    """The card's facts; `encoder` is the timm name the weights belong to."""
    facts: dict[str, Any] = json.loads(CARD.read_text(encoding="utf-8"))
    return facts
