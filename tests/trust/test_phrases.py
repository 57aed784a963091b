import pytest

from segue.trust.phrases import calibration_line, calibration_sentences


def measured(before=0.08, after=0.02, temperature=1.5, how="cross-fitted", near=(0.1, 0.05)):
    return {
        "temperature": temperature,
        "measured": how,
        "before": {"ece": before, "near_contours_ece": near[0]},
        "after": None if after is None else {"ece": after, "near_contours_ece": near[1]},
    }


@pytest.mark.parametrize(
    ("calibration", "line"),
    [
        (measured(), "calibration error (ECE) 0.080, with temperature 1.50: 0.020"),
        (measured(after=None, how="not at all"), "calibration error (ECE) 0.080, without a temperature"),
        (measured(before=None, after=None), "calibration error (ECE): no labelled pixel to measure it on"),
    ],
)
def test_one_line_says_before_and_after(calibration, line):
    assert calibration_line(calibration) == line


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        (measured(), ("8.0 percentage points apart", "too sure", "1.50", "leaves 2.0", "halves of the images")),
        (measured(temperature=0.7), ("not sure enough", "0.70")),
        (measured(how="held out"), ("measured on images that the temperature was not fitted on",)),
        (measured(temperature=1.02), ("corrects little of that.",)),
        (measured(after=0.12, how="held out"), ("8.0 percentage points apart", "does not help here: it leaves 12.0")),
        (measured(after=None), ("was not corrected",)),
    ],
)
def test_the_sentences_say_what_was_found_and_how(calibration, said):
    text = calibration_sentences(calibration)
    assert [part for part in said if part not in text] == []


def test_the_direction_is_said_only_where_correcting_it_helped():
    for one in (measured(after=0.12), measured(temperature=1.02)):
        assert "It is" not in calibration_sentences(one)


def test_contours_are_mentioned_where_the_correction_makes_them_worse():
    assert "contours" not in calibration_sentences(measured())
    assert "contours" not in calibration_sentences(measured(near=(None, None)))
    worse = calibration_sentences(measured(near=(0.09, 0.2)))
    assert "Near contours it makes the distance larger, 20.0 percentage points instead of 9.0" in worse


def test_without_a_labelled_pixel_nothing_is_said():
    assert calibration_sentences(measured(before=None, after=None)) == ""
