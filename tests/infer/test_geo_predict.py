"""Rasters in, rasters out: what the network sees of a part is what it sees of the whole, and the grid is kept."""

import dataclasses
import logging
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import segue.commands.predict as command
import segue.infer.geo_outputs
import segue.infer.scene
from rasters import BLOCKS, CRS, TRANSFORM, reflectances, write_raster, write_raster_folders
from segue.configs import PredictConfig
from segue.data.classes import IGNORE
from segue.data.geometry import resize_image
from segue.data.geotiff import Georeference, opened_raster
from segue.data.geotiff_writer import Layout, raster_writer
from segue.data.image import read_mask, read_with_missing
from segue.data.scale import filled
from segue.errors import DataError
from segue.infer.geo_outputs import write_scene, write_scene_overlay
from segue.infer.maps import Mark, Wanted
from segue.infer.scene import Scene
from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling
from tiny_model import COLOURS, NAMES, tiny_info, tiny_model, write_run

RANGES = ((0.0, 9000.0),) * 5


def info_of(channels=5, ranges=RANGES, **changes):
    info = tiny_info(channels=channels)
    return dataclasses.replace(info, prep=dataclasses.replace(info.prep, ranges=ranges, **changes))


def segmenter_of(info, tiling=None):
    return Segmenter(tiny_model(info), info, "cpu", tiling)


@pytest.fixture
def scene(tmp_path):
    """A raster of 5 bands with a border that has no data, tiled and compressed."""
    values = reflectances(1, size=(70, 110))[0]
    values[:9], values[:, :13] = 0, 0
    return write_raster(tmp_path / "in" / "scene.tif", values, nodata=0, compress="deflate", **BLOCKS)


def written(segmenter, scene, folder):
    write_scene(segmenter, scene, {"mask": folder / "mask.tif", "probabilities": folder / "shares.tif"})
    with rasterio.open(folder / "mask.tif") as mask, rasterio.open(folder / "shares.tif") as shares:
        return mask.read(1), shares.read()


# --- what the network sees -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def open_scenes(tmp_path_factory):
    """The same content as uint8 of 3 bands, as uint8 of 4 with holes, and as uint16 of 5."""
    folder, values = tmp_path_factory.mktemp("scenes"), reflectances(2, size=(83, 61))[0]
    eight = (values // 40).clip(1, 255).astype(np.uint8)
    holes = eight[..., :4].copy()
    holes[20:50, 10:40] = 0
    values[:5] = 0
    return {
        3: write_raster(folder / "a.tif", eight[..., :3], **BLOCKS),
        4: write_raster(folder / "b.tif", holes, nodata=0),
        5: write_raster(folder / "c.tif", values, nodata=0, **BLOCKS),
    }


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([3, 4, 5]), st.floats(0.1, 2.5), st.data())
def test_a_tile_is_the_part_of_the_resized_whole(open_scenes, bands, pixel_scale, data):
    prep = info_of(bands, RANGES if bands == 5 else (), pixel_scale=pixel_scale, largest=10).prep
    pixels, missing = read_with_missing(open_scenes[bands], ranges=prep.ranges)
    with opened_raster(open_scenes[bands]) as opened:
        lazy = Scene(*opened, prep)
        height, width = lazy.shape[:2]
        top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
        bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
        tile = lazy[top:bottom][:, left:right]
    whole = resize_image(filled(pixels, missing, prep.mean), (height, width))
    assert tile.dtype == whole.dtype
    difference = np.abs(tile.astype(np.float32) - whole[top:bottom, left:right])
    # Pillow takes the corners of a part in float32; an 8-bit value on the edge between two may round the other way
    assert difference.max() <= (1 if tile.dtype == np.uint8 else 0.05)


@pytest.mark.parametrize("side", [None, 64, 96])
@pytest.mark.parametrize("pixel_scale", [0.5, 1.0, 1.7])
def test_a_raster_read_by_the_window_gives_what_it_gives_read_whole(tmp_path, scene, side, pixel_scale):
    info = info_of(largest=10, pixel_scale=pixel_scale)  # next to any such size, the scene is a mosaic
    segmenter = segmenter_of(info, Tiling(side, overlap=0.5))
    whole = segmenter.predict(scene, probabilities=True)
    ids, shares = written(segmenter, scene, tmp_path)
    np.testing.assert_allclose(shares, whole.probabilities, atol=1e-3)
    assert (ids == whole.mask).mean() > 0.999


