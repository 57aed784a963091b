import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from segue.data.geometry import working_size
from segue.errors import DataError, UsageError
from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling
from tiny_model import tiny_info, tiny_model, write_run


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(tiny_model(tiny_info()), tiny_info(), "cpu")


def picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (97, 2), (48, 64), (50, 61), (130, 33)])
def test_the_mask_has_the_size_of_the_image(segmenter, size):
    result = segmenter.predict(picture(*size), probabilities=True)
    assert result.mask.shape == size
    assert result.mask.dtype == np.uint8
    assert result.mask.max() < 4
    assert result.probabilities.shape == (4, *size)


def test_probabilities_sum_to_one_and_their_largest_is_the_mask(segmenter):
    result = segmenter.predict(picture(60, 50), probabilities=True)
    np.testing.assert_allclose(result.probabilities.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(result.probabilities.argmax(axis=0), result.mask)


def test_probabilities_are_made_only_when_asked_for(segmenter):
    assert segmenter.predict(picture(20, 20)).probabilities is None


def test_equals_the_network_run_by_hand(segmenter):
    info, pixels = tiny_info(), picture(48, 64)
    size = working_size(48, 64, info.prep)
    resized = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR), np.float32) / 255
    tensor = torch.from_numpy(((resized - info.prep.mean) / info.prep.std).astype(np.float32).transpose(2, 0, 1))
    with torch.inference_mode():
        logits = tiny_model(info)(tensor[None])
        full = torch.nn.functional.interpolate(logits, size=(48, 64), mode="bilinear")
    result = segmenter.predict(pixels, probabilities=True)
    np.testing.assert_allclose(result.probabilities, full.softmax(1)[0].numpy(), atol=1e-4)


def test_a_path_a_picture_and_an_array_give_the_same_mask(segmenter, tmp_path):
    pixels = picture(40, 52)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = segmenter.predict(pixels).mask
    for given in (tmp_path / "a.png", str(tmp_path / "a.png"), Image.fromarray(pixels), pixels / 255.0):
        np.testing.assert_array_equal(segmenter.predict(given).mask, expected)


def test_sixteen_bits_hold_the_same_picture(segmenter):
    pixels = picture(40, 52)
    wide = segmenter.predict(pixels.astype(np.uint16) * 257, probabilities=True)
    # only rounding in the resize differs: eight bits are rounded there, floats are not
    np.testing.assert_allclose(
        wide.probabilities, segmenter.predict(pixels, probabilities=True).probabilities, atol=0.05
    )


def test_grey_is_taken_by_a_colour_model_and_colour_by_a_grey_one(segmenter):
    grey = picture(30, 30, 1)
    expected = segmenter.predict(np.repeat(grey, 3, axis=2)).mask
    np.testing.assert_array_equal(segmenter.predict(grey).mask, expected)
    np.testing.assert_array_equal(segmenter.predict(grey[..., 0]).mask, expected)
    np.testing.assert_array_equal(segmenter.predict(Image.fromarray(grey[..., 0])).mask, expected)
    info = tiny_info(channels=1)
    assert Segmenter(tiny_model(info), info, "cpu").predict(picture(30, 30)).mask.shape == (30, 30)


def test_the_orientation_of_a_photo_is_applied(segmenter, tmp_path):
    pixels = picture(40, 52)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    expected = segmenter.predict(np.ascontiguousarray(np.rot90(pixels, -1))).mask
    np.testing.assert_array_equal(segmenter.predict(tmp_path / "turned.png").mask, expected)
    np.testing.assert_array_equal(segmenter.predict(Image.open(tmp_path / "turned.png")).mask, expected)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.full((4, 4, 3), 200.0), "floats in 0 to 1, got 200"),
        (np.full((4, 4, 3), np.nan), "floats in 0 to 1"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
        (np.zeros((2, 3, 4, 3), np.uint8), "shape"),
        (np.zeros((4, 4, 7), np.uint8), "3 channels, got 7"),
        (np.zeros((3, 40, 40), np.uint8), "3 channels, got 40"),
    ],
)
def test_what_is_no_image_is_refused(segmenter, given, text):
    with pytest.raises(DataError, match=text):
        segmenter.predict(given)


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("side", [None, 32, 40])
def test_the_batch_size_changes_no_bit(side, batch):
    info, pixels = tiny_info(), picture(150, 190)
    expected = Segmenter(tiny_model(info), info, "cpu", Tiling(side, 0.25, 1)).predict(pixels, probabilities=True)
    result = Segmenter(tiny_model(info), info, "cpu", Tiling(side, 0.25, batch)).predict(pixels, probabilities=True)
    np.testing.assert_array_equal(result.mask, expected.mask)
    np.testing.assert_array_equal(result.probabilities, expected.probabilities)


