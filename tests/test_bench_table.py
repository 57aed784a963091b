"""`make bench`: rows are collected from scripts, a script that fails is shown and does not stop the others."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
GOOD = """
import sys
from table import emit, faster, told, within
print("something else")
emit(within("start|up", 0.6, "s", at_most=0.5))
emit(faster("step", 0.2, 0.5, "s", "a loop", at_least=2.0, note=" ".join(sys.argv[1:])))
emit(told("memory", 12.0, "MiB"))
"""


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """The module, looking for its scripts in a folder of the test."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("bench")
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module, "accelerator", lambda: "no GPU")  # which takes an import of torch to tell
    monkeypatch.setenv("PYTHONPATH", str(BENCHMARKS))
    endless = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    scripts = {"good.py": GOOD, "bad.py": GOOD + "sys.exit(3)", "mute.py": "", "endless.py": endless}
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
    return module


def test_rows_are_collected_and_the_rest_is_passed_on(bench, capfd):
    outcome = bench.do(bench.Job("good.py", 1, ("--quick",)), {})
    assert [row.what for row in outcome.rows] == ["start|up", "step", "memory"]
    assert [row.holds for row in outcome.rows] == [False, True, True]
    assert (outcome.rows[1].ratio, outcome.rows[1].note, outcome.failed) == (2.5, "--quick", "")
    assert capfd.readouterr().err == "something else\n"


def test_data_are_named_where_they_are_given(bench):
    optional, needy = bench.Job("a.py", 1, ("-x",), ("{camvid}",)), bench.Job("b.py", 1, (), ("{weights}",), True)
    assert bench.command(optional, {})[2:] == ["-x"]
    assert bench.command(optional, {"camvid": "here"})[2:] == ["here", "-x"]
    assert bench.command(needy, {"camvid": "here"}) is None
    assert bench.command(needy, {"weights": "w.pth"})[2:] == ["w.pth"]
    assert "CAMVID=" in bench.do(needy, {}).left_out


def test_a_script_gets_an_empty_folder_that_is_gone_afterwards(bench):
    outcome = bench.do(bench.Job("good.py", 1, ("{folder}/file",)), {})
    assert not Path(outcome.rows[1].note).parent.exists()
    assert Path(outcome.rows[1].note).is_absolute()


@pytest.mark.parametrize(
    ("script", "fault", "rows"), [("bad.py", "exit code 3", 3), ("mute.py", "no row", 0), ("gone.py", "exit code", 0)]
)
def test_a_fault_is_said_and_the_rows_before_it_are_kept(bench, script, fault, rows):
    outcome = bench.do(bench.Job(script, 1), {})
    assert fault in outcome.failed
    assert len(outcome.rows) == rows


def test_a_script_that_does_not_end_is_stopped_with_what_it_has_started(bench):
    outcome = bench.do(bench.Job("endless.py", 0.005), {})
    assert outcome.failed.startswith("stopped after 2 times the 0.005 minutes")
    assert outcome.seconds < 30


def test_the_page_shows_what_failed_and_what_is_missed(bench, monkeypatch, capsys, tmp_path):
    jobs = (bench.Job("good.py", 1), bench.Job("bad.py", 1), bench.Job("needy.py", 1, (), ("{camvid}",), True))
    monkeypatch.setattr(bench, "JOBS", jobs)
    monkeypatch.setattr(sys, "argv", ["bench.py"])
    assert bench.main() == 1
    said = "2 of 4 goals met; failed: bad.py; left out: needy.py"
    printed, page = capsys.readouterr().out, (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert printed.splitlines()[-1] == said
    assert "bad.py FAILED: exit code 3" in printed
    assert f"**{said}.**" in page
    assert "| NO | start\\|up | 0.6 s |  |  | ≤ 0.5 s |  |" in page
    assert "| yes | step | 0.2 s | 0.5 s (a loop) | 2.5x | ≥ 2x |  |" in page
    assert "|  | memory | 12 MiB |  |  |  |  |" in page
    for fact in ("date", "commit", "packages", "peers", "machine", "load before", "took"):
        assert f"| {fact} | " in page


def test_some_scripts_alone_write_no_page_and_succeed(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "JOBS", (bench.Job("good.py", 1), bench.Job("bad.py", 1)))
    monkeypatch.setattr(sys, "argv", ["bench.py", "--only", "good.py"])
    assert bench.main() == 0
    assert not (tmp_path / "RESULTS.md").exists()


def test_the_table_takes_half_an_hour_at_most(bench):
    assert sum(job.minutes for job in bench.JOBS) <= 30


def test_what_is_not_idle_is_said(bench, monkeypatch):
    monkeypatch.setattr(bench.os, "cpu_count", lambda: 2)
    assert "not idle" in bench.machine(1.5)["load before"]
    assert "not idle" not in bench.machine(0.2)["load before"]


def test_a_loop_that_was_not_trained_is_named(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("time_to_miou")
    sides = {"segue": [0.5], "smp": [0.2, 0.4], "torchvision": [0.3]}
    rows = [
        {
            "name": name,
            "images": 25,
            "seed": 0,
            "seconds": 60.0,
            "curve": [{"seconds": 60.0, "miou": one} for one in of],
        }
        for name, of in sides.items()
    ]
    (row,) = module.table_rows(module.comparisons(rows))
    assert (row.ours, row.peers, row.peer, row.holds) == (50.0, 40.0, "smp", True)
    assert row.note == "+10.0 points, 1 seed, fastai not trained"
