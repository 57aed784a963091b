"""`segue forecast`: what it trains, what it keeps, what it says."""

import json
import shutil
from pathlib import Path

import pytest

import segue
from fakes import write_folders
from segue.cli import main
from segue.commands import fit
from segue.commands.forecast import ForecastResult, subset
from segue.configs import DataConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig
from segue.data.prepare import load_data
from segue.errors import DataError, RunError
from segue.trust.forecast import Forecast, geometric, power_law
from tiny_model import write_run

TINY = {
    "data": DataConfig(size=(32, 32), workers=0),
    "model": ModelConfig(encoder="test_resnet", decoder="fcn"),
    "transfer": TransferConfig(mode="scratch"),
    "optim": OptimConfig(batch=2),
    "train": TrainConfig(threads=1, precision="fp32", validations=1),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    data = write_folders(folder / "data", 14)
    return segue.fit(data, out=folder / "run", steps=2, **TINY).run


def test_smaller_trainings_are_nested_have_the_same_validation_images_and_are_kept(run, tmp_path, capsys, monkeypatch):
    command = ["forecast", str(run), "--out", str(tmp_path), "--target", "0.999", "--json"]
    assert main([*command, "--dry-run"]) == 0
    assert [job["images"] for job in json.loads(capsys.readouterr().out)["to_train"]] == [2, 5]
    assert list(tmp_path.iterdir()) == []
    assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "forecast.json").read_text()) == said
    assert [point["images"] for point in said["curve"]] == [2, 5, 10]
    assert said["curve"][-1]["miou"] == pytest.approx(json.loads((run / "evaluation.json").read_text())["miou"])
    low, high = said["interval"]
    assert said["images"] == 20
    assert low <= said["miou"] <= high
    assert said["needed"]["forecast"] is None
    records = [
        load_data(folder / "data.json") for folder in (tmp_path / "2-images-seed-0", tmp_path / "5-images-seed-0", run)
    ]
    trained = [{sample.id for sample in record.of("train")} for record in records]
    assert [len(ids) for ids in trained] == [2, 5, 10]
    assert trained[0] < trained[1] < trained[2]
    assert len({record.of("val") for record in records}) == 1
    monkeypatch.setattr(fit, "train_on", None)  # nothing is trained twice
    assert main(command) == 0
    again = json.loads(capsys.readouterr().out)
    assert {key: said[key] for key in said if key != "seconds"} == {
        key: again[key] for key in again if key != "seconds"
    }


@pytest.mark.slow
def test_an_interrupted_training_goes_on_and_a_half_made_folder_is_made_anew(run, tmp_path, monkeypatch):
    half = tmp_path / "2-images-seed-0"
    half.mkdir()
    (half / "data.json").write_text("{")
    with monkeypatch.context() as patched:
        patched.setattr("segue.commands.conclude.write_evaluation", interrupted)
        with pytest.raises(KeyboardInterrupt):
            segue.forecast(run, out=tmp_path)
    assert (half / "checkpoints" / "manifest.json").is_file()
    with monkeypatch.context() as patched:
        patched.setattr("segue.commands.forecast.subset", only_of_5_images)
        result = segue.forecast(run, out=tmp_path)
    assert [job.finished for job in result.jobs] == [True] * 3


def interrupted(*_):
    raise KeyboardInterrupt


def only_of_5_images(data, images, seed):
    assert images == 5, "the other one goes on"
    return subset(data, images, seed)


@pytest.mark.slow
def test_more_seeds_train_every_size_again(run, tmp_path):
    result = segue.forecast(run, out=tmp_path, seeds=2)
    assert [(job.images, job.seed) for job in result.jobs] == [(2, 0), (2, 1), (5, 0), (5, 1), (10, 0), (10, 1)]
    assert result.jobs[4].folder == run
    assert (tmp_path / "10-images-seed-1" / "report.html").is_file()


def result(mious, target=None, images=800):
    sizes = (100, 200, 400)[-len(mious) :]
    curve = geometric(sizes, mious)
    power = power_law(sizes, mious) if len(mious) > 2 else None
    said = Forecast(sizes, tuple(mious), curve, power, (curve,))
    return ForecastResult(said, said.at(images), (), target, "", 1.0, Path("out"))


@pytest.mark.parametrize(
    ("mious", "target", "sentence"),
    [
        ([0.5, 0.6, 0.65], 0.6, "mIoU 0.6: reached with the images there are"),
        ([0.5, 0.6, 0.65], 0.9, "mIoU 0.9: unreachable with more images of this kind and this recipe"),
        ([0.5, 0.6, 0.65], 0.68, "mIoU 0.68: about 680 labelled images (at best 429, at worst 3091)"),
    ],
)
def test_a_target_in_words(mious, target, sentence):
    assert result(mious, target).lines()[1].startswith(sentence)


def test_the_forecast_in_words():
    lines = result([0.5, 0.6, 0.65]).lines()
    assert lines[0] == ("with 800 labelled images: mIoU 0.687 (95 % interval 0.662 to 0.712); a power law says 0.675")
    assert lines[1] == "however many: at most about 0.737"
    assert not any("caution" in line for line in lines)
    assert any("up to four times" in line for line in result([0.5, 0.6, 0.65], images=1700).lines())


def test_trainings_of_another_run_are_not_taken_for_those_of_this_one(run, tmp_path):
    other = shutil.copytree(run, tmp_path / "2-images-seed-0")
    config = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(config.replace("clip_norm: 1.0", "clip_norm: 2.0"))
    with pytest.raises(RunError, match="expected a training with the run's own configuration, got another run's"):
        segue.forecast(run, out=tmp_path)


def test_a_run_without_end_or_with_too_few_images_is_refused(run, tmp_path):
    with pytest.raises(RunError, match=r"no config\.yaml"):
        segue.forecast(write_run(tmp_path / "bare"))
    small = shutil.copytree(run, tmp_path / "small")
    record = json.loads((small / "data.json").read_text())
    trained = [one for one in record["samples"] if one["split"] == "train"]
    record["samples"] = [one for one in record["samples"] if one not in trained[4:]]
    (small / "data.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="expected 8 or more training images to forecast from, got 4"):
        segue.forecast(small)
    shutil.rmtree(small / "model")
    (small / "report.html").unlink()
    with pytest.raises(RunError, match="expected a finished run"):
        segue.forecast(small)
