"""Where pretrained weights came from: what a model made from them has to say about its origin."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Name, licence, SHA-256 of the file (None when there was none) and page of pretrained weights."""

    name: str
    licence: str
    sha256: str | None = None
    url: str | None = None
