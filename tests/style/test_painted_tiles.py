"""Tiles fit together: with the statistics of the whole they are the whole; those of a small copy give no seams."""

import numpy as np
import pytest
import torch

from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.network import Wanted
from segue.style.picture import as_picture, eight_bits
from segue.style.tiling import paint_tiles, small_copy, tiles
from segue.style.transform_network import TransformNetwork
from tiny_painter import painter
from tiny_style import picture

# 8-bit levels: convolutions of another size add up in another order, and a value between two levels may go either way
TOLERANCE = 1


def pixels(height, width, seed=0):
    return eight_bits(picture(seed, height, width))


@pytest.mark.parametrize("blocks", [0, 1, 5])
def test_nothing_beyond_the_reach_counts(blocks):
    network = painter(blocks=blocks).double()
    side = 4 * (2 * network.reach // 4 + 4)
    content = torch.rand(1, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    style = network.prepared([Wanted(row=0)])
    statistics = network.statistics(content, style)
    content.requires_grad_()
    for place in (side // 2, side // 2 + 1, side // 2 + 2, side // 2 + 3):
        painted = network.stylise(content, style, statistics=statistics)
        (gradient,) = torch.autograd.grad(painted[0, :, place, place].sum(), content)
        seen = gradient[0].abs().sum(0).nonzero()
        assert (seen - place).abs().max() <= network.reach


@pytest.mark.parametrize("size", [(150, 211), (97, 64), (64, 301), (40, 40)])
@pytest.mark.parametrize("side", [96, 128])
def test_tiles_with_the_statistics_of_the_whole_are_the_whole(size, side):
    network, content = painter(), pixels(*size)
    style = network.prepared([Wanted(row=1)])
    whole = as_picture(content)
    expected = eight_bits(network.stylise(whole, style))
    found = paint_tiles(network, content, style, side, statistics=network.statistics(whole, style))
    assert np.abs(found.astype(int) - expected).max() <= TOLERANCE


def fill_the_range(network, content, style):
    """Scale the last convolution, whose random weights give anything, to a picture with a mean of 0.5."""
    features = network.transferred(network.autoencoder.features(content), style)
    raw = network.autoencoder(features, content.shape[2:])
    last, scale = network.autoencoder.decoder.last[1].layer, 0.15 / raw.std((2, 3))[0]
    last.weight.mul_(scale.view(3, 1, 1, 1))
    last.bias.copy_(last.bias * scale + 0.5 - scale * raw.mean((2, 3))[0])


@pytest.mark.parametrize("size", [(150, 211), (97, 230), (64, 300)])
@pytest.mark.parametrize(
    ("encoder", "tap"), [("squeezenet1_1", "fire4"), ("squeezenet1_1", "fire2"), ("vgg16", "relu3_1")]
)
def test_tiles_of_a_network_on_a_loss_network_are_the_whole_seams_included(encoder, tap, size):
    torch.manual_seed(0)
    network = AdainNetwork(Shape(encoder, (tap,), depth=2)).eval().requires_grad_(False)
    content = pixels(*size)
    style = network.prepared([Wanted(picture=picture(5, 40, 56))])
    whole = as_picture(content)
    fill_the_range(network, whole, style)
    expected = eight_bits(network.stylise(whole, style))
    assert expected.std() > 25, "something is painted"
    found = paint_tiles(network, content, style, 192, statistics=network.statistics(whole, style))
    assert len(list(tiles(*size, 192, network))) > 1
    assert np.abs(found.astype(int) - expected).max() <= TOLERANCE


def test_there_are_no_seams_with_the_statistics_of_a_small_copy():
    network, content = painter(), pixels(200, 260)
    style = network.prepared([Wanted(row=0)])
    statistics = network.statistics(small_copy(content, 96), style)
    at_once = eight_bits(network.stylise(as_picture(content), style, statistics=statistics))
    assert np.abs(paint_tiles(network, content, style, 96).astype(int) - at_once).max() <= TOLERANCE
    own = network.stylise(as_picture(content), style)
    assert np.abs(eight_bits(own).astype(int) - at_once).max() > TOLERANCE, (
        "a small copy's statistics are not the whole's"
    )


def test_tiles_cover_every_pixel_once_and_stay_within_their_side():
    network = TransformNetwork(1, 0.1)
    covered = np.zeros((517, 333), int)
    for tile in tiles(517, 333, 256, network):
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
        rows, columns = tile.window(517, 333)
        assert max(rows.stop - rows.start, columns.stop - columns.start) <= 256
        assert rows.start % network.step == columns.start % network.step == 0
    assert (covered == 1).all()


def test_strength_and_what_is_done_at_the_end_go_into_every_tile():
    network, content = painter(), pixels(100, 130)
    style = network.prepared([Wanted(row=0)])
    assert np.array_equal(paint_tiles(network, content, style, 96, strength=0.0), content)
    assert np.array_equal(paint_tiles(network, content, style, 96, finish=lambda _, part: part), content)


def test_sixteen_bits_are_painted_from_what_they_hold():
    network, content = painter(), pixels(100, 130).astype(np.float32) + np.float32(0.25)
    style = network.prepared([Wanted(row=0)])
    assert paint_tiles(network, content, style, 96).dtype == np.uint8


@pytest.mark.parametrize(("height", "width", "side"), [(400, 300, 50), (301, 77, 32), (40, 60, 100), (64, 64, 64)])
def test_a_small_copy_is_the_picture_shrunk(height, width, side):
    content = pixels(height, width)
    found = small_copy(content, side)
    assert max(found.shape[2:]) == min(side, max(height, width))
    assert (found.mean((2, 3)) - as_picture(content).mean((2, 3))).abs().max() < 0.02


def test_progress_ends_at_one():
    network, told = painter(), []
    paint_tiles(network, pixels(100, 130), network.prepared([Wanted(row=0)]), 96, watch=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