def test_a_scene_that_is_not_cut_gives_every_bit_of_what_it_gives_read_whole(tmp_path, scene):
    segmenter = segmenter_of(info_of(largest=70 * 110))
    whole = segmenter.predict(scene, probabilities=True)
    ids, shares = written(segmenter, scene, tmp_path)
    np.testing.assert_array_equal(ids, whole.mask)
    np.testing.assert_array_equal(shares, whole.probabilities)


@pytest.mark.parametrize("rows", [slice(0, 5), slice(50, 53), slice(100, 128)])
def test_rows_without_data_stay_in_their_place_among_rows_that_have_it(tmp_path, rows):
    values = reflectances(1, size=(128, 40))[0]
    values[rows] = 0
    path = write_raster(tmp_path / "in.tif", values, nodata=0)
    segmenter = segmenter_of(info_of(largest=10, pixel_scale=0.8), Tiling(32, overlap=0.0))
    write_scene(segmenter, path, {"mask": tmp_path / "mask.tif"})
    with rasterio.open(tmp_path / "mask.tif") as mask:
        np.testing.assert_array_equal(mask.read(1) == IGNORE, (values == 0).all(axis=2))


def test_rows_are_read_once_per_row_of_tiles_and_none_is_kept(tmp_path, scene, monkeypatch):
    asked = []
    read_part = segue.infer.scene.read_part
    monkeypatch.setattr(segue.infer.scene, "read_part", lambda *given: asked.append(given[2]) or read_part(*given))
    written(segmenter_of(info_of(largest=10, pixel_scale=1.0), Tiling(32, overlap=0.25)), scene, tmp_path)
    assert [window[0] for window in asked] == [0] * 3
    assert max(window[3] - window[1] for window in asked) <= 32 + 6


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_scene_is_seen_tile_by_tile_and_may_be_left_out(tmp_path, scene):
    segmenter, asked = segmenter_of(info_of(largest=10, pixel_scale=1.0), Tiling(32, overlap=0.25)), []
    out = tmp_path / "mask.tif"

    def leave_out(look):
        asked.append(look)
        return True

    written = write_scene(segmenter, scene, {"mask": out}, leave_out=leave_out)
    assert (written.kept, written.height, written.width) == (False, 70, 110)
    assert not list(tmp_path.glob("*mask*"))
    assert len(asked[0].features) > 6
    kept = write_scene(segmenter, scene, {"mask": out}, leave_out=lambda look: False)
    assert kept.kept
    assert out.is_file()
    np.testing.assert_array_equal(kept.look.features, asked[0].features)


def test_the_mask_lies_where_the_scene_lies(tmp_path, scene):
    write_scene(segmenter_of(info_of()), scene, {"mask": tmp_path / "mask.tif"})
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.crs == rasterio.CRS.from_string(CRS)
        assert mask.transform == TRANSFORM
        assert mask.shape == (70, 110)
        assert (mask.nodata, mask.dtypes, mask.compression.name) == (IGNORE, ("uint8",), "deflate")
        assert [mask.tags()[f"CLASS_{i}"] for i in range(4)] == list(NAMES)
        assert [mask.colormap(1)[i][:3] for i in range(4)] == list(COLOURS)
        assert mask.block_shapes == [(256, 256)]
        ids = mask.read(1)
    assert (ids[:9] == IGNORE).all()
    assert (ids[:, :13] == IGNORE).all()
    assert (ids[9:, 13:] < 4).all()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["mask.tif"], "nothing lies beside it"


def test_probabilities_are_a_band_a_class_and_nan_where_there_is_no_data(tmp_path, scene):
    _, shares = written(segmenter_of(info_of()), scene, tmp_path)
    assert np.isnan(shares[:, :9]).all()
    np.testing.assert_allclose(shares[:, 9:, 13:].sum(axis=0), 1, atol=1e-5)
    with rasterio.open(tmp_path / "shares.tif") as dataset:
        assert dataset.descriptions == NAMES
        assert dataset.crs == rasterio.CRS.from_string(CRS)
        assert np.isnan(dataset.nodata)


