import csv
import html
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import segue.commands.evaluate as command
from fakes import save_image, write_camvid, write_folders, write_split
from segue.commands.evaluate import choose, recorded_split
from segue.configs import EvaluateConfig
from segue.data.encoding import encode
from segue.data.formats import open_index
from segue.data.image import read_mask
from segue.errors import DataError, RunError, RunTakenError, UsageError
from segue.infer.evaluate import evaluate
from segue.infer.segmenter import Segmenter
from segue.models.artifact import save_temperature
from segue.trust.calibration import expected_error, reliability
from tiny_model import write_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("data") / "d", 4)


def run(trained, data, **options):
    return command.run(EvaluateConfig(run=trained, paths=(data,), device="cpu", resamples=100, **options))


def test_the_result_is_that_of_the_python_function(trained, data):
    expected = evaluate(Segmenter.load(trained, "cpu"), open_index([data]).samples).summary(resamples=100)
    content = run(trained, data).to_json()
    assert {key: content[key] for key in expected if key != "seconds"} == {
        key: value for key, value in expected.items() if key != "seconds"
    }
    assert content["n_images"] == 4
    json.dumps(content, allow_nan=False)


def test_people_get_a_line_for_each_class_and_the_interval(trained, data):
    lines = run(trained, data).lines()
    assert lines[0] == "IoU on 4 images (all):"
    assert [line.split()[0] for line in lines[1:5]] == ["ground", "disc", "box", "stripe"]
    assert "95 % interval" in lines[5]


