from __future__ import annotations

import numpy as np
import pytest

from segue.configs import DataConfig
from segue.conversion import Groups, from_dict, to_dict
from segue.data.classes import IGNORE, Classes, Merged
from segue.data.encoding import encode
from segue.data.merging import merge_classes
from segue.data.palettes import distinct_colours
from segue.errors import UsageError

NAMES = ("road", "car", "bus", "truck", "pedestrian", "void")
PLAIN = Classes(NAMES, distinct_colours(6), (7, 26, 28, 27, 24, 0))
MERGE = {"vehicle": ("car", "bus", "truck"), "person": ("pedestrian",), "ignore": ("void",)}


def test_values_of_merged_classes_become_one_id_and_dropped_ones_are_not_labelled():
    merged = merge_classes(PLAIN, MERGE)
    assert merged.names == ("road", "vehicle", "person")
    raw = np.array([[7, 26, 28], [27, 24, 0], [255, 7, 7]])
    np.testing.assert_array_equal(encode(raw, merged), [[0, 1, 1], [1, 2, IGNORE], [IGNORE, 0, 0]])


def test_merging_equals_renaming_ids_afterwards():
    raw = np.random.default_rng(0).choice(PLAIN.values, (20, 30))
    ids = np.array([0, 1, 1, 1, 2, IGNORE])[encode(raw, PLAIN)]
    np.testing.assert_array_equal(encode(raw, merge_classes(PLAIN, MERGE)), ids)


def test_a_merged_class_stands_where_its_first_original_stood_and_keeps_its_colour():
    merged = merge_classes(PLAIN, {"flat": ("pedestrian", "road"), "ignore": ("car", "bus")})
    assert merged.names == ("flat", "truck", "void")
    assert merged.palette == tuple(PLAIN.palette[i] for i in (0, 3, 5))
    assert merged.values == (7, 27, 0)
    assert merged.ignored == (255, 26, 28)


def test_what_is_not_named_is_not_recorded_as_merged():
    assert merge_classes(PLAIN, {}) is PLAIN
    assert merge_classes(PLAIN, {"person": ("pedestrian",)}).merged == (Merged("pedestrian", 24, 4),)


def test_an_existing_class_takes_others_in():
    merged = merge_classes(PLAIN, {"car": ("bus",)})
    assert merged.names == ("road", "car", "truck", "pedestrian", "void")
    assert {one.name: one.id for one in merged.merged} == {"car": 1, "bus": 1}


def test_colours_are_merged_like_numbers():
    colours = ((128, 64, 128), (0, 0, 142), (0, 60, 100))
    merged = merge_classes(Classes(("road", "car", "bus"), colours, colours, ()), {"vehicle": ("car", "bus")})
    np.testing.assert_array_equal(encode(np.array([colours], np.uint8), merged), [[0, 1, 1]])


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        ({"vehicle": ("cra",)}, "unknown class 'cra' for 'vehicle': did you mean car"),
        ({"a": ("car",), "b": ("car",)}, "expected 'car' in one group, got it in 'a' and in 'b'"),
        ({"ignore": NAMES}, "expected a class to be left"),
    ],
)
def test_impossible_mappings_are_refused(merge, message):
    with pytest.raises(UsageError, match=message):
        merge_classes(PLAIN, merge)


def test_a_mapping_is_written_alike_in_yaml_and_on_the_command_line():
    yaml = from_dict(DataConfig, {"merge": {"vehicle": ["car", "bus"], "person": "pedestrian", "ignore": ["void"]}})
    flag = from_dict(DataConfig, {"merge": "vehicle=car+bus, person=pedestrian,ignore=void"})
    assert yaml == flag
    assert flag.merge.to_dict() == {"vehicle": ("car", "bus"), "person": ("pedestrian",), "ignore": ("void",)}
    assert to_dict(flag)["merge"] == {"vehicle": ["car", "bus"], "person": ["pedestrian"], "ignore": ["void"]}
    assert from_dict(DataConfig, to_dict(flag)) == flag
    assert DataConfig().merge == Groups()


@pytest.mark.parametrize("value", ["vehicle", "vehicle=", "=car", "vehicle=car+", {"vehicle": []}, 3, ["vehicle"]])
def test_what_is_no_mapping_is_refused(value):
    with pytest.raises(UsageError, match="expected new names with the names they replace"):
        from_dict(DataConfig, {"merge": value})


def test_a_new_name_given_twice_is_refused():
    with pytest.raises(UsageError, match="expected each new name once, got 'a' again"):
        from_dict(DataConfig, {"merge": "a=car,a=bus"})
