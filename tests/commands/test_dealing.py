"""What processes that predict together do, played by threads: every image is done once, and nothing goes unsaid."""

import os
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

import segue.commands.predict as command
from fakes import save_image, scene
from segue.configs import PredictConfig
from thread_group import in_threads
from tiny_model import write_run


@pytest.fixture
def predicted(tmp_path, monkeypatch):
    """Predict four pictures in two "processes"; the result of the first, and which thread is which in `.group`."""
    photos, run, here = tmp_path / "photos", write_run(tmp_path / "run"), threading.local()
    for number in range(4):
        save_image(photos / f"{number}.png", scene(number)[0])
    monkeypatch.setattr(command, "sharing", lambda: nullcontext(here.group))

    def run_in(group):
        here.group = group
        return command.run(PredictConfig(run=run, paths=(photos,), out=tmp_path / "out", device="cpu", overlay=False))

    def predict():
        return in_threads(run_in)[0]

    predict.here = here
    return predict


def test_every_image_is_done_once_though_processes_see_files_of_different_sizes(predicted, monkeypatch):
    real, done = Path.stat, []

    def stat(path, **options):
        found = real(path, **options)
        rank = getattr(getattr(predicted.here, "group", None), "rank", 0)
        if rank and path.suffix == ".png":  # to this process the last is the largest, and not yet the others
            return os.stat_result((*found[:6], 10**6 * int(path.stem == "3"), *found[7:]))
        return found

    predict_all = command._predict_all
    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(command, "_predict_all", lambda work, files, *more: done.extend(files) or predict_all(work, files, *more))  # fmt: skip
    result = predicted()
    assert sorted(one.name for one in done) == ["0", "1", "2", "3"]
    assert (len(result.images), result.failed) == (4, ())


def test_an_image_that_no_process_did_is_a_failure(predicted, monkeypatch):
    dealt = command.dealt
    monkeypatch.setattr(command, "dealt", lambda sizes, parts: [dealt(sizes, parts)[0], []])
    result = predicted()
    assert len(result.images) == 2
    assert [line.partition(": ")[2] for line in result.failed] == [
        "expected one of the processes to do it, none did: run the same command again"
    ] * 2
    assert result.exit_code == 1
