"""Where one scene of a clip ends and the next begins: a hard cut, seen in a very small copy of every frame."""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np
from PIL import Image

from segue.style.picture import Pixels

SIDE = 16  # pixels of the small copy
LEAST = 0.08  # mean change of its values, 0 to 1, that a cut has at least
OVER = 4.0  # times what changed from frame to frame just before
BEFORE = 8  # frames that are looked back at; also the fewest of a scene, so that a flash is no scene of its own


class Cuts:
    """Told frame after frame; fades and dissolves are not found."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=BEFORE)
        self._since = 0

    def begins(self, pixels: Pixels) -> bool:
        """Whether this frame begins a scene; the first of a clip does."""
        small = np.asarray(Image.fromarray(np.asarray(pixels, np.uint8)).resize((SIDE, SIDE), Image.Resampling.BOX))
        last, self._last = self._last, small.astype(np.float32) / 255
        if last is None:
            return True
        self._since += 1
        change = float(np.abs(self._last - last).mean())
        usual = median(self._changes) if self._changes else 0.0
        if change > max(LEAST, OVER * usual) and self._since >= BEFORE:
            self._changes.clear()
            self._since = 0
            return True
        self._changes.append(change)
        return False
