"""What the doctor found, for people and for programs."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.data.classes import Classes
from segue.data.doctor.codes import CODES, SEVERITIES
from segue.data.doctor.images import ImageFacts
from segue.data.doctor.masks import MaskFacts
from segue.data.doctor.values import Coding
from segue.data.index import Problem, Sample

EXAMPLES = 5


@dataclass(frozen=True)
class Looked:
    """One sample after its files were decoded: what is kept of it, and what is wrong with it."""

    sample: Sample
    image: ImageFacts | None
    mask: MaskFacts | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Fixed:
    """The repaired copy: where it is, what was done, and what the doctor says of it (None in a dry run)."""

    out: Path
    actions: tuple[dict[str, str], ...]
    after: Diagnosis | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        after = self.after.to_json() if self.after else None
        return {"out": printable(self.out), "actions": list(self.actions), "after": after}

    def lines(self) -> list[str]:
        """For people: a line for each of the first repairs, and how the copy stands."""
        shown = [
            f"    {action['path']}: {action['action']} ({action['code']})" for action in self.actions[: 4 * EXAMPLES]
        ]
        if len(self.actions) > len(shown):
            shown.append(f"    ... and {len(self.actions) - len(shown)} more")
        if self.after is None:
            return [f"{len(self.actions)} repairs would be made; dry run: nothing was written", *shown]
        return [
            f"{len(self.actions)} repairs, listed in {self.out / 'doctor.json'}",
            *shown,
            f"the copy: {self.after.summary()}",
        ]


@dataclass(frozen=True)
class Diagnosis:
    """The findings about a data set, the worst first, and what was looked at.

    `files` are all regular files below the data's folders, `images` the samples, `labelled` those with a mask.
    `samples` are the data set's, with their splits; `looked` is what is known of each. `classes` and `coding` (the raw
    mask values in use) are None when the masks do not tell them.
    """

    root: Path
    format: str
    problems: tuple[Problem, ...]
    files: int
    images: int
    labelled: int
    classes: Classes | None
    seconds: float
    coding: Coding | None = None
    fixed: Fixed | None = None
    samples: tuple[Sample, ...] = ()
    looked: tuple[Looked, ...] = ()

    @property
    def exit_code(self) -> int:
        """What the command line exits with: 0 when training may start, on the repaired copy if there is one."""
        return int(bool(self.fixed.after.errors if self.fixed and self.fixed.after else self.errors))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The findings that make `segue fit` refuse."""
        return tuple(found for found in self.problems if found.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The findings that may hurt the result or its score."""
        return tuple(found for found in self.problems if found.severity == "warning")

    def to_json(self) -> dict[str, Any]:
        """Plain types for `json.dumps`: counts, classes, and one entry for each finding."""
        counts = Counter(found.severity for found in self.problems)
        result: dict[str, Any] = {
            "root": printable(self.root),
            "format": self.format,
            "files": self.files,
            "images": self.images,
            "labelled": self.labelled,
            "classes": list(self.classes.names) if self.classes else None,
            "seconds": round(self.seconds, 3),
            "counts": {severity: counts[severity] for severity in SEVERITIES},
            "problems": [_entry(found) for found in self.problems],
        }
        if self.fixed is not None:
            result["fixed"] = self.fixed.to_json()
        return result

    def lines(self) -> list[str]:
        """The findings for people: one paragraph a code, at most five examples each, and a last line that sums up."""
        lines: list[str] = []
        for code in dict.fromkeys(found.code for found in self.problems):
            same = [found for found in self.problems if found.code == code]
            meaning = CODES[code].meaning if code in CODES else same[0].message
            lines.append(f"{same[0].severity} {code} ({len(same)}): {meaning}")
            lines += [f"    {self._short(found.path)}: {found.message}" for found in same[:EXAMPLES]]
            if len(same) > EXAMPLES:
                lines.append(f"    ... and {len(same) - EXAMPLES} more")
            repair = " (segue doctor --fix does it)" if any(found.fixable for found in same) else ""
            lines.append(f"    do: {same[0].remedy}{repair}")
        return [*lines, self.summary(), *(self.fixed.lines() if self.fixed else ())]

    def summary(self) -> str:
        """One line: how much was looked at and how many findings of each severity there are."""
        counts = Counter(found.severity for found in self.problems)
        found = ", ".join(_counted(counts[severity], severity) for severity in SEVERITIES if counts[severity])
        looked = f"{self.images} images ({self.labelled} labelled), {self.files} files, {self.seconds:.1f} s"
        return f"{found or 'no problem found'} in {looked}"

    def _short(self, path: Path) -> str:
        return printable(path.relative_to(self.root) if path != self.root and path.is_relative_to(self.root) else path)


def _counted(number: int, severity: str) -> str:
    return (
        severity
        if severity == "info" and number == 1
        else f"{number} {severity}" + ("s" if number > 1 and severity != "info" else "")
    )


def printable(path: Path) -> str:
    """A path as text any terminal and JSON can hold: bytes that are not UTF-8 and control characters are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _entry(found: Problem) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": found.severity,
        "path": printable(found.path),
        "message": found.message.encode("utf-8", "backslashreplace").decode(),
        "remedy": found.remedy,
        "fixable": found.fixable,
    }
