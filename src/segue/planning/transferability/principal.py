"""Principal components: the directions in which features vary most."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64


def principal_components(
    features: Float[np.ndarray, "pixels channels"], most: int
) -> Float64[np.ndarray, "pixels components"]:
    """Centred features along at most `most` directions of largest variance; all of them, turned, where there are fewer.

    The sign of each direction is that of its largest entry, so that the same features always give the same numbers.
    """
    centred = features.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    kept = vectors[:, ::-1][:, :most]
    largest = np.take_along_axis(kept, np.abs(kept).argmax(axis=0)[None], axis=0)
    return np.asarray(centred @ (kept * np.where(largest < 0, -1.0, 1.0)))
