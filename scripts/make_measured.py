"""Write the column "mIoU" of the canon's pages from what benchmarks/canon.py measured.

    python scripts/make_measured.py            bring docs/reference/canon/ up to date
    python scripts/make_measured.py --check    only say what is out of date (exit code 1)

A cell is the mean over the seeds in benchmarks/canon.jsonl; a dash stands where nothing was measured. A table with
fewer than two figures gets no column.
"""

from __future__ import annotations

import importlib
import json
import re
import statistics
import sys
from pathlib import Path
from types import ModuleType

from pages import ROOT, bring_up_to_date

PAGES = ROOT / "docs" / "reference" / "canon"
LINES = ROOT / "benchmarks" / "canon.jsonl"
COLUMN = "mIoU"
NONE = "–"

# the tables of the benchmark whose rows a page shows
TABLES = {
    "decoders": ("decoders",),
    "losses": ("losses",),
    "augmentation": ("augmentation",),
    "transfer": ("transfer", "optimisation"),
}
# rows that the benchmark calls otherwise: its name, and what to write in front of the figure
ALIASES = {
    "adamw": ("the defaults", ""),
    "poly": ("the defaults", ""),
    "--transfer.mode lora": ("lora", ""),
    "--transfer.l2sp": ("staged, l2sp 3", ""),
    "--transfer.interpolate": ("staged, interpolate auto", ""),
    "--optim.ema": ("no averaged weights", "without: "),
    "--model.dropout": ("dropout 0.1", ""),
    "--model.drop-path": ("drop path 0.1", ""),
    "--train.precision": ("float32", "`fp32`: "),
}


def pages() -> list[Path]:
    """The pages with a column of measurements."""
    return [PAGES / f"{name}.md" for name in TABLES]


def current(page: Path) -> str:
    """The page as it should be."""
    means = measured(TABLES[page.stem])
    return re.sub(
        r"(?m)^\| name in Segue \|.*(?:\n\|.*)+", lambda match: _filled(match[0], means), page.read_text("utf-8")
    )


def measured(tables: tuple[str, ...]) -> dict[str, float]:
    """The mean mIoU of every row of these tables of the benchmark that was run, by the first word of its name too."""
    canon = benchmark("canon")
    scores: dict[str, list[float]] = {}
    for line in LINES.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        scores.setdefault(json.dumps(json.loads(row["key"])[:-1]), []).append(row["miou"])
    means = {}
    for run in [run for table in tables for run in canon.planned(table)]:
        found = scores.get(json.dumps(json.loads(run.key(0))[:-1]))
        if found:
            means[run.name.partition(" on ")[0]] = statistics.mean(found)
    return means


def benchmark(name: str) -> ModuleType:
    """A program of benchmarks/ as a module; these import each other from their own folder."""
    folder = str(ROOT / "benchmarks")
    sys.path.append(folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


def _filled(table: str, means: dict[str, float]) -> str:
    head, rule, *rows = (line.removesuffix(" |") for line in table.splitlines())
    if head.endswith(f"| {COLUMN}"):
        head, rule, *rows = (line.rpartition(" | ")[0] for line in (head, rule, *rows))
    cells = [_cell(row, means) for row in rows]
    if sum(cell != NONE for cell in cells) < 2:
        return "\n".join(f"{line} |" for line in (head, rule, *rows))
    lines = [f"{head} | {COLUMN} |", f"{rule} | --- |"]
    return "\n".join(lines + [f"{row} | {cell} |" for row, cell in zip(rows, cells, strict=True)])


def _cell(row: str, means: dict[str, float]) -> str:
    names = re.findall(r"`([^`]+)`", row.split(" | ")[0])
    words = []
    for name in names:
        alias, before = ALIASES.get(name, (name, ""))
        if alias in means:
            words.append(f"{before}{means[alias]:.3f}")
    return " ".join(words) or NONE


if __name__ == "__main__":
    sys.exit(bring_up_to_date(__doc__, pages(), current))
