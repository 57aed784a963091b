"""How steady a clip is: the flow, what is in sight, and what changes beside what was given."""

import json

import cv2
import numpy as np
import pytest

from segue.style.video import steadiness
from segue.style.video.flow import motion
from segue.style.video.steadiness import FAR, SteadinessMeter, places
from tiny_clip_frames import STEP, moving


def test_the_flow_finds_a_known_motion_and_what_went_out_of_sight():
    first, _, third = moving(3)
    found = motion(first, third)
    inside = (slice(8, -8), slice(12, -12))
    assert np.abs(found.flow[inside] - [-2 * STEP, 0]).max() < 0.5
    assert found.seen[inside].mean() > 0.95
    assert not found.seen[:, : 2 * STEP - 1].any(), "it left on the left"
    difference = np.abs(found.brought_back(third) - first)
    assert difference[inside].mean() < 1


def shown(given, painted, scenes=(0,)):
    starts = places(len(given), scenes, 3)
    ends = [*scenes[1:], len(given)]
    meter = SteadinessMeter(starts, [next(end for end in ends if start < end) for start in starts])
    for number, frame in enumerate(given):
        if number in meter.wanted:
            meter.show(number, frame, {name: frames[number] for name, frames in painted.items()})
    assert not meter._kept, "nothing is kept for longer than it is needed"
    return meter.result()


def test_a_clip_is_as_steady_as_itself_and_pumping_is_not():
    frames = moving(24)
    pumping = [np.clip(frame * (1 + 0.1 * (n % 2)), 0, 255).astype(np.uint8) for n, frame in enumerate(frames)]
    grey = [np.full_like(frame, 128) for frame in frames]
    found = shown(frames, {"same": frames, "pumping": pumping, "grey": grey})
    assert found.painted["same"].over(found.given).near == 1
    assert found.painted["pumping"].near > 4 * found.given.near
    assert (found.painted["grey"].near, found.contrast["grey"]) == (0, 0), "which is why contrast stands beside it"
    assert found.contrast["same"] > 10


def test_flicker_is_measured_where_nothing_moves():
    still = [moving(1)[0]] * 12
    flickering = [np.clip(frame.astype(int) + 6 * (n % 2), 0, 255).astype(np.uint8) for n, frame in enumerate(still)]
    found = shown(still, {"flickering": flickering})
    assert found.still_share == 1
    assert found.given.still == 0
    assert found.painted["flickering"].still == pytest.approx(6, abs=0.5)
    assert found.painted["flickering"].over(found.given).still is None, "nothing is no measure"
    json.dumps(found.to_json(), allow_nan=False)
    assert shown(moving(10), {"a": moving(10)}).given.still is None


def test_no_comparison_goes_over_a_cut():
    scenes = (0, 12, 30)
    for start in places(40, scenes, 20):
        assert any(first <= start and start + FAR < end for first, end in zip(scenes, (12, 30, 40), strict=True))
    assert places(3, (0,), 4) == (0, 1)
    assert places(1, (0,), 4) == ()
    assert places(40, scenes, 0) == ()
    found = shown(moving(3), {"a": moving(3)})
    assert found.given.far is None
    assert found.given.near is not None


def test_a_flow_that_fails_is_a_reason_and_loses_no_clip(monkeypatch):
    def failing(*_):
        raise cv2.error("(-215:Assertion failed) no such scale")

    monkeypatch.setattr(steadiness, "motion", failing)
    meter = SteadinessMeter([0], [3])
    for number, frame in enumerate(moving(3)):
        meter.show(number, frame, {"clip": frame})
    assert meter.result() is None
    assert "no such scale" in meter.failed
    assert meter.wanted == frozenset()
