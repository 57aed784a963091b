"""The loop that benchmarks share: it takes up where it was stopped, and their files are as they were."""

import importlib
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def jobs(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("jobs")


def test_what_was_stopped_goes_on_without_repeating(jobs, tmp_path):
    out, trained = tmp_path / "rows.jsonl", []

    def run(names, stop_at=None):
        def train(name):
            if name == stop_at:
                raise KeyboardInterrupt
            trained.append(name)
            return {"name": name, "miou": 0.5}

        jobs.run_missing([(name, lambda name=name: train(name)) for name in names], out, lambda row: row["name"])

    with pytest.raises(KeyboardInterrupt):
        run("abcd", stop_at="c")
    assert [row["name"] for row in jobs.read(out)] == ["a", "b"]
    run("dcba")
    assert trained == ["a", "b", "d", "c"]
    assert out.read_text() == "".join(json.dumps({"name": name, "miou": 0.5}) + "\n" for name in trained)


def test_a_row_that_another_process_wrote_meanwhile_counts(jobs, tmp_path):
    out = tmp_path / "rows.jsonl"

    def train():
        jobs.append(out, {"name": "b"})
        return {"name": "a"}

    jobs.run_missing([("a", train), ("b", pytest.fail)], out, lambda row: row["name"])
    assert [row["name"] for row in jobs.read(out)] == ["b", "a"]


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_parts_make_up_the_whole(jobs, parts):
    shares = [jobs.part_of(list(range(5)), f"{part}/{parts}") for part in range(1, parts + 1)]
    assert sorted(job for share in shares for job in share) == list(range(5))
    assert shares[0][:2] == list(range(5))[::parts][:2]


@pytest.mark.parametrize("name", ["canon", "forecast", "sources", "style_augmentation"])
def test_the_benchmarks_show_what_was_measured(jobs, monkeypatch, capsys, name, tmp_path):
    rows = BENCHMARKS / f"{name}.jsonl"
    monkeypatch.setattr("sys.argv", [name, "--show", str(rows if rows.is_file() else tmp_path / "none.jsonl")])
    importlib.import_module(name).main()
    printed = capsys.readouterr().out
    assert not rows.is_file() or any("0." in line for line in printed.splitlines() if line.startswith("| "))
