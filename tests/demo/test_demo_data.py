"""The demonstration's data set, its pretrained encoder, its picture and its page."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from segue.commands.demo import DemoResult
from segue.data.formats import open_index
from segue.data.image import read_image, read_mask
from segue.demo.dataset import class_table, write_dataset
from segue.demo.page import Row, render
from segue.demo.picture import FOOT, GAP, HEAD, SCALE, Strip, comparison
from segue.demo.pretrained import CARD, WEIGHTS, card
from segue.demo.scene import SIZE, classes, scene
from segue.models.build import ModelSpec, build
from segue.models.weights import load_pretrained


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo") / "data"
    write_dataset(root, "target", seed=2, train=3, held_out=2)
    return root


def test_the_data_set_reads_as_a_split_folder(data):
    index = open_index((data,))
    assert not index.problems
    assert [len(index.of(split)) for split in ("train", "val", "test")] == [3, 2, 0]


def test_files_hold_the_scenes_bit_for_bit(data):
    for number, sample in enumerate(open_index((data,)).of("train")):
        one = scene(2, "target", number)
        assert sample.mask is not None
        assert np.array_equal(read_image(sample.image), one.image)
        assert np.array_equal(read_mask(sample.mask), one.mask)


def test_masks_show_their_colours_in_any_viewer(data):
    table = class_table("target")
    path = next((data / "masks" / "train").iterdir())
    shown, ids = np.asarray(Image.open(path).convert("RGB")), read_mask(path)
    assert np.array_equal(shown, np.array(table.palette, np.uint8)[ids])


def test_training_and_held_out_scenes_are_different_ones(data):
    names = {sample.image.stem for sample in open_index((data,)).samples}
    assert len(names) == 5


@pytest.mark.parametrize("domain", ["source", "target"])
def test_colours_of_a_domain_tell_its_classes_apart(domain):
    assert len(set(class_table(domain).palette)) == len(classes(domain))


def test_the_shipped_encoder_is_small_and_fits_the_encoder_its_card_names():
    assert WEIGHTS.stat().st_size <= 3_000_000
    report = load_pretrained(build(ModelSpec(card()["encoder"], "unet", 3, 9)), str(WEIGHTS))
    assert report.share >= 0.9
    assert not report.missing
    assert not report.unexpected


def test_the_card_says_what_how_and_under_which_licence():
    facts = card()
    assert facts["licence"] == "Apache-2.0"
    assert tuple(facts["classes"]) == classes("source")
    assert facts["command"].startswith("python scripts/pretrain_demo_encoder.py")
    assert facts["steps"] >= 1
    assert 0.5 < facts["held_out_miou"] < 1
    with safe_open(WEIGHTS, framework="np") as file:
        assert file.metadata()["licence"] == facts["licence"]
    assert json.loads(CARD.read_text(encoding="utf-8")) == facts


def strips():
    one = scene(0, "target", 0)
    return [Strip(one.image, one.mask, (one.mask, np.zeros_like(one.mask)))]


def test_the_picture_has_a_column_for_scene_truth_and_every_run():
    sheet = comparison(strips(), ["first", "second"], class_table("target"))
    height, width = SCALE * SIZE[0], SCALE * SIZE[1]
    assert sheet.shape == (HEAD + height + GAP + FOOT, 4 * (width + GAP) + GAP, 3)
    truth, first, second = (
        sheet[HEAD : HEAD + height, GAP + column * (width + GAP) :][:, :width] for column in (1, 2, 3)
    )
    assert np.array_equal(truth, first)
    assert not np.array_equal(truth, second)


def test_the_page_is_self_contained_and_escapes(tmp_path):
    table = class_table("target")
    evaluation = {
        "miou": 0.5,
        "interval": [0.4, 0.6],
        "n_images": 7,
        "classes": [{"name": name, "iou": None if name == "person" else 0.5} for name in table.names],
    }
    rows = [Row(name, tmp_path / name, evaluation, 61.0, ((1, 0.2), (2, 0.5))) for name in ("<b>", "other")]
    picture = np.zeros((4, 6, 3), np.uint8)
    text = render(rows, picture, table, {"licence": "<i>"}, 24, {"<b>": "a/report.html", "other": "b/report.html"})
    assert "<b>&lt;" not in text
    assert "&lt;b&gt;" in text
    assert "&lt;i&gt;" in text
    assert "0.400 – 0.600" in text
    assert "1m01s" in text
    assert 'href="a/report.html"' in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert text.count("<script") == 1  # the page's own, allowed by its hash


def test_a_run_without_a_score_or_an_interval_is_still_shown(tmp_path):
    table = class_table("target")
    evaluation = {
        "miou": None,
        "interval": [None, None],
        "n_images": 1,
        "classes": [{"name": name, "iou": None} for name in table.names],
    }
    rows = tuple(Row(name, tmp_path / name, evaluation, 61.0, ()) for name in ("from scratch", "transferred"))
    result = DemoResult(rows, tmp_path / "report.html", tmp_path / "demo.png", 5.0)
    assert "an unknown number of points" in "\n".join(result.lines())
    links = {row.name: "report.html" for row in rows}
    assert "–" in render(rows, np.zeros((4, 6, 3), np.uint8), table, {}, 24, links)
