"""What every row of METRICS must do; a new metric is covered by its row."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from segue.cli import main
from segue.data.classes import IGNORE
from segue.errors import DataError, UsageError
from segue.metrics import METRICS
from segue.metrics.bootstrap import score_intervals, tails
from segue.metrics.case import Case, Measure
from segue.metrics.confusion import confusion
from segue.metrics.measured import Measured, chosen
from segue.metrics.phrases import metric_lines
from segue.metrics.studentised import miou_interval
from segue.metrics.units import resampling_units

ROOT = Path(__file__).parents[2]
NAMES = METRICS.names()
SPACES = ((24, 30), (8, 9, 10))
PIXELS = Measure(tolerance=2)
SMALLER_IS_BETTER = ("fpr", "hd", "hd95", "assd")


def a_case(space=SPACES[0], seed=0, classes=4, measure=PIXELS):
    """Blocks of 3 of the first `classes` - 1 classes, and a prediction that is a pixel off and wrong in places."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, classes - 1, [-(-n // 3) for n in space])
    truth = np.kron(blocks, np.ones((3,) * len(space), int))[tuple(map(slice, space))].astype(np.uint8)
    prediction = np.roll(truth, 1, axis=0)
    prediction[random.random(space) < 0.02] = 0
    truth[random.random(space) < 0.05] = IGNORE
    return Case(truth, prediction, classes, measure)


def score(name, case):
    return METRICS[name].scores(METRICS[name].evidence(case))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_prediction_has_the_best_score_and_a_worse_one_a_worse(name, space):
    case = a_case(space)
    perfect = score(name, Case(case.truth, np.where(case.truth == IGNORE, 0, case.truth), 4, PIXELS))
    best = 0 if name in SMALLER_IS_BETTER else 1
    assert perfect[:4] == pytest.approx(best)
    assert np.isnan(perfect[4]) or name in ("specificity", "fpr")  # the fourth class is nowhere
    off, worse = (abs(score(name, one)[0] - best) for one in (case, a_worse(case)))
    assert 0 < off < worse


