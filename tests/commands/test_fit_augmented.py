"""A fit with every augmentation on: the same bytes whatever the number of workers, and the first batch on view."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from fakes import save_image, scene
from segue.cli import main
from segue.data.augment import AUGMENTATIONS
from segue.train.step import NonFiniteError

pytestmark = pytest.mark.slow

FIT = [
    *("--steps", "4", "--model.encoder", "test_resnet", "--model.decoder", "fcn", "--transfer.mode", "scratch"),
    *("--data.size", "32x32", "--optim.batch", "4", "--train.validations", "2", "--train.threads", "1"),
]
STYLES = ("fda", "histogram", "stylise")  # for three channels only


def half(names):
    """The words that do each of these half of the time."""
    return [word for name in names for word in (f"--augment.{name.replace('_', '-')}", "0.5")]


ALL = [name for name in AUGMENTATIONS if name != "scale"]


@pytest.fixture(scope="module", params=[3, 5], ids=["RGB", "five bands"])
def data(tmp_path_factory, request):
    root = tmp_path_factory.mktemp("data")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    for number in range(8):
        image, labels = scene(number)
        bands = np.concatenate([image, image[..., :2]], axis=2)[..., : request.param]
        np.save(root / "images" / f"{number}.npy", bands)
        Image.fromarray(labels).save(root / "masks" / f"{number}.png")
    return root


def test_a_run_does_not_depend_on_its_workers(data, tmp_path):
    bands = np.load(data / "images" / "0.npy").shape[2]
    words = half(name for name in ALL if bands == 3 or name not in STYLES)
    runs = [tmp_path / "none", tmp_path / "three"]
    for run, workers in zip(runs, ("0", "3"), strict=True):
        assert main(["fit", str(data), *FIT, *words, "--data.workers", workers, "--out", str(run)]) == 0
    for name in ("metrics.csv", "train_batch.jpg"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes(), name


def test_a_run_with_a_preset_records_its_values_and_shows_its_first_batch(data, tmp_path):
    run = tmp_path / "run"
    assert main(["fit", str(data), *FIT, "--augment.preset", "defects", "--augment.hue", "0.1", "--out", str(run)]) == 0
    recorded = yaml.safe_load((run / "config.yaml").read_text())["augment"]
    assert (recorded["preset"], recorded["copy_paste"], recorded["hue"]) == ("defects", 0.5, 0.1)
    with Image.open(run / "train_batch.jpg") as sheet:
        assert sheet.size == (4 * 32 + 3 * 6, 2 * 32 + 6), "four images, each above its painted copy"
        assert np.asarray(sheet).std() > 20


def test_a_resumed_run_says_that_its_styles_are_others(data, tmp_path, monkeypatch, capsys):
    from segue.train import loop

    if np.load(data / "images" / "0.npy").shape[2] != 3:
        assert main(["fit", str(data), *FIT, "--augment.fda", "1", "--out", str(tmp_path / "run")]) == 1
        assert "expected images of three channels, got 5: leave them at 0" in capsys.readouterr().err
        return
    folder, run, original = tmp_path / "styles", tmp_path / "run", loop.training_step
    words = ["fit", str(data), *FIT, "--augment.fda", "1", "--augment.style-images", str(folder), "--out", str(run)]
    assert main(words) == 1
    printed = capsys.readouterr().err
    assert f"{folder}: expected a folder of pictures for augment.style_images, found no such folder" in printed
    assert not run.exists()
    save_image(folder / "dusk.png", scene(20)[0] // 3)

    def breaking(engine, batch, state):
        if state.step == 3:
            raise NonFiniteError("the loss is nan")
        return original(engine, batch, state)

    monkeypatch.setattr(loop, "training_step", breaking)
    assert main(words) == 4
    monkeypatch.undo()
    assert json.loads((run / "environment.json").read_text())["styles"].startswith("1 pictures (")
    save_image(folder / "night.png", scene(21)[0] // 5)
    capsys.readouterr()
    assert main(["fit", "--resume", str(run)]) == 0
    assert "not bit-exact from here on: styles: 1 pictures (" in capsys.readouterr().err
