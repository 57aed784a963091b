"""The whole table: every script of `JOBS` after the other, what they found, and RESULTS.md beside this file.

    make bench                                      with generated data
    make bench CAMVID=camvid WEIGHTS=weights.pth    also what needs a real data set and pretrained weights
    python benchmarks/bench.py --only small_costs.py throughput.py    some of it; writes no file unless --out is given

A script that fails is said to have failed and the others go on; the exit code is 1 then. A goal that is missed stands
in the table as missed. Nothing else should run on the machine meanwhile; the load before it began is recorded.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from table import Row, parse

HERE = Path(__file__).resolve().parent
PATIENCE = 2  # times the minutes a script is expected to take; then it is stopped
PACKAGES = (
    "segue",
    "torch",
    "torchvision",
    "timm",
    "segmentation-models-pytorch",
    "lightning-fabric",
    "numpy",
    "scipy",
)
PEERS = ("fastai", "onnxruntime", "openvino", "monai", "torchmetrics")
IDLE = 0.25  # load for each core up to which a machine counts as idle
HEADS = ("", "what", "Segue", "peer", "", "goal", "note")


@dataclass(frozen=True)
class Job:
    """A script, the minutes it is expected to take on two cores, and its arguments.

    `words` are always given, `data` where the data they name are there; with `needs_data` the script is left out
    otherwise. {camvid} and {weights} stand for what `make bench` was given, {folder} for an empty folder.
    """

    script: str
    minutes: float
    words: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    needs_data: bool = False


JOBS = (
    Job("small_costs.py", 3, ("--rounds", "5")),
    Job("throughput.py", 6, ("--rounds", "3"), ("{camvid}",)),
    Job("latency.py", 2),
    Job("predict_folder.py", 3),
    Job("large_scene.py", 9, ("--quick",)),
    Job("million.py", 2),
    Job(
        "time_to_miou.py",
        4,
        (
            *("--images", "25", "--seconds", "45", "--equal-time", "--loops", "smp", "torchvision"),
            *("--out", "{folder}/time_to_miou.jsonl"),
        ),
        ("{camvid}", "{weights}"),
        needs_data=True,
    ),
)


@dataclass
class Outcome:
    """What became of a job: its rows, the seconds it took, and in a line why it was left out or what went wrong."""

    job: Job
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    left_out: str = ""
    failed: str = ""


def command(job: Job, given: dict[str, str]) -> list[str] | None:
    """The command line of a job with the data that are given; None where it needs others."""
    named = {word for word in ("camvid", "weights") if any(f"{{{word}}}" in part for part in job.data)}
    here = named <= given.keys()
    if job.needs_data and not here:
        return None
    words = (*(job.data if here else ()), *job.words)
    return [sys.executable, str(HERE / job.script), *(word.format(**given) for word in words)]


def do(job: Job, given: dict[str, str]) -> Outcome:
    """Run a job to its end; what it writes besides rows goes to the standard error."""
    outcome = Outcome(job)
    with tempfile.TemporaryDirectory() as folder:
        words = command(job, {**given, "folder": folder})
        if words is None:
            outcome.left_out = "needs data: make bench CAMVID=FOLDER WEIGHTS=FILE"
        else:
            _run(words, outcome)
    return outcome


def _run(words: list[str], outcome: Outcome) -> None:
    job = outcome.job
    began, late = time.perf_counter(), threading.Event()
    # a session of its own, so that it can be ended with the processes it has started
    options = {"stdout": subprocess.PIPE, "text": True, "encoding": "utf-8", "start_new_session": True}
    with subprocess.Popen(words, **options) as process:

        def stop() -> None:
            late.set()
            _end(process)

        timer = threading.Timer(60 * PATIENCE * job.minutes, stop)
        timer.start()
        try:
            for line in process.stdout or ():
                row = parse(line)
                if row is None:
                    print(line, end="", file=sys.stderr)
                else:
                    outcome.rows.append(row)
            process.wait()
        finally:
            timer.cancel()
            _end(process)  # still at work only where we are interrupted
    outcome.seconds = time.perf_counter() - began
    outcome.failed = _fault(process.returncode, late.is_set(), outcome)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of it has ended
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _fault(code: int, late: bool, outcome: Outcome) -> str:
    if late:
        return f"stopped after {PATIENCE} times the {outcome.job.minutes:g} minutes it was expected to take"
    if code:
        return f"exit code {code}"
    return "" if outcome.rows else "no row was printed"


# --- the table -------------------------------------------------------------------------------------------------------


def cells(row: Row) -> tuple[str, ...]:
    """A row as people read it, in the order of `HEADS`."""
    mark = "" if not row.goal else "yes" if row.holds else "NO"
    peer = "" if row.peers is None else f"{row.peers:g} {row.unit} ({row.peer})"
    ratio = "" if row.ratio is None else f"{row.ratio:g}x"
    return mark, row.what, f"{row.ours:g} {row.unit}", peer, ratio, row.goal, row.note


def verdict(outcomes: Sequence[Outcome]) -> str:
    """How many goals are met, and what is missing."""
    goals = [row.holds for outcome in outcomes for row in outcome.rows if row.goal]
    failed = [outcome.job.script for outcome in outcomes if outcome.failed]
    without = [outcome.job.script for outcome in outcomes if outcome.left_out]
    parts = [f"{sum(goals)} of {len(goals)} goals met"]
    parts += [f"failed: {', '.join(failed)}"] if failed else []
    parts += [f"left out: {', '.join(without)}"] if without else []
    return "; ".join(parts)


def as_text(outcomes: Sequence[Outcome]) -> str:
    """The table in columns, for a terminal."""
    rows = [HEADS, *(cells(row) for outcome in outcomes for row in outcome.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *(_said(outcome) for outcome in outcomes if _said(outcome)), verdict(outcomes)])


def as_markdown(outcomes: Sequence[Outcome], facts: dict[str, str]) -> str:
    """The page RESULTS.md."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`; the scripts and what they compare stand in [README.md](README.md).",
        "",
    ]
    lines += ["| | |", "| --- | --- |", *(f"| {name} | {_escaped(text)} |" for name, text in facts.items()), ""]
    lines += [f"**{verdict(outcomes)}.** Ratios are the peer's time over Segue's; medians of interleaved runs.", ""]
    for outcome in outcomes:
        lines += [f"## [{outcome.job.script}]({outcome.job.script})", ""]
        lines += [f"{_said(outcome)}.", ""] if _said(outcome) else []
        if outcome.rows:
            heads = ["goal met", *HEADS[1:4], "ratio", *HEADS[5:]]
            lines += [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
            lines += [f"| {' | '.join(_escaped(cell) for cell in cells(row))} |" for row in outcome.rows]
            lines += ["", f"In {outcome.seconds / 60:.1f} minutes.", ""]
    return "\n".join(lines)


def _said(outcome: Outcome) -> str:
    if outcome.failed:
        return f"{outcome.job.script} FAILED: {outcome.failed}"
    return f"{outcome.job.script} left out: {outcome.left_out}" if outcome.left_out else ""


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


# --- what it was measured with ---------------------------------------------------------------------------------------


def machine(load: float | None) -> dict[str, str]:
    """Date, commit, versions, and the machine, as texts by name."""
    cores = os.cpu_count() or 1
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "Python": f"{platform.python_version()}, {platform.platform()}",
        "packages": versions(PACKAGES),
        "peers": versions(PEERS),
        "machine": f"{processor()}, {cores} cores, {memory()}, {accelerator()}",
        "load before": "unknown" if load is None else f"{load:.2f}" + ("" if idle(load) else ": **not idle**"),
    }


