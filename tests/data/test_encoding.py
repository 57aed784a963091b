from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from fakes import DUBAI, LAYOUTS, save_image, save_palette, write_camvid, write_tiles, write_voc
from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.formats import open_index
from segue.data.image import read_mask
from segue.data.index import Sample
from segue.data.inferring import infer_classes
from segue.data.palettes import RECOGNISED, distinct_colours, known_palette, palette
from segue.data.survey import mask_values
from segue.errors import DataError

BLOCKS = np.kron(np.arange(12).reshape(3, 4), np.ones((8, 8))).astype(np.uint8)  # 12 blocks of 8 x 8 pixels, 0 to 11


def samples(folder: Path, *masks: np.ndarray) -> list[Sample]:
    """Samples whose masks hold these pixels."""
    paths = [save_image(folder / f"{number}.png", mask) for number, mask in enumerate(masks)]
    return [Sample(path.stem, path, path) for path in paths]


def values(table: dict[int, int]) -> np.ndarray:
    """The blocks with these values in turn."""
    keys = list(table)
    return np.array([table[keys[block % len(keys)]] for block in range(12)], np.uint8)[BLOCKS]


def only(*held: int) -> np.ndarray:
    return values(dict(enumerate(held)))


def test_index_masks_give_one_class_per_value(tmp_path):
    classes = infer_classes(samples(tmp_path, only(0, 1), only(2, 1)))
    assert classes.names == ("class 0", "class 1", "class 2")
    assert (classes.values, classes.ignored) == ((0, 1, 2), (255,))
    assert classes.palette == distinct_colours(3)


def test_gaps_between_values_stay(tmp_path):
    classes = infer_classes(samples(tmp_path, only(0, 7, 8, 11)))
    assert (classes.names[1], classes.values) == ("class 7", (0, 7, 8, 11))
    assert set(np.unique(encode(only(8, 11), classes))) == {2, 3}


def test_0_and_255_alone_are_binary_but_255_beside_others_is_ignored(tmp_path):
    binary = infer_classes(samples(tmp_path / "a", only(0), only(255), only(0, 255)))
    assert (binary.names, binary.values, binary.ignored) == (("background", "foreground"), (0, 255), ())
    index = infer_classes(samples(tmp_path / "b", only(0, 255), only(0, 1)))
    assert (index.values, index.ignored) == ((0, 1), (255,))
    assert index.names == ("background", "foreground")
    told = infer_classes(samples(tmp_path / "c", only(0, 255)), ignore=(255,))
    assert (told.names, told.ignored) == (("class 0",), (255,))


def test_colour_files_that_hold_grey_only_are_index_masks(tmp_path):
    grey = [np.stack([mask] * 3, axis=2) for mask in (only(0, 255), only(255))]
    classes = infer_classes(samples(tmp_path, *grey))
    assert classes.values == (0, 255)
    np.testing.assert_array_equal(encode(grey[0], classes), only(0, 1))


def test_ignored_values_are_no_classes(tmp_path):
    classes = infer_classes(samples(tmp_path, only(0, 1, 2, 9)), ignore=(9,))
    assert (classes.values, classes.ignored) == ((0, 1, 2), (9, 255))
    np.testing.assert_array_equal(np.unique(encode(only(2, 9, 255), classes)), [2, IGNORE])


def test_names_go_by_order_or_by_value(tmp_path):
    sparse = samples(tmp_path, only(0, 7))
    assert infer_classes(sparse, names=("a", "b")).values == (0, 7)
    by_value = infer_classes(sparse, names=tuple("abcdefghi"))
    assert (by_value.values, by_value.names[7]) == (tuple(range(9)), "h")
    with pytest.raises(DataError, match="expected values 0 to 2 for 3 class names, got 7"):
        infer_classes(sparse, names=("a", "b", "c"))


