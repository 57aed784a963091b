import numpy as np
import pytest
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.data.image import read_mask
from segue.infer.outputs import (
    _halfway,
    borders,
    colour_table,
    displayable,
    overlay,
    write_mask,
    write_overlay,
    write_probabilities,
)
from segue.infer.segmenter import Prediction

CLASSES = Classes(("sky", "road", "boat"), ((1, 2, 3), (200, 0, 0), (0, 0, 250)), (0, 1, 2))
MASK = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)


def test_a_mask_file_holds_ids_and_shows_colours(tmp_path):
    write_mask(tmp_path / "m.png", MASK, CLASSES)
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture), MASK)
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), np.array(CLASSES.palette)[MASK])
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), MASK)


def test_255_classes_fit(tmp_path):
    classes = Classes(tuple(map(str, range(255))), tuple((i, 0, i) for i in range(255)), tuple(range(255)))
    mask = np.arange(255, dtype=np.uint8)[None]
    write_mask(tmp_path / "m.png", mask, classes)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask)


def test_probabilities_are_half_precision_with_the_names_of_the_classes(tmp_path):
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], (2, 3)).astype(np.float32).transpose(2, 0, 1)
    write_probabilities(tmp_path / "p.npz", Prediction(MASK, CLASSES, np.ascontiguousarray(shares)))
    with np.load(tmp_path / "p.npz", allow_pickle=False) as stored:
        assert stored["probabilities"].dtype == np.float16
        np.testing.assert_allclose(stored["probabilities"], shares, atol=1e-3)
        assert stored["classes"].tolist() == ["sky", "road", "boat"]
    assert [path.name for path in tmp_path.iterdir()] == ["p.npz"]


def test_an_overlay_mixes_inside_and_is_pure_at_borders():
    mask = np.zeros((5, 6), np.uint8)
    mask[:, 3:] = 1
    shown = overlay(np.full((5, 6, 3), 100, np.uint8), mask, CLASSES)
    assert shown[2, 5].tolist() == [150, 50, 50]
    assert shown[2, 2].tolist() == [1, 2, 3]


def test_a_black_class_shows_the_image_alone():
    mask = np.zeros((5, 6), np.uint8)
    mask[:, 3:] = 1
    shown = overlay(np.full((5, 6, 3), 100, np.uint8), mask, Classes(("b", "f"), ((0, 0, 0), (255, 255, 255)), (0, 1)))
    assert (shown[:, :3] == 100).all()
    assert (shown[:, 3] == 255).all(), "the border is drawn on the side that is painted"
    assert (shown[:, 4:] == 178).all()


def test_an_overlay_longer_than_a_jpeg_can_be_is_shrunk(tmp_path):
    mask = np.ones((4, 70_000), np.uint8)
    write_overlay(tmp_path / "o.jpg", np.zeros((4, 70_000, 1), np.uint8), Prediction(mask, CLASSES))
    with Image.open(tmp_path / "o.jpg") as picture:
        assert picture.size == (65_500, 4)


def test_unlabelled_pixels_show_the_image_alone():
    mask = np.full((4, 4), IGNORE, np.uint8)
    mask[0] = 1
    assert (overlay(np.full((4, 4, 3), 77, np.uint8), mask, CLASSES)[1:] == 77).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels_can_be_shown(tmp_path, channels):
    pixels = np.full((2, 3, channels), 90.4, np.float32)
    assert (displayable(pixels) == 90).all()
    write_overlay(tmp_path / "o.jpg", pixels, Prediction(MASK, CLASSES))
    with Image.open(tmp_path / "o.jpg") as picture:
        assert picture.size == (3, 2)


def slow_overlay(pixels, mask, classes):
    """In floating point, by the definition."""
    table = colour_table(classes)
    shown, colours = np.broadcast_to(pixels, (*mask.shape, 3)).astype(np.float32), table[mask].astype(np.float32)
    painted = table.any(axis=1)[mask] & (mask != 255)
    edges = borders(mask) | borders(painted.astype(np.uint8)[::-1, ::-1])[::-1, ::-1]
    strength = np.where(edges, np.float32(1), np.float32(0.5)) * painted
    return (shown + (colours - shown) * strength[..., None]).round().astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_overlay_is_that_of_floating_point_to_the_bit(channels):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (64, 97, channels), np.uint8)
    mask = np.kron(generator.choice([0, 1, 2, 255, 9], (8, 10)), np.ones((8, 10), int))[:, :97].astype(np.uint8)
    classes = Classes(("b", "c", "d"), ((0, 0, 0), (31, 200, 7), (255, 1, 90)), (0, 1, 2))
    np.testing.assert_array_equal(overlay(pixels, mask, classes), slow_overlay(pixels, mask, classes))


def test_a_half_is_rounded_to_the_even_number_as_numpy_does():
    one, other = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    np.testing.assert_array_equal(_halfway(one, other), ((one.astype(float) + other) / 2).round())
