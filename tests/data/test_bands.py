"""What is measured where the encoder's own statistics do not apply, and that it travels with the model."""

import dataclasses

import numpy as np
import pytest

from fakes import write_folders
from rasters import write_raster
from segue.configs import DataConfig, FitConfig
from segue.data.bands import Bands, measure, numbers_of
from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.geometry import Preprocessing
from segue.data.geotiff import read_raster
from segue.data.image import read_image, read_mask
from segue.data.index import Sample
from segue.data.inferring import infer_classes
from segue.data.loader import read_sample
from segue.data.normalise import normalise
from segue.data.prepare import load_data, prepare, save_data
from segue.errors import DataError
from segue.models.artifact import load_info, save_model
from segue.train.resolve import preprocessing, resolve
from tiny_model import tiny_info, tiny_model

SIZE = (40, 50)
CLASSES = Classes(("ground", "disc"), ((0, 0, 0), (200, 40, 40)), (0, 1))


def rasters(folder, count=5, bands=4, dtype="uint16", **options):
    generator = np.random.default_rng(0)
    scale, shift = np.array([100, 1000, 10, 1])[:bands], np.array([3000, 20_000, 100, 7])[:bands]
    values = [(generator.normal(size=(*SIZE, bands)) * scale + shift).clip(0).astype(dtype) for _ in range(count)]
    return [write_raster(folder / f"{i}.tif", one, **options) for i, one in enumerate(values)]


def seen(path, bands):
    prep = Preprocessing(SIZE, 1.2, bands.mean, bands.std, 2000, 1.0, bands.ranges)
    return normalise(read_image(path, ranges=bands.ranges), prep).numpy()


def test_every_band_reaches_the_network_with_mean_0_and_deviation_1(tmp_path):
    paths = rasters(tmp_path)
    bands = measure(paths, 4)
    pixels = np.concatenate([seen(path, bands).reshape(4, -1) for path in paths], axis=1)
    np.testing.assert_allclose(pixels.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(pixels.std(axis=1), 1, atol=1e-4)


def test_the_range_leaves_out_one_value_in_a_thousand_at_either_end(tmp_path):
    values = np.arange(100_000, dtype=np.float32).reshape(250, 400, 1) - 50_000
    bands = measure([write_raster(tmp_path / "a.tif", values, nodata=49_999)], 1)
    assert bands.ranges == (pytest.approx((-49_900, 49_898), abs=1),)


def test_outliers_of_less_than_one_in_a_thousand_move_nothing_much(tmp_path):
    paths = rasters(tmp_path)
    before, values = measure(paths, 4), read_raster(paths[0], 10_000)[0]
    values[0, :5] = 65_000  # 5 of 10,000 pixels
    write_raster(paths[0], values)
    np.testing.assert_allclose(measure(paths, 4).ranges, before.ranges, rtol=0.05, atol=2)


def test_pixels_without_data_are_not_measured(tmp_path):
    paths = rasters(tmp_path / "whole")
    for path in paths:
        values = np.moveaxis(read_raster(path, 10_000)[0], 2, 0)
        values[:, :10] = 0
        write_raster(tmp_path / "holes" / path.name, np.moveaxis(values, 0, 2), nodata=0)
        write_raster(tmp_path / "cut" / path.name, np.moveaxis(values[:, 10:], 0, 2))
    holes, cut = (measure(sorted((tmp_path / name).iterdir()), 4) for name in ("holes", "cut"))
    np.testing.assert_allclose(holes.mean, cut.mean, rtol=1e-6)
    np.testing.assert_allclose(holes.ranges, cut.ranges, rtol=1e-6)


def test_pictures_of_one_and_three_channels_are_left_to_the_encoder(tmp_path):
    root = write_folders(tmp_path)
    assert measure(sorted((root / "images").iterdir()), 3) is None
    assert measure(rasters(tmp_path / "rasters", bands=3, dtype="uint8"), 3) is None


def test_eight_bit_bands_keep_their_scale_and_are_measured_where_they_are_more_than_three(tmp_path):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 256, (*SIZE, 6), dtype=np.uint8)
    np.save(tmp_path / "a.npy", values)
    raster, array = (measure([path], 6) for path in (write_raster(tmp_path / "a.tif", values), tmp_path / "a.npy"))
    assert raster == array
    assert raster.ranges == ()
    np.testing.assert_allclose(raster.mean, values.reshape(-1, 6).mean(axis=0) / 255, rtol=1e-6)
    np.testing.assert_allclose(raster.std, values.reshape(-1, 6).std(axis=0) / 255, rtol=1e-6)