def test_files_are_written_where_asked(trained, data, tmp_path):
    result = run(trained, data, out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "evaluation.json", "per_image.csv", "report.html", "confusion.npz", "confusion.png", "reliability.png",
        "suspects.json", "val_pred.jpg", "worst",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == result.to_json()
    with (tmp_path / "out" / "per_image.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4
    assert f"{result.summary['miou']:.3f}" in (tmp_path / "out" / "report.html").read_text()


def test_further_metrics_are_printed_and_written_with_their_intervals(trained, data, tmp_path):
    options = {"metrics": ("hd95", "nsd", "kappa"), "spacing": (0.5, 0.5), "tolerance": 1.0}
    result = run(trained, data, out=tmp_path / "out", **options)
    lines = result.lines()
    start = lines.index("hd95 in units of the spacing:")
    assert [line.split()[0] for line in lines[start + 1 : start + 6]] == ["ground", "disc", "box", "stripe", "all"]
    assert "nsd up to 1 units of the spacing:" in lines
    assert "95 % interval" in lines[lines.index("kappa:") + 5]
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert set(written["metrics"]) == {"hd95", "nsd", "kappa"}
    assert written["metrics"]["kappa"]["value"] == pytest.approx(result.summary["metrics"]["kappa"]["value"])
    with (tmp_path / "out" / "per_image.csv").open() as file:
        assert {"hd95", "nsd disc", "kappa box"} <= set(csv.DictReader(file).fieldnames)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "--metrics hd95,nsd,kappa --missed exclude --spacing 0.5x0.5 --tolerance 1" in page
    assert "Further metrics" in page
    together = written["metrics"]["hd95"]
    assert f"{together['value']:.3f} <small>{together['interval'][0]:.3f} – {together['interval'][1]:.3f}" in page


def test_a_metric_that_is_unknown_or_lacks_its_tolerance_is_refused_before_anything_is_computed(trained, data):
    with pytest.raises(UsageError, match="did you mean hd95"):
        run(trained, data, metrics=("hd9",), dry_run=True)
    with pytest.raises(UsageError, match="--tolerance 2"):
        run(trained, data, metrics=("nsd",), dry_run=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spacing": (0.5, 0.5)}, r"spacing: expected a metric that reads it \(hd, .*trimap_iou\), got no --metrics"),
        (
            {"tolerance": 2.0, "metrics": ("hd95",)},
            r"tolerance: .*\(nsd, trimap_iou\), got hd95: leave --tolerance",
        ),
        ({"missed": "diagonal", "metrics": ("kappa", "f1")}, r"missed: .*\(hd, hd95, assd\), got kappa, f1"),
    ],
)
def test_a_length_that_no_metric_reads_is_refused(trained, data, options, message):
    with pytest.raises(UsageError, match=message):
        run(trained, data, dry_run=True, **options)


def with_temperature(tmp_path, temperature, split=None, data=None):
    copy = record(None, data, tmp_path, split) if split else write_run(tmp_path / "cooled")
    save_temperature(copy, temperature)
    return copy


def test_a_run_without_a_temperature_is_only_measured(trained, data):
    calibration = run(trained, data).summary["calibration"]
    assert (calibration["temperature"], calibration["measured"], calibration["after"]) == (1.0, "not at all", None)
    assert 0 < calibration["before"]["ece"] < 1


def test_calibration_is_that_of_the_probabilities_of_all_pixels(data, tmp_path):
    cooled = with_temperature(tmp_path, 3.0)
    result = run(cooled, data)
    calibration, found = result.summary["calibration"], {}
    assert calibration["measured"] == "held out"
    for name, temperature in (("before", None), ("after", 3.0)):
        segmenter = Segmenter.load(cooled, "cpu")
        segmenter.info = replace(segmenter.info, temperature=temperature)
        counts = 0
        for sample in open_index([data]).samples:
            shares = segmenter.predict(sample.image, probabilities=True).probabilities
            truth = encode(read_mask(sample.mask), segmenter.classes)
            counts = counts + reliability(shares.reshape(4, -1).T, truth.ravel())
        found[name] = float(expected_error(counts))
        assert calibration[name]["ece"] == pytest.approx(found[name], abs=1e-6)
    assert (
        f"calibration error (ECE) {found['before']:.3f}, with temperature 3.00: {found['after']:.3f}" in result.lines()
    )


def test_where_the_temperature_was_fitted_it_is_cross_fitted(data, tmp_path):
    noted = with_temperature(tmp_path, 3.0, ["train", "val", "train", "val"], data)
    calibration = run(noted, data).summary["calibration"]
    assert (calibration["measured"], calibration["units"], calibration["temperature"]) == ("cross-fitted", 2, 3.0)


def test_the_report_says_it_in_a_sentence_that_links_to_its_meaning(data, tmp_path):
    run(with_temperature(tmp_path, 3.0), data, out=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "corrected with a temperature of 3.00" in page
    assert 'href="#meaning-calibration"' in page
    assert 'id="meaning-calibration"' in page
    assert "docs/explanation/trust.md#calibration" in page


def test_nothing_is_written_otherwise(trained, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(trained, data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("split", "count", "name"), [("auto", 2, "val"), ("all", 10, "all"), ("train", 6, "train")])
def test_the_part_of_the_data_is_a_choice(trained, tmp_path, split, count, name):
    result = run(trained, write_split(tmp_path / "d"), split=split, dry_run=True)
    assert (result.summary["n_images"], result.split) == (count, name)


def test_a_part_that_is_not_there(trained, data):
    with pytest.raises(DataError, match="in the split test, got none"):
        run(trained, data, split="test")


def record(trained, data, tmp_path, splits):
    """The run, with a note that it was trained on `data`."""
    copy = write_run(tmp_path / "noted")
    samples = [
        {"id": s.id, "image": str(s.image), "split": split, "bytes": s.image.stat().st_size + s.mask.stat().st_size}
        for s, split in zip(open_index([data]).samples, splits, strict=True)
    ]
    (copy / "data.json").write_text(json.dumps({"samples": samples}))
    return copy


def test_a_run_is_not_flattered_by_the_images_it_was_trained_on(trained, data, tmp_path):
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    result = run(noted, data)
    assert (result.split, result.summary["n_images"], result.trained_on) == ("val", 2, 0)
    everything = run(noted, data, split="all")
    assert (everything.summary["n_images"], everything.trained_on) == (4, 2)
    assert any(line.startswith("caution: the run was trained on 2 of these images") for line in everything.lines())


def test_the_model_folder_of_a_run_is_known_by_the_record_beside_it(trained, data, tmp_path):
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    assert run(noted / "model", data, dry_run=True).split == "val"
    copied = shutil.copytree(noted / "model", tmp_path / "model")
    assert run(copied, data, dry_run=True).split == "all"


def test_other_data_with_the_same_names_is_other_data(trained, data, tmp_path):
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    other = write_folders(tmp_path / "other", 4, size=(56, 72))
    result = run(noted, other, dry_run=True)
    assert (result.split, result.summary["n_images"], result.trained_on) == ("all", 4, 0)


def test_after_masks_were_corrected_the_images_that_were_held_out_are_scored(trained, data, tmp_path, caplog):
    """Correcting what the report suspects must not turn an evaluation into one of the images trained on."""
    data = shutil.copytree(data, tmp_path / "own")
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    for mask in (data / "masks").iterdir():
        mask.write_bytes(mask.read_bytes() + b"corrected")
    result = run(noted, data, dry_run=True)
    assert (result.split, result.summary["n_images"], result.trained_on) == ("val", 2, 0)
    assert run(noted, data, split="all", dry_run=True).trained_on == 2
    assert not caplog.text


def test_images_that_moved_and_changed_are_left_out(trained, data, tmp_path, caplog):
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    moved = shutil.copytree(data, tmp_path / "moved")
    masks = sorted((moved / "masks").iterdir())
    masks[0].write_bytes(masks[0].read_bytes() + b"corrected")
    result = run(noted, moved, dry_run=True)
    assert (result.split, result.summary["n_images"], result.trained_on) == ("val", 2, 0)
    assert "1 of 4 images are new, or their files changed since the run: left out" in caplog.text
    masks[1].write_bytes(masks[1].read_bytes() + b"corrected")
    assert run(noted, moved, dry_run=True).split == "all", "half of all are others: this is other data"


def test_the_report_says_that_images_were_trained_on(trained, data, tmp_path):
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    run(noted, data, split="all", out=tmp_path / "scores")
    page = (tmp_path / "scores" / "report.html").read_text()
    assert "Caution: the run was trained on 2 of these images, which flatters the score." in page


def test_the_report_does_not_speak_for_a_doctor_who_was_not_asked(trained, data, tmp_path):
    run(trained, data, out=tmp_path / "scores")
    page = (tmp_path / "scores" / "report.html").read_text()
    assert "The files were not examined" in page
    assert "The doctor found nothing wrong" not in page


def test_the_command_in_the_report_reads_the_data_alike(trained, data, tmp_path):
    run(trained, data, out=tmp_path / "scores", format="folders", mask_name="{stem}")
    page = html.unescape((tmp_path / "scores" / "report.html").read_text())
    assert "--format folders --mask-name '{stem}' --device cpu --resamples 100" in page


def test_a_damaged_record_is_named(trained, data, tmp_path):
    noted = record(trained, data, tmp_path, ["val"] * 4)
    (noted / "data.json").write_text("{")
    with pytest.raises(RunError, match=r"data\.json"):
        run(noted, data)


def test_a_layout_with_a_validation_part_keeps_it(tmp_path):
    index = open_index([write_camvid(tmp_path / "d")])
    everything_trained = {sample.id: "train" for sample in index.samples}
    assert choose(index, "auto", everything_trained)[0] == "val"


def test_masks_of_other_classes_are_refused_before_anything_is_computed(trained, tmp_path):
    root = write_folders(tmp_path / "d", 3)
    save_image(root / "masks" / "001.png", np.full((48, 64), 7, np.uint8))
    with pytest.raises(DataError, match=r"001\.png.*7.*the model knows ground = 0"):
        run(trained, root, dry_run=True)


def test_a_dry_run_computes_nothing(trained, data):
    result = run(trained, data, dry_run=True)
    assert "miou" not in result.to_json()
    assert "dry run" in result.lines()[0]


def test_no_data_is_wrong_usage(trained):
    with pytest.raises(UsageError, match="got no data"):
        command.run(EvaluateConfig(run=trained))


@pytest.mark.parametrize("name", ["config.yaml", "data.json"])
def test_a_run_folder_is_refused_as_output_and_stays_as_it_was(trained, data, tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(RunTakenError, match="it holds a run"):
        run(trained, data, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_images_that_are_left_out_are_counted_in_one_line_a_kind(trained, tmp_path, caplog):
    root = write_folders(tmp_path / "d", 5)
    for number in (1, 3):
        (root / "masks" / f"{number:03d}.png").unlink()
    (root / "images" / "002.jpg").unlink()
    assert run(trained, root, dry_run=True).summary["n_images"] == 2
    assert [message.split(":")[0] for message in caplog.messages] == [
        f"MASK_MISSING (2), such as {root / 'images' / '001.jpg'}",
        f"MASK_ORPHAN (1), such as {root / 'masks' / '002.png'}",
    ]


@pytest.mark.parametrize("paths", [("photos", "masks"), ("",)])
def test_images_trained_on_are_known_when_their_folders_are_renamed(trained, data, tmp_path, paths):
    noted = record(trained, data, tmp_path, ["train", "val", "train", "val"])
    moved = tmp_path / "moved"
    shutil.copytree(data, moved)
    (moved / "images").rename(moved / "photos")
    config = EvaluateConfig(run=noted, paths=tuple(moved / path for path in paths), split="all", dry_run=True)
    assert command.run(config).trained_on == 2


def test_images_of_one_name_and_size_in_two_folders_are_not_taken_for_each_other(trained, tmp_path):
    root = tmp_path / "d"
    for tile in ("one", "two"):
        write_folders(root / tile, 1)
    noted = record(trained, root, tmp_path, ["train", "val"])
    assert recorded_split(noted, open_index([root])) == {"one/images/000": "train", "two/images/000": "val"}
    (root / "one").rename(root / "three")
    assert recorded_split(noted, open_index([root])) == {"two/images/000": "val"}
