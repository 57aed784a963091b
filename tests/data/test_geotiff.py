"""Rasters are read as rasterio reads them, whole or by the window, with one rule for pixels without data."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.shutil import copy

from rasters import BLOCKS, CRS, TRANSFORM, write_raster
from segue.data.geotiff import NODATA, raster_info, read_grid, read_raster, read_window
from segue.data.image import image_size, mask_palette, read_image, read_mask
from segue.data.scale import filled, marked, where_marked
from segue.data.tiff import read_tiff
from segue.errors import DataError, MissingPackageError

LIMIT = 10_000_000
SIZE = (33, 47)


def numbers(bands=5, dtype="uint16", size=SIZE, seed=0):
    values = np.random.default_rng(seed).integers(1, 120, (*size, bands))
    return (values / 7 if dtype.startswith("float") else values).astype(dtype)


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [{}, BLOCKS, {"interleave": "pixel"}], ids=["striped", "tiled", "pixel"])
@pytest.mark.parametrize("compress", ["none", "deflate", "lzw"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_values_are_those_that_were_written(tmp_path, dtype, compress, layout):
    written = numbers(dtype=dtype)
    predictor = {"predictor": 3 if dtype.startswith("float") else 2} if compress != "none" else {}
    path = write_raster(tmp_path / "a.tif", written, compress=compress, **predictor, **layout)
    values, missing = read_raster(path, LIMIT)
    assert values.dtype == written.dtype
    np.testing.assert_array_equal(values, written)
    assert missing is None
    assert image_size(path) == SIZE


def test_the_header_says_where_it_is(tmp_path):
    raster = raster_info(write_raster(tmp_path / "a.tif", numbers(7, "float32"), nodata=-9999))
    assert (raster.height, raster.width, raster.bands) == (33, 47, (1, 2, 3, 4, 5, 6, 7))
    assert (raster.dtype, raster.nodata) == ("float32", -9999)
    assert raster.georeference.crs == rasterio.CRS.from_string(CRS)
    assert raster.georeference.transform == tuple(TRANSFORM)[:6]
    assert raster_info(write_raster(tmp_path / "b.tif", numbers(), crs=None, transform=None)).georeference is None


# --- no data ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "nodata", "one_band", "all_bands"),
    [
        ("uint8", 0, False, True),
        ("uint8", 255, False, True),
        ("uint16", 0, False, True),
        ("uint16", 65535, False, True),
        ("uint16", 9, True, True),
        ("int16", -9999, True, True),
        ("int16", 0, True, True),
        ("float32", -9999.0, True, True),
        ("float32", float(np.finfo(np.float32).min), True, True),
        ("float32", float("nan"), True, True),
        ("float64", -1e308, True, True),
    ],
)
def test_which_pixels_have_no_data(tmp_path, dtype, nodata, one_band, all_bands):
    values = np.full((*SIZE, 5), 10, dtype)
    values[3, 4, 2] = nodata
    values[5, 6] = nodata
    _, missing = read_raster(write_raster(tmp_path / "a.tif", values, nodata=nodata), LIMIT)
    expected = np.zeros(SIZE, bool)
    expected[3, 4], expected[5, 6] = one_band, all_bands
    np.testing.assert_array_equal(missing, expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_a_number_is_no_data_declared_or_not(tmp_path, bad):
    values = numbers(3, "float32")
    values[0, 0, 1] = bad
    for options in ({}, {"nodata": -1}):
        _, missing = read_raster(write_raster(tmp_path / "a.tif", values, **options), LIMIT)
        assert np.argwhere(missing).tolist() == [[0, 0]]


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_declared_value_that_the_type_cannot_hold_leaves_nothing_out(tmp_path, dtype):
    path = write_raster(tmp_path / "a.tif", numbers(3, dtype), nodata=-9999)
    path.write_bytes(path.read_bytes().replace(b"-9999", b"-1e99"))  # rasterio refuses to write such a value
    assert read_raster(path, LIMIT)[1] is None


def test_alpha_is_a_mask_and_no_band(tmp_path):
    alpha = np.full(SIZE, 255, np.uint8)
    alpha[:, :5] = 0
    path = write_raster(tmp_path / "a.tif", numbers(3, "uint8"), alpha=alpha)
    values, missing = read_raster(path, LIMIT)
    assert values.shape == (*SIZE, 3)
    np.testing.assert_array_equal(missing, alpha == 0)


@pytest.mark.parametrize("internal", [True, False])
def test_a_mask_inside_or_beside_the_file_counts(tmp_path, internal):
    path = write_raster(tmp_path / "a.tif", numbers())
    left_out = np.zeros(SIZE, bool)
    left_out[10:20] = True
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(~left_out)
    assert (tmp_path / "a.tif.msk").exists() != internal
    np.testing.assert_array_equal(read_raster(path, LIMIT)[1], left_out)


# --- windows ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def striped_and_tiled(tmp_path_factory):
    values, folder = numbers(3, "float32", (61, 83)), tmp_path_factory.mktemp("windows")
    values[7:30, 9] = -1
    return [
        write_raster(folder / f"{name}.tif", values, nodata=-1, compress="deflate", **layout)
        for name, layout in (("striped", {}), ("tiled", BLOCKS))
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 82), st.integers(1, 61), st.integers(1, 83), st.booleans())
def test_a_window_is_the_part_of_the_whole(striped_and_tiled, top, left, height, width, tiled):
    path = striped_and_tiled[tiled]
    lower, right = min(61, top + height), min(83, left + width)
    values, missing = read_window(path, (left, top, right, lower))
    whole, left_out = read_raster(path, LIMIT)
    np.testing.assert_array_equal(values, whole[top:lower, left:right])
    part = left_out[top:lower, left:right]
    np.testing.assert_array_equal(missing if missing is not None else np.zeros_like(part), part)


def damage_last_block(path):
    """Overwrite the pixels in the lower right corner of the last band."""
    content, start = bytearray(path.read_bytes()), read_tiff(path).values(324)[-1]
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)


def test_a_window_decodes_only_the_blocks_it_touches(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbers(1, size=(64, 64)), compress="deflate", **BLOCKS)
    whole = read_raster(path, LIMIT)[0]
    damage_last_block(path)
    np.testing.assert_array_equal(read_window(path, (0, 0, 48, 48))[0], whole[:48, :48])
    with pytest.raises(DataError, match="cannot decode it"):
        read_window(path, (40, 40, 64, 64))


@pytest.mark.parametrize("window", [(0, 0, 48, 10), (0, 0, 0, 10), (-1, 0, 10, 10), (5, 9, 10, 9)])
def test_a_window_outside_is_refused(tmp_path, window):
    path = write_raster(tmp_path / "a.tif", numbers())
    with pytest.raises(DataError, match="expected a window inside 47 x 33 pixels"):
        read_window(path, window)


def test_a_grid_takes_every_nth_pixel_and_no_overview(tmp_path):
    values = numbers(2, size=(64, 64))
    path = write_raster(tmp_path / "a.tif", values, **BLOCKS)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], rasterio.enums.Resampling.average)
    seen = read_grid(path, 16)[0]
    assert seen.shape == (16, 16, 2)
    assert set(map(tuple, seen.reshape(-1, 2))) <= set(map(tuple, values.reshape(-1, 2)))
    np.testing.assert_array_equal(read_grid(path, 100)[0], values)


def test_many_threads_read_at_once(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbers(4, size=(64, 64)), compress="deflate", **BLOCKS)
    whole = read_raster(path, LIMIT)[0]
    with ThreadPoolExecutor(8) as pool:
        for i, (part, _) in enumerate(pool.map(lambda i: read_window(path, (i, 0, 64, i + 1)), range(60))):
            np.testing.assert_array_equal(part, whole[: i + 1, i:])


# --- as images -------------------------------------------------------------------------------------------------------


def test_eight_bits_stay_as_they_are_until_a_pixel_has_no_data(tmp_path):
    values = numbers(5, "uint8")
    image = read_image(write_raster(tmp_path / "a.tif", values, nodata=0))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, values)
    values[2, 3] = 0
    image = read_image(write_raster(tmp_path / "b.tif", values, nodata=0))
    assert image.dtype == np.float32
    assert np.isnan(image[2, 3]).all()
    assert np.isnan(image).sum() == 5


def test_ranges_become_0_to_255_and_what_lies_outside_is_clipped(tmp_path):
    values = np.array([[[-5.0, 100]], [[0, 200]], [[5, 300]], [[10, 1000]]], np.float32)
    path = write_raster(tmp_path / "a.tif", values)
    image = read_image(path, ranges=((0.0, 10.0), (100.0, 300.0)))
    np.testing.assert_allclose(image[:, 0], [[0, 0], [0, 127.5], [127.5, 255], [255, 255]], rtol=1e-6)


def test_numbers_without_known_ranges_follow_the_rule_for_pictures(tmp_path):
    values = numbers(3, "uint16") * 500
    np.testing.assert_allclose(read_image(write_raster(tmp_path / "a.tif", values)), values / 257, rtol=1e-6)
    values = numbers(3, "float32") / 200
    values[0, 0] = -9999
    image = read_image(write_raster(tmp_path / "b.tif", values, nodata=-9999))
    np.testing.assert_allclose(image[1:], values[1:] * 255, rtol=1e-6)
    with pytest.raises(DataError, match=r"expected floats in 0 to 1, got .*; the model was trained on 8-bit images"):
        read_image(write_raster(tmp_path / "c.tif", numbers(3, "float32")))


def test_other_kinds_of_numbers_than_in_training_are_refused(tmp_path):
    ranges = ((0.0, 10.0), (0.0, 10.0))
    with pytest.raises(DataError, match=r"a\.tif: expected 2 bands as in training, got 3 bands"):
        read_image(write_raster(tmp_path / "a.tif", numbers(3)), ranges=ranges)
    with pytest.raises(DataError, match=r"b\.tif: expected numbers as in training"):
        read_image(write_raster(tmp_path / "b.tif", numbers(2, "uint8")), ranges=ranges)


def test_a_palette_gives_its_colours_to_an_image_and_its_numbers_to_a_mask(tmp_path):
    palette = {0: (10, 20, 30), 1: (40, 50, 60), 2: (70, 80, 90)}
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3) % 3
    path = write_raster(tmp_path / "a.tif", labels, palette=palette, photometric="PALETTE")
    np.testing.assert_array_equal(read_image(path), np.array(list(palette.values()))[labels])
    np.testing.assert_array_equal(read_mask(path), labels)
    assert mask_palette(path)[:3] == tuple(palette.values())


@pytest.mark.parametrize(("kind", "expected"), [(np.uint8, [51, 128]), (np.float32, [51, 127.5])])
def test_missing_pixels_get_the_mean_colour_in_the_type_there_is(kind, expected):
    pixels = np.full((2, 3, 2), 7, kind)
    missing = np.zeros((2, 3), bool)
    missing[1, 1] = True
    whole = filled(pixels, missing, (0.2, 0.5))
    assert whole.dtype == kind
    np.testing.assert_allclose(whole[1, 1], expected)
    assert (whole[~missing] == 7).all()
    assert (pixels == 7).all(), "what was given stays as it is"
    np.testing.assert_array_equal(where_marked(marked(pixels, missing)), missing)
    assert where_marked(whole) is None


# --- as masks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_mask_gives_the_numbers_it_holds_and_marks_what_has_no_data(tmp_path, dtype):
    values = np.array([[0, 1, 2], [3, 9, 9]], dtype)
    np.testing.assert_array_equal(read_mask(write_raster(tmp_path / "a.tif", values)), values)
    mask = read_mask(write_raster(tmp_path / "b.tif", values, nodata=9))
    np.testing.assert_array_equal(mask, [[0, 1, 2], [3, NODATA, NODATA]])


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.array([[0.5, 1]], np.float32), {}, "expected whole numbers"),
        (np.array([[-3, 1]], np.int16), {}, "expected whole numbers from 0"),
        (np.zeros((2, 3, 2), np.uint8), {}, "expected a mask of one band, got 2"),
        (np.zeros((2, 3, 3), np.uint8), {"nodata": 0}, "beside 'no data'"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path, values, options, message):
    with pytest.raises(DataError, match=message):
        read_mask(write_raster(tmp_path / "a.tif", values, **options))


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_off_or_changed_is_one_line(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbers(), compress="deflate", **BLOCKS)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="the file ends before its pixels do"):
        read_image(path)
    path.write_bytes(content)
    damage_last_block(path)
    with pytest.raises(DataError, match="cannot decode it"):
        read_image(path)


def test_sizes_are_checked_before_decoding(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.zeros((1000, 1000, 9), np.uint8), SPARSE_OK="TRUE")
    with pytest.raises(DataError, match="at most 900,000 pixels"):
        read_image(path, 900_000)
    with pytest.raises(DataError, match=r"at most 8,000,000 values, got .* in 9 bands"):
        read_image(path, 2_000_000)


def test_complex_numbers_and_several_rasters_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected real numbers, got complex64"):
        read_image(write_raster(tmp_path / "a.tif", np.zeros((4, 5, 2), np.complex64)))
    path = write_raster(tmp_path / "b.tif", numbers(1, "uint8"))
    with rasterio.open(path) as dataset:
        copy(dataset, tmp_path / "c.tif", driver="GTiff")
        copy(dataset, tmp_path / "c.tif", driver="GTiff", APPEND_SUBDATASET="YES")
    with pytest.raises(DataError, match="expected one raster, got 2 pages"):
        read_image(tmp_path / "c.tif")


def test_without_rasterio_the_pip_line_is_the_error(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "a.tif", numbers())
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingPackageError, match=r'pip install "segue\[geo\]"'):
        read_image(path)
    assert image_size(path) == SIZE, "the size needs no package"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")  # where the tags of a raster are gone, Pillow has a look
def test_changed_bytes_are_an_array_or_one_line(tmp_path):
    generator, path = np.random.default_rng(0), tmp_path / "a.tif"
    options = ({"compress": "deflate", **BLOCKS}, {"compress": "lzw", "nodata": 0}, {"BIGTIFF": "YES"})
    contents = [write_raster(path, numbers(3), **one).read_bytes() for one in options]
    read, refused = 0, []
    for turn in range(60):
        content = bytearray(contents[turn % 3])
        for place in generator.integers(0, 900, 1 + turn % 4):
            content[place] = generator.integers(256)
        path.write_bytes(content)
        for function in (read_image, read_mask, image_size, mask_palette):
            try:
                function(path)
                read += 1
            except DataError as error:
                refused.append(str(error))
    assert read > 20
    assert len(refused) > 20
    assert not [line for line in refused if "\n" in line]
