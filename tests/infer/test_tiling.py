import gc
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import segue.infer.resample
from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling, blended_rows, cuts, windows
from tiny_model import tiny_info, tiny_model


def network(padding_mode="zeros", reach=1, seed=0):
    """A small random network that looks `reach` pixels far."""
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.Conv2d(3, 4, 2 * reach + 1, padding=reach, padding_mode=padding_mode)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))

    def forward(tiles):
        with torch.inference_mode():
            return [layer(torch.from_numpy(np.array(t, np.float32).transpose(2, 0, 1))[None])[0] for t in tiles]

    return forward


def tiled(forward, pixels, side, tiling=Tiling()):  # noqa: B008 - frozen
    return torch.cat(list(blended_rows(forward, pixels, side, tiling)), dim=1)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 64), st.floats(0, 0.75))
def test_tiles_cover_everything_and_weights_sum_to_one(length, side, overlap):
    starts = cuts(length, side, overlap)
    weights = windows(starts, length, side)
    total = np.zeros(length)
    for start, window in zip(starts, weights, strict=True):
        assert np.isfinite(window).all()
        total[start : start + len(window)] += window
    assert starts[0] == 0
    assert starts[-1] + len(weights[-1]) == length
    np.testing.assert_allclose(total, 1, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(65, 300), st.integers(8, 64), st.floats(0, 0.75))
def test_neighbours_share_at_least_the_overlap(length, side, overlap):
    starts = cuts(length, side, overlap)
    for one, two in pairwise(starts):
        assert two > one
        assert one + side - two >= side - np.floor(side * (1 - overlap)) - 1  # the even spread rounds by a pixel


@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.6, 0.75])
@pytest.mark.parametrize(("height", "width"), [(100, 77), (32, 100), (33, 20), (64, 64)])
def test_a_network_that_looks_no_further_than_the_context_gives_what_it_gives_untiled(height, width, overlap):
    forward, pixels = network(reach=2), picture(height, width)
    torch.testing.assert_close(
        tiled(forward, pixels, 32, Tiling(overlap=overlap)), forward([pixels])[0], atol=1e-4, rtol=0
    )


def test_a_network_that_looks_further_still_agrees_away_from_the_seams():
    forward, pixels = network(reach=5), picture(100, 100)
    difference = (tiled(forward, pixels, 40) - forward([pixels])[0]).abs().amax(dim=0)
    starts = cuts(100, 40, 0.25)
    assert difference[:25, :25].max() < 1e-4  # the first tile alone, five pixels clear of its overlap
    assert difference.max() > 1e-3  # and the seams do differ: the bound above says something
    assert starts[1] == 30


def test_a_constant_image_gives_a_constant_output():
    forward = network("replicate", reach=3)
    logits = tiled(forward, np.full((90, 130, 3), 0.4, np.float32), 32)
    torch.testing.assert_close(logits, logits[:, :1, :1].expand_as(logits), atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch", [2, 3, 8, 100])
def test_how_many_tiles_are_made_ready_at_once_changes_no_bit(batch):
    forward, pixels = network(), picture(70, 130)
    assert torch.equal(tiled(forward, pixels, 32, Tiling(batch=batch)), tiled(forward, pixels, 32, Tiling(batch=1)))


def test_no_more_than_a_row_of_tiles_is_held():
    forward, pixels = network(), picture(400, 50)
    bands = list(blended_rows(forward, pixels, 32, Tiling()))
    assert max(band.shape[1] for band in bands) <= 32
    assert sum(band.shape[1] for band in bands) == 400


def bytes_of_tensors():
    """Of those that the garbage collector has not been told to pass over."""
    found = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor]
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in found}.values())


@pytest.mark.parametrize(("target", "rows"), [((70, 900), 1.45), ((105, 1350), 2.2)])
def test_the_logits_in_memory_are_those_of_a_row_of_tiles_and_while_resized_twice_that(monkeypatch, target, rows):
    segmenter = Segmenter(tiny_model(tiny_info()), tiny_info(), "cpu", Tiling(side=32))
    segmenter._step = 1
    row = 4 * 4 * 32 * 900  # bytes, classes, height, width
    monkeypatch.setattr(segue.infer.resample, "CHUNK", 4 * target[1])  # one row handed out at a time
    most = 0

    def note():
        nonlocal most
        most = max(most, bytes_of_tensors())

    def logits(looker, tiles):
        note()
        for tile in tiles:
            looker.add(tile, torch.zeros(1, 3, 2, 2))
        return [torch.full((4, *tile.shape[:2]), 1.0) for tile in tiles]

    monkeypatch.setattr(segmenter, "_logits", logits)
    gc.freeze()  # what is there already is not looked at
    try:
        segmenter.stream(picture(70, 900), target, lambda _top, _band: note())
    finally:
        gc.unfreeze()
    assert row <= most < rows * row


def test_the_network_sees_at_most_a_tile():
    seen = []

    def forward(tiles):
        seen.extend(tile.shape[:2] for tile in tiles)
        return [torch.zeros(2, *tile.shape[:2]) for tile in tiles]

    tiled(forward, picture(70, 20), 32)
    assert set(seen) == {(32, 20)}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(8, 64), st.floats(0, 0.75), st.sampled_from([1, 4, 14, 32, 64]))
def test_tiles_start_on_the_grid_of_the_network_and_overlap_as_asked(length, side, overlap, step):
    starts = cuts(length, side, overlap, step)
    weights = windows(starts, length, side)
    kept = step if step <= side else 1
    assert all(start % kept == 0 for start in starts)
    assert starts[-1] + len(weights[-1]) == length
    assert all(len(one) == side for one in weights[:-1])
    assert len(weights[-1]) > side - kept or len(starts) == 1
    for one, two in pairwise(starts):
        assert 0 < two - one <= max(kept, side * (1 - overlap))
    total = np.zeros(length)
    for start, window in zip(starts, weights, strict=True):
        total[start : start + len(window)] += window
    np.testing.assert_allclose(total, 1, atol=1e-6)


def strided(tiles):
    """A network of stride 8 that sees each cell alone; as all networks, it pads to its stride."""
    found = []
    for tile in tiles:
        maps = torch.from_numpy(np.array(tile, np.float32).transpose(2, 0, 1))[None]
        height, width = maps.shape[-2:]
        maps = torch.nn.functional.pad(maps, (0, -width % 8, 0, -height % 8))
        maps = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(maps, 8), scale_factor=8)
        found.append(maps[0, :, :height, :width])
    return found


def test_a_network_with_a_stride_gives_what_it_gives_untiled_on_its_own_grid_alone():
    pixels = picture(203, 150)
    whole = strided([pixels])[0]
    on_grid = torch.cat(list(blended_rows(strided, pixels, 64, Tiling(), 8)), dim=1)
    torch.testing.assert_close(on_grid, whole, atol=1e-5, rtol=0)
    off_grid = torch.cat(list(blended_rows(strided, pixels, 64, Tiling(), 1)), dim=1)
    assert ((off_grid - whole).abs() > 0.01).float().mean() > 0.5
