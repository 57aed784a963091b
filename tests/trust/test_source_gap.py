import numpy as np
import pytest

from segue.trust.domain_phrases import source_lines
from segue.trust.look import colours
from segue.trust.source_gap import source_gap

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


def images(scale=1.0, shift=0.0, seed=0):
    random = np.random.default_rng(seed)
    return [
        (255 * (scale * random.normal(MEAN, STD, (20, 30, 3)) + shift)).clip(0, 255).astype(np.uint8) for _ in range(9)
    ]


def gap_of(pictures):
    return source_gap(np.stack([colours(one) for one in pictures]), MEAN, STD)


def test_the_deviation_is_that_of_all_pixels_together():
    pictures = [one // (1 + i % 3) for i, one in enumerate(images())]
    gap, pixels = gap_of(pictures), np.concatenate([one.reshape(-1, 3) for one in pictures]) / 255
    np.testing.assert_allclose(gap.mean, pixels.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(gap.std, pixels.std(axis=0), atol=1e-4)


def test_images_like_the_source_s_do_not_differ():
    gap = gap_of(images())
    assert not gap.differs
    assert source_lines(gap.summary()) == []


@pytest.mark.parametrize(("scale", "shift"), [(0.3, 0.0), (1.0, 0.35), (0.4, 0.3)])
def test_dark_bright_and_flat_images_differ_and_a_line_says_what_to_do(scale, shift):
    gap = gap_of(images(scale, shift))
    assert gap.differs
    (line,) = source_lines(gap.summary())
    assert "--transfer.mode full" in line
    assert "0.48 0.46 0.41" in line


def test_nothing_is_said_where_there_is_nothing_to_compare_with():
    assert source_lines(None) == []
