"""What processes that predict together do, played by threads: every image is done once, and nothing goes unsaid."""

import dataclasses
import logging
import os
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

import segue.commands.predict as command
from fakes import save_image, scene
from rasters import write_raster
from segue.commands.dealing import _share_cores, kept, say
from segue.configs import PredictConfig
from segue.infer.geo_outputs import write_scene
from segue.infer.segmenter import Segmenter
from segue.train.processes import ALONE, Group
from thread_group import in_threads
from tiny_model import tiny_info, tiny_model, write_run


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
    monkeypatch.setattr(command, "_predict_all", lambda *all_: done.extend(all_[1]) or predict_all(*all_))
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


def test_the_first_process_alone_shows_a_bar(predicted, monkeypatch):
    bar, shown = command.progress_bar, []
    monkeypatch.setattr(command, "progress_bar", lambda label: shown.append(predicted.here.group.rank) or bar(label))
    predicted()
    assert shown == [0]


def test_what_another_process_would_say_is_said_by_the_first(tmp_path, caplog):
    info = tiny_info()
    info = dataclasses.replace(info, prep=dataclasses.replace(info.prep, ranges=((300.0, 9000.0),) * 3))
    path = write_raster(tmp_path / "dark.tif", np.zeros((40, 50, 3), np.float32) + 0.1)
    with caplog.at_level(logging.CRITICAL, "segue"):  # as the others are
        with kept(Group(rank=1, size=2)) as said:
            write_scene(Segmenter(tiny_model(info), info, "cpu"), path, {"mask": tmp_path / "mask.tif"})
        logging.getLogger("segue").warning("silent again")
    assert caplog.messages == []
    (one,) = said
    say(said)
    assert caplog.record_tuples == [("segue", *one)]
    assert one[0] == logging.WARNING
    assert f"{path}: 100 % of its values lie outside the range of the training images" in one[1]


def test_the_first_process_speaks_for_itself(caplog):
    with kept(ALONE) as said:
        logging.getLogger("segue").warning("look here")
    assert (said, caplog.messages) == ([], ["look here"])


@pytest.mark.parametrize(("processes", "each"), [(2, 3), (8, 1)])
def test_processes_share_the_cores_that_the_job_may_use_and_not_those_of_the_machine(monkeypatch, processes, each):
    given = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr("segue.commands.dealing.usable_cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    _share_cores(Group(on_this_machine=processes))
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    _share_cores(Group(on_this_machine=processes))
    assert given == [each]