def test_uncertainty_and_review_are_those_of_the_raster_read_whole_on_its_grid(tmp_path, scene):
    info = dataclasses.replace(info_of(largest=70 * 110), temperature=1.7)
    segmenter = segmenter_of(info)
    mark = Mark(1, float(np.nanmedian(segmenter.predict(scene, probabilities=True).probabilities[1])))
    paths = {kind: tmp_path / f"{kind}.tif" for kind in ("mask", "uncertainty", "review")}
    tally = write_scene(segmenter, scene, paths, mark).tally
    pixels, missing = read_with_missing(scene, ranges=info.prep.ranges)
    whole = segmenter.segment(segmenter.prepare(pixels, missing), Wanted(uncertainty=True, review=mark))
    for kind, nothing in (("uncertainty", 65535), ("review", 255)):
        with rasterio.open(paths[kind]) as dataset:
            values = dataset.read(1)
            assert (dataset.nodata, dataset.crs) == (nothing, rasterio.CRS.from_string(CRS))
            assert dataset.dtypes == (values.dtype.name,)
        np.testing.assert_array_equal(values, whole.maps[kind])
        assert (values[:9] == nothing).all()
        np.testing.assert_array_equal(tally.counts[kind], np.bincount(values.ravel(), minlength=nothing + 1))
    assert 0 < tally.counts["review"][1] < 61 * 97


def test_a_raster_gets_the_scores_of_a_picture(tmp_path, scene):
    (image,) = predict(tmp_path, scene, uncertainty=True).to_json()["images"]
    assert 0 < image["uncertainty"] <= 1
    assert (tmp_path / "out" / "scene_uncertainty.tif").is_file()
    path = write_raster(tmp_path / "in" / "empty.tif", np.zeros((40, 50, 5), np.uint16), nodata=0)
    (image,) = predict(tmp_path, path, uncertainty=True).to_json()["images"]
    assert image["uncertainty"] is None


def test_a_written_mask_is_a_mask_to_train_on(tmp_path, scene):
    write_scene(segmenter_of(info_of()), scene, {"mask": tmp_path / "mask.tif"})
    with rasterio.open(tmp_path / "mask.tif") as dataset:
        ids = dataset.read(1)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif"), np.where(ids == IGNORE, 65536, ids.astype(int)))


def test_a_raster_without_a_place_gets_a_mask_without_one(tmp_path):
    path = write_raster(tmp_path / "in.tif", reflectances(0)[0], crs=None, transform=None)
    write_scene(segmenter_of(info_of()), path, {"mask": tmp_path / "mask.tif"})
    with opened_raster(tmp_path / "mask.tif") as (_, raster):
        assert raster.georeference is None


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.sampled_from(["uint8", "float32"]))
def test_rows_arrive_in_any_portions(tmp_path_factory, portions, dtype):
    path, height = tmp_path_factory.mktemp("rows") / "a.tif", sum(portions)
    rows = np.random.default_rng(height).integers(0, 255, (2, height, 33)).astype(dtype)
    place = Georeference(None, (2.0, 0.0, 5.0, 0.0, -2.0, 7.0))
    with raster_writer(path, Layout(height, 33, dtype, place, count=2)) as writer:
        for portion, end in zip(portions, np.cumsum(portions), strict=True):
            writer.add(rows[:, end - portion : end])
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), rows)
        assert tuple(dataset.transform)[:6] == place.transform


def test_a_large_scene_has_its_overlay_drawn_smaller(tmp_path, scene, monkeypatch, caplog):
    segmenter = segmenter_of(info_of())
    write_scene(segmenter, scene, {"mask": tmp_path / "mask.tif"})
    write_scene_overlay(tmp_path / "whole.jpg", scene, tmp_path / "mask.tif", segmenter)
    monkeypatch.setattr(segue.infer.geo_outputs, "OVERLAY_SIDE", 55)
    with caplog.at_level(logging.INFO, "segue"):
        write_scene_overlay(tmp_path / "small.jpg", scene, tmp_path / "mask.tif", segmenter)
    assert "the overlay is drawn at 1/2 of the raster's size" in caplog.text
    with Image.open(tmp_path / "whole.jpg") as whole, Image.open(tmp_path / "small.jpg") as small:
        assert (whole.size, small.size) == ((110, 70), (55, 35))
        assert np.asarray(whole)[:6].max() < 20, "no data is black"


# --- the command -----------------------------------------------------------------------------------------------------