def test_a_band_of_one_value_divides_by_nothing(tmp_path):
    bands = measure([write_raster(tmp_path / "a.tif", np.full((*SIZE, 2), 500, np.uint16))], 2)
    assert bands.std == (1, 1)
    assert np.isfinite(seen(tmp_path / "a.tif", bands)).all()


def test_kinds_of_numbers_are_not_mixed(tmp_path):
    paths = [*rasters(tmp_path, bands=3), write_raster(tmp_path / "f.tif", np.zeros((*SIZE, 3), np.float32))]
    assert [numbers_of(path) for path in paths[-2:]] == ["integer", "float"]
    with pytest.raises(DataError, match=r"f\.tif: expected integer numbers like most images, got float"):
        measure(paths, 3)
    with pytest.raises(DataError, match="expected rasters with data"):
        measure([write_raster(tmp_path / "e.tif", np.zeros((*SIZE, 3), np.uint16), nodata=0)], 3)


def test_what_was_measured_is_in_the_record_and_in_the_model(tmp_path):
    images, masks = tmp_path / "data" / "images", tmp_path / "data" / "masks"
    for path in rasters(images):
        write_raster(masks / path.name, (np.arange(2000).reshape(SIZE) // 500).astype(np.uint8))
    data = prepare((tmp_path / "data",), DataConfig(), 0, lambda *_: None)
    assert data.bands == measure([sample.image for sample in data.of("train")], 4)
    save_data(tmp_path / "data.json", data)
    assert load_data(tmp_path / "data.json").bands == data.bands
    prep = preprocessing(resolve(FitConfig(paths=(tmp_path / "data",)), data), data, network="")
    assert Bands(prep.ranges, prep.mean, prep.std) == data.bands
    info = dataclasses.replace(tiny_info(channels=4), prep=prep)
    save_model(tmp_path / "model", tiny_model(info), info)
    assert load_info(tmp_path / "model").prep == prep


def test_pixels_without_data_are_ignored_and_nothing_to_the_network(tmp_path):
    values = np.full((*SIZE, 4), 900, np.uint16)
    values[3:6] = 0
    labels = np.ones(SIZE, np.uint8)
    labels[:, 7] = 9
    image = write_raster(tmp_path / "image.tif", values, nodata=0)
    mask = write_raster(tmp_path / "mask.tif", labels, nodata=9)
    prep = Preprocessing(SIZE, 1.2, (0.1, 0.2, 0.3, 0.4), (0.5,) * 4, 2000, 1.0, ((0.0, 1000.0),) * 4)
    pixels, ids = read_sample(Sample("a", image, mask), CLASSES, prep)
    expected = np.ones(SIZE, bool)
    expected[3:6], expected[:, 7] = False, False
    np.testing.assert_array_equal(ids == 1, expected)
    assert (ids[~expected] == IGNORE).all()
    np.testing.assert_allclose(normalise(pixels, prep)[:, 3:6], 0, atol=1e-6)
    np.testing.assert_allclose(normalise(pixels, prep)[:, 0, 0], (0.9 - np.array(prep.mean)) / 0.5, rtol=1e-5)


@pytest.mark.parametrize(("nodata", "names"), [(None, ("background", "foreground")), (255, ("class 0",))])
def test_a_declared_255_is_no_foreground(tmp_path, nodata, names):
    labels = np.zeros(SIZE, np.uint8)
    labels[10:20] = 255
    mask = write_raster(tmp_path / "mask.tif", labels, nodata=nodata)
    classes = infer_classes([Sample("a", mask, mask)])
    assert classes.names == names
    assert set(encode(read_mask(mask), classes).ravel().tolist()) == ({0, 1} if nodata is None else {0, IGNORE})