def test_a_name_may_stand_for_one_class_only(tmp_path):
    with pytest.raises(DataError, match="expected class names that differ, got a more than once"):
        infer_classes(samples(tmp_path, np.array([[0, 1, 2]], np.uint8)), names=("a", "a", "b"))


def test_layout_names_name_values_that_do_not_occur(tmp_path):
    few = samples(tmp_path, only(0, 2, 11))
    classes = infer_classes(few, ignore=(11,), layout_names=("sky", "road", "car", "bike"))
    assert (classes.names, classes.values) == (("sky", "road", "car", "bike"), (0, 1, 2, 3))
    assert infer_classes(few, tuple("abcd"), (11,), ("sky", "road", "car", "bike")).names == tuple("abcd")
    with pytest.raises(DataError, match="expected values 0 to 3 for 4 class names, got 11"):
        infer_classes(few, layout_names=("sky", "road", "car", "bike"))
    with pytest.raises(DataError, match="expected 4 class names for this layout, got 2"):
        infer_classes(few, ("a", "b"), (11,), ("sky", "road", "car", "bike"))


def test_palette_masks_keep_indices_and_lend_their_colours(tmp_path):
    colours = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
    paths = [save_palette(tmp_path / f"{n}.png", only(0, 1, 2), colours) for n in range(2)]
    classes = infer_classes([Sample(path.stem, path, path) for path in paths])
    assert (classes.values, classes.palette) == ((0, 1, 2), colours)


def test_colour_masks_are_ordered_by_code_and_called_by_it(tmp_path):
    colours = np.array([(200, 10, 10), (10, 200, 10), (10, 10, 200)], np.uint8)
    mask = colours[only(0, 1, 2)]
    classes = infer_classes(samples(tmp_path, mask))
    assert classes.names == ("#0A0AC8", "#0AC80A", "#C80A0A")
    assert classes.values == classes.palette == ((10, 10, 200), (10, 200, 10), (200, 10, 10))
    assert classes.ignored == ()
    np.testing.assert_array_equal(encode(mask, classes), np.array([2, 1, 0])[only(0, 1, 2)])
    assert infer_classes(samples(tmp_path, mask), ("blue", "green", "red")).names == ("blue", "green", "red")
    with pytest.raises(DataError, match="expected 3 class names for the colours #0A0AC8 #0AC80A #C80A0A, got 2"):
        infer_classes(samples(tmp_path, mask), ("blue", "green"))


def test_black_and_white_in_differing_files_are_background_and_foreground(tmp_path):
    bits = save_palette(tmp_path / "bits.png", only(0, 1), ((0, 0, 0), (255, 255, 255)))
    grey = save_image(tmp_path / "grey.png", only(0, 255))
    both = [Sample(path.stem, path, path) for path in (bits, grey)]
    classes = infer_classes(both)
    assert classes.names == ("background", "foreground")
    for path in (bits, grey):
        np.testing.assert_array_equal(encode(read_mask(path), classes, path), only(0, 1))


def test_files_with_palettes_of_their_own_agree_with_colour_files(tmp_path):
    index = open_index([write_tiles(tmp_path)])
    classes = infer_classes(index.samples)
    assert classes.names == ("Building", "Land", "Road", "Water")
    assert classes.ignored == ((155, 155, 155),)
    position = [classes.values.index(colour) for colour in DUBAI]
    for sample in index.samples:
        ids = encode(read_mask(sample.mask), classes, sample.mask)
        with Image.open(sample.mask) as picture:
            shown = np.array(picture.convert("RGB"))
        for wanted, colour in zip(position, DUBAI, strict=True):
            np.testing.assert_array_equal(ids == wanted, (shown == colour).all(axis=2))
        assert (ids[:2] == IGNORE).all()


def stray_set(folder: Path, masks: int) -> list[Sample]:
    """Masks of two colours; one pixel of the first is black."""
    colours = np.array([(200, 10, 10), (10, 200, 10)], np.uint8)
    pixels = [np.kron(colours[only(0, 1)], np.ones((6, 6, 1), np.uint8)) for _ in range(masks)]
    pixels[0][0, 0] = 0
    return samples(folder, *pixels)