def predict(tmp_path, *paths, info=None, **options):
    run = write_run(tmp_path / "run", info or info_of())
    return command.run(PredictConfig(run=run, paths=paths, out=tmp_path / "out", device="cpu", **options))


def test_a_raster_gives_a_raster_and_a_picture_a_picture(tmp_path):
    colour = reflectances(0)[0][..., :3] // 40
    write_raster(tmp_path / "in" / "b.tif", colour.astype(np.uint8))
    Image.fromarray(colour.astype(np.uint8)).save(tmp_path / "in" / "a.png")
    Image.fromarray(colour.astype(np.uint8)).save(tmp_path / "in" / "c.tif")
    result = predict(tmp_path, tmp_path / "in", info=info_of(3, ()), probabilities=True)
    assert result.exit_code == 0
    assert [sorted(p.rpartition("/")[2] for p in image["files"].values()) for image in result.images] == [
        ["a.npz", "a.png", "a_overlay.jpg"],
        ["b.tif", "b_overlay.jpg", "b_probabilities.tif"],
        ["c.npz", "c.png", "c_overlay.jpg"],
    ]
    with Image.open(tmp_path / "out" / "a.png") as picture:
        np.testing.assert_array_equal(read_mask(tmp_path / "out" / "b.tif"), np.asarray(picture))


def test_shares_are_of_the_pixels_with_data(tmp_path, scene):
    (image,) = predict(tmp_path, scene).to_json()["images"]
    assert sum(image["shares"].values()) == pytest.approx(1, abs=1e-4)
    assert image["without_data"] == pytest.approx(1 - (61 * 97) / (70 * 110), abs=1e-6)
    assert (image["height"], image["width"]) == (70, 110)


def test_a_raster_without_any_data_is_all_255(tmp_path):
    path = write_raster(tmp_path / "in" / "empty.tif", np.zeros((40, 50, 5), np.uint16), nodata=0)
    (image,) = predict(tmp_path, path).to_json()["images"]
    assert image["without_data"] == 1
    assert set(image["shares"].values()) == {0}


