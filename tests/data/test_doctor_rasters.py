"""The doctor on sets of GeoTIFFs: quiet about sound ones, and its repairs stay where they lie on the Earth."""

import numpy as np
import pytest
import rasterio

from rasters import CRS, TRANSFORM, reflectances, write_raster, write_raster_folders
from segue.data.doctor import examine
from segue.data.doctor.fix import fix
from segue.data.doctor.rasters import corners_apart
from segue.data.formats import open_index
from segue.data.geotiff import Georeference
from segue.data.image import read_mask


def diagnose(root):
    return examine(open_index([root]), roots=[root])


def codes(diagnosis):
    return sorted({found.code for found in diagnosis.problems})


@pytest.mark.parametrize("options", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "pixel"}])
def test_sound_rasters_raise_nothing(tmp_path, options):
    diagnosis = diagnose(write_raster_folders(tmp_path / "set", **options))
    assert diagnosis.problems == ()
    assert diagnosis.classes.names == ("class 0", "class 1", "class 2", "class 3")
    assert diagnosis.looked[0].image.channels == 5


def test_sidecars_of_rasters_are_no_pictures(tmp_path):
    root = write_raster_folders(tmp_path / "set")
    for path in list(root.rglob("*.tif")):
        for ending in (".tif.aux.xml", ".tfw", ".tif.ovr", ".prj"):
            path.with_suffix(ending).write_text("x")
    diagnosis = diagnose(root)
    assert diagnosis.images == 6
    assert diagnosis.problems == ()


def test_the_same_raster_twice_is_found_and_other_rasters_of_one_place_are_not(tmp_path):
    root = write_raster_folders(tmp_path / "set")
    for kind in ("images", "masks"):
        (root / kind / "copy.tif").write_bytes((root / kind / "003.tif").read_bytes())
    assert codes(diagnose(root)) == ["DUPLICATE_EXACT"]


def test_a_raster_with_another_number_of_bands_is_named(tmp_path):
    root = write_raster_folders(tmp_path / "set")
    write_raster(root / "images" / "002.tif", reflectances(2, 4)[0])
    (found,) = (one for one in diagnose(root).errors if one.code == "CHANNELS_DIFFER")
    assert found.path.name == "002.tif"
    assert found.message == "expected 5 channels like most images, got 4"


def test_one_band_is_not_taken_for_grey_where_the_numbers_have_no_common_scale(tmp_path):
    root = write_raster_folders(tmp_path / "set", bands=3)
    write_raster(root / "images" / "002.tif", reflectances(2, 1)[0])
    assert codes(diagnose(root)) == ["CHANNELS_DIFFER", "PAIR_EXTENT"]


def test_a_raster_of_more_values_than_may_be_decoded_is_not_decoded(tmp_path):
    root = write_raster_folders(tmp_path / "set")
    write_raster(root / "images" / "001.tif", np.zeros((48, 64, 40), np.uint16), SPARSE_OK="TRUE")
    errors = examine(open_index([root]), roots=[root], max_pixels=48 * 64).errors
    assert {(one.code, one.path.name) for one in errors if one.path.parent.name == "images"} == {
        *(("IMG_BOMB", f"{number:03d}.tif") for number in range(6))
    }


@pytest.mark.parametrize(("shift", "expected"), [((0, 0), 0), ((3, 4), 5), ((0.3, 0), 0.3)])
def test_corners_are_apart_by_pixels_of_the_image(shift, expected):
    place, other = TRANSFORM, rasterio.Affine(10, 0, 500_000 + 10 * shift[0], 0, -10, 4_600_000 - 10 * shift[1])
    first, second = (Georeference(None, tuple(one)[:6]) for one in (place, other))
    assert corners_apart(first, second, (48, 64)) == pytest.approx(expected)


def test_pixels_a_hundredth_larger_end_elsewhere():
    first = Georeference(None, (10, 0, 0, 0, -10, 0))
    second = Georeference(None, (10.1, 0, 0, 0, -10, 0))
    assert corners_apart(first, second, (48, 200)) == pytest.approx(2)


@pytest.mark.parametrize("nodata", [None, 0])
def test_a_repaired_raster_mask_stays_where_it_lies_and_keeps_its_holes(tmp_path, nodata):
    root, out = write_raster_folders(tmp_path / "set"), tmp_path / "out"
    labels = reflectances(3)[1] + 1
    labels[:4] = 0 if nodata == 0 else 1
    place = {"crs": CRS, "transform": rasterio.Affine(10, 0, 500_000 + 640 * 3, 0, -10, 4_600_000)}
    path = write_raster(root / "masks" / "003.tif", labels, nodata=nodata, **place)
    index, diagnosis = open_index([root]), diagnose(root)
    assert [(found.code, found.path) for found in diagnosis.errors] == [("MASK_OFF_BY_ONE", path)]
    fix(index, diagnosis, out, 10_000_000)
    after = diagnose(out)
    assert after.errors == after.warnings == ()
    with rasterio.open(out / "masks" / "003.tif") as mask:
        assert mask.crs == rasterio.CRS.from_string(CRS)
        assert mask.transform == place["transform"]
    truth, mask = reflectances(3)[1], read_mask(out / "masks" / "003.tif")
    np.testing.assert_array_equal(mask[4:], truth[4:])
    assert (mask[:4] == (65536 if nodata == 0 else 0)).all()
