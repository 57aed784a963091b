import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, label

from segue.trust.regions import regions


def by_code(codes, smallest, core):
    """The same, one code after the other."""
    found = []
    for code in np.unique(codes[codes >= 0]):
        numbers, count = label(codes == code, np.ones((3, 3)))
        for number in range(1, count + 1):
            one = numbers == number
            if one.sum() >= smallest and binary_erosion(one, np.ones((core, core))).any():
                found.append(tuple(np.flatnonzero(one)))
    return sorted(found)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([1, 3, 5]), st.integers(1, 4))
def test_the_sets_are_those_of_labelling_each_code_alone(seed, smallest, core, grain):
    random = np.random.default_rng(seed)
    coarse = random.integers(-1, 3, (random.integers(1, 9), random.integers(1, 9)))
    codes = np.kron(coarse, np.ones((grain, grain), np.int64))
    found = regions(codes, smallest, core)
    assert [tuple(part) for part in found] == by_code(codes, smallest, core)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_images_of_one_row_or_column(shape):
    assert len(regions(np.zeros(shape, np.int64), 1, 1)) == 1
    assert regions(np.zeros(shape, np.int64), 1, 3) == ()


def test_a_strip_at_the_edge_is_not_thick_because_the_image_ends():
    codes = np.full((20, 40), -1)
    codes[:3] = 0
    assert regions(codes, 1, 5) == ()
    codes[:5] = 0
    assert len(regions(codes, 1, 5)) == 1
