"""Ask whether one run is better than another on the same labelled images, and whether that could be chance.

    python examples/evaluate_with_interval.py runs/a runs/b held-out/

Two intervals that overlap do not say that two runs are alike: both were scored on the same images, so the difference is
drawn image by image, which is sharper.
"""

import argparse
from pathlib import Path

import numpy as np

import segue
from segue.data.formats import open_index
from segue.infer.evaluate import evaluate
from segue.metrics.confusion import scores

RESAMPLES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs=2)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()

    samples = [sample for sample in open_index([given.data]).samples if sample.mask is not None]
    matrices = []
    for run in given.runs:
        evaluation = evaluate(segue.load(run), samples)
        summary = evaluation.summary()
        print(f"{run}: mIoU {summary['miou']:.3f}, 95 % interval {summary['interval']} on {len(samples)} images")
        matrices.append(evaluation.matrices)

    gains = [gain(matrices, draw) for draw in draws(len(samples))]
    low, high = np.quantile(gains, [0.025, 0.975])
    print(f"{given.runs[1]} minus {given.runs[0]}: {gain(matrices, np.arange(len(samples))):+.3f}", end=" ")
    print(f"(95 % interval {low:+.3f} to {high:+.3f})")


def draws(count: int) -> np.ndarray:
    """Positions of images drawn with replacement, one row per draw."""
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))


def gain(matrices: list[np.ndarray], draw: np.ndarray) -> float:
    """How much larger the second run's mean IoU is on the images `draw`."""
    first, second = (scores(one[draw].sum(axis=0)).miou for one in matrices)
    return second - first


if __name__ == "__main__":
    main()
