"""Where the pixels of one frame are in another: optical flow, and which of them are there at all.

The flow is OpenCV's DIS (Kroeger et al. 2016, https://arxiv.org/abs/1603.03590). A pixel is in sight where the way to
the other frame and back ends near where it began, the check of Sundaram, Brox and Keutzer 2010
(https://doi.org/10.1007/978-3-642-15549-9_32).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from segue.extras import require
from segue.style.picture import Pixels

# pixels of a side: below twice DIS's patches of 8 OpenCV has no scale to begin at, and breaks off or crashes
SMALLEST = 16
SHARE, SLACK = 0.01, 0.5  # of the squared lengths of both ways, and pixels squared: how far from home a way may end


@dataclass(frozen=True, eq=False)
class Motion:
    """For every pixel of a frame how far right and down it is in the other, and whether it is in sight there."""

    flow: Float[np.ndarray, "height width 2"]
    seen: Bool[np.ndarray, "height width"]

    def brought_back(self, other: Pixels) -> Float[np.ndarray, "height width 3"]:
        """The other frame with its pixels where they are in this one; only where `seen` does it mean anything."""
        return _looked_up(other.astype(np.float32), self.flow)


def motion(frame: Pixels, other: Pixels) -> Motion:
    """The motion from one frame to another, 8 bits each, of one size and with no side below `SMALLEST`.

    Raises:
        MissingPackageError: OpenCV is not installed, which the extra `video` brings.
    """
    cv2 = require("cv2", "video")
    grey, far = (cv2.cvtColor(np.ascontiguousarray(one, np.uint8), cv2.COLOR_RGB2GRAY) for one in (frame, other))
    there = _dis(cv2, grey, far)
    back = _looked_up(_dis(cv2, far, grey), there)
    astray = np.square(there + back).sum(2)
    most = SHARE * (np.square(there).sum(2) + np.square(back).sum(2)) + SLACK
    height, width = grey.shape
    columns, rows = np.arange(width)[None] + there[..., 0], np.arange(height)[:, None] + there[..., 1]
    inside = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    return Motion(there, inside & (astray <= most))


def _dis(cv2: object, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    flow: np.ndarray = estimator.calc(first, second, None)
    return flow


def _looked_up(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The values where the flow leads, bilinear between pixels; the border goes on outside."""
    cv2 = require("cv2", "video")
    height, width = flow.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None] + flow[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    found: np.ndarray = cv2.remap(values, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found