def idle(load: float) -> bool:
    """Whether a load average is that of a machine that does nothing else."""
    return load <= IDLE * (os.cpu_count() or 1)


def commit() -> str:
    """The commit that is checked out, and whether files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(HERE), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "..", ":!RESULTS.md")
        return git("rev-parse", "--short", "HEAD") + (" and changes that are not committed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions(packages: Sequence[str]) -> str:
    """Those that are installed."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found) or "none installed"


def processor() -> str:
    """The name of the CPU."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def memory() -> str:
    """How much the machine has."""
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, OSError, ValueError):
        return "unknown memory"


def accelerator() -> str:
    """The GPU that torch finds."""
    import torch

    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else "no GPU"


def main() -> int:
    """Run the jobs, print the table, write the page; 1 when a script failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camvid", type=Path, help="folder with train/ trainannot/ val/ valannot/")
    parser.add_argument("--weights", type=Path, help="timm's mobilenetv2_100 trained on ImageNet")
    parser.add_argument("--only", nargs="+", choices=sorted({job.script for job in JOBS}), metavar="SCRIPT")
    parser.add_argument("--out", type=Path, help="where the page goes; RESULTS.md beside this script without --only")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    facts, began = machine(load), time.perf_counter()
    if load is not None and not idle(load):
        print(f"caution: a load of {load:.2f}: the machine is not idle, figures will be off", file=sys.stderr)
    given = {name: str(path.resolve()) for name in ("camvid", "weights") if (path := getattr(options, name))}
    jobs = [job for job in JOBS if options.only is None or job.script in options.only]
    outcomes = []
    for number, job in enumerate(jobs, 1):
        print(f"{number}/{len(jobs)} {job.script}, about {job.minutes:g} minutes", file=sys.stderr, flush=True)
        outcomes.append(do(job, given))
    facts["took"] = f"{(time.perf_counter() - began) / 60:.0f} minutes"
    print(as_text(outcomes))
    out = options.out or (HERE / "RESULTS.md" if options.only is None else None)
    if out is not None:
        out.write_text(as_markdown(outcomes, facts), encoding="utf-8")
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
