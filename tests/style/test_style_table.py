"""Medians, their intervals, the order of the baselines, and the table that is made of them."""

import numpy as np
import pytest

from segue.style.evaluation.intervals import middle, pigeonhole
from segue.style.evaluation.measures import MEASURES, Score, ranks_baselines, scores_of
from segue.style.evaluation.summary import Judged, summarised

CONTENTS = [f"c{i}" for i in range(12) for _ in range(10)]
STYLES = [f"s{j}" for _ in range(12) for j in range(10)]


def measure(name):
    return Score(next(one for one in MEASURES if one.name == name))


def test_a_median_is_numpys_and_a_mean_too():
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 8):
        values = random.normal(size=count)
        drawn = pigeonhole([str(i) for i in range(count)], ["s"] * count, 0, 50)
        assert middle(values, drawn).value == pytest.approx(np.median(values))
        assert middle(values, drawn, summary="mean").value == pytest.approx(values.mean())


def test_weighted_medians_are_those_of_repeated_values():
    random = np.random.default_rng(1)
    values = random.normal(size=7)
    drawn = pigeonhole(list("abcdefg"), ["s"] * 7, 4, 200)
    ours = middle(values, drawn)
    medians = [np.median(np.repeat(values, row.astype(int))) for row in drawn.counts]
    assert min(medians) <= ours.low <= ours.value <= ours.high <= max(medians)
    from segue.style.evaluation.intervals import _medians

    assert np.allclose(_medians(values, drawn.counts), medians)


def test_intervals_know_that_pairs_share_contents():
    """With scores that differ by content alone, ten styles for each content tell no more than one does."""
    by_content = np.random.default_rng(2).normal(size=12)
    many = middle(np.repeat(by_content, 10), pigeonhole(CONTENTS, STYLES, 0), summary="mean")
    single = middle(by_content, pigeonhole(CONTENTS[::10], ["s"] * 12, 0), summary="mean")
    assert many.high - many.low > 0.8 * (single.high - single.low)


def test_undefined_scores_are_left_out_and_too_few_have_no_interval():
    drawn = pigeonhole(list("abc"), ["s"] * 3, 0, 100)
    found = middle(np.array([1.0, np.nan, 3.0]), drawn)
    assert (found.value, found.count) == (2, 2)
    alone = middle(np.array([1.0, np.nan, np.nan]), drawn)
    assert (alone.value, alone.count) == (1, 1)
    assert np.isnan(alone.low)
    nothing = middle(np.full(3, np.nan), drawn)
    assert np.isnan(nothing.value)
    assert nothing.count == 0


def test_few_contents_or_styles_come_with_a_caution():
    assert pigeonhole(CONTENTS, STYLES, 0, 10).caution == "", "12 contents and 10 styles"
    two = pigeonhole(CONTENTS[:20], STYLES[:20], 0, 10).caution
    assert two.startswith("2 contents are too few"), "the 10 styles are not"
    nine = [pair for pair in zip(CONTENTS, STYLES, strict=True) if pair[1] != "s0"]
    assert pigeonhole(*map(list, zip(*nine, strict=True)), 0, 10).caution.startswith("9 styles are too few")
    both = pigeonhole(list("abcabc"), list("xxxyyy"), 0, 10).caution
    assert both.startswith("3 contents and 2 styles are too few")


def test_baselines_stand_in_their_order_or_the_measure_is_marked():
    style, content = measure("gram"), measure("ssim")
    assert ranks_baselines(style, {"identity": 0.9, "colour": 0.5, "gatys": 0.1, "mine": 7.0}) is True
    assert ranks_baselines(style, {"identity": 0.9, "colour": 0.05, "gatys": 0.1}) is False
    assert ranks_baselines(style, {"identity": 0.5, "colour": 0.5}) is False, "equal is no order"
    assert ranks_baselines(content, {"identity": 1.0, "colour": 0.8, "gatys": 0.2}) is True
    assert ranks_baselines(content, {"identity": 1.0, "colour": 0.1, "gatys": 0.2}) is False
    assert ranks_baselines(content, {"identity": 1.0}) is None
    assert ranks_baselines(content, {"identity": 1.0, "colour": float("nan")}) is None
    assert ranks_baselines(measure("seconds"), {"identity": 1.0, "colour": 2.0}) is None


def test_texture_and_colours_are_asked_only_what_they_can_tell():
    copied = {"identity": 0.9, "colour": 0.05, "gatys": 0.1}
    assert ranks_baselines(measure("colours"), copied) is True
    assert ranks_baselines(measure("texture"), {"identity": 0.9, "colour": 0.95, "gatys": 0.1}) is True
    assert ranks_baselines(measure("texture"), copied) is False


def table(turned=False, **changes):
    pairs = [(c, s) for c in ("a", "b", "c") for s in ("x", "y")]
    values = {
        (method, pair): {"ssim": level + 0.01 * number, "content_net": level}
        for method, level in (("identity", 0.9), ("mine", 0.4))
        for number, pair in enumerate(pairs)
    }
    methods = [Judged("identity", "i"), Judged("mine", "m", own_judges=("net",))]
    if turned:
        values, methods = dict(reversed(values.items())), methods[::-1]
    options = {"reasons": {"lpips": "no weights"}, "against": "identity", "styles": 2, "seed": 0} | changes
    return summarised(values, methods, scores_of(("net",)), **options)


def test_differences_are_paired():
    line = table().line("ssim")
    mine = line.cells[1].difference
    assert mine.value == pytest.approx(-0.5)
    assert mine.high - mine.low < 1e-9, "what pairs have in common cancels out"
    assert line.cells[1].middle.high - line.cells[1].middle.low > 0.01


def test_own_judges_and_missing_weights_are_named():
    found = table()
    assert [cell.own_judge for cell in found.line("content_net").cells] == [False, True]
    assert not any(cell.own_judge for cell in found.line("ssim").cells)
    plain = found.to_json()
    rows = {row["key"]: row for row in plain["measures"]}
    assert rows["lpips"]["not_computed"] == "no weights"
    assert rows["ssim"]["not_computed"] is None
    assert rows["gram_net"]["not_computed"] == "no method was scored by it"
    assert rows["content_net"]["methods"]["mine"]["own_judge"] is True
    assert plain["interval_caution"].startswith("3 contents and 2 styles are too few")


def test_the_order_of_methods_and_pairs_changes_no_number():
    first, other = table().to_json(), table(turned=True).to_json()
    assert first["measures"] == other["measures"]
    assert first["methods"] == other["methods"][::-1]
