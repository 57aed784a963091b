import numpy as np
import pytest

from segue.trust.nested import nested_order


def some(seed):
    random = np.random.default_rng(seed)
    images, classes = random.integers(1, 13), random.integers(1, 6)
    return random.integers(0, 9, (images, classes)) * (random.random((images, classes)) < 0.3)


@pytest.mark.parametrize("seed", range(30))
def test_every_image_comes_once_and_every_class_in_as_many_images_as_there_are_classes(seed):
    pixels = some(seed)
    order = nested_order(pixels, seed)
    assert sorted(order) == list(range(len(pixels)))
    start = pixels[order[: pixels.shape[1]]]
    assert ((start > 0).any(axis=0) == (pixels > 0).any(axis=0)).all()


def test_a_class_of_one_image_comes_first_and_the_seed_decides_the_rest():
    pixels = np.ones((40, 2), np.int64)
    pixels[:, 1] = 0
    pixels[17, 1] = 5
    orders = [nested_order(pixels, seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert all(order[0] == 17 for order in orders)
