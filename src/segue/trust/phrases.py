"""Calibration in words, for the terminal and for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SLIGHT = 0.05  # a temperature this near to 1 changes hardly anything
NOTABLE = 0.01  # a difference between calibration errors that is worth a sentence


def calibration_line(calibration: Mapping[str, Any]) -> str:
    """One line on the calibration error before and after the temperature.

    >>> calibration_line({"temperature": 1.5, "measured": "held out", "before": {"ece": 0.08}, "after": {"ece": 0.02}})
    'calibration error (ECE) 0.080, with temperature 1.50: 0.020'
    """
    before, after = calibration["before"], calibration["after"]
    if before["ece"] is None:
        return "calibration error (ECE): no labelled pixel to measure it on"
    line = f"calibration error (ECE) {before['ece']:.3f}"
    if after is None:
        return f"{line}, without a temperature"
    return f"{line}, with temperature {calibration['temperature']:.2f}: {after['ece']:.3f}"


def calibration_sentences(calibration: Mapping[str, Any]) -> str:
    """What the calibration says, to be read aloud; empty where there is nothing to say."""
    before, after, temperature = (calibration[key] for key in ("before", "after", "temperature"))
    if before["ece"] is None:
        return ""
    said = (
        f"On average over the pixels, the confidence of the network and the share of pixels it gets right lie "
        f"{_points(before['ece'])} apart."
    )
    if after is None:
        return f"{said} It was not corrected, or there are too few images to measure what a correction is worth."
    if abs(temperature - 1) < SLIGHT:
        return f"{said} A temperature of {temperature:.2f} corrects little of that."
    habit = "too sure" if temperature > 1 else "not sure enough"
    where = (
        "measured on halves of the images that its temperature was not fitted on"
        if calibration["measured"] == "cross-fitted"
        else "measured on images that the temperature was not fitted on"
    )
    if after["ece"] >= before["ece"]:
        return (
            f"{said} The temperature of {temperature:.2f} that corrects the probabilities of segue predict does not "
            f"help here: it leaves {_points(after['ece'])} ({where})."
        )
    return (
        f"{said} It is {habit}; the probabilities that segue predict writes are corrected with a temperature of "
        f"{temperature:.2f}, which leaves {_points(after['ece'])} ({where}).{_near_contours(before, after)}"
    )


def _near_contours(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A warning where the correction serves the inside of things at the cost of their contours."""
    was, became = (errors["near_contours_ece"] for errors in (before, after))
    if was is None or became is None or became < was + NOTABLE:
        return ""
    return f" Near contours it makes the distance larger, {_points(became)} instead of {_points(was)}."


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"
