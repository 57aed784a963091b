"""What a benchmark of many trainings needs to be stopped and given again: one JSON line for each that is done."""

import argparse
import json
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

Row = dict[str, Any]
Job = TypeVar("Job")


def add_options(parser: argparse.ArgumentParser, out: str) -> None:
    """The options that all these benchmarks take; `out` is the file that is written when none is given."""
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--part", default="1/1", help="1/2 takes the first of every two trainings")
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--show", type=Path)


def part_of(jobs: list[Job], part: str) -> list[Job]:
    """Every n-th job, beginning with the k-th, for a part written as k/n."""
    first, parts = (int(number) for number in part.split("/"))
    return jobs[first - 1 :: parts]


def run_missing(jobs: Iterable[tuple[Hashable, Callable[[], Row]]], out: Path, key: Callable[[Row], Hashable]) -> None:
    """Do every job whose key no row of `out` has, and append its row as soon as there is one.

    The file is read before each job: another process may have written to it meanwhile.
    """
    for wanted, train in jobs:
        if wanted not in {key(row) for row in read(out)}:
            append(out, train())


def read(path: Path) -> list[Row]:
    """The rows written so far, none where there is no file yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def append(path: Path, row: Row) -> None:
    """Print a row and write it at the end of the file."""
    line = json.dumps(row)
    print(line, flush=True)
    with path.open("a") as file:
        file.write(line + "\n")
