"""A fit with every augmentation on: the same bytes whatever the number of workers, and the first batch on view."""

import numpy as np
import pytest
import yaml
from PIL import Image

from fakes import scene
from segue.cli import main
from segue.data.augment import AUGMENTATIONS

pytestmark = pytest.mark.slow

FIT = [
    *("--steps", "4", "--model.encoder", "test_resnet", "--model.decoder", "fcn", "--transfer.mode", "scratch"),
    *("--data.size", "32x32", "--optim.batch", "4", "--train.validations", "2", "--train.threads", "1"),
]
ALL = [word for name in AUGMENTATIONS if name != "scale" for word in (f"--augment.{name.replace('_', '-')}", "0.5")]


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
    runs = [tmp_path / "none", tmp_path / "three"]
    for run, workers in zip(runs, ("0", "3"), strict=True):
        assert main(["fit", str(data), *FIT, *ALL, "--data.workers", workers, "--out", str(run)]) == 0
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
