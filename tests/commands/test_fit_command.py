"""`segue fit` from the command line to the files it leaves."""

import csv
import dataclasses
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import write_folders
from segue.cli import main, parse
from segue.commands.conclude import reproducing_command
from segue.configs import FitConfig
from segue.data.image import image_size
from segue.errors import InterruptedRunError
from segue.train.step import NonFiniteError

TINY = [
    "--model.encoder", "test_resnet", "--transfer.mode", "scratch", "--data.size", "32x32", "--optim.batch", "4",
    "--train.validations", "2", "--train.threads", "1",
]  # fmt: skip
CONTRACT = [
    "config.yaml", "data.json", "environment.json", "metrics.csv", "metrics.jsonl", "evaluation.json", "per_image.csv",
    "confusion.npz", "confusion.png", "progress.png", "train_batch.jpg", "val_pred.jpg", "report.html", "split.json",
    "weights.json", "model/model.safetensors", "model/model.json",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    write_folders(root)
    return root


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert main(["fit", str(data), "--out", str(folder), "--steps", "6", *TINY]) == 0
    return folder


def test_the_run_folder_holds_what_it_promises(run):
    assert [name for name in CONTRACT if not (run / name).is_file()] == []
    assert not list(run.rglob("*.tmp"))
    assert not (run / "checkpoints").exists()


def test_the_metrics_have_a_row_for_every_validation(run):
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["3", "6"]
    assert all(0 <= float(row["val_miou"]) <= 1 for row in rows)


def test_the_evaluation_has_its_stable_keys_and_evaluate_gives_the_same(run, data, capsys):
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert {"miou", "classes", "n_images", "interval"} <= set(evaluation)
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["miou"] == evaluation["miou"]
    assert again["interval"] == evaluation["interval"]
    assert again["n_images"] == evaluation["n_images"]


def test_the_temperature_is_kept_and_evaluate_says_what_fit_said(run, data, capsys):
    calibration = json.loads((run / "evaluation.json").read_text())["calibration"]
    kept = json.loads((run / "model" / "model.json").read_text())["calibration"]["temperature"]
    assert calibration["temperature"] == pytest.approx(kept, abs=1e-6)
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["calibration"]
    assert again["temperature"] == calibration["temperature"]
    assert again == calibration
    assert (run / "reliability.png").is_file()
    assert (run / "suspects.json").is_file()


def test_the_run_knows_its_training_images_and_says_what_it_cannot_tell(run, data, tmp_path, capsys):
    domain = json.loads((run / "evaluation.json").read_text())["domain"]
    parts = [sample["split"] for sample in json.loads((run / "data.json").read_text())["samples"]]
    count = {part: parts.count(part) for part in ("train", "val")}
    assert domain["familiar"] == {"images": count["train"], "held_out": count["val"], "threshold": None}
    assert domain["source"] is None, "from scratch there are no images that the weights come from"
    assert domain["parts"]["val"]["enough"] is False
    assert "Images of another kind" in (run / "report.html").read_text()
    capsys.readouterr()
    predict = ["predict", str(run), str(data / "images"), "--out", str(tmp_path / "out"), "--device", "cpu", "--json"]
    assert main(predict) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert all(0 <= image["distance"] <= 2 and image["unlike_training"] is None for image in images)
    assert min(image["distance"] for image in images) < 1e-3  # it is a training image
    assert main([*predict, "--abstain"]) == 1
    assert "expected 19 held-out images" in capsys.readouterr().err


def test_the_written_configuration_gives_the_same_weights_again(run, tmp_path):
    again = tmp_path / "again"
    assert main(["fit", "--config", str(run / "config.yaml"), "--out", str(again)]) == 0
    assert (again / "model/model.safetensors").read_bytes() == (run / "model/model.safetensors").read_bytes()
    assert (again / "metrics.csv").read_bytes() == (run / "metrics.csv").read_bytes()


def test_json_is_alone_on_standard_output_and_a_dry_run_writes_nothing(data, tmp_path, capsys):
    out = tmp_path / "dry"
    assert main(["fit", str(data), "--out", str(out), "--dry-run", "--json", *TINY]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["run"] is None
    assert shown["config"]["steps"] > 0
    assert shown["config"]["train"]["device"] != "auto"
    assert not out.exists()


def test_a_folder_that_holds_something_is_refused_with_code_3(run, data, capsys):
    assert main(["fit", str(data), "--out", str(run), *TINY]) == 3
    assert "it holds a run" in capsys.readouterr().err


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_resuming_a_complete_run_changes_nothing_and_gives_its_result_again(run, capsys):
    before = contents(run)
    capsys.readouterr()
    assert main(["fit", "--resume", str(run), "--json"]) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert result["evaluation"] == json.loads((run / "evaluation.json").read_text())
    assert result["seconds"] > 0
    assert f"to train on: segue fit DATA --model.weights {run}" in shown.err
    assert contents(run) == before


def test_a_complete_run_is_never_trained_again(run, tmp_path, monkeypatch):
    from segue.train import loop

    monkeypatch.setattr(loop, "training_step", lambda *_: pytest.fail("trained"))
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "checkpoints").mkdir()  # as a run leaves them that is killed while it removes them
    for name in ("step-00000006.safetensors", "manifest.json"):
        (copy / "checkpoints" / name).write_text("[]")
    (copy / "checkpoints" / "mine.txt").write_text("not Segue's")
    assert main(["fit", "--resume", str(copy)]) == 0
    assert [path.name for path in (copy / "checkpoints").iterdir()] == ["mine.txt"]
    (copy / "report.html").unlink()
    assert main(["fit", "--resume", str(copy)]) == 0
    (copy / "evaluation.json").unlink()
    assert main(["fit", "--resume", str(copy)]) == 1


@pytest.fixture(scope="module")
def unreported(data, tmp_path_factory):
    """A run that was killed after its last step, before it had its model."""
    folder = tmp_path_factory.mktemp("runs") / "unreported"

    def killed(*_):
        raise InterruptedRunError("killed", 9)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segue.commands.conclude.conclude", killed)
        assert main(["fit", str(data), "--out", str(folder), "--steps", "6", *TINY]) == 137
    return folder


def test_a_run_killed_before_its_report_is_completed_and_then_needs_no_resume_points(unreported, run, tmp_path):
    copy = shutil.copytree(unreported, tmp_path / "copy")
    assert (copy / "checkpoints/manifest.json").is_file()
    assert main(["fit", "--resume", str(copy)]) == 0
    assert (copy / "model/model.safetensors").read_bytes() == (run / "model/model.safetensors").read_bytes()
    assert (copy / "report.html").is_file()
    assert not (copy / "checkpoints").exists()


@pytest.mark.parametrize("rate", ["1", "0.002"])
def test_resume_takes_no_other_option_not_even_at_its_default(run, capsys, rate):
    assert main(["fit", "--resume", str(run), "--optim.lr", rate]) == 2
    assert "takes no other option" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_saved_with_the_names_and_goes_on_exactly(
    run, data, tmp_path, monkeypatch, capsys
):
    from segue.train import loop

    original = loop.training_step

    def breaking(engine, batch, state):
        if state.step == 4:
            raise NonFiniteError("the loss is nan")
        return original(engine, batch, state)

    stopped = tmp_path / "stopped"
    monkeypatch.setattr(loop, "training_step", breaking)
    assert main(["fit", str(data), "--out", str(stopped), "--steps", "6", *TINY]) == 4
    message = capsys.readouterr().err.splitlines()[-1]
    assert "the loss is nan at step 4 on the images " in message
    assert message.count("images/") == 4
    monkeypatch.undo()
    assert main(["fit", "--resume", str(stopped)]) == 0
    assert (stopped / "model/model.safetensors").read_bytes() == (run / "model/model.safetensors").read_bytes()


def test_errors_in_the_data_refuse_the_fit_in_one_line(data, tmp_path, capsys):
    copy = shutil.copytree(data, tmp_path / "broken")
    victim = next((copy / "images").iterdir())
    victim.write_bytes(victim.read_bytes()[:60])
    assert main(["fit", str(copy), "--out", str(tmp_path / "run"), *TINY]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert victim.name in message
    assert "segue doctor" in message
    assert not (tmp_path / "run").exists()


def test_grey_images_and_five_channels_train_too(tmp_path):
    generator = np.random.default_rng(0)
    for kind in ("grey", "bands"):
        root = tmp_path / kind
        for part in ("images", "masks"):
            (root / part).mkdir(parents=True)
        for number in range(6):
            mask = np.zeros((32, 32), dtype=np.uint8)
            mask[:, 10 + number :] = 1
            Image.fromarray(mask).save(root / "masks" / f"{number}.png")
            noise = generator.integers(0, 50, (32, 32, 5)) + 100 * mask[..., None]
            if kind == "grey":
                Image.fromarray(noise[..., 0].astype(np.uint8)).save(root / "images" / f"{number}.png")
            else:
                np.save(root / "images" / f"{number}.npy", noise.astype(np.uint8))
        assert main(["fit", str(root), "--out", str(tmp_path / f"run-{kind}"), "--steps", "2", *TINY]) == 0
        info = json.loads((tmp_path / f"run-{kind}" / "model" / "model.json").read_text())
        assert info["spec"]["in_channels"] == {"grey": 1, "bands": 5}[kind]


def test_a_run_is_a_source_of_weights_for_another(run, data, tmp_path):
    arguments = [option if option != "scratch" else "full" for option in TINY]
    second = tmp_path / "second"
    assert main(["fit", str(data), "--out", str(second), "--steps", "2", "--model.weights", str(run), *arguments]) == 0
    loaded = json.loads((second / "weights.json").read_text())
    assert loaded["share"] == 1.0
    assert json.loads((second / "model" / "model.json").read_text())["source"]["licence"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damaged_best_weights_never_become_the_model(unreported, tmp_path, damage, capsys):
    copy = shutil.copytree(unreported, tmp_path / "copy")
    for best in (copy / "checkpoints").glob("best-*"):
        content = best.read_bytes()
        if damage == "remove":
            best.unlink()
        else:
            best.write_bytes(content[:-9] + b"\xff" * 9 if damage == "flip" else content[:100])
    assert main(["fit", "--resume", str(copy)]) == 1
    assert "best-" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "code"),
    [
        (["--model.encoder", "test_resnt"], 2),
        (["--model.decoder", "unett"], 2),
        (["--optim.loss", "dicee"], 2),
        (["--transfer.mode", "full", "--model.weights", "missing.pth"], 1),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else None,
)
def test_a_wrong_name_costs_no_run_folder(data, tmp_path, option, code, capsys):
    out = tmp_path / "run"
    assert main(["fit", str(data), "--out", str(out), "--steps", "2", *TINY, *option]) == code
    assert not out.exists()
    if "missing.pth" not in option:
        assert main(["fit", str(data), "--out", str(out), "--steps", "2", *TINY, *option, "--dry-run"]) == code
    assert capsys.readouterr().err


def test_the_test_part_is_never_looked_at(tmp_path):
    from fakes import write_split

    root = write_split(tmp_path / "data")
    masks = sorted((root / "test").rglob("*.png"))
    assert masks
    for path in masks:
        path.write_bytes(b"broken")
    images = sorted((root / "test").rglob("*.jpg"))
    images[0].write_bytes(b"broken")
    assert main(["fit", str(root), "--out", str(tmp_path / "run"), "--steps", "2", *TINY]) == 0
    # but for the pixels of its images at the end, to say whether they differ
    parts = json.loads((tmp_path / "run" / "evaluation.json").read_text())["domain"]["parts"]
    assert parts["test"]["images"] == len(images) - 1


def test_masks_without_a_labelled_pixel_are_refused(data, tmp_path, capsys):
    copy = shutil.copytree(data, tmp_path / "void")
    for path in (copy / "masks").iterdir():
        Image.fromarray(np.full(image_size(path), 255, dtype=np.uint8)).save(path)
    assert main(["fit", str(copy), "--out", str(tmp_path / "run"), *TINY]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_in_the_report_takes_the_run_s_values_and_decides_none_anew():
    """A plan may hold a value that is the default's, which the data would have decided otherwise."""
    config = FitConfig((Path("/photos"),), plan=Path("plan.yaml"), steps=7)
    _, again = parse(shlex.split(reproducing_command(config))[1:])
    assert again == dataclasses.replace(config, plan=None, configure=False)


def test_python_takes_what_the_command_line_takes(data, tmp_path):
    import segue
    from segue.configs import DataConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig

    result = segue.fit(
        data,
        out=tmp_path / "run",
        steps=2,
        data=DataConfig(size=(32, 32)),
        model=ModelConfig(encoder="test_resnet"),
        transfer=TransferConfig(mode="scratch"),
        optim=OptimConfig(batch=4),
        train=TrainConfig(validations=1, threads=1),
    )
    assert result.run == tmp_path / "run"
    image = sorted((data / "images").iterdir())[0]
    mask = segue.load(result.run).predict(image).mask
    assert mask.shape == image_size(image)
    again = segue.evaluate(result.run, data).to_json()
    assert again["miou"] == result.evaluation["miou"]
    segue.predict(result.run, image, out=tmp_path / "predictions")
    assert list((tmp_path / "predictions").iterdir())
    assert segue.doctor(data).exit_code == 0