def test_the_network_only_ever_sees_one_image_at_a_time():
    info, seen = tiny_info(), []
    model = tiny_model(info)
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    Segmenter(model, info, "cpu", Tiling(32, 0.25, 8)).predict(picture(150, 190))
    assert len(seen) > 8
    assert {shape[0] for shape in seen} == {1}


def test_what_was_predicted_before_changes_nothing(segmenter):
    first = segmenter.predict(picture(50, 70), probabilities=True).probabilities
    segmenter.predict(picture(90, 20, seed=1))
    np.testing.assert_array_equal(segmenter.predict(picture(50, 70), probabilities=True).probabilities, first)


def test_only_images_much_larger_than_those_trained_on_are_cut():
    info, seen = tiny_info(), []
    model = tiny_model(info)
    segmenter = Segmenter(model, info, "cpu")
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[2:])))
    segmenter.predict(picture(96, 128))  # four times the pixels
    assert len(seen) == 1
    seen.clear()
    segmenter.predict(picture(200, 256))
    assert len(seen) > 4
    assert max(max(shape) for shape in seen) <= 96


def test_images_of_which_training_showed_small_parts_are_cut():
    info, seen = tiny_info(), []
    info = replace(info, prep=replace(info.prep, zoom=8.0, largest=10**9))
    model = tiny_model(info)
    segmenter = Segmenter(model, info, "cpu")
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[2:])))
    assert segmenter.predict(picture(96, 128)).mask.shape == (96, 128)
    side = 4 * math.sqrt(math.prod(info.prep.size))
    assert len(seen) >= 4  # 8 x 8 crops at the scale they were trained at
    assert max(max(shape) for shape in seen) <= 32 * math.ceil(side / 32)


def test_tiles_change_few_pixels():
    info, pixels = tiny_info(), picture(60, 300)
    whole = Segmenter(tiny_model(info), info, "cpu", Tiling(10_000)).predict(pixels, probabilities=True)
    tiled = Segmenter(tiny_model(info), info, "cpu", Tiling(96, 0.5)).predict(pixels, probabilities=True)
    assert (whole.mask == tiled.mask).mean() > 0.9  # random weights on noise: the hardest case there is


def test_a_loaded_run_predicts_like_the_model_it_was_saved_from(tmp_path, segmenter):
    loaded = Segmenter.load(write_run(tmp_path / "run"), "cpu")
    pixels = picture(50, 50)
    np.testing.assert_array_equal(
        loaded.predict(pixels, probabilities=True).probabilities,
        segmenter.predict(pixels, probabilities=True).probabilities,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"expected one that this machine has \(.*cpu\), got cuda"):
        Segmenter(tiny_model(tiny_info()), tiny_info(), "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_agrees_with_the_cpu():
    info, pixels = tiny_info(), picture(150, 190)
    cpu = Segmenter(tiny_model(info), info, "cpu", Tiling(64)).predict(pixels, probabilities=True)
    for batch in (1, 8):
        gpu = Segmenter(tiny_model(info), info, "cuda", Tiling(64, batch=batch)).predict(pixels, probabilities=True)
        np.testing.assert_allclose(gpu.probabilities, cpu.probabilities, atol=1e-3)


def test_one_class_fits_too():
    info = tiny_info(classes=1)
    result = Segmenter(tiny_model(info), info, "cpu").predict(picture(20, 30), probabilities=True)
    assert result.mask.max() == 0
    assert (result.probabilities == 1).all()
