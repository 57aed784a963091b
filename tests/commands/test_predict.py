import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segue.commands.predict as command
from fakes import save_image, scene
from segue.configs import PredictConfig
from segue.errors import RunError, UsageError
from segue.infer.familiar_file import Seen, save_seen
from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import save_temperature
from segue.trust.novelty import familiar
from tiny_model import write_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(("a/x.png", "b/x.png", "b/y.jpg")):
        save_image(tmp_path / "photos" / name, scene(number)[0])
    return tmp_path / "photos"


def run(trained, photos, tmp_path, **options):
    return command.run(PredictConfig(run=trained, paths=(photos,), out=tmp_path / "out", device="cpu", **options))


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_image_gets_a_mask_and_an_overlay(trained, photos, tmp_path):
    result = run(trained, photos, tmp_path)
    assert result.exit_code == 0
    assert files(tmp_path / "out") == [
        "a/x.png", "a/x_overlay.jpg", "b/x.png", "b/x_overlay.jpg", "b/y.png", "b/y_overlay.jpg",
    ]  # fmt: skip
    for name in ("a/x.png", "b/x.png", "b/y.jpg"):
        with Image.open((tmp_path / "out" / name).with_suffix(".png")) as mask:
            assert mask.mode == "P"
            np.testing.assert_array_equal(np.asarray(mask), Segmenter.load(trained, "cpu").predict(photos / name).mask)


def test_the_record_is_json_and_its_shares_sum_to_one(trained, photos, tmp_path):
    content = json.loads(json.dumps(run(trained, photos, tmp_path).to_json()))
    assert len(content["images"]) == 3
    assert sum(content["images"][0]["shares"].values()) == pytest.approx(1, abs=1e-4)
    assert (content["images"][0]["height"], content["images"][0]["width"]) == (48, 64)
    assert content["failed"] == []


def test_probabilities_and_overlays_are_a_choice(trained, photos, tmp_path):
    run(trained, photos, tmp_path, overlay=False, probabilities=True)
    assert files(tmp_path / "out") == ["a/x.npz", "a/x.png", "b/x.npz", "b/x.png", "b/y.npz", "b/y.png"]


def test_what_cannot_be_read_is_one_line_each_and_the_others_are_done(trained, photos, tmp_path):
    (photos / "a" / "empty.png").write_bytes(b"")
    (photos / "b" / "cut.png").write_bytes((photos / "b" / "x.png").read_bytes()[:500])
    np.save(photos / "seven.npy", np.zeros((4, 4, 7), np.uint8))
    result = run(trained, photos, tmp_path)
    assert result.exit_code == 1
    assert len(result.images) == 3
    assert len(result.failed) == 3
    for name, line in zip(("seven.npy", "empty.png", "cut.png"), result.failed, strict=True):
        assert name in line.split(":")[0]
        assert "\n" not in line
    assert not [name for name in files(tmp_path / "out") if "empty" in name or "cut" in name or "seven" in name]
    assert result.lines()[-1].startswith("3 images done")


def test_a_path_that_is_not_there_is_reported_and_the_others_are_done(trained, photos, tmp_path):
    paths = (photos / "gone.png", photos / "a")
    result = command.run(PredictConfig(run=trained, paths=paths, out=tmp_path / "out", device="cpu"))
    assert (result.exit_code, len(result.images), len(result.failed)) == (1, 1, 1)


@pytest.mark.parametrize("out", ["photos", "photos/../photos"])
def test_writing_into_the_input_folder_is_refused(trained, photos, tmp_path, out):
    before = files(photos)
    with pytest.raises(UsageError, match="folder of its own"):
        command.run(PredictConfig(run=trained, paths=(photos,), out=tmp_path / out, device="cpu"))
    assert files(photos) == before


def test_an_input_is_never_replaced(trained, tmp_path):
    inner, outer = tmp_path / "in" / "in" / "x.png", tmp_path / "in" / "x.png"
    for number, path in enumerate((inner, outer)):
        save_image(path, scene(number)[0])
    content = outer.read_bytes()
    with pytest.raises(UsageError, match="itself an input"):  # in/in/x.png would become in/x.png
        command.run(PredictConfig(run=trained, paths=(inner, outer), out=tmp_path, device="cpu"))
    assert outer.read_bytes() == content


def test_a_second_run_gives_the_same_bytes(trained, photos, tmp_path):
    run(trained, photos, tmp_path, probabilities=True)
    first = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out") if ".npz" not in name}
    run(trained, photos, tmp_path, probabilities=True, batch=4)
    assert first == {name: (tmp_path / "out" / name).read_bytes() for name in first}


def test_tiles_are_used_when_asked_for(trained, photos, tmp_path):
    whole = run(trained, photos, tmp_path).to_json()
    tiled = run(trained, photos, tmp_path, tile=64, overlap=0.5).to_json()
    assert [i["height"] for i in whole["images"]] == [i["height"] for i in tiled["images"]]


