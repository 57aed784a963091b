"""How often 95 % intervals of the mIoU hold the true value: samples drawn from a labelled set that plays the world.

    python benchmarks/coverage.py fit CAMVID WEIGHTS.pth coverage/camvid      train briefly, score all other images
    python benchmarks/coverage.py draw coverage/camvid coverage/camvid:5      the tables of coverage.md

`fit` trains timm's `mobilenetv2_100` (WEIGHTS is its ImageNet file) on `--images` images for `--steps` steps with U-Net
or, with `--decided`, as `segue fit` decides it, and keeps the confusion matrix of each image that was not trained on.
`draw` takes these matrices as the population: n images (with `:5`, n groups of five neighbouring ones) are drawn with
replacement, as from an endless world of such images, so that no correction for a finite population is needed. Every
method makes an interval from the sample alone.
It holds when the mIoU of the whole population is inside.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import ndtr, ndtri

from segue.metrics.bootstrap import tails
from segue.metrics.studentised import mean_iou, miou_interval, overlap
from segue.metrics.units import draws, resampling_units

SIZE, BATCH = (160, 224), 8
RESAMPLES = 1000


def fit(data: Path, weights: Path, out: Path, images: int, steps: int, *, decided: bool) -> None:
    """Train on evenly spread images and write the matrices of the others to `out`/confusion.npz."""
    from segue.commands import fit as command
    from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig
    from segue.data.formats import open_index

    ids = sorted(sample.id for sample in open_index([data]).samples if sample.mask is not None)
    trained = {ids[round(i * (len(ids) - 1) / (images - 1))] for i in range(images)}
    with tempfile.TemporaryDirectory() as folder:
        split = Path(folder) / "split.json"
        split.write_text(json.dumps({name: "train" if name in trained else "val" for name in ids}))
        config = FitConfig(
            paths=(data,),
            out=out,
            steps=steps,
            data=DataConfig(size=SIZE, workers=0, split=split),
            model=ModelConfig(weights=str(weights), decoder="segformer" if decided else "unet"),
            transfer=TransferConfig(encoder_rate=1.0 if decided else 0.1),
            configure=False,
            optim=OptimConfig(batch=BATCH),
            train=TrainConfig(threads=1, validations=1, patience=1),
        )
        print(command.run(config).lines()[0])


def draw(out: Path, block: int, sizes: list[int], repeats: int) -> str:
    """The table of one population: per cent of the samples whose interval holds the true value, and its mean width."""
    from segue.infer.counts import FILE, load_counts

    matrices = load_counts(out / FILE).matrices
    count = len(matrices) // block
    matrices = matrices[: count * block].reshape(count, block, *matrices.shape[1:]).sum(axis=1)
    true, random = _miou(matrices), np.random.default_rng(0)
    kind = "images" if block == 1 else f"groups of {block}"
    lines = [
        f"**{out.name}**, {count} {kind}, mIoU {true:.3f}",
        "",
        "| n | bias | " + " | ".join(METHODS) + " |",
        "| --- | --- |" + " --- |" * len(METHODS),
    ]
    for n in sizes:
        samples = [matrices[random.integers(0, count, n)] for _ in range(repeats)]
        bias = np.mean([_miou(sample) for sample in samples]) - true
        cells = []
        for method in METHODS.values():
            low, high = np.array([method(sample, seed) for seed, sample in enumerate(samples)]).T
            cells.append(f"{100 * np.mean((low <= true) & (true <= high)):.1f} ({np.mean(high - low):.3f})")
        lines.append(f"| {n} | {bias:+.3f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def percentile(sample: np.ndarray, seed: int) -> tuple[float, float]:
    """What lies between 2.5 and 97.5 % of the draws."""
    low, high = np.quantile(_drawn(sample, seed), [0.025, 0.975])
    return low, high


def widened(sample: np.ndarray, seed: int) -> tuple[float, float]:
    """Percentiles further out by the factor of Student's t, which Segue takes for further metrics."""
    low, high = np.quantile(_drawn(sample, seed), tails(0.95, len(sample)))
    return low, high


def bca(sample: np.ndarray, seed: int) -> tuple[float, float]:
    """Bias-corrected and accelerated (Efron 1987, https://doi.org/10.1080/01621459.1987.10478410)."""
    values = _drawn(sample, seed)
    value = _miou(sample)
    below = np.mean(values < value) + np.mean(values == value) / 2
    shift = ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    without = mean_iou(overlap(sample))(1 - np.eye(len(sample))).value
    change = without.mean() - without
    bend = (change**3).sum() / (6 * (change**2).sum() ** 1.5) if change.any() else 0.0
    ends = shift + ndtri(np.array([0.025, 0.975]))
    low, high = np.quantile(values, ndtr(shift + ends / (1 - bend * ends)))
    return low, high


def studentised(sample: np.ndarray, seed: int) -> tuple[float, float]:
    """What Segue reports for the mIoU."""
    interval = miou_interval(sample, resampling_units(len(sample)), resamples=RESAMPLES, seed=seed)
    return interval.low, interval.high


METHODS = {"percentile": percentile, "widened": widened, "BCa": bca, "studentised": studentised}


def _miou(matrices: np.ndarray) -> float:
    return float(mean_iou(overlap(matrices))(np.ones((1, len(matrices)))).value[0])


def _drawn(sample: np.ndarray, seed: int) -> np.ndarray:
    score, n = mean_iou(overlap(sample)), len(sample)
    return np.concatenate([score(part).value for part in draws(n, RESAMPLES, seed, numbers=n)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("fit")
    train.add_argument("data", type=Path)
    train.add_argument("weights", type=Path)
    train.add_argument("out", type=Path)
    train.add_argument("--images", type=int, default=25)
    train.add_argument("--steps", type=int, default=60)
    train.add_argument("--decided", action="store_true", help="decoder and encoder's rate as segue fit decides them")
    sampling = commands.add_parser("draw")
    sampling.add_argument("populations", nargs="+", help="folders that fit wrote; FOLDER:5 draws groups of five")
    sampling.add_argument("--sizes", type=int, nargs="+", default=[5, 10, 20, 50, 100])
    sampling.add_argument("--draws", type=int, default=500)
    given = parser.parse_args()
    if given.command == "fit":
        fit(given.data, given.weights, given.out, given.images, given.steps, decided=given.decided)
        return
    for population in given.populations:
        folder, _, block = population.partition(":")
        print(draw(Path(folder), int(block or 1), given.sizes, given.draws), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
