"""What the small things cost: starting, predicting one image, metrics, and what a fit does besides training.

    python benchmarks/small_costs.py                          all of it, on generated scenes, in about four minutes
    python benchmarks/small_costs.py --only predict metrics   some of it
    python benchmarks/small_costs.py CAMVID --only fit        the parts of a fit on a data set

Whatever starts is a fresh process, with its files in the page cache; the sides of a comparison take turns, and medians
count. `fit` does a short real fit, times its parts and reckons with the number of steps that a fit of these data has.
Needs the extra `bench` for `metrics`, and `segue` as installed beside the Python that runs this.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any

from table import emit, faster, told, within

from segue.cli import VERBS
from segue.configs import DataConfig, FitConfig, ModelConfig, TransferConfig

SEGUE = (sys.executable, "-m", "segue.cli")
IMAGES, HELD_OUT = 60, 40  # generated scenes
STEPS = 40  # of the fit whose parts are timed
CLASSES, RESAMPLES = 11, 2000

# the least that any prediction needs, in a process that has torch already: one pass of the same network
ONE_PASS = """
import sys, time
from pathlib import Path
import torch
from segue.models.artifact import load_networks
(model,), info = load_networks(Path(sys.argv[1]))
image = torch.zeros(1, 3, *map(int, sys.argv[2:])).to(memory_format=torch.channels_last)
model = model.to(memory_format=torch.channels_last)
began = time.perf_counter()
with torch.inference_mode():
    model(image)