def test_a_dry_run_lists_and_writes_nothing(trained, photos, tmp_path):
    result = run(trained, photos, tmp_path, dry_run=True)
    assert not (tmp_path / "out").exists()
    assert str(tmp_path / "out" / "a" / "x.png") in result.lines()
    with pytest.raises(RunError):
        run(photos, photos, tmp_path, dry_run=True)


def test_no_path_is_wrong_usage(trained, tmp_path):
    with pytest.raises(UsageError, match="got none"):
        command.run(PredictConfig(run=trained, out=tmp_path / "out"))


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_an_output_folder_that_cannot_be_made_is_one_line(trained, photos, tmp_path, out):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(RunError, match=r"expected a folder that can be written, got .*: use another --out"):
        command.run(PredictConfig(run=trained, paths=(photos,), out=tmp_path / out, device="cpu"))


def test_what_cannot_be_written_is_one_line_each_and_the_others_are_done(trained, photos, tmp_path):
    save_image(photos / f"{'long' * 62}.png", scene(3)[0])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"")
    (tmp_path / "out" / "b" / "y.png").mkdir(parents=True)
    result = run(trained, photos, tmp_path)
    assert (result.exit_code, len(result.images)) == (1, 1)
    assert [Path(line.split(":")[0]).name for line in result.failed] == [f"{'long' * 62}.png", "x.png", "y.jpg"]
    assert (tmp_path / "out" / "b" / "x_overlay.jpg").is_file()
    assert not [name for name in files(tmp_path / "out") if name.endswith(".tmp")]


# --- trust -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def calibrated(tmp_path):
    save_temperature(write_run(tmp_path / "calibrated"), 2.5)
    return tmp_path / "calibrated"


def test_the_temperature_changes_probabilities_and_no_pixel_of_the_mask(trained, calibrated, photos, tmp_path):
    for folder, model in (("plain", trained), ("cool", calibrated)):
        run(model, photos, tmp_path / folder, probabilities=True)
    for name in ("a/x", "b/x", "b/y"):
        plain, cool = (tmp_path / folder / "out" / name for folder in ("plain", "cool"))
        assert plain.with_suffix(".png").read_bytes() == cool.with_suffix(".png").read_bytes()
        with np.load(plain.with_suffix(".npz")) as one, np.load(cool.with_suffix(".npz")) as other:
            sharp, soft = one["probabilities"].astype(float), other["probabilities"].astype(float)
        powered = sharp ** (1 / 2.5)
        np.testing.assert_allclose(soft, powered / powered.sum(axis=0), atol=2e-2)
        assert soft.max(axis=0).mean() < sharp.max(axis=0).mean()


def test_uncertainty_is_the_entropy_of_the_calibrated_probabilities(calibrated, photos, tmp_path):
    result = run(calibrated, photos, tmp_path, uncertainty=True, overlay=False, tile=64)
    assert files(tmp_path / "out") == [
        "a/x.png", "a/x_uncertainty.png", "b/x.png", "b/x_uncertainty.png", "b/y.png", "b/y_uncertainty.png",
        "predictions.csv",
    ]  # fmt: skip
    segmenter = Segmenter.load(calibrated, "cpu", Tiling(64, 0.25))
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").read_text().splitlines()))
    for record, row, name in zip(result.images, rows, ("a/x.png", "b/x.png", "b/y.jpg"), strict=True):
        shares = segmenter.predict(photos / name, probabilities=True).probabilities.astype(float)
        expected = -(shares * np.log(shares)).sum(axis=0) / np.log(4)
        with Image.open(record["files"]["uncertainty"]) as picture:
            assert picture.mode == "I;16"
            values = np.asarray(picture) / 65534
        np.testing.assert_allclose(values, expected, atol=1e-4)
        top = np.sort(expected.ravel())[-int(np.ceil(0.05 * expected.size)) :].mean()
        assert record["uncertainty"] == pytest.approx(top, abs=1e-4)
        assert float(row["uncertainty"]) == record["uncertainty"]
        assert row["image"] == record["image"]


def review_of(run_folder, name="disc", threshold=0.25, temperature=None):
    rows = [{"name": name, "threshold": threshold}]
    content = {"format": 1, "temperature": temperature, "classes": rows}
    (run_folder / "model" / "review.json").write_text(json.dumps(content))


def test_review_marks_the_pixels_at_or_above_the_threshold(calibrated, photos, tmp_path):
    review_of(calibrated, temperature=2.5)
    result = run(calibrated, photos, tmp_path, review="disc", overlay=False)
    for record in result.images:
        shares = Segmenter.load(calibrated, "cpu").predict(record["image"], probabilities=True).probabilities
        with Image.open(record["files"]["review"]) as picture:
            marks = np.asarray(picture)
        np.testing.assert_array_equal(marks, shares[1] >= np.float32(0.25))
        assert record["marked"] == pytest.approx(marks.mean(), abs=1e-6)
        assert 0 < record["marked"] < 1
    assert "marked" in (tmp_path / "out" / "predictions.csv").read_text().splitlines()[0].split(",")


