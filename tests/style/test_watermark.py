"""The watermark: what it survives, what it costs, and that nothing else is taken for one."""

import functools
import hashlib
import heapq
import re

import numpy as np
import pytest
from PIL import Image

from marked_pictures import BICUBIC, BILINEAR, KINDS, jpeg, picture, psnr, resized
from segue.errors import DataError
from segue.style import carriers, mark_frame, watermark
from segue.style.convolutional_code import GENERATORS, MEMORY, coded_length, decode, encode

NUMBER = 0x5A3F21


@functools.cache
def marked_picture(kind, height, width):
    return watermark.embed(picture(kind, height, width), NUMBER)


def number_in(pixels):
    found = watermark.read(pixels)
    return found and found.number


# --- the mark --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_mark_is_read_and_hardly_changes_the_picture(kind):
    before, after = picture(kind, 256, 301), marked_picture(kind, 256, 301)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert number_in(after) == NUMBER
    assert psnr(before, after) >= 40


CHANGES = {
    "JPEG 90": lambda pixels: jpeg(pixels, 90),
    "JPEG 75": lambda pixels: jpeg(pixels, 75),
    "half the size": lambda pixels: resized(pixels, 0.5, BILINEAR),
    "0.63 of the size": lambda pixels: resized(pixels, 0.63, BICUBIC),
    "1.37 times the size": lambda pixels: resized(pixels, 1.37, BILINEAR),
    "twice the size": lambda pixels: resized(pixels, 2, BICUBIC),
    "0.75 of the size, JPEG 75": lambda pixels: jpeg(resized(pixels, 0.75, BILINEAR), 75),
    "mirrored": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
    "turned by a quarter": lambda pixels: np.ascontiguousarray(np.rot90(pixels)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mark_survives(kind, change):
    assert number_in(CHANGES[change](marked_picture(kind, 256, 301))) == NUMBER


@pytest.mark.shared
def test_marks_in_photographs_and_paintings_survive(shared):
    paths = sorted((shared / "data" / "style").rglob("*.jpg"))
    assert paths
    for path in paths:
        with Image.open(path) as image:
            image.draft("RGB", (512, 512))
            marked = watermark.embed(np.asarray(image.convert("RGB")), NUMBER)
        assert number_in(jpeg(marked, 75)) == NUMBER, path.name
        assert number_in(resized(marked, 0.63, BILINEAR)) == NUMBER, path.name


def test_a_cropped_picture_holds_no_mark_rather_than_a_wrong_one():
    marked = watermark.embed(picture("scene"), NUMBER)
    assert number_in(np.ascontiguousarray(marked[20:, 20:])) is None


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_without_a_mark_have_none(kind):
    for size in ((256, 256), (256, 301), (400, 300)):
        assert watermark.read(picture(kind, *size)) is None


def test_random_carriers_are_no_mark():
    draw = np.random.default_rng(0)
    messages = (decode(draw.normal(size=coded_length(mark_frame.FRAME_BITS))) for _ in range(300))
    assert [mark_frame.unframed(message) for message in messages] == [None] * 300


def test_a_second_mark_replaces_the_first():
    once = watermark.embed(picture("scene"), NUMBER)
    assert number_in(watermark.embed(once, 7)) == 7


def test_the_colour_stays_and_only_luminance_carries():
    before = picture("grey")
    change = watermark.embed(before, NUMBER).astype(int) - before
    assert np.ptp(change, axis=2).max() == 0
    assert change.any()


def test_a_mark_does_not_depend_on_size():
    small, large = (watermark.embed(picture("grey", side, side), NUMBER) for side in (256, 768))
    assert number_in(small) == number_in(large) == NUMBER
    shown = [carriers.miniature(pixels) - 128 for pixels in (small, large)]
    assert np.corrcoef(shown[0].ravel(), shown[1].ravel())[0, 1] > 0.99


def test_agreement_falls_with_what_was_done():
    marked = watermark.embed(picture("scene"), NUMBER)
    clean, worn = (watermark.read(pixels).agreement for pixels in (marked, jpeg(resized(marked, 0.5, BILINEAR), 50)))
    assert clean > 0.95
    assert 0.5 < worn < clean


def test_a_picture_too_small_for_a_mark_is_refused():
    with pytest.raises(
        DataError, match=re.escape("expected at least 128 x 128 pixels to hold a watermark, got 127 x 300")
    ):
        watermark.embed(picture("grey", 127, 300), NUMBER)
    assert number_in(watermark.embed(picture("scene", 128, 128), NUMBER)) == NUMBER


def test_what_was_written_today_can_be_read_tomorrow():
    """Places, dither and code belong to the format of the mark: change them, and old marks are lost."""
    where = np.stack([watermark._BIT_OF, np.rint(watermark._DITHER / watermark.STEP * 2**16)]).astype("<i8")
    written = encode(mark_frame.framed(NUMBER)).tobytes() + where.tobytes()
    assert hashlib.sha256(written).hexdigest()[:16] == "b294ed26a9a26867"


# --- its parts -------------------------------------------------------------------------------------------------------


def test_carriers_are_coordinates_of_an_orthonormal_basis():
    values = np.random.default_rng(1).normal(size=carriers.COUNT)
    small = carriers.pattern(values)
    np.testing.assert_allclose(carriers.carriers(small), values, atol=1e-9)
    assert np.isclose(np.square(small).sum(), np.square(values).sum())
    assert np.isclose(carriers.carriers(small + 100), values).all(), "brightness is no carrier"


def test_every_coded_bit_has_carriers_all_over_the_picture():
    counts = np.bincount(watermark._BIT_OF)
    assert len(counts) == coded_length(mark_frame.FRAME_BITS)
    assert counts.min() >= 5


def test_a_frame_with_one_bit_wrong_is_none():
    frame = mark_frame.framed(NUMBER)
    assert mark_frame.unframed(frame) == NUMBER
    for place in range(mark_frame.FRAME_BITS):
        wrong = frame.copy()
        wrong[place] ^= 1
        assert mark_frame.unframed(wrong) is None
    assert mark_frame.unframed(np.zeros_like(frame)) is None


@pytest.mark.parametrize("number", [-1, 1 << 24])
def test_numbers_that_do_not_fit_are_refused(number):
    with pytest.raises(ValueError, match="expected a number of 24 bits"):
        mark_frame.framed(number)


def test_the_code_has_the_published_free_distance():
    """The lightest way that leaves state 0 and comes back: 24, by Dijkstra over the states."""

    def weight(register):
        return sum((register & one).bit_count() & 1 for one in GENERATORS)

    start = 1 << MEMORY
    waiting, done = [(weight(start), start >> 1)], set()
    while waiting:
        distance, state = heapq.heappop(waiting)
        if state == 0:
            break
        if state not in done:
            done.add(state)
            for register in (state, state | start):
                heapq.heappush(waiting, (distance + weight(register), register >> 1))
    assert distance == 24


def test_any_eleven_wrong_bits_are_corrected():
    draw = np.random.default_rng(2)
    for _ in range(50):
        message = draw.integers(0, 2, mark_frame.FRAME_BITS, dtype=np.uint8)
        sent = encode(message)
        assert len(sent) == coded_length(len(message))
        sent[draw.choice(len(sent), 11, replace=False)] ^= 1
        np.testing.assert_array_equal(decode(1.0 - 2.0 * sent), message)
