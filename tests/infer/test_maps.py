import math

import numpy as np
import pytest
import torch

import segue.infer.maps
from segue.infer.maps import NOTHING, Mark, Tally, Wanted, forget, ids_of, maps_of

LOGITS = 3 * torch.randn(4, 9, 13, generator=torch.Generator().manual_seed(0))
ALL = Wanted(probabilities=True, uncertainty=True, review=Mark(2, 0.25))


def test_there_is_what_was_asked_for_and_nothing_else():
    assert tuple(maps_of(LOGITS, Wanted())) == Wanted().kinds == ("mask",)
    assert set(maps_of(LOGITS, ALL)) == set(ALL.kinds) == set(NOTHING)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_probabilities_are_those_of_the_divided_logits_and_the_mask_stays(temperature):
    maps = maps_of(LOGITS, ALL, temperature)
    np.testing.assert_array_equal(maps["mask"], LOGITS.argmax(0))
    np.testing.assert_allclose(maps["probabilities"], torch.softmax(LOGITS / temperature, 0), atol=1e-6)


def test_a_pixel_at_the_threshold_itself_is_marked():
    shares = maps_of(LOGITS, ALL)["probabilities"][2]
    threshold = float(np.sort(shares.ravel())[40])
    marks = maps_of(LOGITS, Wanted(review=Mark(2, threshold)))["review"]
    np.testing.assert_array_equal(marks, shares >= threshold)
    assert marks.sum() == marks.size - 40


def test_pixels_without_data_hold_their_sign_and_the_others_stay():
    missing = np.zeros((9, 13), bool)
    missing[3:5, 2:] = True
    maps, before = maps_of(LOGITS, ALL), maps_of(LOGITS, ALL)
    forget(maps, missing)
    for kind, values in maps.items():
        np.testing.assert_array_equal(values[..., missing], np.full_like(values[..., missing], NOTHING[kind]))
        np.testing.assert_array_equal(values[..., ~missing], before[kind][..., ~missing])


@pytest.mark.parametrize("at_once", [7, 2**22])
def test_parts_are_counted_like_the_whole(monkeypatch, at_once):
    monkeypatch.setattr(segue.infer.maps, "_AT_ONCE", at_once)
    tally, maps = Tally(), maps_of(LOGITS, ALL)
    for rows in (slice(0, 4), slice(4, 9)):
        tally.add({kind: values[..., rows, :] for kind, values in maps.items()})
    assert set(tally.counts) == {"mask", "uncertainty", "review"}
    for kind, counts in tally.counts.items():
        np.testing.assert_array_equal(counts, np.bincount(maps[kind].ravel(), minlength=int(NOTHING[kind]) + 1))


@pytest.mark.parametrize("classes", [1, 2, 11, 255])
def test_the_mask_is_the_first_of_the_highest(classes):
    logits = torch.randint(-2, 3, (classes, 40, 31), generator=torch.Generator().manual_seed(classes)).float()
    np.testing.assert_array_equal(ids_of(logits), logits.numpy().argmax(0))


def test_a_pixel_without_numbers_still_has_a_class():
    assert (ids_of(torch.full((3, 2, 2), math.nan)) < 3).all()
    assert (ids_of(torch.full((3, 2, 2), -math.inf)) == 0).all()
