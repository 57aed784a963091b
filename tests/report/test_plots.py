import re

import numpy as np
import pytest
import torch
from PIL import Image

from fakes import scene
from segue.data.loader import Batch
from segue.data.normalise import normalise
from segue.report.charts import WIDTH, Line, line_chart, ticks
from segue.report.inputs import Example
from segue.report.pictures import SHOWN, WRONG, error_map, panels, save_examples, save_train_batch, save_worst
from segue.report.plots import row_shares, save_confusion, save_progress
from segue.train.state import Row
from tiny_model import tiny_info

CLASSES = tiny_info().classes


def size_of(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size


def test_progress_is_drawn_and_the_same_each_time(tmp_path):
    history = [Row(s, s, 1e-3, {"ce": 1 / s, "$x_": 0.2}, s / 99, 0.5, {}) for s in (10, 20)]
    for name in ("a.png", "b.png"):
        save_progress(tmp_path / name, history)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert min(size_of(tmp_path / "a.png")) > 300


@pytest.mark.parametrize("row", [Row(0, 0, 0.0, {}, float("nan"), 0.0, {}), Row(0, 0, 0.0, {"ce": 1.0}, 0.1, 0.2, {})])
def test_one_validation_can_be_drawn(tmp_path, row):
    save_progress(tmp_path / "p.png", [row])
    assert size_of(tmp_path / "p.png")


@pytest.mark.parametrize("names", [("a", "b"), ("$\\frac{x", "路面"), ("x" * 60, "_^"), ("a\nb", "")])
def test_any_class_name_can_be_drawn(tmp_path, names):
    save_confusion(tmp_path / "c.png", np.array([[5, 1], [0, 0]]), names)
    assert size_of(tmp_path / "c.png")


def test_rows_of_the_confusion_matrix_sum_to_one_or_are_undefined():
    shares = row_shares(np.array([[3, 1], [0, 0]]))
    assert shares[0].tolist() == [0.75, 0.25]
    assert np.isnan(shares[1]).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.12, 0.68], [0.0, 0.2, 0.4, 0.6, 0.8]),
        ([0, 1000], [0, 200, 400, 600, 800, 1000]),
        ([0.5], [0.5, 0.6]),
        ([0], [0.0, 0.2]),
    ],
)
def test_ticks_are_round_and_enclose(values, expected):
    assert ticks(values, 5) == expected


def example(number, size=(48, 64)):
    image, truth = scene(number, size)
    return Example(f"a/b{number}", image, truth, np.roll(truth, 4, axis=1), 0.25)


def test_the_error_map_is_red_where_the_prediction_is_wrong_and_nowhere_else():
    pixels = np.full((2, 3, 3), 200, np.uint8)
    truth, prediction = np.array([[0, 1, 255], [1, 1, 1]], np.uint8), np.array([[1, 1, 1], [1, 0, 1]], np.uint8)
    shown = error_map(pixels, truth, prediction).astype(int)
    red = np.abs(shown - WRONG).sum(axis=2) < 150
    np.testing.assert_array_equal(red, [[True, False, False], [False, True, False]])
    assert shown[0, 2].max() < shown[0, 1].min()  # unlabelled is darker than right


@pytest.mark.parametrize("size", [(48, 64), (900, 300), (10, 1400)])
def test_panels_are_of_one_size_and_not_too_large(size):
    shapes = {panel.shape for panel in panels(example(0, size), CLASSES)} if min(size) > 20 else set()
    truth = np.zeros(size, np.uint8)
    plain = Example("x", np.zeros((*size, 1), np.float32), truth, truth, 1.0)
    shapes = shapes or {panel.shape for panel in panels(plain, CLASSES)}
    assert len(shapes) == 1
    assert max(shapes.pop()) <= max(SHOWN, 64)


def test_sheets(tmp_path):
    save_examples(tmp_path / "val_pred.jpg", [example(0), example(1)], CLASSES)
    assert size_of(tmp_path / "val_pred.jpg") == (4 * 64 + 3 * 6, 2 * 48 + 6)


def test_worst_images_are_named_by_rank_and_score(tmp_path):
    save_worst(tmp_path / "worst", [example(5), example(6), example(7)], CLASSES)  # of an earlier evaluation
    save_worst(tmp_path / "worst", [example(0), example(1)], CLASSES)
    assert sorted(path.name for path in (tmp_path / "worst").iterdir()) == ["01_0.250_a_b0.jpg", "02_0.250_a_b1.jpg"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch", [1, 5, 30])
def test_a_training_batch_is_shown_as_the_network_sees_it(tmp_path, channels, batch):
    prep = tiny_info(channels=channels).prep
    image, labels = scene(0)
    tensor = normalise(image[..., :channels], prep)
    data = Batch(torch.stack([tensor] * batch), torch.from_numpy(np.stack([labels] * batch)), ("x",) * batch)
    save_train_batch(tmp_path / "batch.jpg", data, CLASSES, prep)
    columns, rows = min(batch, 4), -(-min(batch, 16) // 4)
    assert size_of(tmp_path / "batch.jpg") == (columns * 64 + (columns - 1) * 6, rows * (2 * 48 + 6) + (rows - 1) * 6)
    if channels == 3:
        with Image.open(tmp_path / "batch.jpg") as sheet:
            difference = np.asarray(sheet)[:48, :64].astype(int) - image
        assert np.abs(difference.mean(axis=(0, 1))).max() < 2  # JPEG keeps the mean of every channel


@pytest.mark.parametrize("rate", [3e-4, 1.25e-3, 5e-5, 2e-6, 0.68, 12_500, 3_000_000])
def test_labels_beside_the_axis_are_short_enough_to_be_seen_whole(rate):
    chart = line_chart("learning rate", [Line("lr", ((0, rate), (10, 0.0)))])
    labels = re.findall(r'x="48" [^>]*text-anchor="end">([^<]*)<', chart)
    assert [float(text) for text in labels] == ticks([rate, 0.0], 5)
    assert max(map(len, labels)) <= 7


@pytest.mark.parametrize("steps", [400, 10_000, 120_000, 1_000_000])
def test_labels_below_the_axis_end_inside_the_picture(steps):
    chart = line_chart("training loss", [Line("loss", ((0, 1.0), (steps, 0.5)))])
    labels = re.findall(r'x="([0-9.]+)" [^>]*text-anchor="middle">([^<]*)<', chart)
    assert 0.5 * steps < float(labels[-1][1]) <= steps
    assert all(float(x) + 6.5 * len(text) / 2 <= WIDTH for x, text in labels)
