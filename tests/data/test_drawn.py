"""Outlines and run lengths as pixels: against brute force, against pycocotools, and there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from segue.data.drawn import rle
from segue.data.drawn.outline import shapes
from segue.data.drawn.polygon import EMPTY, Region, cut_out, fill
from segue.data.drawn.shapes import BrokenShapeError, box, disc, painted, points_of, runs

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
coordinates = st.floats(-8, 24, width=32)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9)
sizes = st.tuples(st.integers(1, 16), st.integers(1, 16))


def drawn(points, height: int, width: int) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    fill(np.array(points, float), height, width).paint(canvas, 1)
    return canvas == 1


def inside(points, x: float, y: float) -> bool:
    """Even-odd by a ray to the left, in exact arithmetic on the given numbers: the textbook loop over edges."""
    odd = False
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        if y0 > y1:
            (x0, y0), (x1, y1) = (x1, y1), (x0, y0)
        if y0 <= y < y1 and (y - y0) * (x1 - x0) <= (x - x0) * (y1 - y0):
            odd = not odd
    return odd


def random_mask(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    height, width = generator.integers(1, 24, 2)
    return generator.random((height, width)) < generator.uniform(0.05, 0.95)


# --- polygons --------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(polygons, sizes)
def test_a_pixel_is_inside_when_its_centre_is(points, size):
    from fractions import Fraction

    exact = [(Fraction(x), Fraction(y)) for x, y in points]
    half = Fraction(1, 2)
    expected = [[inside(exact, column + half, row + half) for column in range(size[1])] for row in range(size[0])]
    got = drawn(points, *size)
    near = [  # a centre so near an edge that rounding decides
        (row, column)
        for row, column in np.argwhere(got != expected).tolist()
        if min(abs(_distance(points, column + 0.5, row + 0.5))) > 1e-6
    ]
    assert near == []


def _distance(points, x: float, y: float) -> np.ndarray:
    """How far left or right of a point each edge passes it, infinite for edges that do not."""
    start, end = np.array(points, float), np.roll(np.array(points, float), -1, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    passes = (np.minimum(start[:, 1], end[:, 1]) <= y) & (y <= np.maximum(start[:, 1], end[:, 1]))
    return np.where(passes & np.isfinite(crossing), crossing - x, 0 if not passes.any() else np.inf)


def test_the_rule_at_the_outline_itself():
    assert drawn([(1, 1), (4, 1), (4, 3), (1, 3)], 5, 6).sum() == 6
    assert np.argwhere(drawn([(0.5, 0.5), (2.5, 0.5), (2.5, 2.5), (0.5, 2.5)], 4, 4)).tolist() == [
        [0, 0], [0, 1], [1, 0], [1, 1],
    ]  # fmt: skip
    assert drawn([(0.6, 0.6), (0.9, 0.6), (0.7, 0.9)], 3, 3).sum() == 0  # between centres
    star = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0), (2, 2), (8, 2), (8, 8), (2, 8), (2, 2)]
    assert drawn(star, 10, 10).sum() == 100 - 36  # even-odd: what is inside twice is outside


@settings(max_examples=60, deadline=None)
@given(polygons, st.floats(-4, 20, width=16), sizes)
def test_two_polygons_with_a_common_edge_neither_overlap_nor_leave_a_gap(points, cut, size):
    left, right = [], []
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        (left if x0 <= cut else right).append((x0, y0))
        if (x0 <= cut) != (x1 <= cut):
            crossing = (cut, y0 + (y1 - y0) * (cut - x0) / (x1 - x0))
            left.append(crossing)
            right.append(crossing)
    halves = [drawn(part, *size) if len(part) > 2 else np.zeros(size, bool) for part in (left, right)]
    whole = drawn(points, *size)
    rounded = np.abs(halves[0].astype(int) + halves[1] - whole).sum()
    assert not (halves[0] & halves[1]).any()
    assert rounded <= len(points)  # a crossing is rounded, so a centre on a slanted edge may change sides


def test_random_outlines_are_filled_as_pycocotools_fills_them():
    generator = np.random.default_rng(0)
    agreement = []
    for _ in range(60):
        count = generator.integers(5, 40)
        angle, radius = np.sort(generator.uniform(0, 2 * np.pi, count)), generator.uniform(60, 150, count)
        points = np.stack([320 + np.cos(angle) * radius, 240 + np.sin(angle) * radius], 1)
        theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([points.ravel().tolist()], 480, 640))) == 1
        ours = drawn(points, 480, 640)
        agreement.append((ours & theirs).sum() / (ours | theirs).sum())
    assert min(agreement) > 0.99
    assert np.mean(agreement) > 0.997


def test_outlines_on_the_corners_of_pixels_are_filled_exactly_as_pycocotools_fills_them():
    for seed in range(40):
        mask = random_mask(seed)
        for shape in shapes(mask):
            if not shape.holes:
                flat = shape.outer.astype(float).ravel().tolist()
                height, width = mask.shape
                theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([flat], height, width)))
                np.testing.assert_array_equal(drawn(shape.outer, height, width), theirs == 1)


def test_an_outline_of_very_many_edges_is_filled_in_portions(monkeypatch):
    points = np.stack([np.tile([0, 40], 50), np.linspace(0, 60, 100)], 1)
    whole = drawn(points, 60, 40)
    monkeypatch.setattr("segue.data.drawn.polygon._AT_ONCE", 7)
    np.testing.assert_array_equal(drawn(points, 60, 40), whole)


def test_regions_are_cut_at_the_border_and_may_lie_outside():
    assert drawn([(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)], 7, 9).all()
    assert fill(np.array([(20.0, 2), (30, 2), (25, 9)]), 7, 9) is EMPTY
    region = cut_out(np.pad(np.ones((2, 3), bool), 4))
    assert (region.top, region.left, region.area) == (4, 4, 6)
    assert cut_out(np.zeros((3, 3), bool)).area == 0


@pytest.mark.parametrize("points", [[1, 2, 3, 4], [1, 2, 3], "abc", None, [[1, "x"]], [1, 2, 3, 4, 5, float("nan")]])
def test_what_is_no_outline_is_refused_with_a_code(points):
    with pytest.raises(BrokenShapeError, match="expected") as caught:
        points_of(points)
    assert caught.value.code == "ANN_SHAPE"


def test_boxes_and_discs():
    assert box((1, 1), (4, 3), 9, 9).area == 6
    assert box((4, 3), (1, 1), 9, 9).area == 6
    assert disc((4.5, 4.5), 1, 9, 9).area == 5
    with pytest.raises(BrokenShapeError):
        disc((float("inf"), 0), 1, 9, 9)


def test_layers_lie_over_those_before_and_many_findings_are_counted():
    square = Region(0, 0, np.ones((2, 2), bool))
    drawing = painted(3, 3, [(5, [square]), (7, [Region(1, 1, np.ones((1, 1), bool))])], [("ANN_SHAPE", "x")] * 30)
    assert drawing.ids.tolist() == [[5, 5, 0], [5, 7, 0], [0, 0, 0]]
    assert len(drawing.findings) == 21
    assert "10 more" in drawing.findings[-1][1]


# --- outlines of masks -----------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_filling_the_outlines_of_a_mask_gives_the_mask(seed):
    mask = random_mask(seed)
    again = np.zeros(mask.shape, int)
    for shape in shapes(mask):
        again += drawn(shape.joined(), *mask.shape)
    np.testing.assert_array_equal(again, mask)


def test_regions_that_touch_at_a_corner_are_two_and_a_hole_belongs_to_the_region_around_it():
    mask = np.zeros((9, 12), bool)
    mask[0:2, 0:2] = mask[2:4, 2:4] = True
    assert len(shapes(mask)) == 2
    mask[:] = False
    mask[0:7, 0:7] = True
    mask[1:6, 1:6] = False
    mask[2:5, 2:5] = True
    mask[3, 3] = False
    outer, inner = sorted(shapes(mask), key=lambda shape: -np.ptp(shape.outer))
    assert (len(outer.holes), len(inner.holes)) == (1, 1)
    assert (outer.holes[0].min(), inner.holes[0].min()) == (1, 3)
    assert shapes(np.zeros((3, 3), bool)) == []


def test_straight_sides_have_corners_only():
    (shape,) = shapes(np.ones((30, 40), bool))
    assert sorted(map(tuple, shape.outer.tolist())) == [(0, 0), (0, 30), (40, 0), (40, 30)]


# --- run lengths -----------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_run_lengths_are_those_of_pycocotools(seed):
    mask = random_mask(seed)
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    counts = rle.encode(mask)
    assert rle.pack(counts) == theirs
    assert rle.unpack(theirs).tolist() == counts
    for stored in (counts, theirs, theirs.encode()):
        np.testing.assert_array_equal(rle.decode(stored, *mask.shape), mask)


def test_long_runs_are_packed_in_several_groups():
    mask = np.zeros((3000, 2000), bool)
    mask[17:2900, 100:1800] = True
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert rle.pack(rle.encode(mask)) == theirs
    np.testing.assert_array_equal(rle.decode(theirs, 3000, 2000), mask)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([5, 6], "expected runs of 3 x 4 = 12 pixels, got 11"),
        ([], "got 0"),
        ([13, -1], "expected counts of pixels, got -1"),
        ([2**60, 1], "whole numbers"),
        ([1.5, 10.5], "whole numbers"),
        ("", "got 0"),
        ("~~~", "packed run lengths"),
        ("\x01", "packed run lengths"),
        ("ab", "packed run lengths"),  # the last count does not end
        ("ooooooooooooooo0", "beyond any image"),
        ("日本", "packed run lengths"),
        (None, "whole numbers"),
        ({}, "whole numbers"),
    ],
)
def test_run_lengths_that_fit_no_image_are_refused(counts, message):
    with pytest.raises(rle.BrokenRunsError, match=message):
        rle.decode(counts, 3, 4)


def test_run_lengths_of_another_image_are_refused_with_a_code():
    assert runs([12], [3, 4], 3, 4).area == 0
    for size in ([4, 3], None, "34", [3, 4, 1]):
        with pytest.raises(BrokenShapeError, match="expected run lengths of an image of 3 x 4") as caught:
            runs([12], size, 3, 4)
        assert caught.value.code == "ANN_RLE"


@pytest.mark.parametrize("share", [0.3, 0.9, 1.0])
@pytest.mark.parametrize("box", [(0, 0, 12, 9), (0, 2, 12, 5), (3, 1, 4, 6), (11, 8, 1, 1), (0, 0, 1, 9)])
def test_counts_of_a_part_are_those_of_the_mask(share, box):
    top, left, rows, columns = box
    mask = np.zeros((12, 9), bool)
    mask[top : top + rows, left : left + columns] = np.random.default_rng(rows).random((rows, columns)) < share
    mask[top, left] = True
    part = mask[top : top + rows, left : left + columns]
    assert rle.encode_part(part, top, left, 12, 9) == rle.encode(mask)
