"""The options of `segue style bank`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import Checked, knob


@dataclass(frozen=True)
class StyleBankConfig(Checked):
    """Write the named styles of the bank as pictures: drawn by code, free for any use (CC0-1.0)."""

    out: Path | None = knob(None, "folder the pictures are written to, as NAME.png", positional=True)
    styles: tuple[str, ...] = knob((), "which styles (segue list styles); all when not given")
    size: int = knob(512, "side of the square pictures in pixels", low=16, high=2048)
    seed: int = knob(
        0, "another number draws other forms in the same style; bank:NAME stands for 0", low=0, high=2**31 - 1
    )
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "say what would be written, write nothing")
