"""Milliseconds for HD95, and for HD95, ASSD and NSD together: Segue beside MONAI on the same masks, interleaved.

Truths are random smooth blobs, predictions the same blobs with a wrong contour, moved, or speckled with wrong pixels.
Both sides get what they are made for (numpy masks, torch tensors), compute on one thread, and must agree. Calls
alternate and processor time is counted, so that whatever else the machine does falls on both or on neither; medians and
their ratio are printed. After that, what every row of METRICS costs on a picture with 12 classes.

    OMP_NUM_THREADS=1 python benchmarks/surface_metrics.py --rounds 15
"""

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from segue.metrics import METRICS
from segue.metrics.case import Case, Measure
from segue.metrics.surface import surface_distances
from segue.metrics.surface_scores import hausdorff, mean_surface_distance, surface_dice

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import monai
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

SHAPES = ((240, 320), (1024, 1024), (64, 64, 64), (128, 128, 128))
PICTURES = ((360, 480), (1024, 2048))
PREDICTIONS = ("contour", "moved", "speckled")
TOLERANCE = 2.0
Mask = NDArray[np.bool_]


def masks(shape: tuple[int, ...], kind: str, seed: int = 0) -> tuple[Mask, Mask]:
    """A truth of about a sixth of the image and a prediction of it."""
    random = np.random.default_rng(seed)
    field = gaussian_filter(random.standard_normal(shape), min(shape) / 12, mode="nearest")
    level = np.quantile(field, 0.84)
    truth = field > level
    if kind == "contour":
        wrong = gaussian_filter(random.standard_normal(shape), 2)
        return truth, field + 0.1 * field.std() / wrong.std() * wrong > level
    if kind == "moved":
        return truth, np.roll(truth, 4, axis=0)
    return truth, truth ^ (random.random(shape) < 0.001)


def ours(truth: Mask, prediction: Mask) -> dict[str, Callable[[], list[float]]]:
    """Segue's two computations as functions without arguments."""

    def all_three() -> list[float]:
        distances = surface_distances(truth, prediction)
        return [
            hausdorff(distances, 95),
            mean_surface_distance(distances),
            surface_dice(distances, TOLERANCE),
        ]

    return {"hd95": lambda: [hausdorff(surface_distances(truth, prediction), 95)], "all": all_three}


def theirs(truth: Mask, prediction: Mask) -> dict[str, Callable[[], list[float]]]:
    """MONAI's."""
    pair = [torch.from_numpy(mask)[None, None] for mask in (prediction, truth)]

    def hd95() -> float:
        return compute_hausdorff_distance(*pair, include_background=True, percentile=95).item()

    def all_three() -> list[float]:
        mean = compute_average_surface_distance(*pair, include_background=True, symmetric=True).item()
        share = compute_surface_dice(*pair, class_thresholds=[TOLERANCE], include_background=True).item()
        return [hd95(), mean, share]

    return {"hd95": lambda: [hd95()], "all": all_three}


def compare(shape: tuple[int, ...], kind: str, rounds: int) -> dict[str, object]:
    """Median milliseconds of both sides for one pair of masks."""
    pair = masks(shape, kind)
    sides = {"segue": ours(*pair), "monai": theirs(*pair)}
    row: dict[str, object] = {"shape": "x".join(map(str, shape)), "prediction": kind}
    for what in ("hd95", "all"):
        np.testing.assert_allclose(sides["segue"][what](), sides["monai"][what](), rtol=1e-4)
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                began = time.process_time()
                side[what]()
                times[name].append(1000 * (time.process_time() - began))
        medians = {name: statistics.median(found) for name, found in times.items()}
        row |= {f"{what} {name} ms": round(median, 2) for name, median in medians.items()}
        row[f"{what} ratio"] = round(medians["monai"] / medians["segue"], 1)
    return row


def costs(shape: tuple[int, int], rounds: int, classes: int = 12) -> dict[str, object]:
    """Median milliseconds of each metric alone on one picture, of which a fifteenth is wrong."""
    random = np.random.default_rng(0)
    field, wrong = (
        np.stack([gaussian_filter(random.standard_normal(shape), width) for _ in range(classes)])
        for width in (shape[0] / 20, 3)
    )
    truth, prediction = field.argmax(0), (field + 0.075 * field.std() / wrong.std() * wrong).argmax(0)
    times: dict[str, list[float]] = {name: [] for name in METRICS}
    for name in list(METRICS) * rounds:
        case = Case(truth.astype(np.uint8), prediction.astype(np.uint8), classes, Measure(tolerance=TOLERANCE))
        began = time.process_time()
        METRICS[name].evidence(case)
        times[name].append(1000 * (time.process_time() - began))
    share = round(float((truth != prediction).mean()), 3)
    medians = {name: round(statistics.median(found)) for name, found in times.items()}
    return {"shape": "x".join(map(str, shape)), "wrong": share, "ms": medians}


def main() -> None:
    """One JSON line for each pair of masks and each picture, then the ratios of all and the versions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = [compare(shape, kind, given.rounds) for shape in SHAPES for kind in PREDICTIONS]
    for row in rows:
        print(json.dumps(row))
    ratios = {what: [row[f"{what} ratio"] for row in rows] for what in ("hd95", "all")}
    summary = {what: {"least": min(found), "median": statistics.median(found)} for what, found in ratios.items()}
    for shape in PICTURES:
        print(json.dumps(costs(shape, max(1, given.rounds // 3))))
    versions = {"monai": monai.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    print(json.dumps({"ratio": summary, "rounds": given.rounds, **versions, "python": platform.python_version()}))


if __name__ == "__main__":
    main()