print(time.perf_counter() - began)
"""
# what people write to predict one image with a network of this size
PLAIN = """
import sys
import numpy as np
import segmentation_models_pytorch as smp
import torch
from PIL import Image
model = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, classes=9).eval()
pixels = np.asarray(Image.open(sys.argv[1]).convert("RGB"), np.float32) / 255
image = torch.from_numpy((pixels - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).float().permute(2, 0, 1)[None]
with torch.inference_mode():
    mask = model(image).argmax(1)[0].byte().numpy()
Image.fromarray(mask).save(sys.argv[2])
"""
PEAK = """
import sys
from segue.cli import main
code = main(sys.argv[1:])
from segue.speed.memory import peak_memory
print(code, peak_memory())
"""


def run(command: Sequence[str]) -> str:
    """What a process prints last; its errors are ours."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip().rpartition("\n")[2]


def started(command: Sequence[str]) -> float:
    """Seconds from its start to its end."""
    began = time.perf_counter()
    run(command)
    return time.perf_counter() - began


def in_turns(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each side returns, once each round; a first round does not count."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, side in sides.items():
            found[name].append(side())
    return {name: statistics.median(values[1:]) for name, values in found.items()}


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """Wall clock of one call; calls below 10 ms are repeated."""

    def side() -> float:
        began, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() - began < 0.01:
            work()
            calls += 1
        return (time.perf_counter() - began) / calls

    return side


# --- starting --------------------------------------------------------------------------------------------------------


def commands(rounds: int) -> None:
    """`segue --help`, the slowest `segue VERB --help`, and `import segue`."""
    sides = {"segue --help": [*SEGUE, "--help"], "import segue": [sys.executable, "-c", "import segue"]}
    sides |= {f"segue {verb} --help": [*SEGUE, *verb.split(), "--help"] for verb in VERBS}
    medians = in_turns({name: lambda words=words: started(words) for name, words in sides.items()}, rounds)
    bare = in_turns({"python": lambda: started([sys.executable, "-c", "pass"])}, rounds)["python"]
    slowest = max((name for name in medians if name.endswith(" --help")), key=lambda name: medians[name])
    note = f"Python itself {bare:.2f} s"
    emit(within("segue --help", medians["segue --help"], "s", at_most=0.5, note=note))
    emit(within(f"slowest help of {len(VERBS)} verbs", medians[slowest], "s", at_most=0.5, note=slowest))
    emit(within("import segue", medians["import segue"], "s", at_most=0.5, note=note))


# --- predicting one image --------------------------------------------------------------------------------------------


def predict(trained: Path, image: Path, rounds: int) -> None:
    """`segue predict` beside importing torch and one pass, and beside a plain script; shares of what timm costs."""
    from segue.data.geometry import working_size
    from segue.data.image import read_image
    from segue.models.artifact import load_info

    height, width = read_image(image).shape[:2]
    seen = [str(side) for side in working_size(height, width, load_info(trained).prep)]
    out = trained.parent / "predicted"
    sides = {
        "torch": lambda: started([sys.executable, "-c", "import torch"]),
        "pass": lambda: float(run([sys.executable, "-c", ONE_PASS, str(trained), *seen])),
        "segue": lambda: started([*SEGUE, "predict", str(trained), str(image), "--out", str(out)]),
        "timm": lambda: started([sys.executable, "-c", "import torch, timm"]),
        "plain": lambda: started([sys.executable, "-c", PLAIN, str(image), str(out.with_suffix(".png"))]),
    }
    found = in_turns(sides, rounds)
    least, ours = found["torch"] + found["pass"], found["segue"]
    note = f"{ours:.2f} s against {found['torch']:.2f} + {found['pass']:.2f} s"
    emit(
        within("segue predict of one image, of importing torch and one pass", ours / least, "x", at_most=1.3, note=note)
    )
    extra = found["timm"] - found["torch"]
    note = f"no twin of the encoder: timm's import adds {extra:.2f} s, so about {(ours + extra) / least:.1f}x"
    emit(faster("segue predict of one image", ours, found["plain"], "s", "timm + smp script", at_least=1, note=note))


# --- metrics ---------------------------------------------------------------------------------------------------------


def metrics(rounds: int) -> None:
    """An update of the confusion matrix, HD95 and the bootstrap beside other libraries; all results must agree."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of MONAI about itself
    for height, width in ((360, 480), (1024, 2048)):
        update(height, width, rounds)
    import surface_metrics

    row: dict[str, Any] = surface_metrics.compare((1024, 1024), "contour", rounds)
    ours, peers = row["hd95 segue ms"], row["hd95 monai ms"]
    emit(faster("HD95 of a mask of 1024x1024", ours, peers, "ms", "MONAI", at_least=1, note="processor time"))
    for images in (100, 1000):
        bootstrap(images, rounds)


def update(height: int, width: int, rounds: int) -> None:
    """Both sides get what they are made for: numpy's bytes, torch's int64."""
    import numpy as np
    import torch
    from torchmetrics.classification import MulticlassConfusionMatrix

    from segue.metrics.confusion import confusion

    random = np.random.default_rng(0)
    truth = random.integers(0, CLASSES, (height // 8, width // 8)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    prediction = np.where(random.random(truth.shape) < 0.1, random.integers(0, CLASSES, truth.shape), truth)
    prediction = prediction.astype(np.uint8)
    truth[:5] = 255
    tensors = [torch.from_numpy(one.astype(np.int64)) for one in (prediction, truth)]
    sides = {"segue": seconds(lambda: confusion(truth, prediction, CLASSES))}
    for name, checked in (("torchmetrics", True), ("torchmetrics, validate_args=False", False)):
        metric = MulticlassConfusionMatrix(CLASSES, ignore_index=255, validate_args=checked)
        metric.update(*tensors)
        assert (metric.compute().numpy() == confusion(truth, prediction, CLASSES)).all(), "the matrices are the same"
        sides[name] = seconds(partial(metric.update, *tensors))
    found = {name: 1000 * value for name, value in in_turns(sides, rounds).items()}
    what = f"confusion matrix of {height}x{width}, {CLASSES} classes"
    for name in list(sides)[1:]:
        emit(faster(what, found["segue"], found[name], "ms", name, at_least=1))


def bootstrap(images: int, rounds: int) -> None:
    """The interval of the mIoU: ours is studentised, scipy's is the percentiles, which are less work."""
    import numpy as np
    from scipy import stats

    from segue.metrics.studentised import miou_interval, overlap
    from segue.metrics.units import resampling_units

    random = np.random.default_rng(0)
    matrices = random.poisson(random.gamma(1, 200, (images, CLASSES, CLASSES)) * (1 + 30 * np.eye(CLASSES)))
    units, parts = resampling_units(images), overlap(matrices)

    def theirs() -> Any:
        def miou(chosen: Any, axis: int = -1) -> Any:
            assert axis in (-1, chosen.ndim - 1), "scipy resamples along the last axis"
            return (parts.hits[chosen].sum(-2) / parts.union[chosen].sum(-2)).mean(-1)

        # in batches: all draws at once take 100 bytes times images times classes each
        options = {"n_resamples": RESAMPLES, "batch": 100, "vectorized": True, "method": "percentile", "rng": 0}
        return stats.bootstrap((np.arange(images),), miou, **options).confidence_interval

    def ours() -> Any:
        return miou_interval(matrices, units, resamples=RESAMPLES)

    one, loop = ours(), looped(matrices)
    np.testing.assert_allclose([one.low, one.high], loop, rtol=1e-9)  # the same draws, one by one
    np.testing.assert_allclose([one.low, one.high], list(theirs()), atol=0.3 * (one.high - one.low))  # another method
    sides = {"segue": seconds(ours), "scipy": seconds(theirs), "loop": seconds(lambda: looped(matrices))}
    found = {name: 1000 * value for name, value in in_turns(sides, max(1, rounds // 2)).items()}
    what = f"interval of the mIoU, {RESAMPLES} draws of {images} images"
    emit(faster(what, found["segue"], found["scipy"], "ms", "scipy.stats.bootstrap", at_least=1))
    emit(faster(what, found["segue"], found["loop"], "ms", "a loop over the draws", at_least=1))


def looped(matrices: Any) -> tuple[float, float]:
    """The studentised interval as its formula reads, a draw at a time."""
    import numpy as np
    from scipy.special import expit, logit, stdtrit

    from segue.metrics.units import draws

    hits = np.diagonal(matrices, axis1=1, axis2=2).astype(float)
    union = matrices.sum(1) + matrices.sum(2) - hits
    count = len(matrices)

    def studied(draw: Any) -> tuple[float, float]:
        iou = draw @ hits / (draw @ union)
        influence = ((hits - iou * union) / (draw @ union)).mean(1)
        error = np.sqrt(draw @ influence**2 * count / (count - 1))
        return logit(iou.mean()), error / (iou.mean() * (1 - iou.mean()))

    value, error = studied(np.ones(count))
    drawn = [studied(draw) for some in draws(count, RESAMPLES, 0, numbers=count) for draw in some]
    distances = [abs(one - value) / spread for one, spread in drawn]
    width = error * max(np.quantile(distances, 0.95), stdtrit(count - 1, 0.975))
    return float(expit(value - width)), float(expit(value + width))


# --- the parts of a fit ----------------------------------------------------------------------------------------------


def fit(data: Path, out: Path) -> None:
    """A fit of a few steps, its parts timed; the shares are those of a fit of as many steps as these data get."""
    from segue.commands import conclude, fit
    from segue.data.formats import open_index
    from segue.models.artifact import load_info
    from segue.train import loop, record, validate
    from segue.train.resolve import default_steps
    from segue.train.validation_share import by_steps

    parts: dict[str, list[float]] = {}
    watch(loop, "_step", parts)
    watch(conclude, "conclude", parts)
    watch(record.Recorder, "write", parts)
    watch(validate.Validator, "__call__", parts)
    config = FitConfig(
        (data,),
        out=out,
        steps=STEPS,
        configure=False,
        data=DataConfig(),
        model=ModelConfig(),
        transfer=TransferConfig(mode="scratch"),  # the same computation as staged; no weights are needed
    )
    began = time.perf_counter()
    fit.run(config)
    whole = time.perf_counter() - began
    done = {name: sum(times) for name, times in parts.items()}
    index, zoom = open_index((data,)), load_info(out).prep.zoom
    steps = default_steps(len(index.of("train")), config.optim.batch)
    # a longer fit is validated more often, and on more images
    short, long = (by_steps(count * config.optim.batch, zoom, len(index.of("val")), None) for count in (STEPS, steps))
    scoring = done["__call__"] * long.times * long.images / (short.times * short.images)
    scoring += done["write"] * long.times / short.times
    planned = whole + (steps - STEPS) * statistics.median(parts["_step"]) + scoring - done["__call__"] - done["write"]
    length = f"of {steps} steps, {planned:.0f} s, reckoned from a fit of {STEPS} steps and {whole:.0f} s"
    note = f"{done['conclude']:.1f} s; {length}"
    emit(within("evaluation and report, share of a fit", 100 * done["conclude"] / planned, "%", at_most=10, note=note))
    note = f"{scoring:.1f} s in {long.times} of {long.images} images, records and pictures; {length}"
    emit(told("validations while training, share of a fit", 100 * scoring / planned, "%", note=note))


def watch(owner: Any, name: str, times: dict[str, list[float]]) -> None:
    """Have every call of a function timed."""
    work = getattr(owner, name)

    @wraps(work)
    def timed(*words: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*words, **options)
        finally:
            times.setdefault(name, []).append(time.perf_counter() - began)

    setattr(owner, name, timed)


# --- memory ----------------------------------------------------------------------------------------------------------


def memory(data: Path, trained: Path, image: Path) -> None:
    """The most that each verb holds, in a process of its own."""
    words = ["--steps", "4", "--no-configure", "--transfer.mode", "scratch", "--out", str(trained.parent / "again")]
    verbs = {
        "fit": ["fit", str(data), *words],
        "evaluate": ["evaluate", str(trained), str(data)],
        "predict": ["predict", str(trained), str(image), "--out", str(trained.parent / "predicted")],
        "plan": ["plan", str(data), "--minutes", "0", "--out", str(trained.parent / "planned")],
    }
    for verb, given in verbs.items():
        code, peak = run([sys.executable, "-c", PEAK, *given]).split()
        assert code == "0", f"segue {' '.join(given)} exits with {code}"
        emit(told(f"most memory of segue {verb}", int(peak) / 2**20, "MiB", note="generated scenes of 128x160"))


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sections = ("commands", "predict", "metrics", "fit", "memory")
    parser.add_argument(
        "data", type=Path, nargs="?", help="a data set for fit and memory; generated scenes if not given"
    )
    parser.add_argument("--only", nargs="+", choices=sections, default=sections)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))
    with tempfile.TemporaryDirectory() as folder:
        data, trained = given.data or Path(folder) / "scenes", Path(folder) / "run"
        if given.data is None and not {"predict", "fit", "memory"}.isdisjoint(given.only):
            from segue.demo.dataset import write_dataset

            write_dataset(data, "target", 0, IMAGES, HELD_OUT)
        if "commands" in given.only:
            commands(given.rounds)
        if "metrics" in given.only:
            metrics(given.rounds)
        if not {"predict", "fit", "memory"}.isdisjoint(given.only):
            fit(data, trained)
            image = single(data, Path(folder) / "one.jpg")
        if "predict" in given.only:
            predict(trained, image, given.rounds)
        if "memory" in given.only:
            memory(data, trained, image)


def single(data: Path, path: Path) -> Path:
    """A picture of the data set, as JPEG."""
    from PIL import Image

    from segue.data.formats import open_index

    Image.open(open_index((data,)).of("val")[0].image).convert("RGB").save(path)
    return path


if __name__ == "__main__":
    main()
