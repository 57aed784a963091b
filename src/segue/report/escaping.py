"""The one door through which outside text enters the page."""

from __future__ import annotations

import html


def escape(value: object) -> str:
    """Text safe between tags and inside quoted attributes; control characters, which no page may hold, become �."""
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
    return html.escape(text, quote=True)
