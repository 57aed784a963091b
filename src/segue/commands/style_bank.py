"""`segue style bank`: the named styles as PNG files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.commands.style_paths import require_writable
from segue.console import progress_bar
from segue.durable import make_folder
from segue.errors import DataError, UsageError
from segue.style.bank.catalogue import LICENCE, PAINTERS, BankStyle, bank_style, draw, sha256_of_pixels
from segue.style.record import StyleRecord, UsedStyle, read_record, write_marked
from segue.style_configs import StyleBankConfig

METHOD = "style bank"  # in the record of what it draws


@dataclass(frozen=True)
class StyleBankResult:
    """Which styles were written, and where; a dry run has written none."""

    out: Path
    styles: tuple[BankStyle, ...]
    written: bool
    exit_code: int = 0

    def files(self) -> tuple[Path, ...]:
        """The pictures, in the order of the styles."""
        return tuple(self.out / f"{style.name}.png" for style in self.styles)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        rows = [
            {"name": style.name, "version": style.version, "licence": style.licence, "file": str(file)}
            for style, file in zip(self.styles, self.files(), strict=True)
        ]
        return {"out": str(self.out), "styles": rows, "dry_run": not self.written}

    def lines(self) -> list[str]:
        """The result for people."""
        names = ", ".join(style.name for style in self.styles)
        done = f"{self.out}: {len(self.styles)} styles, {LICENCE}: {names}"
        return [done] if self.written else [done, "dry run: nothing written"]


def run(config: StyleBankConfig) -> StyleBankResult:
    """Draw the styles and write each with a record of what it is; those that were drawn before are replaced.

    Raises:
        UsageError: no folder was given, there is no such style, or a file of its name is something else.
        RunError: the folder or a file cannot be written.
    """
    if (out := config.out) is None:
        raise UsageError("expected a folder to write to, got none: segue style bank FOLDER")
    styles = tuple(bank_style(name) for name in dict.fromkeys(config.styles or PAINTERS))
    for path in StyleBankResult(out, styles, False).files():
        _require_ours(path)
    require_writable("out", out)
    if config.dry_run:
        return StyleBankResult(out, styles, False)
    make_folder(out)
    with progress_bar("drawing") as update:
        for number, style in enumerate(styles):
            update(number / len(styles), style.name)
            _write(style, out / f"{style.name}.png", config)
    return StyleBankResult(out, styles, True)


def _require_ours(path: Path) -> None:
    if not os.path.lexists(path):
        return
    try:
        found = read_record(path).record
    except DataError:
        found = None
    if found is None or found.method != METHOD:
        raise UsageError(f"out: expected no other file of a style's name, got {path}: choose another folder")


def _write(style: BankStyle, out: Path, config: StyleBankConfig) -> None:
    pixels = draw(style.name, config.size, config.size, config.seed)
    source = f"segue style bank, version {style.version} of {style.name}"
    used = UsedStyle(style.name, source, style.licence, sha256_of_pixels(pixels))
    record = StyleRecord(METHOD, (used,), options={"size": config.size, "seed": config.seed})
    write_marked(pixels, out, record, watermark=False)
