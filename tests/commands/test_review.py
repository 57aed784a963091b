import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segue.commands.predict as predict_command
import segue.commands.review as command
from fakes import save_image, scene, write_folders
from segue.cli import main
from segue.configs import PredictConfig, ReviewConfig
from segue.data.encoding import encode
from segue.data.formats import open_index
from segue.data.image import read_mask
from segue.errors import DataError, RunError, UsageError
from segue.infer.misses import collect_misses
from segue.infer.review_file import Threshold, load_mark
from segue.infer.segmenter import Segmenter
from segue.models.artifact import load_info, save_temperature
from segue.trust.conformal import thresholds
from tiny_model import NAMES, write_run


@pytest.fixture
def trained(tmp_path):
    save_temperature(write_run(tmp_path / "run"), 1.8)
    return tmp_path / "run"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve images, of which two have no disc."""
    root = write_folders(tmp_path_factory.mktemp("data") / "d", 12)
    for number in (3, 7):
        labels = scene(number)[1]
        save_image(root / "masks" / f"{number:03d}.png", np.where(labels == 1, 0, labels).astype(np.uint8))
    return root


def run(trained, data, **options):
    return command.run(ReviewConfig(run=trained, paths=(data,), device="cpu", **options))


def test_misses_are_those_of_the_probabilities_that_predict_writes(trained, data):
    segmenter, samples = Segmenter.load(trained, "cpu"), open_index([data]).samples
    (disc,) = collect_misses(segmenter, samples, segmenter.classes, [1])
    assert (len(disc.losses), disc.skipped) == (10, 2)
    row, marked = 0, np.zeros(len(thresholds()))
    for sample in samples:
        truth = encode(read_mask(sample.mask), segmenter.classes)
        shares = segmenter.predict(sample.image, probabilities=True).probabilities[1]
        marked += [(shares >= threshold).sum() for threshold in thresholds()]
        if (truth == 1).any():
            expected = [(shares[truth == 1] < threshold).mean() for threshold in thresholds()]
            np.testing.assert_allclose(disc.losses[row], expected)
            row += 1
    np.testing.assert_allclose(disc.marked, marked / (12 * 48 * 64))


def test_unlabelled_pixels_count_neither_as_missed_nor_as_marked(trained, tmp_path):
    root = write_folders(tmp_path / "d", 2)
    for number in range(2):
        labels = scene(number)[1]
        labels[:20] = 255
        save_image(root / "masks" / f"{number:03d}.png", labels)
    segmenter, samples = Segmenter.load(trained, "cpu"), open_index([root]).samples
    (ground,) = collect_misses(segmenter, samples, segmenter.classes, [0])
    shares = np.stack([segmenter.predict(one.image, probabilities=True).probabilities[0, 20:] for one in samples])
    np.testing.assert_allclose(ground.marked, [(shares >= threshold).mean() for threshold in thresholds()])
    for row, own, number in zip(ground.losses, shares, range(2), strict=True):
        held = own[scene(number)[1][20:] == 0]
        np.testing.assert_allclose(row, [(held < threshold).mean() for threshold in thresholds()])


def test_a_threshold_is_found_written_and_used(trained, data, tmp_path, capsys):
    result = run(trained, data, classes=("disc",), risk=0.2)
    (found,) = result.found
    assert (found.units, found.images, found.skipped, found.unit) == (10, 10, 2, "images")
    assert (10 * found.missed + 1) / 11 <= 0.2
    config = PredictConfig(run=trained, paths=(data / "images",), out=tmp_path / "out", device="cpu", review="disc")
    records = predict_command.run(config).images
    missed, marks = [], 0
    for number, record in enumerate(records):
        with Image.open(record["files"]["review"]) as picture:
            mark = np.asarray(picture)
        truth = read_mask(data / "masks" / f"{number:03d}.png")
        marks += mark.sum()
        if (truth == 1).any():
            missed.append((mark[truth == 1] == 0).mean())
    assert np.mean(missed) == pytest.approx(found.missed)
    assert marks / (12 * 48 * 64) == pytest.approx(found.marked)


def test_the_command_to_go_on_with_can_be_copied_whatever_the_names(tmp_path):
    """Classes without a name of their own are called class 0, class 1, …"""
    found = Threshold("class 0", 0.1, 0.5, "images", 9, 9, 0, 0.05, 0.3)
    result = command.ReviewResult(Path("my runs/a"), 0.1, (found,), {}, 9, "images", 9, "all", tmp_path)
    assert result.lines()[-1] == "use it: segue predict 'my runs/a' IMAGE… --review 'class 0'"
    info = load_info(write_run(tmp_path / "my run"))
    with pytest.raises(RunError, match=r"segue review '.*/my run' DATA --classes disc, with"):
        load_mark(tmp_path / "my run", info, "disc")


def test_every_class_has_a_line_and_a_place_in_the_file(trained, data):
    result = run(trained, data, risk=0.15)
    lines = result.lines()
    assert lines[0].startswith("to miss at most 15 % of a class, on average over new images")
    assert [line.split()[0] for line in lines[1:5]] == list(NAMES)
    assert "2 images without it left out" in lines[2]
    assert lines[-1] == f"use it: segue predict {trained} IMAGE… --review ground"
    written = json.loads((trained / "model" / "review.json").read_text())
    assert [row["name"] for row in written["classes"]] == list(NAMES)
    assert written["temperature"] == 1.8


def test_a_second_review_replaces_its_class_and_keeps_the_others(trained, data):
    run(trained, data, risk=0.15)
    run(trained, data, classes=("box",), risk=0.5)
    rows = {row["name"]: row for row in json.loads((trained / "model" / "review.json").read_text())["classes"]}
    assert set(rows) == set(NAMES)
    assert (rows["box"]["risk"], rows["disc"]["risk"]) == (0.5, 0.15)
    assert rows["box"]["threshold"] > 0


def test_too_few_images_are_refused_with_how_many_it_takes_and_nothing_is_written(trained, data):
    with pytest.raises(
        DataError, match=r"disc: a risk of 0\.05 is not attainable: expected at least 19 images with this"
    ):
        run(trained, data, classes=("disc",), risk=0.05)
    assert not (trained / "model" / "review.json").exists()


def test_a_class_that_attains_the_risk_is_not_held_up_by_one_that_does_not(trained, data):
    result = run(trained, data, classes=("disc", "box"), risk=0.08)  # 12 images are needed, 10 have a disc
    assert [one.name for one in result.found] == ["box"]
    assert "expected at least 12 images with this class, got 10" in result.refused["disc"]
    assert any(line.startswith("no threshold for disc") for line in result.lines())


def grouped(root, groups):
    for number in range(12):
        image, labels = scene(number)
        folder = root / f"part {number % groups}"
        save_image(folder / "images" / f"{number:03d}.jpg", image)
        save_image(folder / "masks" / f"{number:03d}.png", labels)
    return root


def test_groups_are_the_draws_where_there_are_enough_of_them(trained, tmp_path):
    six = grouped(tmp_path / "six", 6)
    result = run(trained, six, classes=("disc",), risk=0.2)
    assert (result.unit, result.found[0].units, result.found[0].images) == ("groups", 6, 12)
    with pytest.raises(DataError, match=r"expected at least 9 groups with this class, got 6.*--unit images promises"):
        run(trained, six, classes=("disc",), risk=0.1)
    assert run(trained, six, classes=("disc",), risk=0.1, unit="images").found[0].units == 12


def test_single_images_of_few_groups_come_with_a_caution(trained, tmp_path):
    result = run(trained, grouped(tmp_path / "two", 2), classes=("disc",), risk=0.2, unit="images")
    assert (result.unit, result.groups) == ("images", 2)
    assert any(line.startswith("caution: the images come from 2 groups") for line in result.lines())


def test_images_that_were_trained_on_are_refused(trained, data):
    samples = [
        {"id": s.id, "split": "train", "bytes": s.image.stat().st_size + s.mask.stat().st_size}
        for s in open_index([data]).samples
    ]
    (trained / "data.json").write_text(json.dumps({"samples": samples}))
    with pytest.raises(DataError, match="expected images that the run was not trained on, got 12 of them"):
        run(trained, data, split="all")


def test_a_class_the_model_does_not_know(trained, data):
    with pytest.raises(UsageError, match="unknown class 'disk': did you mean disc"):
        run(trained, data, classes=("disk",))


def test_no_data_is_wrong_usage(trained):
    with pytest.raises(UsageError, match="got no data"):
        command.run(ReviewConfig(run=trained))


def test_a_dry_run_computes_and_writes_nothing(trained, data):
    assert "dry run" in run(trained, data, dry_run=True).lines()[0]
    assert not (trained / "model" / "review.json").exists()


def test_json_is_alone_on_standard_output(trained, data, capsys):
    words = ["review", str(trained), str(data), "--classes", "disc", "--risk", "0.2", "--device", "cpu", "--json"]
    assert main(words) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["classes"][0]["name"] == "disc"
    assert shown["out"] == str(trained / "model" / "review.json")
