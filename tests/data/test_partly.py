from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter

import numpy as np
import pytest

from fakes import write_blocks
from segue.cli import main
from segue.commands.fit import run as run_fit
from segue.configs import AugmentConfig, DataConfig, FitConfig
from segue.data import loader
from segue.data.formats import open_index
from segue.data.geometry import Preprocessing
from segue.data.keyed import epoch_order
from segue.data.loader import TrainingSet
from segue.data.parallel import silent
from segue.data.partly import LARGE, SOME, draw, how_many, save_draw
from segue.data.prepare import load_data, prepare, save_data
from segue.errors import DataError, TrainingStoppedError, UsageError

PREP = Preprocessing((32, 32), 1.0, (0.5,) * 3, (0.25,) * 3, 40 * 48, pixel_scale=1.0)


def prepared(root, look_at, **options):
    return prepare((root,), DataConfig(look_at=look_at, **options), 0, silent)


def training_set(data, **options):
    return TrainingSet(data.all("train"), data.classes, data.counts_of("train"), PREP, AugmentConfig(), 0, **options)


@pytest.fixture
def root(tmp_path):
    return write_blocks(tmp_path / "data", 40)


def test_all_images_of_todays_sets_are_looked_at_and_some_of_more(root, monkeypatch):
    index = open_index([root])
    assert how_many(index, DataConfig()) is None
    assert how_many(index, DataConfig(look_at=40)) is None
    assert how_many(index, DataConfig(look_at=39)) == 39
    monkeypatch.setattr("segue.data.partly.LARGE", 39)
    assert how_many(index, DataConfig()) == SOME
    assert (LARGE, SOME) == (100_000, 512)  # as the option's sentence says


def test_half_of_what_is_looked_at_is_of_each_part_and_all_is_trained_on(root, caplog):
    caplog.set_level(logging.INFO, logger="segue")
    data = prepared(root, 10)
    assert Counter(sample.split for sample in data.samples) == {"train": 5, "val": 5}
    assert (len(data.all("train")), len(data.all("val"))) == (28, 12)
    assert {sample.id for sample in data.all("train")}.isdisjoint(sample.id for sample in data.all("val"))
    seen = [data.all("train")[place].id for place in data.whole.seen.tolist()]
    assert seen == [sample.id for sample in data.of("train")]
    assert "looked at 10 images, drawn by the seed: 5 of 28 to train on, 5 of 12 to validate with" in caplog.text
    assert [found.code for found in data.findings if found.code == "SET_DRAWN"] == ["SET_DRAWN"]
    assert len(data.sizes) == 5
    other = prepare((root,), DataConfig(look_at=10), 1, silent)
    assert {sample.id for sample in other.samples} != {sample.id for sample in data.samples}


def test_a_small_part_is_looked_at_whole_and_the_rest_is_of_the_other(root):
    data = prepared(root, 20, val_fraction=0.1)
    assert Counter(sample.split for sample in data.samples) == {"train": 16, "val": 4}


def test_the_record_of_a_run_stays_small_and_gives_the_same_again(root, tmp_path):
    data = prepared(root, 10)
    save_data(tmp_path / "data.json", data)
    assert len(json.loads((tmp_path / "data.json").read_text())["samples"]) == 10
    again = load_data(tmp_path / "data.json")
    assert [*again.all("train")] == [*data.all("train")]
    assert again.whole.seen.tolist() == data.whole.seen.tolist()
    (root / "images" / "new.png").write_bytes((root / "images" / "000.png").read_bytes())
    (root / "masks" / "new.png").write_bytes((root / "masks" / "000.png").read_bytes())
    with pytest.raises(DataError, match="other ones are listed there now"):
        load_data(tmp_path / "data.json")


def test_a_split_is_kept_as_its_rule_and_made_again_by_another_run(root, tmp_path):
    data = prepared(root, 10, val_fraction=0.2)
    save_draw(tmp_path / "split.json", data.whole)
    assert (tmp_path / "split.json").stat().st_size < 1000
    again = prepare((root,), DataConfig(look_at=20, split=tmp_path / "split.json"), 7, silent)
    assert [sample.id for sample in again.all("val")] == [sample.id for sample in data.all("val")]
    (tmp_path / "named.json").write_text('{"images/000": "val"}')
    with pytest.raises(DataError, match=r"expected the split.json of a run on these 40 images"):
        prepared(root, 10, split=tmp_path / "named.json")


