"""Mirror left-right and up-down, turn by quarters: pixels change places, nothing is resampled."""

from __future__ import annotations

import numpy as np

from segue.data.augment.odds import happens
from segue.data.augment.view import View


def flip(view: View, left_right: float, up_down: float, generator: np.random.Generator) -> View:
    """Mirror a crop, in each direction with the probability given."""
    if happens(left_right, generator):
        view = View(view.image[:, ::-1], view.labels[:, ::-1], view.inside[:, ::-1])
    if happens(up_down, generator):
        view = View(view.image[::-1], view.labels[::-1], view.inside[::-1])
    return view


def random_quarters(probability: float, generator: np.random.Generator) -> int:
    """0, or with `probability` 1, 2 or 3, each as often; 0.75 makes all four directions equally frequent."""
    return int(generator.integers(1, 4)) if happens(probability, generator) else 0


def turn(view: View, quarters: int) -> View:
    """Turn a crop counter-clockwise by `quarters` times 90 degrees; one or three exchange height and width."""
    if quarters == 0:
        return view
    return View(np.rot90(view.image, quarters), np.rot90(view.labels, quarters), np.rot90(view.inside, quarters))
