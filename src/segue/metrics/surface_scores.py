"""Scores of how far two surfaces are apart: Hausdorff distances, mean distance, share within a tolerance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from segue.metrics.case import Case
from segue.metrics.metric import Metric, averaged, share
from segue.metrics.surface import SurfaceDistances, within


def hausdorff(distances: SurfaceDistances, percentile: float = 100, missed: float = float("nan")) -> float:
    """The larger of the two directed distances: the `percentile` of each surface's distances to the other.

    100 is the Hausdorff distance, 95 is HD95, with linear interpolation between neighbouring ranks (numpy's and
    MONAI's rule). NaN where both masks are empty, `missed` where one is.
    """
    if distances.both_empty or distances.one_empty:
        return float("nan") if distances.both_empty else missed
    return float(max(np.percentile(side, percentile) for side in distances))


def mean_surface_distance(distances: SurfaceDistances, missed: float = float("nan")) -> float:
    """The mean distance over the pixels of both surfaces together (ASSD); empty masks as in `hausdorff`."""
    if distances.both_empty or distances.one_empty:
        return float("nan") if distances.both_empty else missed
    return float(np.concatenate(distances).mean())


def surface_dice(distances: SurfaceDistances, tolerance: float) -> float:
    """The share of the pixels of both surfaces that are within `tolerance` of the other (NSD).

    NaN where both masks are empty, 0 where one is.
    """
    return float("nan") if distances.both_empty else float(within(np.concatenate(distances), tolerance).mean())


def _of_each_class(
    score: Callable[[SurfaceDistances, Case], float],
) -> Callable[[Case], Float[np.ndarray, "classes 3"]]:
    def evidence(case: Case) -> Float[np.ndarray, "classes 3"]:
        values = [score(distances, case) for distances in case.surfaces]
        return averaged(np.array(values), np.array([distances.one_empty for distances in case.surfaces]))

    return evidence


def _within(distances: SurfaceDistances, case: Case) -> float:
    assert case.measure.tolerance is not None, "checked before anything is computed"
    return surface_dice(distances, case.measure.tolerance)


hd = Metric(
    "Hausdorff distance: the farthest a surface pixel is from the other surface; mean over images.",
    _of_each_class(lambda distances, case: hausdorff(distances, missed=case.missed_distance)),
    share,
    is_distance=True,
)
hd95 = Metric(
    "95th percentile of the surface distances, the larger of the two directions; mean over images.",
    _of_each_class(lambda distances, case: hausdorff(distances, 95, case.missed_distance)),
    share,
    is_distance=True,
)
assd = Metric(
    "Average symmetric surface distance: mean over the pixels of both surfaces; mean over images.",
    _of_each_class(lambda distances, case: mean_surface_distance(distances, case.missed_distance)),
    share,
    is_distance=True,
)
nsd = Metric(
    "Normalised surface distance: share of both surfaces within --tolerance of the other; mean over images.",
    _of_each_class(_within),
    share,
    needs_tolerance=True,
)