def test_a_stray_colour_is_ignored_and_said_so(tmp_path, caplog):
    held = stray_set(tmp_path, masks=12)
    with caplog.at_level(logging.WARNING, "segue"):
        classes = infer_classes(held)
    assert classes.values == ((10, 200, 10), (200, 10, 10))
    assert classes.ignored == ((0, 0, 0),)
    assert "colour #000000 fills 1 of 331776 pixels in 1 of 12 masks" in caplog.text
    assert encode(read_mask(held[0].mask), classes)[0, 0] == IGNORE


def test_a_rare_colour_is_kept_when_named_or_when_masks_are_few(tmp_path):
    assert len(infer_classes(stray_set(tmp_path / "a", masks=12), ("black", "green", "red"))) == 3
    assert len(infer_classes(stray_set(tmp_path / "b", masks=4))) == 3


def test_a_rare_index_is_always_a_class(tmp_path):
    masks = [np.kron(only(0, 1), np.ones((6, 6), np.uint8)) for _ in range(12)]
    masks[0][0, 0] = 5
    assert infer_classes(samples(tmp_path, *masks)).values == (0, 1, 5)


def disc(size: int = 64) -> Image.Image:
    rows, columns = np.mgrid[:size, :size]
    inside = (rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 3) ** 2
    return Image.fromarray((inside * 255).astype(np.uint8))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda picture: picture.resize((90, 90), Image.Resampling.BILINEAR),
        lambda picture: picture.resize((40, 40), Image.Resampling.LANCZOS),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
        lambda picture: picture.convert("RGB").filter(ImageFilter.GaussianBlur(1)),
    ],
)
def test_smoothed_masks_are_refused(tmp_path, spoil):
    spoil(disc()).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png: expected one value per class, got .*segue doctor"):
        infer_classes([Sample("a", tmp_path / "a.png", tmp_path / "a.png")])


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_masks_are_refused_whatever_their_name(tmp_path, quality):
    disc().save(tmp_path / "a.jpg", quality=quality)
    with pytest.raises(DataError, match="saved as JPEG"):
        mask_values(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    with pytest.raises(DataError, match="saved as JPEG"):
        mask_values(tmp_path / "a.png")


def test_many_sharp_classes_are_no_smoothing(tmp_path):
    many = np.kron(np.arange(200, dtype=np.uint8).reshape(10, 20), np.ones((3, 3), np.uint8))
    assert len(infer_classes(samples(tmp_path, many))) == 200


def test_masks_that_hold_no_classes_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected labelled images, got none"):
        infer_classes([Sample("a", tmp_path / "a.png", None)])
    with pytest.raises(DataError, match="every pixel is ignored"):
        infer_classes(samples(tmp_path, only(9)), ignore=(9,))
    path = tmp_path / "ids.npy"
    np.save(path, np.kron(np.arange(400).reshape(20, 20), np.ones((4, 4))).astype(np.uint16))
    with pytest.raises(DataError, match="expected 1 to 255 classes, got 399"):
        infer_classes([Sample("a", path, path)])


# --- encode ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=30, unique=True), st.integers(0, 2**32 - 1))
def test_encode_agrees_with_a_loop_over_pixels(held, seed):
    classes = Classes(tuple(map(str, held)), distinct_colours(len(held)), tuple(held), (65535,))
    raw = np.random.default_rng(seed).choice([*held, 65535], (6, 7)).astype(np.uint16)
    expected = [[held.index(v) if v in held else IGNORE for v in row] for row in raw.tolist()]
    np.testing.assert_array_equal(encode(raw, classes), expected)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=20, unique=True), st.integers(0, 2**32 - 1))
