import numpy as np
import pytest
import torch

from segue.trust.independent import one_per_group
from segue.trust.look import Looker, colours, pooled


def test_colours_are_means_deviations_and_sharpness():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    image[..., 1] //= 2
    values = image / 255
    got = colours(image)
    np.testing.assert_allclose(got[:3], values.mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(got[3:6], values.std((0, 1)), atol=1e-6)
    grey = values.mean(2)
    steps = (np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
    assert got[6] == pytest.approx(steps / grey.std(), abs=1e-5)


def test_sharpness_is_that_of_noise_at_most_and_ignores_light():
    noise = np.random.default_rng(0).normal(128, 20, (200, 200, 1)).astype(np.float32)
    assert colours(noise)[-1] == pytest.approx(2 / np.sqrt(np.pi), abs=0.01)
    assert colours(noise / 2 + 30)[-1] == pytest.approx(colours(noise)[-1], abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 1), (6, 6, 4)])
def test_an_image_of_one_colour_has_no_sharpness(shape):
    assert colours(np.full(shape, 77, np.uint8))[-1] == 0


def test_a_map_is_pooled_over_its_positions():
    level = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(pooled(level), level.mean((2, 3)).numpy(), rtol=1e-6)


def test_tiles_without_data_are_left_out_where_there_are_others():
    random = np.random.default_rng(0)
    tiles = [random.integers(0, 256, (8, 8, 3)).astype(np.uint8), np.full((8, 8, 3), 116, np.uint8)]
    looker = Looker()
    for number, tile in enumerate(tiles):
        looker.add(tile, torch.full((1, 4, 2, 2), float(number)))
    assert looker.look().features.tolist() == [[0.0] * 4]
    np.testing.assert_array_equal(looker.look().colours, colours(tiles[0]))
    plain = Looker()
    plain.add(tiles[1], torch.ones(1, 4, 2, 2))
    assert plain.look().features.tolist() == [[1.0] * 4]


def test_of_a_group_the_middle_image_counts():
    assert one_per_group(["a", "a", "b", "a", "", ""]) == [1, 2, 4, 5]
    assert one_per_group([]) == []