def a_worse(case):
    prediction = np.roll(case.prediction, 3, axis=1)
    prediction[: len(prediction) // 2] = 0
    return Case(case.truth, prediction, case.classes, case.measure)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_predicted_on_ignored_pixels_does_not_matter(name, space):
    case = a_case(space)
    other = np.where(case.truth == IGNORE, 3, case.prediction)
    np.testing.assert_array_equal(score(name, case), score(name, Case(case.truth, other, 4, PIXELS)))


@pytest.mark.parametrize("name", NAMES)
def test_an_image_without_labels_says_nothing(name):
    case = a_case()
    silent = Case(np.full_like(case.truth, IGNORE), case.prediction, 4, PIXELS)
    assert np.isnan(score(name, silent)).all()
    both = METRICS[name].evidence(case) + METRICS[name].evidence(silent)
    np.testing.assert_array_equal(METRICS[name].scores(both), score(name, case))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_classes_does_not_matter(name):
    case = a_case()
    order = np.array([2, 0, 3, 1, *range(4, 256)], np.uint8)
    renamed = Case(order[case.truth], order[case.prediction], 4, PIXELS)
    before, after = score(name, case), score(name, renamed)
    np.testing.assert_allclose(after[0], before[0])
    np.testing.assert_allclose(after[1 + order[:4]], before[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_of_evidence_gives_a_stack_of_scores(name):
    evidence = np.stack([METRICS[name].evidence(a_case(seed=seed)) for seed in range(3)])
    np.testing.assert_array_equal(METRICS[name].scores(evidence), [METRICS[name].scores(one) for one in evidence])
    assert METRICS[name].scores(evidence).shape == (3, 5)


@pytest.mark.parametrize("name", NAMES)
def test_a_summary_is_json_and_its_intervals_hold_the_scores(name):
    cases = [a_case(seed=seed) for seed in range(12)]
    measured = Measured(METRICS[name], np.stack([METRICS[name].evidence(case) for case in cases]))
    summary = measured.summary(("a", "b", "c", "d"), resampling_units(len(measured.evidence)), 200)
    json.dumps(summary, allow_nan=False)
    low, high = summary["interval"]
    assert low <= summary["value"] <= high
    assert [row["name"] for row in summary["classes"]] == ["a", "b", "c", "d"]
    assert summary["classes"][0]["images"] == summary["images"] == 12
    assert ("missed" in summary) == METRICS[name].is_distance
    lines = metric_lines({name: summary}, {"spacing": None, "tolerance": 2.0})
    assert len(lines) == 6
    assert lines[-1].startswith("  all classes  ")


@pytest.mark.parametrize("name", ["hd", "hd95", "assd", "nsd"])
def test_surface_scores_are_the_mean_over_the_images_that_have_the_class(name):
    cases = [a_case(seed=seed, classes=5) for seed in range(4)]
    cases[0].truth[cases[0].truth == 3] = 0
    cases[0].prediction[cases[0].prediction == 3] = 0
    measured = Measured(METRICS[name], np.stack([METRICS[name].evidence(case) for case in cases]))
    row = measured.summary("abcde", resampling_units(len(measured.evidence)))["classes"][3]
    values = measured.of_images()[:, 4]
    assert np.isnan(values[0])
    assert row["images"] == 3
    assert row["value"] == pytest.approx(values[1:].mean())


def test_what_only_one_side_has_is_counted_and_can_be_given_the_diagonal():
    truth, prediction = np.zeros((2, 30, 40), np.uint8)
    truth[:5, :5] = 1
    for missed, expected in (("exclude", None), ("diagonal", 50.0)):
        case = Case(truth, prediction, 3, Measure(missed=missed))
        summary = Measured(METRICS["hd"], METRICS["hd"].evidence(case)[None]).summary("abc", resampling_units(1))
        assert [row["missed"] for row in summary["classes"]] == [0, 1, 0]
        assert summary["missed"] == 1
        assert summary["classes"][1]["value"] == expected
        assert summary["classes"][2]["value"] is None
    in_mm = Case(truth, prediction, 3, Measure((0.3, 0.3), missed="diagonal"))
    assert score("hd95", in_mm)[2] == pytest.approx(15)


def test_one_sided_classes_are_said_so():
    summary = {"value": 2.0, "interval": [1.0, 3.0], "images": 4, "missed": 2}
    lines = metric_lines({"hd95": {**summary, "classes": []}}, {"spacing": [0.5, 0.5], "tolerance": None})
    assert lines == [
        "hd95 in units of the spacing:",
        "  all classes  2.000 (95 % interval 1.000 to 3.000; 2 times on one side only)",
    ]


def test_spacing_scales_distances_and_is_what_the_tolerance_is_in():
    pixels, fine = a_case(), a_case(measure=Measure((0.5, 0.5), 1.0))
    for name in ("hd", "hd95", "assd"):
        np.testing.assert_allclose(score(name, fine), score(name, pixels) / 2)
    for name in ("nsd", "trimap_iou"):
        np.testing.assert_allclose(score(name, fine), score(name, pixels))


def test_names_and_tolerance_are_checked_before_anything_is_computed():
    assert list(chosen(("hd95", "nsd"), PIXELS)) == ["hd95", "nsd"]
    with pytest.raises(UsageError, match="unknown metric 'hd96': did you mean hd95"):
        chosen(("hd96",), PIXELS)
    with pytest.raises(UsageError, match=r"nsd: expected a length .* --tolerance 2 \(pixels\)"):
        chosen(("hd", "nsd"), Measure())
    with pytest.raises(UsageError, match=r"trimap_iou: .*\(the unit of --spacing\)"):
        chosen(("trimap_iou",), Measure((0.5, 0.5)))


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(DataError, match="one size"):
        Case(np.zeros((3, 4), int), np.zeros((4, 3), int), 2)
    with pytest.raises(DataError, match="each of 2 axes, got 3"):
        Case(np.zeros((3, 4), int), np.zeros((3, 4), int), 2, Measure((1.0, 1.0, 1.0)))


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [(), [f"g{i // 2}" for i in range(24)]])
def test_the_interval_of_iou_is_near_that_of_the_headline(groups):
    cases = [a_case(seed=seed) for seed in range(24)]
    matrices = np.stack([confusion(case.truth, case.prediction, 4) for case in cases])
    evidence = np.stack([METRICS["iou"].evidence(case) for case in cases])
    units = resampling_units(24, groups)
    ours, *classes = score_intervals(evidence, METRICS["iou"].scores, units, resamples=300, seed=2)
    headline = miou_interval(matrices, units, resamples=300, seed=2)
    assert (ours.low, ours.high) == pytest.approx((headline.low, headline.high), abs=0.01)
    assert (ours.unit, ours.units, ours.caution) == (headline.unit, headline.units, headline.caution)
    assert len(classes) == 4
    assert np.isnan(classes[3].low)


def test_intervals_equal_drawing_images_one_resample_at_a_time():
    random = np.random.default_rng(0)
    values = random.random((9, 2))
    values[:6, 1] = np.nan  # many draws miss the second class
    evidence = np.stack([np.nan_to_num(values), ~np.isnan(values), np.zeros((9, 2))], axis=-1)
    draws = np.random.Generator(np.random.Philox(key=5)).multinomial(9, np.full(9, 1 / 9), size=150)
    drawn = [np.repeat(values, counts, axis=0) for counts in draws]
    means = np.array(
        [[np.nanmean(one[:, c]) if (~np.isnan(one[:, c])).any() else np.nan for c in (0, 1)] for one in drawn]
    )
    intervals = score_intervals(evidence, METRICS["hd95"].scores, resampling_units(9), resamples=150, seed=5)
    for interval, column in zip(intervals[1:], means.T, strict=True):
        assert (interval.low, interval.high) == pytest.approx(tuple(np.nanquantile(column, tails(0.95, 9))))


def test_whole_groups_of_fractional_evidence_are_drawn():
    evidence = np.stack([np.random.default_rng(0).random((18, 1)), np.ones((18, 1)), np.zeros((18, 1))], axis=-1)
    groups = [f"patient{i // 3}" for i in range(18)]
    of_groups = score_intervals(evidence, METRICS["hd95"].scores, resampling_units(18, groups), resamples=100)
    sums = evidence.reshape(6, 3, 1, 3).sum(axis=1)
    of_sums = score_intervals(sums, METRICS["hd95"].scores, resampling_units(6), resamples=100)
    for group, one in zip(of_groups, of_sums, strict=True):
        assert (group.low, group.high) == pytest.approx((one.low, one.high))
        assert (group.unit, group.units) == ("groups", 6)


def test_one_image_has_scores_and_no_interval():
    evidence = METRICS["iou"].evidence(a_case())[None]
    summary = Measured(METRICS["iou"], evidence).summary("abcd", resampling_units(1))
    assert summary["value"] is not None
    assert summary["interval"] == [None, None]
    assert len(score_intervals(evidence, METRICS["iou"].scores, resampling_units(1))) == 5


def test_percentiles_are_taken_further_out_the_fewer_units_there_are():
    assert tails(0.95, 100_000) == pytest.approx((0.025, 0.975), abs=1e-4)
    assert tails(0.95, 10)[0] == pytest.approx(norm.cdf(-np.sqrt(10 / 9) * 2.262157), abs=1e-6)  # t of 9 degrees
    assert tails(0.95, 4)[0] < tails(0.95, 10)[0] < tails(0.95, 50)[0]


def test_every_metric_is_listed_with_what_it_is(capsys):
    assert main(["list", "metrics", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(NAMES)
    assert all(row["about"].endswith(".") for row in rows)


def test_every_metric_is_documented_with_tests_that_exist():
    page = (ROOT / "docs" / "reference" / "canon" / "metrics.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in NAMES if not re.search(rf"^\| .*`{name}`.* \| `\w+\.py` \|", page, re.MULTILINE)] == []
    assert {found for found in re.findall(r"`(test_\w+)`", page) if f"def {found}(" not in tests} == set()
    assert all(list((ROOT / "tests").rglob(found)) for found in re.findall(r"`(test_\w+\.py)`", page))
