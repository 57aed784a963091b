"""`segue fit` under torchrun: two real processes, which talk by gloo.

Compared with one process of the same batch, with plain gradient descent: Adam's first updates are g / |g|, which makes
a full step of the rounding of a gradient near zero.
"""

import json

import pytest

from segue.cli import main
from segue.train.checkpoint import load_newest
from two_processes import OPTIONS, assert_same_model, assert_same_scores, last_row, run_script, said, torchrun


@pytest.mark.slow
def test_two_processes_give_what_one_gives_and_speak_with_one_voice(data, one, tmp_path):
    run = tmp_path / "run"
    output, errors, code = torchrun("fit", data, "--out", run, *OPTIONS, "--json")
    assert code == 0, errors
    assert json.loads(output)["run"] == str(run)  # one result, not two
    assert errors.count("images to train on") == errors.count("step 8 of 8") == 1
    assert_same_model(run, one)
    for name in ("evaluation.json", "report.html", "train_batch.jpg"):
        assert (run / name).is_file()
    assert (run / "train_batch.jpg").read_bytes() == (one / "train_batch.jpg").read_bytes()  # of the whole batch
    assert json.loads((run / "environment.json").read_text())["processes"] == 2
    assert_same_scores(run, one)


@pytest.mark.slow
def test_a_killed_process_ends_all_and_one_process_goes_on(data, one, tmp_path):
    run = tmp_path / "run"
    _, errors, code = torchrun("fit", data, "--out", run, *OPTIONS, accident="kill:1:5")
    assert code == 1
    (line,) = said(errors)
    assert "another of the processes" in line
    assert load_newest(run / "checkpoints").state["step"] == 5  # nothing is lost, the step that failed is undone
    assert main(["fit", "--resume", str(run)]) == 0
    assert_same_model(run, one)
    then = json.loads((run / "environment.json").read_text())
    assert then["resumed_with"] == [{"step": 5, "difference": "processes: 2 then, 1 now"}]


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_and_two_go_on(data, one, tmp_path):
    run = tmp_path / "run"
    _, errors, code = torchrun("fit", data, "--out", run, *OPTIONS, accident="term:1:5")
    assert code == 1
    (line,) = said(errors)
    assert "stopped by SIGTERM at step 6" in line  # the step in which it came is finished
    assert load_newest(run / "checkpoints").state["step"] == 6
    output, errors, code = torchrun("fit", "--resume", run)
    assert (code, output.count("use it:")) == (0, 1), errors
    assert_same_model(run, one)


@pytest.mark.slow
def test_ctrl_c_saves_and_leaves(data, tmp_path):
    run = tmp_path / "run"
    _, errors, code = torchrun("fit", data, "--out", run, *OPTIONS, accident="ctrl-c:0:5")
    assert code != 0
    (line,) = said(errors)
    assert "stopped by SIGINT at step 6" in line
    assert load_newest(run / "checkpoints").state["step"] == 6


@pytest.mark.slow
def test_an_error_of_one_process_is_said_and_ends_all(data, tmp_path):
    _, errors, code = torchrun("fit", data, "--out", tmp_path / "run", *OPTIONS, accident="error:1:2")
    assert code == 1
    assert "segue: 000.png: expected an image, got a broken one" in errors
    assert "segue/cli.py" not in errors  # the only traceback is torchrun's own
    assert len(said(errors)) == 2  # the first process says that another one ended


@pytest.mark.slow
def test_a_budget_is_kept_by_one_clock(data, tmp_path):
    run = tmp_path / "run"
    minutes = [*OPTIONS[2:], "--minutes", "0.5"]
    _, errors, code = torchrun("fit", data, "--out", run, *minutes)
    assert code == 0, errors
    assert last_row(run)["step"] > 1


@pytest.mark.slow
def test_a_batch_that_cannot_be_dealt_is_refused_in_one_line(data, tmp_path):
    _, errors, code = torchrun("fit", data, "--out", tmp_path / "run", *OPTIONS, "--optim.batch", "5")
    assert code == 1  # torchrun's, whatever the process's own
    (line,) = said(errors)
    assert "optim.batch 5: expected a multiple of the 2 processes" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_thread_that_wants_the_interpreter_at_the_end_does_not_abort_a_run_that_is_done():
    output, errors, code = run_script("leave_in_processes.py")
    assert code == 0, errors
    assert output.splitlines() == ["said before leaving"] * 2