def test_copies_cannot_be_kept_together_among_images_nobody_compared(root):
    with pytest.raises(UsageError, match=r"or give --data\.look-at 40"):
        prepared(root, 10, group_duplicates=True)


def test_a_given_division_stands(root, tmp_path):
    index = open_index([root])
    samples = tuple(dataclasses.replace(s, split="val" if n < 9 else "train") for n, s in enumerate(index.samples))
    drawn, whole = draw(dataclasses.replace(index, samples=samples), [root], DataConfig(), 0, 12)
    assert whole.val.tolist() == [*range(9)]
    assert Counter(sample.split for sample in drawn.samples) == {"train": 6, "val": 6}


def test_crops_around_rare_classes_are_of_images_that_were_looked_at(root):
    data = prepared(root, 10)
    rare = training_set(data)._pool.rare
    seen = {*data.whole.seen.tolist()}
    assert {rare(np.random.default_rng(n))[1] for n in range(50)} <= seen


def test_a_broken_file_among_those_nobody_looked_at_is_named_once_and_left_out(root, caplog):
    data = prepared(root, 10)
    unseen = next(n for n in range(28) if n not in data.whole.seen and n + 1 < 28 and n + 1 not in data.whole.seen)
    data.all("train")[unseen].image.write_bytes(b"not a picture")
    images = training_set(data, cache_bytes=0)
    assert (images.load(unseen).labels == images.load(unseen + 1).labels).all()
    images.load(unseen)
    assert caplog.text.count("the next in the list stands in for it") == 1
    seen_alone = TrainingSet(data.of("train"), data.classes, data.counts_of("train"), PREP, AugmentConfig(), 0)
    data.of("train")[0].image.write_bytes(b"not a picture")
    with pytest.raises(DataError, match="expected a PNG"):
        seen_alone.load(0)


def test_training_stops_when_many_files_are_broken(root, monkeypatch):
    data = prepared(root, 10)
    monkeypatch.setattr(loader, "MOST_BROKEN", 3)
    for sample in data.all("train"):
        sample.image.write_bytes(b"not a picture")
    with pytest.raises(TrainingStoppedError, match="3 samples cannot be used; the last one"):
        training_set(data, cache_bytes=0).load(0)


def test_the_order_of_a_pass_is_made_once(monkeypatch):
    epoch_order.cache_clear()
    first = epoch_order(0, 5, 1000)
    assert epoch_order(0, 5, 1000) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


@pytest.mark.slow
def test_a_fit_of_a_listing_that_was_looked_at_in_part_runs_and_says_so(root, tmp_path):
    rows = [f"images/{n:03d}.png,masks/{n:03d}.png" for n in range(40)]
    (root / "pairs.csv").write_text("image,mask\n" + "\n".join(rows) + "\n")
    run = tmp_path / "run"
    small = ["--model.encoder", "test_resnet", "--transfer.mode", "scratch", "--data.size", "32x32", "--steps", "4"]
    given = [*small, "--optim.batch", "4", "--train.device", "cpu", "--train.validations", "2", "--no-configure"]
    assert main(["fit", str(root / "pairs.csv"), "--out", str(run), "--data.look-at", "12", *given]) == 0
    assert json.loads((run / "evaluation.json").read_text())["n_images"] == 6
    assert json.loads((run / "split.json").read_text())["drawn"]["images"] == 40
    assert "looked at 12 images" in (run / "report.html").read_text()
    again = ["fit", str(root / "pairs.csv"), "--out", str(tmp_path / "again"), "--config", str(run / "config.yaml")]
    assert main(again) == 0
    metrics = [(folder / "metrics.csv").read_text() for folder in (run, tmp_path / "again")]
    assert metrics[0] == metrics[1]
    with pytest.raises(UsageError, match="expected all images to be looked at beside --folds 2, got 12 of 40"):
        run_fit(FitConfig(paths=(root / "pairs.csv",), folds=2, data=DataConfig(look_at=12)))
