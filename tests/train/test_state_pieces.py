"""The small parts of the loop: averaged weights, progress, budget, lock."""

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from segue.errors import RunTakenError
from segue.train.budget import Budget
from segue.train.ema import decay_at, tensors_of, update
from segue.train.lock import held
from segue.train.loop import Loop
from segue.train.machine import differences
from segue.train.start import time_validation
from segue.train.state import Row, State, state_from_dict
from tiny_engine import make_engine, small_model


def test_the_average_is_the_one_computed_by_hand():
    torch.manual_seed(0)
    model, average = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    average.load_state_dict(model.state_dict())
    expected = average.weight.detach().clone(), average.running_mean.clone()
    for _ in range(3):
        model(torch.randn(8, 2))
        with torch.no_grad():
            model.weight += 1
        update(tensors_of(average), tensors_of(model), 0.75)
        expected = 0.75 * expected[0] + 0.25 * model.weight, 0.75 * expected[1] + 0.25 * model.running_mean
    assert torch.allclose(average.weight, expected[0])
    assert torch.allclose(average.running_mean, expected[1])
    assert average.num_batches_tracked == model.num_batches_tracked == 3


def test_decay_warms_up_and_ends_at_its_horizon():
    assert decay_at(0, 1000, 0.04) == 0.1
    assert decay_at(999, 1000, 0.04) == 1 - 1 / 40
    assert decay_at(500, 1000, 0.0) == 0.0
    assert all(decay_at(s, 1000, 0.04) <= decay_at(s + 1, 1000, 0.04) for s in range(999))


def test_progress_is_the_share_of_steps_done():
    state = State(total_steps=7)
    for step in range(7):
        assert state.progress == pytest.approx(step / 7)
        state.advance()
    assert state.finished
    assert state.progress == pytest.approx(1.0)


def test_progress_stays_monotone_and_ends_at_one_when_the_length_changes():
    state = State(total_steps=10)
    for _ in range(5):
        state.advance()
    state.total_steps = 7
    seen = [state.progress]
    while not state.finished:
        state.advance()
        seen.append(state.progress)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    assert seen[1] - seen[0] == pytest.approx(0.25)


def test_state_survives_json_bit_by_bit():
    row = Row(3, 24, 0.1 + 0.2, {"ce": 1 / 3}, 0.123456789012345678, 0.9, {"sky": 0.5, "rare": None})
    state = State(total_steps=9, step=3, progress=1 / 3, loss_sums={"ce": 0.1}, history=[row])
    assert state_from_dict(json.loads(json.dumps(state.to_dict()))) == state


@dataclass(frozen=True)
class Looking:
    """A validation that takes the seconds it is told, one after the other."""

    samples: tuple[str, ...]
    takes: list[float]
    clock: SimpleNamespace

    def __call__(self, _model, _stop):
        self.clock.now += self.takes.pop(0)


@pytest.mark.parametrize("takes", [[9.0, 2.0, 0.4], [9.0, 0.4, 2.0]])
def test_a_hiccup_is_not_taken_for_the_time_of_a_validation(takes, monkeypatch):
    clock = SimpleNamespace(now=5.0)
    monkeypatch.setattr("segue.train.start.time", SimpleNamespace(perf_counter=lambda: clock.now))
    looking = Looking(tuple("abcdefgh"), list(takes), clock)
    loop = object.__new__(Loop)  # of which no more is needed
    loop.validator, loop.engine = looking, make_engine(small_model())
    assert time_validation(loop) == pytest.approx(0.1)


def test_a_budget_counts_what_is_spent_and_what_is_still_to_come():
    budget = Budget(seconds=600)
    state = State(total_steps=1, seconds=30, reserve=20)
    assert budget.first_estimate(state, step_seconds=0.5, validation_seconds=5, validations=10) == 1000
    state = State(total_steps=1000, step=500, seconds=400, reserve=20)
    budget.revise(state, step_seconds=0.6, validation_seconds=6, left=5)
    assert state.total_steps == 500 + int((600 - 20 - 400 - 30) / 0.6)
    state.seconds = 700
    budget.revise(state, step_seconds=0.6, validation_seconds=6, left=1)
    assert state.total_steps == 500
    assert state.finished


def test_a_held_folder_is_refused_to_another_process_and_free_once_its_holder_dies(tmp_path):
    holder = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from segue.train.lock import held
        with held(Path(sys.argv[1])):
            print("held", flush=True)
            time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunTakenError, match=str(process.pid)), held(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with held(tmp_path):
        pass


def test_what_binds_the_bytes_is_compared():
    then = {"torch": "2.11", "threads": 2, "device": "cpu", "precision": "fp32", "segue": "0.1.0", "platform": "a"}
    assert differences(then, {**then, "platform": "b"}) == []
    assert differences(then, {**then, "threads": 1}) == ["threads: 2 then, 1 now"]