def test_a_review_without_a_threshold_says_how_to_get_one(trained, calibrated, photos, tmp_path):
    with pytest.raises(RunError, match=r"segue review .* DATA --classes disc"):
        run(trained, photos, tmp_path, review="disc", dry_run=True)
    with pytest.raises(UsageError, match="unknown class 'disk': did you mean disc"):
        run(trained, photos, tmp_path, review="disk", dry_run=True)
    review_of(calibrated, temperature=1.0)
    with pytest.raises(RunError, match="the model was calibrated since"):
        run(calibrated, photos, tmp_path, review="disc", dry_run=True)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2, "temperature": null, "classes": []}',
    '{"format": 1, "temperature": null, "classes": [{"name": "disc"}]}',
    '{"format": 1, "temperature": null, "classes": [{"name": "disc", "threshold": NaN}]}'])  # fmt: skip
def test_a_damaged_file_of_thresholds_is_one_line(tmp_path, photos, content):
    model = write_run(tmp_path / "run")
    (model / "model" / "review.json").write_text(content)
    with pytest.raises(RunError, match=r"review\.json: expected"):
        run(model, photos, tmp_path, review="disc", dry_run=True)


# --- images of another kind ------------------------------------------------------------------------------------------


@pytest.fixture
def knowing(tmp_path):
    """A model that knows 40 scenes, and a folder with two more scenes and one picture of noise."""
    run = write_run(tmp_path / "knowing")
    segmenter = Segmenter.load(run, "cpu")
    looks = [segmenter.predict(scene(100 + number)[0]).look for number in range(40)]
    known = familiar(np.concatenate([look.features for look in looks[:20]]), [look.features for look in looks[20:]])
    save_seen(run, Seen(known, np.stack([look.colours for look in looks])))
    for number, name in enumerate(("a", "b")):
        save_image(tmp_path / "mixed" / f"{name}.png", scene(100 + number)[0])
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    save_image(tmp_path / "mixed" / "noise.png", noise)
    return run


def test_images_unlike_the_training_images_are_named(knowing, tmp_path):
    result = run(knowing, tmp_path / "mixed", tmp_path, overlay=False)
    assert [record["unlike_training"] for record in result.images] == [False, False, True]
    distances = [record["distance"] for record in result.images]
    assert max(distances[:2]) < 1e-3 < distances[2]
    assert files(tmp_path / "out") == ["a.png", "b.png", "noise.png", "predictions.csv"]
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").read_text().splitlines()))
    assert [row["unlike_training"] for row in rows] == ["no", "no", "yes"]
    assert [float(row["distance"]) for row in rows] == distances
    assert any(line.startswith("1 of 3 images is unlike the training images: noise.png (") for line in result.lines())
    assert result.exit_code == 0
    json.dumps(result.to_json(), allow_nan=False)


def test_abstaining_writes_nothing_for_them_and_removes_what_an_earlier_prediction_wrote(knowing, tmp_path):
    run(knowing, tmp_path / "mixed", tmp_path, probabilities=True)
    assert (tmp_path / "out" / "noise.npz").is_file()
    result = run(knowing, tmp_path / "mixed", tmp_path, probabilities=True, uncertainty=True, abstain=True)
    assert not [name for name in files(tmp_path / "out") if "noise" in name]
    assert (tmp_path / "out" / "a.npz").is_file()
    assert result.exit_code == 0
    assert [record.get("left_out", False) for record in result.images] == [False, False, True]
    assert (result.images[2]["files"], result.images[2]["shares"]) == ({}, {})
    assert result.lines()[0].startswith("2 images done")
    assert "1 left out as unlike the training images" in result.lines()[0]
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").read_text().splitlines()))
    assert (rows[2]["unlike_training"], rows[2]["uncertainty"], rows[2]["share disc"]) == ("yes", "", "")


def test_to_abstain_without_a_limit_is_refused_before_anything_is_written(trained, photos, tmp_path):
    with pytest.raises(RunError, match="got one of before this was kept"):
        run(trained, photos, tmp_path, abstain=True, dry_run=True)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_darker_images_is_told_apart_and_one_like_the_training_images_is_not(knowing, tmp_path):
    for number in range(200, 210):
        save_image(tmp_path / "same" / f"{number}.png", scene(number)[0])
        save_image(tmp_path / "dark" / f"{number}.png", scene(number)[0] // 3)
    assert run(knowing, tmp_path / "same", tmp_path).domain_gap["differences"] == []
    result = run(knowing, tmp_path / "dark", tmp_path)
    assert "brightness" in [one["name"] for one in result.domain_gap["differences"]]
    line = result.lines()[-1]
    assert line.startswith("these 10 images differ from the training images: ")
    assert "darker (brightness" in line
    assert f"segue fit DATA --model.weights {knowing}" in line
