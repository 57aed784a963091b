"""The published classes and colours, against other sources of the same facts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import Cityscapes
from torchvision.models.segmentation import FCN_ResNet50_Weights

from fakes import save_image
from segue import configs
from segue.data.encoding import encode
from segue.data.image import read_mask
from segue.data.index import Index, Sample
from segue.data.inferring import infer_classes
from segue.data.palettes import NAMES, distinct_colours, palette, with_palette
from segue.data.published import colours_by_value, names_by_value, not_counted, published
from segue.errors import DataError, UsageError

SIZES = {"ade20k": 150, "camvid": 31, "camvid11": 11, "cityscapes": 19, "coco_stuff": 171, "dubai": 5, "voc": 21}


@pytest.mark.parametrize(("table", "count"), SIZES.items())
def test_tables_are_by_value_and_hold_as_many_classes_as_were_published(table, count):
    rows = published(table)
    assert [row.value for row in rows] == list(range(len(rows)))
    assert sum(row.counted for row in rows) == count
    assert len(set(names_by_value(table))) == len(rows)


def test_cityscapes_agrees_with_torchvision():
    theirs = [one for one in Cityscapes.classes if one.id >= 0]
    ours = published("cityscapes")
    assert [(row.name, row.value, row.colour) for row in ours] == [(one.name, one.id, one.color) for one in theirs]
    assert [row.name for row in ours if row.counted] == [
        one.name for one in sorted(theirs, key=lambda one: one.train_id) if 0 <= one.train_id < 255
    ]


def test_voc_names_agree_with_torchvision_and_colours_with_the_generator():
    theirs = [
        "background" if name == "__background__" else name for name in FCN_ResNet50_Weights.DEFAULT.meta["categories"]
    ]
    assert list(names_by_value("voc")) == theirs
    assert colours_by_value("voc") == distinct_colours(21)


def test_the_generator_interleaves_bits_as_vocs_development_kit_does():
    colours = np.zeros((256, 3), int)
    for label in range(256):
        rest = label
        for shift in range(7, -1, -1):
            for band in range(3):
                colours[label, band] |= (rest >> band & 1) << shift
            rest >>= 3
    assert distinct_colours(256) == tuple(map(tuple, colours.tolist()))


def test_ade20k_has_one_colour_twice_and_no_name_twice():
    colours = Counter(row.colour for row in published("ade20k") if row.counted)
    assert {colour: number for colour, number in colours.items() if number > 1} == {(140, 140, 140): 2}
    assert len(palette("ade20k").colours) == 149
    assert palette("ade20k").colours[(140, 140, 140)] == "road"
    chosen = {1: ("wall", (120, 120, 120)), 13: ("person", (150, 5, 61)), 49: ("skyscraper", (140, 140, 140))}
    chosen |= {91: ("airplane", (0, 255, 82)), 150: ("flag", (92, 0, 255))}
    assert {value: (published("ade20k")[value].name, published("ade20k")[value].colour) for value in chosen} == chosen
    assert not_counted("ade20k") == (0,)


def test_coco_stuff_leaves_out_the_eleven_things_nobody_drew():
    names = names_by_value("coco_stuff")
    undrawn = {"blender", "desk", "door", "eye glasses", "hair brush", "hat", "mirror", "plate", "shoe", "street sign"}
    assert {names[value] for value in not_counted("coco_stuff")} == {*undrawn, "window"}
    assert (names[0], names[90], names[91], names[181]) == ("person", "hair brush", "banner", "wood")


def test_both_camvids_share_the_colours_of_the_classes_they_share():
    many, few = palette("camvid"), palette("camvid11")
    shared = {colour: name for colour, name in few.colours.items() if many.colours.get(colour) == name}
    assert set(shared.values()) == {
        "Sky",
        "Building",
        "Road",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
    }
    assert len(many.colours) == 31
    assert many.ignored == few.ignored == ((0, 0, 0),)


def test_the_knob_offers_every_palette_and_a_misspelt_one_is_refused():
    assert configs.PALETTES == NAMES
    with pytest.raises(UsageError, match="unknown palette 'cityscape': did you mean cityscapes"):
        palette("cityscape")


def in_colours(folder: Path, table: str, values: list[int]) -> Index:
    """A data set of one mask with one column per value, coded in the colours of `table`."""
    colours = np.array([colours_by_value(table)[value] for value in values], np.uint8)
    path = save_image(folder / "a.png", np.repeat(np.repeat(colours[None], 4, 0), 4, 1))
    return Index(folder, "folders", (Sample("a", path, path),))


@pytest.mark.parametrize("table", NAMES)
def test_a_palette_by_name_tells_every_class_apart_even_where_few_occur(tmp_path, table):
    values = [row.value for row in published(table) if row.counted and row.colour != (140, 140, 140)][-3:]
    index = with_palette(in_colours(tmp_path, table, values), table)
    classes = infer_classes(index.samples, (), index.ignore, index.names, index.colours)
    assert classes.names == tuple(palette(table).colours.values())
    ids = encode(read_mask(index.samples[0].mask), classes, index.samples[0].mask)
    assert [classes.names[i] for i in ids[0, ::4]] == [published(table)[value].name for value in values]


def test_a_palette_by_name_ignores_what_was_not_scored_and_refuses_strange_colours(tmp_path):
    index = with_palette(in_colours(tmp_path, "cityscapes", [7, 9, 6, 0, 18]), "cityscapes")
    classes = infer_classes(index.samples, (), index.ignore, index.names, index.colours)
    ids = encode(read_mask(index.samples[0].mask), classes, index.samples[0].mask)
    assert ids[0, ::4].tolist() == [0, 255, 255, 255, 5]  # a pole group is painted as a pole
    save_image(tmp_path / "a.png", np.full((4, 4, 3), (1, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r"expected the 19 colours that are named .* got #010203;"):
        infer_classes(index.samples, (), index.ignore, index.names, index.colours)


def test_a_layouts_colours_are_what_numbered_classes_are_shown_in(tmp_path):
    path = save_image(tmp_path / "a.png", np.array([[7, 8, 0, 33]], np.uint8))
    sample = Sample("a", path, path)
    ignore = not_counted("cityscapes")
    classes = infer_classes([sample], (), ignore, names_by_value("cityscapes"), colours_by_value("cityscapes"))
    assert (len(classes), classes.names[-1], classes.palette[-1]) == (19, "bicycle", (119, 11, 32))
    assert encode(read_mask(path), classes).tolist() == [[0, 1, 255, 18]]
    other = infer_classes([sample], tuple("abcdefghijklmnopqrs"), ignore, names_by_value("cityscapes"))
    assert other.names[-1] == "s"
