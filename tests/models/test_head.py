import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from segue.models.head import folded, swap_classes, swap_rows


def swapped(old, new, rows=None, rest=0):
    """A plan, and old and new weights and biases of a 1x1 head before and after it."""
    torch.manual_seed(0)
    rows = len(old) if rows is None else rows
    swap = swap_classes(old, new, rows)
    weights = torch.randn(rows + rest, 5), torch.randn(len(new) + rest, 5)
    biases = torch.randn(rows + rest), torch.randn(len(new) + rest)
    result = swap_rows(weights[1], weights[0], swap), swap_rows(biases[1], biases[0], swap, bias=True)
    return swap, weights, biases, result


def test_a_class_that_keeps_its_name_keeps_its_row_wherever_it_stands():
    swap, weights, biases, (weight, bias) = swapped(("road", "car", "tree"), ("tree", "new", "road"))
    assert (swap.kept, swap.from_background, swap.anew) == (("tree", "road"), (), ("new",))
    for row, (source, there) in enumerate([(0, 2), (1, 1), (0, 0)]):
        assert torch.equal(weight[row], weights[source][there])
        assert torch.equal(bias[row], biases[source][there])


def probabilities(weight, bias, pixels):
    return functional.softmax(functional.linear(pixels, weight, bias), dim=-1)


@pytest.mark.parametrize("new", [1, 2, 7])
def test_background_and_new_classes_start_with_the_probability_background_had(new):
    old = ("background", "road", "car")
    added = tuple(f"new {number}" for number in range(new))
    swap, weights, biases, (weight, bias) = swapped(old, ("car", *added, "background", "road"))
    pixels = torch.randn(50, 5)
    before, after = probabilities(weights[0], biases[0], pixels), probabilities(weight, bias, pixels)
    torch.testing.assert_close(after[:, 1 : new + 2].sum(1), before[:, 0])
    torch.testing.assert_close(after[:, [0, -1]], before[:, [2, 1]])
    assert swap.shift == pytest.approx(math.log(new + 1))
    assert swap.from_background == added
    assert swap.anew == ()


def test_without_a_background_of_their_own_new_classes_share_all_of_it():
    _, weights, biases, (weight, bias) = swapped(("background", "road", "car"), ("a", "b", "road", "car"))
    pixels = torch.randn(50, 5)
    before, after = probabilities(weights[0], biases[0], pixels), probabilities(weight, bias, pixels)
    torch.testing.assert_close(after[:, :2].sum(1), before[:, 0])
    torch.testing.assert_close(after[:, 2:], before[:, 1:])


def test_a_background_that_shares_with_nobody_is_not_lowered():
    swap, _, biases, (_, bias) = swapped(("background", "road"), ("road", "background"))
    assert torch.equal(bias, biases[0][[1, 0]])
    assert swap.shared == ()


def test_where_no_class_keeps_its_name_all_begin_anew():
    swap, weights, _, (weight, _) = swapped(("background", "cat"), ("road", "car"))
    assert swap.anew == ("road", "car")
    assert torch.equal(weight, weights[1])


def test_where_nobody_knows_the_names_all_begin_anew():
    swap, weights, _, (weight, _) = swapped((), ("0", "1"), rows=2)
    assert swap.anew == ("0", "1")
    assert torch.equal(weight, weights[1])


def test_the_row_for_no_class_stays_behind_the_classes():
    _, weights, biases, (weight, bias) = swapped(("road", "car"), ("car", "new", "road"), rest=1)
    assert torch.equal(weight[-1], weights[0][-1])
    assert torch.equal(bias[-1], biases[0][-1])
    assert torch.equal(weight[0], weights[0][1])


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("traffic light", "Traffic_Light", True),
        ("__background__", "background", True),
        ("aero-plane", "aeroplane", True),
        ("car", "cart", False),
    ],
)
def test_names_match_without_case_spaces_underscores_and_hyphens(old, new, kept):
    assert bool(swap_classes((old,), (new,), 1).kept) is kept


def test_an_exact_name_goes_before_a_similar_one_and_ambiguous_ones_match_nothing():
    assert swap_classes(("Car", "car"), ("car", "CAR"), 2).rows == (1, 0)
    assert swap_classes(("Car", "CAR"), ("car",), 2).rows == (-1,)
    assert swap_classes(("car",), ("Car", "CAR"), 1).rows == (-1, -1)
    assert swap_classes(("car", "car"), ("car",), 2).rows == (-1,)


names = st.lists(st.sampled_from(["background", "road", "Road", "car", "tree", "sky", "new"]), max_size=7, unique=True)


@given(old=names, new=names)
def test_every_row_is_said_to_begin_in_one_way_and_no_old_row_is_kept_twice(old, new):
    swap = swap_classes(tuple(old), tuple(new), len(old))
    assert sorted((*swap.kept, *swap.from_background, *swap.anew)) == sorted(new)
    kept = [swap.rows[new.index(name)] for name in swap.kept]
    assert len(set(kept)) == len(kept)
    assert all(folded(old[row]) == folded(name) for row, name in zip(kept, swap.kept, strict=True))
    assert [name for name, row in zip(new, swap.rows, strict=True) if row < 0] == list(swap.anew)
