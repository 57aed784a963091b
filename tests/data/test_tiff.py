"""The first directory of a TIFF, beside what Pillow and GDAL read in the same file."""

import numpy as np
import pytest
from PIL import Image

from rasters import BLOCKS, write_raster
from segue.data.tiff import read_tiff


def pixels(bands, dtype=np.uint8, size=(33, 47)):
    return np.random.default_rng(bands).integers(1, 100, (*size, bands)).astype(dtype)


@pytest.mark.parametrize("layout", [{}, BLOCKS], ids=["striped", "tiled"])
@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize("endianness", ["LITTLE", "BIG"])
@pytest.mark.parametrize(
    ("bands", "dtype", "numbers"),
    [(1, "uint8", "8-bit"), (5, "uint16", "integer"), (3, "int16", "integer"), (2, "float32", "float")],
)
def test_every_layout_of_the_file_is_read(tmp_path, layout, big, endianness, bands, dtype, numbers):
    options = layout | {"BIGTIFF": big, "ENDIANNESS": endianness, "compress": "deflate"}
    tiff = read_tiff(write_raster(tmp_path / "a.tif", pixels(bands, dtype), **options))
    assert tiff.size == (33, 47)
    assert tiff.numbers == numbers
    assert tiff.is_raster
    assert not tiff.is_cut()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_pictures_are_no_rasters(tmp_path, mode):
    picture = Image.fromarray(pixels(3)).convert("L" if mode == "I;16" else mode)
    picture = picture.convert("I;16") if mode == "I;16" else picture
    picture.save(tmp_path / "a.tif")
    tiff = read_tiff(tmp_path / "a.tif")
    assert tiff.size == (33, 47)
    assert not tiff.is_raster


@pytest.mark.parametrize(
    ("bands", "dtype", "options"),
    [
        (3, "uint8", {}),
        (3, "uint8", {"crs": None}),
        (3, "uint8", {"crs": None, "transform": None, "nodata": 0}),
        (2, "uint8", {"crs": None, "transform": None}),
        (4, "uint8", {"crs": None, "transform": None}),
        (7, "uint8", {"crs": None, "transform": None}),
        (3, "float32", {"crs": None, "transform": None}),
        (3, "int16", {"crs": None, "transform": None}),
    ],
)
def test_what_makes_a_raster(tmp_path, bands, dtype, options):
    assert read_tiff(write_raster(tmp_path / "a.tif", pixels(bands, dtype), **options)).is_raster


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_a_file_that_ends_before_its_pixels_is_cut(tmp_path, share):
    path = write_raster(tmp_path / "a.tif", pixels(5), compress="lzw", **BLOCKS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert read_tiff(path).is_cut()


def test_a_file_whose_unwritten_blocks_were_left_out_is_not_cut(tmp_path):
    empty = np.zeros((64, 64), np.uint8)
    assert not read_tiff(write_raster(tmp_path / "a.tif", empty, SPARSE_OK="TRUE", **BLOCKS)).is_cut()


def test_other_files_and_damaged_directories_are_none(tmp_path):
    path = write_raster(tmp_path / "a.tif", pixels(5))
    content = path.read_bytes()
    for bad in (b"", b"II*\0", content[:60], b"\x89PNG\r\n\x1a\n" + bytes(60), b"II*\0" + b"\xff" * 60):
        path.write_bytes(bad)
        assert read_tiff(path) is None
    assert read_tiff(tmp_path / "nothing.tif") is None
    assert read_tiff(tmp_path) is None


def test_changed_bytes_never_raise(tmp_path):
    path = write_raster(tmp_path / "a.tif", pixels(5, size=(20, 20)), compress="deflate")
    content, generator = path.read_bytes(), np.random.default_rng(0)
    for _ in range(120):
        changed = bytearray(content)
        for place in generator.integers(0, 400, 3):
            changed[place] = generator.integers(256)
        path.write_bytes(changed)
        tiff = read_tiff(path)
        if tiff is not None:
            assert isinstance((tiff.is_raster, tiff.size, tiff.numbers, tiff.is_cut()), tuple)
