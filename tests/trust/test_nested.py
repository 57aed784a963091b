import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segue.trust.nested import nested_order

COUNTS = arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.sampled_from([0, 0, 1, 7]))


@given(COUNTS, st.integers(0, 9))
def test_every_image_comes_once(pixels, seed):
    assert sorted(nested_order(pixels, seed)) == list(range(len(pixels)))


@given(COUNTS, st.integers(0, 9))
def test_every_class_is_in_as_many_images_as_there_are_classes(pixels, seed):
    start = nested_order(pixels, seed)[: pixels.shape[1]]
    assert ((pixels[start] > 0).any(axis=0) == (pixels > 0).any(axis=0)).all()


def test_a_class_of_one_image_comes_first_and_the_seed_decides_the_rest():
    pixels = np.ones((40, 2), np.int64)
    pixels[:, 1] = 0
    pixels[17, 1] = 5
    orders = [nested_order(pixels, seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert all(order[0] == 17 for order in orders)
