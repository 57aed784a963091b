"""Calibration and review thresholds on CamVid after a short run: what they give, and what they cost.

    OMP_NUM_THREADS=1 python benchmarks/calibration.py CAMVID WEIGHTS.pth --run RUN --out calibration.json

CAMVID is the data set in the SegNet layout, WEIGHTS timm's mobilenetv2_100 trained on ImageNet. RUN is trained unless
it is there already. Seconds are of the process's own CPU time, since other work may share the machine.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from segue.commands.evaluate import choose
from segue.data.formats import open_index
from segue.data.loader import read_sample
from segue.infer.match import match_classes
from segue.infer.misses import collect_misses
from segue.infer.segmenter import Segmenter
from segue.trust.conformal import control, thresholds
from segue.trust.crossfit import cross_fitted
from segue.trust.sample import ImageSampler, joined, pixels_per_image

STEPS, SIZE = 60, (160, 224)
SPLITS = 500
CLASSES = ("Pole", "SignSymbol", "Car", "Pedestrian", "Bicyclist")
RISKS = (0.05, 0.1, 0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("camvid", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--run", type=Path, default=Path("calibration-run"))
    parser.add_argument("--out", type=Path, default=Path("calibration.json"))
    given = parser.parse_args()
    if not (given.run / "evaluation.json").is_file():
        train(given.camvid, given.weights, given.run)
    index = open_index([given.camvid])
    segmenter = Segmenter.load(given.run, "cpu")
    samples = choose(index, "val", {})[1]
    classes = match_classes(segmenter.classes, index)
    evaluation = json.loads((given.run / "evaluation.json").read_text())
    found = {
        "miou": evaluation["miou"],
        "images": len(samples),
        "groups": len({sample.group for sample in samples}),
        "calibration": evaluation["calibration"],
        "cost": cost(segmenter, samples, classes),
        "review": review(segmenter, samples, classes),
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({key: value for key, value in found.items() if key != "calibration"}, indent=1))
    print(json.dumps({key: value for key, value in found["calibration"].items() if key != "bins"}, indent=1))


def train(camvid, weights, run):
    import segue
    from segue.configs import DataConfig, ModelConfig, TrainConfig

    segue.fit(
        camvid,
        out=run,
        steps=STEPS,
        data=DataConfig(size=SIZE),
        model=ModelConfig(weights=str(weights)),
        train=TrainConfig(validations=2, patience=1, threads=1, device="cpu"),
    )


def cost(segmenter, samples, classes):
    """CPU seconds of an evaluation's pass over the images, of drawing pixels in it, and of what is computed after."""
    seconds = {"predict": 0.0, "draw": 0.0}
    samplers, drawn = [], pixels_per_image(len(samples), len(segmenter.classes))
    for sample in samples:
        pixels, truth = read_sample(sample, classes, segmenter.info.prep)
        bands = []
        begun = time.process_time()
        segmenter.segment(segmenter.prepare(pixels), watch=lambda top, logits, to=bands: to.append((top, logits)))
        predicted = time.process_time()
        samplers.append(ImageSampler(truth, drawn, index=len(samplers)))
        for band in bands:
            samplers[-1].take(*band)
        seconds["predict"] += predicted - begun
        seconds["draw"] += time.process_time() - predicted
    begun = time.process_time()
    cross_fitted(joined(samplers), [sample.group for sample in samples])
    seconds["fit and measure"] = time.process_time() - begun
    return {name: round(value, 2) for name, value in seconds.items()}


def review(segmenter, samples, classes):
    """For some classes and risks: thresholds from half of the images, and what the other half misses, 500 times."""
    numbers = [segmenter.classes.names.index(name) for name in CLASSES]
    rows, random = [], np.random.default_rng(0)
    for name, misses in zip(CLASSES, collect_misses(segmenter, samples, classes, numbers), strict=True):
        for risk in RISKS:
            missed, steps = [], []
            for _ in range(SPLITS):
                order = random.permutation(len(misses.losses))
                first, second = np.array_split(order, 2)
                steps.append(control(misses.losses[first], risk))
                missed.append(misses.losses[second, steps[-1]].mean())
            error = float(np.std(missed) / np.sqrt(SPLITS))
            rows.append(
                {
                    "class": name,
                    "images": len(misses.losses),
                    "risk": risk,
                    "mean_missed": round(float(np.mean(missed)), 4),
                    "standard_error": round(error, 5),
                    "splits_above_risk": round(float(np.mean(np.array(missed) > risk)), 3),
                    "median_threshold": round(float(np.median(thresholds()[steps])), 4),
                    "median_marked": round(float(np.median(misses.marked[steps])), 4),
                }
            )
    return rows


if __name__ == "__main__":
    main()