def test_encode_agrees_with_a_loop_over_colours(colours, seed):
    classes = Classes(tuple(map(str, colours[1:])), tuple(colours[1:]), tuple(colours[1:]), (colours[0],))
    which = np.random.default_rng(seed).integers(0, len(colours), (6, 7))
    ids = encode(np.array(colours, np.uint8)[which], classes)
    assert ids.dtype == np.uint8
    np.testing.assert_array_equal(ids, np.where(which == 0, IGNORE, which - 1))


def test_unknown_values_are_named_with_count_and_path(tmp_path):
    classes = infer_classes(samples(tmp_path, only(0, 1, 2)))
    with pytest.raises(
        DataError, match=r"odd\.png: expected values of the known classes, got 7 \(128 pixels\), 9 \(64"
    ):
        encode(only(0, 7, 1, 7, 9, 0, 0, 0, 0, 0, 0, 0), classes, Path("odd.png"))
    colours = Classes(("a",), ((1, 1, 2),), ((1, 1, 2),), ())
    with pytest.raises(DataError, match=r"mask: .*#FF0000 \(768 pixels\)"):
        encode(np.full((24, 32, 3), (255, 0, 0), np.uint8), colours)
    with pytest.raises(DataError, match="expected an index mask like the others, got a colour one"):
        encode(np.full((4, 4, 3), (255, 0, 0), np.uint8), classes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_mask_of_every_layout_is_encoded(tmp_path, layout):
    index = open_index([LAYOUTS[layout][1](tmp_path)])
    classes = infer_classes(index.samples, (), index.ignore, index.names)
    for sample in index.samples:
        ids = encode(read_mask(sample.mask), classes, sample.mask)
        assert set(np.unique(ids).tolist()) <= {*range(len(classes)), IGNORE}


def test_layouts_bring_their_names_and_their_void(tmp_path):
    camvid = open_index([write_camvid(tmp_path / "camvid")])
    classes = infer_classes(camvid.samples, (), camvid.ignore, camvid.names)
    assert (len(classes), classes.ignored) == (11, (11, 255))
    assert (encode(read_mask(camvid.samples[0].mask), classes)[:3] == IGNORE).all()
    voc = open_index([write_voc(tmp_path / "voc")])
    classes = infer_classes(voc.samples, (), voc.ignore, voc.names)
    assert (len(classes), classes.names[15], classes.ignored) == (21, "person", (255,))


# --- palettes --------------------------------------------------------------------------------------------------------


def test_colour_maps():
    assert distinct_colours(22)[1::4] == (
        (128, 0, 0),
        (128, 0, 128),
        (192, 0, 0),
        (192, 0, 128),
        (128, 64, 0),
        (128, 64, 128),
    )
    assert len(set(distinct_colours(256))) == 256
    for known in map(palette, RECOGNISED):
        assert known_palette(set(known.colours)) is known
        assert not set(known.ignored) & set(known.colours)
        assert known_palette({*known.colours, (1, 2, 3)}) is None
        assert known_palette(set(list(known.colours)[:3])) is None


# --- real data -------------------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "names", "ignored"),
    [
        ("nuclei", ("background", "foreground"), ()),
        ("retina", ("background", "foreground"), ()),
        ("cracks", ("background", "foreground"), (255,)),
        ("aerial", ("Building", "Land", "Road", "Vegetation", "Water"), ((0, 0, 0), (155, 155, 155))),
        ("camvid", None, (11, 255)),
    ],
)
def test_real_sets_have_the_classes_they_were_published_with(shared, name, names, ignored):
    index = open_index([shared / "data" / name])
    picked = index.samples if name == "aerial" else index.samples[::6]
    classes = infer_classes(picked, (), index.ignore, index.names)
    assert classes.names == (names or index.names[:11])  # the twelfth is what is not labelled
    assert classes.ignored == ignored
    for sample in picked[::5]:
        assert encode(read_mask(sample.mask), classes, sample.mask).max() <= IGNORE
