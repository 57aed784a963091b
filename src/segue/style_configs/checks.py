"""What several verbs of `segue style` check: options that go together, words that name a style, tiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MOST_WORDS = 1000  # characters of a text; CLIP reads 77 parts of words, and every picture's record holds it


def half_signed(chain: Path | None, key: Path | None) -> list[str]:
    """What is wrong with content credentials that are only half asked for."""
    if (chain is None) == (key is None):
        return []
    there, missing = ("--c2pa-key", "--c2pa") if chain is None else ("--c2pa", "--c2pa-key")
    return [f"c2pa: expected --c2pa CERTIFICATES and --c2pa-key KEY together, got {there} without {missing}"]


def beside_classes(taken: Mapping[str, object], where: Mapping[str, object]) -> list[str]:
    """What is wrong beside --by-class: options it stands in place of, and not just one that says where classes are."""
    wrong = []
    if any(taken.values()):
        got = next(name for name, value in taken.items() if value)
        wrong.append(f"by_class: expected it in place of {', '.join(taken)}, got {got} beside it")
    given = [value for value in where.values() if value is not None]
    if len(given) != 1:
        got = "both" if given else "neither"
        wrong.append(f"by_class: expected {' or '.join(where)}, which say where each class is, got {got}")
    return wrong


def no_words(text: str) -> list[str]:
    """What keeps a text from being words in one line, which names a style and stands in records."""
    if text and not text.strip():
        return ["text: expected words, got blanks alone"]
    if len(text) > MOST_WORDS:
        return [f"text: expected {MOST_WORDS} characters at most, got {len(text)}"]
    if not text.isprintable():
        return ["text: expected words in one line, got characters that cannot be printed"]
    return []


def narrow_tile(tile: int | None) -> list[str]:
    """What is wrong with a tile that would be all overlap."""
    return [f"tile: expected 0 or at least 256 pixels, got {tile}"] if tile and tile < 256 else []
