"""Classes merged by a mapping, from the command line to the scores."""

from __future__ import annotations

import html
import json

import numpy as np
from PIL import Image

from fakes import write_folders, write_voc
from segue.cli import main
from segue.config_file import read_fit_config
from segue.configs import DataConfig
from segue.conversion import Groups
from segue.data.prepare import load_data, prepare
from segue.models.artifact import load_info

TINY = ["--model.encoder", "test_resnet", "--transfer.mode", "scratch", "--data.size", "32x32", "--optim.batch", "2"]
FEW = ["--steps", "2", "--train.validations", "1", "--train.threads", "1"]
NAMES = ["--data.names", "ground,disc,box,stripe"]
MERGE = ["--data.merge", "thing=disc+box,ignore=stripe"]


def test_a_run_on_merged_classes_is_scored_on_the_original_masks(tmp_path, capsys):
    data, run = write_folders(tmp_path / "photos", 4), tmp_path / "run"
    assert main(["fit", str(data), "--out", str(run), *NAMES, *MERGE, *TINY, *FEW]) == 0
    classes = load_info(run).classes
    assert (classes.names, len(classes.merged)) == (("ground", "thing"), 3)
    assert load_data(run / "data.json").classes == classes
    assert " ".join(MERGE) in html.unescape((run / "report.html").read_text())
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert [row["name"] for row in evaluation["classes"]] == ["ground", "thing"]
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["miou"], again["n_images"]) == (evaluation["miou"], evaluation["n_images"])
    assert read_fit_config(run / "config.yaml").data.merge.to_dict() == {
        "thing": ("disc", "box"),
        "ignore": ("stripe",),
    }


def test_a_misspelt_class_is_a_usage_error_with_a_suggestion(tmp_path, capsys):
    data = write_folders(tmp_path / "photos", 4)
    assert main(["fit", str(data), *NAMES, "--data.merge", "thing=dics", "--dry-run"]) == 2
    assert "unknown class 'dics' for 'thing': did you mean disc?" in capsys.readouterr().err


def test_a_palette_by_name_names_the_classes_of_colour_masks(tmp_path):
    data = write_voc(tmp_path / "voc", 4)
    for name in ("images", "masks"):
        (tmp_path / "plain" / name).mkdir(parents=True)
    colours = np.array([(0, 0, 0), (128, 0, 0), (64, 0, 128), (64, 128, 0)], np.uint8)
    for path in sorted((data / "SegmentationClass").iterdir()):
        ids = np.asarray(Image.open(path))
        shown = np.where((ids == 255)[..., None], np.uint8(0), colours[np.where(ids == 255, 0, ids)])
        Image.fromarray(shown).save(tmp_path / "plain" / "masks" / path.name)
        (tmp_path / "plain" / "images" / f"{path.stem}.jpg").write_bytes(
            (data / "JPEGImages" / f"{path.stem}.jpg").read_bytes()
        )
    options = DataConfig(palette="voc", merge=Groups([("other", ("sheep", "cow", "dog"))]))
    names = prepare((tmp_path / "plain",), options, 0, lambda share, text: None).classes.names
    assert (len(names), names[1], names[10], "sheep" in names) == (19, "aeroplane", "other", False)