def test_what_cannot_be_done_is_one_line_each_and_leaves_nothing(tmp_path, scene, monkeypatch):
    folder = scene.parent
    values = reflectances(0)[0]
    write_raster(folder / "bands.tif", values[..., :4])
    write_raster(folder / "eight.tif", (values // 40).astype(np.uint8))
    cut = write_raster(folder / "cut.tif", values, compress="deflate")
    cut.write_bytes(cut.read_bytes()[:-5000])
    np.save(folder / "array.npy", values)
    Image.fromarray(values[..., :3].astype(np.uint8)).save(folder / "picture.png")
    result = predict(tmp_path, folder, probabilities=True)
    assert [image["image"].rpartition("/")[2] for image in result.images] == ["array.npy", "scene.tif"]
    for name, reason in {
        "bands.tif": "expected 5 bands as in training, got 4 bands",
        "eight.tif": "expected numbers as in training",
        "cut.tif": "the file ends before its pixels do",
        "picture.png": "expected a raster like those the model was trained on",
    }.items():
        (line,) = (line for line in result.failed if name in line)
        assert reason in line
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("array.npz", "array.png", "array_overlay.jpg"),
        *("scene.tif", "scene_overlay.jpg", "scene_probabilities.tif"),
    ]


def test_a_scene_too_wide_for_a_row_of_tiles_is_refused_before_anything_is_computed(tmp_path, scene, monkeypatch):
    monkeypatch.setattr(segue.infer.scene, "MOST_LOGITS", 10_000)
    with pytest.raises(DataError, match=r"expected the logits of a row .* at most .*: use a smaller --tile"):
        write_scene(segmenter_of(info_of()), scene, {"mask": tmp_path / "mask.tif"})


@pytest.mark.parametrize(("factor", "warned"), [(1, False), (0.0001, True)])
def test_another_product_than_in_training_is_told(tmp_path, caplog, factor, warned):
    values = (reflectances(0)[0] * factor).astype(np.float32)
    path = write_raster(tmp_path / "in.tif", values)
    with caplog.at_level(logging.WARNING, "segue"):
        write_scene(segmenter_of(info_of(ranges=((300.0, 9000.0),) * 5)), path, {"mask": tmp_path / "mask.tif"})
    assert ("100 % of its values lie outside the range of the training images" in caplog.text) == warned


def test_a_dry_run_names_the_rasters_it_would_write(tmp_path, scene):
    lines = predict(tmp_path, scene, dry_run=True).lines()
    assert str(tmp_path / "out" / "scene.tif") in lines
    assert not (tmp_path / "out").exists()


def test_python_takes_rasters_and_arrays_of_their_numbers(scene):
    segmenter = segmenter_of(info_of())
    with rasterio.open(scene) as dataset:
        values = np.moveaxis(dataset.read(), 0, 2).astype(np.float32)
    values[(values == 0).all(axis=2)] = np.nan
    mask = segmenter.predict(scene).mask
    np.testing.assert_array_equal(segmenter.predict(values).mask, mask)
    assert (mask[:9] == IGNORE).all()


# --- from the first raster to the last -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_of_rasters_is_fitted_evaluated_and_predicted(tmp_path):
    from segue.commands import evaluate, fit
    from segue.configs import EvaluateConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig

    data = write_raster_folders(tmp_path / "data", count=8)
    config = FitConfig(
        paths=(data,),
        out=tmp_path / "run",
        steps=60,
        model=ModelConfig(encoder="test_resnet", decoder="fcn"),
        transfer=TransferConfig(mode="scratch"),
        optim=OptimConfig(lr=1e-2, batch=4),
        train=TrainConfig(device="cpu", validations=2),
    )
    fitted = fit.run(config)
    assert fitted.evaluation["miou"] > 0.3, "four classes by chance would be at 0.15 or less"
    again = evaluate.run(EvaluateConfig(run=tmp_path / "run", paths=(data,), device="cpu"))
    assert again.summary["miou"] == pytest.approx(fitted.evaluation["miou"], abs=1e-6)
    result = command.run(
        PredictConfig(run=tmp_path / "run", paths=(data / "images",), out=tmp_path / "out", device="cpu")
    )
    assert result.exit_code == 0
    agreement = []
    for number in range(8):
        with rasterio.open(tmp_path / "out" / f"{number:03d}.tif") as mask:
            ids = mask.read(1)
        assert (ids[:4] == IGNORE).all()
        agreement.append((ids[4:] == reflectances(number)[1][4:]).mean())
    assert np.mean(agreement) > 0.7


MEASURE = """
import resource, sys
from pathlib import Path
from segue.infer.geo_outputs import write_scene
from segue.infer.maps import Mark
from segue.infer.segmenter import Segmenter
import torch
torch.set_num_threads(1)
segmenter = Segmenter.load(Path(sys.argv[1]), "cpu")
outputs = {kind: Path(sys.argv[4]) / f"{kind}.tif" for kind in ("mask", "uncertainty", "review")}
write_scene(segmenter, Path(sys.argv[2]), outputs, Mark(1, 0.1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_scene(segmenter, Path(sys.argv[3]), outputs, Mark(1, 0.1))
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout", [{}, {"tiled": True, "blockxsize": 512, "blockysize": 512}], ids=["striped", "tiled"]
)
def test_memory_does_not_grow_with_the_scene(tmp_path, layout):
    run = write_run(tmp_path / "run", info_of(size=(256, 256), zoom=1.0, largest=256 * 256, pixel_scale=0.25))
    sizes = {"small": (1500, 6000), "large": (6000, 6000)}
    for name, size in sizes.items():
        sparse = {"height": size[0], "width": size[1], "count": 5, "dtype": "uint16", "SPARSE_OK": "TRUE"}
        options = {"crs": CRS, "transform": TRANSFORM, "compress": "deflate", **sparse, **layout}
        with rasterio.open(tmp_path / f"{name}.tif", "w", driver="GTiff", **options) as dataset:
            block = np.full((5, 512, 512), 3000, np.uint16)
            dataset.write(block, window=rasterio.windows.Window(512, 512, 512, 512))
    scenes = [str(tmp_path / f"{name}.tif") for name in sizes]
    words = [sys.executable, "-c", MEASURE, str(run), *scenes, str(tmp_path)]
    measured = subprocess.run(words, capture_output=True, text=True, check=True, cwd="tests").stdout
    small, large = (int(word) / 1024 for word in measured.split())
    whole = 6000 * 6000 * 5 * 2 / 2**20
    assert large - small < 0.2 * whole, f"{large:.0f} MB at 6000 rows, {small:.0f} MB at 1500"
